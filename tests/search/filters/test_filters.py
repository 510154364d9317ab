"""Filters as people say them: the options of the commands and the words of the Python API."""

from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.search.filters.filters import FilterSpec, make_where
from lookalike.store.filters.terms import And, Compare, Near, OneOf, Or
from lookalike.store.filters.where import Where
from lookalike.tests.library import Run, lookalike
from lookalike.tests.pictures import draw_photo, exif_with, save

MAKE, MODEL, TAKEN = 0x010F, 0x0110, 0x9003
EXPOSURE, ISO, FOCAL = 0x829A, 0x8827, 0x920A
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:RDF><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"><dc:subject><rdf:Bag><rdf:li>Lyon</rdf:li>'
    b"<rdf:li>sea</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def gps(latitude: float, longitude: float) -> dict[int, object]:
    return {
        1: "N" if latitude >= 0 else "S",
        2: (abs(latitude), 0.0, 0.0),
        3: "E" if longitude >= 0 else "W",
        4: (abs(longitude), 0.0, 0.0),
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of four photos: of two cameras, in two formats, at two places; and a copy of one."""
    folder = tmp_path_factory.mktemp("filters")
    pixel = exif_with(
        {MAKE: "Google", MODEL: "Pixel 7"},
        exif={TAKEN: "2023:06:10 12:00:00", ISO: 3200, EXPOSURE: 1 / 60, FOCAL: 6.81},
        gps=gps(48, 11),
    )
    canon = exif_with({MAKE: "Canon", MODEL: "Canon EOS R5"}, gps=gps(-33, -179.9))
    photos = folder / "photos"
    save(photos / "munich.jpg", draw_photo(1, 320, 240), exif=pixel, xmp=XMP)
    save(photos / "sea.jpg", draw_photo(2, 240, 320), exif=canon)
    save(photos / "plain.png", draw_photo(3, 200, 150))
    save(photos / "again.jpg", draw_photo(1, 320, 240).resize((160, 120)), quality=80)
    assert lookalike("index", photos, "--store", folder / "store").code == 0
    return folder / "store"


def names(run: Run) -> set[str]:
    assert run.code == 0, run.err
    return {Path(row["path"]).name for row in run.lines}


@pytest.mark.parametrize(
    ("arguments", "passing"),
    [
        (["--camera", "pixel"], {"munich.jpg"}),
        (["--camera", "PIXEL", "--camera", "eos"], {"munich.jpg", "sea.jpg"}),
        (["--min-size", "320x240"], {"munich.jpg", "sea.jpg"}),
        (["--min-size", "0.02MP"], {"munich.jpg", "sea.jpg", "plain.png"}),
        (["--min-size", "1GB"], set()),
        (["--format-is", "png"], {"plain.png"}),
        (["--format-is", "png", "--format-is", "jpg", "--camera", "canon"], {"sea.jpg"}),
        (["--near", "48.01,11,5"], {"munich.jpg"}),
        (["--near", "-33,179.9,50"], {"sea.jpg"}),
        (["--where", "not has gps"], {"plain.png", "again.jpg"}),
        (["--where", 'taken>=2023-06 and camera~"Pixel" and width>200'], {"munich.jpg"}),
        (["--where", 'rating >= 4 and keyword = "lyon" and iso > 1600'], {"munich.jpg"}),
        (["--where", "exposure = 1/60 and focal_length < 7"], {"munich.jpg"}),
        (["--where", "not has keywords and not rating = none"], set()),
        (["--where", "name ~ .JPG", "--since", "2024"], {"sea.jpg", "again.jpg"}),
    ],
)
def test_export_lists_what_passes(store: Path, arguments: list[str], passing: set[str]) -> None:
    assert names(lookalike("export", "--store", store, *arguments)) == passing


def test_export_says_what_metadata_say(store: Path) -> None:
    rows = {Path(row["path"]).name: row for row in lookalike("export", "--store", store).lines}
    names = ("keywords", "people", "rating", "title", "iso", "aperture", "exposure", "focal_length")
    said = [["Lyon", "sea"], [], 4, None, 3200, None, 0.01667, 6.81]
    assert [rows["munich.jpg"][name] for name in names] == said
    assert [rows["plain.png"][name] for name in names] == [[], [], *[None] * 6]
    table = lookalike("export", "--store", store, "--format", "csv").out.decode()
    assert "Lyon; sea" in table
    assert set(names) < set(table.splitlines()[0].split(","))


def test_a_search_finds_k_of_what_passes(store: Path, tmp_path: Path) -> None:
    query = save(tmp_path / "query.jpg", draw_photo(1, 320, 240))
    run = lookalike(
        *("search", query, "-k", "2", "--where", "format = jpeg and not camera ~ pixel"),
        *("--store", store, "--format", "jsonl"),
    )
    (answer,) = run.lines
    assert [Path(row["path"]).name for row in answer["results"]] == ["again.jpg", "sea.jpg"]


def test_copies_are_looked_for_among_what_passes(store: Path) -> None:
    def groups(*arguments: str) -> int:
        return len(lookalike("dupes", *arguments, "--store", store, "--format", "json").json["groups"])

    assert groups("--where", "width >= 160") == 1
    assert groups("--min-size", "300x200") == 0


def test_a_mistake_is_shown_with_a_caret_and_exit_code_2(store: Path) -> None:
    run = lookalike("export", "--store", store, "--where", "camera Pixel\x1b[31m")
    assert run.code == 2
    assert run.out == b""
    first, shown, caret, fields = run.err.splitlines()
    assert "column 8" in first
    assert shown.index("Pixel") == caret.index("^")
    assert "megapixels" in fields
    assert "\x1b" not in run.err


@pytest.mark.parametrize(
    ("spec", "term"),
    [
        (FilterSpec(min_size="12MP"), Compare("megapixels", ">=", 12.0)),
        (FilterSpec(min_size="12.5 mp"), Compare("megapixels", ">=", 12.5)),
        (FilterSpec(min_size="3MB"), Compare("bytes", ">=", 3e6)),
        (FilterSpec(min_size="1.5GiB"), Compare("bytes", ">=", 1.5 * 2**30)),
        (FilterSpec(formats=["jpeg", "png"]), OneOf("format", ("jpeg", "png"))),
        (FilterSpec(camera=["a"]), Compare("camera", "~", "a")),
        (
            FilterSpec(camera=["a", "b"], near=" -33.8, 151, 5 "),
            And((Or((Compare("camera", "~", "a"), Compare("camera", "~", "b"))), Near(-33.8, 151.0, 5.0))),
        ),
        (FilterSpec(where=Compare("width", ">", 1.0)), Compare("width", ">", 1.0)),
        (FilterSpec(where=Compare("width", ">", 4000)), Compare("width", ">", 4000.0)),
        (FilterSpec(), None),
    ],
)
def test_a_filter_spec_becomes_one_term(spec: FilterSpec, term: object) -> None:
    assert make_where([], spec).term == term


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        *(
            (FilterSpec(min_size=size), "12MP, 2000x1500 or 3MB")
            for size in ("big", "2000", "MP", "-1MB", "2000px")
        ),
        *(
            (FilterSpec(near=place), "48.137,11.575,10")
            for place in ("here", "1,2", "1,2,3,4", "1,2,x", "1,2,")
        ),
        (FilterSpec(near="91,0,1"), "from -90 to 90"),
        (FilterSpec(near="0,181,1"), "from -180 to 180"),
        (FilterSpec(where="width >"), "column 8"),
        (FilterSpec(since="2021", until="2019"), "the earlier one first"),
        (FilterSpec(since="2021-06", until="2021-05"), "the earlier one first"),
        (FilterSpec(formats=["DNG"]), "'raw'.*name ~ \".dng\""),
        (FilterSpec(where="format in (jpeg, nef)"), "'raw'.*name ~ \".nef\""),
        (FilterSpec(where=""), "column 1"),
        (FilterSpec(min_size=""), "12MP"),
        (FilterSpec(near=""), "48.137"),
        (FilterSpec(where=Compare("nonsense", "=", "x")), "nonsense"),
        (FilterSpec(where=Compare("width", "~", 1.0)), "how to compare width"),
        (FilterSpec(where=Compare("width", ">", float("nan"))), "a number"),
        (FilterSpec(camera=["\ud800"]), "camera"),
        (FilterSpec(camera=["x"] * 1000), "at most 150 comparisons"),
    ],
)
def test_an_unreadable_filter_is_an_error_that_shows_what_can_be_read(
    spec: FilterSpec, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        make_where([], spec)


@pytest.mark.parametrize(
    ("since", "until"), [("2021", "2021-05"), ("2021-05", "2021"), ("2021-05-01T18:30", "2021-05-01")]
)
def test_both_dates_of_a_span_stand_for_all_of_it(since: str, until: str) -> None:
    assert make_where([], FilterSpec(since=since, until=until)) == Where((), since, until)


def test_the_library_takes_all_of_it(store: Path) -> None:
    with Library.open(store) as library:
        where = library.where(
            since="2023",
            camera=["pixel"],
            min_size="1kB",
            formats=["jpeg"],
            near="48,11,1",
            where="has gps",
        )
        assert [Path(photo.path).name for photo in library.photos(where)] == ["munich.jpg"]
        assert hash(where) == hash(where)
        results = library.search(draw_photo(3, 200, 150), k=4, where=where)
        assert [Path(result.path).name for result in results] == ["munich.jpg"]


# Order


def test_export_and_search_sort_by_time_and_path(store: Path, tmp_path: Path) -> None:
    def ordered(*arguments: str) -> list[str]:
        run = lookalike(*arguments, "--store", store, "--format", "paths")
        assert run.code == 0, run.err
        return [Path(line).name for line in run.out.decode().splitlines()]

    assert ordered("export", "--sort", "time")[0] == "munich.jpg"
    assert ordered("export", "--sort", "-time")[-1] == "munich.jpg"
    assert ordered("export", "--sort", "path") == ["again.jpg", "munich.jpg", "plain.png", "sea.jpg"]
    query = str(save(tmp_path / "query.jpg", draw_photo(3, 200, 150)))
    best = ordered("search", query, "-k", "3")
    assert ordered("search", query, "-k", "3", "--sort", "path") == sorted(best)
    assert ordered("search", query, "-k", "3", "--diverse")[0] == "plain.png"


def test_a_search_without_an_image_lists_what_passes(store: Path) -> None:
    run = lookalike("search", "--where", "has camera", "--store", store, "--format", "json")
    (answer,) = run.json["queries"]
    assert [Path(row["path"]).name for row in answer["results"]] == ["sea.jpg", "munich.jpg"]
    assert {row["score"] for row in answer["results"]} == {None}
    table = lookalike("search", "--camera", "pixel", "--store", store)
    assert b"photos that pass:" in table.out
    assert b"munich.jpg" in table.out
    assert lookalike("search", "--store", store).code == 2
