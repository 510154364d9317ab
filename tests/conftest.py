"""Fixtures that several test modules share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.tests.store.making import PUBLISHED, Filled, open_filled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a store that is not there yet."""
    return tmp_path / "store"


@pytest.fixture
def filled(folder: Path) -> Iterator[Filled]:
    """An open store that knows its model and the root /photos, without photos."""
    made = open_filled(folder)
    yield made
    made.store.close()


@pytest.fixture
def published(filled: Filled, folder: Path) -> Path:
    """The folder of a closed store of PUBLISHED photos with a snapshot."""
    filled.fill(range(PUBLISHED))
    filled.store.publish()
    filled.store.close()
    return folder
