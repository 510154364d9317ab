"""Which evidence proves a copy: five ways, each with the reason for its limits.

Motions are in pixels of the frame of 128 pixels. The limits come from about 3,800 pairs of copies and
20,000 of other pictures, among them views of one place, frames of a burst and packs of one product.
"""

import math
from dataclasses import replace

from .evidence import Evidence, Verdict

# A copy lies wholly inside the other picture; two photos of one place hardly ever do.
_CONTAINED = 0.995

# Blocks with texture enough to show motion; fewer prove nothing.
_MIN_BLOCKS = 8

# motion: 99.5 % of copies leave less than this; views of a place with depth 0.38 px and more in the middle.
_MOTION_P75, _MOTION_MEDIAN, _MOTION_NCC = 0.45, 0.28, 0.90
# Bent or turned maps must leave no drift either, or be calm: frames of a burst leave 0.39 px of drift and
# 0.44 px of motion, and more.
_MOTION_DRIFT, _MOTION_CALM = 0.35, 0.36

# toned: tones that clip, noise and JPEG dirt shake the blocks, but do not drift.
_TONED_P75, _TONED_DRIFT, _TONED_NCC = 0.80, 0.30, 0.95

# stamped: text all over the picture. The whole frame must lie on the whole frame and the hashes be near:
# copies have up to 66 bits of 256, other pictures that fit so far 104 and more.
_STAMPED_FRAME, _STAMPED_BITS, _STAMPED_QUALITY = 0.985, 64, 50
_STAMPED_NCC, _STAMPED_P75, _STAMPED_DRIFT = 0.75, 1.0, 0.50

# bent: the photo of a screen leaves up to a pixel of motion, but as a smooth field; beyond that 0.25 px,
# and 0.18 px of drift. Frames of a burst keep 0.42 px and 0.28 px. More than a lens bends is not asked.
_BENT_MOST, _BENT_NCC, _BENT_P75, _BENT_DRIFT = 1.2, 0.95, 0.30, 0.18

# crops: two parts of one photo contain none the other; only a perfect fit of a large part will do.
_CROPS_OVERLAP, _CROPS_NCC, _CROPS_P75, _CROPS_DRIFT = 0.55, 0.98, 0.10, 0.06

# faint: hardly any texture; the lie must be exact and the hash must have something to say.
_FAINT_NCC, _FAINT_BITS, _FAINT_FRAME = 0.98, 24, 0.985

# Pages of one layout lie on each other to the pixel, whatever they say: there the text must agree, too.
# Copies of pages have 0.990 and more, in a frame 0.980; other screens of the same program 0.965 and less;
# under a stamp, 40 bits and less against 64 and more.
_PAGE_NCC, _PAGE_BITS = 0.972, 52

# A hand never holds a camera so straight: what software does to a picture stays within these.
_STRAIGHT_DEG, _STRAIGHT_BEND, _STRAIGHT_ASPECT = 0.5, 0.004, 0.03
_EXACT_DEG, _EXACT_ASPECT = 0.15, 0.01

# Copies, heavy filters with them, leave less; a shirt in another color leaves more.
_MOST_COLOR = 16.0


def decide(evidence: Evidence) -> Evidence:
    """Return the evidence with verdict, branch, probability and whether it is natural.

    Only the strictest rule is trusted without a look, and on no page: a hair's breadth of another view can
    pass the others.
    """
    branch = branch_of(evidence)
    verdict: Verdict = "copy" if branch in _PROOFS else "similar"
    odds = log_odds(evidence)
    natural = branch == "motion" and is_straight(evidence) and not evidence.page
    return replace(
        evidence,
        verdict=verdict,
        branch=branch,
        natural=natural,
        log_odds=odds,
        probability=_bounded(probability(odds), verdict == "copy"),
    )


def _bounded(chance: float, is_copy: bool) -> float:
    """Return a probability that does not contradict the verdict."""
    return max(0.5, chance) if is_copy else min(0.5, chance)


def branch_of(e: Evidence) -> str:
    """Return the name of the rule that proves a copy, else the word for what speaks against it."""
    if e.how == "none":
        return "nothing"
    found = next((name for name, proves in _PROOFS.items() if proves(e)), None)
    if found is None:
        return _against(e)
    return "recolored" if e.color > _MOST_COLOR else found


def is_straight(e: Evidence, degrees: float = _STRAIGHT_DEG, aspect: float = _STRAIGHT_ASPECT) -> bool:
    """Return whether the map is one that software makes: no tilt, no bend, no odd stretch.

    A stretch of a whole picture to a whole picture is not odd.
    """
    stretched = abs(e.aspect - 1) > aspect and min(e.overlap_a, e.overlap_b) < _STAMPED_FRAME
    return abs(e.rotation_deg) <= degrees and e.perspective <= _STRAIGHT_BEND and not stretched


def _by_motion(e: Evidence) -> bool:
    still = e.motion_p75 <= _MOTION_P75 and e.motion_median <= _MOTION_MEDIAN
    steady = e.drift <= _MOTION_DRIFT or e.motion_p75 <= _MOTION_CALM or is_straight(e)
    return _is_inside(e) and still and steady and e.trimmed_ncc >= at_least("motion", e)["trimmed_ncc"]


def _is_inside(e: Evidence) -> bool:
    return e.n_blocks >= _MIN_BLOCKS and e.containment >= _CONTAINED


def _by_tone(e: Evidence) -> bool:
    steady = e.motion_p75 <= _TONED_P75 and e.drift <= _TONED_DRIFT
    agrees = e.trimmed_ncc >= at_least("toned", e)["trimmed_ncc"]
    return _is_inside(e) and is_straight(e) and steady and agrees


def _by_hash(e: Evidence) -> bool:
    framed = min(e.overlap_a, e.overlap_b) >= _STAMPED_FRAME
    bits = at_most("stamped", e)["pdq_distance"]
    near = e.pdq_distance <= bits and e.pdq_quality >= _STAMPED_QUALITY
    steady = e.motion_p75 <= _STAMPED_P75 and e.drift <= _STAMPED_DRIFT
    return _is_inside(e) and framed and near and steady and is_straight(e) and e.trimmed_ncc >= _STAMPED_NCC


def may_be_bent(e: Evidence) -> bool:
    """Return whether only motion speaks against a copy, and so little that a lens may have caused it."""
    return (
        e.branch == "moved" and _is_inside(e) and e.trimmed_ncc >= _BENT_NCC and e.motion_p75 <= _BENT_MOST
    )


def _by_bend(e: Evidence) -> bool:
    still = e.bent_p75 <= _BENT_P75 and e.bent_drift <= _BENT_DRIFT
    return _is_inside(e) and still and e.trimmed_ncc >= at_least("bent", e)["trimmed_ncc"]


def _by_crops(e: Evidence) -> bool:
    exact = is_straight(e, _EXACT_DEG, _EXACT_ASPECT) and abs(e.aspect - 1) <= _EXACT_ASPECT
    still = e.motion_p75 <= _CROPS_P75 and e.drift <= _CROPS_DRIFT
    enough = min(e.overlap_a, e.overlap_b) >= _CROPS_OVERLAP and e.n_blocks >= 4 * _MIN_BLOCKS
    return exact and still and enough and e.trimmed_ncc >= _CROPS_NCC


def _by_faint(e: Evidence) -> bool:
    framed = min(e.overlap_a, e.overlap_b) >= _FAINT_FRAME and is_straight(e)
    near = e.pdq_distance <= _FAINT_BITS and e.pdq_quality >= _STAMPED_QUALITY
    return e.n_blocks < _MIN_BLOCKS and framed and near and e.trimmed_ncc >= _FAINT_NCC


def _against(e: Evidence) -> str:
    if e.n_blocks < _MIN_BLOCKS:
        return "blank"
    return "beside" if e.containment < _CONTAINED else "moved"


_PROOFS = {
    "motion": _by_motion,
    "toned": _by_tone,
    "stamped": _by_hash,
    "bent": _by_bend,
    "crops": _by_crops,
    "faint": _by_faint,
}


# The plain limits of each rule by the fields of the evidence, for people who ask why.
_INSIDE = {"containment": _CONTAINED, "n_blocks": _MIN_BLOCKS}
_AT_LEAST: dict[str, dict[str, float]] = {
    "motion": {"trimmed_ncc": _MOTION_NCC, **_INSIDE},
    "toned": {"trimmed_ncc": _TONED_NCC, **_INSIDE},
    "stamped": {"trimmed_ncc": _STAMPED_NCC, "pdq_quality": _STAMPED_QUALITY, **_INSIDE},
    "bent": {"trimmed_ncc": _BENT_NCC, **_INSIDE},
    "crops": {
        **dict.fromkeys(("overlap_a", "overlap_b"), _CROPS_OVERLAP),
        "trimmed_ncc": _CROPS_NCC,
        "n_blocks": 4 * _MIN_BLOCKS,
    },
    "faint": {"trimmed_ncc": _FAINT_NCC, "pdq_quality": _STAMPED_QUALITY},
}
_AT_MOST: dict[str, dict[str, float]] = {
    "motion": {"motion_p75": _MOTION_P75, "motion_median": _MOTION_MEDIAN, "color": _MOST_COLOR},
    "toned": {"motion_p75": _TONED_P75, "drift": _TONED_DRIFT, "color": _MOST_COLOR},
    "stamped": {"pdq_distance": _STAMPED_BITS, "motion_p75": _STAMPED_P75, "drift": _STAMPED_DRIFT},
    "bent": {"bent_p75": _BENT_P75, "bent_drift": _BENT_DRIFT, "color": _MOST_COLOR},
    "crops": {"motion_p75": _CROPS_P75, "drift": _CROPS_DRIFT, "color": _MOST_COLOR},
    "faint": {"pdq_distance": _FAINT_BITS, "color": _MOST_COLOR},
}
# Of a map that is bent or turned, and not calm, besides.
DRIFT_AT_MOST = _MOTION_DRIFT


def at_least(rule: str, e: Evidence) -> dict[str, float]:
    """Return what a rule asks of such a pair at least, by the fields of the evidence."""
    is_strict = e.page and rule != "stamped"
    limits = _AT_LEAST[rule]
    return limits | ({"trimmed_ncc": max(limits["trimmed_ncc"], _PAGE_NCC)} if is_strict else {})


def at_most(rule: str, e: Evidence) -> dict[str, float]:
    """Return what a rule lets pass of such a pair at most, by the fields of the evidence."""
    is_strict = e.page and rule == "stamped"
    return _AT_MOST[rule] | ({"pdq_distance": _PAGE_BITS} if is_strict else {})


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
