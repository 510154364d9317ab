"""Learning a label from a few examples: a linear head on unit vectors, against photos of the library.

It is a logistic regression with an L2 penalty, in two rounds. The first has the examples against photos of
the library, some at random and some that are near the examples, none as near as these are to each other:
it may well show the same. In the second round the photos that the first is surest of count as examples of a
smaller weight. Scores of examples that were held out make probabilities of it (Platt's way).

Directions in which the photos of the library differ most count less, by the fourth root of their variance.
With the square root (whitening) kinds of products are told apart better, insects worse than by one example.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...store.progress import NO_PROGRESS, Progress
from ...store.records import Vectors
from .label import LIKELY, Head

# Of the photos of the library, that many are taken at random, and that many of those near the examples.
RANDOM, HARD = 300, 150
# So many of the nearest are never taken for another thing, and so many become examples of the second round.
SPARED, JOINED = 20, 5
_JOINED_WEIGHT = 0.4
_TOLD_WEIGHT = 5.0  # of a counter-example, against a photo of the library
_PENALTY = 3.0
# How far directions are made even, how far variances are drawn to their mean; of how many photos at least.
_EVENING, _SHRINKING, _ENOUGH = 0.25, 0.3, 100
_ROUNDS, _STILL = 25, 1e-5
# Folds of the calibration, and the share of a library that a label is taken to be of.
_FOLDS, _PRIOR = 5, 0.04


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """What a label is learned from: unit vectors, all (n, dim) float32.

    yes, no: the examples. near: photos of the library that are near the examples. sample: some of its
    photos taken at random. Neither has an example in it.
    """

    yes: Vectors
    no: Vectors
    near: Vectors
    sample: Vectors

    def without(self, held: npt.NDArray[np.bool_]) -> "TrainingSet":
        """Return the data with some positive examples (a mask) as photos of which nothing is known."""
        return TrainingSet(self.yes[~held], self.no, np.vstack([self.near, self.yes[held]]), self.sample)


@dataclass(frozen=True, slots=True)
class Trial:
    """How well a label does on examples that it was not shown.

    precision: average precision of the examples held out, among photos of the library, in [0, 1]. spread:
    its standard deviation over the splits. found: the share of them that got the label. said: the share of
    the library's photos that got it. splits: how often examples were held out.
    """

    precision: float
    spread: float
    found: float
    said: float
    splits: int

    @property
    def verdict(self) -> str:
        """The same in a word."""
        if self.precision >= 0.8:
            return "good"
        return "fair" if self.precision >= 0.5 else "poor: give it more examples, also of what it is not"


def learn(name: str, data: TrainingSet) -> Head:
    """Return the head of a label, calibrated."""
    even = _evening(data)
    head = _learn(_turned(data, even))
    return Head(name, even @ head.weights, head.bias)


def _evening(data: TrainingSet) -> Vectors:
    """Return the map (dim, dim) of unit vectors to a space in which they differ more evenly."""
    around = np.vstack([data.sample, data.near])
    dim = data.yes.shape[1]
    if len(around) < _ENOUGH:
        return np.eye(dim, dtype=np.float32)
    around = around - around.mean(axis=0)
    variances, directions = np.linalg.eigh(around.T @ around / len(around))
    mean = float(variances.mean())
    variances = (1 - _SHRINKING) * np.maximum(variances, 0) + _SHRINKING * mean
    return np.asarray(directions * (variances / mean) ** -_EVENING, np.float32)


def _turned(data: TrainingSet, even: Vectors) -> TrainingSet:
    return TrainingSet(data.yes @ even, data.no @ even, data.near @ even, data.sample @ even)


def _learn(data: TrainingSet) -> Head:
    weights, bias = _fit(data)
    scale, shift = _calibrate(data, weights, bias)
    return Head("", (scale * weights).astype(np.float32), float(scale * bias + shift))


def try_out(data: TrainingSet, splits: int = 10, progress: Progress = NO_PROGRESS) -> Trial | None:
    """Hold out a third of the positive examples again and again; None where there are not two."""
    count = len(data.yes)
    if count < 2:
        return None
    data = _turned(data, _evening(data))
    random = np.random.default_rng(0)
    precisions, found, said = [], [], []
    progress.begin("holding out examples", splits)
    for _ in range(splits):
        held = np.zeros(count, bool)
        held[random.permutation(count)[: max(1, count // 3)]] = True
        head = _learn(data.without(held))
        others = np.vstack([data.near, data.sample])
        inside, outside = head.confidence(data.yes[held]), head.confidence(others)
        precisions.append(average_precision(inside, outside))
        found.append(float((inside >= LIKELY).mean()))
        said.append(float((head.confidence(data.sample) >= LIKELY).mean()) if len(data.sample) else 0.0)
        progress.advance(1, 0)
    spread = float(np.std(precisions, ddof=1)) if splits > 1 else 0.0
    return Trial(float(np.mean(precisions)), spread, float(np.mean(found)), float(np.mean(said)), splits)


def average_precision(inside: Vectors, outside: Vectors) -> float:
    """Return the average precision of scores of what should come first; ties count against it."""
    ranks = np.array([(outside >= score).sum() for score in np.sort(inside)[::-1]])
    places = np.arange(1, len(ranks) + 1)
    return float(np.mean(places / (places + ranks)))


# --- the two rounds ---------------------------------------------------------------------------


def _fit(data: TrainingSet) -> tuple[Vectors, float]:
    """Return weights and bias, not calibrated."""
    around = np.vstack([data.near, data.sample])
    center = around.mean(axis=0) if len(around) else np.zeros(data.yes.shape[1], np.float32)
    others = _others(data, center)
    nothing = np.empty((0, len(center)), np.float32)
    told = len(data.no)
    weights, bias = _regress(data.yes - center, nothing, others - center, told)
    if len(data.near) > SPARED:
        score = (data.near - center) @ weights
        joined = data.near[np.argsort(-score, kind="stable")[:JOINED]]
        weights, bias = _regress(data.yes - center, joined - center, others - center, told)
    return weights, float(bias - center @ weights)


def _others(data: TrainingSet, center: Vectors) -> Vectors:
    """Return what stands for all that the label is not, (n, dim)."""
    yes = data.yes - center
    middle = yes.mean(axis=0)
    score = (data.near - center) @ middle
    order = np.argsort(-score, kind="stable")
    spared = max(SPARED, int((score >= _closeness(yes)).sum()))
    hard = data.near[order[spared:][:HARD]]
    far = data.sample[(data.sample - center) @ middle < _closeness(yes)]
    found = np.vstack([data.no, hard, far[:RANDOM]])
    return found if len(found) else center[None]


def _closeness(yes: Vectors) -> float:
    """Return how near the examples are to the middle of the others, the median of it."""
    if len(yes) < 2:
        return float("inf")
    total = yes.sum(axis=0)
    return float(np.median([each @ (total - each) / (len(yes) - 1) for each in yes]))


def _regress(yes: Vectors, joined: Vectors, no: Vectors, told: int) -> tuple[Vectors, float]:
    """Return weights and bias by Newton's method, in the space of the examples: these are few.

    told: so many of the first in no are the user's own.
    """
    rows = np.vstack([yes, joined, no]).astype(np.float64)
    target = np.r_[np.ones(len(yes) + len(joined)), np.zeros(len(no))]
    # Both sides weigh the same, however many there are of each.
    share = len(no) / len(yes)
    weight = np.r_[np.full(len(yes), share), np.full(len(joined), _JOINED_WEIGHT * share), np.ones(len(no))]
    weight[len(yes) + len(joined) :][:told] = _TOLD_WEIGHT
    scale = 1 / max(float(np.mean(np.linalg.norm(rows, axis=1))), 1e-9)
    rows *= scale
    kernel = rows @ rows.T + 1.0
    part = np.zeros(len(rows))
    for _ in range(_ROUNDS):
        value = kernel @ part
        sure = 1 / (1 + np.exp(-np.clip(value, -50, 50)))
        slope = weight * sure * (1 - sure) + 1e-9
        system = slope[:, None] * kernel
        system[np.diag_indices_from(system)] += _PENALTY
        new = np.linalg.solve(system, slope * value - weight * (sure - target))
        done, part = np.abs(new - part).max() < _STILL, new
        if done:
            break
    return (scale * (rows.T @ part)).astype(np.float32), float(part.sum())


# --- probabilities ----------------------------------------------------------------------------


def _calibrate(data: TrainingSet, weights: Vectors, bias: float) -> tuple[float, float]:
    """Return scale and shift that make a log-odds of a score, by scores of examples that were held out.

    weights, bias: fitted to all of the data.
    """
    count = len(data.yes)
    inside = (data.yes @ weights + bias).astype(np.float64)
    if count > 1:
        folds = np.arange(count) % min(count, _FOLDS)
        for fold in np.unique(folds):
            fold_weights, fold_bias = _fit(data.without(folds == fold))
            inside[folds == fold] = data.yes[folds == fold] @ fold_weights + fold_bias
    outside = data.sample @ weights + bias
    # What scores as the examples do may well show the same.
    outside = np.r_[data.no @ weights + bias, outside[outside < np.median(inside)]]
    return _platt(inside, outside)


def _platt(inside: npt.NDArray[np.float64], outside: Vectors) -> tuple[float, float]:
    """Fit a logistic curve to scores of both kinds; what is known of few is pulled to the middle."""
    if not len(outside):
        return 4.0, float(-4.0 * np.mean(inside) / 2)
    values = np.r_[inside, outside].astype(np.float64)
    target = np.r_[
        np.full(len(inside), (len(inside) + 1) / (len(inside) + 2)),
        np.full(len(outside), 1 / (len(outside) + 2)),
    ]
    weight = np.r_[
        np.full(len(inside), _PRIOR / len(inside)), np.full(len(outside), (1 - _PRIOR) / len(outside))
    ]
    table = np.c_[values, np.ones(len(values))]
    found = np.array([1.0, 0.0])
    for _ in range(100):
        sure = 1 / (1 + np.exp(-np.clip(table @ found, -50, 50)))
        slope = weight * sure * (1 - sure)
        bend = (table * slope[:, None]).T @ table + 1e-6 * np.eye(2)
        step = np.linalg.solve(bend, table.T @ (weight * (sure - target)))
        found = found - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return max(float(found[0]), 0.1), float(found[1])
