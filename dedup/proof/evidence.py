"""The numbers on which a verdict stands."""

from dataclasses import dataclass
from typing import Any, Literal

VERIFIER_VERSION = 6

# x, y, width, height as shares of a picture's width and height.
Box = tuple[float, float, float, float]


Verdict = Literal["copy", "similar"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the proof found between pictures a and b; plain numbers, the same from both sides.

    how: "whole" (all of a is all of b), "features" (a map from local features) or "none". form: 0-7, what
    must be done to b before it lies on a, see `orientation`. matrix: row by row, from points of a's
    thumbnail to points of b's (x, y in pixels from the corner, b not turned). trimmed_ncc ... drift: see
    `Likeness`. differing: share of textured blocks that show something else. overlap_a, overlap_b: share of
    the area that the other picture shows; containment: the larger one, flat padding left out. scale: b's
    thumbnail pixels per a's; rotation_deg: turn beyond the form; perspective: bend over the longer side;
    aspect: stretch of width against height. pdq_distance: bits of 256, pdq_quality: the lower one.
    bent_p75, bent_drift: motion and drift that are left when a lens may have bent the picture, see `bend`;
    9 where nobody asked. inliers: features that agree on the map. grey: correlation of the whole overlap.
    color ... saturation: see `Toning`. branch: the rule that decided. natural: the geometry is one that
    software makes (no tilt, no bend) and it is no page of text: safe to be selected unseen. log_odds: of a
    copy against another picture, by the numbers alone, as a natural logarithm; probability: the same in [0,
    1], as far as the verdict goes along. surround_a, surround_b: of copies, the share of each that lies
    around the other one and is no picture: borders, bars, captions. page: one of them is a document, a
    screen of text or nearly blank. differs, differs_b: of copies, where in a and in b something else is
    shown, the largest places first; looked for on pages, and where details differ.
    """

    how: str = "none"
    form: int = 0
    matrix: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    trimmed_ncc: float = 0.0
    motion_median: float = 9.0
    motion_p75: float = 9.0
    n_blocks: int = 0
    drift: float = 9.0
    differing: float = 0.0
    containment: float = 0.0
    overlap_a: float = 0.0
    overlap_b: float = 0.0
    scale: float = 1.0
    rotation_deg: float = 0.0
    perspective: float = 0.0
    aspect: float = 1.0
    pdq_distance: int = 256
    pdq_quality: int = 0
    bent_p75: float = 9.0
    bent_drift: float = 9.0
    inliers: int = 0
    grey: float = 0.0
    color: float = 0.0
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    log_odds: float = -30.0
    verdict: Verdict = "similar"
    branch: str = "nothing"
    natural: bool = False
    probability: float = 0.0
    surround_a: float = 0.0
    surround_b: float = 0.0
    page: bool = False
    differs: tuple[Box, ...] = ()
    differs_b: tuple[Box, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        # dataclasses.asdict copies every value on its way: ten times as slow, for each pair of a library.
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["matrix"] = list(self.matrix)
        for name in _BOXES:
            fields[name] = [list(box) for box in fields[name]]
        return fields

    def shortened(self) -> "Evidence":
        """Return it with the digits that mean anything: the others are half of what a store has to read."""
        matrix = [_short(number) for number in self.matrix]
        fields = {name: _short(value) for name, value in self.as_dict().items()}
        return Evidence.from_dict(fields | {"matrix": matrix})

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Evidence":
        """Return what `as_dict` gave; fields of other versions are passed over."""
        kept = {name: fields[name] for name in cls.__slots__ if name in fields}
        if "matrix" in kept:
            kept["matrix"] = tuple(float(number) for number in kept["matrix"])
        for name in _BOXES:
            kept[name] = tuple((x, y, width, height) for x, y, width, height in kept.get(name, ()))
        return cls(**kept)


_BOXES = ("differs", "differs_b")


def _short(value: Any) -> Any:
    """Return a number with seven digits, anything else as it is."""
    return float(f"{value:.7g}") if isinstance(value, float) else value
