"""The command that shows the library in a browser."""

import os
import sys
from dataclasses import dataclass
from typing import Annotated

from ..errors import NeedsLocalStore, UsageError
from ..library import is_data_set
from ..output.console import tell
from . import options as opt
from .copies import Keep
from .groups import Topic, command
from .options import flag, value
from .settings import read_settings


@dataclass(frozen=True)
class Address:
    """Where the page is, and how it is reached."""

    port: int | None = value(
        "--port", "N", "Port of the page (0: any); default: 8765 or one of the next.", min=0, max=65535
    )
    no_browser: bool = flag("--no-browser", "Only serve; do not open the browser.")
    token_file: opt.Text = value(
        "--token-file", "FILE", "Write the token there, for scripts: Authorization: Bearer TOKEN."
    )
    host: str = value("--host", "ADDRESS", "Address to serve at; needs --allow-remote.", "127.0.0.1")
    allow_remote: bool = flag("--allow-remote", "With --host: let other computers in.")

    def check(self) -> None:
        """Check that nobody is let in by mistake.

        Raises:
            UsageError: the address is not of this computer alone.
        """
        from ..web.guard import LOOPBACK

        if self.host not in LOOPBACK and not self.allow_remote:
            raise UsageError(
                f"--host {self.host} lets other computers in your network ask for your photos, and nothing "
                "between them is encrypted; add --allow-remote if you mean that"
            )


def _has_browser() -> bool:
    """Tell whether a browser surely comes up: not over ssh, not for root, not without a screen."""
    if "SSH_CONNECTION" in os.environ or getattr(os, "geteuid", lambda: 1)() == 0:
        return False
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


WriteOption = Annotated[bool, flag("--write", "Let the page index, decide, and move copies (with undo).")]


@command(
    Topic.FIND,
    "lookalike serve",
    "lookalike serve --write",
    "lookalike serve --port 8765 --no-browser --token-file ~/token",
)
def serve(
    write: WriteOption = False, *, keeping: Keep, scan: opt.Scan, address: Address, at: opt.WriteArgs
) -> None:
    """Show the library in the browser.

    Look through it, search by dropping a picture, review copies. The page only shows, unless --write is
    given: then it can also index, remember what you decide, and move copies as `lookalike apply` does.
    What the page indexes is what `lookalike index` would with the same options and config file; where there
    is no library yet it begins one. Only this computer reaches it, with a token that is new each time:
    --no-browser shows the whole address in a terminal; elsewhere --token-file writes the token.
    """
    from ..indexer.options import IndexOptions
    from ..web.guard import LOOPBACK, WILDCARDS
    from ..web.serving import ServeOptions, serve_library

    address.check()

    def ready(where: str, token: str) -> None:
        tell(f"the page is at {where} (Ctrl-C ends it)")
        if address.token_file is not None or (not address.no_browser and _has_browser()):
            return
        if sys.stderr.isatty():
            tell(f"open it with {where}#token={token}")
        else:
            tell("its token is shown in a terminal only; --token-file FILE writes it to a file")

    if address.host in WILDCARDS:
        tell(
            f"{address.host} is every address of this computer, but only requests for "
            f"{', '.join(LOOPBACK)} are answered; to let others in, name the address that they ask for"
        )
    if is_data_set(at.folder):
        raise NeedsLocalStore(at.folder)
    options = ServeOptions(
        address.host,
        address.port,
        write,
        address.token_file,
        not address.no_browser,
        IndexOptions(scan.options()),
        read_settings().values.get("folders", []),
    )
    # A store that somebody named and that is not there is a slip; the usual one begins empty.
    with at.writing(create=at.is_usual) if write else at.reading() as library:
        if keeping != Keep():
            library.copies.rules = keeping.rules(library)
        serve_library(library, options, ready)
