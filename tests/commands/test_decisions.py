"""What the user says of two photos is remembered by content, and travels from store to store."""

import json
from pathlib import Path
from typing import Any

import pytest

from lookalike import Library
from lookalike.errors import UsageError
from lookalike.tests.library import Run, lookalike
from lookalike.tests.pictures import draw_photo, save

DIGESTS = ["1" * 64, "2" * 64, "3" * 64]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "photos"
    save(folder / "large.jpg", draw_photo(1), quality=92)
    save(folder / "small.jpg", draw_photo(1, 320, 240), quality=92)
    save(folder / "other.jpg", draw_photo(2), quality=92)
    return folder


@pytest.fixture
def store(photos: Path, tmp_path: Path) -> Path:
    with Library.open(tmp_path / "store", create=True) as library:
        library.index([photos])
    return tmp_path / "store"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A store without photos: decisions are on contents, which need not be in it."""
    Library.open(tmp_path / "empty", create=True).close()
    return tmp_path / "empty"


def grouped(store: Path) -> list[set[str]]:
    with Library.open(store, write=True) as library:
        return [
            {Path(group.keeper.path).name, *(Path(member.file.path).name for member in group.members)}
            for group in library.copies.find().groups
        ]


def found(store: Path, path: Path) -> list[str]:
    with Library.open(store) as library:
        (checked,) = library.copies.check([path])
        return [Path(match.files[0].path).name for match in checked.matches]


def decision(
    a: str, b: str, kind: str = "rejected", at: str = "2026-05-01T12:00:00+00:00"
) -> dict[str, Any]:
    return {"a": a, "b": b, "kind": kind, "at": at}


def written(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"schema_version": 1, "decisions": entries}))
    return path


def imported(store: Path, path: Path) -> Run:
    return lookalike("decisions", "--import", path, "--format", "jsonl", "--store", store)


def test_a_rejected_pair_comes_back_in_neither_command_whatever_happens_to_its_files(
    photos: Path, store: Path, tmp_path: Path
) -> None:
    assert grouped(store) == [{"large.jpg", "small.jpg"}]
    assert lookalike("reject", photos / "large.jpg", photos / "small.jpg", "--store", store).code == 0
    assert grouped(store) == []
    assert found(store, photos / "small.jpg") == []
    (photos / "small.jpg").rename(photos / "renamed.jpg")
    with Library.open(store, create=True) as library:
        library.index([photos])
    assert grouped(store) == []
    assert found(store, photos / "renamed.jpg") == []

    exported = tmp_path / "decisions.json"
    exported.write_bytes(lookalike("decisions", "--format", "json", "--store", store).out)
    anew = tmp_path / "anew"
    with Library.open(anew, create=True) as library:
        library.index([photos])
    assert grouped(anew) == [{"large.jpg", "renamed.jpg"}]
    assert imported(anew, exported).code == 0

    assert grouped(anew) == []
    assert found(anew, photos / "renamed.jpg") == []


def test_a_photo_may_be_rejected_before_it_comes_in(photos: Path, store: Path, tmp_path: Path) -> None:
    new = save(tmp_path / "new.jpg", draw_photo(2, 400, 300), quality=80)
    assert found(store, new) == ["other.jpg"]

    assert lookalike("reject", new, photos / "other.jpg", "--store", store).code == 0

    assert found(store, new) == []
    new.rename(photos / "new.jpg")
    with Library.open(store, create=True) as library:
        library.index([photos])
    assert grouped(store) == [{"large.jpg", "small.jpg"}]


def test_a_confirmed_pair_is_found_though_the_pixels_say_nothing(
    photos: Path, store: Path, tmp_path: Path
) -> None:
    print_ = save(tmp_path / "print.jpg", draw_photo(77), quality=80)
    assert lookalike("confirm", photos / "other.jpg", print_, "--store", store).code == 0

    with Library.open(store) as library:
        (checked,) = library.copies.check([print_])

    (match,) = checked.matches
    assert (match.transform, match.change, match.score) == ("confirmed by you", "confirmed", 1.0)


def test_the_listing_names_the_files_that_there_are(photos: Path, store: Path) -> None:
    lookalike("reject", photos / "large.jpg", DIGESTS[0], "--store", store)

    (row,) = lookalike("decisions", "--format", "jsonl", "--store", store).lines
    table = lookalike("decisions", "--store", store).out.decode()

    paths = {row["a"]: row["path_a"], row["b"]: row["path_b"]}
    assert paths.pop(DIGESTS[0]) is None
    assert list(paths.values()) == [str(photos / "large.jpg")]
    assert "large.jpg" in table
    assert DIGESTS[0] in table


def test_undecide_takes_it_back(photos: Path, store: Path) -> None:
    pair = photos / "large.jpg", photos / "small.jpg"
    lookalike("reject", *pair, "--store", store)
    back = lookalike("undecide", *reversed(pair), "--store", store)
    again = lookalike("undecide", *pair, "--store", store)

    assert (back.code, again.code) == (0, 0)
    assert "undecided again" in back.err
    assert "nothing was decided" in again.err
    assert lookalike("decisions", "--format", "jsonl", "--store", store).out == b""
    assert grouped(store) == [{"large.jpg", "small.jpg"}]


def test_an_absent_photo_goes_by_its_id(photos: Path, store: Path) -> None:
    with Library.open(store) as library:
        number = library.photo(str(photos / "small.jpg")).id
    grouped(store)
    (photos / "small.jpg").rename(photos.parent / "away.jpg")
    with Library.open(store, create=True) as library:
        library.index([photos])

    by_path = lookalike("reject", photos / "large.jpg", photos / "small.jpg", "--store", store)
    by_id = lookalike("reject", photos / "large.jpg", f"id:{number}", "--store", store)

    assert by_path.code == 2
    assert "id:N" in by_path.err
    assert by_id.code == 0
    (photos.parent / "away.jpg").rename(photos / "back.jpg")
    with Library.open(store, create=True) as library:
        library.index([photos])
    assert grouped(store) == []


def test_one_content_twice_is_nothing_to_decide(photos: Path, store: Path) -> None:
    run = lookalike("confirm", photos / "large.jpg", photos / "large.jpg", "--store", store)

    assert run.code == 2
    assert "same content" in run.err


def test_of_two_decisions_on_a_pair_the_later_counts(empty: Path, tmp_path: Path) -> None:
    a, b, c = DIGESTS
    imported(
        empty, written(tmp_path / "1.json", decision(b, a, at="2026-05-01T12:00:00+00:00"), decision(a, c))
    )
    later = decision(a, b, "confirmed", "2026-05-01T13:30:00+01:00")  # 12:30 in UTC
    earlier = decision(a, c, "confirmed", "2026-05-01T13:30:00+02:00")  # 11:30 in UTC

    run = imported(empty, written(tmp_path / "2.json", later, earlier))

    assert "1 taken over" in run.err
    kinds = {(row["a"], row["b"]): row["kind"] for row in run.lines}
    assert kinds == {(a, b): "confirmed", (a, c): "rejected"}


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_exported_can_be_imported(form: str, count: int, empty: Path, tmp_path: Path) -> None:
    entries = [decision(DIGESTS[0], f"{number:064x}") for number in range(count)]
    imported(empty, written(tmp_path / "made.json", *entries))
    exported = tmp_path / "exported"
    exported.write_bytes(lookalike("decisions", "--format", form, "--store", empty).out)
    with Library.open(tmp_path / "other", create=True) as library:
        assert library.copies.import_decisions(exported.read_bytes()) == count
        assert library.copies.import_decisions(exported.read_bytes()) == 0
        assert len(library.copies.decisions()) == count


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (decision("12", DIGESTS[1]), "entry 2: a is a blake3 digest"),
        (decision(DIGESTS[1].upper() + "\n", DIGESTS[1]), "entry 2: a is"),
        (decision(DIGESTS[1], DIGESTS[1]), "same content"),
        (decision(DIGESTS[0], DIGESTS[1], kind="deleted"), "entry 2: kind"),
        (decision(DIGESTS[0], DIGESTS[1], at="yesterday"), "entry 2: at"),
        (decision(DIGESTS[0], DIGESTS[1], at="2026-05-01T12:00:00"), "with its zone"),
        ({**decision(*DIGESTS[:2]), "at": 5}, "entry 2: at"),
        ({"a": DIGESTS[0]}, "entry 2: b"),
    ],
)
def test_a_wrong_entry_is_named_and_nothing_is_taken_over(
    wrong: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "x.json", decision(DIGESTS[0], DIGESTS[2]), wrong)
    with Library.open(tmp_path / "s", create=True) as library:
        with pytest.raises(UsageError, match=message):
            library.copies.import_decisions(path.read_bytes(), "x.json")
        assert library.copies.decisions() == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", ""),
        (b"[1]", "holds no decisions"),
        (b'{"decisions": 5}', "holds no decisions"),
        (b'{"schema_version": 2, "decisions": []}', "schema_version"),
        (b"\xff\xfe", "line 1"),
        (json.dumps(decision(*DIGESTS[:2])).encode() + b"\n{", "line 2"),
        (json.dumps(decision(*DIGESTS[:2])).encode() + b"\n\n5", "line 3"),
    ],
)
def test_what_is_no_listing_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    with Library.open(tmp_path / "s", create=True) as library:
        if not message:
            assert library.copies.import_decisions(data) == 0
            return
        with pytest.raises(UsageError, match=message):
            library.copies.import_decisions(data)
        assert library.copies.decisions() == []


def test_a_file_that_is_not_there_is_an_error_of_one_line(empty: Path, tmp_path: Path) -> None:
    run = imported(empty, tmp_path / "nowhere.json")

    assert run.code == 2
    assert "nowhere.json" in run.err
    assert "Traceback" not in run.err


def test_a_whole_group_is_decided_in_one_call(store: Path, photos: Path) -> None:
    names = [photos / name for name in ("large.jpg", "small.jpg", "other.jpg")]
    run = lookalike("reject", *names, "--store", store)

    assert (run.code, run.err.count("and")) == (0, 1)
    decided = lookalike("decisions", "--json", "--store", store).json["decisions"]
    assert [each["kind"] for each in decided] == ["rejected"] * 3
    assert lookalike("undecide", *names, "--store", store).err.startswith("lookalike: undecided again")
    assert lookalike("decisions", "--json", "--store", store).json["decisions"] == []
    assert lookalike("reject", names[0], "--store", store).code == 2
