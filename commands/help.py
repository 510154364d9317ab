"""How the command line explains itself: commands by topic, options in panels, in plain text."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from .groups import COMMANDS, Command, Topic, as_callback
from .options import ADVANCED, OUTPUT

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

# Fewer options than these are listed without panels.
_MANY = 10
_WIDEST = 26


class App(TyperGroup):
    """All commands; the parameters of one are read only when it is run or asked for its help."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = dict.fromkeys(COMMANDS, TyperCommand(None))  # names, for "did you mean"

    def get_command(self, _: Any, cmd_name: str) -> TyperCommand | None:
        """Return a command by its name."""
        return as_command(cmd_name, COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the commands by topic, then the options."""
        widest = max(map(len, COMMANDS))
        for topic in Topic:
            rows = [
                (name.ljust(widest), each.title) for name, each in COMMANDS.items() if each.topic is topic
            ]
            with formatter.section(topic.value):
                formatter.write_dl(rows)
        _write_panels({"Options": [_row(each) for each in self.get_params(ctx)]}, formatter)

    def format_epilog(self, _: Any, formatter: Any) -> None:
        """Show the examples."""
        _write_examples(self.epilog, formatter)


class _Command(TyperCommand):
    """One command with its options in panels, and with its examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return how the command is called: "[OPTIONS]", "PATH..."."""
        arguments = [each for each in self.get_params(ctx) if each.param_type_name == "argument"]
        names = [each.metavar if each.required else f"[{each.metavar}]" for each in arguments]
        more = ["" if each.nargs == 1 else "..." for each in arguments]
        return ["[OPTIONS]", *map("".join, zip(names, more, strict=True))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the arguments, then the options."""
        options = [each for each in self.get_params(ctx) if each.param_type_name == "option"]
        panels: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            panel = getattr(each, "rich_help_panel", None) if len(options) > _MANY else None
            panel = "Arguments" if each not in options else panel or "Options"
            panels.setdefault(panel, []).append(_row(each))
        last = [each for each in (OUTPUT, ADVANCED) if each in panels]
        _write_panels(panels | {name: panels.pop(name) for name in last}, formatter)

    def format_epilog(self, _: Any, formatter: Any) -> None:
        """Show the examples."""
        _write_examples(self.epilog, formatter)


def _write_panels(panels: dict[str, list[tuple[str, str]]], formatter: Any) -> None:
    widest = max(len(left) for rows in panels.values() for left, _ in rows if len(left) <= _WIDEST)
    for name, rows in panels.items():
        with formatter.section(name):
            formatter.write_dl([(left.ljust(widest), right) for left, right in rows], col_max=widest)


def _write_examples(examples: str | None, formatter: Any) -> None:
    """Write the examples; none is broken, so that it can be copied."""
    with formatter.section("Examples"):
        for line in (examples or "").splitlines():
            formatter.write(f"  {line}\n")


def _row(parameter: Any) -> tuple[str, str]:
    """Return what the help says of a parameter: how to write it, and what it does."""
    if parameter.param_type_name == "argument":
        return parameter.metavar + ("" if parameter.nargs == 1 else "..."), parameter.help
    names = ", ".join(sorted(parameter.opts, key=len))
    left = names if parameter.is_flag else f"{names} {parameter.metavar}"
    notes = [f"${parameter.envvar}"] if parameter.envvar else []
    if parameter.show_default and not parameter.is_flag and parameter.default is not None:
        default = parameter.default
        notes.append(f"default: {default:g}" if isinstance(default, float) else f"default: {default}")
    return left, f"{parameter.help} ({'; '.join(notes)})" if notes else parameter.help


def as_command(name: str, command: Command) -> TyperCommand:
    """Return a command as typer runs it."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=HELP_OPTIONS)
    app.command(name, cls=_Command, epilog="\n".join(command.examples))(as_callback(command.function))
    made = typer.main.get_command(app)
    assert isinstance(made, TyperCommand)
    return made
