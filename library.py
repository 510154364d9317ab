"""The Python face: one class over index, search and duplicates. It never prints and never exits."""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .dedup.copies import CopiesOfLibrary
from .dedup.files import ActsOfLibrary
from .indexer.embed.choice import ModelChoice
from .indexer.folders import RootsOfLibrary
from .library_care import CareOfLibrary
from .library_filters import FiltersOfLibrary
from .search.labels.labels import WordsOfLibrary
from .search.searches import ExamplesOfLibrary
from .store.catalog.embeddings import raw_vectors
from .store.catalog.ordering import ordered_photos
from .store.catalog.photos import count_totals, file_errors, photos_in

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from .indexer.embed.embedder import Embedder
    from .indexer.options import IndexOptions, IndexReport, Progress
    from .search.answers import Answer, Result, SearchOptions
    from .search.examples import Query
    from .search.regions.boxes import BoxAsked
    from .store.catalog.photos import FileError, Photo, Totals
    from .store.filters.where import Where
    from .store.records import Vectors
    from .store.spec import EmbedderSpec
    from .store.store import Store


def default_folder() -> str:
    """Return the folder of the default store: $LOOKALIKE_STORE, else in the user's data folder."""
    import platformdirs

    return os.environ.get("LOOKALIKE_STORE") or platformdirs.user_data_dir("lookalike", False)


class Library(
    FiltersOfLibrary,
    WordsOfLibrary,
    ExamplesOfLibrary,
    CopiesOfLibrary,
    ActsOfLibrary,
    CareOfLibrary,
    RootsOfLibrary,
):
    """A photo library in a store; use it as a context manager.

    >>> with Library.open("store", create=True) as library:     # doctest: +SKIP
    ...     library.index(["Photos"])
    ...     for result in library.search("example.jpg", k=5):
    ...         print(result.score, result.path)
    """

    def __init__(self, store: "Store", engine: str = "auto") -> None:
        self.store = store
        self._engine = engine
        self._embedder: Embedder | None = None
        self._mutex = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str] | None = None,
        *,
        create: bool = False,
        write: bool = False,
        engine: str = "auto",
        lock_timeout_s: float = 10,
    ) -> "Library":
        """Open the library whose store is in folder (None: the default one).

        create: make the store when there is none; needed for `index`. write: open it for writing; needed
        to prove new copies and to remember decisions.

        Raises:
            StoreMissing, StoreTooNew, StoreCorrupt, StoreLocked, StoreUnwritable: see errors.py.
        """
        from .store.store import Store

        where = default_folder() if folder is None else folder
        return cls(Store.open(where, create=create, write=write, lock_timeout_s=lock_timeout_s), engine)

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    @property
    def spec(self) -> "EmbedderSpec | None":
        """The embedder of this library; None before the first index run."""
        return self.store.spec

    # --- index --------------------------------------------------------------------------------

    def index(
        self,
        folders: Sequence[str | os.PathLike[str]],
        *,
        choice: ModelChoice | None = None,
        options: "IndexOptions | None" = None,
        progress: "Progress | None" = None,
        stop: threading.Event | None = None,
    ) -> "IndexReport":
        """Bring the library up to date with folders (or single files); see `index_folders`."""
        from .indexer.options import SILENCE, IndexOptions
        from .indexer.run import index_folders

        choice = choice or ModelChoice(engine=self._engine)
        return index_folders(
            self.store,
            folders,
            spec=choice.spec_for(self.store.spec),
            engine=choice.engine,
            options=options or IndexOptions(),
            progress=progress or SILENCE,
            stop=stop,
        )

    # --- search -------------------------------------------------------------------------------

    def search(
        self,
        example: Any,
        k: int = 10,
        *,
        min_score: float = -1.0,
        where: "Where | None" = None,
        include_self: bool = False,
        plain: bool = False,
        include_copies: bool = False,
        labels: Sequence[str] = (),
        box: "BoxAsked | Sequence[float] | str | None" = None,
    ) -> "tuple[Result, ...]":
        """Return the k photos most like the example, best first; see `SearchOptions`.

        example: a path, the bytes of an image file, a PIL image, an (h, w, 3) uint8 RGB array, the
        id of a photo in the library (int), a photo or a result of another search. labels: only photos that
        have all of these. box: look for this part of it: x, y, width, height in pixels of the picture as
        displayed, or "10%,20%,30%,40%"; "0,0,100%,100%": the example is a part of a photo.

        Raises:
            DecodeError: the example cannot be read.
            UsageError: it is of another type, k or min_score is out of range, or a label is not known.
        """
        from .search.answers import SearchOptions
        from .search.regions.boxes import as_box
        from .store.filters.where import ALL

        options = SearchOptions(
            k=k,
            min_score=min_score,
            where=where or ALL,
            include_self=include_self,
            plain=plain,
            include_copies=include_copies,
            allowed=self.labelled_ids(labels, where) if labels else None,
            box=as_box(box),
        )
        (answer,) = self.with_labels(self.search_many([self._query(example)], options))
        if answer.error is not None:
            raise answer.error
        return answer.results

    def search_many(self, queries: "Iterable[Query]", options: "SearchOptions") -> "Iterator[Answer]":
        """Yield one answer for each query, in order; see `find_similar`."""
        from .search.by_image import find_similar

        return find_similar(self.store, queries, options, self.embedder)

    def _query(self, example: Any) -> "Query":
        import numpy as np

        from .errors import UsageError
        from .indexer.decode.decode import decode_pil
        from .search.examples import Query
        from .store.catalog.photos import Photo

        example = getattr(example, "photo", example)  # a result
        if isinstance(example, Photo):
            return Query(example.path, id=example.id)
        if isinstance(example, int):
            return Query(f"id:{example}", id=example)
        if isinstance(example, (bytes, bytearray, memoryview)):
            return Query("bytes", data=bytes(example))
        if isinstance(example, (str, os.PathLike)):
            return Query(os.fspath(example), path=os.fspath(example))
        if isinstance(example, np.ndarray):
            if example.dtype != np.uint8 or example.ndim != 3 or example.shape[2] != 3:
                shape = f"{example.dtype} {example.shape}"
                raise UsageError(f"an array must be (h, w, 3) uint8 RGB, this one is {shape}")
            return Query("array", picture=example)
        if hasattr(example, "getexif"):
            return Query("image", picture=decode_pil(example).image)
        raise UsageError(f"cannot search by a {type(example).__name__}: give a path, bytes or an image")

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

    # --- what it holds ------------------------------------------------------------------------

    def photos(self, where: "Where | None" = None, order: str | None = None) -> "Iterator[Photo]":
        """Yield the photos of the library with their files, by id.

        order: "time" (oldest first), "-time" or "path" instead.
        """
        from .store.filters.where import ALL

        with self.store.reading() as view:
            yield from ordered_photos(view, where or ALL, order) if order else photos_in(view, where or ALL)

    def vectors(self, ids: Sequence[int]) -> "dict[int, Vectors]":
        """Return pooled features (dim,) float32 by photo id."""
        with self.store.reading() as view:
            return raw_vectors(view, ids)

    def export_vectors(self, path: str | os.PathLike[str], where: "Where | None" = None) -> int:
        """Write the embeddings of the photos that pass to an .npz file; return their number.

        Arrays: ids (n,) int64, digests (n,) hex strings, vectors (n, dim) float32, pooled features as
        they left the network (up to fp16); fingerprint: of the embedder.

        Raises:
            UsageError: path does not end in .npz, is a file of another kind, or cannot be written.
        """
        from .store.export import export_vectors
        from .store.filters.where import ALL

        with self.store.reading() as view:
            return export_vectors(view, os.fspath(path), where or ALL)

    def errors(self) -> "list[FileError]":
        """Return the files that could not be indexed."""
        with self.store.reading() as view:
            return list(file_errors(view))

    def totals(self) -> "Totals":
        """Count what the library holds."""
        with self.store.reading() as view:
            return count_totals(view)

    def thumbnail(self, photo: "Photo") -> bytes | None:
        """Return the thumbnail of a photo as JPEG; None when there is none."""
        return self.store.thumbs.get(bytes.fromhex(photo.digest))
