#!/usr/bin/env python3
"""Take the pictures of the page and of a terminal for docs/: the demo's photos, and what they might say.

    python tools/screenshots.py

It needs Chromium and the extra `test`. Look at the pictures before you commit them.
"""

import html
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, sync_playwright

from lookalike.dedup.packets import merged
from lookalike.tests.browsers import FLAGS, browser_path
from lookalike.tools.demo import COPIES, EXACT_COPIES, make_photos

DOCS = Path(__file__).resolve().parent.parent / "docs"
MAKE, MODEL, EXIF, TAKEN = 0x010F, 0x0110, 0x8769, 0x9003
NIKON, CANON = ("NIKON CORPORATION", "NIKON D3"), ("Canon", "Canon EOS 5D Mark III")
# Of each photo of the demo: when it was taken, with what, its stars and keywords.
SAID = {
    "rocket.jpg": ("2014:09:07 01:00:00", NIKON, 5, ["space", "night"]),
    "coffee.png": ("2014:09:06 10:20:00", CANON, 4, ["food"]),
    "cat.png": ("2014:09:05 17:02:00", CANON, 5, ["animal", "portrait"]),
    "astronaut.png": ("2014:09:04 14:30:00", NIKON, 5, ["portrait", "space"]),
    "galaxies.jpg": ("2012:06:23 23:10:00", NIKON, 4, ["space"]),
    "retina.jpg": ("2012:06:21 09:00:00", NIKON, None, []),
    "photographer.png": ("2012:06:20 12:00:00", CANON, 3, ["portrait"]),
    "grass.png": ("2011:05:03 15:00:00", CANON, None, ["texture"]),
    "bricks.png": ("2011:05:02 15:00:00", CANON, 3, ["texture"]),
    "gravel.png": ("2011:05:01 15:00:00", NIKON, None, ["texture"]),
}
ONLY_THERE = {"phone/rocket, cropped.jpg": ["launch"]}  # keywords that only a copy has
TYPED = ("index photos", "search photos/album/cat.png -k 5", "dupes")
COLUMNS = 110
SHEET = """<body style="margin:0">
<pre style="margin:0; padding:24px 30px; width:max-content; background:#1b1e27; color:#d8dce6;
font:17px/1.5 'DejaVu Sans Mono', monospace">{}</pre>"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*FLAGS])
        take_terminal(browser, home_in(Path(folder).resolve() / "demo", "photos"))
        home = home_in(Path(folder).resolve() / "ada", "Pictures")
        let_them_speak(home / "Pictures")
        typed(home, "index Pictures")
        typed(home, "dupes")
        with served(home) as address:
            take_pages(browser, address)


def home_in(folder: Path, photos: str) -> Path:
    """Make a home with the demo's photos in a folder of this name."""
    folder.mkdir()
    make_photos(folder / photos)
    return folder


def let_them_speak(photos: Path) -> None:
    """Write into each photo, and its copies, when and with what it was taken, stars and keywords."""
    originals = {name: [name] for name in SAID}
    for copy, (name, _) in COPIES.items():
        originals[name].append(f"../{copy}")
    for name, files in originals.items():
        for file in files:
            speak(photos / "album" / file, name, ONLY_THERE.get(file.removeprefix("../"), []))
    for copy, name in EXACT_COPIES.items():
        shutil.copy2(photos / "album" / name, photos / copy)


def speak(file: Path, name: str, more: list[str]) -> None:
    """Write what is said of a photo into one of its files, with more keywords."""
    taken, camera, rating, keywords = SAID[name]
    said = {"keywords": keywords + more} | ({"rating": str(rating)} if rating else {})
    packet = merged(None, said)
    with Image.open(file) as photo:
        exif = photo.getexif()
        exif.get_ifd(EXIF)[TAKEN] = taken
        exif[MAKE], exif[MODEL] = camera
        if photo.format == "PNG":
            texts = PngInfo()
            texts.add_itxt("XML:com.adobe.xmp", packet.decode())
            photo.save(file, exif=exif, pnginfo=texts)
        else:
            photo.save(file, quality="keep", exif=exif, xmp=packet)


def start(home: Path, call: str, **options: Any) -> "subprocess.Popen[str]":
    """Start lookalike as somebody does who has no settings."""
    names = {"HOME": str(home), "COLUMNS": str(COLUMNS), "TERM": "xterm", "NO_COLOR": "1"}
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LOOKALIKE_"))
    }
    words = [sys.executable, "-m", "lookalike", *call.split()]
    return subprocess.Popen(words, cwd=home, env=kept | names, text=True, **options)


def typed(home: Path, call: str) -> str:
    """Return what a terminal shows in the end when somebody types this, without colors."""
    main, side = os.openpty()
    with start(home, call, stdout=side, stderr=side) as process:
        os.close(side)
        shown = b"".join(iter(lambda: read_terminal(main), b"")).decode()
    if process.returncode:
        sys.exit(f"{call}: {shown}")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.replace("\r\n", "\n"))
    lines = [line.rpartition("\r")[2] for line in plain.split("\n")[:-1]]
    return "".join(f"{line}\n" for line in lines if "━" not in line)  # bars vanish


def read_terminal(main: int) -> bytes:
    try:
        return os.read(main, 65536)
    except OSError:  # nobody writes any more
        return b""


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Serve the library; give the address with the token."""
    token = home / "token"
    with start(
        home, f"serve --write --no-browser --port 0 --token-file {token}", stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stderr
            found = next(filter(None, (re.search(r"http://\S+", line) for line in process.stderr)))
            yield f"{found[0]}#token={token.read_text().strip()}"
        finally:
            process.terminate()


def take_terminal(browser: Browser, home: Path) -> None:
    shown = "\n".join(f"<b>$ lookalike {call}</b>\n{html.escape(typed(home, call))}" for call in TYPED)
    page = browser.new_page(device_scale_factor=1.25)
    page.set_content(SHEET.format(shown.rstrip()))
    save(page.locator("pre").screenshot(), "terminal", lossless=True)


def take_pages(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 740})
    page.goto(address)
    page.get_by_role("heading", name="September 2014").wait_for()
    page.wait_for_load_state("networkidle")
    save(page.screenshot(), "page")
    page.set_viewport_size({"width": 1280, "height": 690})
    page.locator("#tabs").get_by_text("Copies").click()
    page.get_by_text("rocket.jpg").first.click()
    page.get_by_text("Group 2 of 5").wait_for()
    page.wait_for_load_state("networkidle")
    save(page.screenshot(), "page-copies")


def save(png: bytes, name: str, *, lossless: bool = False) -> None:
    Image.open(io.BytesIO(png)).convert("RGB").save(
        DOCS / f"{name}.webp", quality=75, lossless=lossless, method=6
    )


if __name__ == "__main__":
    main()
