"""How a function becomes a command: its dataclasses become options, what it returns is shown."""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer

from ..errors import ExitCode
from ..output.console import show
from ..output.listing import Listing, Summary
from ..output.manners import behaving
from .options import JsonOption, Telling

Function = Callable[..., Listing | Summary | ExitCode | None]
FunctionT = TypeVar("FunctionT", bound=Function)


class Topic(StrEnum):
    """What a command is for, in the order of the help."""

    FIND = "Find"
    COPIES = "Copies"
    CLEAN_UP = "Clean up"
    LIBRARY = "Library"
    CARE = "Care"


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line. examples: what one would type, the most common first."""

    function: Function
    topic: Topic
    examples: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it does, in a line."""
        return (self.function.__doc__ or "").partition("\n")[0]


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Commands that share a first word, as "bulk plan" and "bulk run" do.

    title: what they do. more: what else their help says first.
    """

    topic: Topic
    title: str
    examples: tuple[str, ...]
    more: str = ""


COMMANDS: dict[str, Command] = {}
GROUPS: dict[str, Group] = {}


def command(topic: Topic, *examples: str, group: str = "") -> Callable[[FunctionT], FunctionT]:
    """Enter a function in COMMANDS, under its name; of one in a group, after the group's.

    Its parameters are arguments and options; those of one that is a dataclass are its fields, in the panel
    of the help that its `panel` names. It returns what to show, in the format of its parameter `form`;
    None if it told all that there is to tell.
    """

    def enter(function: FunctionT) -> FunctionT:
        name = f"{group} {function.__name__.rstrip('_')}".strip()
        COMMANDS[name] = Command(function, topic, examples)
        return function

    return enter


_AS_JSON = inspect.Parameter(
    "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption
)
_TELLING = inspect.Parameter("telling", inspect.Parameter.KEYWORD_ONLY, annotation=Telling)


def as_callback(function: Function) -> Callable[..., None]:
    """Return a function for typer, with one parameter for each option, that shows what is returned."""
    signature = inspect.signature(function, eval_str=True)
    kinds: dict[str, Any] = {
        name: each.annotation
        for name, each in signature.parameters.items()
        if dataclasses.is_dataclass(each.annotation)
    }
    takes_form = "form" in signature.parameters

    def run(**given: Any) -> None:
        for name, kind in {**kinds, "telling": Telling}.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in dataclasses.fields(kind)})
        if takes_form and given.pop("as_json"):
            given["form"] = type(given["form"]).json
        with behaving(given.pop("telling").manners()):
            result = function(**given)
            if isinstance(result, (Listing, Summary)):
                result = show(result, given.get("form", "table"))
        if result:
            raise typer.Exit(result)

    taken = [*signature.parameters.values(), *([_AS_JSON] if takes_form else []), _TELLING]
    parameters = [each for one in taken for each in _flattened(one)]
    run.__doc__ = function.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    return run


def _flattened(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """Yield a parameter as typer takes it; of one that is a dataclass, its fields."""
    kind = parameter.annotation
    if not dataclasses.is_dataclass(kind):
        yield _keyword(parameter.name, parameter.default, *get_args(kind))
        return
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        base, option = get_args(hints[field.name]) if not field.metadata else (hints[field.name], field)
        yield _keyword(field.name, field.default, base, option, getattr(kind, "panel", None))


def _keyword(
    name: str, default: Any, base: Any, declared: Any, panel: str | None = None
) -> inspect.Parameter:
    option = copy.copy(declared.metadata["option"])
    option.rich_help_panel = option.rich_help_panel or panel
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=Annotated[base, option])
