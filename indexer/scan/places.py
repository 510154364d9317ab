"""Places whose pictures are nobody's photos, or another program's: told by paths alone."""

import os
import re
import shlex
from collections.abc import Iterable
from typing import Literal, cast

from ...errors import UsageError
from ...store.place import Mount, holder_of, mounts_in, read_mounts

Kind = Literal["trash", "quarantine", "thumbnails", "previews"]

# Signs by which systems and NAS boxes mark a folder as their own.
_SIGN = r"[.#@$~]+_*"
_TRASH = (
    _SIGN + r"d?(?:trash(?:es|ed|[ _-]?bin)?|recycle(?:r|d|[ ._-]?bin)?)",
    r"\.(?:trash|trashed|pending)-[^/]*",  # of freedesktop's other drives; Android's, which are files
    r"\.local/share/trash",
    r"recycler",
    r"files_trashbin",  # Nextcloud
    r"\.stversions",  # Syncthing
    r"\.dropbox\.cache",
)
_QUARANTINE = (r"\.lookalike-quarantine",)
_THUMBNAILS = (r"@eadir", _SIGN + r"thumb(?:s|nails?)?", r"\.?cache/thumbnails", r"\.xvpics")

# Libraries in which a program keeps originals beside what it made of them.
_LIBRARY = (
    r"[^/]*\.(?:photoslibrary|photolibrary|aplibrary|migratedphotolibrary|migratedaplibrary|cocatalog)"
)
_OLD_LIBRARY = r"iphoto library"
_ADOBE = r"[^/]*\.lrlibrary"  # ID/originals
_ORIGINALS = r"(?:originals|masters)(?:/|$)"
_ALL_MADE = r"[^/]*\.(?:lrdata|lrcat-data)"
_PREVIEWS = (
    _ALL_MADE,
    rf"(?:{_LIBRARY}|{_OLD_LIBRARY})/(?!{_ORIGINALS})[^/]+",
    rf"{_ADOBE}/[^/]+/(?!{_ORIGINALS})[^/]+",
    r"appdata_[^/]*",  # Nextcloud
    r"captureone/cache",
)


def _compiled(*alternatives: str) -> re.Pattern[bytes]:
    return re.compile(f"/(?:{'|'.join(alternatives)})(?=/|$)".encode(), re.IGNORECASE | re.DOTALL)


def _named(kind: Kind, alternatives: Iterable[str]) -> str:
    return f"(?P<{kind}>{'|'.join(alternatives)})"


_NOBODYS = _compiled(
    _named("trash", _TRASH),
    _named("quarantine", _QUARANTINE),
    _named("thumbnails", _THUMBNAILS),
    _named("previews", _PREVIEWS),
)
_OTHERS = _compiled(_LIBRARY, _OLD_LIBRARY, _ADOBE, _ALL_MADE)

_WORDS: dict[str, str] = {
    "trash": "a trash: what lies there was thrown away; put back what you want to keep",
    "quarantine": "the quarantine of lookalike; `lookalike undo` puts back what lies there",
    "thumbnails": "a folder of thumbnails, which a program made of photos; index these",
    "previews": "what a program made of photos for itself; index the originals",
}


def nobodys(path: str | bytes) -> Kind | None:
    """Return why what lies at a path is nobody's photo, None where it may be one.

    A trash, lookalike's own quarantine, thumbnails of systems, and what other programs keep beside the
    originals in their libraries. path: absolute, its links resolved; or only the lower part of one.
    """
    found = _NOBODYS.search(b"/" + os.fsencode(path))
    return None if found is None else cast("Kind", found.lastgroup)


def is_others(path: str | bytes) -> bool:
    """Tell whether a path lies in the library of another program, which must find its files as they are.

    path: as for `nobodys`.
    """
    return _OTHERS.search(b"/" + os.fsencode(path)) is not None


class Ways:
    """Tells by which paths a file is known, whichever way it was reached; looks at the mounts once."""

    def __init__(self) -> None:
        """Ask the kernel what is mounted."""
        self._mounts = mounts_in(read_mounts())

    def __call__(self, path: str | bytes) -> tuple[bytes, ...]:
        """Return a path with its folders resolved, and the one behind a bind mount or bindfs.

        The name itself is not resolved: a link is what is moved, not where it leads.
        """
        folder, name = os.path.split(os.fsencode(path))
        real = os.path.join(os.path.realpath(folder), name)
        mount = holder_of(os.fsdecode(real), self._mounts)
        if mount is None:
            return (real,)
        own = mount.own_path(os.fsdecode(real))
        if mount.kind.startswith("fuse") and os.path.isdir(mount.source):
            return real, os.fsencode(mount.source + own)  # bindfs says which folder it shows
        return (real,) if mount.root == "/" else (real, os.fsencode(own))

    def bound(self) -> list[Mount]:
        """Return the mounts that show a part of such a place under another name."""
        return [mount for mount in self._mounts if nobodys(mount.root) or is_others(mount.root)]

    def nobodys(self, path: str | bytes) -> Kind | None:
        """Return why what lies at a path is nobody's photo, by any of its ways or by what lies there."""
        ways = self(path)
        found = next((kind for way in ways if (kind := nobodys(way))), None)
        return found or ("trash" if any(map(is_in_trash, ways)) else None)

    def is_others(self, path: str | bytes) -> bool:
        """Tell whether a path lies in the library of another program, by any of its ways."""
        return any(map(is_others, self(path)))


def is_thrown_away(name: bytes) -> bool:
    """Tell whether a file's name says that it is in the trash of Android, or not complete yet."""
    return name[:9].lower().startswith((b".trashed-", b".pending-"))


def is_trash(folder: bytes, names: Iterable[bytes]) -> bool:
    """Tell whether a folder is a trash as freedesktop.org has them, by its name and what is in it."""
    return os.path.basename(folder).lower() == b"trash" and {b"files", b"info"}.issubset(names)


def check_asked(folders: Iterable[bytes]) -> None:
    """Check that folders, or files, that the user wants to be indexed may hold photos. folders: real paths.

    Raises:
        UsageError: one is, or lies in, a place of nobody's photos.
    """
    ways = Ways()
    for folder in folders:
        kind = ways.nobodys(folder)
        if kind is not None:
            name = os.fsdecode(folder)
            raise UsageError(
                f"{name} is never indexed. It is, or lies in, {_WORDS[kind]}. "
                f"What the library holds of it already goes by `lookalike forget {shlex.quote(name)} --yes`"
            )


def is_in_trash(folder: bytes) -> bool:
    """Tell whether a real path is, or lies in, a trash as freedesktop.org has them."""
    while folder != os.path.dirname(folder):
        if os.path.basename(folder).lower() == b"trash" and is_trash(folder, _names_in(folder)):
            return True
        folder = os.path.dirname(folder)
    return False


def _names_in(folder: bytes) -> list[bytes]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
