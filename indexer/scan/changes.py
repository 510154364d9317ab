"""What changed in a root since the last run: pure comparison of a scan with the catalog."""

import os
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ...store.records import Failure, FileResult, FileStat, KnownFile
from ..drives.nested import AwayDrive, drives_away
from .walk import Scan, ScanProblem

# Worth another try although the file is the same: the reason may have lain outside of it.
_OUTSIDE = frozenset(
    {
        "heif_support_missing",
        "heif_support_outdated",
        "no_decoder",
        "no_permission",
        "raw_support_missing",
        "read_error",
        "unstable",
    }
)

# A drive that vanished looks like a folder whose files are gone. More than this many missing files, and
# more than this share of the known ones, are not accepted unless the user confirms.
_COUNTED = ("present", "failed")
# The row of something that could not be looked at, such as a folder; it is no photo.
_NO_KEY = (0, 0, 0, 0)
_MANY = 50
_SHARE = 0.10


@dataclass(slots=True)
class Changes:
    """The difference between a root and the catalog.

    to_read: new or changed files. returned, absent, excluded: row ids of files that came back unchanged,
    went away, or are there but no longer belong to the library. resolved: row ids of what could not be
    looked at before and could now. unchanged, still_failed: counts.
    away: drives mounted inside the root that are away; none of their files is among the absent. devices: by
    row id, on which device an unchanged file is now, where that is another one than recorded. vanished: row
    ids of what was met neither in its place nor elsewhere in the root.
    sidecars: files whose sidecars are new, changed or gone.
    moved: how many of the absent were met under another path. elsewhere: how many of them came up, with
    the same content, in another root in this run. known: number of files that the catalog held for present
    before.
    """

    to_read: list[FileStat] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)
    resolved: list[int] = field(default_factory=list)
    away: list[AwayDrive] = field(default_factory=list)
    devices: dict[int, int] = field(default_factory=dict)
    vanished: set[int] = field(default_factory=set)
    sidecars: list[FileStat] = field(default_factory=list)
    unchanged: int = 0
    still_failed: int = 0
    moved: int = 0
    elsewhere: int = 0
    listed: int = 0
    known: int = 0

    @property
    def unaccepted(self) -> int:
        """How many files lie on drives that are away, or are missing."""
        return self.missing + sum(len(drive.files) for drive in self.away)

    @property
    def missing(self) -> int:
        """How many files went away and did not come up elsewhere."""
        return len(self.absent) - self.moved - self.elsewhere

    @property
    def is_suspect(self) -> bool:
        """Whether so much is missing that the drive, not the user, may be the reason."""
        # Also with other photos in their place: another drive has some, too.
        if self.missing == self.known and self.missing > 1:
            return True
        return self.missing > max(_MANY, _SHARE * self.known)


def compare(
    scan: Scan,
    known: Mapping[bytes, KnownFile],
    *,
    retry_failed: bool = False,
    again: Container[bytes] = (),
    accept_missing: int = 0,
) -> Changes:
    """Walk the scan and compare each file with what is known of it.

    again: to be read in any case. accept_missing: so many files are gone even if their drive is away.
    """
    changes = Changes(known=sum(file.state in _COUNTED for file in known.values()))
    seen: set[bytes] = set()
    for found in scan:
        seen.add(found.rel)
        before = known.get(found.rel)
        if found.rel in again:
            changes.to_read.append(found)
        else:
            _sort_in(changes, found, before, retry_failed)
        if scan.state_of_sidecars(found.rel) != (before.sidecars if before else None):
            changes.sidecars.append(found)
    changes.listed = len(seen)
    # Of a folder that was listed in part the sidecars may be in the other one.
    changes.sidecars = [found for found in changes.sidecars if scan.covers(found.rel)]
    missing = {rel: file for rel, file in known.items() if rel not in seen}
    _settle_missing(changes, scan, missing, _Arrivals(changes.to_read, known))
    _spare_what_is_away(changes, scan, known, accept_missing)
    return changes


def problem_rows(problems: Iterable[ScanProblem], known: Mapping[bytes, KnownFile]) -> list[FileResult]:
    """Return the rows of what could not be looked at; photos that are known stay as they are."""
    return [
        FileResult(FileStat(each.rel, 0, 0, 0, 0, 0), failure=Failure(each.code, each.message))
        for each in problems
        if each.rel not in known or known[each.rel].error is not None
    ]


def _spare_what_is_away(
    changes: Changes, scan: Scan, known: Mapping[bytes, KnownFile], accept_missing: int
) -> None:
    """Leave the files of drives that are away as they were, and what lies in their place alone."""
    counted = {rel: file for rel, file in known.items() if file.state in _COUNTED and file.key != _NO_KEY}
    others = {found.rel: found for found in changes.to_read}

    def is_lost(rel: bytes) -> bool:
        found = others.get(rel)
        if found is None:
            return counted[rel].id in changes.vanished
        # A copy of the drive has size and time; inodes are numbered alike on drives made alike.
        size, mtime_ns, *_ = counted[rel].key
        is_alike = found.size == size or found.mtime_ns == mtime_ns
        return found.dev != counted[rel].dev and not is_alike

    away = drives_away(scan.root, counted, is_lost)
    if not away or 0 < changes.missing <= accept_missing:
        return
    changes.away = away
    ids = {key for drive in away for key in drive.files.values()}
    devices = {drive.other for drive in away} - {None}
    changes.absent = [key for key in changes.absent if key not in ids]

    def there(files: list[FileStat]) -> list[FileStat]:
        """Return those that lie on no drive in the place of another one."""
        return [
            found
            for found in files
            if found.dev not in devices and not any(found.rel in drive.files for drive in away)
        ]

    changes.to_read, changes.sidecars = there(changes.to_read), there(changes.sidecars)


def _sort_in(changes: Changes, found: FileStat, before: KnownFile | None, retry_failed: bool) -> None:
    if (
        before is None
        or before.key != KnownFile.key_of(found)
        or _is_worth_another_try(before, retry_failed)
    ):
        changes.to_read.append(found)
        return
    if before.dev != found.dev:
        changes.devices[before.id] = found.dev
    if before.state in ("absent", "excluded"):
        changes.returned.append(before.id)
        changes.unchanged += 1
        changes.still_failed += before.error is not None
    else:
        changes.unchanged += 1
        changes.still_failed += before.state == "failed"


def _is_worth_another_try(before: KnownFile, retry_failed: bool) -> bool:
    return before.error is not None and (retry_failed or before.error in _OUTSIDE)


class _Arrivals:
    """The files to read, as places where missing ones may have gone."""

    def __init__(self, files: Sequence[FileStat], known: Mapping[bytes, KnownFile]) -> None:
        self._files = files
        # A move keeps all but the path and the ctime.
        self._count = Counter[tuple[int, int, int]]()
        for found in files:
            moved, before = (found.size, found.mtime_ns, found.ino), known.get(found.rel)
            # A hard link changes its ctime when another one goes: it has not come from anywhere.
            if before is None or _kept_by_move(before) != moved:
                self._count[moved] += 1

    def take(self, file: KnownFile) -> bool:
        """Tell whether a missing file came up elsewhere; each place counts for one."""
        key = _kept_by_move(file)
        if self._count[key] <= 0:
            return False
        self._count[key] -= 1
        return True

    def have_respelled(self, rel: bytes) -> bool:
        """Tell whether a file was listed under this path in other letters."""
        return _spelling(rel) in self._spellings

    @cached_property
    def _spellings(self) -> frozenset[str]:
        return frozenset(_spelling(found.rel) for found in self._files)


def _kept_by_move(file: KnownFile) -> tuple[int, int, int]:
    size, mtime_ns, _, ino = file.key
    return size, mtime_ns, ino


def _spelling(rel: bytes) -> str:
    """Return what is left of a path for a file system that keeps no case and no accents apart."""
    return unicodedata.normalize("NFC", os.fsdecode(rel)).casefold()


def _settle_missing(
    changes: Changes, scan: Scan, missing: Mapping[bytes, KnownFile], arrivals: _Arrivals
) -> None:
    for rel, file in missing.items():
        if not scan.covers(rel):
            continue
        if file.key == _NO_KEY:
            changes.resolved.append(file.id)
        elif file.state in _COUNTED:
            _settle_one(changes, scan, (rel, file), arrivals)


def _settle_one(changes: Changes, scan: Scan, gone: tuple[bytes, KnownFile], arrivals: _Arrivals) -> None:
    rel, file = gone
    try:
        found = os.lstat(os.path.join(scan.root, rel))
    except (FileNotFoundError, NotADirectoryError):
        changes.absent.append(file.id)
        if arrivals.take(file):
            changes.moved += 1
        else:
            changes.vanished.add(file.id)
    except OSError:
        return  # not gone, only out of reach: nothing is known
    else:
        # Where case does not count, a file that was respelled still answers to its old name.
        if found.st_ino == file.key[3] and arrivals.have_respelled(rel) and arrivals.take(file):
            changes.absent.append(file.id)
            changes.moved += 1
        else:
            # It is there, yet was not listed: some rule leaves it out now.
            changes.excluded.append(file.id)
