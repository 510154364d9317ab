"""How much the command line tells, and where: what `-q`, `-v` and `--log-file` say of one run."""

import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ..errors import UsageError

_MANNERS: ContextVar["Manners"] = ContextVar("manners")
_LOGGER = logging.getLogger(__package__.partition(".")[0])
# What people are told in any case, for the file.
_TOLD = logging.getLogger(__name__)
_TOLD.addHandler(logging.NullHandler())
_LOG_LINE = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ", re.MULTILINE)
_HEAD = 65536  # in which one stands, where other programs write as well


def _is_log(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return not head or _LOG_LINE.search(head) is not None


@dataclass(frozen=True, slots=True)
class Manners:
    """quiet: no progress, no closing summary. verbose: log lines on stderr. log_file: takes all of it."""

    quiet: bool = False
    verbose: bool = False
    log_file: str | None = None


_USUAL = Manners()


@contextmanager
def behaving(manners: Manners) -> Iterator[None]:
    """Keep the manners within the block.

    Raises:
        UsageError: the log file cannot be written, or holds something else.
    """
    with ExitStack() as stack:
        stack.callback(_MANNERS.reset, _MANNERS.set(manners))
        for handler in _handlers(manners):
            stack.callback(handler.close)
            stack.callback(_LOGGER.removeHandler, handler)
            _LOGGER.addHandler(handler)
            stack.callback(_LOGGER.setLevel, _LOGGER.level)
            _LOGGER.setLevel(logging.DEBUG if manners.verbose else logging.INFO)
        began, cpu = time.monotonic(), time.process_time()
        try:
            yield
        except Exception as error:
            _TOLD.error("%s", error)
            raise
        _LOGGER.info("%.1f s, %.1f s of CPU", time.monotonic() - began, time.process_time() - cpu)


def is_quiet() -> bool:
    """Tell whether only data and errors are wanted."""
    return _MANNERS.get(_USUAL).quiet


def is_verbose() -> bool:
    """Tell whether also what is as it should be is wanted."""
    return _MANNERS.get(_USUAL).verbose


def hints(*lines: str) -> list[str]:
    """Return what to say to people at a terminal alone; nothing where it is to be quiet."""
    is_watched = sys.stdout.isatty() and sys.stderr.isatty() and not is_quiet()
    return list(lines) if is_watched else []


def note(message: str) -> None:
    """Write to the log file what people were told, or would have been."""
    _TOLD.info(message)


def _handlers(manners: Manners) -> Iterator[logging.Handler]:
    screen = logging.StreamHandler(sys.stderr)
    screen.addFilter(lambda record: record.name != _TOLD.name)
    if manners.verbose:
        screen.setFormatter(logging.Formatter("lookalike: %(message)s"))
    else:
        screen.setLevel(logging.WARNING)
    yield screen
    if manners.log_file is not None:
        if os.path.isfile(manners.log_file):  # a pipe or a device takes anything
            from ..store.own_files import OwnFile  # few runs have a log, and all load this

            OwnFile("log", _is_log).check(manners.log_file)
        try:
            file = logging.FileHandler(manners.log_file, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(f"cannot write the log to {manners.log_file}: {error.strerror}") from error
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        yield file
