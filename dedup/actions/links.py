"""A link in the place of a photo: there is no moment without a whole file, where the system allows that."""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace

from ...errors import Refusal
from . import moves
from .journal import Action, Record
from .moves import At
from .witness import digest_of


def replace_by_link(action: Action, found: os.stat_result, path: At, to: At) -> None:
    """Put a link to the keeper at `path`, where a file lay, and the file at `to`. found: its stat.

    Raises:
        OSError, Refusal: it failed; `take_back` puts things right.
    """
    original = _target(action, found)
    moves.link_to(action.method, original, to, found)
    if not moves.exchange(path, to):
        moves.remove_for_good(to)  # the link that was just made
        moves.move_new(path, to)
        moves.link_to(action.method, original, path, found)
    if not is_link_of(action):
        raise Refusal("unsupported", f"the {action.method} does not show the kept file")


def _target(action: Action, found: os.stat_result) -> str:
    if action.method != "symlink" or found.st_dev != os.stat(action.keeper).st_dev:
        return action.keeper
    # On a drive of its own the link still leads there when the drive is mounted elsewhere.
    folder = os.path.realpath(os.path.dirname(action.path))
    return os.path.relpath(os.path.realpath(action.keeper), folder)


def is_link_of(action: Action) -> bool:
    """Tell whether a link of ours is at the path of an action, or as good as one: with the same bytes.

    Of a hard link whose bytes were edited since, the keeper has the edit, too.
    """
    try:
        if action.method == "symlink":
            return os.path.islink(action.path) and _leads_to(action.path) == os.path.realpath(action.keeper)
        if os.path.islink(action.path) or is_original(action):
            return False
        if action.method == "hardlink" and os.path.exists(action.keeper):
            return (
                os.path.samefile(action.path, action.keeper) or digest_of(action.path)[0] == action.digest
            )
        return digest_of(action.path)[0] == action.digest
    except (OSError, Refusal):
        return False


def _leads_to(link: str) -> str:
    return os.path.realpath(os.path.join(os.path.dirname(link), os.readlink(link)))


def links_of(records: Iterable[Record]) -> dict[str, str]:
    """Return the symbolic links that runs put in the place of copies and that still lead somewhere.

    By the real path of the file that each shows, the path of the link.
    """
    found: dict[str, str] = {}
    for record in records:
        for action in record.actions:
            if action.method == "symlink" and os.path.islink(action.path):
                found[_leads_to(action.path)] = action.path
    return found


def is_original(action: Action) -> bool:
    """Tell whether the very file that an action is about lies at its path: it never left, or came back."""
    try:
        found = os.lstat(action.path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and (found.st_ino, found.st_size) == (action.ino, action.size)


def take_back(action: Action, path: At, to: At) -> None:
    """Put the original back from `to` in the place of the link; or only tidy up, where it never left.

    Raises:
        OSError, Refusal: something else lies there; nothing is lost.
    """
    if not moves.is_there(to):
        return
    if not moves.is_there(path):
        moves.move_new(to, path)
    elif is_original(action):
        _drop(action, to)
    elif not is_link_of(action):
        raise Refusal("occupied", "something else is in its place now")
    elif moves.exchange(path, to):
        if not _is_link(action, action.to):
            moves.exchange(path, to)  # somebody put a new file there in this very moment
            raise Refusal("occupied", "something else is in its place now")
        _drop(action, to)
    else:
        _drop(action, path)
        moves.move_new(to, path)


def _is_link(action: Action, path: str) -> bool:
    """Tell whether a link of ours lies at another path; a symbolic one leads nowhere from there."""
    return os.path.islink(path) if action.method == "symlink" else is_link_of(replace(action, path=path))


def _drop(action: Action, place: At) -> None:
    """Remove a link of ours, if the bytes it shows have another name; else it stays."""
    if action.method != "reflink":
        moves.drop_link(place)
    elif digest_of(place)[0] == digest_of(action.keeper)[0]:
        moves.remove_for_good(place)
