"""A journal with any bytes at any place: no command ends in an internal error, nothing is lost by it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.dedup.actions.journal import journals
from lookalike.errors import ExitCode
from lookalike.tests.faults.scale import scale
from lookalike.tests.library import Run, lookalike

from .making import Shelf, contents, jpeg

EXAMPLES = scale("LOOKALIKE_JOURNAL_EXAMPLES", suite=20, soak=2_000)
COMMANDS = (
    ("undo", "--list"),
    ("undo",),
    ("prune", "--older-than", "0d"),
    ("status",),
    ("purge", "--missing-for", "0s", "--yes"),
)
ACTS = (("undo", "--yes"), ("prune", "--older-than", "0d", "--yes"))
FORESEEN = {ExitCode.DONE, ExitCode.USAGE, ExitCode.PARTLY, ExitCode.UNWRITABLE}
SCRAPS = [
    b"[" * 2000,
    b"1e999",
    b"\xff",
    b"\0",
    b"\n",
    b"{",
    b'"',
    b"null",
    b"-1",
    b"true",
    b"dond",
    b"\\ud800",
]


class Scene:
    """A library whose journal is damaged again and again, and what lies beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._now, self._before = folder, folder / "now", folder / "before"
        shelf = Shelf(self._now)
        keeper, copy, other = (
            shelf.put("a/kept.jpg"),
            shelf.put("b/copy.jpg"),
            shelf.put("c/x.jpg", quality=60),
        )
        other.with_suffix(".xmp").write_bytes(b"words")
        shelf.group(keeper, copy, other)
        shelf.apply()
        shelf.store.close()
        (self._now / "home").mkdir()
        (self._now / "home" / "thesis.doc").write_bytes(b"years of work")
        (record,) = journals(shelf.store.folder)
        self.journal = Path(record.path)
        self.data = self.journal.read_bytes()
        shutil.copytree(self._now, self._before, symlinks=True)

    def put(self, data: bytes) -> None:
        """Bring all back as it was, but for the bytes of the journal."""
        shutil.rmtree(self._now)
        shutil.copytree(self._before, self._now, symlinks=True)
        self.journal.write_bytes(data)

    def run(self, *arguments: str) -> Run:
        done = lookalike(*arguments, "--store", self._now / "store", LOOKALIKE_DEBUG="1")
        assert done.code in FORESEEN, done.err
        assert "database" not in done.err
        return done

    def files(self) -> list[bytes]:
        """Return what can be read, in order; what is ours is none of that."""
        found = (each for folder in ("photos", "home") for each in contents(self._now / folder))
        return sorted(data for name, data in found if not name.endswith(".jsonl"))

    def check(self, *, is_pruned: bool) -> None:
        """Check that nothing was lost, or only what has a survivor, and that nothing lies anywhere else."""
        assert (self._now / "photos/a/kept.jpg").read_bytes() == jpeg(0)
        assert (self._now / "home/thesis.doc").read_bytes() == b"years of work"
        explained = [data for data in self.files() if not data.startswith(b"Photos that")]
        everything = sorted([jpeg(0), jpeg(0), jpeg(0, 60), b"words", b"years of work"])
        assert explained == everything or (is_pruned and set(explained) <= set(everything))
        assert {path.name for path in self._folder.iterdir()} == {"now", "before"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("damaged")
        patch.setenv("HOME", str(folder / "now/home"))
        patch.setenv("XDG_DATA_HOME", str(folder / "now/home/data"))
        yield Scene(folder)


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw some damage: bytes put in the place of others, or a field of a line with another value."""
    if draw(st.booleans()):
        start, length = draw(st.floats(0, 1)), draw(st.sampled_from([0, 0, 1, 2, 40, 1000]))
        scrap = draw(st.one_of(st.binary(max_size=8), st.sampled_from(SCRAPS)))
        return lambda data: _spliced(data, int(start * len(data)), length, scrap)
    line, field = draw(st.integers(0, 9)), draw(st.integers(0, 30))
    value = draw(JSON)
    return lambda data: _changed(data, line, field, value)


PATHS = st.sampled_from(
    ["/", "/etc/passwd", "a.jpg", "", "/a\0b", "NOW/home/thesis.doc", "NOW/photos/a/kept.jpg"]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 1 << 70), st.floats(), st.text(max_size=5), PATHS
)
JSON = st.one_of(
    LEAVES,
    st.lists(LEAVES, max_size=2),
    st.sampled_from(["undone", "pruned", "sidecar", "trash", "symlink"]),
)


def _spliced(data: bytes, start: int, length: int, scrap: bytes) -> bytes:
    return data[:start] + scrap + data[start + length :]


def _changed(data: bytes, line: int, field: int, value: Any) -> bytes:
    lines = data.split(b"\n")
    place = line % len(lines)
    try:
        row = json.loads(lines[place])
        name = sorted(row)[field % len(row)]
    except (ValueError, TypeError, ZeroDivisionError, RecursionError):
        return data
    lines[place] = json.dumps(row | {name: value}).encode()
    return b"\n".join(lines)


@settings(max_examples=EXAMPLES)
@given(st.lists(damages(), min_size=1, max_size=3), st.booleans())
def test_a_damaged_journal_loses_nothing(
    scene: Scene, some: list[Callable[[bytes], bytes]], prunes_first: bool
) -> None:
    data = scene.data
    for damage in some:
        data = damage(data)
    scene.put(data.replace(b"NOW", os.fsencode(scene.journal.parents[2])))
    for command in COMMANDS:
        scene.run(*command)
    scene.check(is_pruned=False)
    for act in ACTS[:: -1 if prunes_first else 1]:
        scene.run(*act)
        scene.check(is_pruned=prunes_first or act[0] == "prune")


def test_damage_is_told_by_whoever_goes_by_journals(scene: Scene) -> None:
    scene.put(scene.data + b"[[[\n")
    for command in (("undo",), ("prune",)):
        assert f"{scene.journal} has damaged lines (1), which are left out" in scene.run(*command).err
    scene.journal.parent.chmod(0o777)
    told = lookalike("doctor", "--store", scene.journal.parents[1]).out.decode()
    assert "has damaged lines (1)" in told
    assert f"others can write to {scene.journal.parent}" in told
    assert "others can write to" in scene.run("undo", "--yes").err


def test_a_journal_that_cannot_be_read_is_told(scene: Scene) -> None:
    scene.put(scene.data)
    scene.journal.unlink()
    scene.journal.mkdir()
    for command in (("undo",), ("prune",)):
        assert f"the journal {scene.journal} is left out" in scene.run(*command).err
