"""Index runs over drawn photos with the real model, and a watch over the files they open."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions, IndexReport
from lookalike.library import Library

SMALL = ModelChoice(input_size=64)  # the real model at its fastest
COUNT = 8

Action = Callable[[], object] | None


class Script(threading.Event):
    """A stop whose waits take no time: at each of them the next thing happens; after the last it is set."""

    def __init__(self, *actions: Action) -> None:
        super().__init__()
        self._actions = iter(actions)

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        action = next(self._actions, self.set)
        if action is not None:
            action()
        return self.is_set()


class Opened:
    """The paths that this process opens while it is asked to watch."""

    def __init__(self) -> None:
        self.paths: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self.paths is not None and isinstance(arguments[0], str | bytes):
            self.paths.append(os.fsdecode(arguments[0]))

    @contextmanager
    def watch(self, below: Path) -> Iterator[list[str]]:
        """Give a list that holds after the block which files below a folder were opened in it."""
        found: list[str] = []
        self.paths = []
        try:
            yield found
        finally:
            found += [path for path in self.paths if path.startswith(f"{below}/")]
            self.paths = None


opened = Opened()


def run(library: Library, *folders: Path, **options: Any) -> IndexReport:
    return library.index(folders, choice=SMALL, options=IndexOptions(**options))


def rels(library: Library, photos: Path) -> set[str]:
    paths = (file.path for photo in library.photos() for file in photo.files)
    return {os.path.relpath(path, photos) for path in paths}


def on_disk(photos: Path) -> set[str]:
    return {str(path.relative_to(photos)) for path in photos.rglob("*.jpg")}


def check_finds_all(library: Library, photos: Path) -> None:
    """Check that the library holds what is on disk, and that each photo finds itself."""
    assert rels(library, photos) == on_disk(photos)
    for path in photos.rglob("*.jpg"):
        (result,) = library.search(path, k=1, include_self=True)
        assert result.score == pytest.approx(1, abs=1e-3)
        assert str(path) in [file.path for file in result.photo.files]


class Meddler:
    """A Progress that does something at a moment of the run."""

    def __init__(self, at_begin: Any = None, at_advance: Any = None) -> None:
        self.at_begin, self.at_advance = at_begin, at_advance

    def begin(self, *_: object, **__: object) -> None:
        if self.at_begin:
            self.at_begin()

    def advance(self, *_: object, **__: object) -> None:
        if self.at_advance:
            self.at_advance()
