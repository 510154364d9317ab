"""Putting back what `apply` moved: by content, after renames, as often as one likes, and after a crash."""

import errno
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ...errors import Refusal, UsageError
from ...store.catalog.folders import all_roots
from ...store.lock import held
from ...store.names import is_below, listed
from ...store.progress import Watch
from ...store.store import Store
from . import links, moves
from .apply import outcome_of, tell_catalog
from .folders import Held, has_entries
from .journal import Action, Journal, Record, check_store
from .moves import At
from .others import Others
from .outcome import MERGE, Outcome
from .papers import named_runs, run_named, runs
from .transfer import take_back
from .trash import QUARANTINE, forget_place, rest_of, tidy
from .trust import check_target, has_own_quarantine, hold_place, hold_target, is_trash
from .waiting import holder
from .witness import State, digest_of, look, state_of
from .writes import Write


class Finder:
    """Finds the files of a journal.

    roots: of the library today. more: folders that the user names. taken: tells of a file that lies neither
    where it was put nor in the quarantine of this run whether it is another's.
    """

    def __init__(
        self,
        record: Record,
        roots: Sequence[str] = (),
        more: Sequence[str] = (),
        taken: Callable[[Action, str], bool] = lambda *_: False,
    ) -> None:
        bases = {action.base for action in record.actions if action.base}
        runs = [os.path.join(base, QUARANTINE, record.name) for base in (*bases, *roots, *more)]
        bins = {os.path.dirname(action.to) for action in record.actions if action.method == "trash"}
        # A library with another name has the quarantine in it: its photos are not what was moved.
        more = [each for each in more if not os.path.isdir(os.path.join(each, QUARANTINE, record.name))]
        self._folders = [*dict.fromkeys(runs), *filter(is_trash, sorted(bins)), *more]
        self._name, self._taken = record.name, taken
        self._by_size: dict[int, list[str]] | None = None
        self._others = {path for each in record.actions for path in (each.to, each.keeper)}
        self._rests = {self._rest(action.to) for action in record.actions} - {""}

    def find(self, action: Action) -> tuple[Action, State]:
        """Return the action with the places that its file and its path have now, and the file's state.

        Raises:
            Refusal: no file with its content is found.
        """
        others = ""
        for place in self._candidates(action):
            with suppress(Refusal):
                if look(place).st_size != action.size:
                    continue
                digest, found = digest_of(place)
                if digest != action.digest:
                    continue
                if place == action.to or self._rest(place) or not self._taken(action, place):
                    return self._relocated(action, place), state_of(found)
                others = others or place
        raise Refusal("gone", _gone(action, others))

    def _candidates(self, action: Action) -> Iterator[str]:
        yield action.to
        if self._by_size is None:
            self._by_size = _by_size(self._folders)
        # Others may have the same content: the kept file, and what another action moved. Below a renamed
        # folder each lies where it lay.
        found = [path for path in self._by_size.get(action.size, []) if path not in self._others]
        own = self._rest(action.to)
        yield from (path for path in found if own and self._rest(path) == own)
        yield from (path for path in found if self._rest(path) not in self._rests)

    def _rest(self, place: str) -> str:
        return rest_of(place, self._name)[1]

    def _relocated(self, action: Action, place: str) -> Action:
        """Return an action whose folder may have another name today: the quarantine went with it."""
        base, found, _ = place.partition(os.path.join(os.sep + QUARANTINE, self._name, ""))
        if not found or not action.base or base == action.base:
            return replace(action, to=place)
        path, keeper = (_under(base, each, action.base) for each in (action.path, action.keeper))
        return replace(action, to=place, base=base, path=path, keeper=keeper)


def _gone(action: Action, others: str) -> str:
    """Return why a file is not found. others: where its content is another file's, if anywhere."""
    if others:
        return (
            f"its content lies at {others}, but that is a file of the library, was kept, or was moved by "
            "another run: it is not taken; copy it if you want two"
        )
    if action.base and not has_entries(action.base):
        return (
            f"it lies in a quarantine in {action.base}, which is not there: connect the drive, or name the "
            "folder that it is now with `from=FOLDER`"
        )
    kind = "trash" if action.method == "trash" else "quarantine"
    where = holder(action.method, action.to)
    return f"no longer in the {kind} {where}; `from=FOLDER` looks in another folder"


def _under(base: str, path: str, before: str) -> str:
    """Return the path that a file has when the folder `before` is called `base`."""
    return os.path.join(base, os.path.relpath(path, before)) if is_below(path, [before]) else path


def _by_size(folders: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for top in folders:
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                with suppress(OSError):
                    found[os.lstat(path).st_size].append(path)
    return found


_ACTIONS_A_BATCH = 64


@dataclass(frozen=True, slots=True)
class UndoOptions:
    """What to undo. run: name or path of a journal, None for the newest that moved something.

    folders: where else to look for files that somebody took out of the quarantine or the trash. files: only
    these, by the paths that they had, and what belongs to them; None: all.
    """

    run: str | None = None
    folders: tuple[str, ...] = ()
    files: Sequence[str] | None = None


def record_to_undo(store: Store, run: str | None, folders: Sequence[str] = ()) -> Record | None:
    """Return the journal of a run, or of the newest of which something can be put back; None for none.

    Where nothing can be put back of any, that of the newest that moved something which is not back; None if
    `prune` took it.
    folders: where else to look for files, and for quarantines of other stores.

    Raises:
        UsageError: there is no such journal.
        Refusal: a stranger can have written the journals.
    """
    if run is not None:
        return run_named(store.folder, run, folders)
    records = runs(store.folder, folders)
    pending = _pending(records, folders)
    options = UndoOptions(folders=tuple(folders))
    able = (record for record in pending if _can_put_back(store, record, options))
    return next(able, None) or _newest_not_back(records, pending)


def _newest_not_back(records: Iterable[Record], pending: Sequence[Record]) -> Record | None:
    """Return the newest run of those pending, None if files of a later one were pruned: it is meant."""
    if pending and not any(each.standing().pruned.files for each in records if each.name > pending[0].name):
        return pending[0]
    return None


def _can_put_back(store: Store, record: Record, options: UndoOptions) -> bool:
    return any(outcome.state == "planned" for outcome in preview_undo(store, record, options))


def passed_over(records: Sequence[Record], record: Record, folders: Sequence[str] = ()) -> list[Record]:
    """Return the runs after a run that could have been meant. records: of all runs; folders: as named."""
    return [each for each in _pending(records, folders) if each.name > record.name]


def _pending(records: Iterable[Record], folders: Sequence[str]) -> list[Record]:
    """Return the runs of which something is not back; who names a quarantine means those in it."""
    there = named_runs(folders)
    return [each for each in records if (not there or each.name in there) and each.is_pending]


def preview_undo(store: Store, record: Record, options: UndoOptions) -> Iterator[Outcome]:
    """Yield what `undo` would do with the files of a journal; nothing is changed.

    Raises:
        UsageError: a file that is named is none of the run.
    """
    undoing = _Undoing(store, record, options)
    yield from (undoing.outcome(action, undoing.settled) for action in undoing.actions)
    yield from map(undoing.write_settled, undoing.writes)


def undo(store: Store, record: Record, options: UndoOptions, watch: Watch) -> list[Outcome]:
    """Put back all that a run moved; return what became of each file.

    store: open for writing. Nothing is replaced: where something else lies in the place of a file, it stays
    where it is, with what belongs to it, and so it does when it was pruned or is not found.

    Raises:
        StoreLocked: another run is moving files.
        StoreUnwritable: the journal cannot be written; nothing more was done.
        Refusal: a stranger can have written the journal.
        UsageError: a file that is named is none of the run.
    """
    with held(store.folder, "actions", store.lock_timeout_s), Journal(record.path) as journal:
        undoing, found = _Undoing(store, record, options), list[Outcome]()
        watch.progress.begin("putting back", len(undoing.actions))
        for actions in _batches(undoing.actions):
            if watch.is_stopped:
                break
            outcomes = [undoing.outcome(action, undoing.put_back) for action in actions]
            found += outcomes
            watch.progress.advance(len(actions), sum(each.state == "left" for each in outcomes))
            # The catalog before the journal: what a crash leaves pending is done, and told, once more.
            tell_catalog(store, actions)
            back = zip(actions, outcomes, strict=True)
            journal.end((action for action, outcome in back if _is_ended(outcome)), "undone")
        if not watch.is_stopped:
            found += undoing.take_back_writes(journal)
        undoing.tidy()
    return found


def _batches(actions: Sequence[Action]) -> Iterator[Sequence[Action]]:
    for start in range(0, len(actions), _ACTIONS_A_BATCH):
        yield actions[start : start + _ACTIONS_A_BATCH]


def _is_ended(outcome: Outcome) -> bool:
    """Tell whether nothing is left to do: what came back by other hands still lies in the quarantine."""
    return outcome.state != "left" and not os.path.lexists(outcome.to)


class _Undoing:
    """One run over a journal."""

    def __init__(self, store: Store, record: Record, options: UndoOptions) -> None:
        check_store(store.folder)
        with store.reading() as view:
            self._roots = [os.fsdecode(root.path) for root in all_roots(view)]
        self._record = record
        self._named = [os.path.abspath(each) for each in options.folders]
        self._finder = Finder(record, self._roots, self._named, Others(store, record).has)
        files = _named(record, options.files)
        units = {each.unit for each in record.actions if each.path in files}
        chosen = [each for each in record.actions if each.unit in units]
        # What could not be done at the time lies where it lay.
        self.actions = _in_order(each for each in chosen if not self._was_put_back(each, "failed"))
        self._writes_of = defaultdict[str, list[Write]](list)  # by sidecar, the first one first
        for write in record.pending_writes:
            self._writes_of[write.path].append(write)
        self.writes = self._chosen_writes(None if options.files is None else {each.path for each in chosen})
        self._numbers = {each.number for each in self.writes}
        self._stuck: dict[int, Action] = {}
        self._away = set[str]()  # photos that were not put back

    def _chosen_writes(self, photos: set[str] | None) -> list[Write]:
        """Return the writes to take back, the last one first: of two in one sidecar it hides the earlier.

        photos: that are put back, None for all. What waited in their sidecars for them is taken back, too.
        """
        writes = self._record.pending_writes[::-1]
        if photos is None:
            return writes
        paths = {each.path for each in writes if each.leaving in photos}
        photos |= {each.path for each in self._record.actions if self._was_put_back(each, "undone")}
        return [each for each in writes if each.path in paths and each.leaving in photos]

    def tidy(self) -> None:
        """Remove what is left of quarantines in which nothing lies any more."""
        bases = {action.base for action in self.actions if action.base}
        tidy(filter(has_own_quarantine, [*bases, *self._roots]))

    def _was_put_back(self, action: Action, state: str) -> bool:
        return self._record.ends.get(action.number) == state and not os.path.lexists(action.to)

    def outcome(self, action: Action, step: Callable[[Action], tuple[str, Action]]) -> Outcome:
        """Return what a step makes of an action."""
        try:
            state, now = step(action)
        except Refusal as why:
            return self._left(action, why.code, str(why))
        except OSError as error:
            reason = f"it cannot be put back: {error.strerror or error}; it stays at {action.to}"
            return self._left(action, "unwritable", reason)
        return outcome_of(now, state, self._record.name)

    def _left(self, action: Action, code: str, reason: str) -> Outcome:
        if action.is_photo:
            self._away.add(action.path)
        # Beside the place of a photo that was pruned, what belongs to it is nobody else's.
        if action.is_photo and (code != "pruned" or _is_occupied(action)):
            self._stuck[action.unit] = action
        return replace(outcome_of(action, "left", self._record.name), code=code, reason=reason)

    def write_settled(self, write: Write) -> Outcome:
        """Return what undoing would make of what was written into a sidecar."""
        if write.is_back:
            return self._of_write(write, "before")
        on_top = [each for each in self._writes_of[write.path] if each.number >= write.number]
        away = next((each.leaving for each in on_top if each.leaving in self._away), None)
        if away is not None:
            why = f"it keeps what {away} said, which cannot be put back"
            return self._of_write(write, "left", "together", why)
        other = next((each.leaving for each in on_top if each.number not in self._numbers), None)
        if other is not None:
            why = f"it also says what {other} said, and will be what it was once that one is back"
            return self._of_write(write, "waiting", reason=why)
        if not is_below(write.path, self._roots):
            return self._of_write(write, "left", "foreign", "it is not in the library")
        # Of several in one sidecar only the last can be seen before it is taken back.
        if on_top == [write] and not write.is_there:
            return self._of_write(write, "left", "changed", "it changed since it was written")
        return self._of_write(write, "planned")

    def take_back_writes(self, journal: Journal) -> Iterator[Outcome]:
        """Make sidecars what they were, as far as nobody wrote to them since; yield what became of each."""
        for write in self.writes:
            outcome = self.write_settled(write)
            if outcome.state == "planned":
                outcome = self._taken_back(write)
            if outcome.state in ("done", "before"):
                journal.end_writes([write], "undone")
            yield outcome

    def _taken_back(self, write: Write) -> Outcome:
        try:
            write.take_back()
        except Refusal as why:
            return self._of_write(write, "left", why.code, str(why))
        except OSError as error:
            return self._of_write(
                write, "left", "unwritable", f"cannot be written: {error.strerror or error}"
            )
        return self._of_write(write, "done")

    def _of_write(self, write: Write, state: str, code: str = "", reason: str = "") -> Outcome:
        keeper, run = write.photo, self._record.name
        return Outcome(state, write.path, "sidecar", 0, MERGE, "", keeper, code, reason, run)

    def settled(self, action: Action) -> tuple[str, Action]:
        """Return "before" when a file is back already, else "planned", and the action as things lie today.

        Raises:
            Refusal: it cannot be put back.
        """
        with Held() as held:
            now, found = self._settled(action, held)
        return "planned" if found else "before", now

    def _settled(self, action: Action, held: Held) -> tuple[Action, tuple[At, State] | None]:
        """Return the action as things lie today, its held file and that state; None: it is back."""
        if _is_back(action) or self._was_put_back(action, "undone"):
            return action, None
        now, state = self._found(action)
        if now.path != action.path and _is_back(now):
            return now, None
        if not now.is_photo and now.unit in self._stuck:
            photo = self._stuck[now.unit].path
            raise Refusal(
                "together", f"it belongs to {photo}, which cannot be put back; it stays at {now.to}"
            )
        if _is_occupied(now):
            raise Refusal(
                "occupied",
                f"something else is there now; move it away and undo again (it stays at {now.to})",
            )
        to = self._hold(now, held)
        self._check_there(now)
        return now, (to, state)

    def put_back(self, action: Action) -> tuple[str, Action]:
        """Put a file back; return as `settled` does, "done" for what was done.

        Raises:
            Refusal, OSError: it cannot be put back; it stays where it is.
        """
        with Held() as held:
            now, found = self._settled(action, held)
            if found is None:
                with suppress(Refusal):
                    self._clear_up(now, held)
                return "before", now
            to, state = found
            path = hold_target(held, now.path, self._tops(now))
            if state_of(look(to)) != state:
                raise Refusal("changed", f"it changed in this very moment; it stays at {now.to}")
            try:
                take_back(now, path, to)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                moves.copy_new(to, path)
            forget_place(now.to, now.note, held)
        moves.sync_folders(os.path.dirname(now.path), os.path.dirname(now.to))
        return "done", now

    def _clear_up(self, now: Action, held: Held) -> None:
        """Tidy up where a file lay that is back.

        Raises:
            Refusal: by what a journal alone says, nothing is removed.
        """
        to = self._hold(now, held)
        if now.is_link:  # that a crash left in the quarantine
            links.take_back(now, hold_target(held, now.path, self._tops(now)), to)
        forget_place(now.to, now.note, held)

    def _found(self, action: Action) -> tuple[Action, State]:
        try:
            return self._finder.find(action)
        except Refusal:
            if self._record.state_of(action) == "pruned":
                raise Refusal("pruned", f"it was pruned; {action.keeper} was kept for it") from None
            raise

    def _hold(self, now: Action, held: Held) -> At:
        """Return the place of a file that is taken out of what is this user's, and goes where it came from.

        Raises:
            Refusal: a journal alone says so.
        """
        found = hold_place(held, now.to, self._record.name, self._named)
        check_target(now.path, now.to, self._record.name, self._tops(now))
        return found

    def _tops(self, now: Action) -> list[str]:
        """Return the folders of the library, and those with the quarantine."""
        bases = {now.base, rest_of(now.to, self._record.name)[0]} - {""}
        return [*self._roots, *filter(has_own_quarantine, bases)]

    def _check_there(self, action: Action) -> None:
        """Check that the folder is there which a file comes back to: a drive may be away."""
        for folder in (action.base, *self._roots):
            if folder and is_below(action.path, [folder]) and not os.path.isdir(folder):
                raise Refusal("offline", f"the folder {folder} is away")


def _named(record: Record, files: Sequence[str] | None) -> set[str]:
    """Return which files of a run are meant, by the paths that they had."""
    known = {each.path for each in record.actions}
    if files is None:
        return known
    named = listed(files, "files")
    unknown = next((each for each in named if each not in known), None)
    if unknown is not None:
        raise UsageError(f"the run {record.name} moved no file {unknown}")
    return set(named)


def _in_order(actions: Iterable[Action]) -> list[Action]:
    """Return the last unit first, of each the photos first: what belongs to them goes where they go."""
    units: dict[int, list[Action]] = defaultdict(list)
    for action in reversed(list(actions)):
        units[action.unit].append(action)
    return [each for unit in units.values() for each in sorted(unit, key=lambda each: not each.is_photo)]


def _is_occupied(action: Action) -> bool:
    """Tell whether something that is no link of ours lies in the place of a file."""
    return os.path.lexists(action.path) and not (action.is_link and links.is_link_of(action))


def _is_back(action: Action) -> bool:
    """Tell whether a file lies where it lay before the action, whether it never left or came back."""
    if links.is_original(action):
        return True
    # A link of ours shows the same bytes; it is not what lay there as long as that lies elsewhere.
    return not (action.is_link and os.path.lexists(action.to)) and _is_same(action.path, action)


def _is_same(path: str, action: Action) -> bool:
    """Tell whether a file has the content that an action is about."""
    try:
        return look(path).st_size == action.size and digest_of(path)[0] == action.digest
    except Refusal:
        return False
