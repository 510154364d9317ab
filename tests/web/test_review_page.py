"""The review in a real browser: by keys alone, in two tabs, after a reload, and on what only shows."""

import itertools
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from lookalike import Library
from lookalike.dedup.actions import moves
from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.groups.error_rate import Expectation
from lookalike.dedup.groups.keeper import KeepRules
from lookalike.dedup.groups.report import CopyReport
from lookalike.errors import StoreLocked
from lookalike.tests.library import lookalike
from lookalike.tests.output.report.making import make_groups
from lookalike.tests.pictures import draw_photo, encode, save
from lookalike.tests.web.conftest import Address, OpenPage, running, violations
from lookalike.tests.web.reviewing import Copied
from lookalike.web.served import Served


@pytest.fixture(scope="module")
def copied(proven: Copied, tmp_path_factory: pytest.TempPathFactory) -> Copied:
    return proven.again(tmp_path_factory.mktemp("copied-page").resolve())


@pytest.fixture
def served(copied: Copied, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The library as a server has it that may write; each test leaves it as it found it."""
    is_writable = getattr(request, "param", True)
    with Library.open(copied.store, write=is_writable) as library:
        made = Served(library, is_writable)
        made.groups.read_known()
        yield made
        made.close()
    (copied.store / "review.json").unlink(missing_ok=True)


def card(page: Page, name: str) -> Any:
    return page.locator(".one .card").filter(has=page.locator(".name", has_text=name)).first


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.querySelector('.name')?.textContent"))


def wait_for_focus(page: Page, name: str) -> None:
    """Wait until a file has the focus: what closes gives it back a moment later."""
    there = "(name) => document.activeElement.querySelector('.name')?.textContent === name"
    page.wait_for_function(there, arg=name)


def go_to_file(page: Page, name: str) -> None:
    """Go to a file of the group by keys."""
    for _ in range(8):
        if focused(page) == name:
            return
        page.keyboard.press("l")
    raise AssertionError(f"{name} is not reached, but {focused(page)}")


def as_chosen(group: Any) -> Any:
    """Return a group of the command line's plan as the test below chooses in it."""
    members = {Path(each["path"]).name: each for each in group["members"]}
    if "small1.jpg" in members:
        members["small1.jpg"] |= {"selected": False, "why_not": "not chosen"}
    if "eq2.jpg" in members:
        kept, first = members.pop("eq2.jpg"), group["keeper"]
        fate = {name: kept.pop(name) for name in ("class", "transform", "selected", "why_not")}
        del first["reason"]
        group |= {
            "keeper": kept | {"reason": "chosen by you"},
            "members": [first | fate, *members.values()],
        }
    return group


def test_five_groups_are_reviewed_by_keys_applied_and_undone(
    open_page: OpenPage, copied: Copied, tmp_path: Path
) -> None:
    before = copied.tree()
    lookalike("dupes", "--store", copied.store, "--plan", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_bytes())
    page = open_page("?view=copies&order=path")
    expect(page.locator(".one h2")).to_have_text("Group 1 of 5")

    seen = []
    for number in range(5):
        expect(page.locator(".one h2")).to_contain_text(f"Group {number + 1} of 5")
        seen.append(page.locator(".one .kept .name").inner_text())
        if number == 1:
            go_to_file(page, "small1.jpg")
            page.keyboard.press("Space")
            expect(card(page, "small1.jpg").locator(".state")).to_have_text("stays")
        if number == 2:
            go_to_file(page, "eq2.jpg")
            page.keyboard.press("Enter")
            expect(page.locator(".one .kept .name")).to_have_text("eq2.jpg")
        if number == 3:
            go_to_file(page, "small3.jpg")
            page.keyboard.press("p")
            page.keyboard.press("Control+z")
            expect(card(page, "small3.jpg").locator(".state")).to_have_text("to move")
        page.keyboard.press("j")
    assert seen == [f"n{number}.jpg" for number in range(5)]
    expect(page.locator(".looked")).to_have_text("5 of 5")

    page.keyboard.press("Shift+A")
    sheet = page.locator("dialog.plan")
    expect(sheet.locator(".big")).to_contain_text("files would be moved")
    page.keyboard.press("ArrowDown")  # only groups that were looked at: all of them
    sheet.get_by_label("First write what only the leaving files say").check()
    expect(sheet.locator("button.main")).to_have_text("Move 9 files")
    with page.expect_download() as download:
        sheet.locator("a", has_text="Save the plan").press("Enter")
    download.value.save_as(tmp_path / "page.json")
    chosen = json.loads((tmp_path / "page.json").read_bytes())
    assert chosen["groups"] == [as_chosen(group) for group in plan["groups"]]
    sheet.locator("button.main").press("Enter")
    expect(page.locator(".toast", has_text="moved")).to_be_visible()
    expect(page.locator(".one h2")).to_have_text("Group 1 of 2")
    assert len([path for path in copied.tree() if not path.startswith(".lookalike")]) < len(before)

    page.locator("#tabs a", has_text="Activity").click()
    expect(page.locator(".job").first).to_have_text(re.compile("9 files moved \\([^)]*\\)$"))
    run = page.locator(".run")
    expect(run).to_contain_text(f"9 files wait in the quarantine ({copied.photos}/.lookalike-quarantine)")
    run.get_by_role("button", name="Undo").press("Enter")
    dialog = page.locator("dialog.sheet")
    expect(dialog.locator(".big")).to_contain_text("would be put back")
    dialog.locator("button.main").press("Enter")
    expect(run).to_contain_text("put back")
    expect(page.locator(".job").first).to_contain_text("put back")
    expect(page.locator(".toast", has_text="moved")).to_have_count(0)  # that is not true any more
    assert copied.tree() == before
    page.locator("#tabs a", has_text="Copies").click()
    expect(page.locator(".one h2")).to_have_text("Group 1 of 5")


def test_the_last_step_says_first_what_would_be_lost(open_page: OpenPage) -> None:
    page = open_page("?view=copies&order=path&text=changed")
    expect(page.locator(".one h2")).to_contain_text("Group 1")
    go_to_file(page, "changed.jpg")
    page.keyboard.press("x")
    expect(card(page, "changed.jpg").locator(".state")).to_have_text("to move")
    page.keyboard.press("Shift+A")
    expect(page.locator("dialog.plan .big")).to_contain_text("; 1 of these would or might lose something")
    first = page.locator("dialog.plan .outcome").first
    expect(first).to_contain_text("changed.jpg")
    expect(first).to_contain_text("would lose: ")
    page.keyboard.press("Escape")


def test_a_run_that_goes_on_is_not_called_cut_off(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, count, may_go_on = moves.move_new, itertools.count(1), threading.Event()

    def held_up(*arguments: Any) -> Any:
        if next(count) == 3:
            may_go_on.wait(60)
        return move(*arguments)

    monkeypatch.setattr(moves, "move_new", held_up)
    page = open_page("?view=activity")
    expect(page.locator(".activity")).to_contain_text("broken.jpg")
    made = served.acting.make("all")
    served.acting.apply(made, ApplyOptions(), served.acting.check(made, ApplyOptions())[1], "")
    run = page.locator(".run").first
    for _ in range(2):
        expect(run).to_have_text("Being moved or put back right now")
        page.reload()
    with pytest.raises(StoreLocked, match="moving files is still going on"):
        served.acting.undo(served.library.files.journals()[0].name)
    may_go_on.set()
    expect(run).to_contain_text("wait in the quarantine")
    expect(run.get_by_role("button", name="Undo…")).to_be_visible()
    served.jobs.wait()
    served.acting.undo(served.library.files.journals()[0].name)
    served.jobs.wait()


def test_two_tabs_agree_and_a_reload_keeps_what_was_chosen(
    open_page: OpenPage, context: BrowserContext, address: Address
) -> None:
    page = open_page("?view=copies&order=path")
    other = open_page("?view=copies&order=path")
    expect(other.locator(".looked")).to_have_text("0 of 5")
    expect(page.locator(".one h2")).to_be_visible()

    go_to_file(page, "eq0.jpg")
    page.keyboard.press("Space")
    page.keyboard.press("j")

    expect(other.locator(".looked")).to_have_text("1 of 5")
    expect(card(other, "eq0.jpg").locator(".state")).to_have_text("stays")
    page.reload()
    expect(page.locator(".one h2")).to_contain_text("Group 2 of 5")
    page.keyboard.press("k")
    expect(card(page, "eq0.jpg").locator(".state")).to_have_text("stays")
    expect(page.locator(".looked")).to_have_text("1 of 5")


def test_not_copies_leave_the_list_and_come_back(open_page: OpenPage, copied: Copied) -> None:
    page = open_page("?view=copies&order=path&text=cropped")
    expect(page.locator(".one .kept .name")).to_have_text("n1.jpg")
    page.keyboard.press("n")
    expect(page.locator(".toast")).to_contain_text("not copies")
    assert lookalike("decisions", "--store", copied.store, "--format", "json").json["decisions"]
    page.locator(".toast button", has_text="Undo").press("Enter")
    expect(page.locator(".looked")).to_have_text("0 of 5")
    assert not lookalike("decisions", "--store", copied.store, "--format", "json").json["decisions"]


def test_all_shown_groups_change_at_once_and_go_back_at_once(open_page: OpenPage) -> None:
    page = open_page("?view=copies")
    expect(page.locator(".sums strong")).to_have_text("10 files to move")
    page.locator("button", has_text="All shown").press("Enter")
    sheet = page.locator("dialog.sheet")
    sheet.locator("input[value=keep]").check()
    sheet.locator("button", has_text="Do it").press("Enter")
    expect(sheet.locator("select[name=folder]:invalid")).to_be_focused()  # of all there are no others
    sheet.locator("input[value=stay]").check()
    sheet.locator("select[name=change]").select_option("exact")
    sheet.locator("button", has_text="Do it").press("Enter")
    expect(page.locator(".sums strong")).to_have_text("5 files to move")
    page.locator(".toast button", has_text="Undo").press("Enter")
    expect(page.locator(".sums strong")).to_have_text("10 files to move")


LEFT = """async (files) => {
    const { leftAlone } = await import("/plan.js");
    const why = (i) => ({ code: "changed", reason: `${i}.jpg: read at ${i % 30}` });
    const row = (i) => ({ state: "left", path: `/photos/${i}.jpg`, keeper: "", ...why(i) });
    const made = document.createElement("div");
    made.append(...leftAlone(Array.from({ length: files }, (_, i) => row(i)), ["/photos"]));
    const summary = made.querySelector("summary").textContent;
    return [summary, made.querySelectorAll("*").length, made.lastChild.lastChild.textContent];
}"""


def test_thousands_of_files_that_are_left_for_reasons_of_their_own_are_a_few_lines(
    open_page: OpenPage,
) -> None:
    summary, elements, last = open_page().evaluate(LEFT, 5000)
    assert summary == "5,000 files left alone, for reasons like “read at 0”"
    assert elements == 303
    assert last == "and 4,700 more"


def test_a_folder_of_copies_stays_or_is_kept_and_the_page_says_what_goes(open_page: OpenPage) -> None:
    page = open_page("?view=copies")
    toasts = page.locator(".toast")
    for words, told in (
        ("Let them stay", "10 files stay now"),
        ("Keep these, move the others", "photos/new"),
    ):
        page.get_by_role("button", name="By folder").click()
        page.get_by_role("button", name=f"{words}: ").first.click()
        expect(toasts.last).to_contain_text(told)
        toasts.last.get_by_role("button", name="Undo").click()
        expect(page.locator(".sums strong")).to_have_text("10 files to move")
    expect(page.locator(".looked")).to_have_text("0 of 5")


def test_what_lies_in_folders_below_is_not_counted_and_the_page_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    for number, folder in enumerate(("trip", "trip/phone")):
        save(photos / "kept" / f"{number}.jpg", draw_photo(number, 96, 72))
        save(photos / folder / f"{number}.jpg", draw_photo(number, 96, 72))
    with Library.open(tmp_path / "store", create=True) as library:
        library.index(photos)
        library.copies.rules = KeepRules(prefer=(str(photos / "kept"),))
        served = Served(library)
        served.groups.read_known()
        with running(served) as address:
            page = browser.new_page()
            page.goto(f"{address.url}?view=copies#token={address.entry.token}")
            page.get_by_role("button", name="By folder").click()
            rows = page.locator("dialog.sheet .pair p:first-child")
            expect(rows.nth(0)).to_contain_text("1 of 1 file in the folder itself is a copy")
            expect(rows.nth(1)).to_contain_text("1 of 1 file is a copy")
            page.close()
        served.close()


def test_a_double_click_keeps_one_file(open_page: OpenPage) -> None:
    page = open_page("?view=copies&text=n2")
    name, where = page.locator(".one .kept .name"), page.locator(".one .kept .folder")
    expect(name).to_have_text("n2.jpg")
    card(page, "eq2.jpg").get_by_role("button", name="Keep this one").dblclick()
    expect(page.locator(".looked")).to_have_text("1 of 5")
    expect(name).to_have_text("eq2.jpg")
    expect(where).to_have_text("photos/old")


def test_a_crop_lies_where_it_was_cut_from_and_zoom_is_one_for_both(open_page: OpenPage) -> None:
    page = open_page("?view=copies&text=cropped")
    expect(page.locator(".one h2")).to_be_visible()
    go_to_file(page, "cropped.jpg")
    page.keyboard.press("c")
    stages = page.locator("dialog.compare .stage")
    expect(stages).to_have_count(2)
    expect(page.locator("#which")).to_contain_text("this one (stays): 540x410")
    expect(page.locator(".layer.other img")).to_have_js_property("naturalWidth", 540)
    kept, other = (page.locator(f".layer.{role}").bounding_box() for role in ("kept", "other"))
    assert kept
    assert other
    assert other["width"] / kept["width"] == pytest.approx(540 / 640, rel=0.01)
    for key in "+++":
        page.keyboard.press(key)
    worlds = {each.evaluate("(world) => world.style.transform") for each in page.locator(".world").all()}
    assert len(worlds) == 1
    assert "scale(3.375)" in worlds.pop()
    for number, mode in enumerate(("beside", "swap", "slider", "difference", "fade"), 1):
        page.keyboard.press(str(number))
        expect(page.locator(".panes")).to_have_attribute("data-mode", mode)
    page.keyboard.press("Escape")
    wait_for_focus(page, "cropped.jpg")


def on_table(page: Page) -> list[str]:
    return page.locator("dialog.compare .which strong").all_inner_texts()


def worlds(page: Page) -> set[str]:
    return {each.evaluate("(world) => world.style.transform") for each in page.locator(".world").all()}


def test_a_table_has_the_kept_file_and_others_under_one_zoom(open_page: OpenPage) -> None:
    page = open_page("?view=copies&text=cropped")
    expect(page.locator(".one h2")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("6")
    stages, hand = page.locator("dialog.compare .stage"), page.locator("#compare-title")
    expect(stages).to_have_count(4)
    first = on_table(page)
    assert first[0] == "n1.jpg"
    assert {*first} == {"n1.jpg", "eq1.jpg", "small1.jpg", "cropped.jpg"}
    expect(hand).to_have_text(first[1])

    page.keyboard.press("]")
    assert on_table(page) == [first[0], first[2], first[3], first[1]]
    expect(hand).to_have_text(first[2])
    page.get_by_role("button", name="previous file").click()
    assert on_table(page) == first
    page.keyboard.press("l")
    expect(hand).to_have_text(first[2])
    page.locator(".which", has_text="cropped.jpg").click()
    expect(hand).to_have_text("cropped.jpg")
    stages.nth(first.index("small1.jpg")).click()
    expect(page.locator(".which[aria-pressed=true]")).to_contain_text("small1.jpg")

    where = first.index("cropped.jpg")
    expect(page.locator(".layer.other img").nth(where - 1)).to_have_js_property("naturalWidth", 540)
    kept, cropped = (stages.nth(n).locator(".layer").bounding_box() for n in (0, where))
    assert kept
    assert cropped
    assert cropped["width"] / kept["width"] == pytest.approx(540 / 640, rel=0.01)
    stages.nth(where).hover()
    page.mouse.wheel(0, -400)
    assert len(worlds(page)) == 1
    assert "scale(2.7" in worlds(page).pop()

    page.keyboard.down("Space")
    expect(stages.nth(first.index("small1.jpg")).locator(".holder.kept")).to_be_visible()
    page.keyboard.up("Space")
    expect(stages.nth(first.index("small1.jpg")).locator(".holder.other")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".which").first).to_contain_text("small1.jpg kept")
    expect(hand).to_have_text("n1.jpg")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.compare")).to_be_hidden()
    wait_for_focus(page, "n1.jpg")
    for key, kept_name in (
        ("Control+z", "n1.jpg"),
        ("Control+Shift+Z", "small1.jpg"),
        ("Control+z", "n1.jpg"),
    ):
        page.keyboard.press(key)
        expect(page.locator(".one .kept .name")).to_have_text(kept_name)


def test_what_is_chosen_elsewhere_shows_while_one_compares(open_page: OpenPage, served: Served) -> None:
    page = open_page("?view=copies&order=path")
    expect(page.locator(".one h2")).to_be_visible()
    go_to_file(page, "eq0.jpg")
    page.keyboard.press("c")
    expect(page.locator("dialog.compare button", has_text="Let it stay")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("dialog.compare button", has_text="Move it")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator("dialog.compare button", has_text="Let it stay")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#compare-title")).to_have_text("cropped.jpg")
    page.keyboard.press("Escape")
    expect(page.locator(".one h2")).to_contain_text("Group 2 of 5")
    wait_for_focus(page, "cropped.jpg")


BLACK = encode(Image.new("RGB", (4, 3)), "PNG")
SMALL_TARGETS = """() => {
    const inside = document.querySelector("dialog[open]") ?? document.querySelector("#main");
    const targets = [...inside.querySelectorAll("button, select, input, a, label.state, label.option")];
    // A box in a label is as large as its label.
    const isSmall = ({ width, height }) => width && (height < 44 || width < 44);
    return targets.filter((each) => !each.matches("label input") && isSmall(each.getBoundingClientRect()))
        .map((each) => each.outerHTML);
}"""


class Finger:
    """A finger on the page: Playwright itself only taps."""

    def __init__(self, page: Page) -> None:
        self._browser = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: dict[str, float]) -> None:
        self._browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [*points]})

    def down(self, place: Any) -> None:
        x, y = (place.bounding_box()[each] for each in ("x", "y"))
        self.at = {"x": x + place.bounding_box()["width"] / 2, "y": y + 60}
        self._send("touchStart", self.at)

    def up(self) -> None:
        self._send("touchEnd")

    def swipe(self, place: Any, by: float) -> None:
        self.down(place)
        for share in (0.3, 0.6, 1):
            self._send("touchMove", self.at | {"x": self.at["x"] + share * by})
        self.up()


@pytest.mark.parametrize("context", [{"width": 390, "height": 844}], indirect=True)
def test_a_phone_reviews_by_touch(open_page: OpenPage) -> None:
    page = open_page("?view=copies&text=cropped")
    page.emulate_media(reduced_motion="reduce")
    finger = Finger(page)
    assert page.evaluate(SMALL_TARGETS) == []
    page.locator(".grouplist .line").first.tap()
    expect(page.locator(".one .card")).to_have_count(4)
    assert page.evaluate(SMALL_TARGETS) == []
    page.locator(".tools button", has_text="Compare").tap()
    stages, hand = page.locator("dialog.compare .stage"), page.locator("#compare-title")
    expect(stages).to_have_count(2)
    assert page.evaluate(SMALL_TARGETS) == []

    first = hand.inner_text()
    finger.swipe(stages.first, -120)
    expect(hand).not_to_have_text(first)
    finger.swipe(stages.first, 120)
    expect(hand).to_have_text(first)
    page.get_by_role("button", name="next file").click()  # a tap so soon counts as the swipe's
    expect(hand).not_to_have_text(first)

    finger.down(stages.last)
    expect(stages.last.locator(".holder.kept")).to_be_visible()
    finger.up()
    expect(stages.last.locator(".holder.other")).to_be_visible()
    page.locator("dialog.compare button", has_text="Difference").tap()
    expect(stages).to_have_count(1)
    finger.down(stages.first)
    expect(page.locator(".holder.other")).to_be_hidden()
    finger.up()
    expect(page.locator(".holder.other")).to_be_visible()

    page.locator("dialog.compare button", has_text="Table").tap()
    expect(stages).to_have_count(4)
    assert len({round(each.bounding_box()["x"]) for each in stages.all()}) == 2  # type: ignore[index]
    assert page.evaluate(SMALL_TARGETS) == []
    before = on_table(page)
    finger.swipe(stages.first, -120)
    expect(page.locator(".which strong").nth(1)).to_have_text(before[2])
    page.get_by_role("button", name="close").click()

    for words, kind in (("Review plan", ".plan"), ("All shown", ""), ("By folder", "")):
        page.keyboard.press("Escape")
        expect(page.locator(".grouplist")).to_be_visible()
        page.locator("button", has_text=words).tap()
        expect(page.locator(f"dialog.sheet{kind} h2")).to_be_visible()
        assert page.evaluate(SMALL_TARGETS) == []
        page.keyboard.press("Escape")
    page.locator(".grouplist .line").first.tap()
    page.keyboard.press("Escape")
    expect(page.locator(".grouplist .line").first).to_be_focused()


def test_single_keys_are_turned_off_and_on_where_the_keys_are_told(open_page: OpenPage) -> None:
    page = open_page("?view=copies&order=path")
    heading = page.locator(".one h2")
    expect(heading).to_have_text("Group 1 of 5")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    for _ in range(2):
        page.keyboard.press("c")
        page.keyboard.press("A")
        expect(page.locator("dialog[open]")).to_have_count(0)
        expect(page.locator(".tools kbd").first).to_be_hidden()
        page.keyboard.press("ArrowDown")
        expect(heading).to_have_text("Group 2 of 5")
        page.keyboard.press("ArrowUp")
        expect(heading).to_have_text("Group 1 of 5")
        page.reload()
        expect(heading).to_have_text("Group 1 of 5")
    page.get_by_role("button", name="Help: keys").click()
    page.get_by_label("Single-key shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(heading).to_have_text("Group 2 of 5")


def test_the_time_that_is_left_comes_from_the_pace_of_this_visit(
    open_page: OpenPage, served: Served
) -> None:
    groups = make_groups(served.library.store, 60)
    served.groups.put(CopyReport(tuple(groups), 60, Expectation()))
    page = open_page("?view=activity")
    # The photos of these groups are made up: any picture will do for them.
    page.route("**/api/photos/**", lambda route: route.fulfill(body=BLACK, content_type="image/png"))
    page.clock.install()
    page.goto(page.url.split("?")[0] + "?view=copies")
    for number in range(6):
        expect(page.locator(".one h2")).to_have_text(f"Group {number + 1} of 60")
        assert "left" not in page.locator(".looked").inner_text()
        page.clock.fast_forward(20_000)
        page.keyboard.press("j")
    expect(page.locator(".looked")).to_contain_text("6 of 60")
    expect(page.locator(".looked .left")).to_have_text("· about 18 min left")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it(open_page: OpenPage, scheme: Any, width: int) -> None:
    page = open_page("?view=copies&text=cropped")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 860})
    page.locator(".grouplist .line").first.press("Enter")
    expect(page.locator(".one .card").first).to_be_visible()
    assert violations(page) == []
    for key, shown, closes in (
        ("c", "dialog.compare .stage", False),
        ("6", "dialog.compare .which[aria-pressed=true]", True),
        ("A", "dialog.plan .outcome", True),
        ("?", "dialog.help dd", True),
    ):
        page.keyboard.press(key)
        expect(page.locator(shown).first).to_be_visible()
        assert violations(page) == []
        if closes:
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Escape")  # where there is room for one of both: back to the list
    for words in ("By folder", "All shown"):
        opener = page.locator("button", has_text=words)
        opener.press("Enter")
        expect(page.locator("dialog.sheet h2")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(opener).to_be_focused()
    page.evaluate("window.scrollTo(0, 0)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(page.url.split("?")[0] + "?view=activity")
    expect(page.locator(".activity .outcome").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("served", [False], indirect=True)
def test_what_only_shows_says_so_where_one_would_act(open_page: OpenPage, copied: Copied) -> None:
    page = open_page("?view=copies")
    expect(page.locator(".tools button", has_text="Not copies")).to_be_disabled()
    page.keyboard.press("Shift+A")
    sheet = page.locator("dialog.plan")
    expect(sheet).to_contain_text("lookalike serve --write")
    expect(sheet.locator("button.main")).to_be_disabled()
    page.keyboard.press("Escape")
    page.goto(page.url.split("?")[0] + "?view=activity")
    expect(page.locator("button", has_text="Index the chosen folders")).to_be_disabled()
    expect(page.locator(".activity")).to_contain_text("broken.jpg")
    assert not (copied.store / "review.json").exists()
