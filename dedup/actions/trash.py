"""Where a file is moved: a quarantine on its own file system with the tree kept, or the user's trash."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote_to_bytes

from ...errors import Refusal
from ...store.names import is_below
from ...store.place import Mount, holder_of
from . import moves
from .folders import Held, check_as_it_is
from .moves import At

# Scans leave out whatever begins with ".lookalike".
QUARANTINE = ".lookalike-quarantine"
# Beside the folder of a run, what was moved there.
PAPER = ".jsonl"
_README = "README.txt"
_WHAT_IT_IS = (
    "Photos that `lookalike apply` took out of the library lie here, in the tree they came from.\n"
    "\n"
    "To put them back, open a terminal in this folder and type, once for each folder in it,\n"
    "    lookalike undo --from . --yes\n"
    "That works with any store of lookalike or none, as long as the files that end in .jsonl are here.\n"
    "`lookalike prune`, with the store that they were moved with, removes them for good.\n"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one file is moved. path: its new name, not taken yet. base: holds the quarantine.

    note: the file in which a trash remembers where it came from, "" for a quarantine.
    """

    path: str
    base: str = ""
    note: str = ""


class Quarantine:
    """The quarantine of one run. run: its name. roots: of the library. chosen: the user's own folder."""

    def __init__(self, run: str, roots: Sequence[str], chosen: str | None = None) -> None:
        self.run = run
        self._roots = roots
        self._chosen = chosen

    def place(self, path: str, found: os.stat_result) -> Destination:
        """Return where a file would be moved; nothing is made.

        Raises:
            Refusal: the user's own folder is on another file system, or the quarantine may be a stranger's.
        """
        place = self._place(path, found)
        check_as_it_is(os.path.join(place.base, QUARANTINE))
        return place

    def _place(self, path: str, found: os.stat_result) -> Destination:
        if self._chosen and _device_above(self._chosen) != found.st_dev:
            raise Refusal(
                "other_filesystem",
                f"{self._chosen} is on another drive, and files are never copied across drives: name a "
                "folder on the drive of the photos, or leave out `quarantine=DIR`",
            )
        base = self._chosen or _base_of(path, found.st_dev, self._roots)
        rest = os.path.relpath(path, base) if is_below(path, [base]) else _from_root(path)
        return Destination(os.path.join(base, QUARANTINE, self.run, rest), base)

    def prepare(self, path: str, found: os.stat_result, held: Held) -> Destination:
        """Return where a file is moved, with the folders made and held.

        Raises:
            Refusal: they cannot be made, lie on another file system, or may be a stranger's.
        """
        place = self._place(path, found)
        top = os.path.join(place.base, QUARANTINE)
        try:
            moves.make_folders(place.base)
            if held.make_own(top):
                _explain(held.at(os.path.join(top, _README)))
            if held.found(top).st_dev != found.st_dev:
                raise Refusal("other_filesystem", f"the quarantine {top} is on another file system")
            folder = top
            for name in os.path.relpath(os.path.dirname(place.path), top).split(os.sep):
                folder = os.path.join(folder, name)
                held.make(folder)
        except OSError as error:
            forget_place(place.path, "", held)
            raise Refusal("unwritable", f"cannot make the quarantine {top}: {error.strerror}") from error
        return place


def _from_root(path: str) -> str:
    return os.path.splitdrive(path)[1].lstrip(os.sep)


def _base_of(path: str, device: int, roots: Sequence[str]) -> str:
    """Return the highest folder of the library above a file that lies on the same file system."""
    base = folder = os.path.dirname(path)
    within = [root for root in roots if is_below(path, [root])]
    top = min(within, key=len, default=folder)
    while folder != top and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        if os.stat(folder).st_dev != device:
            break
        base = folder
    return base


def _explain(readme: At) -> None:
    # Only a courtesy: a full disk must not stop what makes room.
    with suppress(OSError), open(moves.new_file(readme), "w", encoding="utf-8") as out:
        out.write(_WHAT_IT_IS)


def rest_of(place: str, run: str) -> tuple[str, str]:
    """Return the folder that holds the quarantine of a run, and the path of a file in it; "" for none."""
    base, found, rest = place.partition(os.path.join(os.sep + QUARANTINE, run, ""))
    return (base, rest) if found and ".." not in rest.split(os.sep) else ("", "")


def forget_place(path: str, note: str, held: Held) -> None:
    """Tidy up around a place without a file: the note of a trash, empty folders of a quarantine.

    held: the folders above it.
    """
    if os.path.lexists(path):
        return
    with suppress(OSError):
        if note:
            moves.remove_for_good(held.below(os.path.dirname(os.path.dirname(note)), note))
    folder = os.path.dirname(path)
    head, found, rest = folder.partition(os.path.join(os.sep + QUARANTINE, ""))
    if found:
        top = os.path.join(head, QUARANTINE)
        held.tidy(folder, os.path.join(top, rest.split(os.sep)[0]))
        _remove_if_empty(top, held)


def tidy(bases: Iterable[str]) -> None:
    """Remove the empty folders of the quarantines in some folders: a crash may have left them."""
    for base in bases:
        top = os.path.join(base, QUARANTINE)
        if os.path.islink(top):
            continue  # not ours
        moves.remove_empty_folders(top)
        with Held() as held:
            _remove_if_empty(top, held)


def _remove_if_empty(top: str, held: Held) -> None:
    """Remove the papers of runs of which nothing lies there, and the quarantine if it is empty."""
    with suppress(OSError):
        names = set(os.listdir(top))
        papers = {each for each in names if each.endswith(PAPER) and each[: -len(PAPER)] not in names}
        for name in papers | ({_README} if names == papers | {_README} else set()):
            moves.remove_for_good(held.below(os.path.dirname(top), os.path.join(top, name)))
    held.tidy(top, top)


# --- the trash --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trash:
    """A trash folder as freedesktop.org specifies it (Trash specification 1.0).

    folder: holds `files` and `info`. top: the folder that paths in `info` are relative to, "" for the home
    trash. Without `info` (macOS) the files lie in the folder itself.
    """

    folder: str
    top: str = ""
    has_info: bool = True

    @property
    def files(self) -> str:
        """The folder with the files."""
        return os.path.join(self.folder, "files") if self.has_info else self.folder

    def place(self, path: str) -> Destination:
        """Return where a file would be moved; nothing is made.

        Raises:
            Refusal: it may be a stranger's.
        """
        check_as_it_is(self.folder)
        return next(self._places(path))

    def prepare(self, path: str, held: Held) -> Destination:
        """Return where a file is moved; the name is taken, its folder held, where it comes from is noted.

        Raises:
            Refusal: nothing can be written there, or it may be a stranger's.
        """
        try:
            self._hold(held)
            for place in self._places(path):
                if not self.has_info:
                    return place
                with suppress(FileExistsError):
                    note = moves.new_file(held.at(place.note))
                    with open(note, "w", encoding="ascii") as out:
                        out.write(self._note(path))
                    return place
        except OSError as error:
            raise Refusal("unwritable", f"cannot use the trash {self.folder}: {error.strerror}") from error
        raise Refusal("unwritable", f"the trash {self.folder} has no free name")

    def _hold(self, held: Held) -> None:
        above = os.path.dirname(self.folder)
        if self.top and above != self.top:
            held.make(above)
            if not held.found(above).st_mode & stat.S_ISVTX:
                raise Refusal("foreign", f"others can take away what lies in {above}")
        else:
            moves.make_folders(above, 0o700)
        held.make_own(self.folder)
        for name in ("files", "info") if self.has_info else ():
            held.make(os.path.join(self.folder, name))

    def _places(self, path: str) -> Iterator[Destination]:
        stem, extension = os.path.splitext(os.path.basename(path))
        for number in range(100_000):
            name = f"{stem}{f' {number}' if number else ''}{extension}"
            place = os.path.join(self.files, name)
            note = os.path.join(self.folder, "info", name + ".trashinfo") if self.has_info else ""
            if not os.path.lexists(place) and not (note and os.path.lexists(note)):
                yield Destination(place, note=note)

    def _note(self, path: str) -> str:
        came_from = os.path.relpath(path, self.top) if self.top else path
        when = datetime.now().strftime("%Y-%m-%dT%H:%M:%S")
        return f"[Trash Info]\nPath={quote(os.fsencode(came_from))}\nDeletionDate={when}\n"


def note_of(place: str) -> str:
    """Return the file in which a trash remembers where the file at a place came from."""
    files, name = os.path.split(place)
    return os.path.join(os.path.dirname(files), "info", name + ".trashinfo")


def came_from(place: str) -> str:
    """Return the path that a trash remembers of the file at a place, "" where it remembers none."""
    try:
        with open(note_of(place), "rb") as note:
            lines = note.read(1 << 17).split(b"\n")
    except OSError:
        return ""
    path = next((line[5:] for line in lines if line.startswith(b"Path=")), b"")
    trash = os.path.dirname(os.path.dirname(place))
    above = os.path.dirname(trash)
    top = os.path.dirname(above) if os.path.basename(above) == ".Trash" else above
    return os.path.join(top, os.fsdecode(unquote_to_bytes(path))) if path else ""


def trash_for(
    path: str, found: os.stat_result, *, make: bool = False, mounts: Sequence[Mount] = ()
) -> Trash | None:
    """Return the trash on the file system of a file; None where there is none. make: it may be made.

    That of the user's home is made for the user's own files anyway, as the specification has it. mounts: by
    which a trash and the file may be apart though their file system is one.
    """
    if os.name == "nt":
        return None  # its bin does not record where a file came from: a quarantine can be undone
    home = _home_trash()
    if home and _device_above(home.folder) == found.st_dev and _are_together(path, home.folder, mounts):
        return home if make or _is_usable(home) or _is_lacking(home, found.st_uid) else None
    top, user = _mount_point(path, found.st_dev), os.geteuid()
    if not _are_together(path, top, mounts):
        return None
    shared, own = os.path.join(top, ".Trash"), Trash(os.path.join(top, f".Trash-{user}"), top)
    if _is_shared_trash(shared):
        ours = Trash(os.path.join(shared, str(user)), top)
        if not os.path.lexists(ours.folder) or _is_usable(ours):
            return ours
    return own if make or _is_usable(own) else None


def _is_usable(trash: Trash) -> bool:
    """Tell whether there is a trash and it is this user's; another one is passed over, as specified."""
    try:
        check_as_it_is(trash.folder)
    except Refusal:
        return False
    return os.path.isdir(trash.folder)


def _home_trash() -> Trash | None:
    """Return the user's own trash, None without a home."""
    if sys.platform == "darwin":
        found = Trash(os.path.expanduser("~/.Trash"), has_info=False)
    else:
        data = os.environ.get("XDG_DATA_HOME", "")
        if not os.path.isabs(data):  # the specification has such a one ignored
            data = os.path.expanduser("~/.local/share")
        found = Trash(os.path.join(data, "Trash"))
    return found if os.path.isabs(found.folder) else None


def _are_together(path: str, folder: str, mounts: Sequence[Mount]) -> bool:
    """Tell whether a file can be renamed into a folder: from one mount to another (bind, ...) none can."""
    first, second = (holder_of(os.path.realpath(each), mounts) for each in (os.path.dirname(path), folder))
    return first == second


def _is_lacking(home: Trash, owner: int) -> bool:
    """Tell whether a home trash only was not needed yet. owner: of the file, which another's would hide."""
    if os.path.lexists(home.folder) or not os.path.isdir(os.path.expanduser("~")):
        return False
    above = folder_above(home.folder)
    return {owner, os.stat(above).st_uid} == {os.geteuid()} and os.access(above, os.W_OK | os.X_OK)


def _device_above(path: str) -> int:
    """Return the device of a folder, or of the one that it would be made in."""
    return os.stat(folder_above(path)).st_dev


def folder_above(path: str) -> str:
    """Return a folder if it is there, else the one that it would be made in."""
    path = os.path.abspath(path)
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def _mount_point(path: str, device: int) -> str:
    folder = os.path.dirname(path)
    while folder != os.path.dirname(folder) and os.stat(os.path.dirname(folder)).st_dev == device:
        folder = os.path.dirname(folder)
    return folder


def _is_shared_trash(path: str) -> bool:
    """Tell whether an administrator made a trash for all: a real folder with the sticky bit."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)
