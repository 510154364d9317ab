"""The memory of the last search: a small file for each store and terminal."""

import os
import stat
from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.search import last_search
from lookalike.search.last_search import FOLDER, LastSearch, RememberedExample, recall, remember

STORE = "8701bdc8-4c25-4506-86b4-5d943c1441c7"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "state"))
    return tmp_path / "state"


def a_search(name: str = "a.jpg", results: int = 3) -> LastSearch:
    examples = (
        RememberedExample(name, 2.0, "ab" * 32, f"/photos/{name}"),
        RememberedExample("array", -1.0, ""),
    )
    return LastSearch(examples, tuple(f"{number:064x}" for number in range(results)))


def files(state: Path) -> list[Path]:
    return list((state / "searches").iterdir())


def test_what_is_recalled_is_what_was_remembered() -> None:
    remember(STORE, a_search("not utf-8 \udcff.jpg"))

    assert recall(STORE) == a_search("not utf-8 \udcff.jpg")


def test_only_its_user_can_read_it_and_there_is_one_file_for_a_terminal(state: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        remember(STORE, a_search(name))

    (file,) = files(state)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert recall(STORE).examples[0].name == "b.jpg"


def test_the_search_of_another_store_or_terminal_is_not_taken_for_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember(STORE, a_search())

    with pytest.raises(UsageError, match="no last search"):
        recall("another")
    monkeypatch.setattr(os, "getsid", lambda _: 1)
    with pytest.raises(UsageError, match="no last search"):
        recall(STORE)


@pytest.mark.parametrize("keep", [0, 10, 65, 300])
def test_a_damaged_memory_is_an_error_that_says_what_to_do(state: Path, keep: int) -> None:
    remember(STORE, a_search())
    (file,) = files(state)
    file.write_bytes(file.read_bytes()[:keep])

    with pytest.raises(UsageError, match="damaged; search again"):
        recall(STORE)


def test_every_flipped_byte_is_seen(state: Path) -> None:
    remember(STORE, a_search())
    (file,) = files(state)
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UsageError):
            recall(STORE)


def test_a_folder_that_cannot_be_written_spoils_no_search(state: Path) -> None:
    state.write_bytes(b"a file where the folder should be")

    remember(STORE, a_search())

    with pytest.raises(UsageError, match="no last search"):
        recall(STORE)


def test_it_stays_small(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_search, "_MOST_FILES", 3)
    for number in range(6):
        remember(f"store{number}", a_search(results=5000))
        (newest,) = [file for file in files(state) if file.name.startswith(f"store{number}")]
        os.utime(newest, (number, number))

    assert len(recall("store5").results) == last_search.MOST_RESULTS
    assert {file.name[:6] for file in files(state)} == {"store3", "store4", "store5"}


def test_a_number_that_was_not_shown_is_refused() -> None:
    with pytest.raises(UsageError, match="no result 4; its numbers: 1 to 3"):
        a_search().result(4)
    with pytest.raises(UsageError, match="none"):
        a_search(results=0).result(1)
