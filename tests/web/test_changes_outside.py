"""What happens around an open page: streams break, drives go, stores are exchanged, others are at work."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike import Library
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.web.conftest import Address, running
from lookalike.tests.web.reviewing import Copied
from lookalike.web.served import Served

SOON = 15_000  # ms; the page looks every five seconds
# What it does again and again comes ten times as often.
HURRY = """
const [every, after] = [setInterval, setTimeout];
window.setInterval = (act, ms) => every(act, ms / 10);
window.setTimeout = (act, ms) => after(act, act.name === "listen" ? ms / 10 : ms);
"""


@pytest.fixture
def own(photos: Path, tmp_path: Path) -> Path:
    """A library of its own: photos/ and store/ in a folder."""
    shutil.copytree(photos, tmp_path / "photos")
    make_store(tmp_path / "photos", tmp_path / "store")
    return tmp_path


def make_store(photos: Path, store: Path) -> None:
    with Library.open(store, create=True) as library:
        library.index(photos)


@pytest.fixture
def its(own: Path) -> Iterator[Served]:
    """That library as a server has it."""
    with Library.open(own / "store") as library:
        made = Served(library)
        yield made
        made.close()


@pytest.fixture
def there(its: Served) -> Iterator[Address]:
    with running(its) as address:
        yield address


def opened(context: BrowserContext, address: Address, where: str = "") -> Page:
    """Open the page; unlike others, this one may complain of what the test takes away."""
    page = context.new_page()
    page.add_init_script(HURRY)
    page.goto(f"{address.url}{where}#token={address.entry.token}")
    return page


def cell(page: Page, name: str) -> Locator:
    return page.locator(".cell").filter(has=page.locator(f"img[alt^='{name}']"))


# --- the stream of what happens -------------------------------------------------------------------------


def test_without_a_stream_the_page_asks(context: BrowserContext, served: Served, address: Address) -> None:
    context.route("**/api/events", lambda route: route.abort())
    page = opened(context, address, "?view=activity")
    expect(page.locator(".activity")).to_contain_text("Nothing runs.")
    served.jobs.start("dupes", "looking for copies", lambda _: "done elsewhere")
    expect(page.locator(".job")).to_contain_text("done elsewhere", timeout=SOON)


def test_a_page_of_another_run_says_how_to_go_on_and_waits_for_nothing(
    context: BrowserContext, address: Address
) -> None:
    page = context.new_page()
    page.goto(f"{address.url}?view=copies")
    expect(page.locator("#trouble")).to_contain_text("Start that again, with --write if you had it")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".copiesview")).not_to_contain_text("Reading what is known")


def test_a_stream_that_is_refused_is_asked_for_again(
    context: BrowserContext, served: Served, address: Address
) -> None:
    context.route("**/api/events", lambda route: route.fulfill(status=502))
    page = opened(context, address, "?view=activity")
    expect(page.locator(".activity")).to_contain_text("Nothing runs.")
    served.jobs.start("dupes", "looking for copies", lambda _: "done elsewhere")
    expect(page.locator(".job")).to_contain_text("done elsewhere", timeout=SOON)
    context.unroute("**/api/events")
    with page.expect_request("**/api/events", timeout=2 * SOON):
        pass


class Cut(Exception):
    pass


class CutOnce:
    """Cuts the first stream after what happened first; keeps what each stream was asked for from."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked_from: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_till_cut(message: Message) -> None:
            await send(message)
            if message.get("body", b"").startswith(b"id: "):
                await send({"type": "http.response.body"})
                raise Cut

        if scope["type"] != "http" or scope["path"] != "/api/events":
            return await self._app(scope, receive, send)
        self.asked_from.append(dict(scope["headers"]).get(b"last-event-id", b"").decode())
        is_first = len(self.asked_from) == 1
        with suppress(Cut):
            await self._app(scope, receive, send_till_cut if is_first else send)
        return None


def test_a_stream_that_was_cut_goes_on_where_it_was(context: BrowserContext, served: Served) -> None:
    cuts: list[CutOnce] = []

    def around(app: ASGIApp) -> ASGIApp:
        cuts.append(CutOnce(app))
        return cuts[0]

    with running(served, around) as address:
        page = opened(context, address, "?view=activity")
        with page.expect_response("**/api/events"):
            expect(page.locator(".activity")).to_contain_text("Nothing runs.")
        with page.expect_response("**/api/events", timeout=SOON):
            served.jobs.start("dupes", "looking for copies", lambda _: "done elsewhere")
        expect(page.locator(".job")).to_contain_text("done elsewhere")
    assert cuts[0].asked_from[:2] == ["", "1"]


# --- drives and stores ------------------------------------------------------------------------------------


def test_a_drive_that_goes_is_told_and_comes_back(
    context: BrowserContext, own: Path, there: Address
) -> None:
    page = opened(context, there)
    cell(page, "p5.jpg").press("Enter")
    photo = page.locator("dialog.photo")
    expect(photo.locator(".strips h3").first).to_be_visible()
    (own / "photos").rename(own / "away")

    page.keyboard.press("ArrowRight")
    expect(photo.locator(".notice")).to_contain_text(f"{own / 'photos'} is away: connect its drive")
    expect(photo.locator("img.large")).not_to_have_js_property("naturalWidth", 0)
    page.keyboard.press("Escape")
    page.locator("#tabs a", has_text="Activity").press("Enter")
    expect(page.locator(".activity .tag.warn")).to_have_text("away: connect its drive")
    expect(page.locator(".activity input[type=checkbox]")).to_be_disabled()

    (own / "away").rename(own / "photos")
    expect(page.locator(".activity .tag.warn")).to_have_count(0, timeout=SOON)
    page.go_back()
    cell(page, "p4.jpg").press("Enter")
    expect(photo.locator("img.large")).to_have_js_property("naturalWidth", 640)
    expect(photo.locator(".notice")).to_be_hidden()


def test_an_open_photo_is_whole_again_when_its_drive_is_back(
    context: BrowserContext, own: Path, there: Address
) -> None:
    (own / "photos").rename(own / "away")
    (own / "photos").mkdir()  # as a mount point is while nothing is mounted there
    page = opened(context, there)
    cell(page, "p5.jpg").press("Enter")
    notice = page.locator("dialog.photo .notice")
    expect(notice).to_contain_text("is away: connect its drive")
    (own / "photos").rmdir()
    (own / "away").rename(own / "photos")
    expect(notice).to_be_hidden(timeout=SOON)
    expect(page.locator("img.large")).to_have_js_property("naturalWidth", 640)


def test_a_store_that_is_gone_or_another_is_told_and_gives_no_photos(
    context: BrowserContext, own: Path, there: Address
) -> None:
    save(own / "others" / "other.jpg", draw_photo(40), quality=90)
    make_store(own / "others", own / "other-store")
    page = opened(context, there)
    expect(page.locator(".cell")).not_to_have_count(0)

    (own / "store").rename(own / "kept")
    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text("is away: connect its drive or put the folder back", timeout=SOON)
    (own / "other-store").rename(own / "store")
    expect(trouble).to_contain_text("was replaced by another one", timeout=SOON)
    page.locator(".cell").first.press("f")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    asked = page.evaluate(
        """() => Promise.all(["photos/1", "photos/1/thumb", "photos/1/original", "sets", "groups"].map(
            (each) => fetch(`/api/${each}`).then((answer) => answer.json()).then(({ code }) => code)))"""
    )
    assert set(asked) == {"Replaced"}

    (own / "store").rename(own / "other-store")
    (own / "kept").rename(own / "store")
    expect(trouble).to_be_hidden(timeout=SOON)
    expect(page.locator(".cell").first.locator("img")).not_to_have_attribute("alt", "")


def test_pictures_that_the_browser_kept_are_not_shown_for_those_of_another_library(
    context: BrowserContext, own: Path, its: Served
) -> None:
    shown = "img => [img.naturalWidth, img.naturalHeight]"
    with running(its) as address:
        page = opened(context, address)
        first = page.locator(".cell img").first
        expect(first).not_to_have_js_property("naturalWidth", 0)
        port = address.entry.port
    save(own / "others" / "tall.jpg", draw_photo(41, 300, 600), quality=90)
    make_store(own / "others", own / "other-store")
    with Library.open(own / "other-store") as library:
        other = Served(library)
        with running(other, port=port) as address:  # its photo 1 has the address of one of before
            page = opened(context, address)
            picture = page.locator(".cell img")
            expect(picture).not_to_have_js_property("naturalWidth", 0)
            width, height = picture.evaluate(shown)
            assert height / width == pytest.approx(2, rel=0.02)
        other.close()


# --- other processes --------------------------------------------------------------------------------------


def test_what_another_process_indexes_appears(context: BrowserContext, own: Path, there: Address) -> None:
    page = opened(context, there)
    expect(page.locator(".sum")).to_have_text("9 photos")
    save(own / "photos" / "late.jpg", draw_photo(50), quality=90)
    lookalike("index", own / "photos", "--store", own / "store")
    expect(page.locator(".sum")).to_have_text("10 photos", timeout=SOON)
    expect(page.locator(".cell img[alt^='late.jpg']")).to_have_count(1)

    page.locator(".cell").nth(1).focus()
    page.keyboard.press("x")
    save(own / "photos" / "later.jpg", draw_photo(51), quality=90)
    lookalike("index", own / "photos", "--store", own / "store")
    news = page.get_by_role("button", name="The library changed")
    expect(news).to_be_visible(timeout=SOON)
    expect(page.locator(".middle > .actions strong")).to_have_text("1 selected")  # nobody is disturbed
    news.press("Enter")
    expect(page.locator(".cell img[alt^='later.jpg']")).to_have_count(1)
    expect(news).to_be_hidden()


def test_two_tabs_decide_in_one_group(context: BrowserContext, proven: Copied, tmp_path: Path) -> None:
    with Library.open(proven.again(tmp_path).store, write=True) as library:
        served = Served(library, can_write=True)
        served.groups.read_known()
        with running(served) as address:
            one, other = (opened(context, address, "?view=copies&order=path") for _ in range(2))
            for page in (one, other):
                expect(page.locator(".one .kept .name")).to_have_text("n0.jpg")
            for page, name in ((one, "eq0.jpg"), (other, "small0.jpg")):
                state = f".one .card:has(.name:text-is('{name}')) .state"
                page.locator(f".one .card:has(.name:text-is('{name}'))").press("Space")
                for each in (one, other):
                    expect(each.locator(state)).to_have_text("stays")
            for page in (one, other):  # the second choice has not undone the first
                expect(page.locator(".one .state", has_text="stays")).to_have_count(
                    3
                )  # and one that was edited
            one.locator(".one .card").first.press("n")
            for page in (one, other):
                expect(page.locator(".one .kept .name")).to_have_text("n1.jpg")
                expect(page.locator(".toast.error")).to_have_count(0)
        served.close()
