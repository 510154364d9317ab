"""What enters and leaves the command line: data on stdout, everything else on stderr."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace

from ..errors import ExitCode, UsageError
from .listing import Listing, Summary, write
from .manners import is_quiet, note
from .streams import reason
from .text import as_options, printable, wrapped

_HANGUP = getattr(signal, "SIGHUP", None)


def show(result: Listing | Summary, form: str) -> ExitCode:
    """Write what a command returned to stdout, then its notes to stderr; return how the command ends.

    Of a command that is to be quiet, an account of what was done goes only to the log file.
    """
    is_wanted = True
    if isinstance(result, Summary) and result.is_account:
        lines = list(result.lines)
        for line in lines:
            note(line)
        result = replace(result, lines=lines)
        is_wanted = form != "table" or not is_quiet()
    if is_wanted:
        write(result, form, sys.stdout.buffer)
    for each in result.notes:
        tell(each)
    return result.exit() if callable(result.exit) else result.exit


def show_bytes(parts: Iterable[bytes]) -> None:
    """Write to stdout what a terminal shows as pictures."""
    for part in parts:
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


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
        name = "stdin" if source == "-" else source
        raise UsageError(f"cannot read {name}: {reason(error)}") from error


def stop_on_signal() -> threading.Event:
    """Return an event that the first Ctrl-C or a terminal that goes sets; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def handle(number: int, _: object) -> None:
        # Of a terminal that goes away, both the system and the shell send a signal.
        if stop.is_set() and number != _HANGUP:
            os._exit(ExitCode.INTERRUPTED)  # safe at any instant: the store is whole after a kill
        if not stop.is_set():
            stop.set()
            tell("stopping: keeping what is finished (once more to stop at once)")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    if _HANGUP is not None and signal.getsignal(_HANGUP) != signal.SIG_IGN:  # as nohup has it
        signal.signal(_HANGUP, handle)
    return stop


def tell(message: str) -> None:
    """Tell people something, on stderr."""
    line = printable(as_options(message))
    note(line)
    line = f"lookalike: {line}"
    if sys.stderr.isatty():
        line = "\n".join(wrapped(line, shutil.get_terminal_size().columns, "  "))
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
