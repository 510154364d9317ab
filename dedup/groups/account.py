"""The account of a pair: what would be lost if one file went and the other one stayed.

Nothing is guessed: what nobody looked at counts as lost, and is called by that name.
"""

import filecmp
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import Refusal
from ...indexer.decode.sniff import RAW
from ...store.catalog.photos import Photo
from ...store.records import Holdings
from ..look import PROFILE, Look
from ..look.places import DOUBTFUL
from ..look.toning import (
    BRIGHTNESS_BY_CODECS,
    CONTRAST_BY_CODECS,
    CURVE_BY_CODECS,
    SATURATION_BY_CODECS,
    Toning,
)
from ..packets import MOST_BYTES, fields_of, is_plain, lacking
from ..proof import WHOLE, Evidence, classify
from .companions import Companion
from .original import PLAIN, facts_of

# From this score of the second look on something may differ: a false alarm costs a look only.
DIFFERS = DOUBTFUL
# Sides that are so much longer hold more; less is rounding of an export.
_LARGER = 1.02
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that only the other file holds. kind: for scripts. words: what, for people."""

    kind: str
    words: str


# What is called otherwise than by its kind, where there is room for a word or two.
_NOUNS = {
    "auxiliary": "a depth or gain map",
    "behind": "a film or data",
    "bits": "finer colors",
    "companion": "a RAW or film",
    "damage": "an undamaged file",
    "detail": "finer detail",
    "developed": "the developed picture",
    "edit": "an edit",
    "frames": "pages or frames",
    "light": "other light or color",
    "places": "a place that differs",
    "raw": "raw data",
    "sidecar": "a sidecar",
    "taken": "a capture time",
    "unknown": "what nobody compared",
}


AN_EDIT = "an edit"


def edit_lost(edit: str) -> Loss:
    """Return an edit as what would be lost; edit: as `edit_of` says it."""
    return Loss("edit", AN_EDIT if edit == "edited" else f"{AN_EDIT} ({edit})")


def noun_of(losses: Iterable[Loss]) -> str:
    """Return what would be lost in a word or two: the first of some losses; "" for none."""
    return next((_NOUNS.get(each.kind, each.kind) for each in losses), "")


@dataclass(frozen=True, slots=True)
class Party:
    """One file of a pair with all that is known of it. holdings: None where nobody has looked yet."""

    photo: Photo
    companions: tuple[Companion, ...]
    holdings: Holdings | None


def held(kept: Party, other: Party) -> Iterator[Loss]:
    """Yield what the other file holds beside its first picture, and the kept one does not."""
    if kept.photo.id == other.photo.id:
        yield from _sidecars(kept.companions, other.companions)
        return
    if kept.photo.format == RAW:
        is_raw = other.photo.format == RAW  # nobody compares what two sensors saw
        yield Loss("raw", "its raw data") if is_raw else Loss("developed", "the developed picture")
    if kept.holdings is None or other.holdings is None:
        yield Loss("unknown", "what both hold is not known yet; run `lookalike index`")
        return
    yield from _parts(kept, other, kept.holdings, other.holdings)
    yield from _facts(kept.photo, other.photo)
    yield from _fields(kept.holdings.fields, other.holdings.fields)
    yield from _sidecars(kept.companions, other.companions)
    if kept.holdings.damage and not other.holdings.damage:
        yield Loss("damage", f"the kept file is damaged ({kept.holdings.damage[0]})")


def can_be_merged(kept: Party, other: Party) -> bool:
    """Tell whether what the other file and its sidecars say can go into a sidecar of the kept one."""
    ours, theirs = ([each.holdings.fields] if each.holdings else [] for each in (kept, other))
    try:
        for each in kept.companions:
            if each.kind == "sidecar" and each.path.lower().endswith(".xmp"):
                ours.append(fields_of(_bytes(each.path)))
        for each in other.companions:
            if each.kind == "sidecar" and not each.shared and not _is_beside(each, kept.companions):
                data = _bytes(each.path)
                if not each.path.lower().endswith(".xmp") or not is_plain(data):
                    return False
                theirs.append(fields_of(data))
        lacking(ours, theirs)
    except (Refusal, OSError):
        return False
    return True


def _bytes(path: str) -> bytes:
    with open(path, "rb") as source:
        return source.read(MOST_BYTES + 1)


def _parts(kept: Party, other: Party, ours: Holdings, theirs: Holdings) -> Iterator[Loss]:
    same = kept.photo.pixel_digest == other.photo.pixel_digest
    if not same and theirs.frames > 1:
        yield Loss("frames", f"{theirs.frames} pages or frames that were not compared")
    if not same and theirs.is_transparent:
        yield Loss("transparency", "transparent parts")
    if theirs.bits > ours.bits:
        yield Loss("bits", f"{theirs.bits} bits a color")
    for name in theirs.auxiliary:
        if name not in ours.auxiliary:
            yield Loss("auxiliary", f"its {name}")
    if theirs.behind and (theirs.behind, theirs.behind_size) != (ours.behind, ours.behind_size):
        yield Loss("behind", f"the {theirs.behind} behind the picture")


def _facts(kept: Photo, other: Photo) -> Iterator[Loss]:
    if other.taken and not kept.taken:
        yield Loss("taken", f"capture time {other.taken[:10]}")
    if other.camera and not kept.camera:
        yield Loss("camera", f"camera {other.camera}")
    if other.latitude is not None and kept.latitude is None:
        yield Loss("position", "position")


# Fields of one value, with what people call them.
_TEXTS = {
    "title": "title",
    "caption": "caption",
    "place": "place",
    "label": "label",
    "comment": "comment",
    "author": "author",
    "copyright": "copyright",
}


def _fields(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Loss]:
    for name in ("keywords", "people"):
        own = [str(each) for each in theirs.get(name, ()) if each not in ours.get(name, ())]
        if own:
            yield Loss(name, f"{name} {_named(own)}")
    rating = theirs.get("rating")
    if rating is not None and rating != ours.get("rating"):
        yield Loss("rating", f"rating {rating}")
    for name, word in _TEXTS.items():
        text = theirs.get(name)
        if text and text != ours.get(name) and not _stands_elsewhere(text, ours):
            yield Loss(name, f"{word} {_named([str(text)])}")


def _stands_elsewhere(text: object, fields: Mapping[str, Any]) -> bool:
    """Tell whether a text is kept under another name: programs disagree on title and caption."""
    return any(fields.get(name) == text for name in _TEXTS)


def _named(texts: Iterable[str]) -> str:
    texts = list(texts)
    named = ", ".join(each if len(each) <= 40 else f"{each[:39]}…" for each in texts[:_MOST_NAMED])
    return named if len(texts) <= _MOST_NAMED else f"{named} and {len(texts) - _MOST_NAMED} more"


def _sidecars(ours: Iterable[Companion], theirs: Iterable[Companion]) -> Iterator[Loss]:
    """Yield the sidecars that no kept one is equal to; one that stays for another photo is not lost."""
    ours = list(ours)
    for each in theirs:
        if each.kind == "sidecar" and not each.shared and not _is_beside(each, ours):
            yield Loss("sidecar", f"its {os.path.basename(each.path)}")


def _is_beside(sidecar: Companion, ours: Iterable[Companion]) -> bool:
    return any(_is_same(sidecar, each) for each in ours if each.kind == "sidecar")


def _is_same(sidecar: Companion, other: Companion) -> bool:
    """Tell whether two sidecars say the same, byte by byte; of one that cannot be read nobody knows."""
    try:
        return sidecar.size == other.size and filecmp.cmp(sidecar.path, other.path, shallow=False)
    except OSError:
        return False


# --- pixels -----------------------------------------------------------------------------------


def pixels_lost(
    kept: Photo, other: Photo, proof: Evidence, look: Look | None, is_original: bool = False
) -> Loss | None:
    """Return what the other's picture shows that the kept one's does not; None where that is nothing.

    proof, look: from the kept photo to the other. is_original: others were made from the kept one, so that
    a doubt whether something differs is most likely the work of a codec.
    """
    if look is None or look.is_partial:
        return Loss("unknown", "not known: they were not compared at full size")
    if look.failed:
        return Loss("unknown", f"not known: it could not be compared at full size: {look.failed}")
    if look.relation == "same" or (look.relation == "a" and look.is_whole):
        return None
    if look.relation == "b":
        return Loss("detail", "the earlier file: the kept one was made from it")
    if look.finer == "b" or _is_larger(kept, other, proof):
        return Loss("detail", f"finer detail ({other.width}x{other.height})")
    return _seen_to_differ(look, other, 1.0 if is_original and not look.relation else DIFFERS)


def _is_larger(kept: Photo, other: Photo, proof: Evidence) -> bool:
    """Tell whether the other has more pixels along a side where both show the same."""
    if min(proof.overlap_a, proof.overlap_b) < WHOLE:
        return False
    areas = (photo.width * photo.height for photo in (other, kept))
    return math.sqrt(next(areas) / max(1, next(areas))) > _LARGER


def _seen_to_differ(look: Look, other: Photo, limit: float) -> Loss | None:
    if look.score is None:
        return Loss("unknown", "not known: nothing tells whether both show the same")
    if look.score >= limit:
        return Loss("places", _places_in_words(look, other))
    if not is_same_light(look):
        return Loss("light", _light_in_words(look))
    return None


def _places_in_words(look: Look, other: Photo) -> str:
    if not look.places_b:
        return "something differs"
    _, _, width, height = look.places_b[0]
    size = f"{max(1, round(width * other.width))} x {max(1, round(height * other.height))} px"
    many = len(look.places_b)
    return f"a place of {size} differs" if many == 1 else f"{many} places differ, the first of {size}"


def is_same_light(look: Look) -> bool:
    """Tell whether light and color differ by no more than codecs do."""
    return Toning(look.brightness, look.contrast, look.saturation, look.curve, look.tint).is_plain


def _light_in_words(look: Look) -> str:
    if abs(look.brightness) > BRIGHTNESS_BY_CODECS:
        return f"{'lighter' if look.brightness > 0 else 'darker'} by {abs(look.brightness):.0f} levels"
    if not 1 / CONTRAST_BY_CODECS <= look.contrast <= CONTRAST_BY_CODECS:
        return f"{'more' if look.contrast > 1 else 'less'} contrast"
    if not 1 / SATURATION_BY_CODECS <= look.saturation <= SATURATION_BY_CODECS:
        return f"{'more' if look.saturation > 1 else 'less'} color"
    return "other tones" if look.curve > CURVE_BY_CODECS else "other colors"


# --- edits ------------------------------------------------------------------------------------

# Of the finer detail plain copies keep 0.97 to 1.2, seen on 90 of 15 kinds; blurred ones kept 0.5 at most,
# sharpened ones 2.2 and more. Messengers sharpen what they make smaller.
LEAST_DETAIL, MOST_DETAIL, LEAST_REDUCED, MOST_REDUCED = 0.8, 1.35, 0.6, 1.8
_SMALLER = 0.9
# What is merely saved in these shows the same pixels: others were changed before.
_LOSSLESS = ("PNG", "TIFF", "BMP", "PSD")
# Edits that only the look at full size tells.
SEEN_ONLY = ("edited", "softened", "sharpened")
# Of 500 plain copies the least shared so much with the kept file: 0.998. Crops that lack 1 % share 0.986.
_UNCUT = 0.993
# Beyond rounding of small sizes.
_STRETCHED = 0.045


def is_explained(look: Look | None) -> bool:
    """Tell whether the whole other picture can be computed from the kept one."""
    return look is not None and (look.relation == "same" or (look.relation == "a" and look.is_whole))


def as_seen(proof: Evidence, look: Look | None) -> Evidence:
    """Return the evidence without what the thumbnails only seem to show, now that both were looked at."""
    if look is None or look.failed:
        return proof
    if is_explained(look) and look.model in ("", "same", PROFILE):
        return replace(proof, differing=0.0, brightness=0.0, contrast=1.0, saturation=1.0, color=0.0)
    return replace(proof, differing=0.0) if look.score is not None else proof


def edit_of(kept: Photo, other: Photo, proof: Evidence, look: Look | None) -> str:
    """Return what somebody did to a picture, in a word or two; "" where it was only saved again or reduced.

    proof: as `as_seen`; proof, look: from the kept photo to the other.
    """
    change = classify(proof, facts_of(kept), facts_of(other))
    if change not in PLAIN:
        return change
    if abs(proof.aspect - 1) > _STRETCHED:
        return "stretched"
    is_same_size = (other.width, other.height) == (kept.width, kept.height)
    if proof.overlap_a < _UNCUT and not is_same_size:
        return "cropped"
    if look is None or look.is_partial:
        return ""
    if look.relation == "a" and _is_larger(kept, other, proof):
        return "enlarged"
    # Saving alone needs no curves, however little they move; a resize by another program may.
    needs_curves = is_same_size and look.is_whole
    if look.relation == "a" and look.model == "tone" and (needs_curves or not is_same_light(look)):
        return "edited"
    if other.format in _LOSSLESS and is_same_size and not is_explained(look) and look.relation != "b":
        return "edited"
    is_reduced = max(other.width, other.height) < _SMALLER * max(kept.width, kept.height)
    if look.detail < (LEAST_REDUCED if is_reduced else LEAST_DETAIL):
        return "softened"
    return "sharpened" if look.detail > (MOST_REDUCED if is_reduced else MOST_DETAIL) else ""
