"""Leaks between two sets: pictures to test with that are copies of pictures that were trained with."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...errors import UsageError
from ...store.catalog.embeddings import raw_vectors
from ...store.catalog.photos import Photo, photos_of, repeated_photos
from ...store.filters.where import ALL, rel_below
from ...store.index.search import nearest_photos
from ...store.view import View
from .groups import Class
from .original import PairKey
from .report import GroupInput
from .separate import Apart

# Look-alikes of one picture: the nearest ones.
_NEAREST = 16
_BLOCK = 256


class Leak(NamedTuple):
    """A picture of the test set that is, or looks like, one of the training set.

    test, train: paths. kind: "exact" (same bytes), "copy" (same picture, proven) or "similar" (looks alike,
    not proven). score: of a copy the probability that it is one, of a look-alike the cosine.
    """

    test: str
    train: str
    kind: Class
    score: float


@dataclass(frozen=True, slots=True)
class Sides:
    """The folders of both sets, real paths. Where one lies within the other, the inner one counts."""

    train: tuple[bytes, ...]
    test: tuple[bytes, ...]

    @classmethod
    def of(cls, train: Iterable[bytes], test: Iterable[bytes]) -> "Sides":
        """Return the sides of folders or files by their real paths.

        Raises:
            UsageError: both have a folder in common.
        """
        sides = cls(tuple(train), tuple(test))
        both = set(sides.train) & set(sides.test)
        if both:
            raise UsageError(f"{os.fsdecode(both.pop())} is in train and in test; name two folders")
        return sides

    def split(self, photo: Photo) -> tuple[list[str], list[str]]:
        """Return the files of a photo that are trained with, and those to test with."""
        found: tuple[list[str], list[str]] = ([], [])
        for file in photo.files:
            depth, is_test = max(self._depth(file.path, side) for side in (self.train, self.test))
            if depth:
                found[is_test].append(file.path)
        return found

    def _depth(self, path: str, side: Sequence[bytes]) -> tuple[int, bool]:
        name = os.fsencode(path)
        depths = (len(folder) for folder in side if rel_below(name, folder) is not None)
        return max(depths, default=0), side is self.test


@dataclass(frozen=True, slots=True)
class _Split:
    """Photos by id, with their files on either side; each has one at least."""

    train: dict[int, list[str]]
    test: dict[int, list[str]]

    @classmethod
    def of(cls, photos: Iterable[Photo], sides: Sides) -> "_Split":
        split = cls({}, {})
        for photo in photos:
            train, test = sides.split(photo)
            if train:
                split.train[photo.id] = train
            if test:
                split.test[photo.id] = test
        return split

    def leaks(self, test: int, train: int, kind: Class, score: float) -> Iterator[Leak]:
        """Yield each file of a photo to test with, beside the first one of a photo to train with."""
        yield from (Leak(path, self.train[train][0], kind, score) for path in self.test[test])


def crossing(view: View, sides: Sides) -> Callable[[int, int], bool]:
    """Return what tells of two photos, by id, whether a proof of their pair may tell of a leak.

    One has the pixels of a picture to test with, the other those of one to train with.
    """
    pixels, train, test = dict[int, str](), set[str](), set[str]()
    for photo in photos_of(view):
        pixels[photo.id] = photo.pixel_digest
        for files, side in zip(sides.split(photo), (train, test), strict=True):
            side.update([photo.pixel_digest] if files else [])

    def crosses(a: int, b: int) -> bool:
        first, second = pixels.get(a), pixels.get(b)
        return (first in train and second in test) or (first in test and second in train)

    return crosses


def find_leaks(view: View, known: GroupInput, sides: Sides, min_score: float | None) -> list[Leak]:
    """Return the leaks, the surest first: each test file once for each picture of the training set.

    known: what is proven. min_score: of look-alikes to be listed, too, at most 16 of a picture; None: none.
    """
    repeated = _Split.of(repeated_photos(view), sides)
    found = [
        leak
        for each in repeated.test.keys() & repeated.train.keys()
        for leak in repeated.leaks(each, each, "exact", 1.0)
    ]
    split = _Split.of(known.photos.values(), sides)
    pairs = _proven(known, split)
    found += [
        leak for (test, train), score in pairs.items() for leak in split.leaks(test, train, "copy", score)
    ]
    if min_score is not None:
        found += _similar(view, sides, min_score, known={(leak.test, leak.train) for leak in found})
    order = ("exact", "copy", "similar")
    return sorted(found, key=lambda leak: (order.index(leak.kind), -leak.score, leak.test, leak.train))


def _proven(known: GroupInput, split: _Split) -> dict[PairKey, float]:
    """Return the pairs (to test with, trained with) that are the same picture, with their probability.

    What is proven of a picture holds for all that have its pixels: it is proven once for all of them.
    """
    apart = Apart(known.photos, known.decided, known.holdings)
    tests, trains = (_by_pixels(known.photos, ids) for ids in (split.test, split.train))
    edges = {(digest, digest): 1.0 for digest in tests.keys() & trains.keys()}
    for (a, b), proof in known.proofs.items():
        if a in known.photos and b in known.photos:
            ends = known.photos[a].pixel_digest, known.photos[b].pixel_digest
            for edge in (ends, ends[::-1]):
                edges[edge] = max(proof.probability, edges.get(edge, 0.0))
    return {
        (test, train): score
        for (first, second), score in edges.items()
        for test in tests[first]
        for train in trains[second]
        if test != train and not apart(test, train)
    }


def _by_pixels(photos: Mapping[int, Photo], ids: Iterable[int]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for each in ids:
        found[photos[each].pixel_digest].append(each)
    return found


def _similar(view: View, sides: Sides, min_score: float, known: set[tuple[str, str]]) -> Iterator[Leak]:
    """Yield look-alikes of the pictures to test with. known: leaks by their paths, which are no news."""
    split = _Split.of(photos_of(view, ALL), sides)
    allowed = np.array(sorted(split.train), np.int64)
    ids = sorted(split.test)
    for start in range(0, len(ids), _BLOCK):
        vectors = raw_vectors(view, ids[start : start + _BLOCK])
        if not vectors or not len(allowed):
            continue
        near = nearest_photos(view, np.stack([*vectors.values()]), _NEAREST, allowed=allowed)
        for test, trains, scores in zip(vectors, near.ids.tolist(), near.scores.tolist(), strict=True):
            for train, score in zip(trains, scores, strict=True):
                if train >= 0 and train != test and score >= min_score:
                    leaks = split.leaks(test, train, "similar", score)
                    yield from (leak for leak in leaks if (leak.test, leak.train) not in known)
