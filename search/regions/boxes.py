"""Boxes: parts of pictures, as a user names them and as an answer gives them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import UsageError

_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(%?)", re.ASCII)
_HOW = "write X,Y,W,H in pixels of the picture as displayed, or in percent: 10%,20%,30%,40%"


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture as displayed, in pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class RequestedBox:
    """A box of a picture of unknown size.

    numbers: x, y, width, height. are_shares: which of them are percent.
    """

    numbers: tuple[float, float, float, float]
    are_shares: tuple[bool, bool, bool, bool]

    def within(self, width: int, height: int) -> Box:
        """Return the box in a picture of that size.

        Raises:
            UsageError: it reaches beyond the picture, or holds no pixel.
        """
        sides = (width, height, width, height)
        x, y, wide, high = (
            number * side / 100 if is_share else number
            for number, is_share, side in zip(self.numbers, self.are_shares, sides, strict=True)
        )
        # Half a pixel is the rounding of a program that shows the picture.
        if x + wide > width + 0.5 or y + high > height + 0.5:
            raise UsageError(
                f"the box {self} reaches beyond the picture, which is {width}x{height} pixels as displayed"
            )
        left, top = round(x), round(y)
        right, bottom = min(width, round(x + wide)), min(height, round(y + high))
        if left >= right or top >= bottom:
            raise UsageError(f"the box {self} holds no pixel of a picture of {width}x{height}")
        return Box(left, top, right - left, bottom - top)

    def __str__(self) -> str:
        return ",".join(
            f"{number:g}{'%' if is_share else ''}"
            for number, is_share in zip(self.numbers, self.are_shares, strict=True)
        )


WHOLE = RequestedBox((0, 0, 100, 100), (True, True, True, True))


def parse_box(text: str) -> RequestedBox:
    """Read "X,Y,W,H", each in pixels or percent.

    Raises:
        UsageError: it is none, is empty, or reaches beyond any picture.
    """
    found = [_NUMBER.fullmatch(part.strip()) for part in text.split(",")]
    if len(found) != 4 or not all(found):
        raise UsageError(f"cannot read the box {text!r}; {_HOW}")
    x, y, width, height = ((float(each[1]), each[2] == "%") for each in found if each)
    box = RequestedBox((x[0], y[0], width[0], height[0]), (x[1], y[1], width[1], height[1]))
    if width[0] == 0 or height[0] == 0:
        raise UsageError(f"the box {text!r} is empty: width and height are more than 0; {_HOW}")
    for start, size in ((x, width), (y, height)):
        shares = sum(number for number, is_share in (start, size) if is_share)
        if shares > 100:
            raise UsageError(f"the box {text!r} reaches beyond the picture: {shares:g}% of a side; {_HOW}")
    return box


def as_box(box: RequestedBox | Sequence[float] | str | None) -> RequestedBox | None:
    """Return the box that somebody gave as text, as four numbers of pixels, or as it is.

    Raises:
        UsageError: it is no box.
    """
    if box is None or isinstance(box, RequestedBox):
        return box
    return parse_box(box if isinstance(box, str) else ",".join(f"{number:g}" for number in box))
