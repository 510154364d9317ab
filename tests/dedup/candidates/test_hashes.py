"""Hashes tell turned, mirrored and re-saved pictures from others, in one go for all eight forms."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageEnhance

from lookalike.dedup.candidates.hashes import HASH_BYTES, MIN_QUALITY, Hashes, dct_hash
from lookalike.dedup.candidates.nominate import MAX_DISTANCE
from lookalike.tests.pictures import draw_photo

SEEDS = range(8)
TURNS = list(Image.Transpose)


def grey_of(picture: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(picture.convert("L"))


def hashes_of(pictures: list[Image.Image]) -> Hashes:
    found = [dct_hash(grey_of(picture)) for picture in pictures]
    return Hashes.of(np.stack([bits for bits, _ in found]), np.array([quality for _, quality in found]))


def distances(first: list[Image.Image], second: list[Image.Image]) -> list[int]:
    count = len(first)
    places = np.arange(count)
    return [int(each) for each in hashes_of([*first, *second]).distances(places, places + count)]


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_or_mirrored_picture_has_the_hash_of_the_picture(turn: Image.Transpose) -> None:
    pictures = [draw_photo(seed, 256, 192) for seed in SEEDS]
    assert max(distances(pictures, [picture.transpose(turn) for picture in pictures])) <= 4


def test_a_smaller_brighter_picture_is_near_in_every_form() -> None:
    pictures = [draw_photo(seed, 256, 192) for seed in SEEDS]
    for turn in TURNS:
        small = [
            ImageEnhance.Brightness(picture.resize((120, 90))).enhance(1.2).transpose(turn)
            for picture in pictures
        ]
        assert max(distances(pictures, small)) <= MAX_DISTANCE // 2


def test_other_pictures_are_far_in_every_form() -> None:
    pictures = [draw_photo(seed, 256, 192) for seed in range(40)]
    a, b = np.triu_indices(40, 1)
    assert hashes_of(pictures).distances(a, b).min() > MAX_DISTANCE


def test_distances_are_the_least_of_eight_plain_comparisons() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 256, (40, HASH_BYTES), dtype=np.uint8)
    a, b = (side.ravel() for side in np.indices((40, 40)))
    found = Hashes.of(bits, np.full(40, 100)).distances(a, b)
    expected = [
        min(differing(bits[i], form) for form in eight_forms(bits[j])) for i, j in zip(a, b, strict=True)
    ]
    assert found.tolist() == expected


def eight_forms(bits: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """Return the bits as they would be of the picture in each form, the slow and plain way."""
    waves = np.empty((16, 16), np.int8)
    words = np.unpackbits(bits).reshape(2, 2, 8, 8)
    for down in (0, 1):
        for across in (0, 1):
            waves[1 - down :: 2, 1 - across :: 2] = 2 * words[down, across].astype(np.int8) - 1
    odd = np.where(np.arange(1, 17) % 2, -1, 1)
    forms = []
    for each in (waves, waves.T):
        forms += [each, each * odd, each * odd[:, None], each * odd * odd[:, None]]
    return [pack(form > 0) for form in forms]


def pack(signs: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    words = [signs[1 - down :: 2, 1 - across :: 2].ravel() for down in (0, 1) for across in (0, 1)]
    return np.packbits(np.concatenate(words))


def differing(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> int:
    return int(np.bitwise_count(a ^ b).sum())


def test_a_blank_picture_is_not_trusted_and_a_photo_is() -> None:
    blank = Image.new("RGB", (256, 192), (90, 120, 130))
    assert hashes_of([blank, draw_photo(1, 256, 192)]).textured.tolist() == [False, True]
    assert dct_hash(grey_of(blank))[1] < MIN_QUALITY


def test_a_hash_has_32_bytes_whatever_the_size_of_the_picture() -> None:
    for size in ((1, 1), (3, 200), (256, 171)):
        bits, quality = dct_hash(grey_of(draw_photo(1, 256, 192).resize(size)))
        assert bits.shape == (HASH_BYTES,)
        assert bits.dtype == np.uint8
        assert 0 <= quality <= 100
