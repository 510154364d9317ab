import json

import pytest
from PIL import Image

from lookalike.dedup.proof import Evidence, Picture, prove, reversed_evidence
from lookalike.indexer.decode.photo import make_thumbnail
from lookalike.tests.dedup.proof import making
from lookalike.tests.dedup.proof.making import as_picture, compare
from lookalike.tests.pictures import draw_photo

PAIRS: dict[str, making.Alteration] = {
    "crop": making.cropped(0.6),
    "turned": making.turned(Image.Transpose.ROTATE_90),
    "mirrored and turned": making.turned(Image.Transpose.TRANSPOSE),
    "tilted": making.tilted(10),
    "another": lambda _: draw_photo(77),
}


@pytest.mark.parametrize("what", PAIRS)
def test_both_sides_of_a_pair_agree(what: str) -> None:
    original = draw_photo(2)
    a, b = as_picture(original), as_picture(PAIRS[what](original))

    there, back = prove(a, b), prove(b, a)

    assert (there.verdict, there.branch, there.natural) == (back.verdict, back.branch, back.natural)
    assert there.probability == pytest.approx(back.probability)
    assert (there.overlap_a, there.overlap_b) == (back.overlap_b, back.overlap_a)
    turned_twice = reversed_evidence(reversed_evidence(there)).as_dict()
    assert turned_twice.pop("matrix") == pytest.approx(there.as_dict()["matrix"], abs=1e-6)
    assert turned_twice["form"] == there.form


def test_the_same_pair_has_the_same_evidence_every_time() -> None:
    original = draw_photo(2)
    crop = making.cropped(0.6)(original)

    assert compare(original, crop) == compare(original, crop)


def test_the_order_of_other_pairs_changes_nothing() -> None:
    original = draw_photo(2)
    a, b = as_picture(original), as_picture(making.cropped(0.6)(original))
    alone = prove(a, b)

    prove(a, as_picture(draw_photo(9)))
    prove(as_picture(draw_photo(9)), b)

    assert prove(a, b) == alone


def test_evidence_comes_back_from_json() -> None:
    original = draw_photo(2)
    evidence = compare(original, making.tilted(3)(original))

    assert Evidence.from_dict(json.loads(json.dumps(evidence.as_dict()))) == evidence


def test_evidence_of_a_later_version_can_be_read() -> None:
    assert Evidence.from_dict({"verdict": "copy", "not_known_yet": 1}) == Evidence(verdict="copy")


SIZES = [(1, 1), (2, 3), (1, 5000), (5000, 1), (12, 12), (20, 300), (256, 256)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("other", SIZES)
def test_tiny_and_long_pictures_do_not_break_it(size: tuple[int, int], other: tuple[int, int]) -> None:
    evidence = compare(draw_photo(1, 640, 480).resize(size), draw_photo(2, 640, 480).resize(other))

    assert 0 <= evidence.probability <= 1


@pytest.mark.parametrize("color", ["black", "white", "gray"])
def test_blank_pictures_are_nobodys_copies(color: str) -> None:
    blank = Image.new("RGB", (640, 480), color)

    for other in (blank, Image.new("RGB", (300, 500), "white"), draw_photo(1)):
        assert compare(blank, other).verdict == "similar"


def test_a_thumbnail_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="not a picture"):
        Picture.from_thumbnail(b"no picture", 640, 480)
    with pytest.raises(ValueError, match="not a picture"):
        Picture.from_thumbnail(make_thumbnail(draw_photo(1))[:20], 640, 480)
