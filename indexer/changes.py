"""What changed in a root since the last run: pure comparison of a scan with the catalog."""

import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from ..store.records import FileStat, KnownFile
from .scan import Scan

# Worth another try although the file is the same: the reason may have lain outside of it.
_OUTSIDE = frozenset(
    {
        "heif_support_missing",
        "heif_support_outdated",
        "no_decoder",
        "no_permission",
        "read_error",
        "unstable",
    }
)

# A drive that vanished looks like a folder whose files are gone. More than this many missing files, and
# more than this share of the known ones, are not believed without a word from the user.
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
    moved: how many of the absent were met under another path. elsewhere: how many of them came up, with
    the same content, in another root in this run. known: number of files that the catalog held for present
    before.
    """

    to_read: list[FileStat] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)
    resolved: list[int] = field(default_factory=list)
    unchanged: int = 0
    still_failed: int = 0
    moved: int = 0
    elsewhere: int = 0
    listed: int = 0
    known: int = 0

    @property
    def missing(self) -> int:
        """How many files went away and did not come up elsewhere."""
        return len(self.absent) - self.moved - self.elsewhere

    @property
    def is_suspect(self) -> bool:
        """Whether so much is missing that the drive, not the user, may be the reason."""
        if self.listed == 0 and self.missing == self.known and self.missing > 1:
            return True
        return self.missing > max(_MANY, _SHARE * self.known)


def compare(
    scan: Scan,
    known: Mapping[bytes, KnownFile],
    *,
    retry_failed: bool = False,
    again: Container[bytes] = (),
) -> Changes:
    """Walk the scan and compare each file with what is known of it. again: to be read in any case."""
    changes = Changes(known=sum(file.state in _COUNTED for file in known.values()))
    seen: set[bytes] = set()
    for found in scan:
        seen.add(found.rel)
        if found.rel in again:
            changes.to_read.append(found)
        else:
            _sort_in(changes, found, known.get(found.rel), retry_failed)
    changes.listed = len(seen)
    _settle_missing(changes, scan, {rel: file for rel, file in known.items() if rel not in seen})
    return changes


def _sort_in(changes: Changes, found: FileStat, before: KnownFile | None, retry_failed: bool) -> None:
    if (
        before is None
        or before.key != KnownFile.key_of(found)
        or _is_worth_another_try(before, retry_failed)
    ):
        changes.to_read.append(found)
    elif before.state in ("absent", "excluded"):
        changes.returned.append(before.id)
        changes.unchanged += 1
        changes.still_failed += before.error is not None
    else:
        changes.unchanged += 1
        changes.still_failed += before.state == "failed"


def _is_worth_another_try(before: KnownFile, retry_failed: bool) -> bool:
    return before.error is not None and (retry_failed or before.error in _OUTSIDE)


def _settle_missing(changes: Changes, scan: Scan, missing: Mapping[bytes, KnownFile]) -> None:
    # A move keeps all but the path and the ctime.
    arrived = {(found.size, found.mtime_ns, found.ino) for found in changes.to_read}
    for rel, file in missing.items():
        if not scan.covers(rel):
            continue
        if file.key == _NO_KEY:
            changes.resolved.append(file.id)
            continue
        if file.state not in _COUNTED:
            continue
        try:
            os.lstat(os.path.join(scan.root, rel))
        except (FileNotFoundError, NotADirectoryError):
            size, mtime_ns, _, ino = file.key
            changes.absent.append(file.id)
            changes.moved += (size, mtime_ns, ino) in arrived
        except OSError:
            continue  # not gone, only out of reach: nothing is known
        else:
            # It is there, yet was not listed: some rule leaves it out now.
            changes.excluded.append(file.id)
