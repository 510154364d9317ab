"""From what a user shows to a taught label in the store, and from the store to heads."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from ...errors import UsageError
from ...indexer.embed.embedder import Embedder
from ...indexer.sandbox.decoders import OPENED_AT_HOME, Opener
from ...store.catalog.contents import digests_of, ids_of
from ...store.catalog.embeddings import raw_vectors, units_of
from ...store.catalog.folders import all_roots
from ...store.catalog.labels import Taught, damaged_error, taught_labels
from ...store.catalog.photos import visible_ids
from ...store.filters.where import Where
from ...store.index.search import nearest_photos
from ...store.names import AnyPath, listed
from ...store.progress import Progress
from ...store.records import Vectors, unit_vectors
from ...store.store import Store
from ...store.view import View
from ..examples import ExampleReader, as_query
from ..filters.filters import FilterSpec, make_where
from .taxonomy import normalized
from .training import TrainingSet, Trial, learn, try_out

# Photos near the examples, and photos taken at random, that are looked at.
_NEAR, _SAMPLE = 500, 1000

Examples = Mapping[bytes, Vectors]


def training_set_of(view: View, yes: Examples, no: Examples) -> TrainingSet:
    """Return what a label is learned from. yes, no: unit vectors (dim,) float32 by content digest."""
    shown, dim = np.stack(list(yes.values())), next(iter(yes.values())).shape[0]
    known = set(ids_of(view, [*yes, *no]).values())
    near = nearest_photos(view, shown.mean(axis=0, keepdims=True), _NEAR + len(known)).ids[0]
    near = np.sort(near[(near >= 0) & ~np.isin(near, list(known))])
    rest = np.setdiff1d(visible_ids(view), list(known))
    some = np.sort(np.random.default_rng(0).permutation(rest)[:_SAMPLE])
    hidden = np.stack(list(no.values())) if no else np.empty((0, dim), np.float32)
    return TrainingSet(shown, hidden, _units(view, near, dim), _shuffled(_units(view, some, dim)))


def _units(view: View, ids: "np.typing.NDArray[np.int64]", dim: int) -> Vectors:
    return units_of(view, ids).astype(np.float32) if len(ids) else np.empty((0, dim), np.float32)


def _shuffled(units: Vectors) -> Vectors:
    """Return photos in no order: they came by their age."""
    return np.random.default_rng(1).permutation(units)


def teach(view: View, name: str, yes: Examples, no: Examples) -> Taught:
    """Learn a label of the photos in a library."""
    assert view.model is not None, "something was embedded"
    head = learn(name, training_set_of(view, yes, no))
    return Taught(
        word=normalized(name),
        name=name,
        fingerprint=view.model.spec.fingerprint,
        yes=tuple(yes),
        no=tuple(no),
        vectors=np.stack([*yes.values(), *no.values()]).astype(np.float16),
        weights=head.weights,
        bias=head.bias,
    )


def examples_of(view: View, label: Taught) -> tuple[Examples, Examples]:
    """Return the examples of a label: unit vectors by content digest, those that show it and the others.

    Of a label that was learned from another embedder's vectors: those that the library holds.
    """
    digests = (*label.yes, *label.no)
    assert view.model is not None, "something was embedded"
    if label.fingerprint == view.model.spec.fingerprint:
        vectors = dict(zip(digests, label.vectors.astype(np.float32), strict=True))
    else:
        ids = ids_of(view, digests)
        raw = raw_vectors(view, list(ids.values()))
        vectors = {each: unit_vectors(raw[number]) for each, number in ids.items() if number in raw}
    yes, no = ({each: vectors[each] for each in side if each in vectors} for side in (label.yes, label.no))
    return yes, no


def trial_of(view: View, label: Taught, progress: Progress) -> Trial | None:
    """Return how well a label does on examples held out; None where there are not two."""
    yes, no = examples_of(view, label)
    return try_out(training_set_of(view, yes, no), progress=progress) if len(yes) > 1 else None


def find_taught(view: View, name: str) -> Taught | None:
    """Return the taught label of that name, however it is written; None if there is none.

    Raises:
        StoreCorrupt: it is damaged.
    """
    damaged: list[str] = []
    found = next((label for label in taught_labels(view, damaged) if label.word == normalized(name)), None)
    if found is None and normalized(name) in map(normalized, damaged):
        raise damaged_error(name)
    return found


def read_examples(
    store: Store, names: AnyPath | Iterable[AnyPath], embedder: Callable[[], Embedder]
) -> dict[bytes, Vectors]:
    """Return the unit vectors (dim,) float32 of pictures by the blake3 digest of their content.

    names: paths of files, in the library or not; id:N; folders, for all their photos in the library.

    Raises:
        UsageError: a picture cannot be read, or a folder holds no photo of the library.
    """
    found: dict[bytes, Vectors] = {}
    with Opener(1, at_home=OPENED_AT_HOME) as open_photo:
        read = ExampleReader(store.reading, embedder, open_photo)
        for name in listed(names):
            pictures = _of_folder(store, name) if os.path.isdir(name) else _of_one(read, name)
            for digest, vector in pictures:
                found[digest] = unit_vectors(vector)
    return found


def _of_folder(store: Store, name: str) -> Iterator[tuple[bytes, Vectors]]:
    with store.reading() as view:
        where: Where = make_where(all_roots(view), FilterSpec([name]))
        ids = visible_ids(view, where).tolist()
        digests, vectors = digests_of(view, ids), raw_vectors(view, ids)
    if not ids:
        raise UsageError(f"no photo of the library is in {name}; index it first, or name single files")
    yield from ((digests[each], vectors[each]) for each in ids if each in vectors)


def _of_one(read: ExampleReader, name: str) -> Iterator[tuple[bytes, Vectors]]:
    example = read(as_query(name))
    if example.vector is None:
        raise UsageError(f"{name}: {example.error}")
    if example.digest is None:
        raise UsageError(f"{name}: the file of this photo is not there; name another example")
    yield bytes.fromhex(example.digest), example.vector
