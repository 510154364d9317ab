"""The stage that makes units' results: files are read, decoded and embedded as `lookalike index` does."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import RootOffline
from ..indexer.drives.drives import is_empty
from ..indexer.drives.watch import Guard
from ..indexer.executor import ThreadExecutor, in_chunks
from ..store.names import is_remote
from ..store.progress import NEVER
from ..store.records import FileResult, FileStat
from .dataset import DataSet, result_name
from .planned import Planned, UnitList
from .results import again_digest, failed_rows, footer_of, footers, read_unit, write_result
from .rows import GONE
from .stages import UnitReport, Work

if TYPE_CHECKING:
    from ..indexer.embed.embedder import Embedder
    from ..indexer.sandbox.decoders import Opener

EMBED = "embed"


@dataclass(frozen=True)
class EmbedStage:
    """Reads the files of units. url: of the data set. engine: see `Embedder`. workers: photos at a time.

    again: where failed files are read again: the units that have some, with how many results each had.
    """

    url: str
    engine: str = "auto"
    workers: int | None = None
    again: Mapping[int, int] | None = None

    @property
    def name(self) -> str:
        """See `Stage`."""
        return EMBED if self.again is None else "again"

    @classmethod
    def of_failed(cls, data: DataSet, engine: str = "auto", workers: int | None = None) -> "EmbedStage":
        """Return the stage that reads the failed files of a data set again, and nothing else."""
        results = data.results()
        last = footers(data, (names[-1] for names in results.values()))
        again = {each.unit: len(results[each.unit]) for each in last if each.failed}
        return cls(data.place.url, engine, workers, again)

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        data = DataSet.open(self.url)
        sizes = Planned(data).sizes
        if self.again is None:
            return sizes
        results = data.results()
        last = footers(data, (results[number][before - 1] for number, before in self.again.items()))
        return {each.unit: sum(each.failed.values()) for each in last}

    def done(self) -> set[int]:
        """See `Stage`."""
        found = DataSet.open(self.url).results()
        if self.again is None:
            return set(found)
        return {number for number, n_results in self.again.items() if len(found[number]) > n_results}

    @contextmanager
    def open(self, threads: int | None) -> Iterator[Work]:
        """See `Stage`."""
        from ..indexer.embed.embedder import Embedder
        from ..indexer.sandbox.decoders import Opener

        data, executor = DataSet.open(self.url), ThreadExecutor(self.workers or threads)
        self._check_sources(data)
        embedder = Embedder(data.spec, engine=self.engine)
        with Opener(executor.workers) as opener:
            yield _Embedding(data, executor, embedder, opener, self.again)

    def _check_sources(self, data: DataSet) -> None:
        """Check that this machine has the folders of the units that are to be done.

        Raises:
            RootOffline: it has not.
        """
        of_source = Planned(data).of_source()
        for path in {of_source[number] for number in self.units().keys() - self.done()}:
            if not is_remote(path):
                _check_there(path)


class _Embedding:
    """Does units, in one process."""

    def __init__(
        self,
        data: DataSet,
        executor: ThreadExecutor,
        embedder: "Embedder",
        opener: "Opener",
        again: Mapping[int, int] | None,
    ) -> None:
        self._data = data
        self._planned = Planned(data)
        self._executor = executor
        self._embedder = embedder
        self._opener = opener
        self._again = again

    def __call__(self, number: int) -> UnitReport:
        """Do one unit, and write its result.

        Raises:
            RootOffline: its source is not there, or went away.
        """
        began = time.time()
        unit = self._list(number)
        results = self._results(unit)
        footer, table = footer_of(self._data, number, unit.digest, results, (began, time.time()))
        write_result(self._data, footer, table, self._again[number] if self._again else 0)
        return UnitReport(number, len(results), sum(footer.failed.values()), footer.ended - began)

    def _list(self, number: int) -> UnitList:
        """Return the files to read: those of the unit, or of these what failed before."""
        unit = self._planned.unit(number)
        if self._again is None:
            return unit
        names = [result_name(number, each) for each in range(self._again[number])]
        failed = failed_rows(read_unit(self._data, unit, names))
        rels = set(failed.column("rel").to_pylist())
        files = [each for each in unit.files if each.rel in rels]
        return UnitList(unit.source, files, again_digest(failed))

    def _results(self, unit: UnitList) -> list[FileResult]:
        self._opener.forget_crashers()  # what an earlier unit met is nothing to this one's rows
        guard = None if is_remote(unit.source) else _guard(unit)
        found = self._read(unit)
        if guard is not None and guard.reachable(found)[1]:
            raise _away(unit.source)
        return settled(unit.files, found)

    def _read(self, unit: UnitList) -> list[FileResult]:
        from ..indexer.worker import Worker

        # Of contents that come several times, most are decoded once.
        known: set[bytes] = set()
        worker = Worker(unit.source, self._embedder, known, self._opener)
        found: list[FileResult] = []
        for some in self._executor.run(in_chunks(unit.files, self._executor.workers, NEVER), worker):
            found += some
            known.update(each.photo.content.digest for each in some if each.photo)
        return found


def settled(files: Sequence[FileStat], found: Iterable[FileResult]) -> list[FileResult]:
    """Return a result for each file, in their order, whatever the order in which they were read.

    Of files with one content the first has the photo, and how often it ended a decoder. The device is the
    one that was planned, as each machine numbers its own.
    """
    results = list(found)
    by_rel = {each.stat.rel: each for each in results}
    photos = {each.digest: each.photo for each in results if each.photo}
    tries: dict[bytes | None, int] = {}
    for each in results:
        if each.failure and each.failure.tries:
            tries[each.digest] = each.failure.tries
    rows = []
    for file in files:
        each = by_rel.get(file.rel) or FileResult(file, failure=GONE)
        failure = each.failure and replace(each.failure, tries=tries.pop(each.digest, 0))
        stat = replace(each.stat, dev=file.dev)
        rows.append(
            FileResult(stat, each.digest, None if failure else photos.pop(each.digest, None), failure)
        )
    return rows


def _check_there(source: bytes) -> None:
    try:
        is_there = not is_empty(source)
    except OSError:
        is_there = False
    if not is_there:
        raise _away(source)


def _guard(unit: UnitList) -> Guard:
    """Return a watch over the source of a unit, which must be there."""
    _check_there(unit.source)
    guard = Guard(unit.source)
    guard.expect(unit.files)
    return guard


def _away(source: bytes) -> RootOffline:
    return RootOffline(f"{os.fsdecode(source)} is away or empty; nothing of it was taken as gone")
