"""What a terminal can show: how wide it is, whether it has colors, and names short enough for it."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_STYLES = {"keep": "32", "go": "1;31", "score": "36", "head": "1", "dim": "2"}


@dataclass(frozen=True, slots=True)
class Screen:
    """width: in cells."""

    width: int
    has_color: bool


def screen() -> Screen | None:
    """Return the terminal that stdout is, None where it is something else: scripts get whole lines."""
    if not sys.stdout.isatty():
        return None
    has_color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(shutil.get_terminal_size().columns, has_color)


class Styled(str):
    """Text with a style, one of _STYLES, which a terminal shows."""

    __slots__ = ("style",)
    style: str

    def __new__(cls, text: str, style: str) -> "Styled":
        """Make one."""
        made = super().__new__(cls, text)
        made.style = style
        return made


def painted(text: str, style: str | None) -> str:
    """Return text as a terminal shows it in a style; as it is where there are no colors."""
    shown = screen()
    if style is None or shown is None or not shown.has_color:
        return text
    return f"\033[{_STYLES[style]}m{text}\033[0m"


def cells(text: str) -> int:
    """Return how many cells of a terminal text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def short(path: str) -> str:
    """Return what to call a file on a terminal: from the working folder, or from home."""
    if screen() is None:
        return path
    for folder, name in ((os.getcwd(), ""), (os.path.expanduser("~"), "~/")):
        if len(folder) > 1 and path.startswith(folder + os.sep):
            return name + path[len(folder) + 1 :]
    return path


def together(paths: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the folder that holds files, and what to call them there.

    "" and names from the working folder where that holds all of them; whole paths if this is no terminal.
    """
    if screen() is None or not paths or not all(map(os.path.isabs, paths)):
        return "", paths
    here = os.getcwd() + os.sep
    if all(path.startswith(here) for path in paths):
        return "", [path[len(here) :] for path in paths]
    folder = os.path.commonpath(list(map(os.path.dirname, paths)))
    return folder, [os.path.relpath(path, folder) for path in paths]
