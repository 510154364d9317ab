"""What is chosen means the same here as in the pages: the same plan comes of it, byte for byte."""

import itertools
import json
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from lookalike.dedup.actions.plan import planned
from lookalike.dedup.groups.account import Loss
from lookalike.store.documents import dumps
from lookalike.tests.output.report.making import Written, write_library
from lookalike.web.choices import Choice, Chosen, files_of
from lookalike.web.groups import Listed
from lookalike.web.review import UNTOUCHED

CHOOSE = """([number, keeper, chosen]) => {
    const group = prepare(DATA.groups[number]);
    keep(group, keeper);
    chosen.forEach((i) => choose(group, i, !isToMove(group, i)));
    return [plannedGroup(group), [...group.chosen], bytesFreed(group)];
}"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_library(tmp_path_factory.mktemp("chosen").resolve())


def test_every_choice_gives_the_plan_that_the_page_gives(browser: Browser, written: Written) -> None:
    page = browser.new_page()
    page.goto(written.html.as_uri())
    tried = 0
    for number, group in enumerate(written.review.groups):
        files = range(len(files_of(group)))
        for keeper in files:
            others = [each for each in files if each != keeper]
            for toggled in itertools.chain([[], others], ([each] for each in others)):
                plan, chosen, freed = page.evaluate(CHOOSE, [number, keeper, toggled])
                made = Chosen(group, Choice(keeper, dict(chosen)), written.review.rules.protect)
                assert json.loads(plan) == made.plan(), (number, keeper, toggled)
                assert made.bytes_freed(made.going) == freed
                tried += 1
    page.close()
    assert tried > 80


PLACES = ("in another program's library", "in a trash or among previews", "on another drive", "in a backup")
GOING = """([number, keeper, places]) => {
    const group = prepare(structuredClone(DATA.groups[number]));
    places.forEach((why, i) => i && why && (group.files[i].whyNot = why));
    keep(group, keeper);
    return group.files.map((_, i) => i).filter((i) => isToMove(group, i));
}"""


@pytest.mark.parametrize("why", PLACES)
def test_what_stays_for_its_place_stays_whichever_file_is_kept(
    browser: Browser, written: Written, why: str
) -> None:
    page = browser.new_page()
    page.goto(written.html.as_uri())
    number, group = max(enumerate(written.review.groups), key=lambda each: len(each[1].members))
    assert sum(member.kind == "exact" for member in group.members) >= 3
    for keeper, placed in itertools.permutations(range(1, len(files_of(group))), 2):
        members = list(group.members)
        members[placed - 1] = replace(members[placed - 1], why_not=why)
        changed = Chosen(
            replace(group, members=tuple(members)), Choice(keeper), written.review.rules.protect
        )
        assert placed not in changed.going
        reasons = ["", *(why if each == placed else "" for each in range(1, len(files_of(group))))]
        assert page.evaluate(GOING, [number, keeper, reasons]) == changed.going
        if why in PLACES[2:]:  # nothing goes for a file that is kept in a backup of it
            kept = Chosen(
                replace(group, members=tuple(members)), Choice(placed), written.review.rules.protect
            )
            assert kept.going == []
            assert page.evaluate(GOING, [number, placed, reasons]) == []
    page.close()


def test_an_untouched_group_is_planned_as_the_command_line_plans_it(written: Written) -> None:
    for group in written.review.groups:
        assert dumps(Chosen(group).plan()) == dumps(planned(group))
        going = Chosen(group, protect=written.review.rules.protect)
        assert Listed(group).sums(UNTOUCHED) == (len(going.going), going.bytes_freed(going.going))


def test_the_original_is_called_so_whichever_file_is_kept(written: Written) -> None:
    groups = [group for group in written.review.groups if group.reason.startswith("the original: ")]
    made = [(each, n) for each in groups for n, m in enumerate(each.members, 1) if m.kind == "copy"]
    assert {Chosen(group, Choice(keeper)).relation(0).words for group, keeper in made} == {"the original"}


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
