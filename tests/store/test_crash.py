"""SIGKILL at each step of a commit and of publishing, one after the other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lookalike.store import snapshot
from lookalike.store.checks import check_store
from lookalike.store.store import Store

from .making import PUBLISHED, ask, brute_force, make_vector, names, open_filled, run_child

QUERY = make_vector(99_999)
MORE = 30

# Dies at the n-th call of a function, before or after it does its work.
CRASH = """
import importlib, os, signal, sys
from pathlib import Path
from lookalike.tests.store.making import open_filled, PUBLISHED

folder, module, name, when, count = Path(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
filled = open_filled(folder)
home = importlib.import_module(module)
original, calls = getattr(home, name), 0

def deadly(*arguments, **options):
    global calls
    calls += 1
    if calls == count and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **options)
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(home, name, deadly)
filled.fill(range(PUBLISHED, PUBLISHED + 30))
filled.store.publish()
"""

IN_THE_TRANSACTION = ["bump_epoch", "put_photos", "put_files"]
# The snapshot, then the manifest; of each the file, then its folder.
IN_PUBLISHING = [("fsync", n) for n in range(1, 5)] + [("replace", n) for n in range(1, 3)]


def crash(folder: Path, module: str, name: str, when: str, count: int = 1) -> None:
    done = run_child(CRASH, folder, module, name, when, count)
    assert done.returncode == -9, done.stderr


def check(folder: Path, photos: int) -> None:
    """Check that the store is whole and holds so many photos, and that a writer can go on."""
    for _ in range(2):
        with Store.open(folder) as store:
            assert [str(each) for each in check_store(store) if each.level == "broken"] == []
            scores = [score for _, score in ask(store, QUERY, 20)]
            assert scores == pytest.approx(brute_force(range(photos), QUERY, 20), abs=1e-3)
            with store.reading() as view:
                assert (view.totals().present, len(view.index())) == (photos, photos)
        again = open_filled(folder)
        assert list(folder.glob("*.tmp")) == []
        again.store.publish()
        again.store.close()
    manifest = snapshot.read_manifest(str(folder))
    assert manifest is not None
    assert snapshot.is_whole(str(folder), manifest)
    assert manifest.count == photos


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", IN_THE_TRANSACTION)
def test_a_commit_that_is_killed_never_took_place(published: Path, name: str, when: str) -> None:
    crash(published, "lookalike.store.catalog", name, when)
    check(published, PUBLISHED)


@pytest.mark.parametrize(("name", "count"), IN_PUBLISHING)
def test_publishing_that_is_killed_changes_no_answer(published: Path, name: str, count: int) -> None:
    for when in ("before", "after"):
        folder = published.parent / when
        folder.mkdir(mode=0o700)
        for file in published.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        crash(folder, "os", name, when, count)
        check(folder, PUBLISHED + MORE)


def test_a_store_that_is_killed_at_birth_can_be_born_again(tmp_path: Path) -> None:
    code = CRASH.replace("filled = open_filled(folder)\n", "").replace(
        "filled.fill(range(PUBLISHED, PUBLISHED + 30))", "filled = open_filled(folder)"
    )
    for name in ("now", "version_of"):
        folder = tmp_path / name
        done = run_child(code, folder, "lookalike.store.schema", name, "after", 1)
        assert done.returncode == -9, done.stderr
        filled = open_filled(folder, range(5))
        assert len(ask(filled.store, QUERY, 9)) == 5
        filled.store.close()


# Dies in the middle of a change to a new file that has no write-ahead log yet.
HOT_JOURNAL = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = DELETE")
connection.execute("PRAGMA cache_size = 1")  # changes reach the file before they are committed
connection.execute("BEGIN")
connection.execute("CREATE TABLE half_made (x)")
connection.executemany("INSERT INTO half_made VALUES (?)", [(bytes(9000),)] * 50)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["catalog.db", "thumbs.db"])
def test_a_reader_takes_back_what_a_killed_writer_left_half_done(published: Path, name: str) -> None:
    for _ in range(2):
        assert run_child(HOT_JOURNAL, published / name).returncode == -9
        assert (published / f"{name}-journal").stat().st_size > 0
        with ThreadPoolExecutor(2) as both:
            assert list(both.map(lambda _: names_of(published), range(2))) == [["1.jpg"]] * 2
        assert not (published / f"{name}-journal").exists()


def names_of(folder: Path) -> list[str]:
    with Store.open(folder) as store:
        assert store.thumbs.totals()[0] == PUBLISHED
        return names(ask(store, make_vector(1), 1))
