"""A box is read as it is meant, or refused with a sentence that says what is wrong with it."""

import pytest

from lookalike.errors import UsageError
from lookalike.search.regions.boxes import WHOLE, Box, as_box, parse_box

SIZE = (400, 200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,0,400,200", Box(0, 0, 400, 200)),
        ("10,20,30,40", Box(10, 20, 30, 40)),
        (" 10, 20 ,30,40 ", Box(10, 20, 30, 40)),
        ("10%,20%,30%,40%", Box(40, 40, 120, 80)),
        ("10,50%,25%,40", Box(10, 100, 100, 40)),
        ("0,0,100%,100%", Box(0, 0, 400, 200)),
        ("99%,99%,1%,1%", Box(396, 198, 4, 2)),
        ("33.3%,0,66.7%,100%", Box(133, 0, 267, 200)),
        ("399,199,1,1", Box(399, 199, 1, 1)),
        ("0.4,0.4,400,200", Box(0, 0, 400, 200)),
    ],
)
def test_pixels_and_percent_are_read(text: str, expected: Box) -> None:
    assert parse_box(text).within(*SIZE) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "-1,0,5,5", "1,2,3,4px", "1e2,0,5,5"),
        *("nan,0,1,1", "inf,0,1,1", "1,,3,4", "\u0661,0,5,5", "10 %,0,5,5", "%,%,%,%", "9999999999,0,1,1"),
        *("0,0,0,5", "0,0,5,0%", "0,0,101%,5", "60%,0,50%,5", "0,80%,5,30%", "0,0,5,5\n6", "0x1,0,5,5"),
    ],
)
def test_what_is_no_box_is_refused_and_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_box(text)
    assert repr(text) in str(caught.value)
    assert "10%,20%,30%,40%" in str(caught.value)


@pytest.mark.parametrize("text", ["0,0,401,200", "0,0,400,201", "390,0,20,5", "0,150,5,60", "50%,0,201,5"])
def test_a_box_beyond_its_picture_is_refused_with_both_sizes(text: str) -> None:
    with pytest.raises(UsageError, match=r"beyond the picture, which is 400x200"):
        parse_box(text).within(*SIZE)


def test_a_box_without_a_pixel_is_refused() -> None:
    with pytest.raises(UsageError, match="holds no pixel"):
        parse_box("0,0,0.1%,50%").within(100, 100)


def test_a_box_may_be_given_as_numbers_or_as_it_is() -> None:
    assert as_box((1, 2, 3, 4)) == parse_box("1,2,3,4")
    assert as_box(WHOLE) is WHOLE
    assert as_box(None) is None
    with pytest.raises(UsageError):
        as_box((1, 2, 3))
