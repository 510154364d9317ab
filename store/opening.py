"""What comes before a store is opened: is it there, can it be made, can this program read it."""

import contextlib
import os

import sqlalchemy as sa

from ..errors import StoreCorrupt, StoreMissing, StoreTooNew, StoreUnwritable
from . import catalog
from .place import check_new


def check_there(folder: str) -> None:
    """Check that there is a store.

    Raises:
        StoreMissing: there is none.
    """
    if not os.path.exists(os.path.join(folder, "catalog.db")):
        raise StoreMissing(
            f"there is no store in {folder}; make one with `lookalike index YOUR_PHOTOS --store {folder}`"
        )


def make(folder: str) -> None:
    """Make the folder and an empty catalog that only its owner can read, unless they are there.

    Raises:
        StoreUnwritable: that cannot be done there, or it is a network drive.
    """
    make_folder(folder)
    try:
        for name in ("catalog.db", "thumbs.db"):
            # Closing a database's file drops the locks of SQLite in this process: only what is not there.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnwritable(
            f"cannot make a store in {folder}: {error.strerror}; choose another place with --store"
        ) from error


def make_folder(folder: str) -> None:
    """Make the folder of a store, which its owner alone can read, unless there is a store in it.

    Raises:
        StoreUnwritable: that cannot be done there, or it is a network drive.
    """
    if os.path.exists(os.path.join(folder, "catalog.db")):
        return
    check_new(folder)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot make a store in {folder}: {error.strerror}; choose another place with --store"
        ) from error


def check_model(connection: sa.Connection) -> None:
    """Check that this program knows the kind of embedder that a newer one recorded.

    Raises:
        StoreTooNew: it does not.
    """
    try:
        catalog.current_model(connection)
    except StoreCorrupt as error:
        raise StoreTooNew(f"a newer lookalike made this store ({error}); update lookalike") from error


def inode_of(path: str) -> tuple[int, int]:
    """Return by what a file is known as this very file; (0, 0) when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
