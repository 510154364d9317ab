"""A real browser for tests of pages."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The shell draws no windows, which is a third of what a page costs.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--in-process-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic", "--disable-sync"),
)


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
def browser() -> "Iterator[Browser]":
    """One for all tests of a process: Playwright cannot be started twice in one."""
    from playwright.sync_api import expect, sync_playwright  # most processes need none

    expect.set_options(timeout=30_000)  # the machine may be busy; 5 s are the default

    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser
        browser.close()
