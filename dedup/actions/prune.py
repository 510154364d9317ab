"""Removing for good what was quarantined for long enough and has a survivor."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...errors import Refusal
from ...store.catalog.contents import ids_of
from ...store.catalog.photos import photos_of
from ...store.lock import held
from ...store.progress import Watch
from ...store.store import Store
from . import moves
from .apply import outcome_of
from .folders import Held
from .journal import Action, Journal, Record, check_store, journals
from .moves import At
from .outcome import Outcome
from .survivor import Inode, Survivors, check_single, inode_of
from .trash import forget_place
from .trust import hold_quarantined
from .witness import digest_of, is_whole_picture


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """What to prune. older_than: the least time in the quarantine. run: only of this run."""

    older_than: timedelta = timedelta(days=30)
    run: str | None = None


def preview_prune(store: Store, options: PruneOptions) -> Iterator[Outcome]:
    """Yield what `prune` would remove; nothing is changed."""
    pruning = _Pruning(store)
    for record in _due(store, options):
        for actions in _units(record):
            yield from pruning.unit(record, actions, None)


def prune(store: Store, options: PruneOptions, watch: Watch) -> list[Outcome]:
    """Remove for good what is in quarantines; return what became of each file.

    A file is removed only if what was kept for it can be read: the kept picture of an exact or proven copy,
    the same bytes of a RAW or a video. Files that belong together are removed together. The trash is the
    user's own to empty.

    Raises:
        StoreLocked: another run is moving files.
        StoreUnwritable: a journal cannot be written; nothing more was done.
    """
    with held(store.folder, "actions", store.lock_timeout_s):
        pruning, found = _Pruning(store), list[Outcome]()
        for record in _due(store, options):
            units = _units(record)
            if not units:
                continue
            watch.progress.begin(f"pruning {record.name}", len(units))
            with Journal(record.path) as journal:
                for actions in units:
                    if watch.is_stopped:
                        return found
                    outcomes = list(pruning.unit(record, actions, journal))
                    found += outcomes
                    watch.progress.advance(1, any(each.state == "left" for each in outcomes))
    return found


def _due(store: Store, options: PruneOptions) -> list[Record]:
    """Return the journals whose files were quarantined for long enough, oldest first.

    Raises:
        Refusal: a stranger can have written them.
    """
    check_store(store.folder)
    now = datetime.now(UTC)
    found = (each for each in reversed(journals(store.folder)) if options.run in (None, each.name))
    return [each for each in found if each.began_at and now - each.began_at >= options.older_than]


def _units(record: Record) -> list[list[Action]]:
    """Return what lies in the quarantine, by what belongs together."""
    units: dict[int, list[Action]] = defaultdict(list)
    for action in record.pending:
        if action.method != "trash" and os.path.lexists(action.to):
            units[action.unit].append(action)
    return list(units.values())


def _remove(record: Record, places: dict[Action, At], journal: Journal, held: Held) -> Iterator[Outcome]:
    """Remove what belongs together, the sidecars last, up to the first file that cannot be removed.

    A photo without its sidecar is poorer than a sidecar without its photo. places: of the files, held.
    """
    rest = sorted(places, key=lambda action: (not action.is_photo, action.kind == "sidecar"))
    journal.end(rest, "pruning")
    journal.write()
    reason = ""
    for number, action in enumerate(rest):
        try:
            moves.remove_for_good(places[action])
        except OSError as error:
            name = os.path.basename(action.to)
            reason = (
                f"{name} cannot be removed: {error.strerror}; the next prune tries again, undo puts it back"
            )
            rest = rest[number:]
            break
        forget_place(action.to, "", held)
        journal.end([action], "pruned")
        yield outcome_of(action, "done", record.name)
    else:
        return
    journal.end(rest, "kept")
    for action in rest:
        yield replace(outcome_of(action, "left", record.name), code="unwritable", reason=reason)


def _check_whole(record: Record, actions: Sequence[Action]) -> None:
    """Check that the photo is known to which companions belong: its line may be damaged.

    Raises:
        Refusal: it is not; code "damaged".
    """
    unit = actions[0].unit
    if not any(action.is_photo for action in record.actions if action.unit == unit):
        raise Refusal("damaged", f"the photo that it belongs to is in no sound line of {record.path}")


class _Pruning:
    """Looks for survivors, and checks that they are other files."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._survivors = Survivors(_set_aside(store))

    def unit(self, record: Record, actions: Sequence[Action], journal: Journal | None) -> Iterator[Outcome]:
        """Check what belongs together, remove it, and yield what became of each file.

        journal: None: nothing is removed.
        """
        with Held() as held:
            try:
                # What is checked is what is removed, whatever its name leads to by then.
                places = {each: hold_quarantined(held, each.to, record.name) for each in actions}
                _check_whole(record, actions)
                for action in actions:
                    self._check(action, places[action])
            except (Refusal, OSError) as why:
                code = why.code if isinstance(why, Refusal) else "unwritable"
                for action in actions:
                    yield replace(outcome_of(action, "left", record.name), code=code, reason=str(why))
                return
            if journal is not None:
                yield from _remove(record, places, journal, held)
            else:
                yield from (outcome_of(action, "planned", record.name) for action in actions)

    def _check(self, action: Action, place: At) -> None:
        """Check that a file is what was put there, and that there is a survivor.

        Raises:
            Refusal: it stays.
        """
        if digest_of(place)[0] != action.digest:
            raise Refusal("changed", f"{action.to} is not what was put there")
        check_single(action.to)
        if action.kind != "sidecar":
            self._check_survivor(action, place)

    def _check_survivor(self, action: Action, place: At) -> None:
        why = _without_survivor(action)
        for path, digest in self._kept(action):
            try:
                self._survivors.check(place, path, same_bytes=digest == action.digest)
            except Refusal as error:
                why = Refusal(error.code, f"{error}; this may be the last copy")
            else:
                return
        raise why

    def _kept(self, action: Action) -> Iterator[tuple[str, str]]:
        """Yield the files, and their digests, that hold what must be left of another; each was read."""
        if not action.is_photo:
            with suppress(Refusal):
                if action.same_as and digest_of(action.same_as)[0] == action.digest:
                    yield action.same_as, action.digest
            return
        # A copy is proven of its keeper; in either case it is the keeper's content that must be whole.
        digest = action.digest if action.kind == "similar" else action.keeper_digest
        yield from (
            (path, digest) for path in self._places(action, digest) if is_whole_picture(path, digest)
        )

    def _places(self, action: Action, digest: str) -> Iterator[str]:
        """Yield where a content may lie: where it was kept, then wherever the library has it."""
        if _is_linked(action):
            yield os.path.realpath(action.path)
            return
        kept = "" if action.kind == "similar" else action.keeper
        if kept:
            yield kept
        with self._store.reading() as view:
            ids = list(ids_of(view, [bytes.fromhex(digest)]).values())
            files = [file.path for photo in photos_of(view, ids=ids) for file in photo.files]
        yield from (path for path in files if path != kept)


def _is_linked(action: Action) -> bool:
    """Tell whether a symbolic link in the place of a file must go on showing it."""
    return action.method == "symlink" and os.path.islink(action.path)


def _without_survivor(action: Action) -> Refusal:
    """Return why a file stays of which nothing else is whole."""
    if _is_linked(action):
        return Refusal(
            "dangling",
            f"the link {action.path} does not lead to its picture any more, as what was kept was moved or "
            "changed: undo it, or remove the link first",
        )
    kept = action.same_as or action.keeper
    return Refusal(
        "last_copy",
        f"what was kept for {os.path.basename(action.path)} ({kept}) is not there or cannot be read: this "
        "may be the last copy; undo it, or index its folder first",
    )


def _set_aside(store: Store) -> set[Inode]:
    """Return by what the files are known that lie in the quarantines and trashes of all runs."""
    found = set[Inode]()
    for record in journals(store.folder):
        for action in record.pending:
            with suppress(OSError):
                found.add(inode_of(os.lstat(action.to)))
    return found
