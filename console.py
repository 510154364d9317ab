"""What leaves the command line: data on stdout, everything else on stderr."""

import os
import signal
import sys
from typing import Any

from . import render


def show(listing: render.Listing, form: str) -> None:
    """Write a listing to stdout in one of `render.FORMATS`."""
    # A reader that has seen enough (`| head`) ends us quietly.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    render.write(listing, form, sys.stdout.buffer)


def say(line: str) -> None:
    """Write a line of data to stdout."""
    sys.stdout.buffer.write(os.fsencode(line) + b"\n")


def say_document(fields: dict[str, Any]) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.buffer.write(render.document(fields))


def tell(message: str) -> None:
    """Tell people something, on stderr."""
    sys.stderr.write(f"lookalike: {render.printable(message)}\n")
    sys.stderr.flush()
