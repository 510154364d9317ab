"""How many copies are found among five edits of each photo: the recipe that other tools publish.

    python benchmarks/copies/edits_recipe.py FOLDER... [--photos N] [--least 400] [--expand] [--keep DIR]

Of each photo, brought to 640x480 by a centred crop: a crop of 560x420 at a random place (fixed seed),
a horizontal flip, a vertical flip, a turn by 25 degrees about the center (corners left black, as Pillow
does it; with --expand the frame grows instead), and a squeeze to a square of 480x480. That is six files a
group, saved anew as JPEG of quality 90, and 15 true pairs. In a folder with a ground_truth.json only the
originals are taken. Photos are passed over whose longer side has less than --least pixels.

Then `lookalike index` and `lookalike dupes --format json` run with their defaults; their groups are closed
to pairs. False pairs are printed with the photos they came from: look at them before you believe them,
photo collections hold copies that nobody knows of. --keep leaves the set in DIR, with a ground_truth.json,
for peers/copies.py.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image, ImageOps

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.answers import Answer, ask_lookalike
from lookalike.benchmarks.copies.truth import Score, Truth, ordered, read_truth, score, shares

NEEDS = "photos"

SIZE, CROP, SQUARE, DEGREES = (640, 480), (560, 420), (480, 480), 25
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
QUALITY = 90
Edit = Callable[[Image.Image], Image.Image]


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="edits-recipe-") as work:
        folder = arguments.keep or Path(work, "set")
        sources = build(originals(arguments), folder, edits(arguments.expand))
        truth = read_truth(folder)
        answer = ask_lookalike(truth.images, Path(work, "store"))
    report(truth, answer, sources)


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, help="take so many, spread over all")
    parser.add_argument("--least", type=int, default=400, help="pixels of the longer side")
    parser.add_argument("--expand", action="store_true", help="let the frame grow with the turn")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the set in this new folder")
    return parser.parse_args()


def originals(arguments: argparse.Namespace) -> list[Path]:
    """Return the photos to edit, large enough and no known copies.

    Raises:
        SystemExit: there are none.
    """
    found = [file for folder in arguments.folders for file in candidates(folder)]
    large = [file for file in found if longer_side(file) >= arguments.least]
    if not large:
        raise SystemExit(
            f"no photos of {arguments.least} pixels in {', '.join(map(str, arguments.folders))}"
        )
    return (
        large[:: max(1, len(large) // arguments.photos)][: arguments.photos] if arguments.photos else large
    )


def candidates(folder: Path) -> Iterator[Path]:
    truth = folder / "ground_truth.json"
    if truth.exists():
        images = json.loads(truth.read_text())["images"]
        yield from (
            folder / "images" / row["file"] for row in images if row.get("role") in (None, "original")
        )
    else:
        yield from (file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES)


def longer_side(file: Path) -> int:
    try:
        with Image.open(file) as image:
            return max(image.size)
    except OSError:
        return 0


def edits(expand: bool) -> dict[str, Edit]:
    """Return the five edits by name."""
    random = Random(0)

    def crop(photo: Image.Image) -> Image.Image:
        x, y = (random.randint(0, whole - part) for whole, part in zip(SIZE, CROP, strict=True))
        return photo.crop((x, y, x + CROP[0], y + CROP[1]))

    return {
        "crop": crop,
        "h-flip": ImageOps.mirror,
        "v-flip": ImageOps.flip,
        "turn": lambda photo: photo.rotate(DEGREES, Image.Resampling.BICUBIC, expand=expand),
        "square": lambda photo: photo.resize(SQUARE, Image.Resampling.LANCZOS),
    }


def build(photos: Iterable[Path], folder: Path, edits: dict[str, Edit]) -> list[Path]:
    """Write the set, and return the photo that each group is made of.

    Raises:
        FileExistsError: the folder holds a set already.
    """
    (folder / "images").mkdir(parents=True)
    sources, images, groups = [], [], []
    for number, source in enumerate(photos):
        files = write_group(source, folder / "images", number, edits)
        sources.append(source)
        images += [
            {"file": file, "group": number, "transform": None if edit == "original" else edit}
            for edit, file in files.items()
        ]
        groups.append(as_group(number, files))
    truth = {"images": images, "groups": groups, "hard_negatives": []}
    (folder / "ground_truth.json").write_text(json.dumps(truth, indent=1))
    return sources


def write_group(source: Path, images: Path, number: int, edits: dict[str, Edit]) -> dict[str, str]:
    """Write a photo and its edits, and return the name of each file."""
    files = {edit: f"{number:05}-{edit}.jpg" for edit in ("original", *edits)}
    with Image.open(source) as image:
        whole = ImageOps.exif_transpose(image).convert("RGB")
    ImageOps.fit(whole, SIZE, Image.Resampling.LANCZOS).save(images / files["original"], quality=QUALITY)
    with Image.open(images / files["original"]) as photo:
        for edit, make in edits.items():
            make(photo).save(images / files[edit], quality=QUALITY)
    return files


def as_group(number: int, files: dict[str, str]) -> dict[str, Any]:
    copies = [
        {"file": file, "transform": edit, "tier": edit, "optional": False}
        for edit, file in files.items()
        if edit != "original"
    ]
    return {"group": number, "original": files["original"], "copies": copies}


def report(truth: Truth, answer: Answer, sources: list[Path]) -> None:
    result = score(truth, answer.pairs)
    groups = len(set(truth.group_of.values()))
    print(f"{answer.version}; {groups} photos, {len(truth.group_of)} files, {result.recall.of} true pairs")
    print(f"recall over all pairs     {result.recall}")
    print(f"precision over all pairs  {float(result.precision):.5f} ({len(result.false)} false)")
    print(
        f"wall {answer.wall_s:.1f} s, CPU {answer.cpu_s:.1f} s, peak memory {answer.peak_bytes >> 20} MiB"
    )
    for step, taken in answer.steps.items():
        print(
            f"  {step:8s} wall {taken.wall_s:.1f} s, CPU {taken.cpu_s:.1f} s, {taken.peak_bytes >> 20} MiB"
        )
    print_by_edits(truth, answer)
    print_false(truth, result, sources)


def print_by_edits(truth: Truth, answer: Answer) -> None:
    """Print the recall of each pair of edits, the worst first."""
    edit_of = truth.transform_of()
    rows = (
        (" and ".join(sorted((edit_of[a], edit_of[b]))), (a, b) in answer.pairs)
        for a, b in truth.true_pairs()
    )
    for name, share in sorted(shares(rows).items(), key=lambda row: float(row[1])):
        print(f"  {name:24s} {share}")


def print_false(truth: Truth, result: Score, sources: list[Path]) -> None:
    """Print the photos that were joined though they are different ones, and by how many pairs of files."""
    joined = [ordered(*(str(sources[truth.group_of[file]]) for file in pair)) for pair in result.false]
    for a, b in sorted(set(joined)):
        print(f"false: {joined.count((a, b))} pairs of {a} and {b}")


if __name__ == "__main__":
    main()
