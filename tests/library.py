"""A small library on disk for tests of the command line, search and the Python API."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

from lookalike.tests.pictures import draw_photo, exif_with, save

TAKEN = 0x9003  # DateTimeOriginal
# As $XDG_DATA_HOME: the home trash would be on another file system than photos, and quarantines are used.
NO_TRASH = "/proc/nowhere"


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
    """Run the command line in this process, which is as it was when it ends."""
    from lookalike.cli import run  # here: many modules only draw photos

    with ExitStack() as stack:
        given, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        stack.enter_context(mock.patch.dict(os.environ, environment))
        with _process_lent(given, out, err):
            code = run([os.fspath(each) for each in arguments])
        return Run(code, _all_of(out), _all_of(err).decode(errors="replace"))


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """Run the command line on a terminal of 80 columns; return what that gets, colors and bars and all."""
    from lookalike.cli import run

    main, side = os.openpty()
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # nobody writes any more
            while data := os.read(main, 65536):
                shown.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    with ExitStack() as stack:
        terminal = stack.enter_context(open(side, "w+b", buffering=0))
        nothing = stack.enter_context(open(os.devnull, "rb"))
        stack.enter_context(mock.patch.dict(os.environ, {"COLUMNS": "80", "TERM": "xterm", **environment}))
        stack.enter_context(_process_lent(nothing, terminal, terminal))
        run([os.fspath(each) for each in arguments])
    reader.join()
    os.close(main)
    return shown.decode().replace("\r\n", "\n")


def _all_of(file: BinaryIO) -> bytes:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


@contextmanager
def _process_lent(*files: BinaryIO) -> Iterator[None]:
    """Lend the process to a command: three files become its streams, down to the descriptors, and back.

    The descriptors too, as commands read from 0, and what they start inherits 2.
    """
    streams, hook = (sys.stdin, sys.stdout, sys.stderr), sys.excepthook
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in ending}
    kept = [os.dup(number) for number in range(3)]
    for number, file in enumerate(files):
        os.dup2(file.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it is no file of ours
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
            os.close(descriptor)
        sys.stdin, sys.stdout, sys.stderr = streams
        sys.excepthook = hook
        for each, handler in handlers.items():
            signal.signal(each, handler)


def lookalike_process(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Run:
    """Run the command line as a process of its own: where that is what a test is about."""
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
