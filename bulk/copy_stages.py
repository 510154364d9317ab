"""The stages of finding copies: hashes, blocks compared with blocks, lists of the best, proofs."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pyarrow as pa

from ..dedup.candidates.all_pairs import AllPairs
from ..dedup.candidates.blocks import NOTHING, joined, meet
from ..dedup.candidates.topk import Entries
from ..dedup.candidates.update import hash_photos
from ..dedup.proof import VERIFIER_VERSION
from ..dedup.proof.order import together
from ..dedup.proof.prove_all import proved
from ..store.catalog.pairs import JudgedPair
from ..store.index.exact import Ids
from ..store.records import Vectors
from .comparison import (
    HASHES,
    PAIRS,
    Comparison,
    Desk,
    digest_of,
    hashes_file,
    pairs_in,
    pairs_table,
    read_findings,
    write_findings,
)
from .place import Place
from .stages import UnitReport, Work
from .tables import as_parquet, reading

# Pairs of a unit of proofs: half a minute of a core.
PROOFS = 4096

_PROOFS = pa.schema(
    [
        *PAIRS,
        ("verdict", pa.string()),
        ("log_odds", pa.float64()),
        ("evidence", pa.string()),
    ]
)
_TODO = re.compile(r"todo-(\d{8})-(\d+)\.parquet", re.ASCII)


@dataclass(frozen=True)
class CopyStage:
    """A stage of finding copies: a file for each unit, in one folder."""

    comparison: Comparison

    name: ClassVar[str]
    folder: ClassVar[str]

    @property
    def results(self) -> Place:
        """Where its files lie."""
        return self.comparison.place.at(self.folder)

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        raise NotImplementedError

    def file_of(self, number: int) -> str:
        """Return the name of the result of a unit."""
        raise NotImplementedError

    def work(self, desk: Desk, number: int) -> int:
        """Do a unit and write its file; return how many rows are without a result."""
        raise NotImplementedError

    def done(self) -> set[int]:
        """See `Stage`."""
        there = set(self.results.names())
        return {number for number in self.units() if self.file_of(number) in there}

    @contextmanager
    def open(self, threads: int | None) -> Iterator[Work]:
        """See `Stage`."""
        with self.comparison.opened(threads) as desk:
            yield partial(_timed, self.units(), partial(self.work, desk))


def _timed(rows: Mapping[int, int], work: Callable[[int], int], number: int) -> UnitReport:
    begin = time.monotonic()
    failed = work(number)
    return UnitReport(number, rows[number], failed, time.monotonic() - begin)


class HashStage(CopyStage):
    """Makes perceptual hashes of thumbnails; a unit is a block."""

    name, folder = "hash", "hashes"

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        return {number: block.count for number, block in self.comparison.blocks.items()}

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return hashes_file(self.comparison, number)

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        ids = desk.ids_of(number)
        bits, quality = zip(*hash_photos(desk.store, ids.tolist(), desk.threads), strict=True)
        table = pa.table([ids, list(bits), list(quality)], schema=HASHES)
        self.results.write(self.file_of(number), as_parquet([table], HASHES, {}))
        return 0


class PairStage(CopyStage):
    """Compares blocks with blocks, each two once; a row is a pair of photos.

    Units are numbered so that blocks that come later leave the numbers of the others as they are.
    """

    name, folder = "pairs", "pairs"

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        blocks = self.comparison.blocks
        return {
            _number(a, b): blocks[a].count * (blocks[b].count if b > a else blocks[a].count - 1)
            for a in blocks
            for b in blocks
            if a <= b
        }

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return _pairs_file(self.comparison, *_blocks(number))

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        a, b = _blocks(number)
        ours, limits = desk.photos(a), desk.lists.limits
        if a == b:
            found = {a: (ours.ids, AllPairs(ours, limits).found(desk.effort))}
        else:
            theirs = desk.photos(b)
            strips = meet(ours, theirs, limits, effort=desk.effort)
            found = {a: (ours.ids, strips[0]), b: (theirs.ids, strips[1])}
        write_findings(self.results, self.file_of(number), found)
        return 0


def _number(a: int, b: int) -> int:
    return b * (b + 1) // 2 + a


def _blocks(number: int) -> tuple[int, int]:
    b = int((8 * number + 1) ** 0.5 - 1) // 2
    # The root of a large number may be off by one.
    b += (number >= _number(0, b + 1)) - (number < _number(0, b))
    return number - _number(0, b), b


def _pairs_file(comparison: Comparison, a: int, b: int) -> str:
    blocks = comparison.blocks
    return f"p-{a:06d}-{b:06d}-{digest_of(blocks[a].digest, blocks[b].digest)}.parquet"


@dataclass(frozen=True)
class ListStage(CopyStage):
    """Merges what was found for the photos of a block into the pairs to prove.

    found: names of the files that may have something for any block; empty: those of `PairStage`.
    """

    found: tuple[str, ...] = ()

    name, folder = "lists", "candidates"

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        return {number: block.count for number, block in self.comparison.blocks.items()}

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return f"l-{number:06d}-{digest_of(self.comparison.digest, *self.found)}.parquet"

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        ids, place, k = desk.ids_of(number), self.comparison.place.at("pairs"), desk.lists.k
        strip = NOTHING
        for name in self.found or self._of_block(number):
            more = read_findings(place, name, number, ids)
            strip = joined([strip, more], k) if more else strip
        found = desk.lists.candidates(ids, strip)
        table = pairs_table(found.pairs, found.cosine)
        self.results.write(self.file_of(number), as_parquet([table], PAIRS, {}))
        return 0

    def _of_block(self, number: int) -> Iterator[str]:
        for other in self.comparison.blocks:
            yield _pairs_file(self.comparison, min(number, other), max(number, other))

    def pairs_of(self, number: int) -> tuple[Ids, Vectors]:
        """Return the pairs (m, 2) that a unit nominates, and the cosines of their embeddings."""
        with reading(self.results, self.file_of(number)) as file:
            table = file.read()
        return pairs_in(table), table["cosine"].to_numpy()


class ProveStage(CopyStage):
    """Proves what `plan_proofs` listed."""

    name = "prove"
    folder = f"proofs/{VERIFIER_VERSION}"

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        return listed_in(self.results)

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return f"done-{number:08d}.parquet"

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        table = self.waiting(number)
        waiting = together(list(zip(*(table[name].to_pylist() for name in PAIRS.names), strict=True)))
        rows = [each for some in proved(desk.store, waiting, desk.threads) for each in some]
        judged = pa.Table.from_pylist([_row(each) for each in rows], _PROOFS)
        self.results.write(self.file_of(number), as_parquet([judged], _PROOFS, {}))
        return sum(each.evidence["branch"] == "no thumbnail" for each in rows)

    def waiting(self, number: int) -> pa.Table:
        """Return the pairs of a unit."""
        with reading(self.results, todo(number, self.units()[number])) as file:
            return file.read()

    def proofs_of(self, number: int) -> list[JudgedPair]:
        """Return the proofs of a unit."""
        with reading(self.results, self.file_of(number)) as file:
            rows = file.read().to_pylist()
        return [JudgedPair(**{**row, "evidence": json.loads(row["evidence"])}) for row in rows]

    def copies(self) -> Ids:
        """Return all pairs that are proven to be copies, (m, 2)."""
        found = [np.empty((0, 2), np.int64)]
        for number in self.done():
            with reading(self.results, self.file_of(number)) as file:
                table = file.read(["a", "b", "verdict"])
            is_copy = np.array([each == "copy" for each in table["verdict"].to_pylist()], np.bool_)
            found.append(pairs_in(table)[is_copy])
        return np.unique(np.concatenate(found), axis=0)


def _row(judged: JudgedPair) -> dict[str, object]:
    return {
        "a": judged.a,
        "b": judged.b,
        "cosine": judged.cosine,
        "verdict": judged.verdict,
        "log_odds": judged.log_odds,
        "evidence": json.dumps(judged.evidence),
    }


def listed_in(place: Place) -> dict[int, int]:
    """Return the units that a place lists, by number, each with its rows."""
    named = (_TODO.fullmatch(name) for name in place.names("todo-"))
    return {int(each[1]): int(each[2]) for each in named if each}


def todo(number: int, rows: int) -> str:
    """Return the name of a list."""
    return f"todo-{number:08d}-{rows}.parquet"


def plan_proofs(stage: ProveStage, pairs: Ids, cosine: Vectors, size: int = PROOFS) -> int:
    """List those of the pairs (m, 2) that no unit of the stage has in units of their own; return how many.

    Pairs that hang together stand together, so that nearly each thumbnail is read by one unit. Several
    machines that do this at once list the same.
    """
    units = stage.units()
    listed = [_as_numbers(pairs_in(stage.waiting(number))) for number in units]
    numbers, place = np.unique(_as_numbers(pairs), return_index=True)
    new = place[~np.isin(numbers, np.concatenate([np.empty(0, np.uint64), *listed]))]
    pairs, cosine = pairs[new], cosine[new]
    order = by_component(pairs)
    first = max(units, default=-1) + 1
    for number, start in enumerate(range(0, len(order), size), first):
        some = order[start : start + size]
        table = pairs_table(pairs[some], cosine[some])
        stage.results.create(todo(number, len(some)), as_parquet([table], PAIRS, {}))
    return len(order)


def _as_numbers(pairs: Ids) -> Entries:
    """Return a number for each pair. Ids of data sets count photos: they have 32 bits."""
    return (pairs[:, 0].astype(np.uint64) << np.uint64(32)) | pairs[:, 1].astype(np.uint64)


def among(pairs: Ids, others: Ids) -> Ids:
    """Return those of some pairs (m, 2) that are among others."""
    return pairs[np.isin(_as_numbers(pairs), _as_numbers(others))]


def by_component(pairs: Ids) -> Ids:
    """Return the order of pairs (m, 2), by their ids, in which those that hang together are together."""
    ids, place = np.unique(pairs, return_inverse=True)
    a, b = place.reshape(-1, 2).T
    first = np.arange(len(ids))
    while True:
        before = first.copy()
        lowest = np.minimum(first[a], first[b])
        np.minimum.at(first, a, lowest)
        np.minimum.at(first, b, lowest)
        first = first[first]
        if np.array_equal(first, before):
            return np.lexsort((b, a, first[a]))
