"""Opening a finished data set as a store that is read: what must be on this machine is fetched once."""

import contextlib
import os
import secrets
import threading
from dataclasses import dataclass

import platformdirs

from ..errors import StoreCorrupt, StoreMissing
from ..store.columns import Columns
from ..store.files import discard, discard_folder
from ..store.index.parts import AnyIndex
from ..store.index.snapshot import checksum_of
from ..store.store import Outside, Store
from ..store.view import View
from .dataset import DataSet
from .extras import needing
from .finished import Finished, KeptFile, load_index, newest
from .place import Place, sweep

CACHE = "LOOKALIKE_CACHE"  # the variable that puts the cache elsewhere
COLUMNS = "columns.lance"
_WITHOUT_GRAPH = ("ranked by the score alone: this data set was finished with --no-rerank",)


def open_data_set(url: str) -> Store:
    """Open the store of a finished data set for reading. url: of the data set, or its folder.

    Raises:
        StoreMissing: there is no data set, or it was not finished.
        StoreCorrupt: a file of it is damaged. UsageError, RootOffline, StoreUnwritable: see `Place`.
    """
    data = DataSet.open(url)
    home = data.place.at("store")
    made = newest(home)
    if made is None:
        raise not_finished(data)
    near = Nearby(home, cache_folder(data))
    folder = os.path.dirname(near.path_of(made.catalog))
    near.sweep(made)
    index = _LoadedOnce(made, near)
    notes = () if made.is_ranked else _WITHOUT_GRAPH
    columns = columns_of(home, made.columns)
    return Store.open(folder, outside=Outside(data.place.url, columns, index.at, made.size, notes))


def not_finished(data: DataSet) -> StoreMissing:
    """Return the error that a data set was not finished."""
    url = data.place.url
    return StoreMissing(f"the data set {url} is not finished; run `lookalike bulk finish {url}`")


def columns_of(home: Place, version: int) -> Columns:
    """Return the columns of a finished data set.

    Raises:
        UsageError: what reads them is not installed.
    """
    with needing():
        from .lance_columns import LanceColumns  # half a second
    return LanceColumns.at(f"{home.url}/{COLUMNS}", version)


def cache_folder(data: DataSet) -> str:
    """Return the folder of this machine for what is made or fetched of a data set."""
    base = os.environ.get(CACHE) or platformdirs.user_cache_dir("lookalike", False)
    return os.path.join(base, "datasets", data.uuid)


@dataclass(frozen=True, slots=True)
class Nearby:
    """The files of a finished data set on this machine: where they lie, or fetched into the cache once."""

    home: Place
    cache: str

    def path_of(self, file: KeptFile) -> str:
        """Return where a file is.

        Raises:
            StoreCorrupt: it is not there, or not as it was written.
        """
        if self.home.path is not None:
            return os.path.join(self.home.path, file.name)
        path = os.path.join(self.cache, file.name)
        if not os.path.exists(path):
            self._fetch(file, path)
        return path

    def _fetch(self, file: KeptFile, path: str) -> None:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fetched = f"{path}.{secrets.token_hex(8)}.new"
        try:
            self.home.fetch(file.name, fetched)
            with open(fetched, "rb") as source:
                is_whole = checksum_of(source) == file.checksum
            if not is_whole:
                raise StoreCorrupt(f"{self.home.url}/{file.name} is damaged: its checksum differs")
            os.replace(fetched, path)
        except FileNotFoundError as error:
            raise StoreCorrupt(f"{self.home.url}/{file.name} is gone; finish the data set again") from error
        finally:
            discard(fetched)

    def sweep(self, made: Finished) -> None:
        """Remove what was fetched of earlier states; who has it open keeps it."""
        if self.home.is_local:
            return
        sweep(self.cache)
        kept = {os.path.join(self.cache, file.name) for file in made.files}
        for name in os.listdir(self.cache):
            folder = os.path.join(self.cache, name)
            if name.isdecimal() and int(name) < made.number:
                discard_folder(folder)
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(os.path.join(self.cache, "index")):
                path = os.path.join(self.cache, "index", name)
                if path not in kept and path.endswith(".faiss"):
                    discard(path)


class _LoadedOnce:
    """The vector index of a finished data set, loaded when it is first asked for."""

    def __init__(self, made: Finished, near: Nearby) -> None:
        self._made = made
        self._near = near
        self._index: AnyIndex | None = None
        self._mutex = threading.Lock()

    def at(self, view: View) -> AnyIndex:  # noqa: ARG002 - a finished catalog has one epoch
        """Return the index."""
        with self._mutex:
            if self._index is None:
                self._index = self._loaded()
            return self._index

    def _loaded(self) -> AnyIndex:
        try:
            return load_index(self._made, self._near.path_of)
        except StoreCorrupt:
            if self._near.home.is_local:
                raise
        # What was fetched was damaged since: it is fetched again.
        for file in self._made.index.files:
            discard(self._near.path_of(file))
        return load_index(self._made, self._near.path_of)
