"""Moving the files of a unit: all of them, or none."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from ...errors import Refusal
from ...store.place import mounts_in, read_mounts
from ...store.records import file_time
from . import links, moves
from .folders import Held
from .journal import Action, Journal
from .moves import At
from .papers import leave_papers
from .trash import Destination, Quarantine, Trash, folder_above, forget_place, trash_for
from .verify import Piece
from .witness import look, state_of

METHODS = ("auto", "trash", "quarantine", "hardlink", "symlink", "reflink")


@dataclass(frozen=True, slots=True)
class Step:
    """A file and the action that was journaled for it."""

    piece: Piece
    action: Action

    def check(self) -> None:
        """Check that what lies at the new place is what was found at the old one.

        Raises:
            Refusal: it is not; somebody was faster.
        """
        if state_of(look(self.action.to)) != state_of(self.piece.found):
            raise Refusal("changed", "it changed while it was moved, and was put back")


class Transfer:
    """Moves files by a method. quarantine: of this run. journal: gives the run's journal when needed."""

    def __init__(self, method: str, quarantine: Quarantine, journal: Callable[[], Journal]) -> None:
        self._method = method
        self._quarantine = quarantine
        self._journal = journal
        self._mounts = mounts_in(read_mounts())
        self._actions = self._units = 0

    def to_move(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return what is touched: where a link takes a photo's place, its companions stay with it.

        Raises:
            Refusal: a link was asked for in place of other bytes.
        """
        if self._method in ("auto", "trash", "quarantine"):
            return list(pieces)
        photos = [piece for piece in pieces if piece.path == piece.removal.path]
        if any(piece.digest != piece.removal.keeper.digest for piece in photos):
            raise Refusal("unsupported", f"not the bytes of the kept file: no {self._method} for it")
        return photos

    def places(self, pieces: Sequence[Piece]) -> list[tuple[str, Destination]]:
        """Return method and place of each file; nothing is made.

        Raises:
            Refusal: there is no trash, or a folder cannot be written to.
        """
        trash = self._trash(pieces)
        if trash is None:
            found = [(self._rest, self._quarantine.place(each.path, each.found)) for each in pieces]
        else:
            found = [("trash", trash.place(each.path)) for each in pieces]
        for path in (*(each.path for each in pieces), *(place.path for _, place in found)):
            _check_writable(folder_above(os.path.dirname(path)))
        return found

    def run(self, pieces: Sequence[Piece], still: Callable[[Sequence[Step]], None]) -> list[Step]:
        """Move files, or put all of them back. still: raises a Refusal when their keepers have changed.

        Raises:
            Refusal: it could not be done; everything lies where it lay.
            StoreUnwritable: the journal cannot be written.
        """
        with Held() as held:
            return self._run(pieces, still, held)

    def _run(
        self, pieces: Sequence[Piece], still: Callable[[Sequence[Step]], None], held: Held
    ) -> list[Step]:
        steps, moved = list[Step](), list[Step]()
        try:
            steps.extend(self._prepared(pieces, held))  # as far as it comes
            self._journal().intend(step.action for step in steps)
            leave_papers(self._quarantine.run, (step.action for step in steps), held)
            for step in steps:
                moved.append(step)
                _do(step, held)
            still(steps)
        except (OSError, Refusal) as error:
            self._take_all_back(steps, moved, held)
            raise _as_refusal(error) from error
        except BaseException:
            self._take_all_back(steps, moved, held)
            raise
        moves.sync_folders(
            *(os.path.dirname(path) for step in steps for path in (step.action.to, step.action.path))
        )
        self._journal().end((step.action for step in steps), "done")
        return steps

    def take_back(self, step: Step, held: Held | None = None) -> None:
        """Put a file back where it lay. held: the folders of its unit, while they are.

        Raises:
            OSError, Refusal: it cannot be done; it stays where it is.
        """
        with ExitStack() as stack:
            held = held or stack.enter_context(Held())
            action = step.action
            take_back(action, held.at(action.path), held.at(action.to))
            forget_place(action.to, action.note, held)
        self._journal().end([step.action], "failed")

    def _take_all_back(self, steps: Sequence[Step], moved: Sequence[Step], held: Held) -> None:
        for step in reversed(moved):
            with suppress(OSError, Refusal):
                self.take_back(step, held)
        for step in steps[len(moved) :]:
            forget_place(step.action.to, step.action.note, held)

    @property
    def _rest(self) -> str:
        return "quarantine" if self._method == "auto" else self._method

    def _trash(self, pieces: Sequence[Piece]) -> Trash | None:
        """Return the trash for files that are moved together, None for a quarantine."""
        if self._method not in ("auto", "trash"):
            return None
        piece = pieces[0]
        trash = trash_for(piece.path, piece.found, make=self._method == "trash", mounts=self._mounts)
        if trash is None and self._method == "trash":
            raise Refusal("no_trash", "there is no trash on its file system; use `method=quarantine`")
        return trash

    def _prepared(self, pieces: Sequence[Piece], held: Held) -> Iterator[Step]:
        self._units += 1
        trash = self._trash(pieces)
        for piece in pieces:
            if trash is None:
                place = self._quarantine.prepare(piece.path, piece.found, held)
            else:
                place = trash.prepare(piece.path, held)
            self._actions += 1
            yield Step(piece, self._action(piece, place, "trash" if trash else self._rest))

    def _action(self, piece: Piece, place: Destination, method: str) -> Action:
        return Action(
            number=self._actions,
            unit=self._units,
            method=method,
            path=piece.path,
            to=place.path,
            digest=piece.digest,
            size=piece.found.st_size,
            mtime_ns=file_time(piece.found.st_mtime_ns),
            ino=piece.found.st_ino,
            kind=piece.kind,
            keeper=piece.removal.keeper.path,
            keeper_digest=piece.removal.keeper.digest,
            note=place.note,
            base=place.base,
            same_as=piece.same_as,
        )


def _check_writable(folder: str) -> None:
    """Check that a folder can be written to, as far as can be told without doing it.

    Raises:
        Refusal: it cannot.
    """
    with suppress(OSError):  # a server that is away tells when it is asked to move
        if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
            raise Refusal("unwritable", "its drive is read-only")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise Refusal("unwritable", f"you may not write to the folder {folder}")


def _as_refusal(error: OSError | Refusal) -> Refusal:
    if isinstance(error, Refusal):
        return error
    return Refusal("unwritable", f"it cannot be moved: {error.strerror or error}")


def _do(step: Step, held: Held) -> None:
    """Do one action, in folders that are held: another one may have their name by now.

    What was moved is looked at once more: somebody may have been faster.

    Raises:
        OSError, Refusal: it failed; the file lies at either place.
    """
    path, to = held.at(step.action.path), held.at(step.action.to)
    if step.action.is_link:
        links.replace_by_link(step.action, step.piece.found, path, to)
    else:
        moves.move_new(path, to)
    step.check()


def take_back(action: Action, path: At, to: At) -> None:
    """Put the file of an action back from where it lies to where it lay, wherever the action came to.

    Raises:
        OSError, Refusal: it cannot be done: something else lies there; nothing is lost.
    """
    if action.is_link:
        links.take_back(action, path, to)
    elif moves.is_there(to):
        moves.move_new(to, path)
