"""Opening a store: what is not ours is refused untouched, and looking never creates anything."""

import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lookalike.errors import (
    StoreCorrupt,
    StoreError,
    StoreMissing,
    StoreTooNew,
    StoreTooOld,
    StoreUnwritable,
)
from lookalike.store.catalog.schema import FORMER_ID
from lookalike.store.store import Store

from .making import ask, digest_of, make_vector, names, open_filled, without_privileges


def test_opening_a_folder_without_a_store_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="lookalike index"):
        Store.open(tmp_path / "away" / "store")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreMissing):
        Store.open(tmp_path / "empty")
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_a_store_whose_making_was_cut_short_is_missing_and_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").touch()
    with pytest.raises(StoreMissing):
        Store.open(tmp_path)
    open_filled(tmp_path, [1]).store.close()
    with Store.open(tmp_path) as store:
        assert names(ask(store, make_vector(1), 1)) == ["1.jpg"]


def test_only_its_owner_can_read_a_store(published: Path) -> None:
    before = os.umask(0)
    try:
        filled = open_filled(published.parent / "other", range(3))
        filled.store.publish()
        with filled.store.indexing():
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in filled.store_files()}
        filled.store.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((published.parent / "other").stat().st_mode) == 0o700
    assert {"catalog.db", "catalog.db-wal", "thumbs.db", "index.json"} <= set(modes)
    assert {"store.lock", "store.lock.json", "indexing.lock.json"} <= set(modes)
    assert {name: mode for name, mode in modes.items() if mode & 0o177} == {}


# Newer, foreign, damaged


def too_new(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")


def too_new_to_read(path: Path) -> None:
    too_new(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE content RENAME COLUMN taken TO taken_at")


def of_a_model_to_come(path: Path) -> None:
    too_new(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE model SET spec = json_set(spec, '$.patches', 14)")


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE photo (id INTEGER)")


def foreign_with_version(path: Path) -> None:
    foreign(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 1")


def foreign_and_empty_but_marked(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA application_id = 77")


def of_a_former_format(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA application_id = {FORMER_ID}")
        connection.execute("PRAGMA user_version = 6")


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, whatever its name says. " * 500)


def header_only(path: Path) -> None:
    os.truncate(path, 100)


@pytest.mark.parametrize("create", [False, True], ids=["read", "write"])
@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        (too_new_to_read, StoreTooNew, 6),
        (of_a_former_format, StoreTooOld, 6),
        (foreign, StoreCorrupt, 1),
        (foreign_with_version, StoreCorrupt, 1),
        (foreign_and_empty_but_marked, StoreCorrupt, 1),
        (garbage, StoreCorrupt, 1),
        (header_only, StoreCorrupt, 1),
    ],
)
def test_a_catalog_that_is_not_ours_is_refused_in_one_line_and_left_as_it_is(
    published: Path, change: Callable[[Path], None], error: type[StoreError], code: int, create: bool
) -> None:
    catalog = published / "catalog.db"
    change(catalog)
    before = catalog.read_bytes()

    with pytest.raises(error) as caught:
        Store.open(published, create=create)

    assert caught.value.exit_code == code
    assert str(caught.value).count("\n") == 0
    advice = re.search("another (folder for the )?store|--store NEW", str(caught.value))
    assert str(published) in str(caught.value) or advice
    assert catalog.read_bytes() == before


@pytest.mark.parametrize("change", [too_new_to_read, of_a_model_to_come])
def test_a_newer_store_that_cannot_be_understood_is_not_read(
    published: Path, change: Callable[[Path], None]
) -> None:
    change(published / "catalog.db")
    with pytest.raises(StoreTooNew, match="update lookalike"):
        Store.open(published)


def test_a_newer_store_that_can_be_understood_is_read_but_not_changed(published: Path) -> None:
    too_new(published / "catalog.db")
    with closing(sqlite3.connect(published / "catalog.db")) as connection, connection:
        connection.execute("ALTER TABLE content ADD COLUMN stars INTEGER")
        connection.execute("CREATE TABLE album (id INTEGER)")
    before = (published / "catalog.db").read_bytes()
    with Store.open(published) as store:
        assert names(ask(store, make_vector(7), 1)) == ["7.jpg"]
    for create in (True, False):
        with pytest.raises(StoreTooNew, match="can still be searched"):
            Store.open(published, create=create, write=True)
    assert (published / "catalog.db").read_bytes() == before


def test_a_folder_in_place_of_the_catalog_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").mkdir()
    for create in (False, True):
        with pytest.raises(StoreError):
            Store.open(tmp_path, create=create)


@pytest.mark.parametrize("harm", ["lost", "empty", "garbage"])
def test_thumbnails_that_came_to_harm_stop_no_search(published: Path, harm: str) -> None:
    thumbs = published / "thumbs.db"
    thumbs.unlink()
    if harm != "lost":
        thumbs.write_bytes(b"" if harm == "empty" else b"garbage" * 1000)
    with Store.open(published) as store:
        assert names(ask(store, make_vector(1), 1)) == ["1.jpg"]
        assert store.thumbs.get(digest_of(1)) is None
        assert store.thumbs.totals() == (0, 0)


# Read-only places


@pytest.fixture
def read_only(published: Path) -> Iterator[Path]:
    """A store that everybody may read and nobody but root may write."""
    # Not below tmp_path: pytest keeps that to its owner.
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        folder = Path(base, "store")
        shutil.copytree(published, folder)
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_a_read_only_store_can_be_searched(read_only: Path) -> None:
    before = sorted(os.listdir(read_only))
    with without_privileges():
        assert not os.access(read_only, os.W_OK, effective_ids=True)
        with Store.open(read_only) as store:
            assert names(ask(store, make_vector(7), 1)) == ["7.jpg"]
            assert store.thumbs.totals()[0] == 120
    assert sorted(os.listdir(read_only)) == before


def test_a_read_only_store_without_its_snapshot_can_be_searched(read_only: Path) -> None:
    for file in read_only.glob("index*"):
        read_only.chmod(0o755)
        file.unlink()
        read_only.chmod(0o555)
    with without_privileges(), Store.open(read_only) as store:
        assert names(ask(store, make_vector(7), 1)) == ["7.jpg"]


def test_a_read_only_store_is_not_opened_for_writing(read_only: Path) -> None:
    with without_privileges(), pytest.raises(StoreUnwritable, match="for the store") as caught:
        Store.open(read_only, create=True)
    assert caught.value.exit_code == 7


def test_a_store_cannot_be_made_where_nothing_can_be_written(read_only: Path) -> None:
    with without_privileges(), pytest.raises(StoreUnwritable):
        Store.open(read_only / "inner", create=True)
