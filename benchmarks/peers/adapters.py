"""Ask another tool what is a copy of what in a folder: runs inside that tool's own environment.

    PYTHON adapters.py TOOL FOLDER ANSWER [LEND...]

Each tool is asked as its own documentation shows, with its defaults. ANSWER becomes a JSON file: "version",
and "groups" of paths as the tool presents them; what it gives as pairs is a group of two. LEND are folders
of packages that the tool may use besides its own. Nothing but the standard library is imported here, and
nothing of lookalike but for the network that imagededup is given.
"""

import argparse
import json
import site
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

Groups = Iterable[Iterable[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("folder")
    parser.add_argument("answer", type=Path)
    parser.add_argument("lent", nargs="*")
    arguments = parser.parse_args()
    for each in arguments.lent:
        site.addsitedir(each)
    distribution, ask = TOOLS[arguments.tool]
    groups = [[str(file) for file in group] for group in ask(arguments.folder)]
    arguments.answer.write_text(json.dumps({"version": version(distribution), "groups": groups}))


def imagededup_hash(method: str) -> Callable[[str], Groups]:
    def ask(folder: str) -> Groups:
        make_torchvision_importable()
        hasher = getattr(import_module("imagededup.methods"), method)(verbose=False)
        return pairs_of(folder, hasher.find_duplicates(image_dir=folder, recursive=True))

    return ask


def imagededup_cnn(folder: str) -> Groups:
    """Its network, MobileNetV3, must be fetched; it takes any other, so it gets lookalike's weights."""
    torch_engine = make_torchvision_importable()
    models = import_module("imagededup.utils.models")
    custom = models.CustomModel("mobilenet_v2", shipped_network(torch_engine), models.MobilenetV3.transform)
    cnn = import_module("imagededup.methods").CNN(verbose=False, model_config=custom)
    return pairs_of(folder, cnn.find_duplicates(image_dir=folder, recursive=True))


def make_torchvision_importable() -> Any:
    """Import torchvision, which all of imagededup needs, beside any build of torch."""
    torch_engine = import_module("lookalike.indexer.embed.engines.torch")
    torch_engine.torchvision_models()
    return torch_engine


def shipped_network(torch_engine: Any) -> Any:
    """Return lookalike's MobileNetV2 up to the pooled features, as imagededup cuts its own network."""
    torch = import_module("torch")
    table = import_module("lookalike.indexer.embed.weights.table")
    state = import_module("safetensors.torch").load(table.SHIPPED_STATE.path.read_bytes())
    network = torch_engine.build(table.SHIPPED_MODEL)
    network.load_state_dict(state, assign=True)
    nn = torch.nn
    return (
        nn.Sequential(network.features, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval().requires_grad_(False)
    )


def pairs_of(folder: str, duplicates: dict[str, list[str]]) -> Groups:
    """Return the pairs of a table of each file and what was found for it."""
    return [[Path(folder, a), Path(folder, b)] for a, found in duplicates.items() for b in found]


def czkawka(folder: str) -> Groups:
    finder = import_module("czkawka").ImageSimilarity()
    finder.set_directories([folder])
    groups: Groups = finder.find_similar()
    return groups


def difpy(folder: str) -> Groups:
    difpy = import_module("difPy")
    result = difpy.search(difpy.build(folder, show_progress=False), show_progress=False).result
    return [[first, *(row[0] for row in rows)] for first, rows in result.items()]


def image_dedup_ai(folder: str) -> Groups:
    groups: Groups = import_module("image_dedup_ai").find_duplicates(folder).groups
    return groups


def fastdup(folder: str) -> Groups:
    controller = import_module("fastdup").create(work_dir="fastdup", input_dir=folder)
    controller.run()
    table, _ = controller.connected_components()
    return [list(files) for _, files in table.groupby("component_id")["filename"]] if len(table) else []


def immaculate(method: str) -> Callable[[str], Groups]:
    def ask(folder: str) -> Groups:
        result = import_module("immaculate").find_duplicates(folder, method=method)
        return [*result.exact, *result.near]

    return ask


TOOLS: dict[str, tuple[str, Callable[[str], Groups]]] = {
    "imagededup-phash": ("imagededup", imagededup_hash("PHash")),
    "imagededup-dhash": ("imagededup", imagededup_hash("DHash")),
    "imagededup-cnn": ("imagededup", imagededup_cnn),
    "czkawka": ("czkawka", czkawka),
    "difpy": ("difPy", difpy),
    "image-dedup-ai": ("image-dedup-ai", image_dedup_ai),
    "fastdup": ("fastdup", fastdup),
    "immaculate": ("immaculate", immaculate("pdq")),
    "immaculate-sscd": ("immaculate", immaculate("sscd")),
}

if __name__ == "__main__":
    main()
