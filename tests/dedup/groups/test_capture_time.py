"""When two capture times are those of one shot."""

import pytest

from lookalike.dedup.groups.capture_time import moments_differ, seconds_between, shot_in_words

NOON = "2023-05-01T12:00:00"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (NOON, None),
        (None, None),
        (NOON, NOON),
        (NOON, f"{NOON}.450"),  # a program dropped the sub-seconds
        (f"{NOON}.4", f"{NOON}.450"),
        (f"{NOON}+02:00", f"{NOON}.450+02:00"),  # dropped them and kept the zone
        (NOON, f"{NOON}+02:00"),
        (f"{NOON}.45+02:00", f"{NOON}.45-07:00"),  # another zone on the same clock: somebody set it right
        (f"{NOON}.45+02:00", "2023-05-01T10:00:00.45+00:00"),  # moved to another zone
        (f"{NOON}+02:00", "2023-05-01T10:00:00"),  # written in universal time, without a zone
        (f"{NOON}.07", f"{NOON}.7"),  # dropped the zero in front
        (f"{NOON}.97", "2023-05-01T12:00:01"),  # rounded
        (f"{NOON}.967", "2023-05-01T12:00:00.97"),
        (f"{NOON}.967", "2023-05-01T12:00:00.96"),
        (f"{NOON}.97+02:00", "2023-05-01T10:00:01"),
        (NOON, "2023-05-01"),  # only the day
        ("not a time", NOON),
    ],
)
def test_what_a_program_may_do_to_a_time_makes_no_second_shot(
    first: str | None, second: str | None
) -> None:
    assert not moments_differ(first, second)
    assert not moments_differ(second, first)
    assert shot_in_words(first, second) == ""


@pytest.mark.parametrize(
    ("first", "second", "seconds", "words"),
    [
        (NOON, "2023-05-01T12:00:01", 1, "another shot, 1 s later"),
        (f"{NOON}.10", f"{NOON}.50", 0.4, "another shot, 0.4 s later"),
        (f"{NOON}.1", f"{NOON}.15", 0, ""),
        (f"{NOON}.00+02:00", f"{NOON}.04+02:00", 0.04, "another shot, 0.04 s later"),
        (f"{NOON}+02:00", "2023-05-01T11:00:00+00:00", 3600, "another shot, 1 h later"),
        (f"{NOON}.03", "2023-05-01T12:00:01", 0.97, "another shot, 0.97 s later"),  # not rounded
        (f"{NOON}.97", "2023-05-01T12:00:01.07", 0.1, "another shot, 0.1 s later"),
        (f"{NOON}+02:00", "2023-05-01T11:00:00", -3600, "another shot, 1 h earlier"),
        (NOON, "2023-05-05", 4 * 86400, "another shot, 4 days later"),
        ("2023-05-01T12:03:00", NOON, -180, "another shot, 3 min earlier"),
        ("2023-04-19T12:00:00", NOON, 12 * 86400, "another shot, 12 days later"),
        ("2023-04-30T10:00:00", NOON, 93600, "another shot, 1 day later"),
        (NOON, "2026-05-01T12:00:00", 1096 * 86400, "another shot, 1,096 days later"),
    ],
)
def test_two_shots_are_told_apart_with_the_time_between(
    first: str, second: str, seconds: float, words: str
) -> None:
    assert seconds_between(first, second) == pytest.approx(seconds)
    assert moments_differ(first, second) == moments_differ(second, first) == bool(seconds)
    assert shot_in_words(first, second) == words


def test_zeros_are_sub_seconds_unless_a_program_may_have_filled_them_in() -> None:
    assert moments_differ(f"{NOON}.97", f"{NOON}.00")
    assert not moments_differ(f"{NOON}.97", f"{NOON}.00", zeros_fill=True)
    assert not moments_differ(f"{NOON}.97", "2023-05-01T12:00:01.000", zeros_fill=True)
    assert moments_differ(f"{NOON}.97", f"{NOON}.07", zeros_fill=True)
