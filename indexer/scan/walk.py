"""Folders -> the photos in them, as the file system tells of them; no file is opened."""

import errno
import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...store.names import AnyPath, is_remote, listed
from ...store.records import FileStat
from .beside import Beside, Sidecars
from .ignore import Excludes, is_never_a_photo, is_photo_name, is_system_folder
from .places import Ways, is_in_trash, is_trash, nobodys
from .unread import unread_kind

Entry = os.DirEntry[bytes]

# Seen in the listing, gone a moment later: nothing to tell the user about.
_VANISHED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_CODES = {
    errno.EACCES: "no_permission",
    errno.EPERM: "no_permission",
    errno.ENAMETOOLONG: "path_too_long",
    errno.ENOENT: "not_found",
    errno.ENOTDIR: "not_found",
}


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What belongs to a library.

    exclude: patterns of files and folders to leave out, see `ignore.Excludes`.
    hidden: also enter folders whose name starts with a dot (files with such names always count).
    one_filesystem: stay on the drive that the scan starts on.
    follow: follow links to files and folders. Without it a link is no photo of its own: a link into
        the library would only show up as a copy of its target.
    all_files: take every regular file, not only those with a photo's extension.
    """

    exclude: tuple[str, ...] = ()
    hidden: bool = False
    one_filesystem: bool = False
    follow: bool = False
    all_files: bool = False


DEFAULT = ScanOptions()


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A file or folder that could not be looked at; of what lies below it nothing is known.

    rel: path below the root, b"" for the root itself.
    code: "no_permission", "path_too_long", "not_found", "not_a_file", "root_changed" or
        "unreadable".
    """

    rel: bytes
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that the walk has still to enter."""

    rel: bytes
    found: os.stat_result
    is_link: bool = False


class Scan:
    """One walk over a root; iterate over it once, then ask it what it could not see.

    Photos come in a fixed order: the files of a folder by name, then its folders by name, linked
    folders last. A problem is recorded and the walk goes on. An entry that goes away while the walk
    is at it is left out; like a problem it proves nothing about the photos that were known there.

    root: the folder that every `FileStat.rel` is below. A root that is a file is split into its
        folder and `below`.
    problems: what could not be read, in the order of the walk.
    unread: how many files hold a picture or a film that is not looked into, by their ending, as in "CR2".
    skipped: folders left out by a rule: hidden, system, nobody's photos, excluded, `.nomedia`, other drive,
        avoided.
    sidecars: of the photos that have any, by their path below the root.
    """

    def __init__(
        self,
        root: bytes,
        options: ScanOptions = DEFAULT,
        *,
        below: bytes = b"",
        avoid: Iterable[bytes] = (),
        only: Callable[[bytes], object] | None = None,
    ) -> None:
        """Prepare a walk over `root`, or over the folder or file `below` it only.

        A file named like this is taken whatever its extension, also through a link: it was asked for. Where
        a place of nobody's photos was asked for, only those inside of it are left out.

        avoid: paths of folders never to enter, such as the store's own. only: tells of the name of a file
        whether it is taken, instead of `all_files`; no other file costs a stat.
        Raises: UsageError for an exclude pattern that cannot be read.
        """
        self.root, self.below = (root, below) if below else _split(root)
        self.problems: list[ScanProblem] = []
        self.unread = Counter[str]()
        self.skipped: list[bytes] = []
        self.sidecars: dict[bytes, Sidecars] = {}
        self._options = options
        self._takes = only or (lambda name: options.all_files or is_photo_name(name))
        self._excludes = Excludes(options.exclude)
        self._avoid = {identity(path) for path in avoid} - {None}
        ways = Ways()
        is_asked = ways.nobodys(self.root) is not None
        self._above = (b"",) if is_asked else ways(self.root)
        self._bound = [] if is_asked else ways.bound()
        self._entered: set[tuple[int, int]] = set()
        self._unseen: set[bytes] = set()
        self._complete = False

    def __iter__(self) -> Iterator[FileStat]:
        """Walk: yield each photo's path and stat."""
        before = identity(self.root)
        yield from self._start()
        # A drive pulled out under the walk leaves an empty folder behind: trust nothing then.
        if before is not None and identity(self.root) != before:
            self._problem(b"", "root_changed", "the folder went away or was replaced during the scan")
        self._complete = True

    def covers(self, rel: bytes) -> bool:
        """Tell whether this walk would have met the photo `rel`, were it there.

        Only then may a known photo that was not met be called absent. False for everything until
        the walk has ended, outside of `below`, and at and under whatever could not be read. Folders
        that a rule left out do count as walked: their photos are no longer part of the library.
        """
        inside = not self.below or (rel + b"/").startswith(self.below + b"/")
        return self._complete and inside and self._unseen.isdisjoint(_with_parents(rel))

    def state_of_sidecars(self, rel: bytes) -> int | None:
        """Return the state of a photo's sidecars, None where it has none."""
        found = self.sidecars.get(rel)
        return found.state if found else None

    def _start(self) -> Iterator[FileStat]:
        try:
            found = self._stat(self.below)
        except OSError as error:
            # Here "not found" is reported: somebody named this path.
            self._problem(self.below, _CODES.get(error.errno or 0, "unreadable"), _reason(error))
            return
        if stat.S_ISDIR(found.st_mode):
            yield from self._walk(_Folder(self.below, found))
        elif stat.S_ISREG(found.st_mode):
            folder, name = os.path.split(self.below)
            self._note_sidecars(self.below, self._beside(folder, _entries(self._path(folder))).of(name))
            yield FileStat.of(self.below, found)
        else:
            self._problem(self.below, "not_a_file", "neither a file nor a folder")

    def _stat(self, rel: bytes) -> os.stat_result:
        return os.stat(self._path(rel))

    def _walk(self, start: _Folder) -> Iterator[FileStat]:
        folders, links = [start], deque[_Folder]()
        while folders or links:
            # Links wait for the real folders: a photo is best known by its own path.
            folder = folders.pop() if folders else links.popleft()
            if not self._enter_once(folder.found):
                continue
            entries = self._list(folder.rel)
            if folder is not start and self._is_told_off(folder.rel, entries):
                self.skipped.append(folder.rel)
                continue
            if not self._is_nobodys(join(folder.rel, b"file")):
                yield from self._files(folder.rel, entries)
            inner = list(self._folders(folder.rel, entries, start.found.st_dev))
            folders.extend(reversed([each for each in inner if not each.is_link]))
            links.extend(each for each in inner if each.is_link)

    def _is_told_off(self, rel: bytes, entries: Sequence[Entry]) -> bool:
        """Tell whether what lies in a folder says that it is to be left out."""
        names = [entry.name for entry in entries]
        return b".nomedia" in names or is_trash(rel, names)

    def _is_nobodys(self, rel: bytes) -> bool:
        """Tell whether what lies at a path below the root is nobody's photo."""
        if any(nobodys(join(above, rel)) for above in self._above):
            return True
        path = os.fsdecode(self._path(rel)) if self._bound else ""
        return any(mount.holds(path) and nobodys(mount.own_path(path)) for mount in self._bound)

    def _list(self, rel: bytes) -> list[Entry]:
        """Return the entries of a folder by name: those before the error if it broke off."""
        entries: list[Entry] = []
        try:
            with os.scandir(self._path(rel) or b".") as listing:
                entries.extend(listing)
        except OSError as error:
            self._note(rel, error)
        return sorted(entries, key=lambda entry: entry.name)

    def _files(self, rel: bytes, entries: list[Entry]) -> Iterator[FileStat]:
        """Yield the photos among the entries of a folder."""
        follow = self._options.follow
        beside = self._beside(rel, entries)
        for entry in entries:
            if is_never_a_photo(entry.name):
                continue
            path = join(rel, entry.name)
            try:
                if not self._takes(entry.name):
                    self._pass_over(entry, path)
                    continue
                wanted = entry.is_file(follow_symlinks=follow) and not self._leads_to_nobodys(entry)
                if wanted and not self._excludes.matches(path, is_folder=False):
                    self._note_sidecars(path, beside.of(entry.name))
                    yield FileStat.of(path, entry.stat(follow_symlinks=follow))
            except OSError as error:
                self._note(path, error)

    def _beside(self, rel: bytes, entries: Iterable[Entry]) -> Beside:
        """Return the sidecars among the entries of a folder."""
        follow = self._options.follow

        def stat_of(entry: Entry) -> os.stat_result | None:
            is_file = entry.is_file(follow_symlinks=follow)
            if not is_file or self._excludes.matches(join(rel, entry.name), is_folder=False):
                return None
            return entry.stat(follow_symlinks=follow)

        return Beside(entries, stat_of)

    def _note_sidecars(self, rel: bytes, sidecars: Sidecars | None) -> None:
        if sidecars is not None:
            self.sidecars[rel] = sidecars

    def _pass_over(self, entry: Entry, path: bytes) -> None:
        """Count a file whose picture cannot be looked into; the listing tells what is a file."""
        kind = unread_kind(entry.name)
        is_file = kind and entry.is_file(follow_symlinks=self._options.follow)
        if is_file and not self._excludes.matches(path, is_folder=False):
            self.unread[kind] += 1

    def _folders(self, rel: bytes, entries: list[Entry], dev: int) -> Iterator[_Folder]:
        """Yield the folders to enter among the entries of a folder; `dev` is the start's device."""
        follow = self._options.follow
        for entry in entries:
            path = join(rel, entry.name)
            try:
                if not entry.is_dir(follow_symlinks=follow):
                    continue
                found = entry.stat(follow_symlinks=follow)
            except OSError as error:
                self._note(path, error)
                continue
            if self._is_skipped(entry.name, path, found, dev) or self._leads_to_nobodys(entry):
                self.skipped.append(path)
            else:
                yield _Folder(path, found, entry.is_symlink())

    def _is_skipped(self, name: bytes, path: bytes, found: os.stat_result, dev: int) -> bool:
        """Tell whether a rule leaves this folder out."""
        return (
            is_system_folder(name)
            or (name.startswith(b".") and not self._options.hidden)
            or self._is_nobodys(path)
            or (self._options.one_filesystem and found.st_dev != dev)
            or (found.st_dev, found.st_ino) in self._avoid
            or self._excludes.matches(path, is_folder=True)
        )

    def _leads_to_nobodys(self, entry: Entry) -> bool:
        """Tell whether an entry is a link into a place of nobody's photos."""
        if not entry.is_symlink():
            return False
        real = os.path.realpath(entry.path)
        return nobodys(real) is not None or is_in_trash(real)

    def _enter_once(self, found: os.stat_result) -> bool:
        """Tell whether this folder is entered for the first time: links may lead in circles.

        Without links no folder is met twice, and some network drives number them all alike.
        """
        if not self._options.follow:
            return True
        identity = (found.st_dev, found.st_ino)
        is_new = identity not in self._entered
        self._entered.add(identity)
        return is_new

    def _note(self, rel: bytes, error: OSError) -> None:
        """Remember that nothing is known of `rel`; worth telling unless it just went away."""
        self._unseen.add(rel)
        if error.errno not in _VANISHED:
            self._problem(rel, _CODES.get(error.errno or 0, "unreadable"), _reason(error))

    def _problem(self, rel: bytes, code: str, message: str) -> None:
        self._unseen.add(rel)
        self.problems.append(ScanProblem(rel, code, message))

    def _path(self, rel: bytes) -> bytes:
        return join(self.root, rel) if rel else self.root


def join(folder: bytes, name: bytes) -> bytes:
    """Join two paths; b"" is the folder that all are below."""
    if not folder:
        return name
    return folder + name if folder.endswith(b"/") else folder + b"/" + name


def _entries(folder: bytes) -> list[Entry]:
    """Return the entries of a folder by name, none where it cannot be listed."""
    try:
        with os.scandir(folder or b".") as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return []


def _split(root: bytes) -> tuple[bytes, bytes]:
    """Split a root that is not a folder into the folder it is in and its name."""
    if os.path.exists(root) and not os.path.isdir(root):
        return os.path.split(root)
    return root, b""


def _with_parents(rel: bytes) -> Iterator[bytes]:
    """Yield a path, every folder above it, and b"" for the root."""
    yield rel
    while rel:
        rel = rel.rpartition(b"/")[0]
        yield rel


def identity(path: bytes) -> tuple[int, int] | None:
    """Return (device, inode) of what a path leads to, None if that is nothing."""
    try:
        found = os.stat(path or b".")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _holds_a_picture(name: bytes) -> bool:
    return is_photo_name(name) or bool(unread_kind(name))


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in files and folders, by absolute paths, each once.

    photos: all that are named as photos, and files that were named. unread: files that hold a picture or a
    film that cannot be looked into. problems: what could not be looked at.
    """

    photos: list[str]
    unread: list[str]
    problems: list[tuple[str, ScanProblem]]


def photos_in(names: AnyPath | Iterable[AnyPath], store: str) -> Found:
    """Return the photos in files and folders, and what cannot be looked into."""
    photos, unread = dict[str, None](), dict[str, None]()
    problems = []
    for name in listed(names):
        if is_remote(name):
            photos[name] = None  # what is below a URL is listed by `lookalike bulk plan` only
            continue
        scan = Scan(os.path.abspath(os.fsencode(name)), avoid=[os.fsencode(store)], only=_holds_a_picture)
        for found in scan:
            path = os.fsdecode(join(scan.root, found.rel))
            if is_photo_name(found.rel) or found.rel == scan.below:
                photos[path] = None
            elif unread_kind(found.rel):
                unread[path] = None
        for problem in scan.problems:
            path = os.fsdecode(join(scan.root, problem.rel) if problem.rel else scan.root)
            problems.append((path, problem))
    return Found(list(photos), [path for path in unread if path not in photos], problems)
