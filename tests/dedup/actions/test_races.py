"""Somebody edits photos while apply runs: no edit is lost, and nothing is done to a file that changed."""

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.store.progress import Watch
from lookalike.tests.faults.scale import SEED, count, scale

from .making import Shelf, jpeg

RACES = scale("LOOKALIKE_RACES", suite=75, soak=3000)
PHOTOS = 50


class Editor:
    """Edits the photos that apply is at, from a thread of its own; as a progress it hears where that is."""

    def __init__(self, copies: list[Path], keepers: list[Path], seed: int) -> None:
        self.copies, self.keepers = copies, keepers
        self.written: dict[Path, bytes] = {}
        self.at = 0
        self._rng = random.Random(seed)
        self._stop = threading.Event()
        self._has_gone_on = threading.Condition()
        self._thread = threading.Thread(target=self._edit)

    def begin(self, _: str, files: int) -> None:
        assert files == len(self.copies)
        self._thread.start()

    def advance(self, files: int, _: int) -> None:
        with self._has_gone_on:
            self.at += files
            if self.at == len(self.copies):
                self._stop.set()
            self._has_gone_on.notify()
        if self._stop.is_set():
            self._thread.join()

    def _edit(self) -> None:
        ways: list[Callable[[Path, bytes], None]] = [in_place, replacing, appending, self._late]
        number = 0
        while not self._stop.is_set():
            number += 1
            near = min(self.at + self._rng.randrange(3), len(self.copies) - 1)
            path = (self.keepers if self._rng.random() < 0.1 else self.copies)[near]
            if path in self.written:
                continue
            data = b"edit %d of %s" % (number, os.fsencode(path.name))
            self._rng.choice(ways)(path, data)
            self.written[path] = data

    def _late(self, path: Path, data: bytes) -> None:
        """Write through a file that was open before apply came to it, after it has gone on."""
        try:
            out = open(path, "r+b")  # noqa: SIM115 - that it stays open is the point
        except FileNotFoundError:
            in_place(path, data)
            return
        with out:
            with self._has_gone_on:
                seen = self.at
                self._has_gone_on.wait_for(lambda: self.at != seen or self._stop.is_set())
            out.truncate()
            out.write(data)


def in_place(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def replacing(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.replace(path)


def appending(path: Path, data: bytes) -> None:
    with open(path, "ab") as out:
        out.truncate(0)
        out.write(data)


@pytest.mark.parametrize("method", ["quarantine", "trash", "hardlink"])
def test_no_edit_is_lost_and_no_changed_file_is_moved(shelf: Shelf, method: str) -> None:
    races, run = 0, 0
    rng = random.Random(f"{SEED} {method}")
    while races < RACES // 3:
        run += 1
        shelf.groups = []
        pairs = [
            (shelf.write(f"{run}/a/{n}.jpg", seed=n), shelf.write(f"{run}/b/{n}.jpg", seed=n))
            for n in range(PHOTOS)
        ]
        shelf.know(*(path for pair in pairs for path in pair))
        for keeper, copy in pairs:
            shelf.group(keeper, copy)
        editor = Editor([copy for _, copy in pairs], [keeper for keeper, _ in pairs], rng.randrange(10**9))

        shelf.apply(ApplyOptions(method=method), Watch(editor))

        for path, data in editor.written.items():
            pair = next(pair for pair in pairs if path in pair)
            if method != "hardlink":
                assert path.read_bytes() == data, path
            elif path == [each for each in editor.written if each in pair][-1]:
                # What is written through a hard link is written to both names; the last word counts.
                assert data in [each.read_bytes() for each in pair], path
        for number, (keeper, copy) in enumerate(pairs):
            if keeper in editor.written and copy not in editor.written:
                # Without its kept file a copy is the last of its content: it must have stayed or come back.
                assert copy.read_bytes() == jpeg(number)
        races += len(editor.written)
        count("edits raced against apply", len(editor.written))
