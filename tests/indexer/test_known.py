"""What need not be decoded again: contents that the store has all of, now or with the next commit."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from lookalike.indexer.known import KnownContents
from lookalike.library import Library
from lookalike.store.catalog.embeddings import count_embeddings
from lookalike.tests.store.making import Filled, digest_of

from .indexing import COUNT, check_finds_all, run


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that SQLite is given by connections opened from now on."""
    heard: list[str] = []
    connect = sqlite3.connect

    def watched(*arguments: object, **options: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)  # type: ignore[call-overload]
        connection.set_trace_callback(heard.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    return heard


def test_contents_of_the_store_and_of_the_next_commit_are_known(filled: Filled) -> None:
    filled.fill([1, 2])
    known = KnownContents(filled.store)
    assert digest_of(1) in known
    assert digest_of(3) not in known

    known.expect([digest_of(3)])
    assert digest_of(3) in known

    filled.fill([3])
    known.committed()
    assert digest_of(3) in known


def test_an_expected_content_that_was_not_committed_is_not_known(filled: Filled) -> None:
    filled.fill([1])
    known = KnownContents(filled.store)
    known.expect([digest_of(3)])
    known.committed()
    assert digest_of(3) not in known


def test_a_content_without_its_embedding_is_not_known(filled: Filled) -> None:
    filled.fill([1, 2])
    with filled.store.writing() as view:
        view.connection.exec_driver_sql("DELETE FROM embedding WHERE content_id = 1")
    known = KnownContents(filled.store)
    assert digest_of(1) not in known
    assert digest_of(2) in known


def test_a_content_that_lost_its_thumbnail_is_not_known_until_it_has_a_new_one(filled: Filled) -> None:
    filled.fill([1, 2])
    with sqlite3.connect(Path(filled.store.folder, "thumbs.db")) as thumbs:
        thumbs.execute("DELETE FROM thumb WHERE digest = ?", (digest_of(1),))
    known = KnownContents(filled.store, filled.store.digests_without_thumbnail())
    assert digest_of(1) not in known
    assert digest_of(2) in known

    known.expect([digest_of(1)])
    assert digest_of(1) in known
    filled.fill([1])
    known.committed()
    assert digest_of(1) in known


def test_asking_takes_one_statement_and_no_transaction(folder: Path, questions: list[str]) -> None:
    from lookalike.tests.store.making import open_filled

    filled = open_filled(folder, range(20))
    known = KnownContents(filled.store)
    questions.clear()
    assert all(digest_of(seed) in known for seed in range(20))
    assert len(questions) == 20
    filled.store.close()


def test_many_threads_ask_while_contents_come_in(filled: Filled) -> None:
    filled.fill(range(50))
    known = KnownContents(filled.store)
    wrong: list[int] = []

    def ask() -> None:
        for _ in range(20):
            wrong.extend(seed for seed in range(50) if digest_of(seed) not in known)
            wrong.extend(seed for seed in range(900, 910) if digest_of(seed) in known)

    threads = [threading.Thread(target=ask) for _ in range(24)]  # more than the pool has connections
    for thread in threads:
        thread.start()
    for seed in range(100, 120):
        known.expect([digest_of(seed)])
        filled.fill([seed])
        known.committed()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_touched_photos_are_recognized_and_get_back_their_lost_thumbnails(
    library: Library, photos: Path, folder: Path
) -> None:
    run(library, photos)
    with sqlite3.connect(folder / "thumbs.db") as thumbs:
        thumbs.execute("DELETE FROM thumb WHERE rowid <= 3")
    for path in photos.rglob("*.jpg"):
        os.utime(path, (1, 1))

    report = run(library, photos)

    assert (report.embedded, report.recognized) == (3, COUNT - 3)
    assert all(library.thumbnail(photo) for photo in library.photos())
    with library.store.reading() as view:
        assert count_embeddings(view) == COUNT
    check_finds_all(library, photos)
