"""Files that belong to one photo: RAW and JPEG of a shot, the parts of a Live Photo, sidecars."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ...store.records import file_time

_JPEG = frozenset(["jpg", "jpeg", "jpe", "jfif"])
_HEIF = frozenset(["heic", "heif", "hif"])
_STILL = _JPEG | _HEIF | frozenset(["png", "tif", "tiff", "webp", "avif", "gif", "bmp", "jp2", "jxl"])
_RAW_NAMES = """
    3fr ari arw bay bmq cap cr2 cr3 crw cs1 dc2 dcr dcs dng drf eip erf fff gpr iiq k25 kc2 kdc mdc mef
    mos mrw nef nrw obm orf ori pef ptx pxn qtk raf raw rdc rw1 rw2 rwl rwz sr2 srf srw sti x3f
"""
_RAW = frozenset(_RAW_NAMES.split())
_VIDEO = frozenset(["mov", "mp4", "m4v"])
_BESIDE = frozenset(["aae", "thm"])  # share the stem; .xmp and .json have more than one form
_KNOWN = _STILL | _RAW | _VIDEO | _BESIDE | frozenset(["xmp", "json", "mp"])

# Apple names an edited photo IMG_E1234 beside the original IMG_1234, with IMG_1234.AAE or IMG_O1234.AAE.
_APPLE = re.compile(r"(img_)([eo])(\d{3,})")
_NUMBERED = re.compile(r"(.*)(\(\d+\))")
# Google puts "supplemental-metadata" between the name and .json, cut off where the whole gets too long.
_TAKEOUT = "supplemental-metadata"
# Names that are cut off are known by so many characters at least.
_CUT = 40


@dataclass(frozen=True, slots=True)
class Companion:
    """A file that belongs to a photo.

    kind: "raw", "video", "photo" (the other still of a RAW or HEIF and JPEG), "original" or "edited"
    (of an edit by Apple), or "sidecar". size: bytes. mtime_ns: nanoseconds. shared: it belongs to another
    photo of the folder as well, and stays when this one goes.
    """

    path: str
    kind: str
    size: int
    mtime_ns: int
    shared: bool = False

    @property
    def is_half(self) -> bool:
        """Whether the shot is not whole without it; a sidecar only says something of the photo."""
        return self.kind != "sidecar"


def are_companions(path: str, other: str) -> bool:
    """Tell whether two pictures are one shot in two files, by their absolute paths."""
    (folder, name), (other_folder, other_name) = os.path.split(path), os.path.split(other)
    return folder == other_folder and kind_beside(name, other_name) not in (None, "sidecar")


def kind_beside(name: str, other: str) -> str | None:
    """Return what another file of the folder is to a photo, by their names; None: nothing to it."""
    name, other = name.casefold(), other.casefold()
    (stem, extension), (other_stem, other_extension) = _split(name), _split(other)
    if name == other:
        return None
    if other_extension == "mp":  # the video of a Pixel's IMG_1.MP.jpg
        return "video" if other == stem else None
    if other_extension in ("xmp", "json"):
        belongs = other_stem in (stem, name) or (
            other_extension == "json" and _is_takeout(name, other_stem)
        )
        return "sidecar" if belongs else None
    if _unit(stem) != _unit(other_stem):
        return None
    if other_extension in _BESIDE:
        return "sidecar"
    return _half(stem, extension, other_stem, other_extension)


def _half(stem: str, extension: str, other_stem: str, other_extension: str) -> str | None:
    if other_extension in _VIDEO:
        return "video"
    if other_extension in _RAW:
        return "raw"
    if other_extension not in _STILL:
        return None
    if stem != other_stem:
        return "original" if _APPLE.fullmatch(stem) else "edited"
    families = [each in _JPEG for each in (extension, other_extension)]
    is_heif_and_jpeg = {extension, other_extension} <= _JPEG | _HEIF and families[0] != families[1]
    return "photo" if extension in _RAW or is_heif_and_jpeg else None


def _split(name: str) -> tuple[str, str]:
    stem, extension = os.path.splitext(name)
    return stem, extension[1:]


def _unit(stem: str) -> str:
    """Return what the names of one shot have in common."""
    match = _APPLE.fullmatch(stem)
    return match[1] + match[3] if match else stem


def _is_takeout(name: str, sidecar: str) -> bool:
    """Tell whether Google's sidecar (its name without .json) is that of a photo.

    That of "a(1).jpg" is "a.jpg(1).json"; long names are cut off.
    """
    stem, extension = os.path.splitext(name)
    numbered = _NUMBERED.fullmatch(sidecar)
    base, number = (numbered[1], numbered[2]) if numbered else (sidecar, "")
    if not stem.endswith(number):
        return False
    stem = stem.removesuffix(number)
    head, dot, tail = base.rpartition(".")
    if dot and _TAKEOUT.startswith(tail):
        base = head
    return base in (stem, stem + extension) or (len(base) >= _CUT and (stem + extension).startswith(base))


class CompanionFinder:
    """The companions of files, from one listing of each folder that is asked for.

    A folder that cannot be listed has none: nothing in it can be moved either.
    """

    def __init__(self) -> None:
        """Know no folder yet."""
        self._listed: dict[str, dict[str, list[os.DirEntry[str]]]] = {}

    def companions(self, path: str) -> tuple[Companion, ...]:
        """Return the companions of a photo (absolute path), by name."""
        folder, name = os.path.split(path)
        if folder not in self._listed:
            self._listed[folder] = _by_bucket(_entries(folder))
        near = self._listed[folder].get(_bucket(name), [])
        names = [entry.name for entry in near]
        found: list[Companion] = []
        for entry in near:
            kind = kind_beside(name, entry.name)
            if kind is not None:
                found += _companion(entry, kind, _is_shared(name, entry.name, names))
        return tuple(sorted(found, key=lambda companion: companion.path))


def _companion(entry: os.DirEntry[str], kind: str, shared: bool) -> Iterator[Companion]:
    """Yield the entry as a companion, if it is a file and still there."""
    with suppress(OSError):
        if entry.is_file():
            found = entry.stat()
            yield Companion(entry.path, kind, found.st_size, file_time(found.st_mtime_ns), shared)


def _is_shared(name: str, companion: str, near: Iterable[str]) -> bool:
    """Tell whether a companion belongs to a picture nearby that is not one shot with this one."""
    return any(
        other not in (name, companion)
        and _split(other.casefold())[1] in _STILL
        and kind_beside(name, other) is None
        and kind_beside(other, companion) is not None
        for other in near
    )


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:
        return []


def _by_bucket(entries: Iterable[os.DirEntry[str]]) -> dict[str, list[os.DirEntry[str]]]:
    """Put together what may belong together, so that a large folder is not compared with itself."""
    buckets: dict[str, list[os.DirEntry[str]]] = defaultdict(list)
    for entry in entries:
        buckets[_bucket(entry.name)].append(entry)
    return buckets


def _bucket(name: str) -> str:
    stem = name.casefold()
    while True:
        numbered = _NUMBERED.fullmatch(stem)
        stem = numbered[1] if numbered else stem
        root, extension = _split(stem)
        if not root or not (extension in _KNOWN or (extension and _TAKEOUT.startswith(extension))):
            return _unit(stem.rstrip("."))[:_CUT]
        stem = root
