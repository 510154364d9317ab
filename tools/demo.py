#!/usr/bin/env python3
"""Show lookalike at work on a small library, or on your own photos (which are only read).

    demo.py [--photos DIR] [--home DIR]

Without photos it makes a library out of the freely licensed ones that scikit-image carries, and adds
the copies that libraries collect over the years. Everything it writes lies in the home folder; the
second run finds it there and takes seconds.
"""

import argparse
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from lookalike.indexer.scan.walk import Scan

COMMAND = Path(sys.executable).with_name("lookalike")
SOME_UNREADABLE = 3  # exit code: done, but some files could not be read

# Photos in the public domain or under CC0, as scikit-image's documentation tells of each: NASA
# (astronaut, galaxies), SpaceX (rocket), Stefan van der Walt (cat), Rachel Michetti (coffee),
# Lav Varshney (photographer), Mikael Haggstrom (retina), linolafett (grass), CC0Textures (bricks,
# gravel).
ALBUM = {
    "astronaut.png": "astronaut.png",
    "bricks.png": "brick.png",
    "cat.png": "chelsea.png",
    "coffee.png": "coffee.png",
    "galaxies.jpg": "hubble_deep_field.jpg",
    "grass.png": "grass.png",
    "gravel.png": "gravel.png",
    "photographer.png": "camera.png",
    "retina.jpg": "retina.jpg",
    "rocket.jpg": "rocket.jpg",
}


def resaved(photo: Image.Image) -> Image.Image:
    return photo


def smaller(photo: Image.Image) -> Image.Image:
    return photo.resize((photo.width * 2 // 3, photo.height * 2 // 3), Image.Resampling.LANCZOS)


def cropped(photo: Image.Image) -> Image.Image:
    x, y = photo.width // 12, photo.height // 12
    return photo.crop((x, y, photo.width - x, photo.height - y))


def mirrored(photo: Image.Image) -> Image.Image:
    return photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


COPIES: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "phone/cat sent by a messenger.jpg": ("cat.png", resaved),
    "phone/coffee, smaller.jpg": ("coffee.png", smaller),
    "phone/rocket, cropped.jpg": ("rocket.jpg", cropped),
    "phone/astronaut, mirrored.jpg": ("astronaut.png", mirrored),
}
EXACT_COPIES = {"backup/rocket (1).jpg": "rocket.jpg", "backup/2019/IMG_0042.jpg": "galaxies.jpg"}


def make_photos(folder: Path) -> None:
    """Make the demo's library; it appears whole or not at all."""
    package = importlib.util.find_spec("skimage")  # only its photos are used: it is not imported
    if package is None or not package.submodule_search_locations:
        sys.exit("the demo's photos come with scikit-image: run `make demo`, or give --photos DIR")
    source = Path(package.submodule_search_locations[0], "data")
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    album = unfinished / "album"
    album.mkdir(parents=True)
    for name, original in ALBUM.items():
        shutil.copyfile(source / original, album / name)
    for copy, name in EXACT_COPIES.items():
        (unfinished / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(album / name, unfinished / copy)
    for copy, (name, change) in COPIES.items():
        (unfinished / copy).parent.mkdir(parents=True, exist_ok=True)
        with Image.open(album / name) as photo:
            change(photo.convert("RGB")).save(unfinished / copy, quality=70)
    unfinished.rename(folder)


def say(text: str) -> None:
    """Print a paragraph."""
    print(textwrap.fill(" ".join(text.split()), 88), end="\n\n", flush=True)


def run(*words: str | Path) -> None:
    """Run lookalike as the user would, showing the command; a failure ends the demo."""
    print("$", shlex.join(["lookalike", *map(str, words)]), flush=True)
    code = subprocess.run([COMMAND, *words], check=False).returncode
    print(flush=True)
    if code not in (0, SOME_UNREADABLE):
        sys.exit(code)


def demonstrate(photos: Path, query: Path, store: Path) -> None:
    """Index, search, find the copies, look back: each with a word on what it means."""
    at = ("--store", store)
    say(
        f"1. Index. Every photo in {photos} is read once; what it looks like goes into the store as "
        "numbers. The photos stay as they are. Index again, and only what is new or changed is read."
    )
    run("index", photos, *at)
    say(
        f"2. Search by example: which photos look most like {query.name}? Best first. The score is "
        "1 for the same look; a copy that was saved again or made smaller stays close to it, and "
        "photos of other things fall off quickly."
    )
    run("search", query, "-k", "5", *at)
    say(
        "3. Find the copies: the same bytes, or the same picture saved again, made smaller, cropped or "
        "mirrored, proven from the pixels. Each line says what was done to it, and each group which "
        "file is best kept and why. Other shots of a scene are no copies. Nothing is removed."
    )
    run("dupes", *at)
    say("4. What does the store hold?")
    run("status", *at)


def say_what_next(photos: Path, store: Path) -> None:
    """Print what the tour left behind and the commands to try next."""
    command = COMMAND.relative_to(Path.cwd()) if COMMAND.is_relative_to(Path.cwd()) else COMMAND
    at = f"--store {shlex.quote(str(store))}"
    tries = {
        "search with a photo of your own": f"{command} search YOUR_PHOTO.jpg {at}",
        "see it all in the browser": f"{command} serve {at}",
        "all that is known of every photo": f"{command} export --format csv {at}",
        "what else there is": f"{command} --help",
        "the same tour through your own photos": "make demo PHOTOS=~/Pictures",
    }
    say(f"That was it. The photos are in {photos}, what is known of them in {store}. What next?")
    for what, words in tries.items():
        print(f"  {what}:\n    {words}")


def first_photo(folder: Path) -> Path:
    """Return the first photo in a folder of the user's."""
    for file in Scan(os.fsencode(folder)):
        return folder / os.fsdecode(file.rel)
    sys.exit(f"no photo in {folder}")


def main() -> None:
    """Run the tour."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=os.environ.get("PHOTOS") or None)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    arguments = parser.parse_args()
    # A name that is not text in this terminal must not end the tour.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    photos, home = arguments.photos, arguments.home
    if photos is None:
        photos, query, store = home / "photos", home / "photos/album/cat.png", home / "store"
        if not photos.exists():
            make_photos(photos)
            say(f"Made a small library in {photos}: ten photos, and copies of some of them.")
    else:
        photos = Path(photos).expanduser()
        query = first_photo(photos)
        name = hashlib.sha256(os.fsencode(photos.resolve())).hexdigest()[:12]
        store = home / f"store-{name}"
    demonstrate(photos, query, store)
    say_what_next(photos, store)


if __name__ == "__main__":
    main()
