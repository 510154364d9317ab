"""Sets of pictures in one line: leaks between two of them, duplicates in one; no store to think of.

What they compute is kept in a store in the user's cache folder, one for each choice of folders, so that a
second call takes a moment. Such a store may be deleted at any time; `store_of` says where it lies.
"""

import hashlib
import logging
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .library import Folder, Library
from .store.names import is_remote, listed, real_path
from .store.progress import Progress
from .store.words import plural

if TYPE_CHECKING:
    from .dedup.groups.leaks import Leak
    from .dedup.groups.report import CopyReport
    from .store.catalog.photos import FileError

_log = logging.getLogger(__name__)


def leaks(
    train: Folder | Sequence[Folder],
    test: Folder | Sequence[Folder],
    *,
    similar: float | None = None,
    store: Folder | None = None,
    progress: Progress | None = None,
) -> "list[Leak]":
    """Return the pictures of a test set that are in the training set, too: (test, train, kind, score).

    >>> for test, train, kind, score in lookalike.leaks("data/train", "data/test"):     # doctest: +SKIP
    ...     print(kind, test, train)

    Only what is proven is listed: the same bytes ("exact"), and the same picture re-saved, resized,
    cropped, turned, edited ("copy"). similar: list look-alikes from this cosine on, too; 0.9 is usual.
    store: the folder of the store to use; None: see `store_of`. No picture is changed or moved. Pictures
    that cannot be read are told by a warning (`warnings`): nothing is known of them.

    Raises:
        UsageError: a folder is not there, is in both sets, a set has no picture that can be read, or
            similar is out of range.
        RootOffline: a folder looks as if its drive were away.
    """
    from .dedup.copies import check_score

    if similar is not None:
        check_score(similar)  # before the work of an hour
    folders = [*listed(train, "train"), *listed(test, "test")]
    with _indexed(folders, store, progress) as library:
        return library.copies.leaks(train, test, similar=similar, progress=progress)


def duplicates(
    folders: Folder | Sequence[Folder],
    *,
    store: Folder | None = None,
    progress: Progress | None = None,
) -> "CopyReport":
    """Return the groups of exact and proven copies in folders; a notebook shows them with thumbnails.

    >>> for group in lookalike.duplicates("Pictures").groups:     # doctest: +SKIP
    ...     print(group.paths)

    In each group the file to keep comes first. Files are not compared at full size, which decides what is
    safe to be moved: for that, open a `Library` and call `copies.find`. store, and pictures that
    cannot be read: see `leaks`.

    Raises:
        UsageError: a folder is not there.
        RootOffline: a folder looks as if its drive were away.
    """
    from .dedup.copies import FindOptions

    with _indexed(listed(folders, "folders"), store, progress) as library:
        where, options = library.where(folders), FindOptions(second_look=False)
        return library.copies.find(where, options, progress=progress)


def store_of(*folders: Folder | Sequence[Folder]) -> str:
    """Return where `leaks` and `duplicates` keep the store of these folders: in the user's cache.

    Below $LOOKALIKE_CACHE, else the platform's folder for it. The order of the folders does not count.
    """
    import platformdirs

    cache = os.environ.get("LOOKALIKE_CACHE") or platformdirs.user_cache_dir("lookalike", appauthor=False)
    named = [each for some in folders for each in listed(some, "folders")]
    paths = sorted({real_path(os.fsencode(each)) for each in named})
    return os.path.join(cache, "sets", hashlib.sha256(b"\0".join(paths)).hexdigest()[:16])


def _indexed(folders: list[str], store: Folder | None, progress: Progress | None) -> Library:
    """Return a library that is up to date with the folders, open for writing."""
    from .errors import RootOffline, UsageError
    from .indexer.options import IndexOptions

    missing = next((each for each in folders if not (is_remote(each) or os.path.exists(each))), None)
    if missing is not None or not folders:
        raise UsageError(
            f"there is no folder {missing}; name one that exists" if folders else "name a folder"
        )
    where = store_of(*folders) if store is None else os.fspath(store)
    os.makedirs(where, mode=0o700, exist_ok=True)
    _log.info("the store of %s is %s", ", ".join(folders), where)
    library = Library.open(where, create=True)
    try:
        # Sets are cut and mended: what is gone is gone.
        options = IndexOptions(accept_missing=1 << 40, accept_drive=True)
        report = library.index(folders, options=options, progress=progress)
        if report.refused:
            raise RootOffline(report.refused[0])
        _warn_of(library.errors())
    except BaseException:
        library.close()
        raise
    return library


def _warn_of(unread: "list[FileError]") -> None:
    """Say how many pictures could not be read: nothing is known of them."""
    for each in unread:
        _log.warning("%s could not be read: %s", each.path, each.message)
    if unread:
        first, count = unread[0], plural(len(unread), "picture")
        text = f"{count} could not be read or compared, the first: {first.path}: {first.message}"
        warnings.warn(text, stacklevel=4)  # at the call of `leaks` or `duplicates`
