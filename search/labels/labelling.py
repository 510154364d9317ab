"""Words for the photos of a store: which ones a photo has, which photos have one, what there is in all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import ModelError, UsageError
from ...store.catalog.embeddings import raw_vectors, vectors_and_norms
from ...store.catalog.labels import damaged_error
from ...store.index.exact import Ids
from ...store.records import Vectors, unit_vectors
from ...store.spec import EmbedderSpec
from ...store.view import View
from .classifier import CONFIDENT, Classifier, classifier_for
from .label import LIKELY, Head, Label, LabelCount
from .taxonomy import plain, tree

# A part of a block, so that its probabilities stay in the processor's caches.
_ROWS = 512


@dataclass(frozen=True, slots=True)
class Found:
    """Photos that have all words asked for. ids: ascending. confidence: the least of the words', (n,)."""

    ids: Ids
    confidence: Vectors

    def ranked(self, least: float, copies: Mapping[int, int]) -> tuple[Ids, Vectors, Ids]:
        """Return ids and confidences, the surest first, and how many copies of each are left out.

        least: confidence that counts. copies: of each copy that photo which stands for it; copies of one
        photo are one, and the surest of them is shown.
        """
        order = np.lexsort((self.ids, -self.confidence))
        order = order[self.confidence[order] >= least]
        ids = self.ids[order]
        stands = np.array([copies.get(each, each) for each in ids.tolist()], np.int64)
        _, first, counts = np.unique(stands, return_index=True, return_counts=True)
        places = np.argsort(first)
        shown = first[places]
        return ids[shown], self.confidence[order][shown], counts[places] - 1


class Words:
    """All that a store can say words by: the classifier of its network, and what the user taught."""

    def __init__(self, spec: EmbedderSpec, heads: Sequence[Head] = (), damaged: Sequence[str] = ()) -> None:
        self._spec = spec
        self._damaged = {plain(name) for name in damaged}
        self._heads = {plain(head.name): head for head in heads}

    @cached_property
    def _classifier(self) -> Classifier | None:
        try:
            return classifier_for(self._spec)
        except ModelError:
            return None

    def of(self, view: View, ids: Sequence[int]) -> dict[int, tuple[Label, ...]]:
        """Return the labels of photos by id: taught ones first, then the most special; () for none."""
        raw = raw_vectors(view, ids)
        if not raw:
            return {}
        vectors = np.stack(list(raw.values()))
        labels = self._said(vectors)
        return dict(zip(raw, labels, strict=True))

    def _said(self, vectors: Vectors) -> list[tuple[Label, ...]]:
        labels: list[tuple[Label, ...]] = [()] * len(vectors)
        if self._classifier is not None:
            labels = self._classifier.said(self._classifier.probabilities(vectors))
        units = unit_vectors(vectors)
        for head in self._heads.values():
            sure = head.confidence(units)
            for row in np.flatnonzero(sure >= LIKELY).tolist():
                labels[row] = (Label(head.name, round(float(sure[row]), 4)), *labels[row])
        return labels

    # --- which photos have a word -------------------------------------------------------------

    def find(self, view: View, names: Sequence[str], allowed: Ids, least: float | None = None) -> Found:
        """Return the photos among some that have all the words. least: confidence wanted, None: the usual.

        Raises:
            UsageError: a word is not known.
            StoreCorrupt: one was taught and is damaged.
            ModelError: there is no classifier for this store.
        """
        meanings = [self._meaning(name) for name in names]
        taught = [each for each in meanings if isinstance(each, Head)]
        known = [each for each in meanings if not isinstance(each, Head)]
        ids, sure = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for some, vectors, units in self._blocks(view, allowed):
            scores = [(head.confidence(units), LIKELY) for head in taught]
            if known:
                classifier = classifier_for(self._spec)
                probabilities = classifier.probabilities(vectors)
                scores += [(classifier.confidence(probabilities, each), CONFIDENT) for each in known]
            good = np.all([s >= (usual if least is None else least) for s, usual in scores], axis=0)
            ids.append(some[good])
            sure.append(np.min([s for s, _ in scores], axis=0)[good])
        found = np.concatenate(ids)
        order = np.argsort(found, kind="stable")
        return Found(found[order], np.concatenate(sure)[order])

    def _meaning(self, name: str) -> "Head | Ids":
        head = self._heads.get(plain(name))
        if head is not None:
            return head
        if plain(name) in self._damaged:
            raise damaged_error(name)
        classifier_for(self._spec)
        classes = tree().find(name)
        if classes is None:
            near = tree().near(name, tuple(head.name for head in self._heads.values()))
            hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
            raise UsageError(
                f"no label is named {name!r}; {hint}`lookalike labels` lists those that the library holds, "
                "and `lookalike teach` makes a new one"
            )
        return classes

    def _blocks(self, view: View, allowed: Ids) -> Iterator[tuple[Ids, Vectors, Vectors]]:
        """Yield ids, vectors as they left the network and unit vectors, a few hundred at a time."""
        for ids, codes, lengths in vectors_and_norms(view):
            inside = np.flatnonzero(np.isin(ids, allowed))
            for start in range(0, len(inside), _ROWS):
                some = inside[start : start + _ROWS]
                units = codes[some].astype(np.float32)
                yield ids[some], units * lengths[some, None], units

    # --- what there is ------------------------------------------------------------------------

    def count(self, view: View, allowed: Ids, least: float | None = None) -> list[LabelCount]:
        """Count the photos among some that each word is said of, the most frequent first.

        Raises:
            ModelError: nothing was taught, and there is no classifier for this store.
        """
        classifier = self._classifier
        if classifier is None and not self._heads:
            classifier_for(self._spec)
        heads = list(self._heads.values())
        taught = np.zeros(len(heads), np.int64)
        known = np.zeros(len(tree().said), np.int64)
        for _, vectors, units in self._blocks(view, allowed):
            for place, head in enumerate(heads):
                taught[place] += (head.confidence(units) >= (LIKELY if least is None else least)).sum()
            if classifier is not None:
                sums = classifier.sums(classifier.probabilities(vectors))
                known += (sums >= (CONFIDENT if least is None else least)).sum(axis=0)
        rows = [LabelCount(h.name, (), int(n), True) for h, n in zip(heads, taught, strict=True)]
        rows += [
            LabelCount(node.name, tree().path(node), int(n))
            for node, n in zip(tree().said, known, strict=True)
            if n
        ]
        return sorted(rows, key=lambda row: (not row.is_taught, -row.photos, row.path, row.name))
