"""A plan as it comes back from the user: a stranger's JSON until every piece of it was looked at."""

import base64
import json
import os
import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ...store.documents import SCHEMA_VERSION
from ...store.names import is_remote

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CLASSES = ("exact", "copy", "similar")
_NEWEST = 1 << 63
# A million files take about 450 MB, in 15 million pieces; memory takes up to 64 bytes for each.
MOST_BYTES, _MOST_PIECES = 512 << 20, 40_000_000
_LONGEST_PATH = 1 << 16

_reprs = reprlib.Repr()
_reprs.maxstring = _reprs.maxother = _reprs.maxlong = 80
_reprs.maxlist = _reprs.maxdict = 1
_shown = _reprs.repr  # what a stranger wrote may be of any length


@dataclass(frozen=True, slots=True)
class PlannedCompanion:
    """A file that is moved with a photo. path: absolute. kind: as `companions.Companion` has it."""

    path: str
    kind: str
    size: int
    mtime_ns: int

    @property
    def is_half(self) -> bool:
        """Whether the shot is not whole without it."""
        return self.kind != "sidecar"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A photo and what was known of it when the plan was made. digest: blake3 in hex. size: bytes."""

    path: str
    digest: str
    size: int
    mtime_ns: int
    companions: tuple[PlannedCompanion, ...]


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """A copy of a kept file.

    kind: "exact", "copy" or "similar". selected: it is to be moved. merge: what its metadata say must be
    merged into the sidecar of the kept file first.
    """

    file: PlannedFile
    kind: str
    transform: str
    selected: bool
    merge: bool = False


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A file that stays and what was found to be the same picture."""

    keeper: PlannedFile
    members: tuple[PlannedMember, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `dupes --plan` or the page wrote, perhaps changed by hand since.

    protect: folders in which nothing may be touched. digest: blake3 of the plan itself, in hex.
    """

    groups: tuple[PlannedGroup, ...]
    protect: tuple[str, ...]
    created: str
    digest: str


def read_plan(data: bytes, source: str) -> Plan:
    """Return the plan in data. source: what to call it in a message.

    Raises:
        UsageError: it is no plan; the message names the place.
    """
    from blake3 import blake3

    if len(data) > MOST_BYTES or sum(map(data.count, (b",", b"{", b"["))) > _MOST_PIECES:
        raise UsageError(f"{source} is too large for a plan; make one of some folders with `dupes --in`")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{source} is not a plan: {error}; make one with `dupes --plan FILE`") from None
    if not isinstance(document, dict) or "groups" not in document:
        raise UsageError(f"{source} is not a plan: it holds no groups; make one with `dupes --plan FILE`")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{source}: schema_version is {_shown(version)}, this lookalike reads {SCHEMA_VERSION}; "
            "make a new plan"
        )
    groups = tuple(
        _group(each, f"{source}, group {number}")
        for number, each in enumerate(_list(document, "groups", source), 1)
    )
    protect = tuple(_path(each, f"{source}, protect") for each in _list(document, "protect", source))
    return Plan(groups, protect, _text(document, "created"), blake3(data).hexdigest())


def _group(entry: Any, place: str) -> PlannedGroup:
    _object(entry, place)
    if "group" in entry:  # its number; a plan has none
        raise UsageError(
            f"{place}: this is the listing of `dupes --json`; make a plan with `dupes --plan FILE`"
        )
    keeper = _file(entry.get("keeper"), f"{place}, keeper")
    members = (
        _member(each, f"{place}, member {number}")
        for number, each in enumerate(_list(entry, "members", place), 1)
    )
    return PlannedGroup(keeper, tuple(members))


def _member(entry: Any, place: str) -> PlannedMember:
    file = _file(entry, place)
    kind, selected = entry.get("class"), entry.get("selected")
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise UsageError(f"{place}: class is one of {', '.join(_CLASSES)}, not {_shown(kind)}")
    if not isinstance(selected, bool):
        raise UsageError(f"{place}: selected is true or false, not {_shown(selected)}")
    merge = entry.get("merge", False)
    if not isinstance(merge, bool):
        raise UsageError(f"{place}: merge is true or false, not {_shown(merge)}")
    return PlannedMember(file, kind, _text(entry, "transform"), selected, merge)


def _file(entry: Any, place: str) -> PlannedFile:
    _object(entry, place)
    digest = entry.get("blake3")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise UsageError(f"{place}: blake3 is a digest of 64 hex digits, not {_shown(digest)}")
    companions = tuple(_companions(entry, place))
    path = _path(entry, place)
    return PlannedFile(
        path, digest, _number(entry, "bytes", place), _number(entry, "mtime_ns", place), companions
    )


def _companions(entry: dict[str, Any], place: str) -> Iterator[PlannedCompanion]:
    for each in _list(entry, "companions", place):
        _object(each, place)
        if each.get("shared"):
            continue  # it belongs to another photo as well and stays
        yield PlannedCompanion(
            _path(each, f"{place}, companion"),
            _text(each, "kind"),
            _number(each, "bytes", place),
            _number(each, "mtime_ns", place),
        )


def path_in(row: dict[str, Any], name: str = "path") -> str:
    """Return a path of a JSON object: its exact bytes where these are no text.

    Raises:
        KeyError, TypeError, ValueError: there is none.
    """
    exact = row.get(f"{name}_b64")
    return str(row[name]) if exact is None else os.fsdecode(base64.b64decode(exact, validate=True))


def _path(entry: Any, place: str) -> str:
    _object(entry, place)
    try:
        path = path_in(entry)
    except KeyError:
        raise UsageError(f"{place}: there is no path") from None
    except (TypeError, ValueError):
        raise UsageError(f"{place}: path_b64 is not base64") from None
    if not _is_path(path):
        raise UsageError(f"{place}: path is an absolute path, not {_shown(path)}")
    return path if is_remote(path) else os.path.normpath(path)


def _is_path(path: str) -> bool:
    try:
        is_whole = os.path.isabs(path) or is_remote(path)
        return is_whole and "\0" not in path and len(os.fsencode(path)) <= _LONGEST_PATH
    except UnicodeEncodeError:  # half of a character
        return False


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _number(entry: dict[str, Any], name: str, place: str) -> int:
    value = entry.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not -_NEWEST <= value < _NEWEST:
        raise UsageError(f"{place}: {name} is a whole number, not {_shown(value)}")
    return value


def _list(entry: dict[str, Any], name: str, place: str) -> list[Any]:
    value = entry.get(name, [])
    if not isinstance(value, list):
        raise UsageError(f"{place}: {name} is a list, not {_shown(value)}")
    return value


def _object(entry: Any, place: str) -> None:
    if not isinstance(entry, dict):
        raise UsageError(f"{place}: an object is expected, not {_shown(entry)}")
