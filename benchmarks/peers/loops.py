"""Make embeddings of all photos in a folder by a loop other than lookalike's, in an environment of its own.

    PYTHON loops.py LOOP FOLDER ANSWER WORKERS [LEND...]

Each loop says in the JSON file ANSWER how many photos it did ("photos"), and how long from the first file
to the last vector ("seconds"), with neither imports nor loading the network. LEND are folders of packages
that it may use besides its own. Nothing but the standard library is imported here.
"""

import argparse
import json
import site
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

# Sides that lookalike's default asks a reduced decode for; indexing.py makes sure of it.
MIN_SIDE = 552

Loop = Callable[[], int]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("answer", type=Path)
    parser.add_argument("workers", type=int)
    parser.add_argument("lent", nargs="*")
    arguments = parser.parse_args()
    for each in arguments.lent:
        site.addsitedir(each)
    loop = LOOPS[arguments.loop](arguments.folder, arguments.workers)
    began = time.perf_counter()
    photos = loop()
    arguments.answer.write_text(json.dumps({"photos": photos, "seconds": time.perf_counter() - began}))


def decoding(folder: Path, workers: int) -> Loop:
    """Read and decode on so many threads, reduced as lookalike does it, and nothing else."""
    image = import_module("PIL.Image")

    def decode(file: Path) -> None:
        with image.open(file) as photo:
            photo.draft(None, (MIN_SIDE, MIN_SIDE))
            photo.load()

    def loop() -> int:
        with ThreadPoolExecutor(workers) as pool:
            return len(list(pool.map(decode, files(folder))))

    return loop


def imagededup(folder: Path, workers: int) -> Loop:
    """Let the package be as it is: its MobileNetV3-small, its input, its loader, its batches of 64.

    The network's weights would have to be fetched; random ones take as long.
    """
    adapters = import_module("lookalike.benchmarks.peers.adapters")
    networks = adapters.make_torchvision_importable().torchvision_models()
    small = networks.mobilenet_v3_small
    networks.mobilenet_v3_small = lambda **_: small(weights=None)
    return encoding(import_module("imagededup.methods").CNN(verbose=False), folder, workers)


def imagededup_same(folder: Path, workers: int) -> Loop:
    """Give the package lookalike's MobileNetV2 through its own interface; all else is its own."""
    adapters = import_module("lookalike.benchmarks.peers.adapters")
    network = adapters.shipped_network(adapters.make_torchvision_importable())
    models = import_module("imagededup.utils.models")
    custom = models.CustomModel("mobilenet_v2", network, models.MobilenetV3.transform)
    cnn = import_module("imagededup.methods").CNN(verbose=False, model_config=custom)
    return encoding(cnn, folder, workers)


def encoding(cnn: Any, folder: Path, workers: int) -> Loop:
    return lambda: len(cnn.encode_images(folder, recursive=True, num_enc_workers=workers))


def torchvision(folder: Path, _: int) -> Loop:
    """Go as one does at first: full decode, resize to 256, crop to 224, one at a time."""
    adapters = import_module("lookalike.benchmarks.peers.adapters")
    network = adapters.shipped_network(adapters.make_torchvision_importable())
    torch, image = import_module("torch"), import_module("PIL.Image")
    steps = import_module("torchvision.transforms")
    normalize = steps.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    prepare = steps.Compose([steps.Resize(256), steps.CenterCrop(224), steps.ToTensor(), normalize])

    def embed(file: Path) -> Any:
        with image.open(file) as photo:
            return network(prepare(photo.convert("RGB"))[None])[0].numpy()

    def loop() -> int:
        with torch.inference_mode():
            return len([embed(file) for file in files(folder)])

    return loop


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


LOOPS: dict[str, Callable[[Path, int], Loop]] = {
    "decoding": decoding,
    "imagededup": imagededup,
    "imagededup-same": imagededup_same,
    "torchvision": torchvision,
}

if __name__ == "__main__":
    main()
