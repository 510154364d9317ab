"""Temporary files in folders where others can write, too: nothing goes through what they put there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lookalike.dedup.actions.plan import Origin, plan_of, write_plan
from lookalike.output.explain.captions import write_png
from lookalike.output.report.data import Review
from lookalike.output.report.write import write_report
from lookalike.output.sheet.write import write_sheet
from lookalike.store import files
from lookalike.store.care.backup import backup
from lookalike.store.export import export_vectors
from lookalike.store.files import is_shared, replaced
from lookalike.store.filters.where import ALL
from lookalike.store.store import Store


def test_nothing_is_written_through_a_link_that_takes_the_place_of_a_temporary(tmp_path: Path) -> None:
    precious, target = tmp_path / "precious.txt", tmp_path / "out" / "plan.json"
    precious.write_text("mine")
    target.parent.mkdir()

    def write() -> None:
        with replaced(str(target)) as out:
            os.unlink(out.name)
            os.symlink(precious, out.name)
            out.write(b"private")

    with pytest.raises(OSError, match="somebody put another file in its place"):
        write()
    assert precious.read_text() == "mine"
    assert list(target.parent.iterdir()) == []


def test_a_temporary_that_somebody_took_away_is_an_error(tmp_path: Path) -> None:
    def write() -> None:
        with replaced(str(tmp_path / "plan.json")) as out:
            os.unlink(out.name)

    with pytest.raises(FileNotFoundError):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / "plan.json.guessed.tmp").symlink_to(precious)
    with pytest.raises(FileExistsError), replaced(str(tmp_path / "plan.json")):
        pass
    assert precious.read_text() == "mine"


Write = Callable[[Path, Store], object]


def plan(path: Path, store: Store) -> None:
    write_plan(str(path), plan_of([], Origin.now(store.folder, [])))


def report(path: Path, store: Store) -> None:
    write_report(path, Review([], Origin.now(store.folder, [])), store)


def vectors(path: Path, store: Store) -> None:
    with store.reading() as view:
        export_vectors(view, str(path), ALL)


WRITERS: dict[str, Write] = {
    "plan.json": plan,
    "page.html": report,
    "store.bak": lambda path, store: backup(store, str(path), thumbnails=True),
    "sheet.png": lambda path, store: write_sheet(path, [], store),
    "vectors.npz": vectors,
    "why.png": lambda path, _: write_png(np.zeros((8, 8, 3), np.uint8), str(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_command_opens_a_temporary_by_its_name(
    name: str, tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others can write, each temporary is swapped for a link as soon as it is there."""
    precious, folder = tmp_path / "precious.txt", tmp_path / "shared"
    precious.write_text("mine")
    folder.mkdir()
    folder.chmod(0o777)
    assert is_shared(str(folder))
    new_beside = files._new_beside

    def and_swap(path: str, mode: int) -> object:
        out = new_beside(path, mode)
        if os.path.dirname(path) == str(folder):
            os.unlink(out.name)
            os.symlink(precious, out.name)
        return out

    with Store.open(published) as store:
        with monkeypatch.context() as patch:
            patch.setattr(files, "_new_beside", and_swap)
            with pytest.raises(Exception, match="somebody put another file in its place"):
                WRITERS[name](folder / name, store)
        assert list(folder.iterdir()) == []
        WRITERS[name](folder / name, store)
    assert precious.read_text() == "mine"
    assert [each.name for each in folder.iterdir()] == [name]
    assert not [each for each in published.iterdir() if each.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("mode", "shared"), [(0o700, False), (0o755, False), (0o775, True), (0o777, True), (0o1777, False)]
)
def test_a_folder_is_shared_where_others_can_swap_files(tmp_path: Path, mode: int, shared: bool) -> None:
    tmp_path.chmod(mode)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode
    assert is_shared(str(tmp_path)) == shared
