#!/usr/bin/env python3
"""Write docs/commands.md and the manual page docs/lookalike.1 from what the program says of itself.

    python tools/command_reference.py

A test fails where they are not up to date.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand

from lookalike import __version__, cli
from lookalike.commands.groups import COMMANDS, GROUPS, Command, Topic
from lookalike.commands.help import HELP_OPTIONS, as_command, row

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 100  # of the lines in commands.md
INTRODUCTION = """\
# The commands

Made from the program by `tools/command_reference.py`: what `lookalike COMMAND --help` shows.
`man lookalike` shows it too, where pip or pipx installed the program. The [guide](guide.md) explains
by task; [recipes.md](recipes.md) has completion for shells, timers and other programs.
"""
EXIT_CODES = """\
0 done; 1 an error, told in one line; 2 the call makes no sense; 3 some files could not be read or compared;
4 a folder is offline; 5 the store is in use; 6 a store of another version; 7 disk full or read-only;
10 check found something; 130 stopped, finished work is kept."""
ENVIRONMENT = {
    "LOOKALIKE_STORE": "The store to use where --store is not given.",
    "LOOKALIKE_CACHE": "Folder for fetched weights.",
    "LOOKALIKE_STATE": "Folder for what --more and --less go on from.",
    "LOOKALIKE_DEBUG": "Set to 1, an internal error shows its traceback.",
    "NO_COLOR": "Set to anything, no color is used.",
}


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the generated files, by their names in docs/."""
    return {"commands.md": _markdown(), "lookalike.1": "\n".join(_manual()) + "\n"}


def by_topic(topic: Topic) -> dict[str, Command]:
    """Return the commands of a topic, those of a group under the group's."""
    groups = {name: group.topic for name, group in GROUPS.items()}
    return {
        name: each
        for name, each in COMMANDS.items()
        if groups.get(name.partition(" ")[0], each.topic) == topic
    }


# Markdown


def _markdown() -> str:
    parts = [INTRODUCTION]
    for topic in Topic:
        rows = [
            f"| [{name}](#{_anchor(name)}) | {_plain(each.title)} |"
            for name, each in by_topic(topic).items()
        ]
        parts.append("\n".join([f"**{topic}**\n", "| | |", "|---|---|", *rows, ""]))
    parts += [_chapter(name, each) for name, each in COMMANDS.items()]
    return "\n".join(parts)


def _chapter(name: str, command: Command) -> str:
    """Return what the help says of a command, under its name."""
    made = as_command(name, command)
    context = _context(made, f"lookalike {name}")
    return f"## {name}\n\n```text\n{made.get_help(context).rstrip()}\n```\n"


def _context(made: TyperCommand, name: str) -> typer.Context:
    names = HELP_OPTIONS["help_option_names"]
    return typer.Context(
        made, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH, help_option_names=names
    )


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


# The manual page


def _manual() -> Iterator[str]:
    about = typer.main.get_command(cli.app)
    yield f'.TH LOOKALIKE 1 "" "lookalike {__version__}" "User Commands"'
    yield '.\\" Made by tools/command_reference.py.'
    yield from _section("NAME", ["lookalike \\- find photos that look alike"])
    yield from _section(
        "SYNOPSIS",
        [
            ".B lookalike",
            ".I COMMAND",
            "[OPTIONS] [ARGUMENTS]",
            ".br",
            ".B lookalike",
            ".I COMMAND",
            "\\-\\-help",
        ],
    )
    yield from _section("DESCRIPTION", [_roff(about.help or "")])
    for topic in Topic:
        yield from _section(f"COMMANDS: {topic.upper()}", [])
        for name, command in by_topic(topic).items():
            yield from _entry(name, command)
    yield from _section("EXIT STATUS", [_roff(EXIT_CODES)])
    yield from _section("ENVIRONMENT", [])
    for name, text in ENVIRONMENT.items():
        yield from _item(name, text)


def _section(head: str, lines: list[str]) -> list[str]:
    return [f".SH {_roff(head)}", *lines]


def _entry(name: str, command: Command) -> Iterator[str]:
    """Yield a command: how it is called, what it does, its options and examples."""
    made = as_command(name, command)
    context = _context(made, name)
    pieces = " ".join(made.collect_usage_pieces(context))
    yield f'.SS "{_roff(f"lookalike {name} {pieces}")}"'
    for number, paragraph in enumerate((made.help or "").split("\n\n")):
        yield from ([".PP"] if number else []) + [_roff(" ".join(paragraph.split()))]
    for parameter in made.get_params(context):
        if parameter.name != "help":
            yield from _item(*row(parameter))
    yield ".PP"
    yield "Examples:"
    for example in command.examples:
        yield from (".br", f".B {_roff(example)}")


def _item(head: str, text: str) -> list[str]:
    return [".TP", f".B {_roff(head)}", _roff(text)]


def _roff(text: str) -> str:
    """Return text as the manual's language takes it: hyphens as typed, no line that is an instruction."""
    quoted = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", quoted, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
