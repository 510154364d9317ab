"""The straight line: folders -> scan -> read, decode, embed -> store."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..store.catalog.contents import count_newer, newest_id
from ..store.catalog.crashers import known_crashers
from ..store.catalog.files import count_copies, count_elsewhere, known_files, newest_file_id
from ..store.catalog.holdings import digests_without_holdings
from ..store.catalog.local_maps import digests_without_map
from ..store.knn_graph import update_graph
from ..store.progress import UNWATCHED, Watch
from ..store.records import UNREAD, Failure, FileResult, FileStat, KnownFile, Root, Told
from ..store.spec import EmbedderSpec
from ..store.store import Store
from .background_index import BackgroundIndex
from .drives.drives import real_paths, refusal, remember_drive, suspicion
from .drives.nested import why_spared
from .drives.watch import Guard, RootGone
from .executor import ThreadExecutor, default_workers, in_chunks
from .known import KnownContents
from .options import DEFAULT_OPTIONS, IndexOptions, IndexReport
from .scan.beside import Sidecars
from .scan.changes import Changes, compare, problem_rows
from .scan.walk import Scan, ScanProblem

if TYPE_CHECKING:
    from .embed.embedder import Embedder
    from .sandbox.decoders import Opener


_SIDECARS_TOGETHER = 500  # read between two commits


class Indexing:
    """One run over some folders; see `index_folders`."""

    def __init__(
        self,
        store: Store,
        spec: EmbedderSpec,
        open_embedder: "Callable[[], Embedder]",
        options: IndexOptions,
        watch: Watch,
    ) -> None:
        self._store = store
        self._spec = spec
        self._open_embedder = open_embedder
        self._options = options
        self._watch = watch
        self._workers = options.workers or default_workers()
        self._helpers = ExitStack()
        self._known_contents: KnownContents | None = None
        with store.reading() as view:
            self._newest_before = newest_file_id(view)
            self._newest_content = newest_id(view)
        self._gone: list[int] = []
        self.report = IndexReport()

    def close(self) -> None:
        """End what decodes, and wait for the index that is being made."""
        self._helpers.close()

    def claim(self) -> None:
        """Make the store one of this embedder, which must be able to run: the choice is for good.

        Raises:
            SpecMismatch: the store has another embedder.
            ModelError: a new store was to get one that cannot be loaded.
        """
        if self._store.spec is None:
            _ = self._embedder
        self._store.use_spec(self._spec)
        if self._options.regions and not self._embedder.has_maps:
            engine = self._embedder.engine
            raise UsageError(
                f"{self._spec.model} run by {engine} makes no local maps; only the shipped "
                "mobilenet_v2 run by onnx does: leave `regions=True` away, or index into a new store"
            )

    def run(self, folder: bytes) -> str | None:
        """Bring the store up to date with one folder; or change nothing, and return why."""
        scan, root, below = self._scan(folder)
        with self._store.reading() as view:
            known = known_files(view, root, below)
        self._lost = self._store.rels_without(root, self._incomplete())
        retry, accepted = self._options.retry_failed, self._options.accept_missing
        changes = compare(scan, known, retry_failed=retry, again=self._lost, accept_missing=accepted)
        if changes.is_suspect:
            with self._store.reading() as view:
                changes.elsewhere = count_elsewhere(view, root, changes.absent, self._newest_before)
        why = None if self._options.accept_drive else suspicion(self._store, root, self._guard.drive)
        refused = refusal(scan, changes, why, accepted)
        if refused is not None or self._guard.is_gone():
            return refused or _went(folder)
        self._count(changes, scan)
        self._report_problems(root, scan.problems, known)
        self._watch.progress.begin(os.fsdecode(folder), len(changes.to_read))
        try:
            self._guard.expect(changes.to_read)
            self._read(root, changes.to_read)
            self._guard.check()
        except RootGone:
            self._known_contents = None  # it counts on all that was read
            self.report.refused.append(_went(folder))
            return None
        if not self._watch.is_stopped:
            self._settle(root, changes)
            self._read_sidecars(root, changes.sidecars, scan.sidecars)
            if not scan.below:
                self._store.note_unread(root, scan.unread)
        return None

    def sum_up(self) -> IndexReport:
        """Return what the run did, each content counted once."""
        with self._store.reading() as view:
            self.report.new = count_newer(view, self._newest_content)
            self.report.copies = count_copies(view, self._newest_before, self._gone)
        return self.report

    def _settle(self, root: Root, changes: Changes) -> None:
        self._store.settle(
            root,
            absent=changes.absent,
            excluded=changes.excluded,
            returned=changes.returned,
            resolved=changes.resolved,
            devices=changes.devices,
        )
        self.report.refused += [why_spared(root.path, each, changes.unaccepted) for each in changes.away]
        self._gone += changes.absent
        self.report.absent += len(changes.absent)
        self.report.excluded += len(changes.excluded)
        mark = self._options.marker
        unmarked = remember_drive(self._store, root, self._guard.drive, mark=mark)
        self.report.unmarked += [unmarked] if unmarked else []

    def _scan(self, folder: bytes) -> tuple[Scan, Root, bytes]:
        is_file = os.path.isfile(folder)
        root, below = self._store.add_root(os.path.dirname(folder) if is_file else folder)
        if is_file:
            below = os.path.join(below, os.path.basename(folder))
        while below and not os.path.lexists(os.path.join(root.path, below)):
            below = os.path.dirname(below)  # the folder that still is there can tell what is gone
        avoid = [os.fsencode(self._store.folder)]
        self._guard = Guard(root.path)
        return Scan(root.path, self._options.scan, below=below, avoid=avoid), root, below

    def _count(self, changes: Changes, scan: Scan) -> None:
        self.report.unread += scan.unread
        self.report.listed += changes.listed
        self.report.unchanged += changes.unchanged - changes.still_failed
        self.report.failed += changes.still_failed

    def _report_problems(
        self, root: Root, problems: Sequence[ScanProblem], known: Mapping[bytes, KnownFile]
    ) -> None:
        """Keep what could not be listed where `errors` finds it; known photos stay as they were."""
        self.report.problems += [
            f"{os.fsdecode(os.path.join(root.path, problem.rel))}: {problem.message}"
            for problem in problems
        ]
        rows = problem_rows(problems, known)
        if rows:
            self._store.commit(root, rows)

    def _read(self, root: Root, files: Sequence[FileStat]) -> None:
        if not files:
            return
        from .worker import Worker

        chunks = in_chunks(files, self._workers, self._watch.stop)
        worker = Worker(root.path, self._embedder, self._known, self._open_photo)
        background = self._background
        # While some wait for the GPU, as many others decode.
        threads = self._workers * (2 if self._embedder.takes_batches else 1)
        for batch in self._batches(ThreadExecutor(threads).run(chunks, worker)):
            self._store.commit(root, batch)
            self._known.committed()
            background.committed(sum(each.photo is not None for each in batch))
            self._tally(root, batch)

    def _read_sidecars(
        self, root: Root, files: Sequence[FileStat], sidecars: Mapping[bytes, Sidecars]
    ) -> None:
        """Record what the sidecars of files say that are new, changed or gone."""
        if not files:
            return
        self._watch.progress.begin("reading sidecars", len(files))
        for start in range(0, len(files), _SIDECARS_TOGETHER):
            if self._watch.is_stopped:
                return
            some = files[start : start + _SIDECARS_TOGETHER]
            told = [each for found in some for each in self._told(root, found.rel, sidecars.get(found.rel))]
            self._store.put_sidecars(root, told)
            self.report.sidecars += len(told)
            self._watch.progress.advance(len(some), 0)

    def _told(self, root: Root, rel: bytes, sidecars: Sidecars | None) -> Iterator[Told]:
        """Yield what the sidecars of a file say; nothing where they went away meanwhile."""
        if sidecars is None:
            yield Told(rel, None)
            return
        from .decode.sidecars import read_sidecars  # nearly all runs read none

        folder = os.path.dirname(os.path.join(root.path, rel))
        with suppress(FileNotFoundError):
            said, problems = read_sidecars(folder, sidecars.names)
            self.report.problems += problems
            yield Told(rel, UNREAD if problems else sidecars.state, said)

    @cached_property
    def _open_photo(self) -> "Opener":
        """The processes that decode serve all folders of a run."""
        from .sandbox.decoders import Opener

        return self._helpers.enter_context(Opener(self._workers, self._crashers()))

    @cached_property
    def _background(self) -> BackgroundIndex:
        return self._helpers.enter_context(BackgroundIndex(self._store, self._watch.stop))

    def _crashers(self) -> dict[bytes, Failure]:
        """Return the contents that ended a decoder before, with why."""
        if self._options.retry_failed:
            return {}
        with self._store.reading() as view:
            return known_crashers(view)

    def _batches(self, chunks: Iterable[list[FileResult]]) -> Iterator[list[FileResult]]:
        """Gather results into batches, and note which photos came in."""
        limits, batch, began = self._options, list[FileResult](), time.monotonic()
        for results in chunks:
            batch += results
            self._known.expect(each.photo.content.digest for each in results if each.photo)
            self._watch.progress.advance(len(results), sum(each.failure is not None for each in results))
            is_late = time.monotonic() - began >= limits.batch_seconds
            if len(batch) >= limits.batch_files or is_late:
                yield from self._reachable(batch)
                batch, began = [], time.monotonic()
        yield from self._reachable(batch)

    def _reachable(self, batch: list[FileResult]) -> Iterator[list[FileResult]]:
        """Yield what counts of a batch; raise RootGone if the root went away meanwhile."""
        kept, is_gone = self._guard.reachable(batch)
        if kept:
            yield kept
        if is_gone:
            raise RootGone

    @cached_property
    def _embedder(self) -> "Embedder":
        """The engine loads only when a file must be read."""
        return self._open_embedder()

    def _incomplete(self) -> set[bytes]:
        """Contents that are decoded again although they are known, for what the store lacks of them.

        A thumbnail, an account of what they hold, or a local map.
        """
        lost = self._store.digests_without_thumbnail()
        with self._store.reading() as view:
            lost |= digests_without_holdings(view)
        if self._options.regions:
            from .embed.local_maps import map_kind

            with self._store.reading() as view:
                lost |= digests_without_map(view, map_kind(self._spec))
        return lost

    @property
    def _known(self) -> KnownContents:
        if self._known_contents is None:
            self._known_contents = KnownContents(self._store, self._incomplete())
        return self._known_contents

    def _tally(self, root: Root, batch: Iterable[FileResult]) -> None:
        for result in batch:
            self.report.embedded += result.photo is not None
            if result.failure is not None:
                self.report.failed += 1
                self.report.newly_failed.append(os.fsdecode(os.path.join(root.path, result.stat.rel)))
            self.report.recognized += result.photo is None and result.failure is None
            self.report.renewed += result.stat.rel in self._lost and result.failure is None


def _went(folder: bytes) -> str:
    return f"{os.fsdecode(folder)}: its drive went away during the run; what was read is kept"


def index_folders(
    store: Store,
    folders: Sequence[str | os.PathLike[str]],
    *,
    spec: EmbedderSpec,
    engine: str = "auto",
    device: str = "auto",
    options: IndexOptions = DEFAULT_OPTIONS,
    watch: Watch = UNWATCHED,
) -> IndexReport:
    """Bring the store up to date with some folders; unreadable photos are reported, not fatal.

    store: opened with create=True. folders: folders, or single files. spec: the embedder; the store must be
    new or made by it. engine, device: see `engines.open_engine`. watch: its stop may be set from anywhere;
    all finished work is kept.

    Raises:
        UsageError: a folder does not exist and never was part of the library, or lies in a place of
            nobody's photos.
        SpecMismatch, StoreLocked, StoreUnwritable: see errors.py.
    """

    def open_embedder() -> "Embedder":
        from .embed.embedder import Embedder

        return Embedder(spec, engine=engine, device=device)

    began = time.monotonic()
    paths = real_paths(store, folders)
    with store.indexing():
        with closing(Indexing(store, spec, open_embedder, options, watch)) as run:
            run.claim()
            refused = [path for path in paths if not watch.is_stopped and run.run(path)]
            # Once more: what went from one folder to another has been met there by now.
            again = (run.run(path) for path in refused if not watch.is_stopped)
            run.report.refused += [why for why in again if why]
            report = run.sum_up()
        store.publish(watch.stop)
        update_graph(store, watch)
    report.interrupted = watch.is_stopped
    report.seconds = time.monotonic() - began
    return report
