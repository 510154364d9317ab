"""A backup is one file, whole or not there; a restored store is what it was, with a history of its own."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lookalike.errors import StoreCorrupt, StoreLocked, StoreTooNew, StoreUnwritable, UsageError
from lookalike.store import place
from lookalike.store.care import backup as backups
from lookalike.store.care.backup import backup, read_backup, restore
from lookalike.store.care.checks import check_store
from lookalike.store.care.compact import compact
from lookalike.store.catalog import migrations, schema
from lookalike.store.catalog.photos import count_totals
from lookalike.store.store import Store
from lookalike.tests.children import Child, run_child
from lookalike.tests.faults.scale import SEED, scale
from lookalike.tests.faults.scale import count as count_broken

from .making import PUBLISHED, ask, brute_force, make_vector, names, open_filled
from .test_locks import COMMIT

QUERY = make_vector(99_999)


@pytest.fixture
def saved(published: Path, tmp_path: Path) -> Path:
    path = tmp_path / "photos.lookalike-backup"
    with Store.open(published) as store:
        backup(store, str(path), thumbnails=True)
    return path


def check_photos(folder: Path, photos: int) -> None:
    with Store.open(folder) as store:
        assert [str(each) for each in check_store(store) if each.level == "broken"] == []
        scores = [score for _, score in ask(store, QUERY, 20)]
    assert scores == pytest.approx(brute_force(range(photos), QUERY, 20), abs=1e-3)


def uuid_of(folder: Path) -> str:
    with Store.open(folder) as store, store.reading() as view:
        return view.uuid


def test_a_backup_says_what_it_holds_and_is_for_its_owner_only(saved: Path, published: Path) -> None:
    made = read_backup(str(saved))
    assert (made.photos, made.decisions, made.store) == (PUBLISHED, 0, uuid_of(published))
    assert saved.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(f"file:{saved}?immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT count(*) FROM content").fetchone() == (PUBLISHED,)


def test_a_backup_is_restored_into_a_new_place(saved: Path, published: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.jpg").touch()
    with pytest.raises(UsageError, match="holds other files"):
        restore(str(saved), str(tmp_path / "photos"))
    assert [*(tmp_path / "photos").iterdir()] == [tmp_path / "photos/1.jpg"]

    assert restore(str(saved), str(tmp_path / "again")) is None
    check_photos(tmp_path / "again", PUBLISHED)
    assert uuid_of(tmp_path / "again") == uuid_of(published)
    with Store.open(tmp_path / "again") as store:
        assert store.thumbs.count() == PUBLISHED


def test_no_snapshot_of_the_later_store_is_believed_after_a_restore(saved: Path, published: Path) -> None:
    open_filled(published, range(200, 260)).store.close()
    with Store.open(published, write=True) as store:
        store.publish()
    later = {file.name: file.read_bytes() for file in published.glob("index*")}

    kept = restore(str(saved), str(published))

    assert kept is not None
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*) FROM content").fetchone() == (PUBLISHED + 60,)
    for name, data in later.items():
        (published / name).write_bytes(data)
    check_photos(published, PUBLISHED)
    open_filled(published, range(300, 330)).store.close()
    with Store.open(published) as store:
        assert len(ask(store, QUERY, 999)) == PUBLISHED + 30


def test_a_backup_is_made_while_others_write(published: Path, tmp_path: Path) -> None:
    writer = Child(COMMIT, published, PUBLISHED)
    seen = set()
    try:
        while writer.poll() is None:
            with Store.open(published) as store:
                backup(store, str(tmp_path / "now"))
            restore(str(tmp_path / "now"), str(tmp_path / "again"))
            with Store.open(tmp_path / "again") as store, store.reading() as view:
                seen.add(count_totals(view).photos)
    finally:
        writer.communicate()
    assert writer.returncode == 0
    assert all(PUBLISHED <= count <= PUBLISHED + 10 for count in seen)


def test_a_backup_replaces_a_backup_and_nothing_else(saved: Path, published: Path) -> None:
    other = saved.with_name("holiday.jpg")
    other.write_bytes(b"a photo")
    with Store.open(published) as store:
        backup(store, str(saved))
        for target in (other, saved.parent, saved.parent / "nowhere" / "b"):
            with pytest.raises(UsageError):
                backup(store, str(target))
    assert other.read_bytes() == b"a photo"
    assert read_backup(str(saved)).thumbs is None


@pytest.mark.parametrize("place_of_harm", [0.1, 0.5, 0.7, 0.95])
def test_a_damaged_backup_is_refused_and_changes_nothing(
    saved: Path, published: Path, place_of_harm: float
) -> None:
    data = bytearray(saved.read_bytes())
    data[int(len(data) * place_of_harm)] ^= 0x40
    saved.write_bytes(data)
    before = (published / "catalog.db").read_bytes()
    with pytest.raises(StoreCorrupt, match="damaged") as caught:
        restore(str(saved), str(published))
    assert "\n" not in str(caught.value)
    assert (published / "catalog.db").read_bytes() == before


def test_every_cut_and_every_wrong_byte_of_the_record_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    for cut in (0, 1, 20, 24, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:cut])
        with pytest.raises((UsageError, StoreCorrupt)):
            read_backup(str(saved))
    for place_ in range(len(whole) - 24, len(whole)):
        saved.write_bytes(whole[:place_] + bytes([whole[place_] ^ 1]) + whole[place_ + 1 :])
        with pytest.raises((UsageError, StoreCorrupt)):
            read_backup(str(saved))


def test_a_backup_of_a_newer_program_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data.replace(b'"version": %d' % schema.SCHEMA_VERSION, b'"version": 9'))
    with pytest.raises(StoreTooNew):
        read_backup(str(saved))


def test_a_backup_of_an_older_format_is_brought_up_to_date(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = schema.SCHEMA_VERSION + 1
    assert read_backup(str(saved)).version < following
    monkeypatch.setattr(schema, "SCHEMA_VERSION", following)
    monkeypatch.setattr(
        migrations, "STEPS", (*migrations.STEPS, ("CREATE INDEX made_up ON content (camera)",))
    )
    restore(str(saved), str(tmp_path / "again"))
    with closing(sqlite3.connect(tmp_path / "again" / "catalog.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (following,)
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'made_up'").fetchone()
    with Store.open(tmp_path / "again") as store:
        assert names(ask(store, make_vector(1), 1)) == ["1.jpg"]


def test_without_room_nothing_is_written(
    saved: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_free", lambda _: 1000)
    before = saved.read_bytes()
    with Store.open(published) as store, pytest.raises(StoreUnwritable, match=r"needs [\d,]+ bytes"):
        backup(store, str(saved))
    with pytest.raises(StoreUnwritable, match=r"needs [\d,]+ bytes"):
        restore(str(saved), str(published))
    assert saved.read_bytes() == before
    check_photos(published, PUBLISHED)


def test_a_store_that_is_open_for_writing_is_not_replaced(saved: Path, published: Path) -> None:
    with Store.open(published, write=True):
        with pytest.raises(StoreLocked):
            restore(str(saved), str(published), lock_timeout_s=0.1)
        with pytest.raises(StoreLocked):
            compact(str(published), lock_timeout_s=0.1)


# Of all steps; 1: each of them.
EVERY = scale("LOOKALIKE_KILL_RESTORE_EVERY", suite=4, soak=1)
KILLS = (1 + SEED % EVERY, EVERY)
DYING = """
import os, shutil, signal, sys
from lookalike.store.care import backup, compact
first, every = int(sys.argv[4]), int(sys.argv[5])
number, status = first - every, 9
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
        for name in ("replace", "link", "unlink", "fsync"):
            setattr(os, name, deadly(getattr(os, name)))
        if sys.argv[3] == "compact":
            compact.compact(folder)
        else:
            backup.restore(sys.argv[3], folder)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, 9), status
"""


@pytest.mark.timeout(3600)
def test_a_restore_that_is_killed_leaves_the_old_store_or_the_new_one(
    saved: Path, published: Path, tmp_path: Path
) -> None:
    open_filled(published, range(PUBLISHED, PUBLISHED + 30)).store.close()
    done = run_child(DYING, published, tmp_path / "copies", saved, *KILLS, timeout=3000)
    assert done.returncode == 0, done.stderr
    counts = set()
    for folder in (tmp_path / "copies").iterdir():
        with Store.open(folder) as store, store.reading() as view:
            counts.add(count_totals(view).photos)
            count = count_totals(view).photos
        check_photos(folder, count)
        open_filled(folder, range(count, count + 3)).store.close()
        assert list(folder.glob("*.tmp*")) == []
        check_photos(folder, count + 3)
        count_broken("kills at a step of a restore")
    assert counts == {PUBLISHED, PUBLISHED + 30}


@pytest.mark.timeout(3600)
def test_compacting_gives_back_room_and_a_kill_in_it_loses_nothing(published: Path, tmp_path: Path) -> None:
    filled = open_filled(published)
    with filled.store.writing() as view:
        view.connection.exec_driver_sql("CREATE TABLE filler (x)")
        view.connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(3000000))")
        view.connection.exec_driver_sql("DROP TABLE filler")
    filled.store.close()
    done = run_child(DYING, published, tmp_path / "copies", "compact", *KILLS, timeout=3000)
    assert done.returncode == 0, done.stderr
    for folder in (tmp_path / "copies").iterdir():
        check_photos(folder, PUBLISHED)
        compact(str(folder))
        assert (folder / "catalog.db").stat().st_size < 1_000_000
        check_photos(folder, PUBLISHED)
        assert list(folder.glob("*.tmp*")) == []
        count_broken("kills at a step of compacting")

    assert compact(str(published)).freed > 2_900_000
    assert compact(str(published)).freed == 0


def test_compacting_says_what_room_it_needs(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(published / "catalog.db")) as connection, connection:
        connection.execute("CREATE TABLE filler AS SELECT zeroblob(3000000)")
        connection.execute("DROP TABLE filler")
    monkeypatch.setattr(place, "_free", lambda _: 1000)
    with pytest.raises(StoreUnwritable, match=r"needs [\d,]+ bytes"):
        compact(str(published))
    check_photos(published, PUBLISHED)


def test_the_mark_is_what_the_file_ends_with(saved: Path) -> None:
    assert saved.read_bytes().endswith(backups._MARK)
    assert os.path.getsize(saved) > 0
    shutil.copy(saved, saved.with_name("copy"))
    assert read_backup(str(saved.with_name("copy"))) == read_backup(str(saved))
