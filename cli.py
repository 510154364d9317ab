"""The command line: the app, its commands, and how it ends."""

import gc
import os
import sys
import threading
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer
from typer.completion import get_completion_inspect_parameters, install_callback, show_callback

from .commands.help import HELP_OPTIONS, App
from .errors import ExitCode, LookalikeError
from .output.console import tell
from .output.streams import guard_streams
from .store.address_space import spare_address_space
from .store.documents import SCHEMA_VERSION, dumps

# In the order in which the help lists their commands.
# isort: off
# fmt: off
from .commands import (  # noqa: F401
    search, serve, labels, copies, decisions, inspect, apply,
    index, bulk, bulk_finish, bulk_dupes, status, folders, config, care,
)
# fmt: on
# isort: on

app = typer.Typer(
    cls=App,
    help="Find photos that look alike: index a library once, query it by example, find its copies. "
    "Works offline, on a CPU. Photos are only read; only `apply` moves files, and `undo` puts them back.",
    no_args_is_help=True,
    add_completion=False,  # ours take the name of a shell
    pretty_exceptions_enable=False,
    epilog="lookalike index ~/Pictures\nlookalike search beach.jpg\nlookalike help search",
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)


# Has typer know the shells that ask it what could be typed.
get_completion_inspect_parameters()


class Shell(StrEnum):
    """The shells that complete commands; `this` is the one that runs us."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"
    powershell = "powershell"
    pwsh = "pwsh"
    this = "this"


def _install_completion(ctx: typer.Context, param: typer.CallbackParam, shell: Shell | None) -> None:
    install_callback(ctx, param, True if shell is Shell.this else shell)


def _show_completion(ctx: typer.Context, param: typer.CallbackParam, shell: Shell | None) -> None:
    show_callback(ctx, param, True if shell is Shell.this else shell)


def _version(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        from . import __version__

        fields = dumps({"schema_version": SCHEMA_VERSION, "version": __version__}).decode()
        typer.echo(fields if ctx.params.get("as_json") else f"lookalike {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    store: Annotated[
        str | None, typer.Option("--store", metavar="DIR", help="Folder of the library's store.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no closing summary.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Tell more on stderr.")] = False,
    log_file: Annotated[
        str | None, typer.Option("--log-file", metavar="FILE", help="Append what is told to FILE.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", is_eager=True, help="The same as --format json.")
    ] = False,
    install_completion: Annotated[
        Shell | None,
        typer.Option(
            "--install-completion",
            metavar="SHELL",
            is_eager=True,
            callback=_install_completion,
            help="Complete commands by Tab in bash, zsh, fish or powershell; none: the shell you are in.",
        ),
    ] = None,
    show_completion: Annotated[
        Shell | None,
        typer.Option(
            "--show-completion",
            metavar="SHELL",
            is_eager=True,
            callback=_show_completion,
            help="Only show what that would add.",
        ),
    ] = None,
) -> None:
    """Take the options that may stand before a command, which `help.py` hands on to it."""


# Seconds in which every command has imported what it needs.
_STARTED_S = 2.0


def _collect_garbage_later() -> None:
    """Look for no garbage among what is imported: all of it stays, and looking took a tenth of a search."""
    gc.disable()
    later = threading.Timer(_STARTED_S, gc.enable)
    later.daemon = True
    later.start()


class _NoPandas:
    """Finds no pandas, which no command uses: Arrow loads it where it is installed, for 0.4 s of CPU."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


_NO_MEMORY = "out of memory; finished work is kept: run it again, with fewer --workers where it has them"
# What other errors than MemoryError say of it: of libraries that cannot be loaded, of threads.
_TOLD_OF_NO_MEMORY = ("failed to map segment", "annot allocate memory", "can't start new thread")


def main() -> NoReturn:
    """Be the program: run the command line of this process and end with its exit code."""
    guard_streams()
    spare_address_space()
    _collect_garbage_later()
    sys.meta_path.insert(0, _NoPandas())
    sys.exit(run())


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line (None: that of this process) and return its exit code.

    Every foreseen error is a line on stderr and an exit code.
    """
    try:
        code = app(
            argv, prog_name="lookalike", standalone_mode=False
        )  # in which typer shows no errors in its own way
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except LookalikeError as error:
        tell(str(error))
        for line in error.details:
            tell(line)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except MemoryError:
        tell(_NO_MEMORY)
        return ExitCode.ERROR
    except Exception as error:
        if hasattr(error, "format_message"):  # of click, which typer keeps under a name of its own
            return _tell_misuse(error)
        if any(text in str(error) for text in _TOLD_OF_NO_MEMORY):
            tell(_NO_MEMORY)
            return ExitCode.ERROR
        if os.environ.get("LOOKALIKE_DEBUG"):
            raise
        tell(
            f"internal error: {type(error).__name__}: {error} "
            "(please report it; LOOKALIKE_DEBUG=1 shows a traceback)"
        )
        return ExitCode.ERROR
    return code if isinstance(code, int) else ExitCode.DONE


def _tell_misuse(error: Any) -> int:
    """Say what is wrong with a command line, as all else is said, and where to read on."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if message.startswith("Usage:"):  # nothing was typed: this is the help
        error.show()
    else:
        call = f"{context.command_path} --help" if context else "lookalike --help"
        tell(message if "`" in message else f"{message.rstrip('.')} (`{call}` says more)")
    return int(error.exit_code)
