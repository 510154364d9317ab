"""What enters and leaves the command line: data on stdout, everything else on stderr."""

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..errors import ExitCode, UsageError
from .listing import Listing, Summary, write
from .text import as_options, printable


def show(result: Listing | Summary, form: str) -> ExitCode:
    """Write what a command returned to stdout, then its notes to stderr; return how the command ends."""
    with _quiet_for_readers_gone():
        write(result, form, sys.stdout.buffer)
    for note in result.notes:
        tell(note)
    return result.exit() if callable(result.exit) else result.exit


def show_bytes(parts: Iterable[bytes]) -> None:
    """Write to stdout what a terminal shows as pictures."""
    with _quiet_for_readers_gone():
        for part in parts:
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()


@contextmanager
def _quiet_for_readers_gone() -> Iterator[None]:
    """End the program without a word when nobody reads stdout any more: `| head` has seen enough.

    The signal that would do so by itself is ignored: it would as well end us, without a word, when a
    process that works for us comes to a bad end.
    """
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        sys.exit(ExitCode.READER_GONE)


def read_names(source: str | None, null: bool) -> list[str]:
    """Return file names from a file ("-": stdin, None: none), one a line, or ended by NUL bytes.

    Raises:
        UsageError: the file cannot be read.
    """
    if source is None:
        return []
    data = read_data(source)
    found = data.split(b"\0") if null else data.splitlines()
    return [os.fsdecode(name) for name in found if name]


def read_data(source: str, most: int = -1) -> bytes:
    """Return all of a file ("-": stdin), or a byte more than `most`, which is too much.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        with open(0 if source == "-" else source, "rb", closefd=source != "-") as file:
            return file.read(most + 1 if most >= 0 else -1)
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror}") from error


def stop_on_signal() -> threading.Event:
    """Return an event that the first Ctrl-C sets; the second one ends the program at once."""
    stop = threading.Event()

    def handle(*_: object) -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)  # safe at any instant: the store is whole after a kill
        stop.set()
        tell("stopping: keeping what is finished (once more to stop at once)")

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop


def tell(message: str) -> None:
    """Tell people something, on stderr."""
    sys.stderr.write(f"lookalike: {printable(as_options(message))}\n")
    sys.stderr.flush()
