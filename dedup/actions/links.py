"""A link in the place of a photo: there is no moment without a whole file, where the system allows that."""

import os
import stat
from dataclasses import replace

from ...errors import Refusal
from . import moves
from .journal import Act
from .witness import digest_of


def replace_by_link(act: Act, found: os.stat_result) -> None:
    """Put a link to the keeper where a file lay, and the file where the act says. found: its stat.

    Raises:
        OSError, Refusal: it failed; `take_back` puts things right.
    """
    original = _target(act, found)
    moves.link_to(act.method, original, act.to, found)
    if not moves.exchange(act.path, act.to):
        moves.remove_for_good(act.to)  # the link that was just made
        moves.move_new(act.path, act.to)
        moves.link_to(act.method, original, act.path, found)
    if not is_link_of(act):
        raise Refusal("unsupported", f"the {act.method} does not show the kept file")


def _target(act: Act, found: os.stat_result) -> str:
    if act.method != "symlink" or found.st_dev != os.stat(act.keeper).st_dev:
        return act.keeper
    # On a drive of its own the link still leads there when the drive is mounted elsewhere.
    folder = os.path.realpath(os.path.dirname(act.path))
    return os.path.relpath(os.path.realpath(act.keeper), folder)


def is_link_of(act: Act) -> bool:
    """Tell whether a link of ours lies at the path of an act, or as good as one: it shows the same bytes.

    Of a hard link whose bytes were edited since, the keeper has the edit, too.
    """
    try:
        if act.method == "symlink":
            return os.path.islink(act.path) and _leads_to(act.path) == os.path.realpath(act.keeper)
        if os.path.islink(act.path) or is_original(act):
            return False
        if act.method == "hardlink" and os.path.exists(act.keeper):
            return os.path.samefile(act.path, act.keeper) or digest_of(act.path)[0] == act.digest
        return digest_of(act.path)[0] == act.digest
    except (OSError, Refusal):
        return False


def _leads_to(link: str) -> str:
    return os.path.realpath(os.path.join(os.path.dirname(link), os.readlink(link)))


def is_original(act: Act) -> bool:
    """Tell whether the very file that an act is about lies at its path: it never left, or came back."""
    try:
        found = os.lstat(act.path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and (found.st_ino, found.st_size) == (act.ino, act.size)


def take_back(act: Act) -> None:
    """Put the original back in the place of the link; or only tidy up, where it never left.

    Raises:
        OSError, Refusal: something else lies there; nothing is lost.
    """
    if not os.path.lexists(act.to):
        return
    if not os.path.lexists(act.path):
        moves.move_new(act.to, act.path)
    elif is_original(act):
        _drop(act, act.to)
    elif not is_link_of(act):
        raise Refusal("occupied", "something else lies in its place now")
    elif moves.exchange(act.path, act.to):
        if not _is_link(act, act.to):
            moves.exchange(act.path, act.to)  # somebody put a new file there in this very moment
            raise Refusal("occupied", "something else lies in its place now")
        _drop(act, act.to)
    else:
        _drop(act, act.path)
        moves.move_new(act.to, act.path)


def _is_link(act: Act, path: str) -> bool:
    """Tell whether a link of ours lies at another path; a symbolic one leads nowhere from there."""
    return os.path.islink(path) if act.method == "symlink" else is_link_of(replace(act, path=path))


def _drop(act: Act, path: str) -> None:
    """Remove a link of ours, if the bytes it shows have another name; else it stays."""
    if act.method != "reflink":
        moves.drop_link(path)
    elif digest_of(path)[0] == digest_of(act.keeper)[0]:
        moves.remove_for_good(path)
