"""The documents and the program say the same."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from lookalike.cli import app

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md",
    "docs/guide.md",
    "docs/care.md",
    "docs/models.md",
    "docs/formats.md",
    "docs/architecture.md",
]

group: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = group.commands


def code_in(document: str) -> list[str]:
    """Return the lines of the code blocks and the pieces of inline code."""
    text = (ROOT / document).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)


def calls_in(document: str) -> list[list[str]]:
    """Return the arguments of every call of lookalike in a document."""
    found = []
    for line in code_in(document):
        calls = re.findall(r"(?:^|[|$] *)lookalike ([a-z][^|>]*)", line)
        # What follows two blanks is a remark, not an argument.
        found += [shlex.split(re.split(r" {2,}", call)[0]) for call in calls]
    return found


def flags_of(command: Any) -> set[str]:
    return {flag for parameter in command.params for flag in parameter.opts} | {"--help", "-h"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself_with_an_example_and_is_in_the_documents(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert (command.epilog or "").startswith(f"Example: lookalike {name}")
    example = shlex.split((command.epilog or "").partition("lookalike ")[2])
    assert {flag for flag in example if flag.startswith("--")} <= flags_of(command)
    for document in ("README.md", "docs/guide.md"):
        mentioned = {call[0] for call in calls_in(document)}
        assert name in mentioned, f"{document} never calls lookalike {name}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_has_a_help_text(name: str) -> None:
    silent = [p.name for p in COMMANDS[name].params if not getattr(p, "help", None)]
    assert not silent


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_call_in_a_document_is_one_that_the_program_takes(document: str) -> None:
    for name, *arguments in calls_in(document):
        assert name in COMMANDS, f"lookalike {name}"
        flags = {a.partition("=")[0] for a in arguments if a.startswith("-") and len(a) > 1}
        assert flags <= flags_of(COMMANDS[name]), f"lookalike {name} {' '.join(arguments)}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_flag_in_a_document_exists(document: str) -> None:
    known = {flag for command in COMMANDS.values() for flag in flags_of(command)}
    others = {"--photos", "--home"}  # of tools/
    mentioned = {
        flag for code in code_in(document) for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code)
    }
    assert mentioned - others <= known


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*DOCUMENTS, "CONTRIBUTING.md", "benchmarks/README.md"]:
        path = ROOT / document
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{document}: {target}"


def test_the_exit_codes_in_the_guide_are_those_of_the_errors() -> None:
    from lookalike import errors

    guide = (ROOT / "docs/guide.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", guide, re.MULTILINE)}
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    used = {each.exit_code for each in classes if issubclass(each, errors.LookalikeError)}
    assert used | {0, 10, 130} == documented  # 10: check found something
