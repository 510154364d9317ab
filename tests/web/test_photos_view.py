"""Looking through photos and searching by them, in a real browser: by mouse, keys, dropped pictures."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from lookalike import Library
from lookalike.tests.pictures import draw_photo, encode
from lookalike.tests.web.conftest import YEARS, Address, OpenPage, running, violations
from lookalike.web.served import Served

PHOTOS = len(YEARS) + 3

# A file given to an event as a browser gives it.
GIVE = """([data, kind, name]) => {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], name, { type: "image/jpeg" }));
    const event = kind === "drop"
        ? new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}"""


def shown(page: Page) -> list[str]:
    """Return the names of the photos in the grid, in their order."""
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".photos.waiting")).to_have_count(0)  # the library may have changed meanwhile
    expect(page.locator(".sum")).not_to_be_empty()
    expect(page.locator(".cell img[alt='']")).to_have_count(0)
    script = "cells => cells.sort((a, b) => a.dataset.at - b.dataset.at).map((cell) => cell.firstChild.alt)"
    return [alt.partition(",")[0] for alt in page.eval_on_selector_all(".cell", script)]


def test_all_photos_are_there_newest_first_under_their_months(open_page: OpenPage) -> None:
    page = open_page()
    page.set_viewport_size({"width": 1280, "height": 3000})  # only what is near the window is in the page
    expect(page.locator(".cell")).to_have_count(PHOTOS)
    names = shown(page)
    assert [each for each in names if each[0] == "p"] == [f"p{n}.jpg" for n in reversed(range(len(YEARS)))]
    months = ["June 2021", "May 2021", "April 2021", "March 2019", "February 2018", "January 2018"]
    assert page.locator(".heading h2").all_inner_texts()[1:] == months
    expect(page.locator(".sum")).to_have_text(f"{PHOTOS} photos")


def test_raw_files_have_a_mark(open_page: OpenPage) -> None:
    def developed(route: Route) -> None:
        answer = route.fetch()
        rows = [
            row | {"format": "RAW" if row["path"].endswith("p5.jpg") else row["format"]}
            for row in answer.json()["photos"]
        ]
        route.fulfill(response=answer, body=json.dumps({"photos": rows}))

    page = open_page("?since=2100")
    page.route("**/api/sets/*/photos*", developed)
    page.get_by_role("button", name="remove 2100 to").click()
    shown(page)
    marked = page.locator(".cell", has=page.locator(".raw"))
    expect(marked).to_have_count(1)
    expect(marked.locator("img")).to_have_attribute("alt", re.compile("^p5.jpg.*, RAW$"))


def test_folders_of_one_name_are_told_apart_by_what_lies_above_them(open_page: OpenPage) -> None:
    script = "(given) => import('/review/words.js').then(({ placed }) => placed(...given))"
    page, roots = open_page(), ["/media/ssd/Photos", "/media/usb/Photos", "/home/me/Pictures"]
    for path, name in (
        ("/media/usb/Photos/2019", "usb/Photos/2019"),
        ("/home/me/Pictures", "Pictures"),
        ("/elsewhere/a", "/elsewhere/a"),
    ):
        assert page.evaluate(script, [path, roots]) == name


def test_a_folder_and_a_year_are_filters_that_can_be_taken_away(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="2021 3").first.click()
    page.wait_for_url("**folder=*")
    assert shown(page) == ["p5.jpg", "p4.jpg", "p3.jpg"]
    page.reload()
    assert shown(page) == ["p5.jpg", "p4.jpg", "p3.jpg"]
    page.get_by_role("button", name="remove in 2021").click()
    expect(page.locator(".sum")).to_have_text(f"{PHOTOS} photos")
    page.go_back()
    expect(page.locator(".sum")).to_have_text("3 photos")


def test_keywords_people_and_ratings_are_filters_beside_all_others(open_page: OpenPage) -> None:
    page = open_page()
    facets = page.locator(".facets")
    expect(facets.get_by_role("button", name=re.compile("^lyon 2$", re.IGNORECASE))).to_be_visible()
    facets.get_by_role("button", name=re.compile("^lyon", re.IGNORECASE)).press("Enter")
    page.wait_for_url("**keyword=*")
    assert shown(page) == ["p4.jpg", "p3.jpg"]
    facets.get_by_role("button", name="sea 1").press("Enter")
    page.wait_for_url("**sea")
    assert shown(page) == ["p3.jpg"]
    facets.get_by_role("button", name="4 stars 1").press("Enter")
    page.wait_for_url("**rating=4")
    assert shown(page) == ["p3.jpg"]
    expect(page.locator(".chip")).to_have_count(3)
    page.locator(".cell").first.focus()
    with page.expect_request(re.compile(r"/photos/\d+\?.*rating=4")):  # named as in the grid
        page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.photo")).to_be_hidden()
    page.locator(".cell").first.focus()
    page.keyboard.press("f")
    page.wait_for_url("**like=*")
    expect(page.locator(".sum")).to_contain_text("like it")
    page.get_by_role("button", name="remove sea").click()
    page.get_by_role("button", name="remove 4 stars").click()
    page.wait_for_url(re.compile("(?!.*rating)"))
    assert set(shown(page)) <= {"p3.jpg", "p4.jpg"}
    assert violations(page) == []


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_from_outside_finds_its_like(open_page: OpenPage, way: str) -> None:
    page = open_page()
    shown(page)
    picture = encode(draw_photo(3).resize((500, 375)), quality=70)
    page.evaluate(GIVE, [base64.b64encode(picture).decode(), way, "mine.jpg"])
    page.wait_for_url("**like=*")
    expect(page.locator(".cell").first).to_be_visible()
    assert shown(page)[0] == "p3.jpg"


def test_a_file_can_be_chosen_and_one_that_is_no_picture_is_told(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    shown(page)
    (tmp_path / "mine.jpg").write_bytes(encode(draw_photo(4), quality=60))
    page.set_input_files("input[type=file]", tmp_path / "mine.jpg")
    page.wait_for_url("**like=*")
    expect(page.locator(".cell").first).to_be_visible()
    assert shown(page)[0] == "p4.jpg"


def test_one_walks_selects_and_searches_by_keys_alone(open_page: OpenPage) -> None:
    page = open_page()
    names = shown(page)
    page.locator(".cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.photo h2")).to_have_text(names[0])
    page.keyboard.press("ArrowRight")
    expect(page.locator("dialog.photo h2")).to_have_text(names[1])
    page.keyboard.press("Escape")
    expect(page.locator("dialog.photo")).to_be_hidden()
    expect(page.locator(".middle > .actions strong")).to_have_text("1 selected")
    expect(page.locator(".middle > .actions")).to_be_in_viewport(ratio=1)
    expect(page.locator(".middle > .actions")).not_to_contain_text("null")
    page.get_by_role("button", name="Find photos like these").click()
    page.wait_for_url("**like=*")
    expect(page.locator(".cell").first).to_be_visible()
    assert names[1] not in shown(page)


def test_every_key_does_what_the_help_says(open_page: OpenPage) -> None:
    page = open_page()
    names = shown(page)
    focused = page.locator(".cell:focus")
    page.keyboard.press("ArrowRight")  # nothing needs to be clicked before
    expect(focused.locator("img")).to_have_attribute("alt", re.compile(names[1]))
    height = "cell => cell.offsetHeight"
    before = focused.evaluate(height)
    page.keyboard.press("+")
    expect(focused.locator("img")).to_have_attribute("alt", re.compile(names[1]))
    assert focused.evaluate(height) > before
    page.keyboard.press("-")
    page.keyboard.press("f")
    expect(page.locator(".chip.example")).to_have_count(1)
    shown(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("m")
    expect(page.locator(".chip.example")).to_have_count(2)
    shown(page)
    page.keyboard.press("End")
    page.keyboard.press("w")
    expect(page.locator(".chip.minus")).to_have_count(1)
    shown(page)
    page.keyboard.press("Escape")
    expect(page.locator(".chip")).to_have_count(0)
    expect(page.locator(".sum")).to_have_text(f"{PHOTOS} photos")
    page.keyboard.press("g")
    page.locator("dialog input[type=month]").fill("2019-03")
    page.keyboard.press("Enter")
    expect(focused.locator("img")).to_have_attribute("alt", re.compile("p2.jpg"))
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("?")
    expect(page.locator("dialog.help kbd").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("input[type=search]")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#tabs a").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".activity h2").first).to_be_visible()


def test_the_part_to_search_by_is_drawn_or_set_by_keys(open_page: OpenPage) -> None:
    page = open_page()
    shown(page)
    page.locator(".cell").nth(2).focus()
    page.keyboard.press("f")
    page.wait_for_url("**like=*")
    shown(page)
    page.keyboard.press("b")
    place = "box => ['left', 'top', 'width', 'height'].map((side) => box.style[side])"
    frame = page.locator(".rubber")
    assert frame.evaluate(place) == ["25%", "25%", "50%", "50%"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert frame.evaluate(place) == ["26%", "25%", "50%", "51%"]
    page.wait_for_selector(".boxing img")
    stage = page.locator(".boxing").bounding_box()
    assert stage is not None
    page.mouse.move(stage["x"] + 5, stage["y"] + 5)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    page.mouse.up()
    page.get_by_role("button", name="Search", exact=False).last.click()
    page.wait_for_url("**box=*")
    assert shown(page)


def test_what_is_asked_for_by_a_condition_or_a_word(open_page: OpenPage) -> None:
    page = open_page()
    shown(page)
    page.keyboard.press("/")
    page.keyboard.type("width<400")
    page.keyboard.press("Enter")
    page.wait_for_url("**where=*")
    assert shown(page) == ["small.jpg"]
    page.fill("input[type=search]", "lyon p4")
    page.keyboard.press("Enter")
    page.wait_for_url("**words=*")
    assert shown(page) == ["p4.jpg"]
    page.fill("input[type=search]", "dog")
    page.keyboard.press("Enter")
    page.wait_for_url("**label=*")
    page.get_by_role("button", name="Find the word").click()
    page.wait_for_url("**words=dog")
    expect(page.locator(".nothing")).to_contain_text("No photo passes")
    page.fill("input[type=search]", "beacn")
    page.keyboard.press("Enter")
    expect(page.locator(".nothing")).to_contain_text("No photo says “beacn”")
    page.locator(".nothing").get_by_role("button", name="beacon").click()
    page.wait_for_url("**label=beacon")


def test_an_empty_library_leads_to_where_a_folder_is_added(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pictures").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    with Library.open(tmp_path / "store", create=True) as library:
        served = Served(library, can_write=True)
        with running(served) as address:
            page = browser.new_page()
            page.goto(f"{address.url}#token={address.entry.token}")
            way = page.get_by_role("button", name="Add a folder")
            expect(way).to_be_visible()
            assert way.bounding_box()["height"] < 60  # type: ignore[index]
            way.click()
            expect(page.get_by_role("button", name="Index the chosen folders")).to_have_count(0)
            page.get_by_label("Path of a folder").fill("Picures")  # below the home folder
            page.get_by_label("Path of a folder").press("Enter")
            expect(page.locator(".toast.error")).to_contain_text(f"did you mean {tmp_path / 'Pictures'}?")
            expect(page.get_by_role("button", name="Index ~/Pictures")).to_be_visible()
            page.get_by_label("Path of a folder").fill(str(tmp_path))
            page.get_by_label("Path of a folder").press("Enter")
            expect(page.locator(".job.done")).to_be_visible()
            expect(page.locator(".toast.error")).to_have_count(0)
            page.close()
        served.close()


def test_what_cannot_be_done_is_told_in_words(address: Address, browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(f"{address.url}#token={address.entry.token}")
    shown(page)
    page.fill("input[type=search]", "width<")
    page.keyboard.press("Enter")
    expect(page.locator(".toast.error")).to_contain_text("cannot read the condition")
    expect(page.locator(".nothing")).to_contain_text("Nothing was found")
    (tmp_path / "none.jpg").write_bytes(b"no picture")
    page.set_input_files("input[type=file]", tmp_path / "none.jpg")
    expect(page.locator(".toast.error")).to_have_count(2)
    page.close()


@pytest.mark.parametrize(
    ("width", "scheme", "forced"),
    [(1280, "light", "none"), (390, "light", "none"), (1280, "dark", "active"), (390, "dark", "none")],
)
def test_people_with_other_eyes_and_hands_can_use_it(
    browser: Browser, address: Address, width: int, scheme: Any, forced: Any
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, forced_colors=forced
    )
    page = context.new_page()
    page.goto(f"{address.url}#token={address.entry.token}")
    shown(page)
    assert violations(page) == []
    page.locator(".cell").first.click()
    page.wait_for_selector(".strips h3")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
