"""What a library does with files: a part of `Library`, the only one that touches them."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from ..store.progress import Watch
    from ..store.store import Store
    from .actions.apply import ApplyOptions
    from .actions.journal import Record
    from .actions.outcome import Outcome
    from .actions.planfile import Plan
    from .actions.prune import PruneOptions
    from .actions.undo import UndoOptions


class ActsOfLibrary:
    """The methods of `Library` that move files: along a plan, back again, and out of the quarantine."""

    if TYPE_CHECKING:
        store: Store

    def preview(
        self, plan: "Plan | str | os.PathLike[str]", options: "ApplyOptions | None" = None
    ) -> "Iterator[Outcome]":
        """Yield what `apply` would do with a plan, as far as can be told without opening a file."""
        from .actions.apply import ApplyOptions, preview

        return preview(self.store, _plan(plan), options or ApplyOptions())

    def apply(
        self,
        plan: "Plan | str | os.PathLike[str]",
        options: "ApplyOptions | None" = None,
        watch: "Watch | None" = None,
    ) -> "list[Outcome]":
        """Do what a plan says; see `apply.apply_plan`. The library must be open for writing.

        plan: as `dupes --plan` or the page wrote it: the path of its file, or what `read_plan` makes of it.
        """
        from ..store.progress import UNWATCHED
        from .actions.apply import ApplyOptions, apply_plan

        return apply_plan(self.store, _plan(plan), options or ApplyOptions(), watch or UNWATCHED)

    def journals(self) -> "list[Record]":
        """Return what was done to files so far, newest first."""
        from .actions.journal import journals

        return journals(self.store.folder)

    def record_to_undo(self, run: str | None = None) -> "Record | None":
        """Return the journal of a run, or of the newest that still stands; None where there is none.

        Raises:
            UsageError: there is no such journal.
        """
        from .actions.undo import record_to_undo

        return record_to_undo(self.store, run)

    def preview_undo(self, record: "Record", options: "UndoOptions | None" = None) -> "Iterator[Outcome]":
        """Yield what `undo` would do; nothing is changed."""
        from .actions.undo import UndoOptions, preview_undo

        return preview_undo(self.store, record, options or UndoOptions())

    def undo(
        self, record: "Record", options: "UndoOptions | None" = None, watch: "Watch | None" = None
    ) -> "list[Outcome]":
        """Put back all that a run moved; see `undo.undo`. The library must be open for writing."""
        from ..store.progress import UNWATCHED
        from .actions.undo import UndoOptions, undo

        return undo(self.store, record, options or UndoOptions(), watch or UNWATCHED)

    def preview_prune(self, options: "PruneOptions | None" = None) -> "Iterator[Outcome]":
        """Yield what `prune` would remove; nothing is changed."""
        from .actions.prune import PruneOptions, preview_prune

        return preview_prune(self.store, options or PruneOptions())

    def prune(self, options: "PruneOptions | None" = None, watch: "Watch | None" = None) -> "list[Outcome]":
        """Remove for good what lies in quarantines; see `prune.prune`."""
        from ..store.progress import UNWATCHED
        from .actions.prune import PruneOptions, prune

        return prune(self.store, options or PruneOptions(), watch or UNWATCHED)

    def whereabouts(self, digest: str) -> list[str]:
        """Return the paths at which a content (blake3 in hex) should lie; also where `apply` put it."""
        from .naming import whereabouts

        return whereabouts(self.store, digest)


def _plan(given: "Plan | str | os.PathLike[str]") -> "Plan":
    from ..errors import UsageError
    from .actions.planfile import Plan, read_plan

    if isinstance(given, Plan):
        return given
    try:
        with open(given, "rb") as source:
            return read_plan(source.read(), os.fspath(given))
    except OSError as error:
        raise UsageError(f"cannot read the plan {os.fspath(given)}: {error.strerror}") from error
