"""Fixtures of the tests that index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.library import Library
from lookalike.tests.pictures import draw_photo, save

from .indexing import COUNT


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of COUNT photos, half of them in a folder below."""
    for seed in range(COUNT):
        name = f"{seed}.jpg" if seed % 2 else f"sub/{seed}.jpg"
        save(tmp_path / "photos" / name, draw_photo(seed, 96, 72), quality=90)
    return tmp_path / "photos"


@pytest.fixture
def library(folder: Path) -> Iterator[Library]:
    with Library.open(folder, create=True) as opened:
        yield opened
