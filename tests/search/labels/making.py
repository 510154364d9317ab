"""Stores whose photos show classes of ImageNet: vectors that the shipped classifier is sure of."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from lookalike.indexer.embed.weights.table import OFFICIAL
from lookalike.library import Library
from lookalike.search.answers import Result
from lookalike.search.labels.classifier import FILE
from lookalike.search.labels.taxonomy import tree
from lookalike.store.records import EmbeddedPhoto, FileResult, Vectors
from lookalike.store.spec import EmbedderSpec
from lookalike.store.store import Store
from lookalike.tests.store.making import make_result

SPEC = EmbedderSpec("mobilenet_v2", OFFICIAL["mobilenet_v2"].sha256, 1.0, "fit", 256, 1280, "fp32", 1)
STRONG = 30.0  # logits


def vector_of(*words: str, strength: float = STRONG) -> Vectors:
    """Return pooled features (1280,) for which all classes of the words have the same high logit."""
    weights, products = _classifier()
    found = [tree().find(word) for word in words]
    classes = np.concatenate([each for each in found if each is not None])
    wanted = np.zeros(len(weights))
    wanted[classes] = strength
    return np.asarray(weights.T @ np.linalg.solve(products, wanted), np.float32)


@functools.cache
def _classifier() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the weights of the shipped classifier, and the products of each two of its rows."""
    weights = safetensors.numpy.load(FILE.read_bytes())["weight"].astype(np.float64)
    return weights, weights @ weights.T


def photo_showing(number: int, vector: Vectors) -> FileResult:
    """Return what a worker says of photo `number`, "NUMBER.jpg"."""
    made = make_result(number)
    assert made.photo is not None
    photo = EmbeddedPhoto(made.photo.content, vector, made.photo.thumbnail)
    return FileResult(made.stat, made.digest, photo)


def library_of(folder: Path, vectors: Sequence[Vectors], spec: EmbedderSpec = SPEC) -> Library:
    """Return a library below /photos with a photo for each vector: 0.jpg, 1.jpg, ..."""
    store = Store.open(folder, create=True)
    store.use_spec(spec)
    root, _ = store.add_root(b"/photos")
    store.commit(root, [photo_showing(number, vector) for number, vector in enumerate(vectors)])
    return Library(store)


def names_of(results: Sequence[Result]) -> list[str]:
    """Return the names of the files of results, in order."""
    return [Path(each.path).name for each in results]
