"""A real browser, and reports for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from lookalike.tests.output.report.making import Written, write_library, write_many

OpenPage = Callable[..., Page]


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
