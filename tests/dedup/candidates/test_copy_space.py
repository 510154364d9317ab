"""The space for copies belongs to one model; other models get another, and all do what they promise."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from lookalike.dedup.candidates import copy_space as copyspace
from lookalike.dedup.candidates.copy_space import (
    copy_space,
    fitted_space,
    plain_space,
    shipped_fingerprint,
    shipped_space,
)
from lookalike.errors import ModelError
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.tests.pictures import draw_photo

Units = npt.NDArray[np.float32]


def random_units(count: int, dim: int = 64) -> Units:
    """Return unit vectors that vary much in few directions."""
    random = np.random.default_rng(0)
    vectors = random.normal(0, 1, (count, dim)) / np.arange(1, dim + 1) + 1
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_the_shipped_space_belongs_to_the_default_embedder() -> None:
    # When this fails, the default has changed: make the file anew with tools/build_copyspace.py.
    assert shipped_fingerprint() == default_spec().fingerprint
    matrix = shipped_space().matrix
    assert matrix is not None
    assert matrix.shape[0] == default_spec().dim


def test_a_library_of_the_default_model_gets_the_shipped_space_whatever_its_size() -> None:
    units = random_units(2, default_spec().dim)
    assert copy_space(default_spec().fingerprint, units).floor == shipped_space().floor


def test_another_model_gets_a_space_of_the_library_if_that_is_large_enough() -> None:
    assert copy_space("another", random_units(100)).matrix is None
    fitted = copy_space("another", random_units(3000))
    assert fitted.matrix is not None
    assert fitted.floor == fitted_space(random_units(3000)).floor


def test_points_have_length_one_and_a_vector_of_nothing_stays_nothing() -> None:
    units = random_units(3000)
    for space in (plain_space(64), fitted_space(units)):
        lengths = np.linalg.norm(space.project(units[:50].astype(np.float16)), axis=1)
        np.testing.assert_allclose(lengths, 1, atol=1e-3)
    assert np.isfinite(plain_space(64).project(np.zeros((1, 64), np.float32))).all()


def test_a_fitted_space_makes_the_photos_of_a_library_unlike_each_other() -> None:
    units = random_units(3000)
    points = fitted_space(units).project(units)
    assert np.median(units[:500] @ units[500:1000].T) > 0.8
    assert abs(np.median(points[:500] @ points[500:1000].T)) < 0.1


@pytest.mark.parametrize("content", [b"", b"not a file of arrays" * 9])
def test_a_damaged_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    damaged = tmp_path / "copyspace.safetensors"
    damaged.write_bytes(content)
    monkeypatch.setattr(copyspace, "FILE", damaged)
    with pytest.raises(ModelError, match="install lookalike again"):
        shipped_space()
    with pytest.raises(ModelError, match="install lookalike again"):
        shipped_fingerprint()


def test_copies_pass_the_floor_and_other_pictures_are_farther_than_they(embedder: Embedder) -> None:
    space = shipped_space()
    pictures = [draw_photo(seed, 320, 240) for seed in range(6)]
    copies = [framed(picture) for picture in pictures]
    raw = embedder.embed([embedder.prepare(picture) for picture in [*pictures, *copies]])
    points = space.project(raw / np.linalg.norm(raw, axis=1, keepdims=True))
    scores = points[:6] @ points[6:].T
    assert np.diagonal(scores).min() >= space.floor
    assert (scores.argmax(axis=1) == np.arange(6)).all()


def framed(picture: Image.Image) -> Image.Image:
    """Return a screenshot of the picture: a bar with a button above it, a sheet around it."""
    sheet = Image.new("RGB", (360, 330), (240, 240, 240))
    ImageDraw.Draw(sheet).rectangle([10, 10, 60, 30], fill=(40, 90, 200))
    sheet.paste(picture, (20, 60))
    return sheet


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(default_spec())
