"""Files that belong to one photo: RAW and JPEG of a shot, the parts of a Live Photo, sidecars."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ...indexer.scan.unread import RAW
from ...store.names import is_remote
from ...store.records import file_time

_JPEG = frozenset(["jpg", "jpeg", "jpe", "jfif"])
_HEIF = frozenset(["heic", "heif", "hif"])
_STILL = (
    _JPEG
    | _HEIF
    | frozenset(["png", "tif", "tiff", "webp", "avif", "gif", "bmp", "jp2", "jxl", "psd", "psb"])
)
_VIDEO = frozenset(["mov", "mp4", "m4v"])
_SPOKEN = frozenset(["wav"])  # what the photographer said of the shot
# Share the unit; .json has more than one form.
_BESIDE = frozenset(["aae", "thm"])
# What programs keep of a photo that they develop, by its stem or its whole name: most of them, RawTherapee,
# ART, DxO, ON1, Nikon, Capture One, Camera Raw, Canon, UFRaw.
_SIDECARS = frozenset(["xmp", "pp3", "arp", "dop", "on1", "nksc", "cos", "acr", "vrd", "dr4", "ufraw"])
_KNOWN = _STILL | RAW | _VIDEO | _SPOKEN | _BESIDE | _SIDECARS | frozenset(["json", "mp"])

# Apple names an edited photo IMG_E1234 beside the original IMG_1234, with IMG_1234.AAE or IMG_O1234.AAE.
_APPLE = re.compile(r"(img_)([eo])(\d{3,})")
_NUMBERED = re.compile(r"(.*)(\(\d+\))")
# iCloud names the film of IMG_1.HEIC IMG_1_HEVC.MOV, Google that of IMG_1.MP.jpg IMG_1.MP or IMG_1.mp4.
_HEVC, _MOTION = "_hevc", ".mp"
# Google puts "supplemental-metadata" between the name and .json, cut off where the whole gets too long.
_TAKEOUT = "supplemental-metadata"
# Names that are cut off are known by so many characters at least.
_CUT = 40


@dataclass(frozen=True, slots=True)
class Companion:
    """A file that belongs to a photo.

    kind: "raw", "video", "audio" (a spoken note), "photo" (the other still of a RAW or HEIF and JPEG),
    "original" or "edited" (of an edit by Apple), or "sidecar" (of the photo or of its halves). size: bytes.
    mtime_ns: nanoseconds. shared: it belongs to another photo of the folder as well, and stays when this
    one goes.
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
    name, other = _spelling(name), _spelling(other)
    (stem, extension), (other_stem, other_extension) = _split(name), _split(other)
    if name == other:
        return None
    is_named = other_stem == name  # IMG_1.JPG.pp3
    if other_extension in _SIDECARS or other_extension == "json":
        belongs = (
            is_named or other_stem == stem or (other_extension == "json" and _is_takeout(name, other_stem))
        )
        return "sidecar" if belongs else None
    if other_extension in _VIDEO or other_extension == "mp":
        return "video" if is_named or _is_film(stem, other_stem, other) else None
    if other_extension in RAW and other == stem:  # IMG_1.CR2.jpg
        return "raw"
    if not is_named and _unit(stem) != _unit(other_stem):
        return None
    if other_extension in _BESIDE:
        return "sidecar"
    return _half(stem, extension, other_stem, other_extension)


def _half(stem: str, extension: str, other_stem: str, other_extension: str) -> str | None:
    if other_extension in _SPOKEN:
        return "audio"
    if other_extension in RAW:
        return "raw"
    if other_extension not in _STILL:
        return None
    if stem != other_stem and _unit(stem) == _unit(other_stem):
        return "original" if _APPLE.fullmatch(stem) else "edited"
    if stem != other_stem or extension in RAW:
        return "photo" if extension in RAW else None
    families = [each in _JPEG for each in (extension, other_extension)]
    is_heif_and_jpeg = {extension, other_extension} <= _JPEG | _HEIF and families[0] != families[1]
    return "photo" if is_heif_and_jpeg else None


def _is_film(stem: str, other_stem: str, other: str) -> bool:
    """Tell whether a video, by its stem and name, is that of a photo: of a Live or Motion Photo."""
    if stem.endswith(_MOTION) and stem.removesuffix(_MOTION) == other_stem:
        return True
    if other.endswith(_MOTION):
        return other == stem
    return _unit(stem) in (_unit(other_stem), _unit(other_stem.removesuffix(_HEVC)))


def _spelling(name: str) -> str:
    """Return what all spellings of a name have in common: macOS takes accents apart, cameras shout."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


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
        belonging = _belonging(name, names)
        found: list[Companion] = []
        for entry in near:
            if entry.name in belonging:
                kind, through = belonging[entry.name]
                found += _companion(entry, kind, _is_shared(name, through, names))
        return tuple(sorted(found, key=lambda companion: companion.path))


def _belonging(name: str, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return what files nearby are to a photo, and through which: a sidecar of its RAW is its own."""
    direct = {other: kind for other in names if (kind := kind_beside(name, other)) is not None}
    found = {other: (kind, other) for other, kind in direct.items()}
    for half in (other for other, kind in direct.items() if kind != "sidecar"):
        for other in names:
            if other not in (name, *found) and kind_beside(half, other) == "sidecar":
                found[other] = ("sidecar", half)
    return found


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
    if is_remote(folder):
        return []
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
    stem = _spelling(name)
    while True:
        numbered = _NUMBERED.fullmatch(stem)
        stem = numbered[1] if numbered else stem
        root, extension = _split(stem)
        if not root or not (extension in _KNOWN or (extension and _TAKEOUT.startswith(extension))):
            return _unit(stem.rstrip(".").removesuffix(_HEVC))[:_CUT]
        stem = root
