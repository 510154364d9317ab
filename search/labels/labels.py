"""What photos show: `library.labels`, those of the classifier and those that the user taught."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StoreMissing, UsageError
from ...indexer.embed.embedder import Embedder
from ...store.catalog.knn import proven_copies
from ...store.catalog.labels import Taught, forget_taught, put_taught, taught_labels
from ...store.catalog.photos import photos_of, visible_ids
from ...store.filters.where import ALL, Where
from ...store.index.exact import Ids
from ...store.store import Store
from ...store.view import View
from ..answers import Answer, Result, SearchOptions
from ..order import arranged, candidates_of
from .examples import heads, named, shown_by, shown_by_names, teach, trial_of
from .label import Label, LabelCount
from .labelling import Found, Words
from .taxonomy import plain
from .training import Trial


class Labels:
    """The labels of a library."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder]) -> None:
        self.store = store
        self.embedder = embedder

    def count(self, where: Where | None = None, *, confidence: float | None = None) -> list[LabelCount]:
        """Return the labels that the library's photos have, each with its number of photos.

        A photo of a terrier counts as a dog, too. where: only photos that pass. confidence: that a label
        must reach, in [0, 1]; None: the usual.

        Raises:
            ModelError: the store's weights have no classifier, and nothing was taught.
            UsageError: confidence is out of range.
        """
        _check_confidence(confidence)
        with self.store.reading() as view:
            if view.model is None:
                return []
            return _words(view).count(view, visible_ids(view, where or ALL), confidence)

    def of(self, ids: Iterable[int]) -> dict[int, tuple[Label, ...]]:
        """Return the likely labels of photos by id, the most special first; () where none is likely."""
        with self.store.reading() as view:
            return _words(view).of(view, list(ids)) if view.model else {}

    def find(
        self,
        names: str | Sequence[str],
        k: int | None = None,
        *,
        where: Where | None = None,
        confidence: float | None = None,
    ) -> tuple[Result, ...]:
        """Return the photos that have all the labels, the surest first. k: at most so many, None: all.

        The score of a result is the confidence in the least sure of the labels.

        Raises:
            UsageError: there is no label or one that is not known, or confidence is out of range.
            ModelError: the store's weights have no classifier.
        """
        with self.store.reading() as view:
            found = _find(view, names, where or ALL, confidence)
            return tuple(_results(view, [column[:k] for column in found.ranked(-1, {})], where or ALL))

    def ids(
        self, names: str | Sequence[str], where: Where | None = None, confidence: float | None = None
    ) -> Ids:
        """Return the ids of the photos that have all the labels, ascending: a filter for searches."""
        with self.store.reading() as view:
            return _find(view, names, where or ALL, confidence).ids

    def on(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """Yield answers of a search with the labels of their photos."""
        said: dict[int, tuple[Label, ...]] = {}
        words: Words | None = None
        for answer in answers:
            if answer.results and not any(result.labels for result in answer.results):
                # A view for each answer, as its photos may be newer than the last one.
                with self.store.reading() as view:
                    words = words or _words(view)
                    said |= words.of(view, list({each.photo.id for each in answer.results} - said.keys()))
                results = [replace(each, labels=said.get(each.photo.id, ())) for each in answer.results]
                answer = replace(answer, results=tuple(results))
            yield answer

    def answer(
        self, names: str | Sequence[str], options: SearchOptions, confidence: float | None = None
    ) -> Answer:
        """Return the photos that have all the labels as the answer of a search without an example."""
        options.check()
        names = [names] if isinstance(names, str) else names
        with self.store.reading() as view:
            found = _find(view, names, options.where, confidence)
            copies = {} if options.include_copies or not len(found.ids) else proven_copies(view)
            ranked = found.ranked(options.min_score, copies)
            best = _results(view, [column[: candidates_of(options)] for column in ranked], options.where)
            return Answer(" + ".join(names), arranged(view, best, options), is_by_label=True)

    # --- what the user teaches ----------------------------------------------------------------

    def teach(
        self,
        name: str,
        yes: Sequence[str | os.PathLike[str]] = (),
        no: Sequence[str | os.PathLike[str]] = (),
    ) -> Taught:
        """Teach a label by pictures that show it, and by some that do not; the library is open for writing.

        yes, no: paths of files, in the library or not, id:N, or folders, for all their photos in it.
        Examples are added to those that the label has; what is said last of a picture counts.

        Raises:
            UsageError: the name is empty, there is no example that shows it, or one cannot be read.
            StoreMissing: nothing was indexed yet.
        """
        if not plain(name) or not name.isprintable():
            raise UsageError(f"a label needs a name that can be read, not {name!r}")
        more = [shown_by_names(self.store, each, self.embedder) for each in (yes, no)]
        both = more[0].keys() & more[1].keys()
        if both:
            raise UsageError(f"{len(both)} of the examples are given for and against; decide on one")
        with self.store.reading() as view:
            if view.model is None:
                raise StoreMissing(f"nothing is indexed yet in {self.store.folder}")
            before = named(view, name)
            known = shown_by(view, before) if before else ({}, {})
            shown, hidden = (
                {digest: vector for digest, vector in known[side].items() if digest not in more[1 - side]}
                | more[side]
                for side in (0, 1)
            )
            if not shown:
                raise UsageError(f"{name!r} needs at least one picture that shows it: --yes IMAGE")
            made = teach(view, name, shown, hidden)
        with self.store.writing() as view:
            return put_taught(view, made)

    def taught(self) -> list[Taught]:
        """Return the labels that were taught, by name."""
        with self.store.reading() as view:
            return taught_labels(view, damaged=[])

    def forget(self, name: str) -> None:
        """Forget a label that was taught; needs a library open for writing.

        Raises:
            UsageError: there is none of that name.
        """
        with self.store.writing() as view:
            if not forget_taught(view, plain(name)):
                raise _unknown(name)

    def test(self, name: str) -> Trial:
        """Return how well a taught label does on examples that it is not shown, by cross-validation.

        Raises:
            UsageError: there is none of that name, or it has fewer than two positive examples.
        """
        with self.store.reading() as view:
            label = named(view, name)
            if label is None:
                raise _unknown(name)
            trial = trial_of(view, label)
        if trial is None:
            raise UsageError(f"{name!r} has one example only; teach it another one to test it")
        return trial


def _unknown(name: str) -> Exception:

    return UsageError(f"no label {name!r} was taught; `lookalike teach --list` lists those that were")


def _words(view: View) -> Words:

    assert view.model is not None, "something was embedded"
    damaged: list[str] = []
    found = heads(view, damaged)
    return Words(view.model.spec, found, damaged)


def _find(view: View, names: str | Sequence[str], where: Where, confidence: float | None) -> Found:

    _check_confidence(confidence)
    names = [names] if isinstance(names, str) else names  # else each of its letters were a label
    if not names:
        raise UsageError("name at least one label; `lookalike labels` lists those that the library holds")
    if view.model is None:
        return Found(np.empty(0, np.int64), np.empty(0, np.float32))
    return _words(view).find(view, names, visible_ids(view, where), confidence)


def _results(view: View, ranked: Sequence[NDArray[Any]], where: Where) -> list[Result]:
    """Return photos as results. ranked: ids, confidences, and how many copies are left out."""
    ids, sure, copies = (column.tolist() for column in ranked)
    photos = {photo.id: photo for photo in photos_of(view, where, ids)}
    said = _words(view).of(view, ids) if ids else {}
    return [
        Result(score, photos[each], count, said.get(each, ()))
        for each, score, count in zip(ids, sure, copies, strict=True)
    ]


def _check_confidence(confidence: float | None) -> None:

    if confidence is not None and not 0 < confidence <= 1:
        raise UsageError(f"a confidence is above 0 and at most 1, not {confidence:g}")
