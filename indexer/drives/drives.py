"""The folders of the library, and whether they are on the drives that they were on.

A drive that is away leaves an empty folder, an error, or another drive in its place. Nothing of that may
look like deleted photos.
"""

import logging
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

from ...errors import UsageError
from ...store.catalog.folders import Trace, all_roots, sample_files, set_drive
from ...store.files import write_atomic
from ...store.filters.where import rel_below
from ...store.names import did_you_mean, is_remote
from ...store.place import MOUNTS, mount_of, read_mounts
from ...store.records import Drive, Root, file_time
from ...store.store import Store
from ...store.words import plural
from ..scan.changes import Changes
from ..scan.ignore import MARKER_NAME
from ..scan.places import check_asked
from ..scan.walk import Scan

State = Literal["online", "away", "empty", "other drive", "suspect", "remote"]

_log = logging.getLogger(__name__)
_BY_UUID = "/dev/disk/by-uuid"
_MARKER = re.compile(r"[0-9a-f]{32}", re.ASCII)

# FAT keeps times in steps of two seconds.
_TIME_STEP_NS = 2_000_000_000
# So many files of a root are looked at to see whether they are there.
_SAMPLE = 200


# --- which folders ----------------------------------------------------------------------------


def real_paths(store: Store, folders: Sequence[str | os.PathLike[str]]) -> list[bytes]:
    """Return the real paths of the folders to index, each once.

    Raises:
        UsageError: a folder does not exist and never was part of the library, or lies in a place of
            nobody's photos, or is none of a file system.
    """
    with store.reading() as view:
        roots = all_roots(view)
    paths = asked_paths(folders, roots)
    return [path for path in dict.fromkeys(paths) if not any(_is_inside(path, other) for other in paths)]


def asked_paths(folders: Sequence[str | os.PathLike[str]], roots: Sequence[Root] = ()) -> list[bytes]:
    """Return the real paths of folders. roots: what the library knows, where there is one.

    Raises:
        UsageError: see `real_paths`.
    """
    remote = next((name for each in folders if is_remote(name := os.fspath(each))), None)
    if remote is not None:
        raise UsageError(
            f"{remote} lies in an object store: `lookalike bulk plan {remote} --to DATASET`, then "
            "`lookalike bulk run DATASET` and `lookalike bulk import DATASET` bring it up to date"
        )
    paths = [os.path.realpath(os.fsencode(folder)) for folder in folders]
    check_asked(paths)
    for path in paths:
        known = any(rel_below(path, root.path) is not None for root in roots)
        if not known and not os.path.exists(path):
            name = os.fsdecode(path)
            raise UsageError(f"there is no folder {name}{did_you_mean(name) or '; name one that exists'}")
    return paths


def _is_inside(path: bytes, other: bytes) -> bool:
    return path != other and rel_below(path, other) is not None


# --- by what a drive is known -----------------------------------------------------------------


def drive_of(folder: bytes) -> Drive:
    """Return by what the drive of a folder is known again."""
    return Drive(fs_id_of(folder), read_marker(folder))


def fs_id_of(folder: bytes, mounts: str = MOUNTS, by_uuid: str = _BY_UUID) -> str | None:
    """Return a name of the file system that a folder is on, None where nothing tells it from others.

    The UUID of the file system if its device has one, else the number that the system gives it: that may be
    another one after the next mount, so that another name alone proves nothing.
    """
    try:
        if os.name == "nt":
            return f"dev:{os.stat(folder).st_dev:x}"
        if not os.path.exists(mounts):
            return None
        mount = mount_of(os.path.realpath(os.fsdecode(folder)), read_mounts(mounts))
        uuid = _uuid_of(mount.source, by_uuid)
        if uuid is not None:
            return f"uuid:{uuid}"
        number = os.statvfs(folder).f_fsid
    except OSError:
        return None
    return f"fsid:{number:x}" if number else None


def _uuid_of(source: str, by_uuid: str) -> str | None:
    if not source.startswith("/") or not os.path.isdir(by_uuid):
        return None
    device = os.path.realpath(source)
    for name in sorted(os.listdir(by_uuid)):
        if os.path.realpath(os.path.join(by_uuid, name)) == device:
            return name
    return None


def read_marker(folder: bytes) -> str | None:
    """Return the name in a folder's marker file, None where there is none."""
    try:
        with open(os.path.join(folder, MARKER_NAME), "rb") as source:
            name = source.read(100).decode("ascii", "replace").strip()
    except OSError:
        return None
    return name if _MARKER.fullmatch(name) else None


def set_marker(folder: bytes) -> str:
    """Return the name in a folder's marker file; make one where there is none.

    Raises:
        OSError: it cannot be written.
    """
    found = read_marker(folder)
    if found is None:
        found = secrets.token_hex(16)
        text = f"{found}\n".encode()
        write_atomic(
            os.path.join(os.fsdecode(folder), os.fsdecode(MARKER_NAME)), lambda out: out.write(text)
        )
    return found


# --- before a run is accepted --------------------------------------------------------------


def count_there(folder: bytes, traces: Iterable[Trace]) -> int:
    """Count the files that lie where they were, with their size and time."""
    return sum(_is_there(os.path.join(folder, trace.rel), trace) for trace in traces)


def _is_there(path: bytes, trace: Trace) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return (
        found.st_size == trace.size and abs(file_time(found.st_mtime_ns) - trace.mtime_ns) <= _TIME_STEP_NS
    )


def why_other(folder: bytes, known: Drive, found: Drive, traces: Sequence[Trace]) -> str | None:
    """Return why this is not the drive that the folder was on; None: it is, or a copy of it.

    traces: files that should be there. Without any there is nothing to lose.
    """
    if not traces:
        return None
    if known.marker is not None:
        if found.marker == known.marker:
            return None
        there = f"found {found.marker}" if found.marker else f"found no {os.fsdecode(MARKER_NAME)}"
        return f"expected the marker {known.marker}, {there}"
    if None in (known.fs_id, found.fs_id):
        return _why_foreign(folder, traces)
    if known.fs_id == found.fs_id:
        return None
    there_now = count_there(folder, traces)
    if 2 * there_now >= len(traces):
        return None
    of = f"{there_now:,} of {plural(len(traces), 'known file')}"
    _log.debug("expected file system %s, found %s", known.fs_id, found.fs_id)
    return f"it has {of}"


def suspicion(store: Store, root: Root, found: Drive) -> str | None:
    """Return what speaks for another drive in the place of a root's. found: the drive that is there now."""
    is_same = root.drive == found and found != Drive(None, None)
    if is_same or not os.path.isdir(root.path):
        return None
    return why_other(root.path, root.drive, found, traces_of(store, root))


def _why_foreign(folder: bytes, traces: Sequence[Trace]) -> str | None:
    """Return why a folder is another one although no name tells of which drive: nothing in it is known.

    A file counts by its name and either its size or its time. Of a folder that is empty, and of a single
    photo, that they are missing says enough.
    """
    if len(traces) < 2 or is_empty(folder) or any(_is_like(folder, trace) for trace in traces):
        return None
    return f"it has none of {len(traces):,} known files, and nothing tells which drive it is"


def _is_like(folder: bytes, trace: Trace) -> bool:
    try:
        found = os.stat(os.path.join(folder, trace.rel))
    except OSError:
        return False
    return (
        trace.size == found.st_size or abs(file_time(found.st_mtime_ns) - trace.mtime_ns) <= _TIME_STEP_NS
    )


def is_empty(folder: bytes) -> bool:
    """Tell whether nothing is in a folder.

    Raises:
        OSError: it cannot be listed.
    """
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def refusal(scan: Scan, changes: Changes, why: str | None, accept_missing: int) -> str | None:
    """Return why a root's run is refused: it is away, half listed, on another drive, or much is missing.

    why: what speaks for another drive, unless the user accepted that.
    """
    path = os.fsdecode(os.path.join(scan.root, scan.below)).rstrip("/") or "/"
    missing = changes.missing if changes.is_suspect and changes.missing > accept_missing else 0
    if any(problem.code in ("not_found", "root_changed") for problem in scan.problems):
        return f"{path}: the folder is away; its photos are unchanged"
    broken = [
        each.message for each in scan.problems if each.rel == scan.below and each.code != "not_a_file"
    ]
    if broken and changes.known:
        return f"{path}: the folder cannot be listed to its end: {broken[0]}; nothing was changed"
    if why is not None:
        more = f" `accept_missing={missing}`" if missing else ""
        return (
            f"{path}: another drive seems to be there: {why}; nothing was changed. "
            f"If it is the right one: `accept_drive=True`{more}"
        )
    if missing:
        empty = "the folder has no photos; " if changes.listed == 0 else ""
        of = f"{missing:,} of {plural(changes.known, 'file')}"
        return (
            f"{path}: {empty}{of} missing, as if a drive were away; "
            f"nothing was changed. If they are gone for good: `accept_missing={missing}`"
        )
    return None


def state_of(folder: bytes, known: Drive, traces: Sequence[Trace]) -> State:
    """Tell how a root looks now, at a glance. traces: some of the files that should be there."""
    if is_remote(folder):
        return "remote"
    try:
        nothing_there = is_empty(folder)
    except OSError:
        return "away"
    if nothing_there and traces:
        return "empty"
    if why_other(folder, known, drive_of(folder), traces) is not None:
        return "other drive"
    return "suspect" if 2 * count_there(folder, traces) < len(traces) else "online"


def relocated_folders(store: Store) -> list[tuple[str, str]]:
    """Return the folders that are not there while all files of a sample lie in another one: both paths.

    On the same file system, mounted elsewhere or renamed; a copy on another drive is none of it.
    """
    with store.reading() as view:
        roots = [root for root in all_roots(view) if root.drive.fs_id and not is_remote(root.path)]
    gone = {root: traces_of(store, root) for root in roots if not _has_files(root.path)}
    return [
        (os.fsdecode(old.path), os.fsdecode(new.path))
        for old, traces in gone.items()
        for new in roots
        if new not in gone and new.drive.fs_id == old.drive.fs_id
        if traces and count_there(new.path, traces) == len(traces)
    ]


def _has_files(folder: bytes) -> bool:
    try:
        return not is_empty(folder)
    except OSError:
        return False


def traces_of(store: Store, root: Root) -> Sequence[Trace]:
    """Return some of the files that should be there."""
    with store.reading() as view:
        return sample_files(view, root, _SAMPLE)


def remember_drive(store: Store, root: Root, found: Drive, *, mark: bool) -> str | None:
    """Record the drive of a root whose run was accepted; return why no marker could be written.

    mark: have a marker file in the root; one that the root had before is looked for in any case.
    """
    failure = None
    marker = found.marker if mark or root.drive.marker is not None else None
    if mark and marker is None:
        try:
            marker = set_marker(root.path)
        except OSError as error:
            failure = f"{os.fsdecode(root.path)}: cannot write a marker file: {error.strerror}"
    drive = Drive(found.fs_id or root.drive.fs_id, marker)
    if drive != root.drive:
        with store.writing() as view:
            set_drive(view, root, drive)
    return failure
