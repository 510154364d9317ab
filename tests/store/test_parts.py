"""An index in parts: the same photos as one index with the same training, whatever the number of parts."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.bulk.finish import FinishOptions, FinishReport
from lookalike.bulk.finish import finish as finish_set
from lookalike.bulk.open import open_data_set
from lookalike.store.filters.where import ALL, Where
from lookalike.store.index.ivf import ReducedIndex, Tuning
from lookalike.store.index.parts import PartedIndex
from lookalike.store.index.search import nearest_photos
from lookalike.store.records import Vectors
from lookalike.tests.bulk.made_up import data_set, take_in
from lookalike.tests.store.making import make_spec

from .test_reduced import DIM, PHOTOS, K, missed, result
from .test_reduced import small_libraries_are_large as small_libraries_are_large
from .test_reduced import vectors as vectors


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_parts_nominate_what_one_index_does(parts: int) -> None:
    random = np.random.default_rng(2)
    made = random.normal(0, 1, (PHOTOS, DIM))  # no two are equally near
    codes = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)
    trained, effort = ReducedIndex.train(codes, 20), Tuning(PHOTOS, 5, 40, 0)
    whole = trained.copy()
    whole.tuning, ids = effort, np.arange(1, PHOTOS + 1)
    whole.add(ids, codes)
    index = PartedIndex(trained, -(-PHOTOS // parts), [], effort)
    for start in range(0, PHOTOS, 333):
        index.add(ids[start : start + 333], codes[start : start + 333])
    assert (len(index.parts), len(index), len(trained)) == (parts, PHOTOS, 0)
    assert np.sort(index.ids()).tolist() == ids.tolist()
    queries = codes[1:200:3].astype(np.float32)
    for allowed in (None, ids[::7]):
        found, wanted = index.near(queries, 40, allowed), whole.near(queries, 40, allowed)
        # FAISS computes other last bits for vectors that are added with others: some pairs change places.
        assert (np.sort(found) == np.sort(wanted)).mean() > 0.99
        assert (found == wanted).mean() > 0.95


def finished(folder: Path, vectors: Vectors, options: FinishOptions) -> FinishReport:
    results = [result(seed, vector) for seed, vector in enumerate(vectors)]
    data = data_set(folder, make_spec(dim=DIM))
    return finish_set(data, lambda store: take_in(store, results), options)


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_a_data_set_in_parts_finds_what_comparing_all_finds(
    parts: int, vectors: Vectors, tmp_path: Path
) -> None:
    report = finished(tmp_path / "set", vectors, FinishOptions(-(-PHOTOS // parts), rerank=False))
    assert report.parts == parts
    assert report.recall is not None
    assert report.recall >= 0.995
    with open_data_set(str(tmp_path / "set")) as store:
        for where in (ALL, Where(folders=(b"/photos/3",)), Where(since="2004", until="2011")):
            assert missed(store, vectors[:60], K, where) < 0.01


def test_new_photos_come_into_the_last_part(vectors: Vectors, tmp_path: Path) -> None:
    options = FinishOptions(400, rerank=False)
    folder = tmp_path / "set"
    finished(folder, vectors[:1000], options)
    before = parts_of(folder)
    assert finished(folder, vectors, options).parts == 4
    assert before < parts_of(folder) | {name for name in before if name.startswith("part-0002")}
    with open_data_set(str(folder)) as store:
        assert missed(store, vectors[1000:1060], K) < 0.01
    # Twice as many as it was trained for, or other parts: trained anew.
    assert finished(folder, vectors, FinishOptions(800, rerank=False)).parts == 2


def parts_of(folder: Path) -> set[str]:
    return {path.name for path in (folder / "store" / "index").iterdir()}


def test_neighborhoods_are_found_by_parts_as_well(
    vectors: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path / "set", vectors[:600], FinishOptions(250))
    with open_data_set(str(tmp_path / "set")) as store, store.reading() as view:
        found = nearest_photos(view, vectors[5:6], 5)
        assert found.ids[0, 0] == 6
        count = view.connection.exec_driver_sql(
            "SELECT count(*) FROM neighborhood WHERE is_settled"
        ).scalar_one()
    assert count == 600
