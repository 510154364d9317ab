"""A library that is served: to a client in this process, and to a real browser."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from lookalike import Library
from lookalike.dedup.packets import merged
from lookalike.tests.pictures import draw_photo, exif_with, save
from lookalike.tests.web.reviewing import Copied, make_copied
from lookalike.web.app import make_app
from lookalike.web.guard import Pass
from lookalike.web.served import Served

TAKEN = 0x9003  # DateTimeOriginal
PORT = 8765
YEARS = (2018, 2018, 2019, 2021, 2021, 2021)
# What some of the photos say of themselves, by their numbers.
SAID = {
    3: {"keywords": ["Lyon", "sea"], "people": ["Ann"], "rating": "4"},
    4: {"keywords": ["lyon"], "title": "By the lake", "rating": "rejected"},
}

OpenPage = Callable[..., Page]

VIOLATIONS = """async () => {
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}"""


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos of four years in three folders, a smaller copy of one, and a name that is no UTF-8."""
    folder = tmp_path_factory.mktemp("served").resolve() / "photos"
    for number, year in enumerate(YEARS):
        exif = exif_with(exif={TAKEN: f"{year}:0{number + 1}:02 10:00:00"})
        said = {"xmp": merged(None, SAID[number])} if number in SAID else {}
        save(folder / str(year) / f"p{number}.jpg", draw_photo(number), quality=92, exif=exif, **said)
    save(folder / "small.jpg", draw_photo(0).resize((320, 240)), quality=80)
    save(folder / "caf\udce9.jpg", draw_photo(9, 480, 640), quality=90)
    save(folder / "flat.tif", draw_photo(11))
    return folder


@pytest.fixture(scope="session")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a library of these photos, with its copies proven."""
    folder = tmp_path_factory.mktemp("served-store") / "store"
    with Library.open(folder, create=True) as library:
        library.index(photos)
        library.copies.find()
    return folder


@pytest.fixture(scope="session")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    """A library with copies of every kind. Who writes takes a store `again`, and leaves the photos."""
    return make_copied(tmp_path_factory.mktemp("proven").resolve())


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    """The library as a server has it."""
    with Library.open(store) as library:
        made = Served(library)
        yield made
        made.close()


@pytest.fixture
def entry() -> Pass:
    """What lets requests in."""
    return Pass(PORT)


@pytest.fixture
def client(served: Served, entry: Pass) -> TestClient:
    """A client with the token."""
    return client_of(served, entry, {"Authorization": f"Bearer {entry.token}"})


def client_of(served: Served, entry: Pass, headers: dict[str, str]) -> TestClient:
    app = make_app(served, entry)
    return TestClient(app, f"http://127.0.0.1:{entry.port}", raise_server_exceptions=False, headers=headers)


@dataclass(frozen=True)
class Address:
    """Where a running server is, and what opens it."""

    url: str
    entry: Pass


@pytest.fixture
def address(served: Served) -> Iterator[Address]:
    """A server of the library on a port of its own."""
    with running(served) as found:
        yield found


@contextmanager
def running(
    served: Served, around: Callable[[ASGIApp], ASGIApp] = lambda app: app, port: int = 0
) -> Iterator[Address]:
    """Serve a library for the block. around: wraps the application. port: 0: any that is free."""
    config = uvicorn.Config(lambda: None, port=port, log_config=None, lifespan="off")
    listener = config.bind_socket()
    listener.listen()  # who comes before the server runs waits
    entry = replace(Pass(0), port=listener.getsockname()[1])
    config.app = around(make_app(served, entry))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=[[listener]])
    thread.start()
    try:
        yield Address(f"http://127.0.0.1:{entry.port}/", entry)
    finally:
        served.events.close()  # streams would be waited for
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A fresh browser, with no cookies; of a phone where a size is given."""
    phone: ViewportSize | None = getattr(request, "param", None)
    viewport: ViewportSize = phone or {"width": 1280, "height": 900}
    context = browser.new_context(viewport=viewport, has_touch=phone is not None)
    yield context
    context.close()


@pytest.fixture
def open_page(context: BrowserContext, address: Address) -> Iterator[OpenPage]:
    """Open the page; after the test it must not have complained nor asked anybody else for anything."""
    trouble: list[str] = []

    def open_page(where: str = "") -> Page:
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: None if is_ours(request.url) else trouble.append(request.url))
        page.goto(f"{address.url}{where}#token={address.entry.token}")
        return page

    def is_ours(url: str) -> bool:
        return url.startswith((address.url, "blob:", "data:"))

    yield open_page
    assert trouble == []


def violations(page: Page) -> list[str]:
    """Return by what the page keeps people out; the script of the check stays in it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return list(page.evaluate(VIOLATIONS))
