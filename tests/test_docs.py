"""The documents and the program say the same."""

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lookalike import cli
from lookalike.commands.groups import COMMANDS, GROUPS, Topic
from lookalike.commands.help import as_command
from lookalike.errors import ExitCode
from lookalike.tests.library import lookalike
from lookalike.tools import api_reference

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md",
    "docs/guide.md",
    "docs/care.md",
    "docs/scale.md",
    "docs/models.md",
    "docs/formats.md",
    "docs/architecture.md",
    "docs/internals.md",
    "docs/recipes.md",
    "docs/python.md",
]

assert cli.app  # which has all commands entered
LARGE = {"index": 8, "search": 14, "dupes": 10, "apply": 10}  # the most parameters


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


def name_in(call: list[str]) -> str:
    """Return the command that is called, "bulk plan" of a group's."""
    return " ".join(call[:2] if call[0] in GROUPS else call[:1])


def parameters_of(name: str) -> list[Any]:
    return as_command(name, COMMANDS[name]).params


def flags_of(name: str) -> set[str]:
    return {flag for parameter in parameters_of(name) for flag in parameter.opts} | {"--help", "-h"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_examples_that_it_takes_and_is_in_the_documents(name: str) -> None:
    examples = COMMANDS[name].examples
    assert len(examples) >= (3 if name in LARGE else 1)
    for example in examples:
        call = shlex.split(re.split("[|>]", example)[0])
        assert (call[0], name_in(call[1:])) == ("lookalike", name)
        assert {flag for flag in call if flag.startswith("--")} <= flags_of(name)
    mentioned = set(map(name_in, calls_in("docs/guide.md"))) | set(map(name_in, calls_in("docs/care.md")))
    assert name in mentioned, f"the guide never calls lookalike {name}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_says_what_it_does_and_what_to_write(name: str) -> None:
    for parameter in parameters_of(name):
        assert parameter.help.endswith((".", "0d.", ")")), parameter.name
        if not getattr(parameter, "is_flag", False):
            assert re.fullmatch(r"[A-Z][A-Za-z.,/]*", parameter.metavar or ""), parameter.name


def test_the_help_lists_every_command_under_its_topic_in_a_line_that_is_not_cut() -> None:
    text = lookalike("--help", COLUMNS="80").out.decode()
    places = [text.index(f"\n{topic}:\n") for topic in Topic]
    assert places == sorted(places)
    for name, command in COMMANDS.items():
        assert 10 < len(command.title) <= 60, name
        assert command.title.endswith("."), name
        *group, word = name.split()
        listed = lookalike(*group, "--help", COLUMNS="80").out.decode() if group else text
        assert re.search(rf"^  {word} +{re.escape(command.title)}$", listed, re.MULTILINE), name


def test_the_reference_and_the_manual_are_what_the_program_says() -> None:
    # In a process of its own: commands stand in the order in which their modules were first imported.
    code = "import json; from lookalike.tools.command_reference import pages; print(json.dumps(pages()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name, text in json.loads(done.stdout).items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, "run tools/command_reference.py"
        for command in COMMANDS:
            said = command.replace("-", "\\-")
            assert re.search(rf'^(## {command}$|\.SS "lookalike {said} )', text, re.MULTILINE), command


@pytest.mark.skipif(not shutil.which("man"), reason="no man here")
def test_the_manual_is_one_that_man_shows_without_a_warning() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-Tutf8", "-l", str(ROOT / "docs/lookalike.1")],
        env={**os.environ, "MANPAGER": "cat", "MANROFFOPT": "-P-c"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--older-than TIME" in re.sub(".\x08", "", done.stdout)  # what is bold comes twice


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("se", ["search", "serve"]), ("dupes --pl", ["--plan"]), ("bulk st", ["status"])],
)
def test_the_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    """As bash asks, by variables; the other shells' scripts ask in the same way."""
    words = f"lookalike {typed}"
    done = subprocess.run(
        [Path(sys.executable).with_name("lookalike")],
        env={
            **os.environ,
            "_LOOKALIKE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == offered, done.stderr


@pytest.mark.parametrize(("name", "most"), LARGE.items())
def test_the_large_commands_have_few_parameters_and_their_options_in_panels(name: str, most: int) -> None:
    assert len(inspect.signature(COMMANDS[name].function).parameters) <= most
    text = lookalike(name, "--help", COLUMNS="80").out.decode()
    panels = re.findall(r"^([A-Z].+):$", text, re.MULTILINE)
    assert panels[:2] == ["Arguments", "Options"]
    assert panels[-1] == "Examples"
    assert name == "apply" or panels[-2] == "Advanced"
    assert max(map(len, text.splitlines())) <= 80
    assert all(example in text for example in COMMANDS[name].examples)


def test_the_options_of_search_stand_in_their_panels() -> None:
    text = lookalike("search", "--help").out.decode()
    named = ["Filters", "Several examples", "Parts of pictures", "Order and output", "Advanced"]
    assert re.findall(r"^([A-Z].+):$", text, re.MULTILINE)[2:-1] == named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_call_in_a_document_is_one_that_the_program_takes(document: str) -> None:
    for call in calls_in(document):
        if call[0] in ("help", "version"):
            continue  # words for options of the program
        name, arguments = name_in(call), call[1:]
        assert name in COMMANDS, f"lookalike {name}"
        flags = {a.partition("=")[0] for a in arguments if a.startswith("-") and len(a) > 1}
        assert flags <= flags_of(name), f"lookalike {name} {' '.join(arguments)}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_flag_in_a_document_exists(document: str) -> None:
    known = {flag for name in COMMANDS for flag in flags_of(name)}
    others = {"--photos", "--home", "--parents"}  # of tools/, and of cp
    others |= {"--install-completion", "--show-completion"}  # of no command
    others |= {"--rm", "--build-arg", "--detach", "--volumes", "--user", "--now", "--csv"}  # in recipes
    mentioned = {
        flag for code in code_in(document) for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code)
    }
    assert mentioned - others <= known


def anchors_in(path: Path) -> set[str]:
    """Return what links to the chapters of a document end with."""
    chapters = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", chapter).lower().replace(" ", "-") for chapter in chapters}


def test_links_between_documents_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"]:
        for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", path.read_text()):
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            assert file.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in anchors_in(file), f"{path.name}: {target}"


def test_the_reference_of_the_python_api_is_that_of_its_docstrings() -> None:
    document = api_reference.DOCUMENT.read_text()
    assert document == api_reference.with_reference(document), "run tools/api_reference.py"
    changed = document.replace("Return the pictures of a test set", "Return")
    assert api_reference.with_reference(changed) == document


def test_the_exit_codes_in_the_guide_are_those_of_the_errors() -> None:
    guide = (ROOT / "docs/guide.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", guide, re.MULTILINE)}
    assert documented == set(ExitCode) - {ExitCode.READER_GONE}  # of which no command speaks


def test_modules_that_the_documents_name_exist() -> None:
    files = [f"/{file.relative_to(ROOT).as_posix()}" for file in ROOT.rglob("*.py")]
    for document in [*DOCUMENTS, "CONTRIBUTING.md", "benchmarks/README.md"]:
        for name in re.findall(r"[\w/]+\.py\b", (ROOT / document).read_text()):
            assert any(file.endswith(f"/{name}") for file in files), f"{document}: {name}"
