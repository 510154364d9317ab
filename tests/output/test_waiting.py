"""What people read of files that wait is right for one file and for several."""

from datetime import UTC, datetime

import pytest

from lookalike.dedup.actions.outcome import Outcome
from lookalike.dedup.actions.waiting import Lot
from lookalike.output.waiting import PATIENCE, after_prune, places_of, waiting_fields, waiting_words


def outcomes(count: int, state: str, method: str) -> list[Outcome]:
    to = "/p/.lookalike-quarantine/RUN/a.jpg" if method == "quarantine" else "/t/Trash/files/a.jpg"
    return [Outcome(state, "/p/a.jpg", "exact", 10, method, to) for _ in range(count)]


@pytest.mark.parametrize(
    ("count", "state", "words"),
    [
        (1, "done", "it is in the quarantine /p/.lookalike-quarantine"),
        (2, "done", "they are in the quarantine /p/.lookalike-quarantine"),
        (1, "planned", "it would go to the quarantine /p/.lookalike-quarantine"),
        (2, "planned", "they would go to the quarantine /p/.lookalike-quarantine"),
    ],
)
def test_where_one_file_or_several_went(count: int, state: str, words: str) -> None:
    assert list(places_of(outcomes(count, state, "quarantine"), state)) == [words]


def test_where_files_went_that_are_in_two_places() -> None:
    found = [*outcomes(1, "done", "trash"), *outcomes(2, "done", "quarantine")]
    assert list(places_of(found, "done")) == [
        "1 file, 10 B is in the trash /t/Trash",
        "2 files, 20 B are in the quarantine /p/.lookalike-quarantine",
    ]


@pytest.mark.parametrize(
    ("files", "lies", "them"), [(1, "1 file, 10 B", "it"), (2, "2 files, 10 B", "them")]
)
def test_what_waits_is_one_file_or_several(files: int, lies: str, them: str) -> None:
    lot = Lot("RUN", datetime(2026, 1, 2, tzinfo=UTC), "/t/Trash", True, files, 0, 10)
    assert "`lookalike prune --older-than 0d --yes` frees the space" in waiting_words(
        waiting_fields([lot]), "quarantine"
    )
    words = list(waiting_words(waiting_fields([lot]), "trash"))
    assert list(waiting_words(waiting_fields([], 2), "quarantine")) == ["2 files on a drive that is away"]
    assert list(waiting_words(waiting_fields([lot], 1), "trash")) == [
        "1 file on a drive that is away",
        *words,
    ]
    assert words[0].startswith(f"{lies}, moved since ")
    assert f"`lookalike undo` puts {them} back" in words
    (_, where, *_) = after_prune([lot], PATIENCE, str, nothing=True)
    assert where == f"{lies} that `apply` moved {'lies' if files == 1 else 'lie'} in the trash /t/Trash:"
