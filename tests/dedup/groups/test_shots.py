"""What files say of their shot, and when two of them cannot show the same one."""

import time
from typing import Any

import pytest

from lookalike.dedup.groups.separate import Apart
from lookalike.dedup.groups.shots import shot_of, why_two_shots
from lookalike.store.catalog.photos import Photo, PhotoFile
from lookalike.store.records import Holdings

NOON = "2023-05-01T12:00:00"


def photo(number: int = 1, taken: str | None = NOON, **more: Any) -> Photo:
    about: dict[str, Any] = {
        "digest": f"{number:064x}",
        "size": 1000,
        "width": 800,
        "height": 600,
        "format": "JPEG",
        "date": NOON,
        "camera": "Maker Model",
        "lens": None,
        "latitude": None,
        "longitude": None,
        "altitude": None,
        "warning": None,
        "pixel_digest": f"{number:064x}",
        "files": (PhotoFile(f"/photos/{number}.jpg", 1, number, 0),),
    }
    return Photo(id=number, taken=taken, **(about | more))


def why(first: dict[str, Any], second: dict[str, Any], **more: Any) -> str:
    """Return what tells two photos apart; their fields, and "taken" among them."""
    shots = [
        shot_of(photo(taken=each.pop("taken", NOON), **some), Holdings(fields=each))
        for each, some in ((dict(first), {}), (dict(second), more))
    ]
    assert bool(why_two_shots(*shots)) == bool(why_two_shots(*reversed(shots)))
    return why_two_shots(*shots)


def at(taken: str, source: str = "DateTimeOriginal") -> dict[str, Any]:
    return {"taken": taken, "taken_from": source}


def test_only_tags_of_the_shot_tell_shots_apart() -> None:
    later = "2023-05-01T12:00:09"
    assert why(at(NOON), at(later)) == f"taken {NOON} and {later}"
    assert why(at(NOON), at(later, "XMP DateTimeOriginal"))
    for source in ("DateTime", "DateTimeDigitized", "GPS", "XMP CreateDate", "PNG text"):
        assert why(at(NOON), at(later, source)) == ""


def test_a_time_of_unknown_source_is_that_of_the_shot() -> None:
    later = shot_of(photo(taken="2023-05-01T12:00:09"), None)
    assert why_two_shots(shot_of(photo(), None), later)


def test_zeros_of_a_burst_are_a_time_and_those_of_a_smaller_copy_may_be_none() -> None:
    first, second = at(f"{NOON}.97"), at(f"{NOON}.00")
    assert why(first, second)
    assert why(first, second, width=600, height=800)  # turned
    assert why(first, second, width=640, height=480) == ""
    assert why(first | {"camera_record": 6}, second | {"camera_record": 3}) == ""


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"exposure_time": 1 / 64}, {"exposure_time": 1 / 256}, "exposed 1/64 s and 1/256 s"),
        ({"exposure_bias": 0}, {"exposure_bias": -0.33}, "exposed +0 EV and -0.33 EV"),
        ({"exposure_time": 0.5}, {"exposure_time": 0.625}, "exposed 0.5 s and 0.625 s"),
        ({"exposure_time": 1 / 60}, {"exposure_time": 0.017}, ""),  # rounded
        ({"exposure_bias": 0.3333}, {"exposure_bias": 0.3}, ""),
        ({"exposure_time": 1 / 60}, {}, ""),
        ({"exposure_bias": 0}, {}, ""),
    ],
)
def test_exposures_of_a_bracket_differ(first: dict[str, Any], second: dict[str, Any], words: str) -> None:
    assert why(first, second) == words


def test_another_name_of_the_camera_says_nothing_of_the_exposure() -> None:
    assert why({"exposure_bias": 0}, {"exposure_bias": 2}, camera="Other") == ""
    assert why({"exposure_bias": 0}, {"exposure_bias": 2}, camera=None)


def test_brackets_are_kept_apart_unless_the_pixels_are_the_same() -> None:
    holdings = {1: Holdings(fields={"exposure_bias": 0}), 2: Holdings(fields={"exposure_bias": -2})}
    two = {1: photo(1), 2: photo(2)}
    assert Apart(two, {}, holdings)(1, 2)
    assert not Apart(two, {(1, 2): "confirmed"}, holdings)(1, 2)
    same = {1: photo(1), 2: photo(2, pixel_digest=photo(1).pixel_digest)}
    assert not Apart(same, {}, holdings)(1, 2)


def test_the_same_pixels_are_of_one_shot_whatever_one_of_them_says() -> None:
    third = photo(3, taken="2019-01-01T00:00:00", pixel_digest=photo(1).pixel_digest)
    three = {1: photo(1), 2: photo(2, taken="2023-05-01T12:00:00.5"), 3: third}
    assert not Apart(three, {}, {})(3, 2)


@pytest.mark.parametrize(
    ("name", "other", "taken", "is_apart"),
    [
        ("IMG_1100.DNG", "IMG_1101.DNG", NOON, True),  # frames of a burst, in whole seconds
        ("IMG_110.DNG", "IMG_1100.DNG", NOON, True),
        ("IMG_1100.CR2", "img_1100.dng", NOON, False),  # converted
        ("IMG_1100.DNG", "2021-08 IMG_1100-Enhanced.DNG", NOON, False),
        ("IMG_1100.DNG", "Lofoten 12.DNG", f"{NOON}.25", False),
        ("IMG_1100.DNG", "Lofoten 12.DNG", NOON, True),
    ],
)
def test_previews_alone_prove_no_two_raws_one_shot(
    name: str, other: str, taken: str, is_apart: bool
) -> None:
    files = [(PhotoFile(path, 1, 1, 0),) for path in (f"/photos/{name}", f"/again/{other}")]
    two = {n: photo(n, taken, format="RAW", files=files[n - 1]) for n in (1, 2)}
    assert Apart(two, {}, {})(1, 2) == Apart(two, {}, {})(2, 1) == is_apart
    assert not Apart(two, {(1, 2): "confirmed"}, {})(1, 2)
    same = {1: two[1], 2: photo(2, format="RAW", files=files[1], pixel_digest=two[1].pixel_digest)}
    assert not Apart(same, {}, {})(1, 2)


def test_the_pairs_of_a_long_burst_of_raws_cost_next_to_nothing() -> None:
    files = {n: (PhotoFile(f"/photos/IMG_{n:04}.DNG", 1, n, 0),) for n in range(1000)}
    apart = Apart({n: photo(n, format="RAW", files=each) for n, each in files.items()}, {}, {})
    pairs = [(n, (n + step) % 1000) for step in range(1, 9) for n in files]
    started = time.process_time()
    assert all(apart(*pair) for pair in pairs)
    assert time.process_time() - started < 0.25
