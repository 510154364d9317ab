"""Data sets of made-up photos: what units would bring is committed as it is."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from lookalike.bulk.dataset import DataSet
from lookalike.bulk.finish import DEFAULT_FINISH, FinishOptions, FinishReport, finish
from lookalike.store.records import FileResult
from lookalike.store.spec import EmbedderSpec
from lookalike.store.store import Store
from lookalike.tests.store.making import make_result, make_spec

BATCH = 100


def data_set(folder: Path | str, spec: EmbedderSpec | None = None) -> DataSet:
    return DataSet.make(str(folder), spec or make_spec())


def take_in(store: Store, results: Sequence[FileResult]) -> None:
    """Commit what a store has not taken in yet, in batches of BATCH, as units would be."""
    root, _ = store.add_root(b"/photos")
    for start in range(0, len(results), BATCH):
        some = results[start : start + BATCH]
        if not all(store.knows(each.digest) for each in some if each.digest):
            store.commit(root, some)


def finish_seeds(
    data: DataSet, seeds: Iterable[int], options: FinishOptions = DEFAULT_FINISH
) -> FinishReport:
    """Finish a data set that has a photo of each seed."""
    results = [make_result(seed) for seed in seeds]
    return finish(data, lambda store: take_in(store, results), options)
