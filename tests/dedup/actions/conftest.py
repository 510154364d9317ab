"""A shelf of photos for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .making import Shelf


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A library without photos, and a home of its own: nobody's trash is touched."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    (tmp_path / "home" / "data").mkdir(parents=True)
    made = Shelf(tmp_path)
    yield made
    made.store.close()
