"""How much of the proof's recall is a fit: its limits set on one part of a folder, tried on the rest.

    python benchmarks/copies/cross_validation.py SET --store STORE [--folds 5] [--others 3000]

SET and STORE as for proof.py. Kept are the numbers that the proof looks at, the ways that it may take and
what makes a map straight; every other limit is set anew on each training part. For each way: begin with
1.2 times what 99.5 % of the copies stay within; while a pair that is no copy lies within 1.2 times all
limits, take back the limit that shuts out such a pair at the loss of the fewest copies.

Folds are over photos, those of one scene or product together; then each transform is left out in turn. The
way "crops" (two parts of one photo) is left out: no pair of an original and its copy needs it. Mirrored and
turned copies are left out as well.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike import Library
from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.copies.proof import Pair, Proofs, ids_of_files, load, nearest_pairs
from lookalike.dedup.proof import Evidence
from lookalike.dedup.proof.measure import NO_MOTION_KNOWN
from lookalike.dedup.proof.rule import inputs, is_straight

NEEDS = "known copies"

QUANTILE = 0.995
MARGIN = 1.2
MIN_BLOCKS, MIN_QUALITY = 8, 50  # what may be measured at all; not set anew
BINS = 10

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# All count from what is perfect upwards; the small ones keep a margin of nothing from being nothing.
NUMBERS: dict[str, Callable[[Evidence], float]] = {
    "p75": lambda e: e.motion_p75,
    "median": lambda e: e.motion_median,
    "drift": lambda e: e.drift,
    "bent p75": lambda e: e.bent_p75,
    "bent drift": lambda e: e.bent_drift,
    "drift if not straight": lambda e: 0.0 if is_straight(e) else e.drift,
    "ncc lost": lambda e: 1 - e.trimmed_ncc,
    "outside": lambda e: 0.001 + 1 - min(1.0, e.containment),
    "not framed": lambda e: 0.001 + 1 - min(1.0, e.overlap_a, e.overlap_b),
    "bits": lambda e: e.pdq_distance,
    "color": lambda e: e.color,
}
WAYS: dict[str, tuple[tuple[str, ...], Callable[[Evidence], bool]]] = {
    "motion": (
        ("p75", "median", "drift if not straight", "ncc lost", "outside", "color"),
        lambda e: e.n_blocks >= MIN_BLOCKS,
    ),
    "toned": (
        ("p75", "drift", "ncc lost", "outside", "color"),
        lambda e: e.n_blocks >= MIN_BLOCKS and is_straight(e),
    ),
    "stamped": (
        ("p75", "drift", "ncc lost", "outside", "not framed", "bits", "color"),
        lambda e: e.n_blocks >= MIN_BLOCKS and is_straight(e) and e.pdq_quality >= MIN_QUALITY,
    ),
    "bent": (
        ("bent p75", "bent drift", "ncc lost", "outside", "color"),
        lambda e: e.n_blocks >= MIN_BLOCKS and e.bent_p75 < NO_MOTION_KNOWN,
    ),
    "faint": (
        ("ncc lost", "not framed", "bits", "color"),
        lambda e: e.n_blocks < MIN_BLOCKS and is_straight(e) and e.pdq_quality >= MIN_QUALITY,
    ),
}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs with their evidence; family: photos tied to each other have one, kind: transform or reason."""

    evidence: list[Evidence]
    is_copy: Mask
    family: npt.NDArray[np.int64]
    kind: npt.NDArray[np.str_]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--others", type=int, default=3000, help="pairs of different groups to prove")
    arguments = parser.parse_args()
    truth = json.loads((arguments.set / "ground_truth.json").read_text())
    with Library.open(arguments.store) as library:
        ids = ids_of_files(library, arguments.set / "images")
        proofs, near = Proofs(load(library)), nearest_pairs(library)
    pairs = known_pairs(proofs, truth, ids, near, arguments.others)
    shipped = np.array([e.verdict == "copy" for e in pairs.evidence])
    folds = np.random.default_rng(0).integers(arguments.folds, size=pairs.family.max() + 1)[pairs.family]
    print_row("shipped limits", pairs, shipped)
    print_row("set on all", pairs, held_out(pairs, np.zeros(len(folds), np.int64), seen=True))
    print_row(f"{arguments.folds} folds of photos", pairs, held_out(pairs, folds))
    print_kinds(pairs)
    print_confidence(pairs, folds, arguments.folds)


def known_pairs(
    proofs: Proofs, truth: dict[str, Any], ids: dict[str, int], near: list[Pair], most: int
) -> Pairs:
    """Prove originals with copies, hard negatives and some other near pairs; same bytes are no pair."""
    group = {ids[image["file"]]: image["group"] for image in truth["images"]}
    rows: dict[Pair, str] = {}
    for each in truth["groups"]:
        rows |= {
            (ids[each["original"]], ids[copy["file"]]): copy["transform"]
            for copy in each["copies"]
            if not copy["optional"]
        }
    copies = set(rows)
    hard = {(ids[pair["a"]], ids[pair["b"]]): pair["why"] for pair in truth["hard_negatives"]}
    others = [pair for pair in near if group[pair[0]] != group[pair[1]]]
    chosen = np.random.default_rng(0).permutation(len(others))[:most]
    rows = {others[each]: "other" for each in chosen} | hard | rows
    rows = {pair: kind for pair, kind in rows.items() if pair[0] != pair[1]}
    family = families(group, hard)
    return Pairs(
        [proofs.of(*pair, kind) for pair, kind in rows.items()],
        np.array([pair in copies for pair in rows]),
        np.array([family[group[pair[0]]] for pair in rows]),
        np.array(list(rows.values())),
    )


def families(group: dict[int, int], tied: dict[Pair, str]) -> dict[int, int]:
    """Return a number for each group; groups with a hard negative between them share one."""
    parent = {each: each for each in group.values()}

    def root(of: int) -> int:
        while parent[of] != of:
            of = parent[of]
        return of

    for a, b in tied:
        parent[root(group[a])] = root(group[b])
    return {each: root(each) for each in parent}


def held_out(pairs: Pairs, part: npt.NDArray[np.int64], seen: bool = False) -> Mask:
    """Return what is proven in each part by limits set on the others; seen: on the part itself."""
    proven = np.zeros(len(part), bool)
    for each in np.unique(part):
        test = part == each
        proven |= test & proven_by(pairs, test if seen else ~test)
    return proven


def proven_by(pairs: Pairs, train: Mask) -> Mask:
    """Return which of all pairs are copies by limits set on those to train with."""
    proven = np.zeros(len(train), bool)
    for names, may in WAYS.values():
        values = np.array([[NUMBERS[name](e) for name in names] for e in pairs.evidence])
        able = np.array([e.how != "none" and may(e) for e in pairs.evidence])
        copies, rest = values[train & able & pairs.is_copy], values[train & able & ~pairs.is_copy]
        if len(copies):
            proven |= able & (values <= limits(copies, rest)).all(1)
    return proven


def limits(copies: Floats, others: Floats) -> Floats:
    """Return the upper limits (n,) of numbers: of copies (m, n), bounded by those of others (k, n)."""
    limit = np.quantile(copies, QUANTILE, axis=0) * MARGIN
    while True:
        inside = others[(others <= limit * MARGIN).all(1)]
        kept = copies[(copies <= limit).all(1)]
        if not len(inside) or not len(kept):
            return limit
        # To shut out the easiest of them by one number each; the number that costs least is taken back.
        bounds = inside.max(0) / MARGIN * (1 - 1e-9)
        lost = np.where(bounds > 0, (kept > bounds).sum(0), len(kept) + 1)
        weakest = int(np.argmin(lost))
        if lost[weakest] > len(kept):
            return np.full(len(limit), -1.0)
        limit[weakest] = bounds[weakest]


def print_row(name: str, pairs: Pairs, proven: Mask) -> None:
    joined = {str(k): int((proven & ~pairs.is_copy & (pairs.kind == k)).sum()) for k in set(pairs.kind)}
    said = "  ".join(f"{kind} {count}" for kind, count in sorted(joined.items()) if count) or "none"
    recall = proven[pairs.is_copy].mean()
    print(f"{name:20s} recall {recall:.4f} of {pairs.is_copy.sum()}", end="  ")
    print(f"joined of {(~pairs.is_copy).sum()}: {said}")


def print_kinds(pairs: Pairs) -> None:
    """Leave out one transform at a time; the pairs that are no copies are in every training part."""
    found = np.zeros(len(pairs.kind), bool)
    for kind in np.unique(pairs.kind[pairs.is_copy]):
        test = pairs.is_copy & (pairs.kind == kind)
        found |= test & proven_by(pairs, ~test)
        if (share := found[test].mean()) < 1:
            print(f"  without {kind:20s} {share:.3f}")
    print(f"{'one transform out':20s} recall {found[pairs.is_copy].mean():.4f}")


def print_confidence(pairs: Pairs, folds: npt.NDArray[np.int64], count: int) -> None:
    """Print Brier score and calibration error of the shipped probabilities and of refitted ones."""
    aligned = np.array([e.how != "none" for e in pairs.evidence])
    rows = np.array([(1.0, *inputs(e)) for e in pairs.evidence])
    wanted = pairs.is_copy.astype(float)
    refitted = np.zeros(len(rows))
    for fold in range(count):
        train, test = aligned & (folds != fold), folds == fold
        refitted[test] = _sigmoid(rows[test] @ fitted(rows[train], wanted[train]))
    for name, chance in (
        ("shipped", np.array([e.probability for e in pairs.evidence])),
        ("refitted", refitted),
    ):
        chance, truth = chance[aligned], wanted[aligned]
        bins = np.minimum((chance * BINS).astype(int), BINS - 1)
        gaps = np.bincount(bins, chance - truth, BINS)
        brier, error = np.square(chance - truth).mean(), np.abs(gaps).sum() / len(truth)
        print(f"probability {name:8s} Brier {brier:.4f}  calibration error {error:.4f}")


def fitted(rows: Floats, wanted: Floats, ridge: float = 0.1) -> Floats:
    """Return the weights of a logistic model, by Newton's method."""
    weights = np.zeros(rows.shape[1])
    for _ in range(40):
        chance = _sigmoid(rows @ weights)
        slope = rows.T @ (wanted - chance) - ridge * weights
        curve = (rows.T * (chance * (1 - chance) + 1e-9)) @ rows + ridge * np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, slope)
    return weights


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float64)


if __name__ == "__main__":
    main()
