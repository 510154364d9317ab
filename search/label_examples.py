"""The examples of a label: photos of the library, files outside of it, and folders of the library."""

import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ..errors import UsageError
from ..indexer.embedder import Embedder
from ..indexer.sandbox.opener import OPENED_AT_HOME, Opener
from ..store.filters import Where
from ..store.records import Vectors
from ..store.store import Store
from .examples import Preparation, Query
from .filters import Said, make_where


def shown_by_names(
    store: Store, names: Iterable[str | os.PathLike[str]], embedder: Callable[[], Embedder]
) -> dict[bytes, Vectors]:
    """Return the unit vectors (dim,) float32 of pictures by the blake3 digest of their content.

    names: paths of files, in the library or not; id:N; folders, for all their photos in the library.

    Raises:
        UsageError: a picture cannot be read, or a folder holds no photo of the library.
    """
    found: dict[bytes, Vectors] = {}
    with Opener(1, at_home=OPENED_AT_HOME) as open_photo:
        prepare = Preparation(store, embedder, open_photo)
        for given in names:
            name = os.fspath(given)
            pictures = _of_folder(store, name) if os.path.isdir(name) else _of_one(prepare, name)
            for digest, vector in pictures:
                found[digest] = _unit(vector)
    return found


def _of_folder(store: Store, name: str) -> Iterator[tuple[bytes, Vectors]]:
    with store.reading() as view:
        where: Where = make_where(view.roots(), Said([name]))
        ids = view.visible_ids(where).tolist()
        digests, vectors = view.digests_of(ids), view.raw_vectors(ids)
    if not ids:
        raise UsageError(f"no photo of the library is in {name}; index it first, or name single files")
    yield from ((digests[each], vectors[each]) for each in ids if each in vectors)


def _of_one(prepare: Preparation, name: str) -> Iterator[tuple[bytes, Vectors]]:
    digits = name.removeprefix("id:")
    is_id = digits != name and digits.isascii() and digits.isdecimal()
    example = prepare(Query(name, id=int(digits)) if is_id else Query(name, path=name))
    if example.vector is None:
        raise UsageError(f"{name}: {example.error}")
    if example.digest is None:
        raise UsageError(f"{name}: the file of this photo is not there; name another example")
    yield bytes.fromhex(example.digest), example.vector


def _unit(vector: Vectors) -> Vectors:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)
