"""Drives that are mounted inside a folder of the library: when one is away, its photos are not gone.

The device numbers of the last accepted scan tell which files lie on one drive: a root's own files share
one, those of a drive mounted in it another.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...store.records import KnownFile
from ...store.words import plural


@dataclass(frozen=True, slots=True)
class AwayDrive:
    """A drive that is not where its files were.

    folder: below the root, holds them all. files: row ids by path. other: the device of another drive that
    is there instead, None where there is none.
    """

    folder: bytes
    files: Mapping[bytes, int]
    other: int | None


def drives_away(
    root: bytes, known: Mapping[bytes, KnownFile], is_lost: Callable[[bytes], bool]
) -> list[AwayDrive]:
    """Return the drives inside a root that are away.

    known: the files of the root that counted as there. is_lost: tells of a path whether the file that is
    known there was met neither in its place nor elsewhere. A drive is away when all of its files are lost
    and the folder they lay in is on another device now. A root with files of one drive only is one that
    other rules look after.
    """
    groups: dict[int, dict[bytes, int]] = defaultdict(dict)
    for rel, file in known.items():
        groups[file.dev][rel] = file.id
    if len(groups) < 2:
        return []
    found = []
    for dev, files in groups.items():
        if all(map(is_lost, files)):
            folder = _common_folder(list(files))
            now = _device_at(root, folder)
            if now != dev:
                found.append(AwayDrive(folder, files, now if now != _device_at(root, b"") else None))
    return found


def _common_folder(rels: Sequence[bytes]) -> bytes:
    return os.path.commonpath([os.path.dirname(rel) for rel in rels])


def _device_at(root: bytes, folder: bytes) -> int | None:
    """Return the device of a folder below a root, or of the nearest one above that is there."""
    path = os.path.join(root, folder)
    while True:
        try:
            return os.stat(path).st_dev
        except OSError:
            if len(path) <= len(root):
                return None
            path = os.path.dirname(path)


def why_spared(root: bytes, drive: AwayDrive, missing: int) -> str:
    """Return why the files of a drive are not accepted as gone. missing: how many to accept in all."""
    path = os.fsdecode(os.path.join(root, drive.folder)).rstrip(os.sep)
    what = "is away" if drive.other is None else "is away and another one is there"
    return (
        f"{path}: the drive with {plural(len(drive.files), 'photo')} there {what}; nothing of it was "
        f"changed. If they are gone for good: `accept_missing={missing}`"
    )
