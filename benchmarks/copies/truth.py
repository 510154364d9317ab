"""What is a copy of what in a set of pictures, and how well an answer agrees with it.

A set is a folder with images/ and ground_truth.json: "images" (file, group, transform), "groups" (an
original, its copies with transform, tier, optional) and "hard_negatives" (a, b, why), pairs that must not
be joined. Files are named by their path below images/.
"""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an original; tier: how hard it is to find, "optional" for mirrored and turned ones."""

    original: str
    file: str
    transform: str
    tier: str

    @property
    def pair(self) -> Pair:
        """Return the original and the copy, in order."""
        return ordered(self.original, self.file)

    def tiers(self) -> Iterator[str]:
        """Yield the tiers it counts in: its own, and "all" unless it is optional."""
        yield self.tier
        if self.tier != "optional":
            yield "all"


@dataclass(frozen=True, slots=True)
class Truth:
    """group_of: the group of every file. negatives: pairs that must not be joined, with their kind."""

    images: Path
    group_of: dict[str, int]
    copies: tuple[Copy, ...]
    negatives: tuple[tuple[Pair, str], ...]

    def transform_of(self) -> dict[str, str]:
        """Return what was done to each file; "original" for those that are no copies."""
        return dict.fromkeys(self.group_of, "original") | {
            copy.file: copy.transform for copy in self.copies
        }

    def true_pairs(self) -> set[Pair]:
        """Return all pairs of files of one group."""
        groups = defaultdict(list)
        for file, group in self.group_of.items():
            groups[group].append(file)
        return closed(groups.values())


def has_truth(folder: Path) -> bool:
    """Say whether a folder is a set with known copies."""
    file = folder / "ground_truth.json"
    return file.exists() and "groups" in json.loads(file.read_text())


def read_truth(folder: Path) -> Truth:
    """Read the ground truth of a set."""
    data = json.loads((folder / "ground_truth.json").read_text())
    copies = [
        Copy(
            group["original"],
            copy["file"],
            copy["transform"],
            "optional" if copy["optional"] else copy["tier"],
        )
        for group in data["groups"]
        for copy in group["copies"]
    ]
    return Truth(
        images=folder / "images",
        group_of={image["file"]: image["group"] for image in data["images"]},
        copies=tuple(copies),
        negatives=tuple((ordered(each["a"], each["b"]), each["why"]) for each in data["hard_negatives"]),
    )


def ordered(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)


def closed(groups: Iterable[Iterable[str]]) -> set[Pair]:
    """Return the pairs of every two different files of each group."""
    return {pair for group in groups for pair in itertools.combinations(sorted(set(group)), 2)}


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    def __float__(self) -> float:
        """Return the share in [0, 1]; 1.0 of nothing."""
        return self.hits / self.of if self.of else 1.0

    def __str__(self) -> str:
        return f"{float(self):.4f} ({self.hits} of {self.of})"


@dataclass(frozen=True, slots=True)
class Score:
    """How well the pairs that a tool joined agree with the truth.

    found: copies joined to their original, by tier; "all" is without the optional ones. recall, precision:
    over all pairs of files. false: joined pairs of different groups. joined: negatives that were, by kind.
    """

    found: dict[str, Share]
    recall: Share
    precision: Share
    false: tuple[Pair, ...]
    joined: dict[str, Share]


def score(truth: Truth, pairs: set[Pair]) -> Score:
    """Compare the pairs that a tool joined, each in order, with the truth."""
    true = truth.true_pairs()
    hits = len(pairs & true)
    found = [(tier, copy.pair in pairs) for copy in truth.copies for tier in copy.tiers()]
    return Score(
        found=shares(found),
        recall=Share(hits, len(true)),
        precision=Share(hits, len(pairs)),
        false=tuple(sorted(pairs - true)),
        joined=shares((kind, pair in pairs) for pair, kind in truth.negatives),
    )


def shares(rows: Iterable[tuple[str, bool]]) -> dict[str, Share]:
    """Return per name how many of its rows hold."""
    hits: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for name, hit in rows:
        hits[name] += hit
        counts[name] += 1
    return {name: Share(hits[name], count) for name, count in counts.items()}
