"""The Python face: a library, its parts, indexing and searching. It never prints and never exits."""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, Unpack

from .errors import UsageError
from .indexer.embed.choice import ModelChoice
from .store.names import is_remote, listed
from .store.progress import Progress, watch_of

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from .dedup.actions.waiting import Moved
    from .dedup.copies import Copies
    from .dedup.files import Files
    from .dedup.naming import PhotoName
    from .indexer.embed.embedder import Embedder
    from .indexer.folders import Folders
    from .indexer.options import IndexOptions, IndexReport
    from .search.answers import Results
    from .search.filters.filters import FilterOptions
    from .search.labels.labels import Labels
    from .search.searches import Searches
    from .store.care.backup import Backup
    from .store.catalog.photos import FileError, Photo, Totals
    from .store.filters.where import Where
    from .store.index.exact import Ids
    from .store.records import Holdings, Vectors
    from .store.spec import EmbedderSpec
    from .store.store import Store

Folder = str | os.PathLike[str]

# Address space that was measured (555 and 490 MB, with few threads), and a tenth more.
_INDEX_MB, _COPIES_MB = 610, 540


def default_folder() -> str:
    """Return the folder of the default store: $LOOKALIKE_STORE, else in the user's data folder."""
    import platformdirs

    return os.environ.get("LOOKALIKE_STORE") or platformdirs.user_data_dir("lookalike", False)


def is_data_set(folder: Folder) -> bool:
    """Tell whether a data set lies there and no store: by its URL, or by the file that each has."""
    return is_remote(os.fspath(folder)) or os.path.exists(os.path.join(folder, "dataset.json"))


class Embeddings(NamedTuple):
    """Embeddings of photos. ids: (n,) int64, ascending. vectors: (n, dim) float32."""

    ids: "Ids"
    vectors: "Vectors"


def _examples(given: Any) -> Sequence[Any]:
    """Return what a search is by; None: by no example, which lists photos.

    Raises:
        UsageError: there is none in what is given.
    """
    from .store.arguments import as_examples

    examples = () if given is None else as_examples(given)
    if given is not None and not examples:
        raise UsageError(
            "there is no example to search by: the list is empty; leave it away to list photos"
        )
    return examples


class Library:
    """A photo library in a store; use it as a context manager.

    >>> with Library.open("store", create=True) as library:     # doctest: +SKIP
    ...     library.index(["Photos"])
    ...     for result in library.search("example.jpg", k=5):
    ...         print(result.score, result.path)

    Its parts are made when they are first asked for: `searches`, `labels`, `copies`, `files`, `folders`.
    """

    def __init__(self, store: "Store", engine: str = "auto") -> None:
        if isinstance(store, (str, os.PathLike)):
            raise UsageError(f"a library is opened by its folder: Library.open({str(store)!r})")
        self.store = store
        self._engine = engine
        self._embedder: Embedder | None = None
        self._mutex = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: Folder | None = None,
        *,
        create: bool = False,
        write: bool = False,
        engine: str = "auto",
        lock_timeout_s: float = 10,
    ) -> "Library":
        """Open the library whose store is in folder (None: the default one), or that is a data set there.

        folder: of a store, or folder or URL of a finished data set, which is only read. create: make the
        store when there is none; needed for `index`. write: open it for writing; needed to prove new copies
        and to remember decisions.

        Raises:
            StoreMissing, StoreTooNew, StoreTooOld, StoreCorrupt, StoreLocked, StoreUnwritable: see
                errors.py.
            UsageError: a store would be made in a folder of other files, or there is no such engine.
            NeedsLocalStore: it is a data set, and create or write is asked for.
        """
        from . import bulk  # noqa: F401 - with it photos in object stores can be read
        from .store.store import Store

        if engine != "auto":
            from .indexer.embed.engines import check_engine

            check_engine(engine)
        where = default_folder() if folder is None else folder
        if is_data_set(where):
            from .bulk.open import open_data_set
            from .errors import NeedsLocalStore

            if create or write:
                raise NeedsLocalStore(os.fspath(where))
            return cls(open_data_set(os.fspath(where)), engine)
        return cls(Store.open(where, create=create, write=write, lock_timeout_s=lock_timeout_s), engine)

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Library.open({self.store.name!r})"

    def close(self) -> None:
        """Close the store; after that the library can do nothing more."""
        self.store.close()

    @property
    def spec(self) -> "EmbedderSpec | None":
        """The embedder of this library; None before the first index run."""
        return self.store.spec

    def embedder(self) -> "Embedder":
        """Return the embedder of this library, loaded once.

        Raises:
            StoreMissing: nothing was indexed yet.
        """
        from .errors import StoreMissing
        from .indexer.embed.embedder import Embedder

        with self._mutex:
            if self._embedder is None:
                spec = self.spec
                if spec is None:
                    raise StoreMissing(f"nothing is indexed yet in {self.store.folder}")
                self._embedder = Embedder(spec, engine=self._engine)
            return self._embedder

    # --- its parts ----------------------------------------------------------------------------

    @cached_property
    def searches(self) -> "Searches":
        """Searching by examples, parts of pictures, labels and filters, and what was found last."""
        from .search.searches import Searches

        return Searches(self.store, self.embedder)

    @cached_property
    def labels(self) -> "Labels":
        """What photos show, and labels that the user taught."""
        from .search.labels.labels import Labels

        return Labels(self.store, self.embedder)

    @cached_property
    def copies(self) -> "Copies":
        """Copies and look-alikes, and what the user decided about them."""
        from .store.address_space import need_address_space

        need_address_space(_COPIES_MB, "comparing photos")
        from .dedup.copies import Copies

        return Copies(self.store, self.embedder, self.where)

    @cached_property
    def files(self) -> "Files":
        """Moving files along a plan, back again, and out of the quarantine."""
        from .dedup.files import Files

        return Files(self.store, self.folders.is_away)

    def moved(self) -> "Moved":
        """Return what became of all that `apply` moved, as it lies now."""
        from .dedup.actions.journal import journals  # `status` loads nothing that moves files
        from .dedup.actions.waiting import moved

        return moved(journals(self.store.folder))

    @cached_property
    def folders(self) -> "Folders":
        """The folders of the library, and what is missing in them."""
        from .indexer.folders import Folders

        return Folders(self.store, lambda: self.moved().fates)

    # --- index and search ---------------------------------------------------------------------

    def index(
        self,
        folders: Folder | Sequence[Folder],
        *,
        choice: ModelChoice | None = None,
        options: "IndexOptions | None" = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> "IndexReport":
        """Bring the library up to date with folders (or single files); see `index_folders`.

        folders: an empty list is none, not all that the library knows, which `folders.status` lists.
        """
        from .indexer.options import IndexOptions
        from .indexer.run import index_folders
        from .store.address_space import need_address_space
        from .store.arguments import options_of

        need_address_space(_INDEX_MB, "indexing")
        if not isinstance(choice, (ModelChoice, NoneType)):
            raise UsageError(f"choice is a ModelChoice: ModelChoice(model={str(choice)!r})")
        choice = choice or ModelChoice(engine=self._engine)
        return index_folders(
            self.store,
            listed(folders, "folders"),
            spec=choice.spec_for(self.store.spec),
            engine=choice.engine,
            device=choice.device,
            options=options_of(IndexOptions, options),
            watch=watch_of(progress, stop),
        )

    def search(self, example: Any = None, k: SupportsIndex = 10, **options: Any) -> "Results":
        """Return the k photos most like the example, best first; a notebook shows them with thumbnails.

        example: a path, "id:N", the id of a photo in the library (int), the bytes of an image file, a PIL
        image, an (h, w, 3) uint8 RGB array, a vector of `embed`, an open file, a photo or a result of
        another search; a list of them is searched by together; None: photos are listed, by the labels or
        the filter of the options.
        options: the fields of `SearchRequest` that go with one answer: where, labels, box, minus, ...

        Raises:
            DecodeError: an example cannot be read; its text names it. PictureNotFound, which is a
                FileNotFoundError, too: it is not there.
            UsageError: it is of another type, the list is empty, an option is out of range, or a label is
                not known.
        """
        from .search.request import SearchRequest
        from .store.arguments import made_with

        examples = _examples(example)
        given = {"examples": examples, "together": len(examples) > 1, "k": k, **options}
        return self.searches.results(made_with(SearchRequest, given))

    def search_frame(self, examples: Any = None, k: SupportsIndex = 10, **options: Any) -> Any:
        """Return what `search` finds as a pandas DataFrame or, without pandas, as an Arrow table.

        examples: see `search`, but each of a list has its own k rows unless together=True. Columns: query,
        rank, score, path, id, width, height, format, bytes, date, camera, labels (names), copies.

        Raises:
            ExtraMissing: neither pandas nor pyarrow is installed.
            DecodeError, UsageError: see `search`.
        """
        from .search.request import SearchRequest
        from .store.arguments import made_with

        given = {"examples": _examples(examples), "k": k, **options}
        return self.searches.frame(made_with(SearchRequest, given))

    def embed(self, images: Any, *, normalized: bool = True) -> "Vectors":
        """Return the embeddings of an image, or of a list or an iterator of images: (n, dim) float32.

        images: in any form that `search` takes; they need not be in the library. normalized: of length 1,
        so that the product of two is their score; False: pooled features as they left the network.

        Raises:
            DecodeError: one cannot be read; its text names it.
            UsageError: one is of another type.
            StoreMissing: nothing was indexed yet, so that there is no model.
        """
        from .store.arguments import as_examples

        return self.searches.embed(as_examples(images), normalized=normalized)

    # --- what it contains ---------------------------------------------------------------------

    def where(
        self,
        folders: Folder | Sequence[Folder] = (),
        since: str | None = None,
        until: str | None = None,
        **more: "Unpack[FilterOptions]",
    ) -> "Where":
        """Return a filter for the other methods: by folder, date and more; see `FilterSpec`.

        >>> library.where(since="2023-06", camera=["Pixel"], min_size="12MP")     # doctest: +SKIP
        >>> library.where(where="near(48.137, 11.575, 10) and not has lens")      # doctest: +SKIP

        Raises:
            UsageError: a folder lies outside of the library, or something cannot be read.
        """
        from .search.filters.filters import FilterSpec, make_where
        from .store.arguments import made_with
        from .store.catalog.folders import all_roots

        named = {"folders": listed(folders, "folders"), "since": since, "until": until}
        spec = made_with(FilterSpec, {**named, **more})
        if not spec.folders:
            return make_where((), spec, self._formats)
        with self.store.reading() as view:
            return make_where(all_roots(view), spec, self._formats)

    def _formats(self) -> "list[str]":
        from .store.catalog.contents import all_formats

        with self.store.reading() as view:
            return all_formats(view)

    def photo(self, name: "PhotoName") -> "Photo":
        """Return the photo of the library that a path, an id or id:N names.

        Raises:
            UsageError: there is none; index it first.
        """
        from .dedup.naming import name_of, photo_named

        named = name_of(name)
        photo = photo_named(self.store, named)
        if photo is None:
            raise UsageError(f"{named} is no photo of the library; index it first")
        return photo

    def photos(self, where: "Where | str | None" = None, order: str | None = None) -> "Iterator[Photo]":
        """Yield the photos of the library with their files, by id.

        where: a filter of `where`, or the condition of one; so it is below, too. order: "time" (oldest
        first), "-time" or "path" instead.

        Raises:
            UsageError: the condition cannot be read, or there is no such order.
        """
        from .search.filters.filters import as_where
        from .store.catalog.ordering import ordered_photos
        from .store.catalog.photos import photos_of

        wanted = as_where(where)
        with self.store.reading() as view:
            yield from ordered_photos(view, wanted, order) if order else photos_of(view, wanted)

    def holdings(self, ids: Iterable[SupportsIndex]) -> "dict[int, Holdings]":
        """Return what photos hold beside their picture, by id, of those that were looked at."""
        from .store.arguments import as_ids
        from .store.catalog.holdings import holdings_of

        wanted = as_ids(ids)
        with self.store.reading() as view:
            return holdings_of(view, wanted)

    def fields(self, photos: "Iterable[Photo | SupportsIndex]") -> dict[str, dict[str, Any]]:
        """Return what each file of photos and its sidecars say, by its path: keywords, rating, title, ...

        photos: or their ids.

        >>> library.fields(library.photos("rating = 5"))     # doctest: +SKIP
        """
        from .store.catalog.holdings import told_of

        with self.store.reading() as view:
            return told_of(view, photos)

    def vectors(self, where: "Where | str | None" = None, *, normalized: bool = True) -> "Embeddings":
        """Return the ids (n,) int64 and embeddings (n, dim) float32 of the photos that pass, by id.

        normalized: of length 1; False: pooled features as they left the network. Both up to fp16.

        >>> ids, vectors = library.vectors()     # doctest: +SKIP
        """
        from .search.filters.filters import as_where
        from .store.export import all_vectors

        wanted = as_where(where)
        with self.store.reading() as view:
            return Embeddings(*all_vectors(view, wanted, normalized=normalized))

    def features(self, ids: Iterable[SupportsIndex]) -> "dict[int, Vectors]":
        """Return pooled features as they left the network, (dim,) float32 up to fp16, by photo id."""
        from .store.arguments import as_ids
        from .store.catalog.embeddings import raw_vectors

        wanted = as_ids(ids)
        with self.store.reading() as view:
            return raw_vectors(view, wanted)

    def export_parquet(self, path: Folder, where: "Where | str | None" = None) -> int:
        """Write a row for each file that passes to a .parquet file; return their number.

        Columns: those of `lookalike export`, and vector: its embedding at length 1, a list of fixed size.

        Raises:
            UsageError: path does not end in .parquet, or is a file of another kind.
            OutputUnwritable: it cannot be written.
            ExtraMissing: pyarrow is not installed.
        """
        from .output.exports import export_parquet
        from .search.filters.filters import as_where

        return export_parquet(self.store, self.labels, os.fspath(path), as_where(where))

    def export_sqlite(self, path: Folder, where: "Where | str | None" = None) -> int:
        """Write the tables photos, copies, labels and thumbs to a SQLite file; return the number of files.

        For datasette and SQL of your own: flat, for reading only. Of copies, what is known by now.

        Raises:
            UsageError: path does not end in .db, .sqlite or .sqlite3, or is a file of another kind.
            OutputUnwritable: it cannot be written.
        """
        from .output.exports import export_sqlite
        from .search.filters.filters import as_where

        wanted = as_where(where)
        groups = self.copies.known(wanted).groups
        return export_sqlite(self.store, self.labels, groups, os.fspath(path), wanted)

    def export_vectors(self, path: str | os.PathLike[str], where: "Where | str | None" = None) -> int:
        """Write the embeddings of the photos that pass to an .npz file; return their number.

        Arrays: ids (n,) int64, digests (n,) hex strings, vectors (n, dim) float32, pooled features as
        they left the network (up to fp16); fingerprint: of the embedder.

        Raises:
            UsageError: path does not end in .npz, or is a file of another kind.
            OutputUnwritable: it cannot be written.
        """
        from .search.filters.filters import as_where
        from .store.export import export_vectors

        wanted = as_where(where)
        with self.store.reading() as view:
            return export_vectors(view, os.fspath(path), wanted)

    def errors(self) -> "list[FileError]":
        """Return the files that could not be indexed."""
        from .store.catalog.photos import file_errors

        with self.store.reading() as view:
            return list(file_errors(view))

    def totals(self) -> "Totals":
        """Count what the library holds."""
        from .store.catalog.photos import count_totals

        with self.store.reading() as view:
            return count_totals(view)

    def thumbnail(self, photo: "PhotoName") -> bytes | None:
        """Return the thumbnail of a photo as JPEG; None when there is none.

        Raises:
            UsageError: there is no such photo; see `photo`.
        """
        found = photo if hasattr(photo, "digest") else self.photo(photo)
        return self.store.thumbs.get(bytes.fromhex(found.digest))

    def backup(self, path: Folder, *, thumbnails: bool = False) -> "Backup":
        """Write all that the store knows into one file, while others may go on writing to the store.

        Raises:
            UsageError: there is something at path that is no backup.
            StoreUnwritable: there is no room for it. NeedsLocalStore: it is a data set.
        """
        from .errors import NeedsLocalStore
        from .store.care.backup import backup

        if self.store.outside is not None:
            raise NeedsLocalStore(self.store.name)
        return backup(self.store, os.fspath(path), thumbnails=thumbnails)
