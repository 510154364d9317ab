"""What names say: one spelling of the letters of a file's name, the date in it, how a format is called."""

import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from reprlib import repr as short
from typing import AnyStr

from ..errors import UsageError

_URL = re.compile(r"[a-z][a-z0-9+.-]+://")

# Words that programs and people put into the name of a copy: "IMG_1 (2).jpg", "Kopie von ...", "IMG_1~2".
_COPY_NAME = re.compile(
    r"\(\d+\)|~\d+|\bcop(y|ies)\b|\bkopie\b|\bcopie\b|\bcopia\b|[-_ ](edited|bearbeitet|modifié)\b"
    r"|\bthumb|\bscreenshot",
    re.IGNORECASE,
)
# What cameras, phones and programs count with: IMG_1234, P1001673, 20240712_183022, a run of hex.
_NUMBER = re.compile(
    r"^[a-z]{1,5}[-_]?\d|^[a-z]+\d|(?<![^\W\d_])[a-z]{1,5}[-_]?\d{3,}|\d{5,}|\b(?!(19|20)\d\d\b)\d{3,4}"
    r"|\b[0-9a-f]{8,}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3,}|[^\W\d_\x00-\x7f]+")
_PROGRAMS_WORD = re.compile(
    r"bild|burst|cover|download|downloaded|dsc|dscf|dscn|edited|export|facebook|file|final|foto|"
    r"image|images|img|instagram|large|mov|mvi|original|pano|photo|photos|pic|picture|pictures|"
    r"pict|preview|received|resized|scan|scanned|screenshot|signal|small|snapchat|telegram|"
    r"unknown|unnamed|untitled|video|whatsapp"
)

# Words of a folder in which people put what they mean to delete, in some of their languages.
_WASTE = re.compile(
    r"\b(delet\w*|reject\w*|duplicat\w*|dupes?|dups?|junk|trash|recycler?|recycled|recovered|ausschuss|"
    r"aussortiert\w*|doppelte?|duplikate?|l(ö|oe)sch\w*|m(ü|ue)ll|papierkorb|corbeille|doublons?|supprim\w*|"
    r"borrar|duplicad\w*|papelera|cestino|doppioni|eliminat\w*|excluir|lixeira|prullenbak|prullenmand|"
    r"kosz|usun\w*)\b|lost\+found"
)
# A folder with one of these in its name holds what a program or a moment put there, and nobody sorted.
_HEAP = re.compile(
    r"\b(archive[sd]?|backups?|camera|converted|cop(y|ies)|dcim|downloads?|edit(ed|s)?|export(ed|s)?|imports?|"
    r"inbox|iphone|kopien?|misc|outputs?|phone|previews?|received|resized|saved?|screenshots?|sent|"
    r"sicherung\w*|sort|sync|takeout|te?mp|thumb(nail)?s?|unbenannt\w*|unsorted|untitled|uploads?|usb|"
    r"whatsapp)\b"
)
# These say nothing of what it shows: "New folder" is no name, "New York" is one.
_EMPTY_WORD = re.compile(
    r"albums?|all|alle|bilder|desktop|documents?|dossier|eigene|final|folder|fotos?|from|home|images?|jpe?gs?|"
    r"large|media|mobile|neuer|new|nouveau|old|ordner|originals?|photos?|pictures?|pics?|roll|small|the|web"
)


def is_remote(path: bytes | str) -> bool:
    """Tell whether a path leads into an object store ("s3://bucket/2019"): no file system knows of it."""
    return _URL.match(os.fsdecode(path)) is not None


def real_path(path: AnyStr) -> AnyStr:
    """Return the path by which the library knows what a name means; a URL without a slash at its end."""
    if is_remote(path):
        return path.rstrip("/") if isinstance(path, str) else path.rstrip(b"/")
    return os.path.realpath(path)


AnyPath = str | os.PathLike[str]


def listed(names: AnyPath | Iterable[AnyPath], argument: str = "what is named") -> list[str]:
    """Return paths as a list, also a single one: a str is one name, not its letters.

    Raises:
        UsageError: something else is given; the text names the argument.
    """
    if isinstance(names, (str, os.PathLike)):
        return [os.fspath(names)]
    try:
        return [os.fspath(each) for each in names]
    except TypeError as error:
        raise UsageError(f"{argument} is a path or a list of paths, not {short(names)}") from error


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path lies in any of the folders."""
    return any(path == folder or path.startswith(os.path.join(folder, "")) for folder in folders)


def did_you_mean(path: str) -> str:
    """Return a question that names what is called nearly as a path that is not there; "" if nothing is."""
    folder, name = os.path.split(os.path.abspath(path))
    try:
        beside = {each.casefold(): each for each in os.listdir(folder)}
    except OSError:
        return ""
    near = get_close_matches(name.casefold(), beside, 1, 0.75)
    return f"; did you mean {os.path.join(os.path.dirname(path), beside[near[0]])}?" if near else ""


def not_in_library(folder: str, roots: Iterable[bytes]) -> str:
    """Return what to say of a folder that is in none of the library's roots, nor around one."""
    near = "" if is_remote(folder) or os.path.lexists(folder) else did_you_mean(folder)
    if near:
        return f"there is no folder {folder}{near}"
    known = ", ".join(map(os.fsdecode, roots)) or "none yet"
    return f"{folder} is not in the library; its folders are: {known}"


def format_name(form: str) -> str:
    """Return how people call a format: an MPO is a JPEG with more pictures behind it, named .JPG."""
    return "JPEG" if form == "MPO" else form


def is_name_of_copy(path: str) -> bool:
    """Tell whether a file is called as copies are: "IMG_1 (2).jpg"."""
    return _COPY_NAME.search(os.path.basename(path)) is not None


def is_given_name(path: str) -> bool:
    """Tell whether somebody gave a file its name: "Oma am Strand.jpg", and no "IMG_1234.jpg"."""
    name = composed(os.path.splitext(os.path.basename(path))[0])
    if _NUMBER.search(name) or is_name_of_copy(path):
        return False
    return any(not _PROGRAMS_WORD.fullmatch(word) for word in _WORD.findall(name.casefold()))


def is_in_waste(path: str) -> bool:
    """Tell whether a file lies where somebody put what is to be deleted: "Papierkorb", "duplicates"."""
    return _WASTE.search(_words(os.path.dirname(path))) is not None


def is_given_folder(path: str) -> bool:
    """Tell whether somebody named the folder of a file: "Summer 2023", and no "DCIM" or "2023"."""
    name = _words(os.path.basename(os.path.dirname(path)))
    if name.startswith(".") or _NUMBER.search(name) or _HEAP.search(name):
        return False
    return any(not _EMPTY_WORD.fullmatch(word) for word in _WORD.findall(name))


def _words(folder: str) -> str:
    return composed(folder).casefold().replace("_", " ")


def composed(name: str) -> str:
    """Return a name as it is typed (NFC): systems write "ü" as one sign or as two, and mean one name."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def composed_bytes(name: bytes) -> bytes:
    """Return a path as `composed` does; bytes that are no text stay as they are."""
    if name.isascii():
        return name
    return composed(name.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def spellings(path: bytes) -> tuple[bytes, ...]:
    """Return the ways in which systems write a path: as it is, NFC and NFD."""
    if path.isascii():
        return (path,)
    text = path.decode("utf-8", "surrogateescape")
    forms = (text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")))
    return tuple(dict.fromkeys(each.encode("utf-8", "surrogateescape") for each in forms))


def on_disk(path: bytes) -> bytes:
    """Return the path by which something is there that may be spelled another way; else the path itself."""
    if path.isascii() or is_remote(path) or os.path.lexists(path):
        return path
    folder, name = os.path.split(path)
    if not name or folder == path:
        return path
    folder = on_disk(folder)
    try:
        there = next((each for each in os.listdir(folder) if _is_same(each, name)), name)
    except OSError:
        there = name
    return os.path.join(folder, there)


def _is_same(name: bytes, other: bytes) -> bool:
    return composed_bytes(name) == composed_bytes(other)


# IMG_20230501_101112.jpg, PXL_20230501_101112345.jpg, Screenshot_20230501-101112.png, 20230501_101112.jpg,
# 2023-05-01 10.11.12.jpg, signal-2023-05-01-101112.jpg, Screenshot 2023-05-01 at 9.11.12 PM.png,
# WhatsApp Image 2023-05-01 at 10.11.12.jpeg; IMG-20230501-WA0001.jpg says only the day.
_DATE = re.compile(
    r"(?<![0-9])((?:19|20)\d\d)([-._]?)(\d\d)\2(\d\d)"
    r"(?:(?:[-_ tT.]?|, | at |_at_| um | à )(\d\d|\d(?=[-.:]))([-._:h]?)(\d\d)\6(\d\d)(\d{3})?"
    r"(?:\s?([aApP])\.?[mM]\b)?(?![0-9])"
    r"|(?=[-_ ]WA\d))"
)
_HINT = re.compile(rb"(?:19|20)\d\d[-._]?\d\d[-._]?\d\d")
_FIRST_YEAR = 1990  # of cameras that write such names
_UNIVERSAL = "PXL_"  # Pixels name their photos by universal time


def date_in_name(path: bytes | str) -> str | None:
    """Return the time in the name of a file as cameras and programs write it, ISO 8601; None without one.

    The day alone ("2023-05-01") where the name says no more.
    """
    if isinstance(path, bytes) and not _HINT.search(path):
        return None  # asked of every photo without a time, so told cheaply
    name = os.fsdecode(os.path.basename(path))
    for match in _DATE.finditer(name):
        time = _time_of(match)
        if time is not None:
            return time + ("+00:00" if name.startswith(_UNIVERSAL) and "T" in time else "")
    return None


def _time_of(match: re.Match[str]) -> str | None:
    year, _, month, day, hour, _, minute, second, thousandths, half = match.groups()
    clock = int(hour or 0)
    if half and clock <= 12:
        clock = clock % 12 + (12 if half in "pP" else 0)
    try:
        time = datetime(int(year), int(month), int(day), clock, int(minute or 0), int(second or 0))
    except ValueError:
        return None
    if time.year < _FIRST_YEAR:
        return None
    iso = time.isoformat() if hour else time.date().isoformat()
    return f"{iso}.{thousandths}" if thousandths else iso
