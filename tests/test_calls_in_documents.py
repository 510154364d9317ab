"""What the documents say to type does what they say."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import Library, cli
from lookalike.bulk.here import Here
from lookalike.commands.groups import COMMANDS
from lookalike.search.last_search import FOLDER
from lookalike.tests.documents import ROOT, Machine, blocks_in, calls_in, calls_in_script, furnish
from lookalike.tests.pictures import draw_photo

assert cli.app  # which has all commands entered
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
]
SCRIPTS = sorted(f"examples/bulk/{path.name}" for path in ROOT.glob("examples/bulk/*"))
# In the order of the reference: that of COMMANDS depends on what other tests of the process have imported.
EXAMPLES = sorted(
    (example for command in COMMANDS.values() for example in command.examples),
    key=(ROOT / "docs/commands.md").read_text().index,
)
# What these do in one place they do in another: they change nothing.
READERS = {"search", "check", "explain", "doctor", "export"}

# What cannot be run here, and why.
SERVES = "it never ends; tests/web asks it for all that it has"
WATCHES = "it never ends; tests/commands/test_watch.py changes files meanwhile"
DOCKER = "docker run --rm -v ~/Pictures:/photos:ro -v lookalike:/store lookalike"
ENGINE = "there is none for containers; tests/test_container.py checks what its steps name"
NOT_RUN = {
    "lookalike serve": SERVES,
    "lookalike serve --write": SERVES,
    "lookalike serve --store .demo/store": SERVES,
    "lookalike serve --no-browser --port 8765 --token-file ~/token": SERVES,
    "lookalike serve --no-browser --port 8765 --token-file ~/token &": SERVES,
    "lookalike serve --port 8765 --no-browser --token-file ~/token": SERVES,
    "lookalike index --watch": WATCHES,
    "lookalike index ~/Pictures --watch --prove": WATCHES,
    "lookalike index %h/Pictures --watch": WATCHES,
    f"{DOCKER} index /photos": ENGINE,
    f"{DOCKER} search /photos/beach.jpg": ENGINE,
    "lookalike models --fetch mobilenet_v3_small": "it needs the network",
    "lookalike --install-completion": "it goes by the shell that started the tests, if one did",
    "import fiftyone as fo": "it is not installed",
    '@command(Topic.LIBRARY, "lookalike cameras", "lookalike cameras --in Pictures/2023 --format csv")': (
        "it is a piece of a module, without its imports"
    ),
}
# What ends with another code than 0, as the documents say.
FOUND = 10
ENDS = {
    "lookalike check ~/card": FOUND,
    "lookalike check ~/card --new": FOUND,
    "lookalike check ~/card --against ~/Pictures/2023": FOUND,
    "lookalike check ~/card --new --format paths0 | tar -cf - --null -T - | tar -xkf - -C ~/Import": FOUND,
    "lookalike check test --store leaks --copies": FOUND,
    # No run has moved a file of this name.
    "lookalike undo IMG_1234.jpg --yes": 2,
    # A store that is whole is left as it is.
    "lookalike repair --from-backup photos.lookalike-backup": 2,
    "lookalike repair --from-backup /media/usb/photos.lookalike-backup": 2,
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    """A machine with a library whose copies are known, and where all of it is kept to begin anew with."""
    machine = Machine(tmp_path_factory.mktemp("root").resolve() / "machine")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("XDG_", "LOOKALIKE_"))]:
            if name != "LOOKALIKE_CONFIG":
                patch.delenv(name)
        patch.setenv("HOME", str(machine.home))
        patch.setenv(FOLDER, str(machine.top / "state"))
        furnish(machine)
        patch.chdir(machine.home)
        for line in (
            "index ~/Pictures /mnt/nas/photos /mnt/usb /mnt/old-disk",
            "dupes",
            "index train --store other",
            "index Photos --store clip --model onnx:clip.onnx",
        ):
            assert machine.run(f"lookalike {line}").code == 0
        kept = machine.top.with_name("kept")
        shutil.copytree(machine.top, kept)
        yield machine, kept


@pytest.fixture
def machine(furnished: tuple[Machine, Path], monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine as it was at first, with what batch systems tell a job."""
    machine, kept = furnished
    shutil.rmtree(machine.top)
    shutil.copytree(kept, machine.top)
    os.chdir(machine.home)
    job = {"set": "s3://museum/set", "1": "s3://museum/set", "part": "0", "parts": "4"}
    job |= {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4", "JOB_COMPLETION_INDEX": "2"}
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    # Units are done in this process: starting others is for tests/bulk.
    monkeypatch.setattr("lookalike.bulk.here.Here", lambda *_: Here(0))
    return machine


def calls_of_documents() -> set[str]:
    """Return all calls, and the lines that blocks of another kind begin with."""
    blocks = [block for document in DOCUMENTS for _, block in blocks_in(document)]
    return {line for block in blocks for line in [block.partition("\n")[0], *calls_in(block)]}


def is_run(text: str) -> bool:
    return text not in NOT_RUN and text.splitlines()[0] not in NOT_RUN


def failures_of(machine: Machine, calls: list[str]) -> list[str]:
    """Run calls one after the other; return those that end in another way than they should, and how."""
    wrong = []
    for call in filter(is_run, calls):
        done = machine.run(call)
        if done.code != ENDS.get(call, 0):
            wrong.append(f"{call}\n  ends with {done.code}: {done.err}")
    return wrong


def run_python(machine: Machine, block: str, variables: dict[str, object]) -> None:
    """Run a block of Python; one that opens no library is given the one of the blocks before it."""
    code = compile(machine.meant(block), "<a block of Python>", "exec")
    if "Library.open(" in block:
        exec(code, variables)
        return
    with Library.open("store", create=True) as library:
        exec(code, {**variables, "library": library})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_says_to_type_does_what_it_says(document: str, machine: Machine) -> None:
    picture = draw_photo(1, 320, 240)
    variables = {
        "lookalike": lookalike,
        "Library": Library,
        "image": picture,
        "array": np.asarray(picture),
    }
    wrong = []
    for language, block in blocks_in(document):
        if language in ("", "ini"):
            wrong += failures_of(machine, calls_in(block))
        elif language == "python" and is_run(block):
            run_python(machine, block, variables)
    assert not wrong, "\n".join(wrong)


def test_the_examples_in_the_help_do_what_it_says(machine: Machine) -> None:
    (machine.home / "Import").mkdir()
    known = calls_of_documents()
    calls = [each for each in EXAMPLES if each not in known or each.split()[1] not in READERS]
    wrong = failures_of(machine, calls)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_an_example_for_clusters_calls_is_done(script: str, machine: Machine) -> None:
    planned = "lookalike bulk plan s3://museum/photos --to s3://museum/set"
    wrong = failures_of(machine, [planned, *calls_in_script(script)])
    assert not wrong, "\n".join(wrong)


def test_what_is_not_run_or_ends_otherwise_still_stands_in_the_documents() -> None:
    assert {*NOT_RUN, *ENDS} <= calls_of_documents() | set(EXAMPLES)
