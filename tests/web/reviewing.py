"""A library with copies of every kind that the review treats in its own way, to choose in and to act on."""

import hashlib
import itertools
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from lookalike import Library
from lookalike.dedup.actions import moves
from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.tests.pictures import draw_photo, save
from lookalike.web.served import Served


@dataclass(frozen=True)
class Copied:
    """The photos and their store."""

    photos: Path
    store: Path

    def tree(self) -> dict[str, str]:
        """Return what lies below the photos, by path: to see that nothing changed."""
        return tree_of(self.photos)

    def again(self, folder: Path) -> "Copied":
        """Return the same photos with a store of its own in a folder: proving the copies takes seconds."""
        return Copied(self.photos, Path(shutil.copytree(self.store, folder / "store")))


def tree_of(folder: Path) -> dict[str, str]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def make_copied(folder: Path) -> Copied:
    """Draw five photos, each with two copies: made smaller, of the same bytes, changed, cropped."""
    made = Copied(folder / "photos", folder / "store")
    for number in range(5):
        drawn = draw_photo(20 + number)
        first = save(made.photos / "new" / f"n{number}.jpg", drawn, quality=92)
        shutil.copy2(first, _place(made.photos / "old" / f"eq{number}.jpg"))
        save(made.photos / "old" / f"small{number}.jpg", drawn.resize((320, 240)), quality=80)
    changed = draw_photo(20)
    ImageDraw.Draw(changed).rectangle((380, 30, 600, 110), fill=(255, 255, 255))
    save(made.photos / "edits" / "changed.jpg", changed, quality=90)
    save(made.photos / "edits" / "cropped.jpg", draw_photo(21).crop((60, 40, 600, 450)), quality=88)
    Image.new("RGB", (64, 64)).save(made.photos / "new" / "black.png")
    (made.photos / "new" / "broken.jpg").write_bytes(b"no picture")
    make_store(made)
    return made


def _place(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def make_store(copied: Copied) -> None:
    """Index the photos and prove their copies."""
    with Library.open(copied.store, create=True) as library:
        library.index(copied.photos)
        library.copies.find()


def apply_until_killed(store: str) -> None:
    """Serve a library in this process, apply all that is proposed, and die after two files were moved."""
    moved = moves.move_new
    count = itertools.count(1)

    def deadly(*arguments: Any) -> Any:
        result = moved(*arguments)
        if next(count) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(moves, "move_new", deadly)  # noqa: B010 - mypy knows what it was
    with Library.open(store, write=True) as library:
        served = Served(library, can_write=True)
        served.groups.read_known()
        made = served.acting.make("all")
        served.acting.apply(made, ApplyOptions(), served.acting.check(made, ApplyOptions())[1], "")
        served.jobs.wait()
