"""What photos show: `library.labels`, those of the classifier and those that the user taught."""

from collections.abc import Callable, Iterable, Sequence
from typing import SupportsIndex

from ...errors import StoreMissing, UsageError
from ...indexer.embed.embedder import Embedder
from ...store.arguments import as_ids, as_whole
from ...store.catalog.labels import Taught, forget_taught, put_taught, taught_labels
from ...store.filters.where import Where
from ...store.index.exact import Ids
from ...store.names import AnyPath, listed
from ...store.progress import NO_PROGRESS, Progress
from ...store.store import Store
from ...store.words import plural
from ..answers import Result
from ..by_label import labeled_results
from ..filters.filters import as_where
from .examples import examples_of, find_taught, read_examples, teach, trial_of
from .label import Label, LabelCount
from .labeler import Labeler
from .taxonomy import normalized
from .training import Trial


class Labels:
    """The labels of a library."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder]) -> None:
        self.store = store
        self.embedder = embedder

    def count(
        self, where: Where | str | None = None, *, confidence: float | None = None
    ) -> list[LabelCount]:
        """Return the labels that the library's photos have, each with its number of photos.

        A photo of a terrier counts as a dog, too. where: only photos that pass. confidence: that a label
        must reach, in [0, 1]; None: the usual.

        Raises:
            ModelError: the store's weights have no classifier, and nothing was taught.
            UsageError: confidence is out of range.
        """
        with self.store.reading() as view:
            return Labeler.from_view(view).count(view, as_where(where), confidence)

    def knows(self, name: str) -> bool:
        """Tell whether photos can be asked for by a label of this name."""
        with self.store.reading() as view:
            return Labeler.from_view(view).knows(name)

    def near(self, name: str) -> list[str]:
        """Return up to three labels that are written like a name."""
        with self.store.reading() as view:
            return Labeler.from_view(view).near(name)

    def of(self, ids: Iterable[SupportsIndex]) -> dict[int, tuple[Label, ...]]:
        """Return the likely labels of photos by id, the most specific first; () where none is likely."""
        wanted = as_ids(ids)
        with self.store.reading() as view:
            return Labeler.from_view(view).labels_of(view, wanted)

    def find(
        self,
        names: str | Sequence[str],
        k: int | None = None,
        *,
        where: Where | str | None = None,
        confidence: float | None = None,
    ) -> tuple[Result, ...]:
        """Return the photos that have all the labels, the surest first. k: at most so many, None: all.

        The score of a result is the confidence in the least sure of the labels.

        Raises:
            UsageError: there is no label or one that is not known, or confidence is out of range.
            ModelError: the store's weights have no classifier.
        """
        most = None if k is None else as_whole(k, "k")
        with self.store.reading() as view:
            labeler = Labeler.from_view(view)
            found = labeler.find(view, names, as_where(where), confidence)
            ranked = [column[:most] for column in found.ranked(-1, {})]
            return tuple(labeled_results(view, labeler, ranked, as_where(where)))

    def ids(
        self, names: str | Sequence[str], where: Where | str | None = None, confidence: float | None = None
    ) -> Ids:
        """Return the ids of the photos that have all the labels, ascending: a filter for searches."""
        with self.store.reading() as view:
            return Labeler.from_view(view).find(view, names, as_where(where), confidence).ids

    # --- what the user teaches ----------------------------------------------------------------

    def teach(
        self,
        name: str,
        yes: AnyPath | Sequence[AnyPath] = (),
        no: AnyPath | Sequence[AnyPath] = (),
    ) -> Taught:
        """Teach a label by pictures that show it, and by some that do not; the library is open for writing.

        yes, no: paths of files, in the library or not, id:N, or folders, for all their photos in it.
        Examples are added to those that the label has; the last word on a picture counts.

        Raises:
            UsageError: the name is empty, there is no example that shows it, or one cannot be read.
            StoreMissing: nothing was indexed yet.
        """
        if not normalized(name) or not name.isprintable():
            raise UsageError(f"a label needs a name that can be read, not {name!r}")
        more = [
            read_examples(self.store, listed(each, name), self.embedder)
            for name, each in (("yes", yes), ("no", no))
        ]
        both = more[0].keys() & more[1].keys()
        if both:
            raise UsageError(f"{plural(len(both), 'example')} given both for and against; decide on one")
        with self.store.reading() as view:
            if view.model is None:
                raise StoreMissing(f"nothing is indexed yet in {self.store.folder}")
            before = find_taught(view, name)
            known = examples_of(view, before) if before else ({}, {})
            shown, hidden = (
                {digest: vector for digest, vector in known[side].items() if digest not in more[1 - side]}
                | more[side]
                for side in (0, 1)
            )
            if not shown:
                raise UsageError(f"{name!r} needs at least one picture that shows it: `yes=IMAGE`")
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
            if not forget_taught(view, normalized(name)):
                raise _unknown(name)

    def test(self, name: str, *, progress: Progress | None = None) -> Trial:
        """Return how well a taught label does on examples that it is not shown, by cross-validation.

        Raises:
            UsageError: there is none of that name, or it has fewer than two positive examples.
        """
        with self.store.reading() as view:
            label = find_taught(view, name)
            if label is None:
                raise _unknown(name)
            trial = trial_of(view, label, progress or NO_PROGRESS)
        if trial is None:
            raise UsageError(f"{name!r} has one example only; teach it another one to test it")
        return trial


def _unknown(name: str) -> UsageError:
    return UsageError(f"no label {name!r} was taught; `lookalike teach --list` lists those that were")
