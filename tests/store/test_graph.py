"""The neighborhoods of a library are those that comparing all with all finds, however it grew."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lookalike.store import knn_graph
from lookalike.store.absence import Purge, purge_missing
from lookalike.store.care.checks import check_store
from lookalike.store.care.repair import repair
from lookalike.store.catalog import knn, pairs
from lookalike.store.catalog.embeddings import embedded_ids
from lookalike.store.catalog.knn import NEIGHBORS, Neighborhoods, neighborhoods_of
from lookalike.store.catalog.pairs import JudgedPair
from lookalike.store.knn_graph import update_graph
from lookalike.store.progress import NullProgress, Watch
from lookalike.store.records import Vectors
from lookalike.store.store import Store

from .making import Filled, digest_of, execute, make_vector, open_filled

PHOTOS = 90


def of_all(store: Store) -> Neighborhoods:
    with store.reading() as view:
        return neighborhoods_of(view, embedded_ids(view))


def cosines(seeds: Sequence[int]) -> Vectors:
    vectors = np.stack([make_vector(seed) for seed in seeds])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = units @ units.T
    np.fill_diagonal(scores, -2)
    return np.asarray(scores, np.float32)


def expect_mutual(found: Neighborhoods) -> None:
    """Check that a neighbor is mutual if, and only if, the photo is near enough for it."""
    places, are_known = found.places(found.neighbors)
    expected = are_known & (found.scores >= found.reach[places])
    np.testing.assert_array_equal(found.mutual, expected)
    assert 0.2 < found.mutual.mean() < 0.95


@pytest.fixture
def grown(filled: Filled) -> Filled:
    filled.fill(range(PHOTOS))
    update_graph(filled.store)
    return filled


def test_neighbors_are_the_nearest_of_all_and_mutual_where_both_agree(grown: Filled) -> None:
    found, scores = of_all(grown.store), cosines(range(PHOTOS))
    nearest = np.argsort(-scores, axis=1)[:, :NEIGHBORS] + 1  # ids count from 1
    assert found.ids.tolist() == list(range(1, PHOTOS + 1))
    assert np.mean([np.isin(a, b).mean() for a, b in zip(found.neighbors, nearest, strict=True)]) > 0.995
    np.testing.assert_allclose(found.scores, -np.sort(-scores, axis=1)[:, :NEIGHBORS], atol=1e-3)
    expect_mutual(found)


def test_a_library_that_grows_has_nearly_the_neighborhoods_of_one_indexed_at_once(
    grown: Filled, tmp_path: Path
) -> None:
    slowly = open_filled(tmp_path / "slowly")
    for first in range(0, PHOTOS, 15):
        slowly.fill(range(first, first + 15))
        assert update_graph(slowly.store) == 15
    at_once, found = of_all(grown.store), of_all(slowly.store)
    slowly.store.close()
    same = [np.isin(a, b).mean() for a, b in zip(found.neighbors, at_once.neighbors, strict=True)]
    assert np.mean(same) > 0.9
    expect_mutual(found)


def test_nothing_is_done_twice(grown: Filled) -> None:
    assert update_graph(grown.store) == 0


def test_a_library_smaller_than_a_neighborhood_has_empty_places(filled: Filled) -> None:
    filled.fill(range(5))
    update_graph(filled.store)
    found = of_all(filled.store)
    assert ((found.neighbors > 0).sum(axis=1) == 4).all()
    assert (found.reach == -1).all()
    assert found.mutual.sum() == 20


def test_a_run_that_is_stopped_goes_on_where_it_was(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn_graph, "_BLOCK", 20)
    filled.fill(range(PHOTOS))
    stop = threading.Event()

    class StopsSoon(NullProgress):
        def advance(self, files: int, failed: int) -> None:
            assert (files, failed) == (20, 0)
            stop.set()

    assert update_graph(filled.store, Watch(StopsSoon(), stop)) == 20
    assert len(of_all(filled.store)) == 20
    assert update_graph(filled.store) == PHOTOS - 20
    expect_mutual(of_all(filled.store))


def judged(a: int, b: int) -> JudgedPair:
    return JudgedPair(a, b, 0.9, "copy", 9.0, {})


def test_proven_copies_are_one_neighbor_and_none_of_their_own(grown: Filled) -> None:
    before = of_all(grown.store)
    whom = 30  # and its two nearest are made copies of one another
    first, second = sorted(before.neighbors[whom - 1, :2].tolist())
    own = int(before.neighbors[whom - 1, 5])
    proofs = [judged(first, second), judged(*sorted((whom, own)))]

    grown.store.put_proofs(1, proofs)
    assert 0 < update_graph(grown.store) < PHOTOS

    after = of_all(grown.store)
    mine = after.neighbors[whom - 1]
    assert first in mine
    assert second not in mine
    assert own not in mine
    assert (mine > 0).all()
    assert after.same_as[second - 1] == first
    assert after.same_as[max(whom, own) - 1] == min(whom, own)
    assert after.same_as[first - 1] == first


def test_the_users_word_counts_more_than_the_proof(grown: Filled) -> None:
    grown.store.put_proofs(1, [judged(3, 4)])
    with grown.store.writing() as view:
        pairs.decide(view, digest_of(2).hex(), digest_of(3).hex(), "rejected")
        pairs.decide(view, digest_of(6).hex(), digest_of(7).hex(), "confirmed")
    update_graph(grown.store)
    same_as = of_all(grown.store).same_as
    assert same_as[3] == 4
    assert same_as[7] == 7


def test_more_copies_than_neighbors_do_not_fill_the_list(filled: Filled) -> None:
    filled.fill(range(PHOTOS))
    filled.store.put_proofs(1, [judged(1, other) for other in range(2, 60)])
    update_graph(filled.store)
    found = of_all(filled.store)
    assert ((found.neighbors[:, 0] > 0) & (found.neighbors[:, NEIGHBORS - 1] > 0)).all()
    assert (found.same_as[1:59] == 1).all()


@pytest.mark.parametrize("column", ["neighbors", "scores"])
def test_a_damaged_row_is_as_good_as_none_and_found_again(grown: Filled, folder: Path, column: str) -> None:
    whole = of_all(grown.store)
    flipped = f"CAST(X'00' || substr({column}, 2) AS BLOB)"
    execute(folder, f"UPDATE neighborhood SET {column} = {flipped} WHERE content_id = 7")
    assert 7 not in of_all(grown.store).ids
    with grown.store.writing() as view:
        assert knn.count_damaged(view) == 1
        assert knn.drop_damaged(view) == 1
    assert update_graph(grown.store) == 1
    found = of_all(grown.store)
    np.testing.assert_array_equal(found.neighbors, whole.neighbors)
    expect_mutual(found)


def test_damage_to_what_is_not_settled_does_not_keep_a_run_from_ending(grown: Filled, folder: Path) -> None:
    execute(folder, "UPDATE neighborhood SET is_settled = 0, checksum = 1 WHERE content_id IN (4, 5)")
    update_graph(grown.store)
    assert update_graph(grown.store) == 2
    expect_mutual(of_all(grown.store))


def test_repair_drops_what_doctor_finds_and_the_next_run_makes_it_again(
    grown: Filled, folder: Path
) -> None:
    whole = of_all(grown.store)
    grown.store.close()
    execute(folder, "UPDATE neighborhood SET same_as = 99 WHERE content_id = 7")
    with Store.open(folder) as store:
        broken = [each.what for each in check_store(store) if each.level == "broken"]
    assert broken == ["neighborhoods"]

    repair(str(folder))

    with Store.open(folder, create=True) as store:
        assert "broken" not in {each.level for each in check_store(store)}
        assert update_graph(store) == 1
        np.testing.assert_array_equal(of_all(store).neighbors, whole.neighbors)


def test_after_a_purge_others_take_the_places_of_what_is_gone(filled: Filled) -> None:
    filled.fill(range(PHOTOS))
    update_graph(filled.store)
    gone = range(0, PHOTOS, 3)
    filled.lose(*(b"%d.jpg" % seed for seed in gone))
    _, count = purge_missing(filled.store, Purge("9999", roots=(filled.root,)))
    assert count == len(gone)

    found = of_all(filled.store)

    assert len(found) == PHOTOS - len(gone)
    assert set(found.neighbors.ravel().tolist()) <= set(found.ids.tolist())
    expect_mutual(found)
