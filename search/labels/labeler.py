"""Labels for the photos of a store: those of a photo, the photos that have one, and how many have each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import ModelError, UsageError
from ...store.catalog.embeddings import raw_vectors, vectors_and_norms
from ...store.catalog.labels import damaged_error, taught_labels
from ...store.catalog.photos import visible_ids
from ...store.filters.where import ALL, Where
from ...store.index.exact import Ids
from ...store.records import Vectors, unit_vectors
from ...store.spec import EmbedderSpec
from ...store.view import View
from .classifier import CONFIDENT, Classifier, classifier_for
from .label import LIKELY, Head, Label, LabelCount, check_confidence
from .taxonomy import normalized, tree

# A part of a block, so that its probabilities stay in the processor's caches.
_ROWS = 512


@dataclass(frozen=True, slots=True)
class LabelMatches:
    """Photos that have all of some labels. ids: ascending. confidence: the least of the labels', (n,)."""

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
        same_as = np.array([copies.get(each, each) for each in ids.tolist()], np.int64)
        _, first, counts = np.unique(same_as, return_index=True, return_counts=True)
        places = np.argsort(first)
        shown = first[places]
        return ids[shown], self.confidence[order][shown], counts[places] - 1


class Labeler:
    """The labels that a store knows: those of its network's classifier, and those that the user taught.

    spec: of the embedder; None: nothing is indexed yet. damaged: names of taught labels that are damaged.
    """

    def __init__(
        self, spec: EmbedderSpec | None, heads: Sequence[Head] = (), damaged: Sequence[str] = ()
    ) -> None:
        self._spec = spec
        self._damaged = {normalized(name) for name in damaged}
        self._heads = {normalized(head.name): head for head in heads}

    @classmethod
    def from_view(cls, view: View) -> "Labeler":
        """Return the labels of a store with what was taught until now."""
        if view.model is None:
            return cls(None)
        spec, damaged = view.model.spec, list[str]()
        # What was learned from another embedder's vectors does not fit those of this one.
        taught = [each for each in taught_labels(view, damaged) if each.fingerprint == spec.fingerprint]
        return cls(spec, [Head(each.name, each.weights, each.bias) for each in taught], damaged)

    @cached_property
    def _classifier(self) -> Classifier | None:
        try:
            return self._trained_classifier() if self._spec is not None else None
        except ModelError:
            return None

    def _trained_classifier(self) -> Classifier:
        assert self._spec is not None, "something was embedded"
        return classifier_for(self._spec)

    def labels_of(self, view: View, ids: Sequence[int]) -> dict[int, tuple[Label, ...]]:
        """Return the labels of photos by id: taught ones first, then the most specific; () for none."""
        raw = raw_vectors(view, ids)
        if not raw:
            return {}
        vectors = np.stack(list(raw.values()))
        return dict(zip(raw, self._labels_of(vectors), strict=True))

    def _labels_of(self, vectors: Vectors) -> list[tuple[Label, ...]]:
        labels: list[tuple[Label, ...]] = [()] * len(vectors)
        if self._classifier is not None:
            labels = self._classifier.labels_of(self._classifier.probabilities(vectors))
        units = unit_vectors(vectors)
        for head in self._heads.values():
            sure = head.confidence(units)
            for row in np.flatnonzero(sure >= LIKELY).tolist():
                labels[row] = (Label(head.name, round(float(sure[row]), 4)), *labels[row])
        return labels

    # --- which photos have a label ------------------------------------------------------------

    def find(
        self, view: View, names: str | Sequence[str], where: Where = ALL, least: float | None = None
    ) -> LabelMatches:
        """Return the photos that pass where and have all the labels.

        least: confidence that labels must reach, in (0, 1]; None: the usual.

        Raises:
            UsageError: there is no label or one that is not known, or least is out of range.
            StoreCorrupt: one was taught and is damaged.
            ModelError: there is no classifier for this store.
        """
        check_confidence(least)
        names = [names] if isinstance(names, str) else names  # else each of its letters were a label
        if not names:
            raise UsageError(
                "name at least one label; `lookalike labels` lists those that the library holds"
            )
        if self._spec is None:
            return LabelMatches(np.empty(0, np.int64), np.empty(0, np.float32))
        return self._find(view, [self._meaning(name) for name in names], visible_ids(view, where), least)

    def _find(
        self, view: View, meanings: "Sequence[Head | Ids]", allowed: Ids, least: float | None
    ) -> LabelMatches:
        taught = [each for each in meanings if isinstance(each, Head)]
        known = [each for each in meanings if not isinstance(each, Head)]
        ids, sure = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for some, vectors, units in self._blocks(view, allowed):
            scores = [(head.confidence(units), LIKELY) for head in taught]
            if known:
                classifier = self._trained_classifier()
                probabilities = classifier.probabilities(vectors)
                scores += [(classifier.confidence(probabilities, each), CONFIDENT) for each in known]
            good = np.all([s >= (usual if least is None else least) for s, usual in scores], axis=0)
            ids.append(some[good])
            sure.append(np.min([s for s, _ in scores], axis=0)[good])
        found = np.concatenate(ids)
        order = np.argsort(found, kind="stable")
        return LabelMatches(found[order], np.concatenate(sure)[order])

    def _meaning(self, name: str) -> "Head | Ids":
        head = self._heads.get(normalized(name))
        if head is not None:
            return head
        if normalized(name) in self._damaged:
            raise damaged_error(name)
        self._trained_classifier()
        classes = tree().find(name)
        if classes is None:
            near = self.near(name)
            hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
            raise UsageError(
                f"no label is named {name!r}; {hint}`lookalike labels` lists those that the library holds, "
                "and `lookalike teach` makes a new one"
            )
        return classes

    def knows(self, name: str) -> bool:
        """Tell whether `find` knows a label of this name."""
        is_taught = normalized(name) in self._heads
        return is_taught or (self._classifier is not None and tree().find(name) is not None)

    def near(self, name: str) -> list[str]:
        """Return up to three labels that are written like a name."""
        return tree().near(name, tuple(head.name for head in self._heads.values()))

    def _blocks(self, view: View, allowed: Ids) -> Iterator[tuple[Ids, Vectors, Vectors]]:
        """Yield ids, vectors as they left the network and unit vectors, a few hundred at a time."""
        for ids, codes, lengths in vectors_and_norms(view):
            inside = np.flatnonzero(np.isin(ids, allowed))
            for start in range(0, len(inside), _ROWS):
                some = inside[start : start + _ROWS]
                units = codes[some].astype(np.float32)
                yield ids[some], units * lengths[some, None], units

    # --- what there is ------------------------------------------------------------------------

    def count(self, view: View, where: Where = ALL, least: float | None = None) -> list[LabelCount]:
        """Count the photos that pass where and have each label: taught ones first, the most frequent first.

        Raises:
            UsageError: least is out of range.
            ModelError: nothing was taught, and there is no classifier for this store.
        """
        check_confidence(least)
        if self._spec is None:
            return []
        classifier = self._classifier if self._heads else self._trained_classifier()
        heads = list(self._heads.values())
        taught = np.zeros(len(heads), np.int64)
        known = np.zeros(len(tree().labels), np.int64)
        for _, vectors, units in self._blocks(view, visible_ids(view, where)):
            for place, head in enumerate(heads):
                taught[place] += (head.confidence(units) >= (LIKELY if least is None else least)).sum()
            if classifier is not None:
                sums = classifier.sums(classifier.probabilities(vectors))
                known += (sums >= (CONFIDENT if least is None else least)).sum(axis=0)
        rows = [LabelCount(h.name, (), int(n), True) for h, n in zip(heads, taught, strict=True)]
        rows += [
            LabelCount(node.name, tree().path(node), int(n))
            for node, n in zip(tree().labels, known, strict=True)
            if n
        ]
        return sorted(rows, key=lambda row: (not row.is_taught, -row.photos, row.path, row.name))
