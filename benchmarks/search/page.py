"""How quick the page of `lookalike serve` is in a large library, in a real Chromium.

    page.py FOLDER... [--photos 100000] [--store DIR] [--width 1400] [--no-search]

A library is made out of the embeddings of the folders' photos (mixtures.py), with made-up shapes and dates,
and kept in DIR; with --no-search it has no embeddings and is made sooner. It has no thumbnails: every photo
shows the same one. Milliseconds from the beginning of the page, or from a click beside the years, until
every picture in the window is shown; heap after a collection.
A search is answered by the server alone (200 results, as the page asks for them): wall and CPU time.
"handed in" is a photo of 12 megapixels that is not in the library; reading it is told apart.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import sqlalchemy as sa
from playwright.sync_api import Page, sync_playwright
from starlette.testclient import TestClient

from lookalike.benchmarks.arguments import parser_for
from lookalike.benchmarks.search.search_scale import make, publish, real_of
from lookalike.indexer.embed.embedder import default_spec
from lookalike.library import Library
from lookalike.store.store import Store
from lookalike.tests.browsers import FLAGS, browser_path
from lookalike.tests.pictures import draw_photo, encode
from lookalike.tests.web.conftest import Address, client_of, running
from lookalike.web.guard import Pass
from lookalike.web.served import Served

NEEDS = "photos"

JUMPS, SEARCHES, HANDED = 9, 15, 5
FIRST, STEP_S = 978_300_000, 600  # 2001, and a photo every ten minutes from then on

# Resolves when every picture in the window is shown, with the time since the page began.
SHOWN = """new Promise((done) => {
    const look = () => {
        const { bottom } = document.querySelector(".grid").getBoundingClientRect();
        const cells = [...document.querySelectorAll(".cell")].filter((each) => {
            const place = each.getBoundingClientRect();
            return place.bottom > 0 && place.top < bottom;
        });
        const isShown = (cell) => cell.firstChild.complete && cell.firstChild.naturalWidth;
        cells.length && cells.every(isShown) ? done(performance.now()) : requestAnimationFrame(look);
    };
    look();
})"""
JUMP = f"""async (share) => {{
    const scrubber = document.querySelector(".scrubber");
    const {{ top, height }} = scrubber.getBoundingClientRect();
    const began = performance.now();
    scrubber.setPointerCapture = () => null;
    scrubber.dispatchEvent(new PointerEvent("pointerdown", {{ clientY: top + share * height }}));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return (await {SHOWN}) - began;
}}"""


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--store", type=Path, metavar="DIR", help="where the library is made and left")
    parser.add_argument("--width", type=int, default=1400, help="of the window")
    parser.add_argument("--no-search", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        work = arguments.store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="page-")))
        served = stack.enter_context(served_library(work, arguments))
        print("| what | median ms | most ms | CPU ms |\n|---|---|---|---|")
        with running(served) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
            page = browser.new_page(viewport={"width": arguments.width, "height": 900})
            look_through(page, address)
            browser.close()
        if not arguments.no_search:
            search(served)


@contextmanager
def served_library(work: Path, arguments: argparse.Namespace) -> Iterator[Served]:
    """Give a server of the made-up library, whose photos all show one picture."""
    folder = work / f"page-{arguments.photos}{'-look' * arguments.no_search}"
    if not folder.exists():
        if arguments.no_search:
            make_bare(folder, arguments.photos)
        else:
            make(folder, real_of(work, arguments.folders), arguments.photos)
            publish(folder)
        date_and_shape(folder)
    picture = encode(draw_photo(1, 192, 256), quality=80)
    with Library.open(folder) as library, patch.object(library, "thumbnail", lambda _: picture):
        served = Served(library)
        served.shelf.overview()  # as `serve` reads it when it starts
        yield served
        served.close()


def make_bare(folder: Path, count: int) -> None:
    contents = (
        "INSERT INTO content (digest, size, width, height, format, pixel_digest) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
        "SELECT randomblob(32), 1000000, 3000, 3000, 'JPEG', randomblob(32) FROM n"
    )
    files = (
        "INSERT INTO file (root_id, rel, dev, ino, size, mtime_ns, ctime_ns, content_id, state) "
        "SELECT :root, CAST(printf('%03d/%07d.jpg', id / 1000, id) AS BLOB), 1, id, 1000000, id, id, id, "
        "'present' FROM content"
    )
    with Store.open(folder, create=True) as store:
        store.use_spec(default_spec())
        root, _ = store.add_root(b"/made-up")
        with store.writing() as view:
            view.connection.execute(sa.text(contents), {"count": count})
            view.connection.execute(sa.text(files), {"root": root.id})


def date_and_shape(folder: Path) -> None:
    with Store.open(folder, write=True) as store, store.writing() as view:
        taken = f"strftime('%Y-%m-%dT%H:%M:%S', {FIRST} + id * {STEP_S}, 'unixepoch')"
        view.connection.execute(
            sa.text(f"UPDATE content SET taken = {taken}, width = 2500 + id * 7919 % 3000")
        )


def look_through(page: Page, address: Address) -> None:
    page.goto(f"{address.url}#token={address.entry.token}")
    page.wait_for_selector(".cell")
    row("first screen", [page.evaluate(SHOWN)])
    jumps, images = [], 0
    for number in range(JUMPS):
        jumps.append(page.evaluate(JUMP, (number * 7 % JUMPS + 0.5) / JUMPS))
        images = max(images, page.evaluate("document.images.length"))
    row("jump", jumps)
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    print(f"| heap {metrics['JSHeapUsedSize'] / 1e6:.1f} MB, {images} live images at most | | | |")


def search(served: Served) -> None:
    entry = Pass(8765)
    client = client_of(served, entry, {"Authorization": f"Bearer {entry.token}"})
    ids = iter(
        served.shelf.overview()[0].ids[:: max(1, len(served.shelf.overview()[0].ids) // 40)].tolist()
    )

    def by_id() -> None:
        found(client, {"id": next(ids)})

    by_id()
    timed("search by a photo", by_id, SEARCHES)
    pictures = iter([encode(draw_photo(50 + each, 3000, 4000), quality=85) for each in range(HANDED)])
    names: list[str] = []
    timed(
        "read one handed in",
        lambda: names.append(client.post("/api/uploads", content=next(pictures)).json()["upload"]),
        HANDED,
    )
    timed("search by one handed in", lambda: found(client, {"upload": names.pop()}), HANDED)


def found(client: TestClient, example: dict[str, object]) -> None:
    answer = client.post("/api/search", json={"examples": [example], "k": 200, "with_labels": False})
    assert len(answer.json()["results"]) == 200, answer.text


def timed(what: str, act: Callable[[], object], times: int) -> None:
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    row(what, walls, f"{statistics.median(cpus):.0f}")


def row(what: str, times: list[float], cpu: str = "") -> None:
    print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} | {cpu} |", flush=True)


if __name__ == "__main__":
    main()
