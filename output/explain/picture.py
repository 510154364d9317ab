"""A picture that shows why two others are copies, or are not: side by side, overlaid, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from blake3 import blake3

from ...dedup.explain.explain import Explanation, Side
from ...dedup.proof.picture import fit
from ...dedup.proof.planes import Plane
from ...errors import DecodeError
from ...indexer.decode.read import read_file
from ...indexer.sandbox.decoders import open_picture
from ...store.catalog.photos import Photo
from .canvas import LONG_SIDE, SHORT_SIDE, Color, Mask, Pixels, Shown, View
from .captions import PICTURE, text_block, write_png

# Pixels.
_GAP = 24
_TITLE, _HEAD, _TEXT = 24, 34, 24

_PAPER: Color = (246, 246, 244)
_INK: Color = (30, 30, 30)
_NOWHERE: Color = (214, 214, 210)
_COPY: Color = (20, 110, 50)
_NO_COPY: Color = (170, 40, 30)
_BOX: Color = (255, 120, 0)

# So many times as dark as the difference is: small ones are to be seen, too.
_STRONGER = 3.0
# Levels that are to be seen.
_SEEN = 20.0
# Mean levels within a square, a share of the canvas: a written date leaves more, sharper edges less.
_THING, _THINGS = 28.0, 48
# Panels so much taller than wide stand in one row.
_TALL = 1.25
_OUTER = cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE


def write_comparison(found: Explanation, path: str) -> None:
    """Draw an explanation to a PNG file; from the files where they can be read, else from thumbnails.

    Raises:
        UsageError: path does not end in .png, or is anything but an older such picture.
        OutputUnwritable: it cannot be written.
    """
    PICTURE.check(path)
    write_png(comparison(found), path)


def comparison(found: Explanation) -> Pixels:
    """Return the picture, (h, w, 3) RGB: A and B; with a map also the overlay and the difference."""
    panels = _unaligned(found) if found.evidence.how == "none" else _aligned(found)
    height, width = panels[0].picture.shape[:2]
    in_a_row = 4 if height > _TALL * width else 2
    rows = [_row(panels[place : place + in_a_row]) for place in range(0, len(panels), in_a_row)]
    return _framed(np.concatenate([_head(found, rows[0].shape[1]), *rows]))


@dataclass(frozen=True, slots=True)
class _Panel:
    """A picture (h, w, 3) under its title."""

    title: str
    picture: Pixels


def _head(found: Explanation, width: int) -> Pixels:
    is_copy = found.verdict != "similar"
    words = (
        "Copies" + (f": B is A {found.transform}" if found.transform else "") if is_copy else "No copies"
    )
    lines = [(words, _HEAD, _COPY if is_copy else _NO_COPY), (found.reason, _TEXT, _INK)]
    return np.concatenate([text_block(lines, width, _PAPER), _space(_GAP, width)])


def _unaligned(found: Explanation) -> list[_Panel]:
    return [
        _Panel(_name(letter, side), fit(_pixels(side), LONG_SIDE))
        for letter, side in (("A", found.a), ("B", found.b))
    ]


def _aligned(found: Explanation) -> list[_Panel]:
    originals = _pixels(found.a), _pixels(found.b)
    thumbnails = found.a.known.picture(), found.b.known.picture()
    view = View.of(*thumbnails, originals, found.evidence)
    return [
        _Panel(_name("A", found.a), view.a.on(_NOWHERE)),
        _Panel(f"{_name('B', found.b)}, {_BROUGHT[_way(found)]} onto A", view.b.on(_NOWHERE)),
        _Panel("Overlaid: gray is both, red only A, cyan only B", _overlay(view.a, view.b)),
        _difference(view),
    ]


# How B comes onto A, for who wonders why it looks the other way round.
_BROUGHT = {"": "laid", "turned": "turned", "mirrored": "mirrored back", "both": "mirrored and turned"}


def _way(found: Explanation) -> str:
    mirrored, turns = divmod(found.evidence.form, 4)
    if mirrored:
        return "both" if turns else "mirrored"
    return "turned" if turns else ""


def _name(letter: str, side: Side) -> str:
    photo = side.known.photo
    return f"{letter}: {side.name.rpartition('/')[2] or side.name} ({photo.width}x{photo.height})"


def _overlay(a: Shown, b: Shown) -> Pixels:
    both = a.inside & b.inside
    red, cyan = np.where(a.inside, a.grey, 0), np.where(b.inside, _toned(a, b, both), 0)
    mixed = np.stack([red, cyan, cyan], 2).clip(0, 255).astype(np.uint8)
    return np.where((a.inside | b.inside)[..., None], mixed, np.array(_NOWHERE, np.uint8))


def _difference(view: View) -> _Panel:
    a, b = view.a.blurred(view.b.coarse), view.b.blurred(view.a.coarse)
    both = a.inside & b.inside
    apart = np.asarray(np.abs(a.grey - _toned(a, b, both)) * both, np.float32)
    grey = np.where(both, 255 - (_STRONGER * apart).clip(0, 255), _NOWHERE[0]).astype(np.uint8)
    shown = np.ascontiguousarray(np.repeat(grey[..., None], 3, 2))
    outlines, _ = cv2.findContours(_visible(view.differing, apart) | _strong(apart), *_OUTER)
    cv2.drawContours(shown, outlines, -1, _BOX, 3)
    return _Panel("Difference: white is the same" + (", boxed is not" if outlines else ""), shown)


def _strong(apart: Plane) -> Pixels:
    """Return where so much differs close together that it is a thing: a date, a word, a logo."""
    size = max(apart.shape) // _THINGS
    close = np.asarray(cv2.blur(apart, (size, size)) > _THING, np.uint8) * np.uint8(255)
    return np.asarray(cv2.dilate(close, np.ones((size, size), np.uint8)), np.uint8)


def _visible(boxes: Pixels, apart: Plane) -> Pixels:
    """Return the boxes without those in which nothing is to be seen: a sky full of JPEG noise."""
    count, places = cv2.connectedComponents(boxes)
    seen = [place for place in range(1, count) if np.quantile(apart[places == place], 0.95) >= _SEEN]
    return np.asarray(np.isin(places, seen) * np.uint8(255), np.uint8)


def _toned(a: Shown, b: Shown, both: Mask) -> Plane:
    """Return B's brightness with the mean and the contrast of A's: a brighter copy is no difference."""
    if not both.any():
        return b.grey
    ours, theirs = a.grey[both], b.grey[both]
    gain = float(np.clip((ours.std() + 1) / (theirs.std() + 1), 0.25, 4))
    return (b.grey - np.float32(theirs.mean())) * np.float32(gain) + np.float32(ours.mean())


# --- pixels and paper -------------------------------------------------------------------------


def _pixels(side: Side) -> Pixels:
    """Return the picture at about the size that is shown; the thumbnail where no file can be read."""
    for file in side.known.photo.files:
        found = _decoded(side.known.photo, file.path)
        if found is not None:
            return found
    read = cv2.imdecode(np.frombuffer(side.known.thumbnail, np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(read, np.uint8)


def _decoded(photo: Photo, path: str) -> Pixels | None:
    """Return what a file shows, None when that is another picture by now, or cannot be read."""
    try:
        data, _ = read_file(path.encode(errors="surrogateescape"), b"")
        if blake3(data).hexdigest() != photo.digest:
            return None
        return fit(open_picture(data, min_side=LONG_SIDE, long_side=2 * LONG_SIDE), 2 * LONG_SIDE)
    except (DecodeError, FileNotFoundError):
        return None


def _row(panels: Sequence[_Panel]) -> Pixels:
    """Return panels side by side, their pictures at one height."""
    width = max(SHORT_SIDE, *(panel.picture.shape[1] for panel in panels))
    titles = [text_block([(panel.title, _TITLE, _INK)], width, _PAPER) for panel in panels]
    tops = max(title.shape[0] for title in titles)
    bottoms = max(panel.picture.shape[0] for panel in panels) + _GAP
    columns = [
        np.concatenate([_padded(title, tops, width), _padded(panel.picture, bottoms, width)])
        for title, panel in zip(titles, panels, strict=True)
    ]
    gap = _space(tops + bottoms, _GAP)
    return np.concatenate([each for column in columns for each in (gap, column)][1:], axis=1)


def _padded(picture: Pixels, height: int, width: int) -> Pixels:
    more = height - picture.shape[0], width - picture.shape[1]
    return np.asarray(
        cv2.copyMakeBorder(picture, 0, more[0], 0, more[1], cv2.BORDER_CONSTANT, value=_PAPER), np.uint8
    )


def _framed(picture: Pixels) -> Pixels:
    return np.asarray(
        cv2.copyMakeBorder(picture, _GAP, 0, _GAP, _GAP, cv2.BORDER_CONSTANT, value=_PAPER), np.uint8
    )


def _space(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), _PAPER, np.uint8)
