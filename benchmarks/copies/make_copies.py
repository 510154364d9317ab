"""Make a set of known copies and known look-alikes from a folder of pictures.

    python benchmarks/copies/make_copies.py ORIGINALS OUT [--seed 7] [--with-copies 150] [--copies 4]

ORIGINALS holds pictures of which no two are copies. Those in ORIGINALS/same_scene/NAME/ and
ORIGINALS/same_product/NAME/ (any word: it becomes the kind) show the same and become pairs that must not be
joined. OUT gets images/ and ground_truth.json, as the other benchmarks of copies read them. Added are drawn
pages of text, designs in other colors and plain pictures, all with copies, and of some originals the calm
part instead of the whole.
"""

import argparse
import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.drawn import calmest_part, families
from lookalike.benchmarks.copies.transforms import TRANSFORMS, original

NEEDS = "a folder of originals"

_LONGEST = 800  # pixels of an original
_CALM = 16


@dataclass(slots=True)
class Copies:
    """The set while it is made."""

    folder: Path
    random: np.random.Generator
    images: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    kinds: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    _left: list[str] = field(default_factory=list)

    def add(
        self,
        picture: Image.Image,
        copies: int,
        family: tuple[str, str] | None = None,
        source: str = "photo",
    ) -> None:
        """Write an original and some copies; family: the kind and the name of those that show the same."""
        group = len(self.groups)
        first = self._written(original(picture), "jpg", group)
        self.groups.append({"group": group, "source": source, "original": first, "copies": []})
        if family:
            self.kinds[family].append(self.groups[group]["original"])
        for name in self._next(copies):
            data, suffix = TRANSFORMS[name].make(picture, self.random)
            known = {
                "transform": name,
                "tier": TRANSFORMS[name].tier,
                "optional": TRANSFORMS[name].optional,
            }
            file = self._written(data, suffix, group, known)
            self.groups[group]["copies"].append({"file": file, **known})

    def _next(self, count: int) -> list[str]:
        """Return names of transforms; all come equally often."""
        if len(self._left) < count:
            self._left += self.random.permutation(list(TRANSFORMS)).tolist()
        taken = list(dict.fromkeys(self._left))[:count]
        for name in taken:
            self._left.remove(name)
        return taken

    def _written(self, data: bytes, suffix: str, group: int, known: dict[str, Any] | None = None) -> str:
        file = f"{self.random.integers(2009, 2022)}/{len(self.images):05}.{suffix}"
        path = self.folder / "images" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        role = {"role": "copy", **known} if known else {"role": "original"}
        self.images.append({"file": file, "group": group, **role})
        return file

    def save(self) -> None:
        """Write what is known."""
        negatives = [
            {"a": a, "b": b, "why": why}
            for (why, _), files in self.kinds.items()
            for a, b in itertools.combinations(files, 2)
        ]
        groups = [group for group in self.groups if group["copies"]]
        truth = {"version": 1, "images": self.images, "groups": groups, "hard_negatives": negatives}
        (self.folder / "ground_truth.json").write_text(json.dumps(truth, indent=1))


def main() -> None:
    arguments = parse()
    random = np.random.default_rng(arguments.seed)
    files = sorted(each for each in arguments.originals.rglob("*") if each.is_file())
    made = Copies(arguments.out, random)
    loose = [each for each in files if _family(each, arguments.originals) is None]
    # A part of a picture is a copy of it: these are not there as a whole.
    calm = {loose[at] for at in random.permutation(len(loose))[:_CALM]}
    whole = [each for each in files if each not in calm]
    chosen = {whole[at] for at in random.permutation(len(whole))[: arguments.with_copies]}
    for file in whole:
        copies = arguments.copies if file in chosen else 0
        made.add(_opened(file), copies, _family(file, arguments.originals))
    for file in sorted(calm):
        made.add(calmest_part(_opened(file)), arguments.copies, source="calm")
    for number, family in enumerate(families(random)):
        for picture in family.pictures:
            made.add(picture, arguments.copies // 2, (family.why, str(number)), family.why)
    made.save()
    print(f"{len(made.images)} images, {len(made.groups)} originals")


def parse() -> argparse.Namespace:
    parser = parser_for(__doc__)
    parser.add_argument("originals", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--with-copies", type=int, default=150, help="originals that get copies")
    parser.add_argument("--copies", type=int, default=4, help="of each of them")
    return parser.parse_args()


def _family(file: Path, root: Path) -> tuple[str, str] | None:
    parts = file.relative_to(root).parts
    return (parts[0], parts[1]) if len(parts) == 3 else None


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    upright.thumbnail((_LONGEST, _LONGEST))
    return upright


if __name__ == "__main__":
    main()
