"""Which of two pictures was made from the other, by how well each is predicted from the other."""

from dataclasses import dataclass

from . import Relation
from .blocks import Residual

_OPPOSITE: dict[str, Relation] = {"a": "b", "b": "a"}
# Models that change what is predicted point by point: they cannot smooth a source into its copy.
POINTWISE = ("same", "tone")


@dataclass(frozen=True, slots=True)
class Verdict:
    """relation: as `Look.relation`; "same" is a guess that the whole frames must confirm. how: by what."""

    relation: Relation = ""
    how: str = ""


NOTHING = Verdict()


def judge(of_b: Residual | None, of_a: Residual | None, is_resized: bool) -> Verdict:
    """Return which came first. of_b: b predicted from a; of_a: a predicted from b; None where not asked."""
    if of_b is None or of_a is None:
        return _one_sided(of_b, of_a)
    if of_b.is_measured and of_a.is_measured:
        return _two_jpegs(of_b, of_a, is_resized)
    if of_a.is_measured:
        return _jpeg_and_bitmap(of_b, of_a)
    if of_b.is_measured:
        found = _jpeg_and_bitmap(of_a, of_b)
        return Verdict(_OPPOSITE.get(found.relation, found.relation), found.how)
    if max(of_a.error, of_b.error) < _EXACT_ERROR and of_a.model == of_b.model == "same":
        return Verdict("same", "exact")
    return NOTHING


def judge_plain(of_b: Residual, of_a: Residual) -> Verdict:
    """Return which came first where one is exactly predicted as it is, and the other not nearly.

    Then no curves or filters need to be tried. Takes what `judge` does.
    """
    made, other = (of_b, of_a) if of_b.beyond < of_a.beyond else (of_a, of_b)
    is_clear = made.is_measured and other.is_measured and is_exact(made) and made.error > _EXACT_ERROR
    if is_clear and other.beyond > _CLEARLY_BEYOND:
        return _made(made, (of_b, of_a), "exact")
    return NOTHING


def by_steps(of_b: Residual | None, of_a: Residual | None) -> Verdict:
    """Return which came first of two that explain each other: the one whose steps show in the other.

    "same" where neither stands out.
    """
    if of_b is None or of_a is None:
        return Verdict("same", "exact")
    made, other = (of_b, of_a) if of_b.spread > of_a.spread else (of_a, of_b)
    if made.is_measured and is_carried(other) and made.spread > _STANDS_OUT * other.spread:
        return _made(made, (of_b, of_a), "carried")
    return Verdict("same", "exact")


def is_exact(of: Residual) -> bool:
    """Return whether the errors fill the target's steps evenly and end at their edges: it was made last."""
    is_even = 0.86 <= of.spread <= 1.4 and of.core <= 0.6 and of.peak <= 2.0
    return of.beyond <= 0.01 and is_even and of.model != "filter"


def is_carried(of: Residual) -> bool:
    """Return whether the target's steps show in the source: the source's values lie in their middles."""
    return of.beyond <= 0.03 and of.core >= 0.6 and of.peak >= 2.1


_EXACT_ERROR = 0.3  # levels: nothing but rounding
_CLEARLY_BEYOND = 0.3
_STANDS_OUT = 2.5


def _one_sided(of_b: Residual | None, of_a: Residual | None) -> Verdict:
    for of, relation in ((of_b, "a"), (of_a, "b")):
        if of is not None and of.is_measured and is_exact(of) and of.model in POINTWISE:
            return Verdict("a" if relation == "a" else "b", "exact")
    return NOTHING


def _two_jpegs(of_b: Residual, of_a: Residual, is_resized: bool) -> Verdict:
    both = of_b, of_a
    is_plain = of_b.model == of_a.model == "same"
    errors = max(of.error for of in both)
    in_middle = max(of.spread for of in both) < 0.32 or min(of.core for of in both) > 0.97
    if (is_plain and errors < 0.4 and in_middle) or errors < _EXACT_ERROR:
        return Verdict("same", "exact") if is_plain else NOTHING
    if is_exact(of_b) != is_exact(of_a):
        made, other = (of_b, of_a) if is_exact(of_b) else (of_a, of_b)
        if is_carried(other) or other.beyond > 0.005 + 3 * made.beyond:
            return _made(made, both, "exact")
    if is_carried(of_b) != is_carried(of_a) and not (is_exact(of_b) or is_exact(of_a)):
        made = of_a if is_carried(of_b) else of_b
        limit = {"same": 0.006, "tone": 0.03}.get(made.model, 1.0)
        if made.core < 0.57 and made.beyond < limit:
            return _made(made, both, "carried")
    if is_exact(of_b) and is_exact(of_a):
        return NOTHING
    return _by_bounds(both, is_resized)


def _by_bounds(both: tuple[Residual, Residual], is_resized: bool) -> Verdict:
    """Return the one that is explained where the other is not, though its steps are not filled evenly."""
    made, other = sorted(both, key=lambda of: of.beyond)
    low, high = made.beyond, other.beyond
    if is_carried(made) and is_carried(other):
        return _made(made, both, "exact") if high > 0.02 + 5 * low else NOTHING
    if is_carried(made) and (made.model == "filter" or high < 0.1):
        return NOTHING
    is_filled = made.core < 0.58 and made.peak < 2.0
    if low < 0.02 and high > 0.02 + 3 * low and made.spread < 1.5 and (made.model != "filter" or is_filled):
        return _made(made, both, "bounds")
    limit = 0.15 if is_resized else 0.03
    is_even = made.spread < 1.7 and made.peak < 2.05 and made.core < 0.56
    if low < limit and high > 0.1 + 2 * low and is_even and min(of.share for of in both) > 0.65:
        return _made(made, both, "bounds")
    return NOTHING


def _made(made: Residual, both: tuple[Residual, Residual], how: str) -> Verdict:
    """Return that the picture whose residual this is was made from the other; both: of b and of a."""
    return Verdict("a" if made is both[0] else "b", how)


def _jpeg_and_bitmap(of_b: Residual, of_a: Residual) -> Verdict:
    """Judge a JPEG a (or one with coarse enough steps) and a picture b without a table."""
    if of_b.model != "filter" and of_b.error < 0.45:
        return Verdict("a", "bitmap")
    if is_exact(of_a) and of_a.error > 0.5:
        return Verdict("b", "bitmap")
    if is_carried(of_a):
        return Verdict("a", "carried")
    if of_a.beyond > 0.1 and of_a.spread > 1.5:
        return Verdict("a", "bitmap")
    return NOTHING
