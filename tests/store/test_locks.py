"""One writer at a time, across processes; a lock dies with whoever holds it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lookalike.errors import StoreLocked
from lookalike.store import lock
from lookalike.store.catalog.photos import count_totals
from lookalike.store.store import Store
from lookalike.tests.children import Child, run_child

from .making import Filled, ask, make_result, make_vector, names, open_filled

HOLD = """
import sys
from lookalike.store import lock
with lock.held(sys.argv[1], sys.argv[2], 5):
    print("held", flush=True)
    sys.stdin.read()
"""

COMMIT = """
import sys
from pathlib import Path
from lookalike.tests.store.making import open_filled
first = int(sys.argv[2])
filled = open_filled(Path(sys.argv[1]))
for seed in range(first, first + 10):
    filled.fill([seed])
    filled.store.publish()
filled.store.close()
"""


@contextmanager
def holder(folder: Path, name: str = "store") -> Iterator[Child]:
    """Run another process that holds a lock of the store."""
    with Child(HOLD, folder, name) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_and_told_who_the_first_is(filled: Filled, folder: Path) -> None:
    with holder(folder) as process:
        with pytest.raises(StoreLocked, match=f"process {process.pid} on .* since") as caught:
            Store.open(folder, create=True, lock_timeout_s=0.2)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 5


def test_a_commit_waits_for_a_short_lock_and_then_gives_up(filled: Filled, folder: Path) -> None:
    with (
        Store.open(folder, create=True, lock_timeout_s=0.2) as second,
        holder(folder),
        pytest.raises(StoreLocked),
    ):
        second.commit(filled.root, [make_result(1)])
    filled.fill([2])
    assert names(ask(filled.store, make_vector(2), 9)) == ["2.jpg"]


def test_a_second_index_run_is_refused_but_short_writes_pass(filled: Filled, folder: Path) -> None:
    with Store.open(folder, create=True, lock_timeout_s=0.2) as second, holder(folder, "indexing"):
        with pytest.raises(StoreLocked), second.indexing():
            pytest.fail("two index runs at once")
        second.commit(filled.root, [make_result(1)])


def test_readers_take_no_lock(filled: Filled, folder: Path) -> None:
    filled.fill([1])
    with holder(folder), Store.open(folder) as reader:
        assert names(ask(reader, make_vector(1), 1)) == ["1.jpg"]


def test_a_lock_dies_with_a_killed_holder(filled: Filled, folder: Path) -> None:
    with holder(folder) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        filled.store.lock_timeout_s = 0
        filled.fill([1])


def test_a_lock_is_free_after_an_error_within(folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(RuntimeError), lock.held(str(folder), "store", 1):
        raise RuntimeError
    with lock.held(str(folder), "store", 0):
        pass


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"7", b"[]", b"null", b"{}", b'{"pid": 1}'])
def test_a_garbage_note_of_the_holder_hides_nothing(filled: Filled, folder: Path, garbage: bytes) -> None:
    with holder(folder):
        (folder / "store.lock.json").write_bytes(garbage)
        with (
            pytest.raises(StoreLocked, match="in use by another process"),
            lock.held(str(folder), "store", 0.1),
        ):
            pytest.fail("two writers at once")


def test_writers_of_several_processes_lose_nothing(filled: Filled, folder: Path) -> None:
    filled.store.close()
    starts = range(0, 40, 10)
    writers = [Child(COMMIT, folder, start) for start in starts]
    for writer in writers:
        assert writer.communicate() == ("", "")
        assert writer.returncode == 0
    with Store.open(folder) as store:
        found = names(ask(store, make_vector(1), 100))
        with store.reading() as view:
            assert view.epoch == 40
    assert sorted(found) == sorted(f"{seed}.jpg" for seed in range(40))


def test_closing_does_not_wait_for_readers(filled: Filled, folder: Path) -> None:
    with Store.open(folder) as reader, reader.reading() as view:
        filled.fill([1])
        began = time.monotonic()
        filled.store.close()
        assert time.monotonic() - began < filled.store.lock_timeout_s
        assert count_totals(view).present == 0


def test_closing_does_not_wait_long_for_another_writer(filled: Filled, folder: Path) -> None:
    filled.fill([1])
    with holder(folder):
        began = time.monotonic()
        filled.store.close()
        assert time.monotonic() - began < filled.store.lock_timeout_s
    with Store.open(folder) as reader:
        assert names(ask(reader, make_vector(1), 1)) == ["1.jpg"]


def test_after_closing_the_catalog_is_whole_in_its_file(filled: Filled, folder: Path) -> None:
    filled.fill([1, 2])
    filled.store.close()
    assert not [name for name in os.listdir(folder) if name.endswith(("-wal", "-shm"))]


COMMITS_ONE = """
import sys
from pathlib import Path
from lookalike.tests.store.making import open_filled
open_filled(Path(sys.argv[1]), [77]).store.close()
"""


def test_opening_a_store_twice_in_one_process_blinds_neither(folder: Path) -> None:
    filled = open_filled(folder, [1])
    Store.open(folder, create=True).close()
    # Another process that believes to be the last one would take the log away under our feet.
    done = run_child(COMMITS_ONE, folder)
    assert done.returncode == 0, done.stderr
    with filled.store.reading() as view:
        assert count_totals(view).present == 2
    assert (folder / "catalog.db-shm").exists()
    filled.store.close()
