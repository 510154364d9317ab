"""Journals: what they say of files, and that a line which no run of ours wrote stops nothing but itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from lookalike.dedup.actions.apply import ApplyOptions
from lookalike.dedup.actions.journal import Record, Tally, journals
from lookalike.store.documents import dumps

from .making import Shelf, jpeg, states
from .test_prune import pruned


def journal_of(shelf: Shelf) -> Record:
    return journals(shelf.store.folder)[0]


def append(record: Record, *rows: Any) -> None:
    """Write lines behind a journal: bytes as they are, anything else as JSON."""
    with open(record.path, "ab") as out:
        for row in rows:
            out.write((row if isinstance(row, bytes) else dumps(row)) + b"\n")


def rows_of(record: Record) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(record.path).read_bytes().splitlines()]


# What became of the files


def test_each_file_of_a_run_counts_once_where_it_lies_now(shelf: Shelf) -> None:
    names = [f"b/{number}.jpg" for number in range(6)]
    shelf.group(shelf.put("a/kept.jpg"), *(shelf.put(name) for name in names))
    shelf.apply()
    record, size = journal_of(shelf), len(jpeg(0))
    places = [Path(action.to) for action in record.actions]
    places[0].rename(record.actions[0].path)
    places[1].unlink()
    places[2].unlink()
    append(
        record,
        *({"state": state, "number": number} for number, state in enumerate(["undone", "pruned"], 1)),
        *({"state": state, "number": number} for number, state in enumerate(["kept", "pruned"], 4)),
        b"{",
    )
    found = journal_of(shelf).standing()
    assert (found.back, found.pruned, found.gone) == (Tally(1, size),) * 3
    assert (found.quarantined, found.kept, found.trashed) == (Tally(1, size), Tally(2, 2 * size), Tally())
    assert (found.waiting, found.damaged) == (Tally(3, 3 * size), 1)


def test_what_lies_in_the_trash_counts_there(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply(ApplyOptions(method="trash"))
    assert journal_of(shelf).standing().trashed == Tally(1, len(jpeg(0)))


def test_what_prune_was_about_to_remove_waits_as_long_as_it_is_there(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    append(journal_of(shelf), {"state": "pruning", "number": 1})
    assert journal_of(shelf).standing().kept.files == len(journal_of(shelf).pending) == 1
    Path(journal_of(shelf).actions[0].to).unlink()
    assert journal_of(shelf).standing().pruned.files == 1
    assert journal_of(shelf).pending == []


def test_what_was_said_to_be_pruned_and_is_there_comes_back(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    append(journal_of(shelf), {"state": "pruned", "number": 1})
    assert [each.state for each in shelf.undo()] == ["done"]
    assert shelf.tree().keys() == {"a/kept.jpg", "b/copy.jpg"}


# Lines that no run of ours wrote

BAD: dict[str, Any] = {
    "nested": b"[" * 100_000,
    "long": b'{"state": "done", "number": 1, "x": "' + b"x" * (1 << 21) + b'"}',
    "no text": b"\xff\xfe\x00{",
    "no object": b"[1]",
    "a number": b"7",
    "no state": {"number": 1},
    "unknown state": {"state": "dond", "number": 1},
    "state that is no word": {"state": ["done"], "number": 1},
    "infinite number": b'{"state": "undone", "number": 1e999}',
    "float": {"state": "undone", "number": 1.0},
    "bool": {"state": "undone", "number": True},
    "text": {"state": "undone", "number": "1"},
    "negative": {"state": "undone", "number": -1},
    "5,000 digits": b'{"state": "undone", "number": ' + b"1" * 5_000 + b"}",
    "closed how": {"closed": 1},
    "begins again": {"began": "2001-01-01T00:00:00+00:00", "method": "auto"},
    "begins with no time": {"began": ["2001"], "method": "auto"},
}
FIELDS: dict[str, list[Any]] = {
    "digest": ["xyz", "A" * 64, 5, None, "ab" * 31],
    "keeper_digest": ["xyz", 1e9],
    "number": [1, True, "2", 2.0, -2, 1 << 64],
    "unit": ["1", None, -1],
    "size": [-1, 1.5, "1", True],
    "mtime_ns": ["1", 1 << 70],
    "ino": [-1, None],
    "method": ["shred", None, ["trash"]],
    "kind": [None, 3, "x" * 100],
    "path": ["", "b.jpg", "/a\0b", 5, None, "/a/../b", "/a/", "/\ud800"],
    "to": ["", "b.jpg", "/a\0b", ["/a"]],
    "keeper": ["", "kept.jpg"],
    "note": ["note", 5],
    "base": ["base", False],
    "same_as": ["same", {}],
    "path_b64": ["?", 5, "Lw", "L2EAYg=="],
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD.keys())
def test_a_line_that_is_none_is_counted_and_changes_nothing(shelf: Shelf, line: Any) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    before = journal_of(shelf)
    append(before, line)
    after = journal_of(shelf)
    assert after.damaged == 1
    assert (after.actions, after.ends, after.began) == (before.actions, before.ends, before.began)
    assert [each.state for each in shelf.undo()] == ["done"]


def test_an_intent_with_a_field_that_is_none_is_counted_and_nothing_else(shelf: Shelf) -> None:
    shelf.group(shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg"))
    shelf.apply()
    _, intent, *_ = rows_of(journal_of(shelf))
    cases = [intent | {"number": 2, name: value} for name, values in FIELDS.items() for value in values]
    lacking = [{key: value for key, value in intent.items() if key != name} for name in intent]
    append(journal_of(shelf), *cases, *lacking)
    found = journal_of(shelf)
    assert (len(found.actions), found.damaged) == (1, len(cases) + len(lacking))
    assert [each.state for each in pruned(shelf)] == ["done"]


def test_a_sidecar_stays_whose_photo_is_in_a_damaged_line(shelf: Shelf) -> None:
    keeper, copy = shelf.put("a/kept.jpg"), shelf.put("b/copy.jpg")
    copy.with_suffix(".xmp").write_bytes(b"words")
    shelf.group(keeper, copy)
    shelf.apply()
    record = journal_of(shelf)
    rows = [row | {"digest": "?"} if row.get("kind") == "exact" else row for row in rows_of(record)]
    Path(record.path).write_bytes(b"".join(dumps(row) + b"\n" for row in rows))
    assert states(pruned(shelf)) == {"copy.xmp": "damaged"}
    assert shelf.quarantined() == {"b/copy.jpg", "b/copy.xmp"}
