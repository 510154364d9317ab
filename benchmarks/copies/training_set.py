"""What it takes to find the leaks between a training set and a test set: time, and memory.

    python benchmarks/copies/training_set.py [--images 20000] [--leaks 60]

Draws small JPEGs (224x168), nine of ten to train with and one to test with, and plants leaks of five kinds:
the same file, re-saved, smaller, mirrored, cropped. Then `lookalike.leaks(train, test)` twice, as a
process of its own: the first reads, embeds and compares all, the second knows it. Last `library.vectors()`,
all embeddings as one array. What was found is checked against what was planted.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from PIL import ImageOps

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.processes import run
from lookalike.tests.pictures import draw_photo, encode

NEEDS = "nothing"

SIZE = (224, 168)
LEAKS = "import json, sys, lookalike; print(json.dumps(lookalike.leaks(*sys.argv[1:])))"
VECTORS = """
import sys, lookalike
with lookalike.Library.open(lookalike.store_of(*sys.argv[1:])) as library:
    print(*library.vectors().vectors.shape)
"""


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="training-set-") as work:
        planted = draw(Path(work), arguments.images, arguments.leaks)
        folders, env = [f"{work}/train", f"{work}/test"], {"LOOKALIKE_CACHE": f"{work}/cache"}
        print(f"{arguments.images} images, {len(planted)} leaks; wall s, CPU s, memory MiB")
        for name, code in (("first call", LEAKS), ("second call", LEAKS), ("all vectors", VECTORS)):
            taken = run([sys.executable, "-c", code, *folders], env=env, watch=True)
            print(f"{name:<12} {taken.wall_s:8.1f} {taken.cpu_s:8.1f} {taken.peak_bytes / 2**20:6.0f}")
            if code is LEAKS:
                compare(planted, {tuple(leak[:2]) for leak in json.loads(taken.output)})
        size = sum(file.stat().st_size for file in Path(work, "cache").rglob("*") if file.is_file())
        print(f"the store takes {size / 1e6:.0f} MB")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--leaks", type=int, default=60)
    return parser.parse_args()


def draw(work: Path, images: int, leaks: int) -> set[tuple[str, str]]:
    """Write both sets; return the pairs of paths (test, train) that are leaks."""
    train, test = work / "train", work / "test"
    train.mkdir()
    test.mkdir()
    n_test = images // 10
    for seed in range(images - n_test):
        (train / f"{seed:06}.jpg").write_bytes(encode(draw_photo(seed, *SIZE), quality=90))
    for seed in range(n_test - leaks):
        (test / f"{seed:06}.jpg").write_bytes(encode(draw_photo(images + seed, *SIZE), quality=90))
    planted = set()
    for seed in range(leaks):
        source, leak = train / f"{seed:06}.jpg", test / f"leak{seed:04}.jpg"
        leak.write_bytes(altered(source.read_bytes(), seed))
        planted.add((str(leak), str(source)))
    return planted


def altered(source: bytes, seed: int) -> bytes:
    """Return the file of a leak: one of five kinds, by its number."""
    photo = draw_photo(seed, *SIZE)
    width, height = SIZE
    match seed % 5:
        case 0:
            return source
        case 1:
            return encode(photo, quality=60)
        case 2:
            return encode(photo.resize((width * 2 // 3, height * 2 // 3)), quality=85)
        case 3:
            return encode(ImageOps.mirror(photo), quality=90)
    return encode(
        photo.crop((width // 20, height // 20, width - width // 20, height - height // 20)), quality=90
    )


def compare(planted: set[tuple[str, str]], found: set[tuple[str, ...]]) -> None:
    others = len(found - planted)
    print(f"{'':12} found {len(planted & found)} of {len(planted)}, and {others} that were not planted")


if __name__ == "__main__":
    main()
