"""A small library on disk for tests of the command line, search and the Python API."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.tests.pictures import draw_photo, exif_with, save

TAKEN = 0x9003  # DateTimeOriginal


@dataclass(frozen=True)
class Run:
    """What a finished command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def lookalike(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Run:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", *[os.fspath(each) for each in arguments]],
        input=stdin,
        capture_output=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return Run(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def make_photos(folder: Path) -> Path:
    """Draw a library: dated photos in year folders, re-saved and exact copies, and a broken file."""
    for seed in range(6):
        year = 2021 + seed % 3
        exif = exif_with(exif={TAKEN: f"{year}:06:1{seed} 12:00:00"})
        save(folder / str(year) / f"photo{seed}.jpg", draw_photo(seed, 320, 240), exif=exif, quality=90)
    save(folder / "edited" / "photo0-small.jpg", draw_photo(0, 320, 240).resize((200, 150)), quality=70)
    shutil.copy(folder / "2021" / "photo0.jpg", folder / "edited" / "photo0-again.jpg")
    (folder / "broken.jpg").write_bytes(b"this is no picture")
    return folder
