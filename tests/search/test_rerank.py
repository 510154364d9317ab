"""k-reciprocal re-ranking finds more where photos lie along paths, and never loses one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.library import Library
from lookalike.search.request import SearchRequest
from lookalike.search.rerank import CANDIDATES, LEAST_PHOTOS, LocalGraph, rerank
from lookalike.store.catalog.embeddings import raw_vectors
from lookalike.store.catalog.pairs import JudgedPair
from lookalike.store.index.exact import Neighbors
from lookalike.store.index.search import nearest_photos
from lookalike.store.knn_graph import update_graph
from lookalike.store.records import Vectors
from lookalike.store.store import Store
from lookalike.tests.store.making import Filled, make_photo, make_result, make_spec, open_filled

DIM = 48
KINDS, EACH = 12, 20


def path_of(kind: int) -> Vectors:
    """Return what lies along a path: each is near the next one, the ends are not near each other."""
    rng = np.random.default_rng(kind)
    ends = rng.normal(0, 1, (3, DIM))
    along = np.linspace(0, 1, EACH)[:, None]
    points = (1 - along) ** 2 * ends[0] + 2 * along * (1 - along) * ends[1] + along**2 * ends[2]
    return np.asarray(points + rng.normal(0, 0.35, (EACH, DIM)) + 1.2, np.float32)


def fill(folder: Path, vectors: Vectors) -> Filled:
    filled = open_filled(folder, spec=make_spec(dim=DIM))
    results = [
        replace(make_result(seed), photo=make_photo(seed, vector=vector))
        for seed, vector in enumerate(vectors)
    ]
    filled.add(*results)
    return filled


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store of KINDS paths, photo by photo, with its neighborhoods."""
    made = tmp_path_factory.mktemp("paths") / "store"
    filled = fill(made, np.concatenate([path_of(kind) for kind in range(KINDS)]))
    update_graph(filled.store)
    filled.store.close()
    return made


@pytest.fixture
def library(folder: Path) -> Iterator[Library]:
    with Library.open(folder) as opened:
        yield opened


def share_found(library: Library, *, rerank: bool) -> float:
    """Return the share of their own kind that every third photo finds, recall@(EACH - 1)."""
    ids = np.arange(1, KINDS * EACH + 1, 3)
    request = SearchRequest(examples=ids.tolist(), k=EACH - 1, rerank=rerank)
    found = [[r.photo.id for r in each.results] for each in library.searches.answers(request)]
    return float(np.mean((np.array(found) - 1) // EACH == (ids[:, None] - 1) // EACH))


def test_more_of_a_kind_is_found_than_by_the_cosine(library: Library) -> None:
    plain, reranked = share_found(library, rerank=False), share_found(library, rerank=True)
    assert plain < 0.9
    assert reranked > plain + 0.05


def test_a_query_from_outside_is_ranked_alike(folder: Path) -> None:
    def found(ids: list[int]) -> float:
        with Store.open(folder) as store, store.reading() as view:
            stored = raw_vectors(view, ids)
            # Moved a little, so that no photo of the library is the query itself.
            shift = np.random.default_rng(1).normal(0, 0.1, (len(ids), DIM))
            queries = np.stack([stored[each] for each in ids]) + shift
            neighbors = nearest_photos(view, queries.astype(np.float32), CANDIDATES)
            ranked = rerank(neighbors, LocalGraph.around(view, neighbors.ids))
        of = (np.array(ids)[:, None] - 1) // EACH
        before, after = (((each.ids[:, :EACH] - 1) // EACH == of).mean() for each in (neighbors, ranked))
        return float(after - before)

    assert found(list(range(1, KINDS * EACH + 1, 3))) > 0.05


def test_the_same_photos_with_the_same_scores_come_in_another_order(folder: Path) -> None:
    with Store.open(folder) as store, store.reading() as view:
        queries = np.stack(list(raw_vectors(view, [5, 77]).values()))
        before = nearest_photos(view, queries, 230)
        after = rerank(before, LocalGraph.around(view, before.ids))
    for row in range(2):
        pairs = [
            dict(zip(each.ids[row].tolist(), each.scores[row].tolist(), strict=True))
            for each in (before, after)
        ]
        assert pairs[0] == pairs[1]
    assert (before.ids != after.ids).any()
    assert after.ids[:, 0].tolist() == [5, 77]
    np.testing.assert_array_equal(before.ids[:, CANDIDATES:], after.ids[:, CANDIDATES:])


def test_photos_without_a_neighborhood_are_ranked_by_the_cosine(folder: Path) -> None:
    with Store.open(folder) as store, store.reading() as view:
        found = nearest_photos(view, np.stack(list(raw_vectors(view, [5]).values())), 50)
        none = LocalGraph.around(view, np.array([[-1]]))
        assert rerank(found, none).ids.tolist() == found.ids.tolist()
        nothing = Neighbors(np.full((1, 3), -1, np.int64), np.zeros((1, 3), np.float32))
        assert rerank(nothing, none).ids.tolist() == [[-1, -1, -1]]


def test_a_tiny_library_is_ranked_by_the_cosine_and_says_so(tmp_path: Path, library: Library) -> None:
    filled = fill(tmp_path / "tiny", np.concatenate([path_of(0), path_of(1)]))
    assert len(path_of(0)) * 2 < LEAST_PHOTOS
    update_graph(filled.store)
    with Library(filled.store) as tiny:
        assert [each.photo.id for each in tiny.search(3, k=30)] == [
            each.photo.id for each in tiny.search(3, k=30, rerank=False)
        ]
        scores = [each.score for each in tiny.search(3, k=30)]
        assert scores == sorted(scores, reverse=True)
    assert [each.score for each in library.search(3, k=19)] != sorted(
        (each.score for each in library.search(3, k=19)), reverse=True
    )


def with_copies(folder: Path) -> Store:
    """Return a store in which the photos 41 to 60 are proven copies of the photo 41."""
    vectors = np.concatenate([path_of(kind) for kind in range(KINDS)])
    vectors[40:60] = vectors[40] + np.random.default_rng(3).normal(0, 0.02, (20, DIM))
    store = fill(folder, vectors).store
    store.put_proofs(1, [JudgedPair(41, other, 0.99, "copy", 9.0, {}) for other in range(42, 61)])
    update_graph(store)
    return store


@pytest.mark.parametrize("reranks", [True, False])
def test_proven_copies_count_once_and_are_shown_when_requested(tmp_path: Path, reranks: bool) -> None:
    with Library(with_copies(tmp_path / "store")) as library:
        copies = set(range(41, 61))
        found = library.search(70, k=235, rerank=reranks)
        shown = [each for each in found if each.photo.id in copies]
        assert len(shown) == 1
        assert shown[0].copies == 19
        assert len(found) == KINDS * EACH - 1 - 19

        own = library.search(50, k=10, rerank=reranks)
        assert [each.photo.id in copies for each in own] == [True] + [False] * 9
        assert own[0].copies == 18
        assert len(own) == 10

        everything = library.search(50, k=19, rerank=reranks, include_copies=True)
        assert {each.photo.id for each in everything} == copies - {50}


def test_a_library_whose_photos_are_all_gone_answers_with_nothing(tmp_path: Path) -> None:
    filled = fill(tmp_path / "gone", path_of(0))
    update_graph(filled.store)
    filled.lose(*(b"%d.jpg" % seed for seed in range(EACH)))
    with Library(filled.store) as library:
        (answer,) = library.searches.answers(SearchRequest(examples=[3], k=5))
    assert answer.results == ()


def test_a_library_without_neighborhoods_does_not_claim_to_have_used_them(tmp_path: Path) -> None:
    filled = fill(tmp_path / "new", np.concatenate([path_of(kind) for kind in range(KINDS)]))
    with Library(filled.store) as library:
        (answer,) = library.searches.answers(SearchRequest(examples=[1], k=5))
        assert len(answer.results) == 5
        assert not answer.is_reranked
        update_graph(filled.store)
        (answer,) = library.searches.answers(SearchRequest(examples=[1], k=5))
        assert answer.is_reranked
