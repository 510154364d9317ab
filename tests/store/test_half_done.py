"""Reading what a writer left half done when it was killed before its file had a write-ahead log."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lookalike.store.store import Store
from lookalike.tests.children import run_child

from .making import PUBLISHED, ask, make_vector, names

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
