"""Fixtures that several test modules share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lookalike.commands.settings import CONFIG
from lookalike.search.last_search import FOLDER
from lookalike.tests import children
from lookalike.tests import decoders as lasting_decoders
from lookalike.tests import sessions as lasting_sessions
from lookalike.tests.browsers import browser as browser
from lookalike.tests.faults import scale
from lookalike.tests.library import NO_TRASH
from lookalike.tests.store.making import PUBLISHED, Filled, open_filled

# Draws depend on no earlier run, and in the suite on nothing at all; a busy machine may take its time.
settings.register_profile(
    "lookalike", deadline=None, database=None, derandomize=not scale.SOAK, print_blob=True
)
settings.load_profile("lookalike")


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


@pytest.fixture(scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = open_filled(tmp_path_factory.mktemp("published") / "store", range(PUBLISHED))
    made.store.publish()
    made.store.close()
    return Path(made.store.folder)


@pytest.fixture
def published(_published: Path, folder: Path) -> Path:
    """The folder of a closed store of PUBLISHED photos with a snapshot."""
    return Path(shutil.copytree(_published, folder))


@pytest.fixture(autouse=True, scope="session")
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test use what is the user's: where searches are remembered, the settings, the trash."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(tmp_path_factory.mktemp("state")))
        patch.setenv(CONFIG, os.devnull)
        patch.setenv("XDG_DATA_HOME", NO_TRASH)
        yield


@pytest.fixture(autouse=True, scope="session")
def _decoders() -> Iterator[None]:
    with lasting_decoders.lasting():
        yield


@pytest.fixture(autouse=True, scope="session")
def _sessions() -> Iterator[None]:
    with lasting_sessions.lasting():
        yield


@pytest.fixture(autouse=True, scope="session")
def _children() -> Iterator[None]:
    yield
    children.end()


def pytest_report_header() -> str:
    """Say by what a run of random faults is repeated."""
    named = sorted(name for name in os.environ if name.startswith("LOOKALIKE_"))
    return "faults: " + ", ".join(f"{name}={os.environ[name]}" for name in named)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was broken to the process that reports, where several share the work."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["rounds"] = dict(scale.rounds)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what another process broke."""
    scale.rounds.update(getattr(node, "workeroutput", {}).get("rounds", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was broken on purpose, and how often that did harm."""
    if scale.rounds:
        done = ", ".join(f"{times:,} {what}" for what, times in sorted(scale.rounds.items()))
        failures = len(terminalreporter.getreports("failed")) + len(terminalreporter.getreports("error"))
        terminalreporter.write_line(f"broken on purpose: {done}; {failures} failures")
