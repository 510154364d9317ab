"""Bringing a damaged database of thumbnails back: what can be read of it is saved."""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from typing import Any

from ..catalog.database import quoted
from ..files import temporary_beside
from ..thumbs import JPEG, make_empty
from ..words import plural
from .salvage import copy_table, damaged
from .swap import swap_in


def renew_thumbs(folder: str) -> str | None:
    """Write a damaged thumbs.db anew with the thumbnails that can be read; say what was saved.

    None: it was sound. The caller is `alone`. The damaged file is kept beside.
    """
    path = os.path.join(folder, "thumbs.db")
    if _is_whole(path):
        return None
    with temporary_beside(path) as temporary:
        make_empty(temporary)
        saved = _save_thumbs(path, temporary)
        kept = swap_in(temporary, path, "damaged")
    return (
        f"{plural(saved, 'thumbnail')} saved, the next `lookalike index` makes the others; old file: {kept}"
    )


def _save_thumbs(path: str, target_path: str) -> int:
    """Copy the thumbnails that can be read; return how many."""
    saved = 0
    with contextlib.closing(sqlite3.connect(target_path)) as target:
        with contextlib.suppress(sqlite3.DatabaseError, UnicodeDecodeError), damaged(path) as source:
            saved, _ = copy_table(source, target, "thumb", ("digest", "jpeg"), _is_thumbnail)
        target.commit()
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return saved


def _is_whole(path: str) -> bool:
    if not os.path.exists(path):
        return True  # a writer makes it
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quoted(path)}?mode=ro", uri=True)) as connection:
            return connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False


def _is_thumbnail(row: Sequence[Any]) -> bool:
    digest, jpeg = row
    return (
        isinstance(digest, bytes)
        and len(digest) == 32
        and isinstance(jpeg, bytes)
        and jpeg.startswith(JPEG)
    )
