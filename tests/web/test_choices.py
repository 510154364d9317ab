"""What is chosen means the same here as in the pages: the same plan comes of it, byte for byte."""

import itertools
import json
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from lookalike.dedup.actions.plan import planned
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


def test_an_untouched_group_is_planned_as_the_command_line_plans_it(written: Written) -> None:
    for group in written.review.groups:
        assert dumps(Chosen(group).plan()) == dumps(planned(group))
        going = Chosen(group, protect=written.review.rules.protect)
        assert Listed(group).sums(UNTOUCHED) == (len(going.going), going.bytes_freed(going.going))


def test_a_group_with_another_proposal_is_another_group(written: Written) -> None:
    group = written.review.groups[0]
    first, *rest = group.members
    turned = replace(group, keeper_photo=first.photo, keeper=first.file, members=(*rest, first))
    assert (
        len({Listed(each).key for each in (*written.review.groups, turned)})
        == len(written.review.groups) + 1
    )
    assert Listed(group).key == Listed(replace(group, reason="another")).key
