"""The three streams of the process: what cannot be written ends a command in a line, or is dropped."""

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from ..errors import ExitCode, OutputUnwritable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# What takes the place of a stream that was closed: reading from it fails, as does writing to stdout.
_STAND_INS = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)


def guard_streams() -> None:
    """Have the process end well whatever becomes of its streams: closed, full, or a terminal that went.

    Of stdout, the first write that fails ends the command: by OutputUnwritable, or without a word if its
    reader has seen enough (`| head`). The signal that would do so is ignored: it would as well end us when
    a process that works for us comes to a bad end. What stderr does not take is dropped: no work stops
    because nobody can hear of it.
    """
    for number, flags in enumerate(_STAND_INS):
        _open_again(number, flags)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - as long as the process lives
    if os.name == "posix":  # elsewhere a terminal is no file
        sys.stdout = _text(io.BufferedWriter(_Output(1, "wb", closefd=False)), sys.stdout)
        # Without a buffer, which a signal's handler may not write to while it is in use.
        sys.stderr = _text(_Messages(2, "wb", closefd=False), sys.stderr)


def _open_again(number: int, flags: int) -> None:
    """Open a closed stream on nothing, or a file of ours would take its number and get its output."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, flags)  # takes the lowest number that is free


def _text(binary: io.BufferedWriter | io.FileIO, like: TextIO | None) -> io.TextIOWrapper:
    """Return a stream of text in the place of another."""
    return io.TextIOWrapper(
        binary,
        encoding=getattr(like, "encoding", None),
        errors=getattr(like, "errors", None) or "backslashreplace",
        line_buffering=binary.isatty(),
        write_through=isinstance(binary, io.FileIO),
    )


def reason(error: OSError) -> str:
    """Return why a stream cannot be used, in words."""
    return "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)


class _Output(io.FileIO):
    """stdout. After the first failure, what is still in buffers is dropped."""

    _has_failed = False

    def write(self, data: "ReadableBuffer") -> int:
        size = memoryview(data).nbytes
        if self._has_failed:
            return size
        try:
            # The program that has the pipe, too, may have told it not to wait.
            while (written := super().write(data)) is None:
                select.select((), (self,), ())
        except BrokenPipeError:
            self._has_failed = True
            sys.exit(ExitCode.READER_GONE)
        except OSError as error:
            self._has_failed = True
            raise OutputUnwritable(
                f"cannot write the output: {reason(error)}; send it to another place (nothing else is lost)"
            ) from error
        return written


class _Messages(io.FileIO):
    """stderr."""

    def write(self, data: "ReadableBuffer") -> int:
        with suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes
