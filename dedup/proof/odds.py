"""How sure a verdict is: a logistic model on four numbers, for the eye; the rule decides."""

import math

from .evidence import Evidence

# Fitted on 3,700 pairs of copies and 1,000 of other pictures that a map could be found for, bursts left
# out: it speaks of pairs that look alike at all. Held-out photos: Brier 0.0008, calibration error 0.002;
# held-out transforms: 0.0011 and 0.003.
_INTERCEPT = -15.6
_LOST_NCC, _MOTION, _OUTSIDE, _PDQ = -1.76, -2.79, -2.19, -2.08

# Beyond, the model knows nothing: e^30 is more pairs than there are.
_MOST_ODDS = 30.0

# What no pair is below: more of the same says nothing more.
_LEAST_MOTION = 0.03
_LEAST_NCC_LOSS = 0.02
_LEAST_OUTSIDE = 0.002
_MOST_BITS = 96


def inputs(e: Evidence) -> tuple[float, float, float, float]:
    """Return lost correlation, motion, what lies outside (as logarithms) and the share of hash bits."""
    return (
        math.log(_LEAST_NCC_LOSS + 1 - max(0.0, min(1.0, e.trimmed_ncc))),
        math.log(_LEAST_MOTION + e.motion_p75),
        math.log(_LEAST_OUTSIDE + 1 - max(0.0, min(1.0, e.containment))),
        min(_MOST_BITS, e.pdq_distance) / _MOST_BITS,
    )


def log_odds(e: Evidence) -> float:
    """Return the odds of a copy against another picture by these numbers, as a natural logarithm."""
    weights = (_LOST_NCC, _MOTION, _OUTSIDE, _PDQ)
    odds = _INTERCEPT + sum(w * x for w, x in zip(weights, inputs(e), strict=True))
    return max(-_MOST_ODDS, min(_MOST_ODDS, odds))


def probability(odds: float) -> float:
    """Return the chance in [0, 1] for odds as a natural logarithm."""
    return 1 / (1 + math.exp(-odds))
