"""What two copies say of each other at full size: which was made from which, and where they differ."""

from dataclasses import dataclass
from typing import Any, Literal

# What is found changes with it: looks of an older one are taken again.
LOOK_VERSION = 2

# The model of a copy that is shown in other colors only because it lost its color profile.
PROFILE = "profile"
# How it is known that one of two files of the same pixels is turned by a flag only.
FLAG = "flag"

# x, y, width, height as shares of a picture's width and height.
Box = tuple[float, float, float, float]

Relation = Literal["same", "a", "b", ""]


@dataclass(frozen=True, slots=True)
class Look:
    """What the files a and b, both at full size, say of each other's pixels.

    relation: "same" (both show the same pixels), "a" (b was made from a: it can be computed from a, and a
    not from it), "b", or "" (nothing tells). how: by what that is known: "exact", "carried", "bounds",
    "bitmap", "saves" (several saves), "reduced", "flag". model: what had to be fitted to compute the later
    one: "same" (nothing), "tone", "filter", "sharpened" or "profile". is_whole: the whole frame of the
    later one is explained, so that it holds nothing of its own. score: of the second look, 1 and above
    where something differs; None where none was needed. places_a, places_b: where, in shares of each, the
    strongest first. finer: the one with more detail: "a", "b" or "". brightness: levels of 255 by which b
    is lighter than a; contrast, saturation: factors from a to b; curve, tint: levels by which tones and
    colors were moved at most; detail: how much of the finer detail of a is left in b. is_partial: only
    asked who came first, not what differs. failed: why no look could be taken, "" if one was.
    """

    relation: Relation = ""
    how: str = ""
    model: str = ""
    is_whole: bool = False
    score: float | None = None
    places_a: tuple[Box, ...] = ()
    places_b: tuple[Box, ...] = ()
    finer: Literal["a", "b", ""] = ""
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    curve: float = 0.0
    tint: float = 0.0
    detail: float = 1.0
    is_partial: bool = False
    failed: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON, without those that say nothing."""
        told = {name: getattr(self, name) for name in self.__slots__}
        plain = {name: value for name, value in told.items() if value != getattr(_NOTHING, name)}
        for name in _BOXES & plain.keys():
            plain[name] = [list(box) for box in plain[name]]
        return plain

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Look":
        """Return what `as_dict` gave; fields of other versions are passed over."""
        kept = {name: told[name] for name in cls.__slots__ if name in told}
        for name in _BOXES & kept.keys():
            kept[name] = tuple((x, y, width, height) for x, y, width, height in kept[name])
        return cls(**kept)


_BOXES = {"places_a", "places_b"}
_NOTHING = Look()
_OTHER: dict[str, Any] = {"a": "b", "b": "a"}


def reversed_look(look: Look) -> Look:
    """Return the look of (a, b) as that of (b, a)."""
    return Look(
        relation=_OTHER.get(look.relation, look.relation),
        how=look.how,
        model=look.model,
        is_whole=look.is_whole,
        score=look.score,
        places_a=look.places_b,
        places_b=look.places_a,
        finer=_OTHER.get(look.finer, ""),
        brightness=-look.brightness,
        contrast=1 / look.contrast,
        saturation=1 / look.saturation,
        curve=look.curve,
        tint=look.tint,
        detail=1 / look.detail,
        is_partial=look.is_partial,
        failed=look.failed,
    )
