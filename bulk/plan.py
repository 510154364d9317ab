"""Planning: what is new, changed or gone in the sources of a data set, cut into units."""

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ..errors import StoreLocked, UsageError
from ..indexer.drives.drives import refusal, why_other
from ..indexer.drives.nested import why_spared
from ..indexer.drives.watch import Guard
from ..indexer.scan.changes import Changes, compare, problem_rows
from ..indexer.scan.walk import DEFAULT, Scan, ScanOptions
from ..store.catalog.folders import Trace
from ..store.filters.where import rel_below
from ..store.names import is_remote
from ..store.progress import UNWATCHED, Watch
from ..store.records import Drive, FileStat, KnownFile
from .dataset import DataSet, sweep_unfinished
from .planned import SCHEMA, Ledger, Planned, SourceScan
from .results import failures
from .rows import GONE
from .sources import scan_of, source_of
from .tables import as_parquet

_STAT = ("rel", "size", "mtime_ns", "ctime_ns", "dev", "ino")
# Of a source, so many files are looked at to see whether its drive is there.
_SAMPLE = 400


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Which files belong to a data set, and what is accepted as gone; see `IndexOptions`."""

    scan: ScanOptions = DEFAULT
    accept_missing: int = 0
    accept_drive: bool = False


@dataclass(slots=True)
class PlanReport:
    """What a plan found, in numbers of files.

    listed: photos that were met. new, changed: to be read by the units. unchanged: planned before. again:
    to be read once more, as they were not there or could not be reached. absent, excluded: planned before,
    now gone or left out. units: how many were added. unread: see `IndexReport`. problems: what could not be
    listed. refused: sources of which nothing was planned, and why.
    """

    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    again: int = 0
    absent: int = 0
    excluded: int = 0
    units: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a plan has of one source.

    files: to read, by path. before: which unit read files last. others: all other rows of the plan.
    """

    source: SourceScan
    files: Sequence[FileStat]
    before: Mapping[bytes, int]
    others: Sequence[Mapping[str, Any]]

    @property
    def replaces(self) -> bool:
        """Whether it reads files that an earlier plan had read, too."""
        return any(file.rel in self.before for file in self.files)

    def units(self, size: int) -> Iterator[pa.Table]:
        """Yield the lists of its units, so many files each."""
        for start in range(0, len(self.files), size):
            rows = map(self._row, self.files[start : start + size])
            yield pa.Table.from_pylist(list(rows), SCHEMA)

    def _row(self, file: FileStat) -> dict[str, Any]:
        told = {name: getattr(file, name) for name in _STAT}
        return {"source": self.source.path, "what": "read", "before": self.before.get(file.rel), **told}


def plan(
    data: DataSet, names: Iterable[str], options: PlanOptions | None = None, watch: Watch = UNWATCHED
) -> PlanReport:
    """Plan the files of sources that are new or changed, and note which are gone.

    names: folders, or URLs of prefixes in object stores.

    Raises:
        UsageError: there is no such source, or it is none.
        StoreLocked: another plan was made meanwhile.
    """
    sweep_unfinished(data.place)
    planning = _Planning(data, options or PlanOptions())
    found = []
    for path in planning.sources(names):
        watch.progress.begin(os.fsdecode(path), 0)
        each = planning.look(path)
        if each is not None:
            found.append(each)
    planning.write(found)
    return planning.report


class _Planning:
    """One run of `plan`."""

    def __init__(self, data: DataSet, options: PlanOptions) -> None:
        self._data = data
        self._options = options
        self._planned = Planned(data)
        self._failed = failures(data)
        self.report = PlanReport()

    def sources(self, names: Iterable[str]) -> list[bytes]:
        """Return what to look at, by path, none of it inside of another.

        Raises:
            UsageError: there is no such folder, or it is around one that has been planned.
        """
        paths = sorted({source_of(name) for name in names})
        for path in paths:
            self._check(path)
        return [each for each in paths if not any(each != other and _is_in(each, other) for other in paths)]

    def _check(self, path: bytes) -> None:
        known = self._planned.sources
        name = os.fsdecode(path)
        if any(_is_in(path, each) for each in known):
            return
        if not is_remote(path) and not os.path.exists(path):
            raise UsageError(f"there is no folder {name}; name one that exists")
        inner = next((each for each in known if _is_in(each, path)), None)
        if inner is not None:
            raise UsageError(
                f"{name} is around {os.fsdecode(inner)}, which this data set has; plan what lies beside "
                "it, or plan another data set"
            )

    def look(self, path: bytes) -> _Found | None:
        """Compare a source, or a part of one, with what was planned; None: it is refused."""
        root, below = self._place(path)
        before = self._planned.sources.get(root)
        guard = None if is_remote(root) else Guard(root)
        drive = guard.drive if guard else Drive()
        ledger = self._planned.known(root, self._failed)
        known = {rel: file for rel, file in ledger.files.items() if not below or _is_in(rel, below)}
        own = [os.fsencode(self._data.place.path)] if self._data.place.path else []
        scan = scan_of(root, self._options.scan, below, own)
        again = {rel for rel, file in known.items() if file.error == GONE.code}
        changes = compare(scan, known, again=again, accept_missing=self._options.accept_missing)
        why = None if self._options.accept_drive or before is None else _suspicion(before, drive, known)
        refused = refusal(scan, changes, why, self._options.accept_missing)
        if refused is None and guard is not None and guard.is_gone():
            refused = f"{os.fsdecode(path)}: its drive went away while it was listed; nothing was planned"
        if refused is not None:
            self.report.refused.append(refused)
            return None
        self._count(scan, changes, known)
        unread = before.unread if below and before else scan.unread
        return self._found(SourceScan(root, below, dict(unread), drive.fs_id), ledger, changes, scan)

    def _found(self, source: SourceScan, ledger: Ledger, changes: Changes, scan: Scan) -> _Found:
        files = sorted(changes.to_read, key=lambda file: file.rel)
        n_units = -(-len(files) // self._data.unit_size)
        return _Found(
            replace(source, units=n_units),
            files,
            ledger.units,
            [*_changes(source.path, ledger, changes), *_problems(source.path, ledger, scan)],
        )

    def _place(self, path: bytes) -> tuple[bytes, bytes]:
        """Return the source that a path is of, and its place below that."""
        for root in self._planned.sources:
            below = rel_below(path, root)
            if below is not None:
                while below and not is_remote(root) and not os.path.lexists(os.path.join(root, below)):
                    below = os.path.dirname(below)  # the folder that still is there can tell what is gone
                return root, below
        return path, b""

    def _count(self, scan: Scan, changes: Changes, known: Mapping[bytes, KnownFile]) -> None:
        report = self.report
        report.listed += changes.listed
        report.unchanged += changes.unchanged
        report.absent += len(changes.absent)
        report.excluded += len(changes.excluded)
        report.unread += scan.unread
        report.refused += [why_spared(scan.root, each, changes.unaccepted) for each in changes.away]
        report.problems += [
            f"{os.fsdecode(os.path.join(scan.root, each.rel))}: {each.message}" for each in scan.problems
        ]
        for file in changes.to_read:
            before = known.get(file.rel)
            is_same = before is not None and before.key == KnownFile.key_of(file)
            report.again += is_same
            report.changed += before is not None and not is_same
            report.new += before is None

    def write(self, found: Sequence[_Found]) -> None:
        """Add what was found to the data set as one more plan, unless it tells nothing new.

        Raises:
            StoreLocked: another plan was made meanwhile.
        """
        others = [row for each in found for row in each.others]
        self.report.units = sum(each.source.units for each in found)
        if not self.report.units and not others and all(self._is_known(each.source) for each in found):
            return
        told = {
            "first": len(self._planned.sizes),
            "sources": [each.source.told() for each in found],
            "replaces": any(each.replaces for each in found),
        }
        groups = (table for each in found for table in each.units(self._data.unit_size))
        last = [pa.Table.from_pylist(others, SCHEMA)] if others else []
        name = f"{len(self._planned.plans):04d}.parquet"
        if not self._data.plans.create(name, as_parquet(itertools.chain(groups, last), SCHEMA, told)):
            raise StoreLocked(f"another plan of {self._data.place.url} was made meanwhile; plan again")

    def _is_known(self, source: SourceScan) -> bool:
        """Tell whether the last plan says the same of a source as a whole."""
        before = self._planned.sources.get(source.path)
        return before is not None and replace(before, units=0) == source


def _changes(source: bytes, ledger: Ledger, changes: Changes) -> Iterator[dict[str, Any]]:
    """Yield rows of files that are not read, and changed all the same."""

    def row(what: str, place: int) -> dict[str, Any]:
        rel = ledger.rels[place]
        return {"source": source, "what": what, "rel": rel, "before": ledger.units.get(rel)}

    for what in ("absent", "excluded", "returned", "resolved"):
        yield from (row(what, each) for each in getattr(changes, what))
    for each, dev in changes.devices.items():
        yield {**row("device", each), "dev": dev}


def _problems(source: bytes, ledger: Ledger, scan: Scan) -> Iterator[dict[str, Any]]:
    """Yield rows of what could not be looked at, of those that are not known already."""
    for each in problem_rows(scan.problems, ledger.files):
        rel, failure, before = each.stat.rel, each.failure, ledger.files.get(each.stat.rel)
        if failure and (before is None or before.error != failure.code):
            told = {"code": failure.code, "message": failure.message}
            yield {"source": source, "what": "problem", "rel": rel, **told}


def _suspicion(before: SourceScan, found: Drive, known: Mapping[bytes, KnownFile]) -> str | None:
    """Return what speaks for another drive in the place of a source's; see `drives.suspicion`."""
    if (before.fs_id is not None and before.fs_id == found.fs_id) or not os.path.isdir(before.path):
        return None
    present = [(rel, file) for rel, file in known.items() if file.state == "present"]
    some = present[:: max(1, len(present) // _SAMPLE)]
    traces = [Trace(rel, file.key[0], file.key[1]) for rel, file in some]
    return why_other(before.path, Drive(before.fs_id), found, traces)


def _is_in(path: bytes, other: bytes) -> bool:
    return rel_below(path, other) is not None
