"""How many of a library's proven pairs are wrong, and within which bounds.

The proof gives each pair the odds by its numbers, as they stand among labelled pairs. Two things are
mended here. A library has its own share of copies among the pairs that come near each other: it is read
off all of its pairs, refused ones too (Saerens, Latinne and Decaestecker, "Adjusting the outputs of a
classifier to new a priori probabilities", 2002). And the rule looks at more than the numbers do: how much
of their doubt it leaves was counted on labelled pairs, where it passed no wrong one.

No tail is extrapolated: the candidate search compares every pair of the library, so that the pairs which
come near are not sampled but known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...store.catalog.pairs import Verdict

Odds = npt.NDArray[np.float64]
PairKey = tuple[int, int]

# The labelled pairs that the odds were fitted on: copies by others.
_LABELLED_ODDS = float(np.log(3700 / 1000))
# A library of few pairs says little of itself: it is mixed with so many labelled ones.
_LABELLED_PAIRS = 20.0
_ROUNDS, _SETTLED = 200, 1e-6

# Among 4,733 labelled pairs that passed the rule the numbers alone expect so many wrong ones. There was
# none; half a one is counted for what was not seen (Jeffreys' prior). Pages with one other word look the
# same to any number here: they are not counted, and never preselected.
_LABELLED_DOUBT = 9.4
_WRONG = 0.5
_DOUBT_LEFT = _WRONG / _LABELLED_DOUBT

_BOUND = 0.025  # of either side


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many of some pairs are false: the expected number, and bounds that hold 95 times of 100."""

    count: float = 0.0
    low: int = 0
    high: int = 0


def doubts(verdicts: Sequence[Verdict]) -> dict[PairKey, float]:
    """Return the chance of each copy among all judged pairs of a library to be none, in [0, 1]."""
    odds = np.array([each.log_odds for each in verdicts], np.float64)
    wrong = _chance(-(odds + library_shift(odds))) * _DOUBT_LEFT
    return {
        (each.a, each.b): doubt
        for each, doubt in zip(verdicts, wrong.tolist(), strict=True)
        if each.is_copy
    }


def library_shift(odds: Odds) -> float:
    """Return by how much the log odds of a library's pairs differ from those of labelled ones.

    odds: (n,) by the numbers, of all judged pairs of the library.
    """
    share = labelled = float(_chance(np.array(_LABELLED_ODDS)))
    shift = 0.0
    for _ in range(_ROUNDS):
        copies = float(_chance(odds + shift).sum())
        last, share = share, (copies + labelled * _LABELLED_PAIRS) / (len(odds) + _LABELLED_PAIRS)
        shift = float(np.log(share / (1 - share))) - _LABELLED_ODDS
        if abs(share - last) < _SETTLED:
            break
    return shift


def _chance(odds: Odds) -> Odds:
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def surest(doubt: Mapping[PairKey, float], max_false: float) -> list[PairKey]:
    """Return the surest pairs of which no more than max_false are expected to be wrong."""
    order = sorted(doubt, key=lambda key: (doubt[key], key))
    together = np.cumsum([doubt[key] for key in order])
    return order[: int(np.searchsorted(together, max_false, side="right"))]


def expected_wrong(doubt: Mapping[PairKey, float]) -> Expectation:
    """Return how many of these pairs are wrong, by their doubts.

    The share of the doubt that the rule leaves is itself known from few cases only; what follows is the
    negative binomial distribution.
    """
    count = float(sum(doubt.values()))
    seen = _WRONG / (_WRONG + count)
    return Expectation(count, _quantile(seen, _BOUND), _quantile(seen, 1 - _BOUND))


def _quantile(seen: float, share: float) -> int:
    """Return the least number that a share of such counts does not pass."""
    number, chance = 0, seen**_WRONG
    below = chance
    while below < share:
        chance *= (number + _WRONG) / (number + 1) * (1 - seen)
        number, below = number + 1, below + chance
    return number
