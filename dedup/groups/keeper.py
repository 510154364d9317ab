"""Which file of a group to keep: ordered rules, each with the reason that people read."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ...store.catalog.photos import Photo, PhotoFile
from ...store.names import (
    did_you_mean,
    format_name,
    is_below,
    is_given_folder,
    is_given_name,
    is_in_waste,
    is_name_of_copy,
    is_remote,
    on_disk,
    real_path,
)
from ...store.records import Holdings
from .companions import Companion

# Formats by how likely a picture was first in them: what cameras and scanners write, then the rest.
# A lossless file around what was compressed before is no better for it.
_FORMATS = ("RAW", "HEIF", "MPO", "JPEG", "TIFF", "PSD", "JPEG2000", "PNG", "BMP", "AVIF", "WEBP", "GIF")
# A program paints screenshots and drawings into these; a JPEG of one was made of it.
_PAINTED_FORMATS = ("PNG", "BMP", "TIFF")

_ORDER = (
    "original",
    "resolution",
    "companions",
    "format",
    "quality",
    "metadata",
    "name",
    "oldest",
    "folder",
    "path",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One file that may be kept, with the files that belong to it.

    holdings: what it holds beside its first picture; None where nobody has looked. picture: share of it
    that is picture and no frame. is_derived: it was made from another file of the group: put into a frame,
    or its color taken away. is_painted: by a program: a screenshot, a drawing, a page of text. likes: how
    many others of the group show the same frame in the same light. origin: why it is known to have been
    there first, "" where nothing tells. is_others: in another program's library. is_nobodys: in a trash,
    or among previews. is_in_mirror: in a folder that mirrors another one.
    """

    photo: Photo
    file: PhotoFile
    companions: tuple[Companion, ...] = ()
    holdings: Holdings | None = None
    picture: float = 1.0
    is_derived: bool = False
    is_painted: bool = False
    likes: int = 0
    origin: str = ""
    is_others: bool = False
    is_nobodys: bool = False
    is_in_mirror: bool = False

    @property
    def damage(self) -> tuple[str, ...]:
        """Signs that part of the picture is lost."""
        return self.holdings.damage if self.holdings else ()

    @property
    def record(self) -> int:
        """How much it has of what only cameras write."""
        value = self.holdings.fields.get("camera_record", 0) if self.holdings else 0
        return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class KeepRules:
    """How to choose. order: names of rules, the first that differs decides.

    prefer: folders whose files come before all rules. protect: folders whose files are never moved;
    they come first of all. Absolute paths.
    """

    order: tuple[str, ...] = _ORDER
    prefer: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()


DEFAULT_RULES = KeepRules()


# A frame has pixels that nobody wants, and a screenshot may show a picture larger than it is: such a file
# is kept only if it shows twice as much each way as any other.
_DERIVED = 0.25


def _pixels(choice: Choice) -> int:
    return choice.photo.width * choice.photo.height


def _picture_pixels(choice: Choice) -> float:
    return _pixels(choice) * choice.picture * (_DERIVED if choice.is_derived else 1.0)


_FINE_QUALITY = 92
_HALVES = (("raw", "RAW"), ("video", "video"), ("audio", "spoken note"))


def _halves(choice: Choice) -> tuple[int, ...]:
    # Before the format: what lies beside its RAW or its video came from the camera, whatever a converter
    # made of it elsewhere. After the pixels: a small JPEG beside a RAW is no reason to lose a large one.
    kinds = {each.kind for each in choice.companions if each.is_half}
    return ("raw" in kinds, "video" in kinds, len(kinds))


def _why_halves(choice: Choice) -> str:
    kinds = {each.kind for each in choice.companions}
    return next((f"has its {word}" for kind, word in _HALVES if kind in kinds), "has its other half")


def _format_rank(choice: Choice) -> int:
    if choice.is_painted and choice.photo.format in _PAINTED_FORMATS:
        return 1
    known = choice.photo.format in _FORMATS
    # Cameras write no progressive JPEGs; half a place behind the others.
    is_progressive = choice.holdings is not None and choice.holdings.tables.endswith("p")
    return -2 * _FORMATS.index(choice.photo.format) - is_progressive if known else -2 * len(_FORMATS)


def _quality(choice: Choice) -> int:
    # By its tables: more bytes are no better, as whoever saves a file again at a high quality makes a
    # larger one. Beyond what leaves traces all are alike.
    found = re.match(r"q(\d+)", choice.holdings.tables if choice.holdings else "")
    return min(int(found[1]), _FINE_QUALITY) if found else 0


def _metadata(choice: Choice) -> int:
    photo = choice.photo
    fields = (photo.taken, photo.camera, photo.lens, photo.latitude)
    # That of a "IMG_1 (1).JPG" can be merged; other programs know the photo as IMG_1.JPG.
    has_sidecar = _plain_name(choice) and any(not each.is_half for each in choice.companions)
    told = len(choice.holdings.fields) if choice.holdings else 0
    return sum(each is not None for each in fields) + has_sidecar + told + choice.record


def _given_name(choice: Choice) -> bool:
    return is_given_name(choice.file.path)


def _given_folder(choice: Choice) -> bool:
    return is_given_folder(choice.file.path)


def _age(choice: Choice) -> int:
    return -choice.file.mtime_ns


def _plain_name(choice: Choice) -> bool:
    return not is_name_of_copy(choice.file.path)


def _shortness(choice: Choice) -> tuple[int, int]:
    path = choice.file.path
    return -path.count(os.sep), -len(path)


# name of the rule -> (what is better when larger, why it was kept)
_RULES: dict[str, tuple[Callable[[Choice], Any], Callable[[Choice], str]]] = {
    "original": (
        lambda c: (bool(c.origin), c.likes),
        lambda c: c.origin or "as most of the others show it",
    ),
    "resolution": (_picture_pixels, lambda c: f"most pixels ({c.photo.width}x{c.photo.height})"),
    "companions": (_halves, _why_halves),
    "format": (_format_rank, lambda c: f"best format ({format_name(c.photo.format)})"),
    "quality": (_quality, lambda _: "compressed less"),
    "metadata": (_metadata, lambda _: "most metadata"),
    # Before the age: a file that was given a name was mostly copied for it, and is the younger one.
    "name": (_given_name, lambda _: "a name that somebody gave"),
    "oldest": (_age, lambda _: "oldest file"),
    # After it: a folder for what is to go has a name, too, and not all such words are known.
    "folder": (_given_folder, lambda _: "in a folder that somebody named"),
    "path": (_plain_name, lambda _: "name without a copy suffix"),
}
# Where names say nothing, which belongs to the last rule.
_SHORTER = (_shortness, lambda _: "no difference: shorter path")
RULE_NAMES = tuple(_RULES)


def parse_order(text: str) -> tuple[str, ...]:
    """Read "resolution,format,..."; rules that are not named come after, in their usual order.

    Raises:
        UsageError: there is no such rule.
    """
    named = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in named if name not in _RULES]
    if unknown:
        raise UsageError(f"no keep rule named {unknown[0]!r}; there are {', '.join(RULE_NAMES)}")
    return (*dict.fromkeys(named), *(name for name in RULE_NAMES if name not in named))


def rules_from(order: str | None, prefer: Iterable[str], protect: Iterable[str]) -> KeepRules:
    """Return the rules that a user asks for: an order or None, and folders as they are named here.

    Raises:
        UsageError: there is no such rule, or no such folder.
    """
    return KeepRules(
        DEFAULT_RULES.order if order is None else parse_order(order),
        tuple(folder_named(name) for name in prefer),
        tuple(folder_named(name) for name in protect),
    )


def folder_named(name: str, is_away: Callable[[str], bool] = lambda _: False) -> str:
    """Return the real path of a folder. is_away: tells of one that is not there whether its drive is away.

    Raises:
        UsageError: it is not there, and not away.
    """
    if is_remote(name):
        return real_path(name)
    path = os.fsdecode(on_disk(os.fsencode(os.path.abspath(name))))
    if not os.path.isdir(path) and not is_away(path):
        raise UsageError(f"there is no folder {name}{did_you_mean(name)}")
    return os.path.realpath(path)


def choose_keeper(choices: Sequence[Choice], rules: KeepRules = DEFAULT_RULES) -> tuple[Choice, str]:
    """Return the file to keep and the reason; the order of the choices changes nothing."""
    left = sorted(choices, key=lambda choice: choice.file.path)
    reason = "the only one"
    for better, why in _steps(rules):
        best = max(better(choice) for choice in left)
        remaining = [choice for choice in left if better(choice) == best]
        if len(remaining) < len(left):
            left, reason = remaining, why(remaining[0])
        if len(left) == 1:
            return left[0], reason
    return left[0], "no difference: first by name" if len(left) > 1 else reason


def order_key(choice: Choice, rules: KeepRules = DEFAULT_RULES) -> tuple[Any, ...]:
    """Return by what files are ranked: that of the kept one is the largest."""
    return tuple(better(choice) for better, _ in _steps(rules))


def _steps(
    rules: KeepRules,
) -> Iterable[tuple[Callable[[Choice], Any], Callable[[Choice], str]]]:
    yield (lambda c: not c.is_nobodys), (lambda _: "the others are in a trash or among previews")
    yield (lambda c: is_below(c.file.path, rules.protect)), (lambda _: "in a protected folder")
    yield (
        (lambda c: not is_in_waste(c.file.path)),
        (lambda _: "the others lie where they are to be deleted"),
    )
    yield (lambda c: c.is_others), (lambda _: "in another program's library")
    yield (lambda c: not c.damage), (lambda _: "the others are damaged")
    yield (lambda c: is_below(c.file.path, rules.prefer)), (lambda _: "in a preferred folder")
    for name in rules.order:
        yield _RULES[name]
        if name == "path":
            yield _SHORTER


def rank(rule: str, choice: Choice) -> Any:
    """Return by what a rule ranks a file: the larger is kept."""
    return _RULES[rule][0](choice)
