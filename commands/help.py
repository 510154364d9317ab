"""How the command line explains itself: commands by topic, options in panels, in plain text."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Any, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

from .first_words import NEVER_GUESSED, file_not_option, instead_of, mistyped_option, too_much, torn_name
from .groups import COMMANDS, GROUPS, Command, Topic, as_callback
from .options import ADVANCED, OUTPUT
from .settings import KEYS, Settings, read_settings

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

# Fewer options than these are listed without panels.
_MANY = 10
_WIDEST = 26
# What one needs first, for a terminal of 24 lines: in the order of use.
_FIRST = ("index", "serve", "search", "check", "dupes", "apply", "undo", "prune")


class App(TyperGroup):
    """All commands; the parameters of one are read only when it is run or asked for its help.

    within: the group whose commands these are, "" for those of the program itself.
    """

    def __init__(self, *, within: str = "", **given: Any) -> None:
        super().__init__(**given)
        self._within = within
        self._is_first_look = False
        self.commands = dict.fromkeys(self._titles(), TyperCommand(None))  # names, for "did you mean"

    def _titles(self) -> dict[str, tuple[str, str]]:
        """Return under which heading each command and group is listed, and its line, by name."""
        first = f"{self._within} " if self._within else ""
        titles = {
            name.removeprefix(first): ("Commands" if first else each.topic.value, each.title)
            for name, each in COMMANDS.items()
            if name.startswith(first) and " " not in name.removeprefix(first)
        }
        groups = {} if first else GROUPS
        return titles | {name: (each.topic.value, each.title) for name, each in groups.items()}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command; `help COMMAND` and `version` are words for options."""
        self._is_first_look = not args and not self._within
        _read_plainly(self.get_params(ctx))
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        elif [each for each in args if each == "--version" or each[:1] != "-"] in (
            ["version"],
            ["--version"],
        ):
            # After the --json that it goes by.
            args = [*(each for each in args if each not in ("version", "--version")), "--version"]
        elif args and args[-1] in ("--install-completion", "--show-completion"):
            args = [*args, "this"]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is named; of a word that is none, say what to type instead."""
        if self._within or ctx.resilient_parsing or args[0] in self.commands:
            return super().resolve_command(ctx, args)
        hint = instead_of(*args)
        if hint is None:
            near = get_close_matches(args[0], self.commands.keys() - NEVER_GUESSED)
            more = f"Did you mean {', '.join(map(repr, near))}?" if near else "`lookalike --help` lists all"
            hint = f"there is no command {args[0]}. {more}"
        return ctx.fail(hint)

    def get_command(self, _: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """Return a command, or a group of some, by its name."""
        name = f"{self._within} {cmd_name}".strip()
        if name in GROUPS:
            return _as_group(name)
        return as_command(cmd_name, COMMANDS[name]) if name in COMMANDS else None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the commands by topic, then the options."""
        titles = self._titles()
        widest = max(map(len, titles))
        if self._is_first_look:
            with formatter.section("Commands"):
                rows = [(name.ljust(widest), titles[name][1]) for name in _FIRST]
                formatter.write_dl([*rows, ("--help".ljust(widest), "List all commands and options.")])
            return
        for heading in ["Commands"] if self._within else [topic.value for topic in Topic]:
            rows = [
                (name.ljust(widest), title) for name, (under, title) in titles.items() if under == heading
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)
        _write_panels({"Options": [row(each) for each in self.get_params(ctx)]}, formatter)

    def format_epilog(self, _: Any, formatter: Any) -> None:
        """Show the examples."""
        _write_examples(self.epilog, formatter)


def _as_group(name: str) -> TyperGroup:
    group = GROUPS[name]
    epilog = "\n".join([*group.examples, f"lookalike {name} COMMAND --help"])
    return App(
        within=name,
        name=name,
        help="\n\n".join(filter(None, (group.title, group.more))),
        epilog=epilog,
        no_args_is_help=True,
        context_settings=HELP_OPTIONS,
        rich_markup_mode=None,
    )


class _Command(TyperCommand):
    """One command with its options in panels, and with its examples."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands after the command; what stands before it comes first, and so gives way."""
        _read_plainly(self.get_params(ctx))
        ctx.default_map = written = _Written()
        ctx.allow_extra_args = True  # `_check_words` says more of them
        typed, names = [*args], {name for each in self.get_params(ctx) for name in each.opts}
        try:
            rest = super().parse_args(ctx, [*_passed_on(self.get_params(ctx), ctx), *args])
        except Exception as error:
            if hasattr(error, "ctx") and error.ctx is None:  # of an option without its value
                error.ctx = ctx
            option = getattr(error, "option_name", "")
            hint = option and (file_not_option(option, typed) or mistyped_option(typed, names))
            if hint:
                ctx.fail(f"{error}{hint}")
            raise
        if not ctx.resilient_parsing:
            self._check_words(ctx, typed, rest, names)
        for name in ctx.params.keys() & {key for key, each in KEYS.items() if each.adds}:
            if ctx.get_parameter_source(name).name == "COMMANDLINE":
                ctx.params[name] = [*(written.get(name) or ()), *ctx.params[name]]
        return rest

    def _check_words(self, ctx: Any, typed: list[str], extra: list[str], names: set[str]) -> None:
        arguments = [each.name for each in self.get_params(ctx) if each.param_type_name == "argument"]
        values = [ctx.params[name] or () for name in arguments]
        named = [word for each in values for word in ([each] if isinstance(each, str) else each)]
        wrong = torn_name(typed, named, extra)
        if wrong is None and extra:
            wrong = too_much(self.name or "", extra, names)
        if wrong is not None:
            ctx.fail(wrong)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return how the command is called: "[OPTIONS]", "PATH..."."""
        arguments = [each for each in self.get_params(ctx) if each.param_type_name == "argument"]
        return ["[OPTIONS]", *(_argument(each, "{}" if each.required else "[{}]") for each in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the arguments, then the options."""
        options = [each for each in self.get_params(ctx) if each.param_type_name == "option"]
        panels: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            panel = getattr(each, "rich_help_panel", None) if len(options) > _MANY else None
            panel = "Arguments" if each not in options else panel or "Options"
            panels.setdefault(panel, []).append(row(each))
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


def row(parameter: Any) -> tuple[str, str]:
    """Return what the help says of a parameter: how to write it, and what it does."""
    if parameter.param_type_name == "argument":
        return _argument(parameter, "{}"), parameter.help
    names = ", ".join(sorted(parameter.opts, key=len))
    left = names if parameter.is_flag else f"{names} {parameter.metavar}"
    notes = [f"${parameter.envvar}"] if parameter.envvar else []
    if parameter.show_default and not parameter.is_flag and parameter.default is not None:
        default = parameter.default
        notes.append(f"default: {default:g}" if isinstance(default, float) else f"default: {default}")
    return left, f"{parameter.help} ({'; '.join(notes)})" if notes else parameter.help


def _argument(parameter: Any, form: str) -> str:
    return form.format(parameter.metavar) + ("" if parameter.nargs == 1 else "...")


class _Written(dict[str, Any]):
    """The defaults of options that the config file has; it is read only for a command that takes some."""

    @cached_property
    def _settings(self) -> Settings:
        return read_settings()

    def get(self, name: str, default: Any = None) -> Any:
        """Return what is written of an option."""
        return self._settings.option(name) if name in KEYS else default


def _passed_on(parameters: Sequence[Any], ctx: Any) -> Iterator[str]:
    """Yield the options before the command that it takes, as if they stood after it."""
    given = ctx.find_root().params if ctx.parent is not None else {}
    for each in parameters:
        value = given.get(each.name)
        if value:
            yield max(each.opts, key=len)
            yield from () if value is True else (value,)
    if given.get("as_json") and all(each.name != "as_json" for each in parameters):
        yield "--json"  # which the command does not have, and says so


def as_command(name: str, command: Command) -> TyperCommand:
    """Return a command as typer runs it."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=HELP_OPTIONS)
    app.command(name, cls=_Command, epilog="\n".join(command.examples))(as_callback(command.function))
    made = typer.main.get_command(app)
    assert isinstance(made, TyperCommand)
    return made


def _read_plainly(parameters: Iterable[Any]) -> None:
    """Have values read by `_Value`; a typer that does it in another way goes on with that."""
    for each in parameters:
        if hasattr(each, "type_descriptor"):
            each._runtime_param = _Value(each)


class _Value:
    """Reads the value of a parameter.

    typer 0.29 has pydantic do it, whose import takes longer than all else that `status` does.
    """

    def __init__(self, parameter: Any) -> None:
        self.kind = parameter.type_descriptor.annotation
        self.limits = parameter.type_descriptor.parameter_info

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a value of the right type; that of a parameter that is not given as it is."""
        if value is None or get_origin(self.kind) is list:
            return value
        try:
            value = self.kind(value)
        except ValueError:
            choices = ", ".join(self.kind) if issubclass(self.kind, StrEnum) else "a number"
            raise typer.BadParameter(f"{value!r} is not {choices}", ctx=ctx, param=param) from None
        low, high = self.limits.min, self.limits.max
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            limits = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
            raise typer.BadParameter(f"{value!r} is not {limits}", ctx=ctx, param=param)
        return value
