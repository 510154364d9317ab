"""Whose a journal, a quarantine or a trash is: nothing is done by what a stranger can have put there.

A journal is a list of paths. Whoever can write it must not thereby move or remove what he likes: a file is
taken only out of a quarantine or a trash of this user, and goes only where that says it came from, or into
the library.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

from ...errors import Refusal
from ...store.names import is_below
from ...store.place import place_of
from . import moves
from .folders import Held, is_of_link
from .moves import At
from .trash import QUARANTINE, came_from, rest_of

# Their files belong to whoever mounted them, with the rights that he said.
_WITHOUT_OWNERS = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "cifs", "smb3", "smbfs"})
_ROOT = 0


def check_own(found: os.stat_result, path: str) -> None:
    """Check that a file or folder of a store belongs to this user, and that nobody else can write to it.

    Raises:
        Refusal: a stranger can have written there; code "foreign".
    """
    _check_owner(found, path)
    if os.name != "nt" and found.st_mode & 0o022 and not _is_without_owners(path):
        raise Refusal(
            "foreign",
            f"others can write to {path}: nothing is done by what may be a stranger's; `chmod go-w` keeps "
            "them out",
        )


def check_folders(*folders: str) -> None:
    """Check folders as `check_own` does, those that are there; none is a link.

    Raises:
        Refusal: a stranger can have written there; code "foreign".
    """
    for folder in folders:
        with suppress(FileNotFoundError, NotADirectoryError):
            check_own(_real_folder(folder), folder)


def _check_owner(found: os.stat_result, path: str) -> None:
    if os.name == "nt" or found.st_uid in (os.geteuid(), _ROOT) or _is_without_owners(path):
        return
    raise Refusal(
        "foreign",
        f"{path} belongs to another user (number {found.st_uid}): nothing is done by what may be a "
        "stranger's; run it as that user, or make it yours with `chown`",
    )


def _is_without_owners(path: str) -> bool:
    if place_of(path).kind in _WITHOUT_OWNERS:
        return True
    with suppress(OSError):
        owner, keeps_mode = moves.custom_in(moves.At(path))
        found = os.lstat(path)
        return found.st_uid == owner and (owner != os.geteuid() or not keeps_mode)
    return False


def _real_folder(path: str) -> os.stat_result:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise Refusal("foreign", f"{path} is a link, no folder of its own")
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return found


def hold_place(held: Held, place: str, run: str, more: Sequence[str] = ()) -> At:
    """Return a file that lies in the quarantine of a run, in a trash, or in a folder that the user named.

    Its folder is held from now on, so that the file is taken from where it was when this was checked.

    Raises:
        Refusal: it does not, or what it lies in is not this user's; code "foreign".
    """
    folder, name = os.path.split(place)
    real = os.path.realpath(folder)
    named = [each for each in map(os.path.realpath, more) if is_below(real, [each])]
    if not named and not is_trash(folder):
        return hold_quarantined(held, place, run)
    try:
        if named:
            return held.below(named[0], os.path.join(real, name))
        return _hold_trashed(held, place)
    except OSError as error:
        raise _not_held(error, place) from error


def _hold_trashed(held: Held, place: str) -> At:
    files = os.path.dirname(place)
    trash = os.path.dirname(files)
    if sys.platform == "darwin":
        return held.below(os.path.dirname(files), place)
    above = os.path.dirname(trash)
    top = os.path.dirname(above) if os.path.basename(above) == ".Trash" else above
    found = held.below(top, place)
    check_own(held.found(trash), trash)
    _check_owner(held.found(files), files)
    return found


def _not_held(error: OSError, place: str) -> Refusal:
    if is_of_link(error):
        return Refusal("foreign", f"a link leads to {place}: it is left alone")
    return Refusal("gone", f"{os.path.dirname(place)} cannot be looked at: {error.strerror}")


def hold_quarantined(held: Held, place: str, run: str) -> At:
    """Return a file that lies in the quarantine of a run, in this user's folders; its folder is held.

    Raises:
        Refusal: it does not, or a link leads there; code "foreign".
    """
    base, rest = rest_of(place, run)
    if not rest:
        raise Refusal(
            "foreign", f"{place} is in no quarantine of this run and in no trash: it is left alone"
        )
    top = os.path.join(base, QUARANTINE)
    own = os.path.join(top, run)
    try:
        found = held.below(base, os.path.join(own, rest))
        for folder in (top, own):
            check_own(held.found(folder), folder)
    except OSError as error:
        raise _not_held(error, place) from error
    return found


def has_own_quarantine(base: str) -> bool:
    """Tell whether a folder has a quarantine of this user."""
    top = os.path.join(base, QUARANTINE)
    try:
        _check_owner(_real_folder(top), top)
    except (OSError, Refusal):
        return False
    return True


def is_trash(files: str) -> bool:
    """Tell whether a folder holds the files of a trash of this user."""
    if os.name == "nt":
        return False
    if sys.platform == "darwin":
        return files == os.path.expanduser("~/.Trash")
    trash, name = os.path.split(files)
    above, called = os.path.split(trash)
    uid = os.geteuid()
    names = ("Trash", f".Trash-{uid}", *([str(uid)] if os.path.basename(above) == ".Trash" else []))
    try:
        for folder in (trash, files):
            _check_owner(_real_folder(folder), folder)
    except (OSError, Refusal):
        return False
    return name == "files" and called in names


def hold_target(held: Held, target: str, folders: Iterable[str]) -> At:
    """Return the place that a file goes to; its folder, made if need be, is held. folders: of the library.

    Links on the way that were there at this moment are followed, as the user's may be; see `check_target`.

    Raises:
        OSError: the folder cannot be opened or made; a link took the place of one.
    """
    real = os.path.realpath(os.path.dirname(target))
    _check_links(target)
    tops = [each for each in map(os.path.realpath, folders) if is_below(real, [each])]
    return held.below(
        max(tops, key=len, default=os.sep), os.path.join(real, os.path.basename(target)), make=True
    )


def _check_links(target: str) -> None:
    """Check that the links on the way to a target are this user's: who else can make one leads astray.

    Raises:
        Refusal: one is another's; code "foreign".
    """
    folder = os.path.dirname(target)
    while folder != os.path.dirname(folder):
        if os.path.islink(folder):
            _check_owner(os.lstat(folder), folder)
        folder = os.path.dirname(folder)


def check_target(target: str, place: str, run: str, folders: Iterable[str]) -> None:
    """Check that a file at a place may go to a target.

    folders: the library's today, and those with the quarantine. The tree in a quarantine and the note in a
    trash tell where a file came from: such a target is as good, wherever it is.

    Raises:
        Refusal: nothing but the journal tells that it came from there, or a link of another user leads
            there; code "foreign".
    """
    _check_links(target)
    base, rest = rest_of(place, run)
    tops = (base or os.sep, os.path.splitdrive(target)[0] + os.sep)
    if rest and any(target == os.path.join(top, rest) for top in tops):
        return
    if is_trash(os.path.dirname(place)) and came_from(place) == target:
        return
    # Nothing of ours moves files out of hidden folders unasked: there, programs look for what to start.
    rests = (os.path.relpath(target, each) for each in folders if is_below(target, [each]))
    if any(f"{os.sep}." not in os.sep + rest for rest in rests):
        return
    raise Refusal(
        "foreign",
        f"the journal alone says that it came from here, which is not in the library; it stays at {place}: "
        "move it by hand if that is right",
    )
