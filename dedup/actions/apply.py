"""Apply a plan: each file is looked at again, journaled, moved in one step and looked at once more.

Nothing is ever removed here. A photo goes to the trash or to a quarantine on its own file system, together
with what belongs to it; a link may take its place. Whatever goes wrong, files are put back or stay where
they are, and the journal has which (see journal.py, undo.py).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ...errors import Refusal, UsageError
from ...store.catalog.files import Moved, put_back, take_away
from ...store.catalog.folders import all_roots
from ...store.lock import held
from ...store.names import is_remote
from ...store.progress import Watch
from ...store.records import file_time
from ...store.store import Store
from .claims import Claims
from .journal import Action, Journal, check_store, journals, new_name
from .links import is_link_of, links_of
from .merging import Merging, outcome_of_merge, said_by
from .outcome import MERGE, Outcome, left
from .planfile import Plan
from .sidecars import Sidecars
from .transfer import METHODS, Step, Transfer
from .trash import Quarantine
from .units import Unit, removals_of, units_of
from .verify import Checks
from .witness import look
from .writes import Write

# So many units are done before the catalog hears of it; after a crash, the next run tells it.
_UNITS_A_BATCH = 64


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How to apply a plan.

    method: "auto" (the trash where there is one, else a quarantine), "trash", "quarantine", or a link in
    the place of exact copies: "hardlink", "symlink", "reflink". include_similar: selected look-alikes may
    be moved, too. protect: folders in which nothing may be touched, besides those of the plan. quarantine:
    a folder for it, None for one in the library's own folder. merge_metadata: what leaving files say and
    kept ones do not is written into the sidecars of these first; where that cannot be, a file stays.
    """

    method: str = "auto"
    include_similar: bool = False
    protect: tuple[str, ...] = ()
    quarantine: str | None = None
    merge_metadata: bool = False


def preview(store: Store, plan: Plan, options: ApplyOptions) -> Iterator[Outcome]:
    """Yield what `apply_plan` would do, as far as can be told without opening a file; nothing is changed.

    Raises:
        UsageError: there is no such method.
    """
    before = _done_before(store)
    checks, transfer, merging = _tools(store, plan, options, "RUN", _no_journal)
    for unit in _units(plan, options):
        try:
            pieces = transfer.to_move(checks.glance(unit))
            places = transfer.places(pieces)
            merges = [
                outcome_of_merge(change, "planned", more) for _, change, more in merging.changes(unit)
            ]
        except Refusal as why:
            yield from _left(unit, why, before)
            continue
        yield from merges
        for piece, (method, place) in zip(pieces, places, strict=True):
            yield Outcome(
                *("planned", piece.path, piece.kind, piece.found.st_size, method, place.path),
                keeper=piece.removal.keeper.path,
            )


def apply_plan(store: Store, plan: Plan, options: ApplyOptions, watch: Watch) -> list[Outcome]:
    """Apply a plan; return what became of each selected file and what belongs to it.

    store: open for writing. A stop of the watch ends the run between two units; all is in order then.

    Raises:
        UsageError: there is no such method.
        StoreLocked: another run is moving files.
        StoreUnwritable: the journal cannot be written; nothing more was done.
    """
    check_store(store.folder)  # nothing would be put back by its journal
    with held(store.folder, "actions", store.lock_timeout_s):
        catch_up(store)
        return _Applying(store, plan, options).run(watch)


class _Applying:
    """One run over a plan."""

    def __init__(self, store: Store, plan: Plan, options: ApplyOptions) -> None:
        self._store, self._plan, self._options = store, plan, options
        self._name = new_name()
        self._journal: Journal | None = None
        tools = _tools(store, plan, options, self._name, self._begun)
        self._checks, self._transfer, self._merging = tools
        self._before = _done_before(store)
        self._done: list[tuple[Unit, list[Step]]] = []
        self._merged: list[list[Write]] = []
        self._told = 0

    def _begun(self) -> Journal:
        """Return the journal; a run that touches nothing leaves none."""
        if self._journal is None:
            self._journal = Journal.begin(
                self._store.folder, self._name, method=self._options.method, plan=self._plan.digest
            )
        return self._journal

    def run(self, watch: Watch) -> list[Outcome]:
        units = list(_units(self._plan, self._options))
        watch.progress.begin("moving files", sum(len(unit.removals) for unit in units))
        found: list[Outcome] = []
        with ExitStack() as stack:
            stack.callback(self._close)
            for unit in units:
                if watch.is_stopped:
                    break
                outcomes = self._unit(unit)
                found += outcomes
                failed = sum(each.state == "left" for each in outcomes)
                watch.progress.advance(len(unit.removals), min(failed, len(unit.removals)))
                if len(self._done) - self._told >= _UNITS_A_BATCH:
                    self._tell_catalog()
            changed = self._last_look()
            self._tell_catalog()
        return [changed.get(each.path, each) for each in found]

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _unit(self, unit: Unit) -> list[Outcome]:
        try:
            pieces = self._transfer.to_move(self._checks.examine(unit))
            writes, merges = self._merging.write(unit)
            try:
                steps = self._transfer.run(pieces, lambda steps: self._check_keepers(unit, steps))
            except BaseException:
                self._merging.take_back(writes)
                raise
        except Refusal as why:
            return list(_left(unit, why, self._before))
        self._done.append((unit, steps))
        self._merged.append(writes)
        merges = [replace(each, run=self._name) for each in merges]
        return [*merges, *(outcome_of(step.action, "done", self._name) for step in steps)]

    def _check_keepers(self, unit: Unit, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.action.is_photo:
                self._checks.check_moved(step.piece.removal, step.action.to)
        self._checks.check_keepers_again(unit)

    def _last_look(self) -> dict[str, Outcome]:
        """Put back what was written to after it was moved, or whose keeper was: no edit shall be lost."""
        changed: dict[str, Outcome] = {}
        for number, (unit, steps) in enumerate(self._done):
            why = self._changed(unit, steps, self._merged[number])
            if why is not None:
                for step in steps:
                    changed[step.action.path] = self._put_back(step, why)
                self._unmerge(number, why, changed)
                self._done[number] = (unit, [])
        return changed

    def _unmerge(self, number: int, why: Refusal, changed: dict[str, Outcome]) -> None:
        """Take back what was merged, if all files that said it are back."""
        writes = self._merged[number]
        if any(changed[step.action.path].code == "occupied" for step in self._done[number][1]):
            return
        self._merging.take_back(writes)
        for write in writes:
            changed[write.path] = Outcome(
                "left", write.path, "sidecar", 0, MERGE, "", write.photo, why.code, str(why), self._name
            )

    def _changed(self, unit: Unit, steps: Sequence[Step], writes: Sequence[Write]) -> Refusal | None:
        try:
            self._checks.check_keepers_again(unit)
            self._merging.check(writes)
            for step in steps:
                step.check()
        except Refusal as why:
            return why
        return None

    def _put_back(self, step: Step, why: Refusal) -> Outcome:
        outcome = outcome_of(step.action, "left", self._name)
        try:
            self._transfer.take_back(step)
        except (OSError, Refusal) as error:
            reason = f"{why}; something new is in its place, so it stays at {step.action.to} ({error})"
            return replace(outcome, code="occupied", reason=reason)
        tell_catalog(self._store, [step.action])
        return replace(outcome, to="", code=why.code, reason=str(why))

    def _tell_catalog(self) -> None:
        actions = [step.action for _, steps in self._done[self._told :] for step in steps]
        tell_catalog(self._store, actions)
        self._told = len(self._done)


def _tools(
    store: Store, plan: Plan, options: ApplyOptions, name: str, journal: Callable[[], Journal]
) -> tuple[Checks, Transfer, Merging]:
    if options.method not in METHODS:
        raise UsageError(f"there is no method {options.method!r}; there are {', '.join(METHODS)}")
    removals = removals_of(plan)
    if removals and all(is_remote(each.path) for each in removals):
        raise UsageError(
            "the files of this plan lie in an object store, where nothing is touched; delete them with "
            "your own tool: `lookalike dupes --format paths` lists them"
        )
    with store.reading() as view:
        roots = [os.fsdecode(root.path) for root in all_roots(view)]
        claims = Claims(view, removals)
        said = said_by(view, removals) if options.merge_metadata else {}
    quarantine = Quarantine(name, roots, options.quarantine)
    links = links_of(journals(store.folder))
    # Where a link takes the place of a file, its own sidecar stays.
    merges = options.merge_metadata and options.method in ("auto", "trash", "quarantine")
    sidecars = Sidecars((*plan.protect, *options.protect), journal) if merges else None
    transfer = Transfer(options.method, quarantine, journal)
    return Checks(plan, claims, links, roots), transfer, Merging(said, sidecars)


def _units(plan: Plan, options: ApplyOptions) -> Iterator[Unit]:
    return units_of(
        plan,
        include_similar=options.include_similar,
        protect=options.protect,
        merges=options.merge_metadata,
    )


def _no_journal() -> Journal:
    raise AssertionError("a preview does nothing")


def outcome_of(action: Action, state: str, run: str) -> Outcome:
    """Return what became of the file of an action."""
    return Outcome(
        state, action.path, action.kind, action.size, action.method, action.to, action.keeper, run=run
    )


def _left(unit: Unit, why: Refusal, before: dict[str, tuple[Action, str]]) -> Iterator[Outcome]:
    """Yield what became of a unit that was refused: nothing, or an earlier run did all of it."""
    paths = [removal.path for removal in unit.removals]
    if why.code in ("gone", "offline") and all(
        path in before and not os.path.lexists(path) for path in paths
    ):
        for path in [*paths, *(each.path for each, _ in unit.companions)]:
            if path in before:
                yield outcome_of(before[path][0], "before", before[path][1])
        return
    yield from left(unit, why)


def _done_before(store: Store) -> dict[str, tuple[Action, str]]:
    """Return the actions of earlier runs that still stand, by path, each with the name of its run."""
    return {
        action.path: (action, record.name)
        for record in reversed(journals(store.folder))
        for action in record.pending
        if os.path.lexists(action.to)
    }


def catch_up(store: Store) -> None:
    """Tell the catalog what a run did that was cut off."""
    for record in journals(store.folder):
        if not record.is_closed:
            tell_catalog(store, record.pending)


def tell_catalog(store: Store, actions: Sequence[Action]) -> None:
    """Record in the catalog how the files of actions lie now."""
    gone, there = list[str](), list[Moved]()
    for action in actions:
        try:
            found = look(action.path)
        except Refusal:
            gone.append(action.path)  # a symbolic link is no photo of its own either
            continue
        # What somebody put there since is for the next index run to see.
        is_original = (found.st_ino, found.st_size, file_time(found.st_mtime_ns)) == (
            action.ino,
            action.size,
            file_time(action.mtime_ns),
        )
        if is_original or (action.is_link and is_link_of(action)):
            there.append(Moved(action.path, found, action.digest))
    if actions:
        with store.writing() as view:
            take_away(view, gone)
            put_back(view, there)
