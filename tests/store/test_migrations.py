"""A store of an older version is brought up to date, keeps its photos, and leaves a copy behind.

There is one version so far: the older one and the step that leads from it are made up.
"""

import contextlib
import re
import sqlite3
import stat
from pathlib import Path

import pytest

from lookalike.errors import StoreTooOld, StoreUnwritable
from lookalike.store.care.checks import check_store
from lookalike.store.catalog import migrations, schema
from lookalike.store.catalog.pairs import all_decisions, decide
from lookalike.store.store import Store
from lookalike.tests.children import run_child
from lookalike.tests.faults.scale import SEED, count, scale

from .made_up import NEXT, use_next_format
from .making import ask, digest_of, execute, make_vector, names, open_filled

VISIBLE = {"0.jpg", "1.jpg", "3.jpg"}
DECIDED = {("confirmed", frozenset((0, 1))), ("rejected", frozenset((0, 3)))}


@pytest.fixture
def as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of an older version with all that is read: photos 0 to 3 without 2, and decisions."""
    filled = open_filled(folder, range(4))
    filled.lose(b"2.jpg")
    with filled.store.writing() as view:
        decide(view, digest_of(0).hex(), digest_of(1).hex(), "confirmed")
        decide(view, digest_of(0).hex(), digest_of(3).hex(), "rejected")
    filled.store.close()
    use_next_format(monkeypatch.setattr)
    return folder


@pytest.fixture
def old(as_it_is: Path) -> Path:
    """A store of an older version that has no times of decisions yet."""
    execute(as_it_is, "ALTER TABLE decision DROP COLUMN at")
    return as_it_is


def decided(store: Store) -> set[tuple[str, frozenset[int]]]:
    seeds = {digest_of(seed).hex(): seed for seed in range(4)}
    with store.reading() as view:
        return {(each.kind, frozenset((seeds[each.a], seeds[each.b]))) for each in all_decisions(view)}


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


def test_an_older_store_is_brought_up_to_date_and_keeps_all_it_knows(old: Path) -> None:
    open_filled(old, [7]).store.close()

    assert version(old / "catalog.db") == NEXT
    with Store.open(old) as store:
        assert set(names(ask(store, make_vector(1), 9))) == VISIBLE | {"7.jpg"}
        assert decided(store) == DECIDED
        assert {each.level for each in check_store(store) if each.what != "index"} <= {"ok", "note"}


def test_an_upgraded_catalog_is_laid_out_like_a_new_one(old: Path, tmp_path: Path) -> None:
    Store.open(old, create=True).close()
    Store.open(tmp_path / "new", create=True).close()
    assert layout(old) == layout(tmp_path / "new")


def test_there_is_a_step_from_every_version_to_the_next() -> None:
    assert len(migrations.STEPS) == schema.SCHEMA_VERSION - 1


def test_looking_at_an_old_store_shows_all_it_knows_and_does_not_change_it(as_it_is: Path) -> None:
    with Store.open(as_it_is) as store:
        assert set(names(ask(store, make_vector(1), 9))) == VISIBLE
        assert decided(store) == DECIDED
        assert "broken" not in {each.level for each in check_store(store)}
    assert version(as_it_is / "catalog.db") == NEXT - 1
    assert not list(as_it_is.glob("*.bak"))


def test_an_old_store_that_lacks_something_is_read_once_it_is_up_to_date(old: Path) -> None:
    with pytest.raises(StoreTooOld, match="lookalike index"):
        Store.open(old)
    assert version(old / "catalog.db") == NEXT - 1
    Store.open(old, write=True).close()
    with Store.open(old) as store:
        assert decided(store) == DECIDED


def test_the_catalog_is_copied_before_it_is_changed_and_only_then(old: Path) -> None:
    copy = old / f"catalog.db.v{NEXT - 1}.bak"
    Store.open(old, create=True).close()
    assert version(copy) == NEXT - 1
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    made = copy.stat().st_mtime_ns

    Store.open(old, create=True).close()

    assert copy.stat().st_mtime_ns == made
    copy.replace(old / "catalog.db")
    with Store.open(old, write=True) as store:
        assert set(names(ask(store, make_vector(1), 9))) == VISIBLE


def test_without_a_copy_nothing_is_changed(old: Path) -> None:
    (old / f"catalog.db.v{NEXT - 1}.bak").mkdir()
    with pytest.raises(StoreUnwritable, match="nothing was changed"):
        Store.open(old, create=True)
    assert version(old / "catalog.db") == NEXT - 1
    assert not list(old.glob("*.tmp*"))


def test_a_new_store_leaves_no_copy(tmp_path: Path) -> None:
    Store.open(tmp_path / "new", create=True).close()
    assert not list((tmp_path / "new").glob("*.bak"))


# Opens copies of a store for writing, and dies at the first, second, ... statement until one gets through.
# Of all statements; 1: each of them.
EVERY = scale("LOOKALIKE_KILL_UPGRADE_EVERY", suite=4, soak=1)
DYING = """
import os, shutil, signal, sys
import sqlalchemy as sa
from lookalike.store.store import Store
from lookalike.tests.store.made_up import use_next_format

use_next_format()

def die_at(count):
    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def listen(*_):
        nonlocal count
        count -= 1
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)

first, every = int(sys.argv[3]), int(sys.argv[4])
number, status = first - every, 9
while status:
    number += every
    shutil.copytree(sys.argv[1], f"{sys.argv[2]}/{number}")
    child = os.fork()
    if child == 0:
        die_at(number)
        Store.open(f"{sys.argv[2]}/{number}", create=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, 9), status
"""


@pytest.mark.timeout(3600)
def test_a_kill_at_any_statement_leaves_the_old_or_the_new_version_whole(old: Path, tmp_path: Path) -> None:
    done = run_child(DYING, old, tmp_path / "copies", 1 + SEED % EVERY, EVERY, timeout=3000)
    assert done.returncode == 0, done.stderr
    seen = set()
    copies = list((tmp_path / "copies").iterdir())
    assert len(copies) > 8 // EVERY
    count("kills at a statement of an upgrade", len(copies) - 1)
    for folder in copies:
        seen.add(version(folder / "catalog.db"))
        for write in (True, False):
            with Store.open(folder, write=write) as store:
                assert set(names(ask(store, make_vector(1), 9))) == VISIBLE
                assert decided(store) == DECIDED
        assert not list(folder.glob("*.tmp*"))
    assert seen == {NEXT - 1, NEXT}
