"""Copy of the same picture, or merely similar? Align the two thumbnails, then look at what is left."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np

from .align import OF_FEATURES, OF_WHOLE, PATIENT, Demands, Fit, align, frames
from .bend import motion_beyond_bend
from .color import toning
from .differences import with_places
from .evidence import Evidence
from .features import may_match, similarity
from .orientation import best_form, form_matrix, form_of, form_scores
from .padding import containment_without_padding, surround
from .pdq import distance
from .picture import Picture
from .planes import Matrix, inverted, scaling
from .rule import decide, may_be_bent
from .transform import WHOLE

# Square scores below this in every form: the pictures are not the whole of each other. Above the other
# they lie on each other within a few pixels: more than half of all copies do, and nothing else.
_MIN_WHOLE, _SURELY_WHOLE = 0.25, 0.9
# A fit this good needs no other: correlation .985 with .3 px of motion, or .96 with .2 px.
_GOOD = 0.91
# Only worth a look where padding can decide: good fits of which a corner or two lies outside.
_MIN_PADDED, _MIN_PADDED_SCORE = 0.6, 0.8


def prove(a: Picture, b: Picture, *, patient: bool = False) -> Evidence:
    """Return the evidence for or against b being a copy of a; from both sides the same verdict.

    patient: find out how alike they are also where it is clear early that they are no copies: for people
    who ask of this pair, at several times the cost.
    """
    swapped = b.key < a.key
    evidence = _prove(b, a, patient) if swapped else _prove(a, b, patient)
    if evidence.how == "none":
        return evidence
    return (reversed_evidence(evidence) if swapped else evidence).shortened()


# Of most pairs of pictures that are no copies.
_NOTHING = decide(Evidence()).shortened()


def _prove(a: Picture, b: Picture, patient: bool) -> Evidence:
    best: tuple[str, int, Fit] | None = None
    for how, inliers, fit in _fits(a, b, *((PATIENT, PATIENT) if patient else (OF_WHOLE, OF_FEATURES))):
        if best is None or fit.score > best[2].score:
            best = how, inliers, fit
        if fit.score > _GOOD:
            break
    if best is None and not patient:
        return _NOTHING
    evidence = decide(_evidence(a, b, best))
    if may_be_bent(evidence):
        evidence = decide(_bent(a, b, evidence))
    if evidence.verdict == "copy":
        evidence = _surrounded(a, b, decide(_toned(a, b, evidence)))
    return with_places(a, b, evidence)


def _fits(
    a: Picture, b: Picture, of_whole: Demands, of_features: Demands
) -> Iterator[tuple[str, int, Fit]]:
    """Yield fits a -> b (in b's plain form), the cheap and likely ones first."""
    scores = form_scores(a.square, b.square)
    form = best_form(scores)
    if scores[form] > _MIN_WHOLE:
        fit = _whole(a, b, form, of_whole, is_near=scores[form] > _SURELY_WHOLE)
        if fit is not None:
            yield "whole", 0, fit
    # Descriptors do not survive a mirror, and another look is dear: only where the squares speak for it.
    mirrored = scores[4:].max() > scores[:4].max()
    for mirror in (0, 4) if mirrored else (0,):
        if mirror and not may_match(b.mirrored_sample, a.features):
            return
        fit, inliers = _partial(a, b, mirror, of_features)
        if fit is not None:
            yield "features", inliers, fit


def _whole(a: Picture, b: Picture, form: int, demands: Demands, *, is_near: bool) -> Fit | None:
    """Try whether all of a is all of b in a form, whatever the aspect."""
    sheet = b.in_form(form)
    guess = scaling(sheet.size[0] / a.sheet.size[0], sheet.size[1] / a.sheet.size[1])
    return _plain(align(a.sheet, sheet, guess, demands, is_near=is_near), b, form)


def _partial(a: Picture, b: Picture, form: int, demands: Demands) -> tuple[Fit | None, int]:
    """Try the map that local features agree on; form: 0, or 4 for b mirrored."""
    guess, inliers = similarity(a.features, b.mirrored_features if form else b.features)
    if guess is None:
        return None, inliers
    return _plain(align(a.sheet, b.in_form(form), guess, demands), b, form), inliers


def _plain(fit: Fit | None, b: Picture, form: int) -> Fit | None:
    """Return a fit to b in a form as one to b as it is."""
    if fit is None or form == 0:
        return fit
    width, height = b.sheet.size
    back = inverted(form_matrix(form, width, height))
    matrix = back @ fit.matrix
    return replace(fit, matrix=matrix / matrix[2, 2])


def _evidence(a: Picture, b: Picture, best: tuple[str, int, Fit] | None) -> Evidence:
    if best is None:
        return Evidence(
            pdq_distance=distance(a.hash[0], b.hash[0], 0), pdq_quality=min(a.hash[1], b.hash[1])
        )
    how, inliers, fit = best
    containment = fit.containment
    if _MIN_PADDED <= containment < 1 and fit.score > _MIN_PADDED_SCORE:
        containment = containment_without_padding(
            a.sheet, b.sheet, fit.matrix, fit.overlap_a, fit.overlap_b
        )
    form = _inverse_form(form_of(fit.matrix))
    rotation, perspective, aspect = _geometry(fit.matrix, form, a, b)
    alike = fit.likeness
    return Evidence(
        how=how,
        form=form,
        matrix=tuple(float(number) for number in fit.matrix.ravel()),
        trimmed_ncc=alike.trimmed_ncc,
        motion_median=alike.motion_median,
        motion_p75=alike.motion_p75,
        n_blocks=alike.n_blocks,
        drift=alike.drift,
        differing=1 - alike.same_share,
        containment=containment,
        overlap_a=fit.overlap_a,
        overlap_b=fit.overlap_b,
        scale=fit.scale,
        rotation_deg=rotation,
        perspective=perspective,
        aspect=aspect,
        pdq_distance=distance(a.hash[0], b.hash[0], form),
        pdq_quality=min(a.hash[1], b.hash[1]),
        inliers=inliers,
        grey=alike.grey,
        page=a.is_page or b.is_page,
    )


def _toned(a: Picture, b: Picture, evidence: Evidence) -> Evidence:
    """Return the evidence with what happened to light and color: asked last, of copies only."""
    return replace(evidence, **asdict(toning(a, b, np.array(evidence.matrix).reshape(3, 3))))


def _surrounded(a: Picture, b: Picture, evidence: Evidence) -> Evidence:
    """Return the evidence with what lies around either picture."""
    matrix = np.array(evidence.matrix).reshape(3, 3)
    around_a = surround(a.sheet, b.sheet, matrix) if evidence.overlap_a < WHOLE else 0.0
    around_b = surround(b.sheet, a.sheet, inverted(matrix)) if evidence.overlap_b < WHOLE else 0.0
    return replace(evidence, surround_a=around_a, surround_b=around_b)


def _bent(a: Picture, b: Picture, evidence: Evidence) -> Evidence:
    """Return the evidence with what a smooth bend leaves of the motion."""
    shown = frames(a.sheet, b.sheet, np.array(evidence.matrix).reshape(3, 3))
    if shown is None:
        return evidence
    bent = motion_beyond_bend(*shown)
    return replace(evidence, bent_p75=bent.motion_p75, bent_drift=bent.drift)


def _inverse_form(form: int) -> int:
    """Return the form that undoes a form; mirrored ones undo themselves."""
    return form if form >= 4 else -form % 4


def _geometry(matrix: Matrix, form: int, a: Picture, b: Picture) -> tuple[float, float, float]:
    """Return turn in degrees, perspective and stretch of the map from a to b in its form."""
    upright = form_matrix(form, *b.sheet.size) @ matrix
    upright = upright / upright[2, 2]
    turn = float(np.degrees(np.arctan2(upright[1, 0], upright[0, 0])))
    bend = float(np.hypot(upright[2, 0], upright[2, 1])) * max(a.sheet.size)
    across = float(np.hypot(upright[0, 0], upright[1, 0]))
    down = float(np.hypot(upright[0, 1], upright[1, 1]))
    return turn, bend, across / max(down, 1e-6)


def reversed_evidence(evidence: Evidence) -> Evidence:
    """Return the evidence of (a, b) as that of (b, a)."""
    matrix = inverted(np.array(evidence.matrix).reshape(3, 3))
    matrix = matrix / matrix[2, 2]
    mirrored = evidence.form >= 4
    return replace(
        evidence,
        form=_inverse_form(evidence.form),
        matrix=tuple(float(number) for number in matrix.ravel()),
        overlap_a=evidence.overlap_b,
        overlap_b=evidence.overlap_a,
        surround_a=evidence.surround_b,
        surround_b=evidence.surround_a,
        scale=1 / evidence.scale,
        brightness=-evidence.brightness,
        contrast=1 / evidence.contrast,
        saturation=1 / evidence.saturation,
        differs=evidence.differs_b,
        differs_b=evidence.differs,
        rotation_deg=evidence.rotation_deg if mirrored else -evidence.rotation_deg,
        aspect=evidence.aspect if evidence.form % 2 else 1 / evidence.aspect,
    )
