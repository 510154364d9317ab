"""The reasons that people read are those by which the rule decides."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lookalike.dedup.explain.reasons import measures, reason
from lookalike.dedup.proof import Evidence
from lookalike.dedup.proof.rule import decide

COPY = Evidence(
    how="whole",
    trimmed_ncc=0.99,
    motion_median=0.05,
    motion_p75=0.1,
    n_blocks=60,
    drift=0.05,
    containment=1.0,
    overlap_a=1.0,
    overlap_b=1.0,
    pdq_distance=10,
    pdq_quality=100,
)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """Draw numbers on both sides of all limits."""
    share = st.sampled_from([0.5, 0.56, 0.98, 0.99, 0.994, 0.9949999, 0.995, 1.0])
    motion = st.sampled_from([0.01, 0.06, 0.1, 0.28, 0.3, 0.35, 0.36, 0.4, 0.45, 0.4500001, 0.6, 0.8, 1.2])
    return Evidence(
        how=draw(st.sampled_from(["whole", "features"])),
        trimmed_ncc=draw(st.sampled_from([0.5, 0.75, 0.8999, 0.9, 0.95, 0.9719, 0.98, 1.0])),
        motion_median=draw(motion),
        motion_p75=draw(motion),
        n_blocks=draw(st.sampled_from([0, 7, 8, 31, 32, 100])),
        drift=draw(motion),
        containment=draw(share),
        overlap_a=draw(share),
        overlap_b=draw(share),
        rotation_deg=draw(st.sampled_from([0.0, 0.2, 3.0])),
        perspective=draw(st.sampled_from([0.0, 0.01])),
        aspect=draw(st.sampled_from([1.0, 1.02, 1.2])),
        pdq_distance=draw(st.sampled_from([0, 24, 25, 52, 53, 64, 65, 120])),
        pdq_quality=draw(st.sampled_from([0, 49, 50, 100])),
        color=draw(st.sampled_from([0.0, 16.0, 16.1])),
        page=draw(st.booleans()),
    )


@given(evidence())
@example(COPY)
@example(replace(COPY, rotation_deg=3.0, motion_p75=0.4, drift=0.4))
@example(replace(COPY, n_blocks=7))
def test_a_copy_keeps_every_limit_that_is_told_and_another_pair_breaks_one(numbers: Evidence) -> None:
    decided = decide(numbers)
    told = measures(decided)

    assert told
    if decided.verdict == "copy":
        assert [each.number for each in told if not each.holds] == []
    else:
        assert any(not each.holds for each in told)


@given(evidence())
def test_the_sentence_holds_a_number_that_breaks_its_limit_or_is_of_the_rule(numbers: Evidence) -> None:
    decided = decide(numbers)
    sentence = reason(decided)
    told = [each for each in measures(decided) if f"{each.said}" in sentence and each.asked in sentence]

    assert told
    if decided.verdict != "copy" and decided.branch != "recolored":
        assert any(not each.holds for each in told)


def test_a_value_a_hair_beyond_its_limit_is_not_written_like_it() -> None:
    decided = decide(replace(COPY, motion_p75=0.454, rotation_deg=3.0))

    assert decided.verdict == "similar"
    assert "0.454" in reason(decided)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"motion_p75": 0.61, "drift": 0.5}, "parts moved by 0.61 px"),
        ({"containment": 0.8, "overlap_a": 0.8, "overlap_b": 0.8}, "80.00%"),
        ({"n_blocks": 3}, "too little to see"),
        ({"color": 20.0}, "the colors differ by 20.0 levels"),
        ({"how": "none"}, "could be laid on the other"),
    ],
)
def test_each_objection_has_its_words(change: dict[str, float], words: str) -> None:
    tilted = replace(COPY, rotation_deg=3.0, pdq_distance=120)
    decided = decide(replace(tilted, **change))  # type: ignore[arg-type]

    assert decided.verdict == "similar"
    assert words in reason(decided)
