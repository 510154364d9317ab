"""A damaged store is brought back: what can be read is saved, and nothing is made worse."""

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.errors import StoreCorrupt, StoreLocked, StoreTooNew, StoreTooOld
from lookalike.store.care.checks import check_store
from lookalike.store.care.repair import damage_of, is_sound, repair
from lookalike.store.catalog import pairs, schema
from lookalike.store.catalog.embeddings import count_embeddings, vectors_since
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folded import folded, mark_folded
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.pairs import all_decisions
from lookalike.store.catalog.photos import count_totals
from lookalike.store.index_cache import stamp_of
from lookalike.store.store import Store
from lookalike.tests.children import run_child
from lookalike.tests.faults.scale import SEED, count, scale

from .making import PUBLISHED, ask, digest_of, make_vector, names, open_filled

DECISIONS = 40


@pytest.fixture
def decided(published: Path) -> Path:
    """A published store with decisions."""
    with Store.open(published, write=True) as store, store.writing() as view:
        for seed in range(DECISIONS):
            pairs.decide(view, digest_of(seed).hex(), digest_of(seed + 1).hex(), "rejected")
    return published


def execute(folder: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def broken(folder: Path) -> list[str]:
    with Store.open(folder) as store:
        return [each.what for each in check_store(store) if each.level == "broken"]


def stamp_in(folder: Path) -> object:
    with Store.open(folder) as store, store.reading() as view:
        return stamp_of(view), count_totals(view)


def pages_of(path: Path, name: str) -> list[int]:
    """Return the pages that hold rows of a table, by trying: damage each and see what cannot be read."""
    found = []
    whole = path.read_bytes()
    copy = path.with_name("probe.db")
    for page in range(1, len(whole) // schema.PAGE_SIZE):
        copy.write_bytes(overwritten(whole, page))
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            try:
                connection.execute(
                    f"SELECT sum(length(CAST(rowid AS TEXT))) FROM {name} NOT INDEXED"
                ).fetchall()
            except sqlite3.DatabaseError:
                found.append(page)
    copy.unlink()
    return found


def overwritten(data: bytes, page: int) -> bytes:
    start = page * schema.PAGE_SIZE
    return data[:start] + b"\xa5" * schema.PAGE_SIZE + data[start + schema.PAGE_SIZE :]


def damage_page(folder: Path, page: int) -> None:
    catalog = folder / "catalog.db"
    catalog.write_bytes(overwritten(catalog.read_bytes(), page))


def read_again(folder: Path, seeds: range) -> None:
    """Do what the next index run does with files that it takes for changed."""
    filled = open_filled(folder)
    filled.fill(seeds)
    filled.store.publish()
    filled.store.close()


def test_a_whole_store_is_not_changed(published: Path) -> None:
    before, index = stamp_in(published), (published / "index.json").read_bytes()
    assert damage_of(str(published)) == []
    done = repair(str(published))
    assert (done.kept, done.mended.total, done.said) == (None, 0, [])
    assert (stamp_in(published), (published / "index.json").read_bytes()) == (before, index)


@pytest.mark.parametrize("table", ["embedding", "content", "file", "decision"])
def test_a_bad_page_costs_its_rows_only(decided: Path, table: str) -> None:
    page = pages_of(decided / "catalog.db", table)[-1]
    damage_page(decided, page)
    harmed = (decided / "catalog.db").read_bytes()
    assert damage_of(str(decided))

    done = repair(str(decided))

    assert done.kept is not None
    assert Path(done.kept).read_bytes() == harmed
    assert is_sound(str(decided / "catalog.db"))
    with Store.open(decided) as store:
        found = ask(store, make_vector(1), PUBLISHED)
        if table in ("embedding", "decision"):
            assert len(found) == PUBLISHED - done.mended.vectors > 0
        with store.reading() as view:
            decisions = len(list(all_decisions(view)))
    if table != "decision":
        assert decisions == DECISIONS
        assert any(f"{DECISIONS} decisions saved" in each for each in done.said)
    read_again(decided, range(PUBLISHED))
    assert broken(decided) == []
    with Store.open(decided) as store:
        assert sorted(names(ask(store, make_vector(1), PUBLISHED))) == sorted(
            f"{seed}.jpg" for seed in range(PUBLISHED)
        )


def test_what_was_taken_in_of_data_sets_is_saved(decided: Path) -> None:
    with Store.open(decided, write=True) as store, store.writing() as view:
        mark_folded(view, "a set", "unit 1", digest_of(1))
    damage_page(decided, pages_of(decided / "catalog.db", "decision")[-1])
    repair(str(decided))
    with Store.open(decided) as store, store.reading() as view:
        assert folded(view, "a set") == {"unit 1": digest_of(1)}


def test_photos_that_lost_their_vector_are_read_again_and_none_counts_as_gone(published: Path) -> None:
    execute(published, "DELETE FROM embedding WHERE content_id <= 12")
    assert any("12 of 120 files without a vector" in each for each in damage_of(str(published)))

    done = repair(str(published))

    assert (done.mended.vectors, done.kept) == (12, None)
    assert "12 photos lost their vectors" in " ".join(done.said)
    with Store.open(published) as store:
        (finding,) = [each for each in check_store(store) if each.level == "broken"]
        assert "lookalike index" in finding.message
        with store.reading() as view:
            assert count_totals(view).present == PUBLISHED
            (root,) = all_roots(view)
            known = known_files(view, root, b"")
            assert sum(file.key[2] == -1 for file in known.values()) == 12
        assert len(ask(store, make_vector(1), PUBLISHED)) == PUBLISHED - 12
    read_again(published, range(12))
    assert broken(published) == []


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE embedding SET vector = x'0000' WHERE id = 5",
        "UPDATE embedding SET vector = zeroblob(64) WHERE id = 5",
        "UPDATE embedding SET content_id = 4711 WHERE id = 5",
        "UPDATE file SET content_id = 4711 WHERE id = 5",
        "UPDATE file SET content_id = NULL WHERE id = 5",
        "UPDATE embedding SET epoch = 77 WHERE id = 5",
        "DELETE FROM content WHERE id = 5",
        "DELETE FROM store",
    ],
)
def test_what_contradicts_itself_is_mended(published: Path, harm: str) -> None:
    execute(published, harm)
    repair(str(published))
    read_again(published, range(PUBLISHED))
    assert broken(published) == []
    with Store.open(published) as store:
        assert len(ask(store, make_vector(1), PUBLISHED)) == PUBLISHED
        with store.reading() as view:
            assert count_totals(view).failed == 0


def test_an_index_in_memory_is_not_believed_after_a_repair(published: Path) -> None:
    with Store.open(published) as reader:
        ask(reader, make_vector(1), 3)
        execute(published, "DELETE FROM embedding WHERE content_id = 8")
        repair(str(published))
        read_again(published, range(8))
        assert names(ask(reader, make_vector(7), PUBLISHED))[0] == "7.jpg"


def test_a_reader_follows_a_catalog_that_was_replaced(decided: Path) -> None:
    with Store.open(decided) as reader:
        ask(reader, make_vector(1), 3)
        damage_page(decided, pages_of(decided / "catalog.db", "embedding")[-1])
        assert repair(str(decided)).kept
        read_again(decided, range(PUBLISHED + 5))
        assert len(ask(reader, make_vector(1), 999)) == PUBLISHED + 5


def cut_short(folder: Path) -> None:
    os.truncate(folder / "catalog.db", (folder / "catalog.db").stat().st_size // 2)


def scratched(folder: Path) -> None:
    rng, data = random.Random(5), bytearray((folder / "catalog.db").read_bytes())
    for _ in range(12):
        start = rng.randrange(schema.PAGE_SIZE, len(data) - 64)
        data[start : start + 64] = rng.randbytes(64)
    (folder / "catalog.db").write_bytes(data)


@pytest.mark.parametrize("harm", [cut_short, scratched])
def test_what_is_left_of_a_catalog_is_saved(decided: Path, harm: Callable[[Path], None]) -> None:
    harm(decided)
    done = repair(str(decided))
    assert done.kept is not None
    with Store.open(decided) as store:
        assert len(ask(store, make_vector(1), 999)) == done.photos or done.mended.vectors
    read_again(decided, range(PUBLISHED))
    assert broken(decided) == []


def garbage(folder: Path) -> None:
    (folder / "catalog.db").write_bytes(b"this is no database " * 999)


def empty_header(folder: Path) -> None:
    os.truncate(folder / "catalog.db", 100)


@pytest.mark.parametrize("harm", [garbage, empty_header])
def test_what_cannot_be_saved_stays_as_it_is(published: Path, harm: Callable[[Path], None]) -> None:
    harm(published)
    before = (published / "catalog.db").read_bytes()
    with pytest.raises(StoreCorrupt, match="restore") as caught:
        repair(str(published))
    assert "\n" not in str(caught.value)
    assert (published / "catalog.db").read_bytes() == before
    assert list(published.glob("*.tmp*")) == []


def test_a_newer_former_or_foreign_catalog_is_not_repaired(published: Path) -> None:
    for change, error in (
        ("user_version = 99", StoreTooNew),
        (f"application_id = {schema.FORMER_ID}", StoreTooOld),
    ):
        execute(published, f"PRAGMA {change}")
        with pytest.raises(error):
            repair(str(published))
    (published / "catalog.db").unlink()
    execute(published, "CREATE TABLE photo (id INTEGER)")
    with pytest.raises(StoreCorrupt):
        repair(str(published))
    assert not list(published.glob("*.damaged*"))


def test_snapshot_and_thumbnails_are_made_anew(published: Path) -> None:
    (file,) = published.glob("index-*.faiss")
    file.write_bytes(b"garbage")
    thumbs = published / "thumbs.db"
    data = bytearray(thumbs.read_bytes())
    data[3 * 4096 : 4 * 4096] = b"\xa5" * 4096
    thumbs.write_bytes(data)

    done = repair(str(published))

    assert any("thumbnails saved" in each for each in done.said)
    assert any("snapshot" in each for each in done.said)
    with Store.open(published) as store:
        assert 0 < store.thumbs.count() <= PUBLISHED
        found = {each.what: each.level for each in check_store(store)}
    assert (found["index"], found["vectors"]) == ("ok", "ok")


def test_nobody_may_have_the_store_open_for_writing(published: Path) -> None:
    with Store.open(published, write=True), pytest.raises(StoreLocked, match="open for writing"):
        repair(str(published), lock_timeout_s=0.1)


# Of all steps; 1: each of them.
EVERY = scale("LOOKALIKE_KILL_REPAIR_EVERY", suite=4, soak=1)
DYING = """
import os, shutil, signal, sys
from lookalike.store.care import repair
first, every = int(sys.argv[3]), int(sys.argv[4])
number, status = first - every, 9
calls = [(os, name) for name in ("replace", "link", "unlink", "fsync")]
calls += [(repair, "copy_table"), (repair, "mend")]
while status:
    number += every
    folder = f"{sys.argv[2]}/{number}"
    shutil.copytree(sys.argv[1], folder)
    child = os.fork()
    if child == 0:
        left = [number]
        def deadly(original):
            def call(*arguments, **options):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)
            return call
        for home, name in calls:
            setattr(home, name, deadly(getattr(home, name)))
        repair.repair(folder)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, 9), status
"""


@pytest.mark.timeout(3600)
def test_a_repair_that_is_killed_at_any_step_can_be_repeated(decided: Path, tmp_path: Path) -> None:
    # Not the last page: row ids are then looked for up to any that there might be, in each repair anew.
    damage_page(decided, pages_of(decided / "catalog.db", "embedding")[1])
    done = run_child(DYING, decided, tmp_path / "copies", 1 + SEED % EVERY, EVERY, timeout=3000)
    assert done.returncode == 0, done.stderr
    folders = sorted((tmp_path / "copies").iterdir(), key=lambda folder: int(folder.name))
    with Store.open(folders[-1]) as store:  # the one that nobody killed
        lost_none = len(ask(store, make_vector(1), 999))
    assert lost_none > 0
    assert len(folders) > 15 // EVERY
    for folder in folders:
        repair(str(folder))
        with Store.open(folder) as store:
            assert len(ask(store, make_vector(1), 999)) == lost_none
            with store.reading() as view:
                assert len(list(all_decisions(view))) == DECISIONS
        shutil.rmtree(folder)
        count("kills at a step of a repair")


def test_an_embedding_with_a_flipped_bit_is_made_again(published: Path) -> None:
    with contextlib.closing(sqlite3.connect(published / "catalog.db")) as connection:
        vector = bytearray(connection.execute("SELECT vector FROM embedding WHERE id = 5").fetchone()[0])
        vector[0] ^= 1  # so little that it is still as good as a unit vector
        connection.execute("UPDATE embedding SET vector = ? WHERE id = 5", (bytes(vector),))
        connection.commit()
    with Store.open(published) as store:
        assert "broken" in {each.level for each in check_store(store, deep=True)}
    report = repair(str(published))
    with Store.open(published) as store, store.reading() as view:
        assert count_embeddings(view) == PUBLISHED - 1
        assert sum(len(ids) for ids, _ in vectors_since(view, 0)) == count_embeddings(view)
    assert report is not None
