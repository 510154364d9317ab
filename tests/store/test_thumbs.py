"""Thumbnails can be made again: whatever happens to them, the store goes on and knows which are lost."""

import contextlib
import logging
import os
import random
import sqlite3
import stat
from pathlib import Path

import pytest

from lookalike.store.catalog.photos import count_totals
from lookalike.store.store import Store

from .making import PUBLISHED, Filled, digest_of, open_filled, thumbnail_of


def forget(folder: Path, *seeds: int) -> None:
    with contextlib.closing(sqlite3.connect(folder / "thumbs.db")) as thumbs, thumbs:
        thumbs.executemany("DELETE FROM thumb WHERE digest = ?", [(digest_of(seed),) for seed in seeds])


def lost_rels(filled: Filled) -> set[bytes]:
    return filled.store.rels_without(filled.root, filled.store.digests_without_thumbnail())


def test_the_files_that_lost_their_thumbnail_are_told_and_made_up_for(published: Path) -> None:
    forget(published, 3, 119)
    filled = open_filled(published)
    filled.lose(b"119.jpg")

    assert filled.store.digests_without_thumbnail() == {digest_of(3), digest_of(119)}
    assert lost_rels(filled) == {b"3.jpg"}
    filled.fill([3])
    assert lost_rels(filled) == set()
    assert filled.store.thumbs.get(digest_of(3)) == thumbnail_of(3)
    filled.store.close()


def test_nothing_is_lost_in_a_whole_store(published: Path) -> None:
    filled = open_filled(published)
    assert lost_rels(filled) == set()
    filled.store.close()


@pytest.mark.parametrize("harm", ["lost", "empty", "garbage", "garbage behind a good header"])
def test_a_writer_starts_anew_when_all_thumbnails_came_to_harm(
    published: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    thumbs = published / "thumbs.db"
    start = thumbs.read_bytes()[:4096] if "good" in harm else b""
    garbage = start + random.Random(1).randbytes(50_000)
    if harm == "lost":
        thumbs.unlink()
    else:
        thumbs.write_bytes(b"" if harm == "empty" else garbage)

    filled = open_filled(published)

    assert len(lost_rels(filled)) == PUBLISHED
    filled.fill(range(200, 203))
    assert filled.store.thumbs.get(digest_of(201)) == thumbnail_of(201)
    filled.store.close()
    assert stat.S_IMODE(os.stat(thumbs).st_mode) & 0o077 == 0
    if "garbage" in harm:
        assert (published / "thumbs.db.damaged").read_bytes() == garbage
        assert any("damaged" in each.message for each in caplog.records if each.levelno == logging.WARNING)


def test_damage_that_shows_only_when_writing_stops_no_commit(published: Path) -> None:
    filled = open_filled(published, range(200, 400))
    filled.store.close()
    thumbs = published / "thumbs.db"
    pages = bytearray(thumbs.read_bytes())
    pages[4096 * 3 :] = b"\xa5" * (len(pages) - 4096 * 3)
    thumbs.write_bytes(pages)

    filled = open_filled(published)
    filled.fill(range(500, 600))

    with filled.store.reading() as view:
        assert count_totals(view).present == PUBLISHED + 300
    assert filled.store.thumbs.get(digest_of(555)) == thumbnail_of(555)
    filled.store.close()


def test_a_busy_thumbnail_database_is_not_set_aside(published: Path) -> None:
    with Store.open(published) as reader, reader.reading() as view:
        count_totals(view)
        filled = open_filled(published, [200])
        filled.store.close()
    assert not (published / "thumbs.db.damaged").exists()
