"""The page in a real browser: keys, choices, names of strangers, and the plan that comes out."""

import io
import json
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from lookalike.tests.browsers import browser_path
from lookalike.tests.output.report.conftest import OpenPage
from lookalike.tests.output.report.making import CROP, MARKUP, NOT_UTF8, STAMP, Written
from lookalike.tests.pictures import difference

NO_STORAGE = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"


def group_of(page: Page, name: str) -> Locator:
    """Return the group of copies with a file of this name."""
    return page.locator(".group.copies").filter(has=page.locator(".name", has_text=name)).first


def card_of(page: Page, name: str) -> Locator:
    return group_of(page, name).locator(".card").filter(has=page.locator(".name", has_text=name)).first


def exported(page: Page, tmp_path: Path) -> bytes:
    with page.expect_download() as download:
        page.keyboard.press("e")
    assert download.value.suggested_filename == "plan.json"
    download.value.save_as(tmp_path / "plan.json")
    return (tmp_path / "plan.json").read_bytes()


def files_of(plan: bytes) -> list[list[str]]:
    """Return the paths of each group, in order: a choice must never lose or repeat a file."""
    return [
        sorted([group["keeper"]["path"], *(member["path"] for member in group["members"])])
        for group in json.loads(plan)["groups"]
    ]


def selected(plan: bytes) -> dict[str, bool]:
    groups = json.loads(plan)["groups"]
    return {Path(member["path"]).name: member["selected"] for each in groups for member in each["members"]}


def pixels_of(part: Locator) -> Any:
    return np.asarray(Image.open(io.BytesIO(part.screenshot())).convert("RGB"))


def test_a_missing_browser_skips_the_tests_but_not_where_somebody_counts_on_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LOOKALIKE_BROWSER", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install chromium"):
        browser_path()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no browser chromium"):
        browser_path()
    monkeypatch.setenv("LOOKALIKE_BROWSER", "firedog")
    with pytest.raises(pytest.fail.Exception, match="no browser firedog"):
        browser_path()


# --- what is shown


def test_every_group_says_what_is_kept_and_why_and_what_was_done(
    open_page: OpenPage, written: Written
) -> None:
    page = open_page(written.html)

    expect(page.locator(".group.copies")).to_have_count(3)
    kept = group_of(page, "cropped.jpg").locator(".kept .what")
    expect(kept).to_have_text(f"why: {written.review.groups[0].reason}")
    small = card_of(page, "third-small.jpg")
    expect(small.locator(".what")).to_have_text("smaller (320x240)")
    expect(small.locator("input")).to_be_checked()
    assert "third-small.jpg, to move: smaller" in str(small.get_attribute("aria-label"))
    going = sum(selected(written.plan).values())
    expect(page.locator("#going")).to_have_text(f"{going} files to move")
    page.wait_for_function("[...document.querySelectorAll('.card img')].every((i) => i.naturalWidth > 0)")


def test_a_name_with_markup_is_text_and_nothing_of_it_runs(open_page: OpenPage, written: Written) -> None:
    page = open_page(written.html)
    page.on("dialog", lambda dialog: pytest.fail(f"the page was made to say {dialog.message}"))

    card = card_of(page, "onerror=alert(1)")

    assert card.locator(".name").text_content() == MARKUP[1]
    assert card.locator(".folder").text_content() == MARKUP[0]
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("[onerror]").count() == 0


def test_a_name_of_stray_bytes_and_control_characters_is_shown_escaped(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)

    assert card_of(page, "caf").locator(".name").text_content() == r"caf\udce9\n\x1b[31m.jpg"
    members = json.loads(exported(page, tmp_path))["groups"]
    paths = {os.fsencode(m["path"]) for group in members for m in group["members"] if "path_b64" in m}
    assert {os.path.basename(path) for path in paths} == {NOT_UTF8}


def test_no_script_but_its_own_can_run(browser: Browser, written: Written) -> None:
    page = browser.new_page()
    page.goto(written.html.as_uri())

    ran = page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.intruder = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<b onclick='window.intruder = true'>x</b>");
            document.body.lastElementChild.click();
            return window.intruder ?? false;
        }"""
    )
    page.close()

    assert ran is False


def test_boxes_lie_over_what_differs_and_a_key_hides_them(open_page: OpenPage, written: Written) -> None:
    page = open_page(written.html)
    card = card_of(page, "stamped.jpg")
    picture = card.locator(".picture").bounding_box()
    assert picture

    boxes = [box.bounding_box() for box in card.locator(".box").all()]

    assert boxes
    for box in boxes:
        assert box
        x = (box["x"] + box["width"] / 2 - picture["x"]) / picture["width"] * 640
        y = (box["y"] + box["height"] / 2 - picture["y"]) / picture["height"] * 480
        assert STAMP[0] - 20 < x < STAMP[2] + 20
        assert STAMP[1] - 20 < y < STAMP[3] + 20
    page.keyboard.press("d")
    expect(card.locator(".box").first).to_be_hidden()
    page.keyboard.press("d")
    expect(card.locator(".box").first).to_be_visible()


def test_the_comparison_lays_a_crop_where_it_was_cut_from(open_page: OpenPage, written: Written) -> None:
    page = open_page(written.html)
    card_of(page, "cropped.jpg").locator(".facts").click()
    page.keyboard.press("b")
    page.keyboard.press("a")  # stands still
    stage = page.locator("#stage")
    expect(page.locator("#which")).to_contain_text("this one")
    page.wait_for_function("$('stage').clientWidth > 400")
    copy = pixels_of(stage)
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("a")
    page.locator("#flip").click()
    expect(page.locator("#which")).to_contain_text("the kept one")
    kept = pixels_of(stage)

    left, top, right, bottom = (
        round(edge / full * side)
        for edge, full, side in zip(CROP, (640, 480) * 2, kept.shape[1::-1] * 2, strict=True)
    )
    inside = slice(top + 8, bottom - 8), slice(left + 8, right - 8)
    moved = slice(top + 20, bottom + 4), slice(left + 8, right - 8)
    assert difference(kept[inside], copy[inside]) < 5
    assert difference(kept[moved], copy[inside]) > 2 * difference(kept[inside], copy[inside])


@pytest.mark.parametrize(("motion", "blinks"), [("reduce", False), ("no-preference", True)])
def test_nothing_blinks_for_who_wants_things_still(
    browser: Browser, written: Written, motion: Any, blinks: bool
) -> None:
    page = browser.new_page(reduced_motion=motion)
    page.goto(written.html.as_uri())
    card_of(page, "stamped.jpg").locator(".facts").click()
    page.keyboard.press("b")

    assert page.get_attribute("#blink", "aria-pressed") == str(blinks).lower()
    page.close()


# --- keys and choices


def test_keys_walk_through_groups_and_files(open_page: OpenPage, written: Written) -> None:
    page = open_page(written.html)

    def here() -> str:
        return str(page.evaluate("document.activeElement.querySelector('.name')?.textContent"))

    page.keyboard.press("j")
    first = here()
    page.keyboard.press("l")
    assert here() not in (first, "undefined")
    page.keyboard.press("ArrowLeft")
    assert here() == first
    page.keyboard.press("j")
    assert page.locator("#place").inner_text().startswith("2 of ")
    expect(page.locator(".group.current")).to_have_count(1)
    page.keyboard.press("k")
    assert here() == first
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("jk third")
    expect(page.locator("#nothing")).to_be_visible()


def test_space_takes_a_file_out_and_back_and_the_sums_follow(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    card = card_of(page, "third-small.jpg")
    before = page.locator("#winning").inner_text()

    card.locator(".facts").click()
    page.keyboard.press("Space")

    expect(card.locator("input")).not_to_be_checked()
    expect(card.locator(".state")).to_have_text("stays")
    assert page.locator("#winning").inner_text() != before
    plan = exported(page, tmp_path)
    assert selected(plan) == selected(written.plan) | {"third-small.jpg": False}
    page.keyboard.press("Space")
    assert exported(page, tmp_path) == written.plan
    card.locator("input").click()
    assert exported(page, tmp_path) == plan


def test_space_on_the_kept_file_is_for_the_whole_group(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    group_of(page, "third-small.jpg").locator(".kept .facts").click()

    page.keyboard.press("Space")

    chosen = selected(exported(page, tmp_path))
    assert not chosen["third-small.jpg"]
    assert not chosen["third-tiny.jpg"]
    assert chosen["small.png"]


@pytest.mark.parametrize(
    ("name", "why"), [("linked.jpg", "a hard link"), ("guarded.jpg", "in a protected folder")]
)
def test_what_must_stay_cannot_be_chosen_and_says_why(
    open_page: OpenPage, written: Written, tmp_path: Path, name: str, why: str
) -> None:
    page = open_page(written.html)
    card = card_of(page, name)

    assert card.locator("input").count() == 0
    expect(card.locator(".lock")).to_contain_text(why)
    card.locator(".facts").click()
    page.keyboard.press("Space")
    expect(page.locator("#toast")).to_contain_text(why)
    assert exported(page, tmp_path) == written.plan


def test_bytes_come_free_only_when_all_links_to_them_go(open_page: OpenPage, written: Written) -> None:
    page = open_page(written.html)
    group, size = group_of(page, "twin.jpg"), "DATA.groups.map(bytesFreed).reduce((a, b) => a + b)"
    (bytes_of_twin,) = (
        member.photo.size
        for each in written.review.groups
        for member in each.members
        if member.file.path.endswith("twin.jpg")
    )
    both = page.evaluate(size)

    card_of(page, "twin.jpg").locator("input").click()

    assert page.evaluate(size) == both - bytes_of_twin
    group.locator(".card", has=page.locator(".name", has_text="caf")).locator("input").click()
    assert page.evaluate(size) == both - bytes_of_twin


def test_lookalikes_are_shown_but_are_no_part_of_the_plan(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    page.select_option("#class", "similar")
    groups = page.locator(".group")
    assert groups.count() == len(written.review.similar) > 0

    assert groups.locator("input").count() == 0
    page.keyboard.press("j")
    page.keyboard.press("l")
    for key in ("Space", "Enter", "2"):
        page.keyboard.press(key)
    assert exported(page, tmp_path) == written.plan


# --- the plan


def test_the_exported_plan_is_byte_for_byte_that_of_the_command_line(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    assert exported(open_page(written.html), tmp_path) == written.plan


def test_another_kept_file_gives_a_valid_plan_and_the_original_stays_one(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    card_of(page, "third-small.jpg").locator(".facts").click()
    page.keyboard.press("Enter")

    plan = exported(page, tmp_path)

    (group,) = (g for g in json.loads(plan)["groups"] if g["keeper"]["path"].endswith("third-small.jpg"))
    members = {Path(member["path"]).name: member for member in group["members"]}
    assert group["keeper"]["reason"] == "chosen by you"
    assert "class" not in group["keeper"]
    assert set(members) == {"third.jpg", "third-tiny.jpg"}
    assert members["third.jpg"]["transform"] == "the original"
    # What they hold was asked beside another file: neither is given up unseen for this one.
    assert members["third.jpg"]["selected"] is False
    assert members["third-tiny.jpg"]["selected"] is False
    assert group["wasted_bytes"] == sum(member["bytes"] for member in members.values())
    assert files_of(plan) == files_of(written.plan)
    page.keyboard.press("2")
    assert exported(page, tmp_path) == written.plan


def test_an_exact_copy_may_be_kept_instead_and_the_others_stay_chosen(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    card_of(page, "linked.jpg").get_by_role("button", name="Keep this one").click()

    plan = exported(page, tmp_path)

    (group,) = (g for g in json.loads(plan)["groups"] if g["keeper"]["path"].endswith("linked.jpg"))
    said = {Path(m["path"]).name: (m["class"], m["transform"], m["selected"]) for m in group["members"]}
    assert said["first.jpg"] == ("exact", "hard link", False)
    assert said["guarded.jpg"] == ("exact", "same bytes", False)
    assert said["twin.jpg"] == ("exact", "same bytes", True)
    # What was proven of the picture is true of every file that shows it.
    assert said["small.png"] == ("copy", "smaller (400x300), converted to PNG", True)
    assert said["cropped.jpg"][1:] == ("cropped to 72 %, 11 % of the details differ", False)
    assert files_of(plan) == files_of(written.plan)


# --- what is kept


def test_choices_outlive_a_reload_and_can_be_undone(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    card_of(page, "stamped.jpg").locator("input").click()
    card_of(page, "third-tiny.jpg").get_by_role("button", name="Keep this one").click()
    plan = exported(page, tmp_path)

    page.reload()

    assert exported(page, tmp_path) == plan != written.plan
    expect(card_of(page, "stamped.jpg").locator("input")).to_be_checked()
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#reset").click()
    assert exported(page, tmp_path) == written.plan
    page.reload()
    assert exported(page, tmp_path) == written.plan


def test_rubbish_that_was_kept_changes_nothing(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html)
    for rubbish in ('{"changed": [[0, 99, []], [77, 0, []], [1, 0, [[55, 1]]]]}', "{", "[1]"):
        page.evaluate("(text) => localStorage.setItem(PREFIX + DATA.id, text)", rubbish)
        page.reload()
        assert exported(page, tmp_path) == written.plan


def test_where_nothing_can_be_kept_the_page_says_so_and_works(
    open_page: OpenPage, written: Written, tmp_path: Path
) -> None:
    page = open_page(written.html, NO_STORAGE)
    card_of(page, "stamped.jpg").locator("input").click()

    expect(page.locator("#no-memory")).to_be_visible()
    assert selected(exported(page, tmp_path))["stamped.jpg"]


# --- filters, and many


def test_filters_find_paths_classes_and_choices(open_page: OpenPage, written: Written) -> None:
    page = open_page(written.html)
    groups = page.locator(".group")
    page.fill("#find", "THIRD-TINY")
    expect(page.locator(".group.copies")).to_have_count(1)
    page.fill("#find", "")
    page.select_option("#class", "exact")
    expect(groups).to_have_count(1)
    page.select_option("#class", "")
    page.select_option("#with", "changed")
    expect(groups).to_have_count(0)
    page.select_option("#with", "open")
    expect(groups).to_have_count(2)
    page.select_option("#with", "going")
    expect(groups).to_have_count(2)


def test_it_can_be_used_at_400_pixels(browser: Browser, written: Written) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto(written.html.as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.keyboard.press("j")
    heading, bar = (
        page.locator(".current h2").bounding_box(),
        page.locator("#bar").bounding_box(),
    )
    assert heading
    assert bar
    assert heading["y"] >= bar["y"] + bar["height"]
    page.close()


def test_2000_groups_stay_quick_and_only_those_near_are_there(
    open_page: OpenPage, many: Written, tmp_path: Path
) -> None:
    page = open_page(many.html)
    expect(page.locator("#going")).to_have_text("3,000 files to move")

    times = page.evaluate(
        """async () => {
            const times = [];
            for (let n = 0; n < 60; n++) {
                const start = performance.now();
                const key = n < 40 ? "j" : n % 2 ? " " : "k";
                document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                times.push(performance.now() - start);
            }
            return times;
        }"""
    )

    # About 20 ms where nothing else runs, most of it the wait for the next frame.
    assert statistics.median(times) < 200
    assert page.locator(".group").count() == 2000
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    last = page.locator(".group").last
    expect(last.locator(".card").first).to_be_visible()
    page.wait_for_function("document.querySelectorAll('.card').length < 60")
    assert last.locator("img").first.evaluate("(image) => image.decode().then(() => true)")
    page.fill("#find", "IMG_00042.jpg")
    expect(page.locator(".group")).to_have_count(1)
    page.keyboard.press("Escape")
    plan = exported(page, tmp_path)
    assert files_of(plan) == files_of(many.plan)
    assert plan != many.plan


def test_the_plan_of_2000_untouched_groups_is_that_of_the_command_line(
    open_page: OpenPage, many: Written, tmp_path: Path
) -> None:
    assert exported(open_page(many.html), tmp_path) == many.plan
