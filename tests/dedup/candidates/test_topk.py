"""The best findings of each photo are those that sorting all of them gives."""

from collections import defaultdict

import numpy as np
import pytest

from lookalike.dedup.candidates import topk as module
from lookalike.dedup.candidates.topk import (
    GRAIN,
    NO_BOUND,
    Best,
    Listed,
    best,
    entries,
    key_of_score,
    merged,
    parts,
    score_of_key,
)
from lookalike.store.records import Vectors

K = 4

Findings = list[tuple[int, int, int]]


def make_findings(seed: int, photos: int, count: int) -> Findings:
    random = np.random.default_rng(seed)
    numbers = zip(
        random.integers(photos, size=count), random.integers(30, size=count), range(count), strict=True
    )
    return [(int(whom), int(key), which) for whom, key, which in numbers]


def as_entries(findings: Findings) -> module.Entries:
    whom, keys, which = (np.array(each, np.int64) for each in zip(*findings, strict=True))
    return np.sort(entries(whom, keys, which))


def sorted_out(findings: Findings, k: int) -> Findings:
    of: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for whom, key, which in set(findings):
        of[whom].append((key, which))
    return [(whom, *each) for whom in sorted(of) for each in sorted(of[whom])[:k]]


def as_findings(found: module.Entries) -> Findings:
    return [tuple(each) for each in zip(*(part.tolist() for part in parts(found)), strict=True)]


def test_a_finding_is_what_was_put_into_it() -> None:
    most = module.MOST_PHOTOS - 1
    findings = [(0, 0, 0), (5, 131_072, 77), (most, NO_BOUND, most)]
    assert as_findings(as_entries(findings)) == findings


@pytest.mark.parametrize("count", [1, K, 5000])
def test_the_best_are_in_order_and_each_comes_once(count: int) -> None:
    findings = make_findings(count, 50, count)
    assert as_findings(best(as_entries(findings * 2), K)) == sorted_out(findings, K)


@pytest.mark.parametrize("shelf", [1, 32, 1 << 15])
@pytest.mark.parametrize("worth_sorting", [1, 100, 1 << 20])
def test_findings_may_come_in_any_order_and_in_parts(
    worth_sorting: int, shelf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SHELF", shelf)
    monkeypatch.setattr(module, "_WORTH_SORTING", worth_sorting)
    kept, findings = Best(100, K), make_findings(1, 100, 4000)
    for start in range(0, 2000, 10):
        kept.add(as_entries(findings[start : start + 10]))
    taken = as_findings(kept.take(40))
    assert taken == sorted_out([each for each in findings[:2000] if each[0] < 40], K)
    # What is taken is done; only the others still get any.
    rest = [each for each in findings[2000:] if each[0] >= 40]
    kept.add(as_entries(rest))
    assert as_findings(kept.take(100)) == sorted_out([e for e in findings[:2000] if e[0] >= 40] + rest, K)


def test_bounds_leave_out_nothing_that_is_among_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORTH_SORTING", 50)
    kept, findings = Best(20, K), make_findings(2, 20, 3000)
    used = 0
    for start in range(0, 3000, 30):
        some = [each for each in findings[start : start + 30] if each[1] <= kept.bounds[each[0]]]
        used += len(some)
        if some:
            kept.add(as_entries(some))
    assert as_findings(kept.take(20)) == sorted_out(findings, K)
    assert used < 1500


def test_keys_order_scores_and_give_them_back() -> None:
    scores: Vectors = np.linspace(-1, 1, 4001, dtype=np.float32)
    keys = key_of_score(scores)
    assert (np.diff(keys) <= 0).all()
    np.testing.assert_allclose(score_of_key(keys), scores, atol=GRAIN)
    assert key_of_score(np.array([1 + 1e-6], np.float32)) == 0
    assert score_of_key(np.array([NO_BOUND])) < -1


@pytest.mark.parametrize("far", [1, 1 << 30], ids=["near", "far"])
def test_lists_merge_to_the_best_of_all_whatever_their_ids(far: int) -> None:
    parts_of = [make_findings(seed, 40, 300) for seed in (1, 2, 3)]
    parts_of[2] += parts_of[0][:100]
    lists = []
    for findings in parts_of:
        rows, keys, ids = (np.array(each, np.int64) for each in zip(*sorted(findings), strict=True))
        lists.append(Listed(rows, keys, 5 + far * ids))
    found = merged(lists, K)
    given = zip(found.rows.tolist(), found.keys.tolist(), ((found.ids - 5) // far).tolist(), strict=True)
    assert list(given) == sorted_out([each for findings in parts_of for each in findings], K)
    assert not len(merged([Listed(*(np.empty(0, np.int64),) * 3)], K).rows)
