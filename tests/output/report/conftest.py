"""A real browser, and reports for it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from lookalike.tests.output.report.making import Written, write_library, write_many

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

OpenPage = Callable[..., Page]


def browser_path() -> str:
    """Return the program; without one the test is skipped, unless somebody counts on it."""
    named = os.environ.get("LOOKALIKE_BROWSER")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    if named or os.environ.get("CI") == "true":
        pytest.fail(f"there is no browser {named or ' or '.join(NAMES)} on this machine")
    pytest.skip("no browser on this machine: install chromium, or name one in LOOKALIKE_BROWSER")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def open_page(context: BrowserContext) -> Iterator[OpenPage]:
    """Open reports; after the test the page must not have complained nor asked anybody for anything."""
    trouble: list[str] = []

    def requested(url: str) -> None:
        if not url.startswith(("file:///", "data:", "blob:")):
            trouble.append(f"asked for {url}")

    def open_page(html: Path, script: str = "") -> Page:
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: requested(request.url))
        if script:
            page.add_init_script(script)
        page.goto(html.as_uri())
        return page

    yield open_page
    assert trouble == []


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of the drawn library."""
    return write_library(tmp_path_factory.mktemp("library").resolve())


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of 2,000 groups, 5,000 files."""
    return write_many(tmp_path_factory.mktemp("many"), 2000)
