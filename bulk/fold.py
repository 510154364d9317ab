"""From units to a library: their rows are committed to a store as an index run would have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from blake3 import blake3

from ..errors import StoreTooNew
from ..indexer.background_index import BackgroundIndex
from ..indexer.drives.drives import remember_drive
from ..indexer.scan.walk import join
from ..store.catalog.contents import count_contents
from ..store.catalog.files import known_files
from ..store.catalog.folded import folded, forget_folded, mark_folded
from ..store.catalog.folders import all_roots
from ..store.catalog.holdings import HOLDINGS_VERSION
from ..store.knn_graph import update_graph
from ..store.progress import UNWATCHED, Watch
from ..store.records import Drive, Failure, FileResult, FileStat, KnownFile, Root
from ..store.store import Store
from .dataset import DataSet
from .planned import Plan, Planned, SourceScan
from .results import read_unit
from .rows import GONE, results_in

# A crash loses one batch, which the next run commits.
_BATCH = 256
# Changes of files that are there already, by what a plan calls them.
_CHANGES = ("absent", "excluded", "returned", "resolved", "device")


@dataclass(slots=True)
class FoldReport:
    """What a store took in.

    units: how many; waiting: how many have no result yet. files: rows of these units. failed: files that
    could not be read, and folders that could not be listed. new: contents that were not known. absent:
    files that are gone. interrupted: stopped on request.
    """

    units: int = 0
    waiting: int = 0
    files: int = 0
    failed: int = 0
    new: int = 0
    absent: int = 0
    interrupted: bool = False


def fold(data: DataSet, store: Store, watch: Watch = UNWATCHED) -> FoldReport:
    """Bring a store up to date with the units that are done, in their order; those it has are skipped.

    store: opened for writing; of the same spec, or new. The caller publishes its index.

    Raises:
        SpecMismatch: the store has another embedder.
        StoreCorrupt: a result is damaged.
        StoreLocked, StoreUnwritable: see errors.py.
    """
    if data.holdings != HOLDINGS_VERSION:
        raise StoreTooNew(
            f"another version of lookalike planned {data.place.url}: it looks for other things in files; "
            "use that version, or plan another data set"
        )
    with store.indexing():
        store.use_spec(data.spec)
        return _Folding(data, store, watch).run()


def import_into(data: DataSet, store: Store, watch: Watch = UNWATCHED) -> FoldReport:
    """Fold a data set into an ordinary store, and make its index and neighborhoods."""
    report = fold(data, store, watch)
    with store.indexing():
        store.publish(watch.stop)
        update_graph(store, watch)
    return report


class _Folding:
    """One run of `fold`."""

    def __init__(self, data: DataSet, store: Store, watch: Watch) -> None:
        self._data = data
        self._store = store
        self._watch = watch
        self._planned = Planned(data)
        self._results = data.results()
        self._roots = self._add_roots()
        with store.reading() as view:
            self._had = folded(view, data.uuid)
            self._contents_before = count_contents(view)
        self._replaced = self._planned.replaced()
        self._fresh: set[int] = set()
        self.report = FoldReport()

    def _add_roots(self) -> dict[bytes, tuple[Root, bytes]]:
        """Make the sources part of the library; return where in it each lies."""
        with self._store.reading() as view:
            known = {root.path for root in all_roots(view)}
        roots = {path: self._store.add_root(path) for path in sorted(self._planned.sources)}
        if any(root.path not in known for root, _ in roots.values()):
            # A folder that was forgotten comes back whole.
            with self._store.writing() as view:
                forget_folded(view, self._data.uuid)
        return roots

    def run(self) -> FoldReport:
        """Fold what is new."""
        self._put_problems()
        self._put_units()
        if not self._watch.is_stopped:
            for plan in self._planned.plans:
                self._settle(plan)
        with self._store.reading() as view:
            self.report.new = count_contents(view) - self._contents_before
        self.report.waiting = len(self._planned.sizes.keys() - self._results.keys())
        self.report.interrupted = self._watch.is_stopped
        return self.report

    def _put_units(self) -> None:
        sizes, sources = self._planned.sizes, self._planned.of_source()
        waiting = [n for n in sizes if n in self._results and not self._is_folded(n)]
        if not waiting:
            return
        self._watch.progress.begin("units", sum(sizes[number] for number in waiting))
        with BackgroundIndex(self._store, self._watch.stop) as background:
            for number in waiting:
                if self._watch.is_stopped:
                    return
                self._put_unit(number, sources[number], background)

    def _is_folded(self, number: int) -> bool:
        return self._had.get(_unit_name(number)) == self._digest(number)

    def _digest(self, number: int) -> bytes:
        """Return what changes when a unit has another result."""
        return blake3("\n".join(self._results[number]).encode()).digest()

    def _put_unit(self, number: int, source: bytes, background: BackgroundIndex) -> None:
        table = read_unit(self._data, self._planned.unit(number), self._results[number])
        root, above = self._roots[source]
        live = [_below(each, above) for each in _live(results_in(table), self._replaced.get(number, set()))]
        # Of columns outside of the store each commit is a file.
        size = _BATCH if self._store.outside is None else max(len(live), 1)
        for start in range(0, len(live), size):
            results = live[start : start + size]
            self._store.commit(root, results)
            background.committed(sum(each.photo is not None for each in results))
            failed = sum(each.failure is not None for each in results)
            self._watch.progress.advance(len(results), failed)
            self.report.files += len(results)
            self.report.failed += failed
        self._mark(_unit_name(number), self._digest(number))
        self._fresh.add(number)
        self.report.units += 1

    def _mark(self, name: str, digest: bytes) -> None:
        with self._store.writing() as view:
            mark_folded(view, self._data.uuid, name, digest)

    # --- what plans found besides ---------------------------------------------------------------

    def _put_problems(self) -> None:
        """Keep what could not be listed where `errors` finds it."""
        for plan in self._planned.plans:
            if plan.name in self._had:
                continue
            for path, rows in self._others(plan).items():
                root, above = self._roots[path]
                problems = [_below(_problem(row), above) for row in rows if row["what"] == "problem"]
                if problems:
                    self._store.commit(root, problems)
                    self.report.failed += len(problems)

    def _settle(self, plan: Plan) -> None:
        """Record which files a plan found gone, left out or back."""
        others = self._others(plan)
        is_new = plan.name not in self._had
        for scan in plan.sources:
            rows = [row for row in others.get(scan.path, ()) if is_new or row["before"] in self._fresh]
            if is_new or rows:
                self._settle_source(scan, [row for row in rows if not self._is_read_later(row)])
            if is_new:
                self._note(scan)
        if is_new:
            self._mark(plan.name, b"")

    def _is_read_later(self, row: Mapping[str, Any]) -> bool:
        return row["rel"] in self._replaced.get(row["before"], ())

    def _settle_source(self, scan: SourceScan, rows: Sequence[Mapping[str, Any]]) -> None:
        root, above = self._roots[scan.path]
        known: Mapping[bytes, KnownFile] = {}
        if rows:
            with self._store.reading() as view:
                known = known_files(view, root, above)
        ids: dict[str, list[int]] = {what: [] for what in _CHANGES}
        devices: dict[int, int] = {}
        for row in rows:
            file = known.get(join(above, row["rel"]))
            if file is None or row["what"] not in ids:
                continue
            ids[row["what"]].append(file.id)
            if row["what"] == "device":
                devices[file.id] = row["dev"]
        self._store.settle(
            root,
            absent=ids["absent"],
            excluded=ids["excluded"],
            returned=ids["returned"],
            resolved=ids["resolved"],
            devices=devices,
        )
        self.report.absent += len(ids["absent"])

    def _note(self, scan: SourceScan) -> None:
        """Record what is known of a root as a whole, where a source is one."""
        root, above = self._roots[scan.path]
        if above or scan.below:
            return
        remember_drive(self._store, root, Drive(scan.fs_id, root.drive.marker), mark=False)
        self._store.note_unread(root, scan.unread)

    def _others(self, plan: Plan) -> dict[bytes, list[dict[str, Any]]]:
        found: dict[bytes, list[dict[str, Any]]] = {}
        for row in self._planned.others(plan):
            found.setdefault(row["source"], []).append(row)
        return found


def _unit_name(number: int) -> str:
    return f"unit {number}"


def _live(results: Iterable[FileResult], stale: set[bytes]) -> list[FileResult]:
    """Return the results that count, each content with its photo once.

    Not those of files that a later unit reads as well, nor of files that went away before they were read.
    """
    found = list(results)
    photos = {each.photo.content.digest: each.photo for each in found if each.photo}
    return [
        each if each.failure else replace(each, photo=photos.pop(each.digest or b"", None))
        for each in found
        if each.stat.rel not in stale and not _is_gone(each)
    ]


def _is_gone(result: FileResult) -> bool:
    return result.failure is not None and result.failure.code == GONE.code


def _problem(row: Mapping[str, Any]) -> FileResult:
    return FileResult(FileStat(row["rel"], 0, 0, 0, 0, 0), failure=Failure(row["code"], row["message"]))


def _below(result: FileResult, above: bytes) -> FileResult:
    """Return a result with its path below the root that its source lies in."""
    if not above:
        return result
    return replace(result, stat=replace(result.stat, rel=join(above, result.stat.rel)))
