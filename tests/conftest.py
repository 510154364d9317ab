"""Fixtures that several test modules share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.search.last_search import FOLDER
from lookalike.tests import decoders as lasting_decoders
from lookalike.tests.faults import scale
from lookalike.tests.store.making import PUBLISHED, Filled, open_filled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a store that is not there yet."""
    return tmp_path / "store"


@pytest.fixture
def filled(folder: Path) -> Iterator[Filled]:
    """An open store that knows its model and the root /photos, without photos."""
    made = open_filled(folder)
    yield made
    made.store.close()


@pytest.fixture
def published(filled: Filled, folder: Path) -> Path:
    """The folder of a closed store of PUBLISHED photos with a snapshot."""
    filled.fill(range(PUBLISHED))
    filled.store.publish()
    filled.store.close()
    return folder


@pytest.fixture(autouse=True, scope="session")
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test remember its searches where the user's are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _decoders() -> Iterator[None]:
    with lasting_decoders.lasting():
        yield


def pytest_report_header() -> str:
    """Say by what a run of random faults is repeated."""
    seeds = {name: value for name, value in os.environ.items() if name.startswith("LOOKALIKE_")}
    return "faults: " + (", ".join(f"{name}={seeds[name]}" for name in sorted(seeds)) or "as in the suite")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was broken on purpose, and how often that did harm."""
    if scale.rounds:
        done = ", ".join(f"{times:,} {what}" for what, times in sorted(scale.rounds.items()))
        failures = len(terminalreporter.getreports("failed")) + len(terminalreporter.getreports("error"))
        terminalreporter.write_line(f"broken on purpose: {done}; {failures} failures")
