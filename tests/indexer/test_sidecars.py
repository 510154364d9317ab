"""What XMP sidecars say counts like what the photo says: read at index, and again when one changed."""

import os
from pathlib import Path

import pytest

from lookalike.dedup.packets import merged
from lookalike.indexer.decode.xmp import MAX_BYTES
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.library import Library
from lookalike.search.filters.parser import parse
from lookalike.store.catalog.schema import SCHEMA_VERSION
from lookalike.store.filters.where import Where
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.store.making import execute

from .indexing import opened, run

BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>&c;</a></x:xmpmeta>'
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two photos; a.jpg says a keyword and a rating itself."""
    own = merged(None, {"keywords": ["own"], "rating": "2", "caption": "by the camera"})
    save(tmp_path / "photos" / "a.jpg", draw_photo(1, 96, 72), quality=90, xmp=own)
    save(tmp_path / "photos" / "b.jpg", draw_photo(2, 96, 72), quality=90)
    return tmp_path / "photos"


def write(path: Path, **more: object) -> None:
    path.write_bytes(merged(None, more))


def passing(library: Library, condition: str) -> set[str]:
    found = library.photos(Where(term=parse(condition)))
    return {os.path.basename(file.path) for photo in found for file in photo.files}


def said(library: Library) -> dict[str, dict[str, object]]:
    """Return what each file says, by its name."""
    fields = library.fields(library.photos())
    assert library.fields([photo.id for photo in library.photos()]) == fields
    names = ("keywords", "people", "rating", "title", "caption")
    return {
        os.path.basename(path): {name: told[name] for name in names if name in told}
        for path, told in fields.items()
    }


def test_a_sidecar_counts_beside_what_the_photo_says(library: Library, photos: Path) -> None:
    write(photos / "a.jpg.xmp", keywords=["sea", "own"], rating="4", people=["Zoë"], title="Day")
    write(photos / "B.XMP", rating="rejected")
    assert run(library, photos).sidecars == 2

    assert said(library) == {
        "a.jpg": {
            "keywords": ["own", "sea"],
            "people": ["Zoë"],
            "rating": "4",
            "title": "Day",
            "caption": "by the camera",
        },
        "b.jpg": {"rating": "rejected"},
    }
    for condition in ("keyword = SEA", "keyword = own", 'person = "Zoë"', "rating = 4", "title ~ day"):
        assert passing(library, condition) == {"a.jpg"}
    assert passing(library, "rating < 0 and not has keywords") == {"b.jpg"}
    assert passing(library, "keyword != sea") == set()
    rows = lookalike("export", "--store", library.store.folder).lines
    assert [(row["rating"], row["keywords"]) for row in rows] == [(4, ["own", "sea"]), (-1, [])]
    # What would be lost with a file is still told of the file and of its sidecar apart.
    held = library.holdings([1, 2]).values()
    assert sorted(each.fields.get("rating", "") for each in held) == ["", "2"]


def test_the_sidecar_of_the_whole_name_has_the_last_word(library: Library, photos: Path) -> None:
    write(photos / "b.xmp", keywords=["raw"], rating="1", title="Both")
    write(photos / "b.jpg.xmp", keywords=["jpeg"], rating="5")
    write(photos / "b.png.xmp", keywords=["another photo's"])
    run(library, photos)
    assert said(library)["b.jpg"] == {"keywords": ["jpeg", "raw"], "rating": "5", "title": "Both"}


def test_of_files_of_the_same_bytes_each_has_its_own_sidecars(library: Library, photos: Path) -> None:
    for name in ("five.jpg", "rejected.jpg", "plain.jpg"):
        (photos / name).write_bytes((photos / "a.jpg").read_bytes())
    (photos / "a.jpg").unlink()
    write(photos / "five.xmp", keywords=["Lyon"], rating="5", title="Zoo")
    write(photos / "rejected.xmp", keywords=["no"], rating="rejected", title="Ape")
    run(library, photos)

    assert said(library) == {
        "five.jpg": {
            "keywords": ["Lyon", "own"],
            "rating": "5",
            "title": "Zoo",
            "caption": "by the camera",
        },
        "plain.jpg": {"keywords": ["own"], "rating": "2", "caption": "by the camera"},
        "rejected.jpg": {
            "keywords": ["no", "own"],
            "rating": "rejected",
            "title": "Ape",
            "caption": "by the camera",
        },
        "b.jpg": {},
    }
    for condition, names in (
        ("rating = 5", {"five.jpg"}),
        ("rating < 0", {"rejected.jpg"}),
        ("rating = 2 and not has title", {"plain.jpg"}),
        ("keyword = lyon", {"five.jpg"}),
        ("keyword = own and keyword != lyon", {"plain.jpg", "rejected.jpg"}),
        ("title ~ ape", {"rejected.jpg"}),
    ):
        assert passing(library, condition) == names
        rows = lookalike("export", "--where", condition, "--store", library.store.folder).lines
        told = library.fields(library.photos(condition))
        assert {row["path"]: row["keywords"] for row in rows} == {
            path: fields["keywords"] for path, fields in told.items()
        }
        assert {os.path.basename(path) for path in told} == names


def test_a_run_reads_the_sidecars_that_changed_and_no_photo(library: Library, photos: Path) -> None:
    write(photos / "a.xmp", keywords=["first"])
    write(photos / "b.xmp", keywords=["same"])
    run(library, photos)
    with opened.watch(photos) as files:
        assert run(library, photos).sidecars == 0
    assert [path for path in files if path.endswith((".jpg", ".xmp"))] == []

    write(photos / "a.xmp", keywords=["later"])
    with opened.watch(photos) as files:
        report = run(library, photos)

    assert (report.sidecars, report.unchanged) == (1, 2)
    assert [path for path in files if path.endswith((".jpg", ".xmp"))] == [str(photos / "a.xmp")]
    assert said(library)["a.jpg"]["keywords"] == ["later", "own"]
    (photos / "a.xmp").unlink()
    assert run(library, photos).sidecars == 1
    assert said(library)["a.jpg"]["keywords"] == ["own"]
    assert run(library, photos).sidecars == 0


def test_a_sidecar_that_was_put_back_to_its_old_time_is_noticed(library: Library, photos: Path) -> None:
    write(photos / "b.xmp", keywords=["one"])
    before = os.stat(photos / "b.xmp").st_mtime_ns
    run(library, photos)
    write(photos / "b.xmp", keywords=["two"])
    os.utime(photos / "b.xmp", ns=(before, before))
    run(library, photos)
    assert said(library)["b.jpg"] == {"keywords": ["two"]}


def test_a_sidecar_moves_with_its_photo(library: Library, photos: Path) -> None:
    write(photos / "b.jpg.xmp", keywords=["here"])
    run(library, photos)
    (photos / "new").mkdir()
    (photos / "b.jpg").rename(photos / "new" / "c.jpg")
    (photos / "b.jpg.xmp").rename(photos / "new" / "c.jpg.xmp")
    run(library, photos)
    assert said(library)["c.jpg"] == {"keywords": ["here"]}
    (photos / "new" / "c.jpg").rename(photos / "b.jpg")  # without it
    run(library, photos)
    assert said(library)["b.jpg"] == {}


@pytest.mark.parametrize(
    "data",
    [b"", b"no XML", merged(None, {"rating": "4"})[:-40], BOMB, b"<a>" * 100_000, b" " * (MAX_BYTES + 1)],
    ids=["empty", "text", "cut off", "bomb", "deep", "large"],
)
def test_a_sidecar_that_cannot_be_read_costs_only_what_it_says(
    library: Library, photos: Path, data: bytes
) -> None:
    (photos / "a.xmp").write_bytes(data)
    write(photos / "a.jpg.xmp", title="Day")
    write(photos / "b.xmp", title="Night")

    report = run(library, photos)

    assert (report.embedded, report.failed) == (2, 0)
    (problem,) = report.problems
    assert problem.startswith(f"{photos / 'a.xmp'}: ")
    assert {name: fields["title"] for name, fields in said(library).items()} == {
        "a.jpg": "Day",
        "b.jpg": "Night",
    }
    assert run(library, photos).problems == [problem]  # until it can be read
    write(photos / "a.xmp", keywords=["mended"])
    assert run(library, photos).problems == []
    assert said(library)["a.jpg"]["keywords"] == ["mended", "own"]


def test_what_only_looks_like_a_sidecar_is_left_alone(library: Library, photos: Path) -> None:
    os.mkfifo(photos / "a.xmp")
    (photos / "a.jpg.xmp").mkdir()
    write(photos / "other.txt", title="Linked")
    (photos / "b.xmp").symlink_to(photos / "other.txt")
    report = run(library, photos)
    assert (report.sidecars, report.problems) == (0, [])


def test_sidecars_can_be_left_out(library: Library, photos: Path) -> None:
    write(photos / "b.xmp", title="Day")
    run(library, photos, scan=ScanOptions(exclude=("*.xmp",)))
    assert said(library)["b.jpg"] == {}
    run(library, photos)
    assert said(library)["b.jpg"] == {"title": "Day"}


def test_a_single_photo_is_indexed_with_its_sidecar(library: Library, photos: Path) -> None:
    write(photos / "b.xmp", title="Day")
    run(library, photos / "b.jpg")
    assert said(library) == {"b.jpg": {"title": "Day"}}


def test_a_store_from_before_sidecars_reads_them_once_it_is_up_to_date(photos: Path, folder: Path) -> None:
    write(photos / "b.xmp", title="Day")
    with Library.open(folder, create=True) as library:
        run(library, photos)
    for statement in ("ALTER TABLE file DROP COLUMN sidecars", "ALTER TABLE file DROP COLUMN said"):
        execute(folder, statement)
    execute(folder, "PRAGMA user_version = 3")
    assert SCHEMA_VERSION == 4

    with Library.open(folder, create=True) as library:
        assert said(library)["b.jpg"] == {}
        report = run(library, photos)
        assert (report.sidecars, report.unchanged) == (1, 2)
        assert passing(library, "title = day") == {"b.jpg"}
    assert (folder / "catalog.db.v3.bak").exists()
