"""The number of wrong pairs to expect is about the number there is, in libraries of every kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.commands.copies import doubt_in_words
from lookalike.dedup.groups.error_rate import (
    _DOUBT_LEFT,
    _LABELLED_ODDS,
    Expectation,
    doubts,
    expected_wrong,
    library_shift,
    surest,
)
from lookalike.store.catalog.pairs import Verdict

# Two bells one unit wide and so far apart, copies right, others left: the odds by the numbers are exact.
APART = 3.0


def make_library(copies: int, others: int, seed: int = 0) -> tuple[list[Verdict], set[tuple[int, int]]]:
    """Return pairs with the odds that labelled pairs like them have, and those that are no copies.

    Every pair that looks more like a copy than not passes.
    """
    rng = np.random.default_rng(seed)
    seen = np.concatenate([rng.normal(APART / 2, 1, copies), rng.normal(-APART / 2, 1, others)])
    odds = APART * seen + _LABELLED_ODDS
    verdicts = [Verdict(n, n + 1, bool(each > 0), float(each)) for n, each in enumerate(odds)]
    return verdicts, {(n, n + 1) for n in range(copies, copies + others)}


@pytest.mark.parametrize(
    ("copies", "others"), [(3700, 1000), (200, 4000), (50, 5000), (5000, 50), (0, 3000)]
)
def test_as_many_pairs_are_expected_wrong_as_are(copies: int, others: int) -> None:
    """The rule of these libraries looks at nothing but the numbers, so all of their doubt is left."""
    verdicts, wrong = make_library(copies, others)
    doubt = doubts(verdicts)
    expected = sum(doubt.values()) / _DOUBT_LEFT
    passed_wrongly = len(wrong & doubt.keys())
    assert expected == pytest.approx(passed_wrongly, abs=3 * (passed_wrongly + 4) ** 0.5)


def test_a_pair_of_a_library_without_copies_is_doubted_more_than_the_same_pair_among_many() -> None:
    pair = Verdict(10_000, 10_001, True, 5.0)
    among_few, among_many = (
        doubts([*make_library(copies, others)[0], pair])[pair.a, pair.b]
        for copies, others in ((5, 3000), (3000, 5))
    )
    assert among_few > 20 * among_many


def test_a_library_of_a_few_pairs_is_taken_for_one_like_the_labelled() -> None:
    assert library_shift(np.empty(0)) == 0
    shifts = [library_shift(np.array([odds])) for odds in (-20.0, 20.0)]
    assert -0.5 < shifts[0] < 0 < shifts[1] < 0.5


def test_the_bounds_hold_95_times_of_100() -> None:
    """What the rule leaves of the doubt is uncertain (gamma), how many are wrong then is chance."""
    rng = np.random.default_rng(1)
    for count in (0.02, 0.6, 5.0, 40.0):
        bounds = expected_wrong({(1, 2): count})
        drawn = rng.poisson(rng.gamma(0.5, count / 0.5, 20_000))
        held = (drawn >= bounds.low) & (drawn <= bounds.high)
        assert held.mean() >= 0.945
        assert bounds.high == 0 or (drawn <= bounds.high - 1).mean() < 0.98


def test_nothing_is_wrong_where_nothing_is_doubted() -> None:
    assert expected_wrong({}) == expected_wrong({(1, 2): 0.0}) == Expectation(0, 0, 0)


doubt_of_pairs = st.dictionaries(
    st.tuples(st.integers(1, 50), st.integers(51, 99)), st.floats(0, 1), max_size=40
)


@given(doubt_of_pairs, st.floats(0, 5), st.floats(0, 5))
def test_a_stricter_setting_takes_fewer_of_the_same_pairs(
    doubt: dict[tuple[int, int], float], some: float, more: float
) -> None:
    strict, loose = (surest(doubt, each) for each in sorted((some, more)))
    assert strict == loose[: len(strict)]
    assert sum(doubt[key] for key in strict) <= min(some, more) + 1e-9
    left = doubt.keys() - set(strict)
    assert all(doubt[key] >= doubt[strict[-1]] for key in left) if strict else True
    next_one = min((doubt[key] for key in left), default=np.inf)
    assert sum(doubt[key] for key in strict) + next_one > min(some, more) - 1e-9


def test_the_doubt_is_said_in_numbers_that_a_person_reads() -> None:
    few, many = doubt_in_words(2, Expectation(8e-5, 0, 0)), doubt_in_words(1130, Expectation(0.613, 0, 4))
    assert few == "2 proven pairs; less than 0.01 false matches expected, very likely none"
    assert many == "1,130 proven pairs; about 0.61 false matches expected, very likely no more than 4"
