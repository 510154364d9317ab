"""What is chosen means the same here as in the pages: the same plan comes of it, byte for byte."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page

from lookalike.dedup.actions.plan import planned
from lookalike.dedup.groups.account import Loss
from lookalike.store.documents import dumps
from lookalike.tests.output.report.making import Written, write_library
from lookalike.web.choices import Choice, Chosen, files_of
from lookalike.web.groups import Listed
from lookalike.web.review import UNTOUCHED

CHOOSE = """(tries) => tries.map(([number, keeper, chosen]) => {
    const group = prepare(DATA.groups[number]);
    keep(group, keeper);
    chosen.forEach((i) => choose(group, i, !isToMove(group, i)));
    return [plannedGroup(group), [...group.chosen], bytesFreed(group)];
})"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_library(tmp_path_factory.mktemp("chosen").resolve())


@pytest.fixture(scope="module")
def page(browser: Browser, written: Written) -> Iterator[Page]:
    """The page of that library; nothing that a test chooses stays in it."""
    page = browser.new_page()
    page.goto(written.html.as_uri())
    yield page
    page.close()


def test_every_choice_gives_the_plan_that_the_page_gives(page: Page, written: Written) -> None:
    tries = list[tuple[int, int, list[int]]]()
    for number, group in enumerate(written.review.groups):
        files = range(len(files_of(group)))
        for keeper in files:
            others = [each for each in files if each != keeper]
            tries += [(number, keeper, toggled) for toggled in ([], others, *([each] for each in others))]
    assert len(tries) > 80
    for tried, (plan, chosen, freed) in zip(tries, page.evaluate(CHOOSE, tries), strict=True):
        number, keeper, _ = tried
        choice = Choice(keeper, dict(chosen))
        made = Chosen(written.review.groups[number], choice, written.review.rules.protect)
        assert json.loads(plan) == made.plan(), tried
        assert made.bytes_freed(made.going) == freed


PLACES = ("in another program's library", "in a trash or among previews", "on another drive", "in a backup")
GOING = """(tries) => tries.map(([number, keeper, placed, why]) => {
    const group = prepare(structuredClone(DATA.groups[number]));
    group.files[placed].whyNot = why;
    keep(group, keeper);
    return group.files.map((_, i) => i).filter((i) => isToMove(group, i));
})"""


@pytest.mark.parametrize("why", PLACES)
def test_what_stays_for_its_place_stays_whichever_file_is_kept(
    page: Page, written: Written, why: str
) -> None:
    number, group = max(enumerate(written.review.groups), key=lambda each: len(each[1].members))
    assert sum(member.kind == "exact" for member in group.members) >= 3
    tries, expected = list[tuple[int, int, int, str]](), list[list[int]]()
    for keeper, placed in itertools.permutations(range(1, len(files_of(group))), 2):
        members = list(group.members)
        members[placed - 1] = replace(members[placed - 1], why_not=why)
        changed = replace(group, members=tuple(members))
        going = Chosen(changed, Choice(keeper), written.review.rules.protect).going
        assert placed not in going
        tries.append((number, keeper, placed, why))
        expected.append(going)
        if why in PLACES[2:]:  # nothing goes for a file that is kept in a backup of it
            assert Chosen(changed, Choice(placed), written.review.rules.protect).going == []
            tries.append((number, placed, placed, why))
            expected.append([])
    assert page.evaluate(GOING, tries) == expected


def test_an_untouched_group_is_planned_as_the_command_line_plans_it(written: Written) -> None:
    for group in written.review.groups:
        assert dumps(Chosen(group).plan()) == dumps(planned(group))
        going = Chosen(group, protect=written.review.rules.protect)
        assert Listed(group).sums(UNTOUCHED) == (len(going.going), going.bytes_freed(going.going))


def test_the_original_is_called_so_whichever_file_is_kept(written: Written) -> None:
    groups = [group for group in written.review.groups if group.reason.startswith("the original: ")]
    made = [(each, n) for each in groups for n, m in enumerate(each.members, 1) if m.kind == "copy"]
    words = [Chosen(group, Choice(keeper)).relation(0).words for group, keeper in made]
    assert {each.partition(", ")[0] for each in words} == {"the original"}


def test_a_page_of_text_that_goes_is_told_with_what_differs(written: Written) -> None:
    group = next(each for each in written.review.groups if each.members[0].kind == "copy")
    first, *rest = group.members
    losses = (Loss("keywords", "the keyword Lyon"), Loss("places", "20 places differ"))
    page = replace(group, members=(replace(first, why_not="document", losses=losses), *rest))
    going = Chosen(page, Choice(0, {1: True, **dict.fromkeys(range(2, len(files_of(page))), False)}))
    document = "20 places differ; looks like a document or a screen: check it yourself"
    assert list(going.warnings(merging=True).values()) == [f"would lose: {document}"]
    assert list(going.warnings(merging=False).values()) == [f"would lose: the keyword Lyon; {document}"]


def test_a_group_with_another_proposal_is_another_group(written: Written) -> None:
    group = written.review.groups[0]
    first, *rest = group.members
    turned = replace(group, keeper_photo=first.photo, keeper=first.file, members=(*rest, first))
    assert (
        len({Listed(each).key for each in (*written.review.groups, turned)})
        == len(written.review.groups) + 1
    )
    assert Listed(group).key == Listed(replace(group, reason="another")).key
