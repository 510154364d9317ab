"""Finding the copies of a data set as units of work: hashes, pairs, lists, proofs, and all put together.

The same photos are compared and the same pairs proven as by `lookalike dupes` in a store, by the same code;
what is found goes into the tables of the catalog, from which groups are made as always.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..dedup.groups.separate import mark_apart
from ..dedup.proof import VERIFIER_VERSION
from ..errors import LookalikeError
from ..store.catalog.hashes import StoredHashes
from ..store.index.exact import Ids
from ..store.progress import UNWATCHED, Watch
from ..store.records import Vectors
from ..store.store import Store
from .cell_stages import AssignStage, CellStage, deal_cells, draw_sample, make_cells
from .comparison import Comparison, Desk, read_hashes
from .copy_stages import (
    CopyStage,
    HashStage,
    ListStage,
    PairStage,
    ProveStage,
    among,
    plan_proofs,
)
from .open import open_data_set
from .place import Place
from .run import RunOptions, run
from .stages import Launcher

# How soon somebody looks again who waits for units that others are at.
_LOOK_S = 10.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class CopiesFound:
    """What was found in a data set.

    photos: that were compared. compared: pairs of these. candidates: pairs that were proven. copies: of
    these, those that are copies. share: about which share of all copies that is; None where all photos were
    compared.
    """

    photos: int
    compared: int
    candidates: int
    copies: int
    share: float | None = None


@dataclass(frozen=True, slots=True)
class DataSetSource:
    """A finished data set. url: of it."""

    url: str

    @property
    def place(self) -> Place:
        """See `Source`."""
        return Place.of(self.url)

    @contextmanager
    def open(self) -> Iterator[Store]:
        """See `Source`."""
        with open_data_set(self.url) as store:
            yield store


class _Stopped(Exception):
    """Somebody wants the run to end."""


class Finder:
    """Runs the stages, one after the other, each until all of its units are done by whomever."""

    def __init__(
        self,
        comparison: Comparison,
        launcher: Launcher,
        watch: Watch = UNWATCHED,
        running: RunOptions | None = None,
    ) -> None:
        self.comparison = comparison
        self._launcher, self._watch, self._running = launcher, watch, running
        self._proofs = ProveStage(comparison)

    def find(self, *, in_cells: bool = False) -> CopiesFound | None:
        """Find the copies; None when it was stopped. in_cells: compare only within cells.

        Raises:
            LookalikeError: a unit failed too often.
        """
        if not self.comparison.count:
            return CopiesFound(0, 0, 0, 0)
        try:
            with self._launcher.kept():
                self._run(HashStage(self.comparison))
                return self._in_cells() if in_cells else self._all_pairs()
        except _Stopped:
            return None

    def _all_pairs(self) -> CopiesFound:
        self._run(PairStage(self.comparison))
        pairs = self._proven(ListStage(self.comparison))
        count = self.comparison.count
        return CopiesFound(count, count * (count - 1) // 2, len(pairs), len(self._proofs.copies()))

    def _in_cells(self) -> CopiesFound:
        assigned, cells = AssignStage(self.comparison), CellStage(self.comparison)
        self._at_desk(lambda desk: make_cells(self.comparison, desk))
        self._run(assigned)
        deal_cells(assigned)
        self._run(cells)
        pairs = self._proven(ListStage(self.comparison, cells.files()))
        share = self._share(pairs)
        copies = len(self._proofs.copies())
        return CopiesFound(self.comparison.count, cells.pairs(), len(pairs), copies, share)

    def _proven(self, lists: ListStage) -> Ids:
        """Merge what was found into pairs (m, 2), and prove these."""
        self._run(lists)
        found = [lists.pairs_of(number) for number in lists.units()]
        pairs, cosine = (np.concatenate(each) for each in zip(*found, strict=True))
        self._prove(pairs, cosine)
        return np.unique(pairs, axis=0)

    def _prove(self, pairs: Ids, cosine: Vectors) -> None:
        plan_proofs(self._proofs, pairs, cosine)
        self._run(self._proofs)

    def _share(self, pairs: Ids) -> float:
        """Return about which share of all copies is among these pairs. What else is met is proven, too."""
        copies = among(self._proofs.copies(), pairs)
        sample = self._at_desk(lambda desk: draw_sample(self.comparison, desk, copies))
        self._run(sample)
        wanted, cosine = self._at_desk(sample.candidates)
        self._prove(wanted, cosine)
        return sample.found_share(among(self._proofs.copies(), wanted), pairs)

    def _at_desk(self, work: Callable[[Desk], Result]) -> Result:
        with self.comparison.opened(None) as desk:
            return work(desk)

    def _run(self, stage: CopyStage) -> None:
        """Run a stage until its last unit is done: with --part others may be at some."""
        while True:
            report = run(stage, self._launcher, self.comparison.place, self._watch, self._running)
            if self._watch.is_stopped:
                raise _Stopped
            if report.given_up:
                number, why = next(iter(report.given_up.items()))
                raise LookalikeError(
                    f"unit {number} of the stage {stage.name} failed three times ({why}); see what is "
                    "wrong, then run the command again with --retry-failed"
                )
            if not report.left:
                return
            self._watch.stop.wait(_LOOK_S)


def fold_copies(comparison: Comparison, store: Store, watch: Watch = UNWATCHED) -> int:
    """Bring what was found into the catalog of a store; return how many pairs were proven.

    Photos count as compared from then on, as their pairs are there before: a fold that was stopped is
    simply done again.
    """
    proofs, count = ProveStage(comparison), 0
    done = sorted(proofs.done())
    watch.progress.begin("taking in proofs", len(done))
    for number in done:
        judged = proofs.proofs_of(number)
        store.put_proofs(VERIFIER_VERSION, judged)
        count += len(judged)
        watch.progress.advance(1, 0)
        if watch.is_stopped:
            return count
    for number in comparison.blocks:
        ids, bits, quality = read_hashes(comparison, number)
        store.put_comparison(StoredHashes(ids, bits, quality), np.empty((0, 2), np.int64), [])
    mark_apart(store)
    return count
