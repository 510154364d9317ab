"""What was done to a picture to make another one of it: one word for the list, a line for people."""

from dataclasses import dataclass

from .evidence import Evidence

# A picture of which less is shown has been cropped; more is lost to rounding.
WHOLE = 0.975
_TILT_DEG = 0.8
_BEND = 0.012
_STRETCH = 0.045
# Longer side against longer side; less is rounding of an export.
_RESIZE = 0.02
# Colors and tones that no encoder and no resize changes by itself: levels, and factors either way.
_SAME_COLOR, _SAME_BRIGHTNESS, _SAME_CONTRAST, _SAME_SATURATION = 4.0, 6.0, 1.08, 1.2
GREY_SATURATION = 0.35
# Share of the textured blocks that may differ by chance: of a whole picture, and beside a new edge.
_SAME_BLOCKS, _SAME_BLOCKS_EDGED = 0.02, 0.06

_TURNS = ("", "turned 90 degrees counterclockwise", "turned 180 degrees", "turned 90 degrees clockwise")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the store knows of a photo. width, height: as displayed. size: bytes."""

    width: int
    height: int
    format: str
    size: int


@dataclass(frozen=True, slots=True)
class _Change:
    """The same in yes and no."""

    mirrored: bool
    turns: int
    cropped: bool
    framed: bool
    tilted: bool
    bent: bool
    stretched: bool
    edited: bool


def _change(e: Evidence) -> _Change:
    return _Change(
        mirrored=e.form >= 4,
        turns=-e.form % 4 if e.form < 4 else e.form % 4,
        cropped=e.overlap_a < WHOLE,
        framed=e.overlap_b < WHOLE,
        tilted=abs(e.rotation_deg) > _TILT_DEG,
        bent=e.perspective > _BEND or e.branch == "bent",
        stretched=abs(e.aspect - 1) > _STRETCH,
        edited=bool(_edits(e)),
    )


def classify(evidence: Evidence, a: FileFacts, b: FileFacts) -> str:
    """Return the class of b as a copy of a, the most telling word first.

    photo, tilted, mirrored, turned, framed, cropped, edited, converted, resized or resaved.
    """
    change = _change(evidence)
    classes = (
        ("photo", change.bent),
        ("tilted", change.tilted),
        ("mirrored", change.mirrored),
        ("turned", change.turns != 0),
        ("framed", change.framed),
        ("cropped", change.cropped),
        ("edited", change.edited),
        ("converted", a.format != b.format),
        ("resized", change.stretched or _resized(a, b)),
    )
    return next((word for word, applies in classes if applies), "resaved")


def _resized(a: FileFacts, b: FileFacts) -> bool:
    long_a, long_b = max(a.width, a.height), max(b.width, b.height)
    return abs(long_b / max(1, long_a) - 1) > _RESIZE


def describe(evidence: Evidence, a: FileFacts, b: FileFacts) -> str:
    """Return how b was made from a, such as "turned 90 degrees clockwise, cropped to 82 %".

    Formats and bytes are left to the caller; "" when they are all that changed.
    """
    change = _change(evidence)
    words = [*_geometry(evidence, change), *_size(evidence, a, b), *_edits(evidence)]
    return ", ".join(words)


def _geometry(e: Evidence, change: _Change) -> list[str]:
    words = []
    if change.bent:
        words.append("photo of the picture")
    if change.mirrored and change.turns == 2:
        words.append("mirrored top to bottom")
    else:
        words += ["mirrored"] * change.mirrored + [_TURNS[change.turns]] * (change.turns > 0)
    if change.tilted:
        words.append(f"tilted {abs(e.rotation_deg):.0f} degrees")
    if change.cropped:
        words.append(f"cropped to {100 * e.overlap_a:.0f} %")
    if change.framed:
        words.append(
            "in a frame" if max(e.overlap_b, e.surround_b) > 0.5 else "as a part of a larger picture"
        )
    if change.stretched and not change.bent:
        words.append("stretched")
    return words


def _size(e: Evidence, a: FileFacts, b: FileFacts) -> list[str]:
    """Return how much larger or smaller b shows what both show."""
    thumb_a, thumb_b = _thumb_scale(a), _thumb_scale(b)
    factor = e.scale / thumb_b * thumb_a
    if abs(factor - 1) <= _RESIZE and not _resized(a, b):
        return []
    if abs(factor - 1) <= _RESIZE:
        return [f"{b.width}x{b.height}"] if not (e.overlap_a < WHOLE or e.overlap_b < WHOLE) else []
    return [f"{'larger' if factor > 1 else 'smaller'} ({b.width}x{b.height})"]


def _thumb_scale(facts: FileFacts) -> float:
    from .picture import LONG_SIDE

    return min(1.0, LONG_SIDE / max(1, facts.width, facts.height))


def _edits(e: Evidence) -> list[str]:
    """Return what of the picture was changed beside its geometry; more light brings more of the others."""
    words = []
    if abs(e.brightness) > _SAME_BRIGHTNESS:
        words.append("brighter" if e.brightness > 0 else "darker")
    elif not 1 / _SAME_CONTRAST < e.contrast < _SAME_CONTRAST:
        words.append("more contrast" if e.contrast > 1 else "less contrast")
    if e.saturation < GREY_SATURATION:
        words.append("without color")
    elif not 1 / _SAME_SATURATION < e.saturation / e.contrast < _SAME_SATURATION:
        words.append("more color" if e.saturation > e.contrast else "less color")
    elif e.color > _SAME_COLOR:
        words.append("other colors")
    if details_differ(e):
        words.append(f"{100 * e.differing:.0f} % of the details differ")
    return words


def details_differ(e: Evidence) -> bool:
    """Return whether more of the details differ than would by chance."""
    edged = min(e.overlap_a, e.overlap_b) < WHOLE
    return e.differing > (_SAME_BLOCKS_EDGED if edged else _SAME_BLOCKS)
