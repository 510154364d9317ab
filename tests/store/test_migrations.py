"""A store of an older version is brought up to date, keeps its photos, and leaves a copy behind."""

import contextlib
import re
import sqlite3
import stat
from pathlib import Path

import pytest

from lookalike.errors import StoreUnwritable
from lookalike.store import migrations, schema
from lookalike.store.checks import check_store
from lookalike.store.store import Store

from .making import ask, make_vector, names, open_filled

# A catalog as version 1 wrote it: photos 0 to 3, of which 2 went away.
VERSION_1 = (Path(__file__).parent / "version1.sql").read_text()
VISIBLE = {"0.jpg", "1.jpg", "3.jpg"}


@pytest.fixture
def old(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection:
        connection.executescript(VERSION_1)
    return folder


def version(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def layout(folder: Path) -> dict[str, list[str]]:
    """Return what each table and index is made of, in no order: a column that was added comes last."""
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: parts_of(re.sub(r"\s", "", sql)) for name, sql in rows if "sqlite_" not in name}


def parts_of(sql: str) -> list[str]:
    """Return the definitions within the outermost brackets, and what stands before these, sorted."""
    head, _, rest = sql.partition("(")
    return sorted([head, *re.split(r",(?![^()]*\))", rest.removesuffix(")"))])


def test_a_store_of_version_1_is_brought_up_to_date_and_keeps_its_photos(old: Path) -> None:
    filled = open_filled(old, [7])
    filled.store.close()

    assert version(old / "catalog.db") == schema.SCHEMA_VERSION
    with Store.open(old) as store:
        assert set(names(ask(store, make_vector(1), 9))) == VISIBLE | {"7.jpg"}
        assert {each.level for each in check_store(store) if each.what != "index"} <= {"ok", "note"}


def test_an_upgraded_catalog_is_laid_out_like_a_new_one(old: Path, tmp_path: Path) -> None:
    Store.open(old, create=True).close()
    Store.open(tmp_path / "new", create=True).close()
    assert layout(old) == layout(tmp_path / "new")


def test_there_is_a_step_from_every_version_to_the_next() -> None:
    assert len(migrations.STEPS) == schema.SCHEMA_VERSION - 1


def test_looking_at_an_old_store_does_not_change_it(old: Path) -> None:
    with Store.open(old) as store:
        assert set(names(ask(store, make_vector(1), 9))) == VISIBLE
        assert "broken" not in {each.level for each in check_store(store)}
    assert version(old / "catalog.db") == 1
    assert not list(old.glob("*.bak"))


def test_the_catalog_is_copied_before_it_is_changed_and_only_then(old: Path) -> None:
    copy = old / "catalog.db.v1.bak"
    Store.open(old, create=True).close()
    assert version(copy) == 1
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    made = copy.stat().st_mtime_ns

    Store.open(old, create=True).close()

    assert copy.stat().st_mtime_ns == made
    copy.replace(old / "catalog.db")
    with Store.open(old) as store:
        assert set(names(ask(store, make_vector(1), 9))) == VISIBLE


def test_without_a_copy_nothing_is_changed(old: Path) -> None:
    (old / "catalog.db.v1.bak").mkdir()
    with pytest.raises(StoreUnwritable, match="nothing was changed"):
        Store.open(old, create=True)
    assert version(old / "catalog.db") == 1
    assert not list(old.glob("*.tmp*"))


def test_a_new_store_leaves_no_copy(tmp_path: Path) -> None:
    Store.open(tmp_path / "new", create=True).close()
    assert not list((tmp_path / "new").glob("*.bak"))
