"""What the terminal can show: told by the environment, else asked."""

import os
import re
import select
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from .preview import How, Screen

# Seconds that a terminal gets for its answer; one at the other end of a slow line needs some.
_PATIENCE_S = 0.3
_ATTRIBUTES = b"\x1b[c"
_SIXEL = "4"  # among the attributes of a terminal that can show them

_WAYS: "dict[str, How]" = {"kitty": "kitty", "iterm": "iterm", "sixel": "sixel", "blocks": "blocks"}


def screen(wanted: str) -> "Screen":
    """Return the terminal at stdout. wanted: a way to show pictures, or "auto".

    Raises:
        UsageError: stdout is no terminal, or pictures need colors that NO_COLOR forbids.
    """
    from .preview import Screen

    if not sys.stdout.isatty():
        raise UsageError("--preview shows pictures in a terminal, and stdout is none; see --sheet FILE")
    how = chosen(wanted, os.environ)
    columns = shutil.get_terminal_size().columns
    return Screen(how, columns, _letter(), _has_true_color(os.environ))


def chosen(wanted: str, environ: Mapping[str, str]) -> "How":
    """Return how to show pictures.

    Raises:
        UsageError: only half blocks are left, and NO_COLOR or a dumb terminal rules them out.
    """
    how = _WAYS.get(wanted) or told_by(environ) or ("sixel" if _shows_sixels() else "blocks")
    if how == "blocks" and (environ.get("NO_COLOR") or environ.get("TERM") == "dumb"):
        raise UsageError(
            "pictures of half blocks need colors, which NO_COLOR or TERM=dumb rules out; name another way "
            "with --preview-as, or see --sheet FILE"
        )
    return how


def told_by(environ: Mapping[str, str]) -> "How | None":
    """Return what the environment says of the terminal; None: nothing.

    Within tmux and screen it says nothing of the terminal that will show it.
    """
    if environ.get("TMUX") or environ.get("STY"):
        return None
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if environ.get("KITTY_WINDOW_ID") or "kitty" in term or "ghostty" in (term + program).lower():
        return "kitty"
    named = {program, environ.get("LC_TERMINAL", "")}  # the latter comes along by ssh
    return "iterm" if named & {"iTerm.app", "iTerm2", "WezTerm", "mintty"} else None


def _has_true_color(environ: Mapping[str, str]) -> bool:
    return environ.get("COLORTERM", "") in ("truecolor", "24bit")


def _letter() -> tuple[int, int]:
    """Return width and height of a letter in pixels, as far as the terminal tells."""
    from .preview import LETTER

    try:
        import fcntl
        import struct
        import termios

        told = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
    except (ImportError, OSError):
        return LETTER
    lines, columns, width, height = struct.unpack("HHHH", told)
    if not (lines and columns and width // columns and height // lines):
        return LETTER
    return width // columns, height // lines


def _shows_sixels() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return says_sixel(_asked(sys.stdin.fileno(), sys.stdout.fileno()))


def says_sixel(answer: bytes) -> bool:
    """Tell whether a terminal's answer about its attributes has sixels among them."""
    found = re.search(rb"\x1b\[\?([0-9;]+)c", answer)
    return found is not None and _SIXEL in found[1].decode().split(";")[1:]


def _asked(source: int, target: int) -> bytes:
    """Ask the terminal for its attributes; b"" when it does not answer in time, or cannot be asked."""
    try:
        import termios
        import tty

        before = termios.tcgetattr(source)
    except (ImportError, OSError):
        return b""
    answer = b""
    try:
        tty.setcbreak(source, termios.TCSANOW)  # without echo, and not until a line ends
        os.write(target, _ATTRIBUTES)
        while not answer.endswith(b"c") and select.select([source], [], [], _PATIENCE_S)[0]:
            answer += os.read(source, 64)
    except OSError:
        return b""
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
    return answer
