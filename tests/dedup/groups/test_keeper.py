"""Which file of a group is kept, and why."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from lookalike.dedup.groups.companions import Companion
from lookalike.dedup.groups.keeper import Choice, KeepRules, choose_keeper, parse_order
from lookalike.errors import UsageError
from lookalike.tests.dedup.groups.test_groups import make_file, make_photo

RAW = (Companion("/a.CR2", "raw", 9, 1),)
VIDEO = (Companion("/b.MOV", "video", 9, 1),)
SIDECAR = (Companion("/z.xmp", "sidecar", 9, 1),)


def choice(path: str, *, mtime: int = 5, beside: tuple[Companion, ...] = (), **fields: Any) -> Choice:
    file = make_file(path, ino=1, mtime=mtime)
    return Choice(replace(make_photo(file), **fields), file, beside)


@pytest.mark.parametrize(
    ("better", "worse", "reason"),
    [
        (choice("/a.jpg", width=400), choice("/b.png", width=300, format="PNG"), "pixels"),
        (choice("/a.jpg", beside=RAW), choice("/b.png", format="PNG"), "has its RAW"),
        (choice("/a.jpg", beside=RAW), choice("/b.jpg", beside=VIDEO), "has its RAW"),
        (choice("/a.jpg", width=400), choice("/b.jpg", width=300, beside=RAW), "pixels"),
        (choice("/b.jpg", size=9), choice("/a.png", format="PNG", size=900), "format"),
        (choice("/z.jpg", beside=SIDECAR), choice("/a.jpg", mtime=1), "metadata"),
        (choice("/z.jpg", taken="2020-01-01T00:00:00"), choice("/a.jpg", mtime=1), "metadata"),
        (
            choice("/a/Strand schön.jpg", mtime=9),
            choice("/IMG_1234.jpg", mtime=1),
            "a name that somebody gave",
        ),
        (choice("/x/Summer 2023/IMG_1.jpg"), choice("/x/IMG_1.jpg"), "somebody named"),
        (choice("/x/Été à la mer/IMG_1.jpg"), choice("/x/Downloads/IMG_1.jpg"), "somebody named"),
        (choice("/z.jpg", mtime=1), choice("/a.jpg", mtime=9), "oldest"),
        (choice("/IMG_1.jpg"), choice("/IMG_1 (2).jpg"), "name"),
        (choice("/x/IMG_1.jpg"), choice("/Kopie von IMG_1.jpg"), "name"),
        (choice("/x/IMG_1.jpg"), choice("/x/Backup/IMG_1.jpg"), "no difference: shorter path"),
        (choice("/x/IMG_1.jpg"), choice("/backup/IMG_1.jpg"), "no difference: shorter path"),
    ],
)
def test_the_first_rule_that_differs_decides_and_says_so(
    better: Choice, worse: Choice, reason: str
) -> None:
    for choices in ([better, worse], [worse, better]):
        keeper, why = choose_keeper(choices)
        assert keeper == better
        assert reason in why


def test_protected_and_preferred_folders_come_before_all_rules() -> None:
    large, album, safe = (
        choice("/in/a.jpg", width=999),
        choice("/album/a.jpg"),
        choice("/safe/a.jpg", width=1),
    )

    assert choose_keeper([large, album], KeepRules(prefer=("/album",)))[0] == album
    both = KeepRules(prefer=("/album",), protect=("/safe",))
    assert choose_keeper([large, album, safe], both) == (safe, "in a protected folder")
    # A folder that only begins alike is another one.
    assert choose_keeper([large, album], KeepRules(prefer=("/alb",)))[0] == large


def test_the_order_of_rules_can_be_chosen_and_the_rest_follows() -> None:
    assert parse_order("oldest, path")[:2] == ("oldest", "path")
    assert len(parse_order("oldest")) == 10
    old, large = choice("/a.jpg", mtime=1), choice("/b.jpg", mtime=2, width=999)
    assert choose_keeper([old, large], KeepRules(order=parse_order("oldest")))[0] == old
    with pytest.raises(UsageError):
        parse_order("largest")


def test_the_order_of_the_files_changes_nothing() -> None:
    choices = [choice(f"/{name}.jpg", mtime=mtime) for name in "abc" for mtime in (1, 2)]
    expected = choose_keeper(choices)
    for seed in range(20):
        Random(seed).shuffle(choices)
        assert choose_keeper(choices) == expected


@pytest.mark.parametrize(
    "waste", ["Papierkorb", "zu löschen", "Rejected", "duplicates_2", "x/Doublons/y", "Trash"]
)
def test_what_lies_in_a_folder_for_waste_is_never_what_is_kept(waste: str) -> None:
    kept = choice("/photos/2019/IMG_1.jpg", mtime=9, width=300)
    better = choice(f"/photos/{waste}/Oma am Strand.jpg", mtime=1, width=900, beside=RAW)
    assert choose_keeper([better, kept]) == (kept, "the others lie where they are to be deleted")
