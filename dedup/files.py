"""What is done to files of a library: `library.files`, the only part that touches them."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from reprlib import repr as short

from ..errors import UsageError
from ..store.arguments import options_of
from ..store.catalog.folders import all_roots
from ..store.names import AnyPath
from ..store.progress import UNWATCHED, Watch
from ..store.store import Store
from .actions.apply import ApplyOptions, apply_plan, preview
from .actions.chosen import run_with
from .actions.journal import Record
from .actions.keywords import Wanted, preview_keywords, write_keywords
from .actions.outcome import Outcome
from .actions.papers import runs, unknown_quarantines
from .actions.planfile import MOST_BYTES, Plan, read_plan
from .actions.prune import PruneOptions, preview_prune, prune
from .actions.sidecars import tell_of_sidecars
from .actions.undo import UndoOptions, preview_undo, record_to_undo, undo
from .groups.keeper import folder_named
from .naming import whereabouts


class Files:
    """Moves files: along a plan, back again, and out of the quarantine; writes sidecars."""

    def __init__(self, store: Store, is_away: Callable[[str], bool]) -> None:
        """Make it. is_away: tells of a folder that is not there whether its drive is away."""
        self.store = store
        self._is_away = is_away

    def preview(
        self, plan: Plan | str | os.PathLike[str], options: ApplyOptions | None = None
    ) -> Iterator[Outcome]:
        """Yield what `apply` would do with a plan, as far as can be told without opening a file.

        Raises:
            UsageError: a folder to protect is not there, nor on a drive that is away.
        """
        return preview(self.store, _plan(plan), self._checked(options))

    def apply(
        self,
        plan: Plan | str | os.PathLike[str],
        options: ApplyOptions | None = None,
        watch: Watch | None = None,
    ) -> list[Outcome]:
        """Apply a plan; see `apply.apply_plan`. The library must be open for writing.

        plan: as `dupes --plan` or the page wrote it: the path of its file, or what `read_plan` makes of it.

        Raises:
            UsageError: as for `preview`.
        """
        return self._told(apply_plan(self.store, _plan(plan), self._checked(options), watch or UNWATCHED))

    def _checked(self, options: ApplyOptions | None) -> ApplyOptions:
        """Return the options: a folder whose name is mistyped would protect nothing."""
        options = options_of(ApplyOptions, options)
        folders = (folder_named(each, self._is_away) for each in options.protect)
        return replace(options, protect=tuple(folders))

    def journals(self, folders: Sequence[str] = ()) -> list[Record]:
        """Return what was done to files so far, newest first.

        folders: where to look for quarantines of other stores.
        """
        return runs(self.store.folder, folders)

    def unknown_quarantines(self) -> list[str]:
        """Return which folders of the library have files in a quarantine that this store cannot tell of."""
        with self.store.reading() as view:
            roots = [os.fsdecode(root.path) for root in all_roots(view)]
        return unknown_quarantines(self.store.folder, roots)

    def record_to_undo(self, run: str | None = None, folders: Sequence[str] = ()) -> Record | None:
        """Return the journal of a run, or the newest of which something can be put back.

        folders: where else to look, for quarantines of other stores, too. None where nothing waits.

        Raises:
            UsageError: there is no such journal.
        """
        return record_to_undo(self.store, run, folders)

    def run_with(
        self, names: AnyPath | Iterable[AnyPath], folders: Sequence[str] = ()
    ) -> tuple[Record, tuple[str, ...]]:
        """Return the newest run that moved all of some files, and where they lay: `UndoOptions(files=...)`.

        names: paths that files had, or have in the quarantine or the trash; the ends of these will do.

        Raises:
            UsageError: no file is named, there is no such run, or a name is that of several files.
        """
        return run_with(self.journals(folders), names)

    def preview_undo(self, record: Record | None, options: UndoOptions | None = None) -> Iterator[Outcome]:
        """Yield what `undo` would do; nothing is changed.

        Raises:
            UsageError: as for `undo`.
        """
        return preview_undo(self.store, _record(record), options_of(UndoOptions, options))

    def undo(
        self, record: Record | None, options: UndoOptions | None = None, watch: Watch | None = None
    ) -> list[Outcome]:
        """Put back all that a run moved; see `undo.undo`. The library must be open for writing.

        record: what `record_to_undo` returned.

        Raises:
            UsageError: it is None: there is nothing to undo.
        """
        found = undo(self.store, _record(record), options_of(UndoOptions, options), watch or UNWATCHED)
        return self._told(found)

    def preview_prune(self, options: PruneOptions | None = None) -> Iterator[Outcome]:
        """Yield what `prune` would remove; nothing is changed."""
        return preview_prune(self.store, options_of(PruneOptions, options))

    def prune(self, options: PruneOptions | None = None, watch: Watch | None = None) -> list[Outcome]:
        """Remove for good what is in quarantines; see `prune.prune`."""
        return prune(self.store, options_of(PruneOptions, options), watch or UNWATCHED)

    def preview_keywords(self, wanted: Wanted) -> Iterator[Outcome]:
        """Yield what `write_keywords` would do; nothing is changed."""
        return preview_keywords(wanted)

    def write_keywords(self, wanted: Wanted, watch: Watch | None = None) -> list[Outcome]:
        """Add keywords to the XMP sidecars of photos; `undo` takes it back.

        wanted: by the absolute path of each photo. The library must be open for writing.
        """
        return self._told(write_keywords(self.store, wanted, watch or UNWATCHED))

    def _told(self, outcomes: list[Outcome]) -> list[Outcome]:
        tell_of_sidecars(self.store, outcomes)
        return outcomes

    def locate(self, digest: str) -> list[str]:
        """Return the paths at which a content (blake3 in hex) should lie; also where `apply` put it."""
        return whereabouts(self.store, digest)


def _record(given: Record | None) -> Record:
    if given is None:
        raise UsageError("there is nothing to undo")
    if not isinstance(given, Record):
        raise UsageError(f"a run is undone by what `record_to_undo` returns, not by {short(given)}")
    return given


def _plan(given: Plan | str | os.PathLike[str]) -> Plan:
    if isinstance(given, Plan):
        return given
    if not isinstance(given, (str, os.PathLike)):
        raise UsageError(
            f"a plan is named by the path of its file, or read by `read_plan`, not {short(given)}"
        )
    try:
        with open(given, "rb") as source:
            return read_plan(source.read(MOST_BYTES + 1), os.fspath(given))
    except OSError as error:
        raise UsageError(f"cannot read the plan {os.fspath(given)}: {error.strerror}") from error
