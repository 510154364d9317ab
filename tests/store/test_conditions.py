"""Terms of a filter are asked of SQLite as plain Python would understand them."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import StoreCorrupt
from lookalike.search.filters.parser import MAX_DEPTH, parse
from lookalike.store.catalog.functions import kilometers
from lookalike.store.catalog.photos import photos_of, repeated_photos
from lookalike.store.filters.terms import FIELDS, MAX_TERMS, Kind, Near, Not, OneOf, Term
from lookalike.store.filters.where import Where
from lookalike.store.records import Content, EmbeddedPhoto, FileResult, FileStat, Holdings, Metadata, Told
from lookalike.store.store import Store
from lookalike.tests.faults.scale import scale
from lookalike.tests.search.filters import globe
from lookalike.tests.search.filters.terms import LETTERS, TERMS, Row, passes

from .making import Filled, ask, digest_of, execute, make_vector, open_filled

PHOTOS = 150
DATE_LINE = [(0.0, 180.0), (0.0, -180.0), (10.0, 179.5), (-10.0, -179.5)]
SIDECARS_SAY = ("keywords", "people", "rating", "title")
LISTS = ("keyword", "person")
POLES = [(90.0, 0.0), (89.9, 120.0), (-90.0, 7.0)]
PLACES = DATE_LINE + POLES


def metadata_of(rng: random.Random) -> Metadata:
    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.7 else None

    text = "".join(rng.choices(LETTERS[:-1], k=rng.randint(1, 5)))
    place = rng.choice([*PLACES, (rng.uniform(-90, 90), rng.uniform(-180, 180)), (None, None)])
    taken = rng.choice(["2022-12-31T23:59:59", "2023-05-01T12:30:15.120+02:00", "2023-05-01T00:00:00"])
    lens = maybe(rng.choice(["50mm", "Kit", text]))
    camera = maybe(rng.choice(["Canon EOS", "pixel 7", text]))
    return Metadata(maybe(taken), camera, lens, *place, maybe(rng.uniform(-10, 10)))


def fields_of(rng: random.Random) -> Row:
    """Return what the metadata of a photo say, as a decoder tells it."""
    text = "".join(rng.choices(LETTERS[:-1], k=rng.randint(1, 5)))
    said = {
        "keywords": sorted({"Lyon", text, rng.choice(["Zoë", "sea"])}),
        "people": [rng.choice(["Anna", "Zoe\u0301", text])],
        "rating": rng.choice(["1", "4", "5", "rejected"]),
        "title": rng.choice(["Lyon", text]),
        "f_number": rng.choice([1, 2.8, 640]),
        "exposure_time": rng.choice([0.004, 0.01667, 30]),
        "focal_length": rng.choice([4.25, 50]),
        "iso": rng.choice([64, 640, 3200]),
    }
    return {name: value for name, value in said.items() if rng.random() < 0.7}


def asked_of(fields: Row) -> Row:
    """Return what the fields of a filter say of a photo with such metadata."""
    names = ("keywords", "people", "f_number", "exposure_time", "focal_length", "iso", "title")
    fields_of_filter = ("keyword", "person", "aperture", "exposure", "focal_length", "iso", "title")
    row = {field: fields.get(name) for field, name in zip(fields_of_filter, names, strict=True)}
    rating = fields.get("rating")
    return row | {"rating": None if rating is None else -1 if rating == "rejected" else int(rating)}


def told_by_sidecar(seed: int, rel: bytes, row: Row) -> Iterator[Told]:
    """Yield what the sidecar of a photo says, if it has one, and let its row say so."""
    rng = random.Random(-seed - 1)
    said = {name: text for name, text in fields_of(rng).items() if name in SIDECARS_SAY}
    if said and rng.random() < 0.5:
        beside = {name: value for name, value in asked_of(said).items() if value is not None}
        row |= beside | {name: (row[name] or []) + beside[name] for name in LISTS if name in beside}
        yield Told(rel, 1, said)


def photo_of(seed: int) -> tuple[FileResult, Row]:
    """Return a made-up photo, and what every field says of it."""
    rng = random.Random(seed)
    width, height = rng.choice([(640, 480), (480, 640), (1, 1), (4000, 3000)])
    size, format_ = rng.choice([1, 640, 10**7]), rng.choice(["JPEG", "PNG", "HEIF"])
    said = metadata_of(rng)
    letters = LETTERS.replace("/", "").replace(".", "")
    folder, name = ("".join(rng.choices(letters, k=rng.randint(1, 4))) for _ in range(2))
    rel = os.fsencode(f"{folder}/{name}{seed}" if rng.random() < 0.7 else f"{name}{seed}")
    fields = fields_of(rng)
    held = Holdings(fields=fields)
    content = Content(digest_of(seed), size, width, height, format_, digest_of(seed), said, holdings=held)
    result = FileResult(
        FileStat(rel, size, 1_600_000_000 * 10**9, 0, 1, seed),
        digest_of(seed),
        EmbeddedPhoto(content, make_vector(seed), b""),
    )
    row = {name: getattr(said, name) for name in Metadata.__slots__}
    row |= {"width": width, "height": height, "bytes": size, "format": format_}
    row |= asked_of(fields)
    row |= {"megapixels": width * height / 1e6, "path": os.fsdecode(b"/photos/" + rel)}
    return result, row | {"name": os.path.basename(row["path"])}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, dict[str, Row]]]:
    """A store of photos of all kinds, and by path what each field says."""
    filled = open_filled(tmp_path_factory.mktemp("conditions"))
    made = [photo_of(seed) for seed in range(PHOTOS)]
    filled.add(*(result for result, _ in made))
    rows = {row["path"]: row for _, row in made}
    sidecars = [
        told
        for seed, (result, row) in enumerate(made)
        for told in told_by_sidecar(seed, result.stat.rel, row)
    ]
    filled.store.put_sidecars(filled.root, sidecars)
    with filled.store.reading() as view:
        for photo in photos_of(view):
            rows[photo.path]["date"] = photo.date
    yield filled.store, rows
    filled.store.close()


def paths_that_pass(store: Store, term: Term) -> set[str]:
    with store.reading() as view:
        return {file.path for photo in photos_of(view, Where(term=term)) for file in photo.files}


@settings(max_examples=scale("LOOKALIKE_EXAMPLES", suite=50, soak=1000))
@given(term=TERMS)
def test_sqlite_passes_what_python_does(rows: tuple[Store, dict[str, Row]], term: Term) -> None:
    store, known = rows
    expected = {path for path, row in known.items() if passes(term, row)}
    assert paths_that_pass(store, term) == expected
    assert paths_that_pass(store, Not(term)) == known.keys() - expected


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_parts_the_photos(rows: tuple[Store, dict[str, Row]], field: str) -> None:
    """What passes nothing, or everything, would please the test above."""
    store, known = rows
    values = sorted(row[field] for row in known.values() if row[field] is not None)
    value = values[len(values) // 2]
    value = value[0] if isinstance(value, list) else value
    if isinstance(value, str):
        value = value[:10] if FIELDS[field] is Kind.date else value
    term = OneOf(field, (value if isinstance(value, str) else float(value),))
    assert 0 < len(paths_that_pass(store, term)) < PHOTOS
    assert paths_that_pass(store, parse(str(term))) == paths_that_pass(store, term)


# Places


@given(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)), st.tuples(st.floats(-90, 90), st.floats(-180, 180))
)
def test_the_way_between_two_places_is_right(a: globe.Place, b: globe.Place) -> None:
    assert kilometers(*a, *b) == pytest.approx(globe.kilometers(a, b), abs=1e-3)


@given(
    st.sampled_from([*PLACES, (89.95, -60.0), (48.0, 11.0)]),
    st.sampled_from([0.0, 1.0, 12.0, 60.0, 111.3, 1200.0, 5000.0, 10_008.0, 15_000.0, 20_000.0, 20_016.0]),
)
def test_the_box_around_a_circle_costs_nobody_a_place(
    rows: tuple[Store, dict[str, Row]], center: globe.Place, km: float
) -> None:
    store, known = rows
    expected = {
        path
        for path, row in known.items()
        if row["latitude"] is not None and kilometers(row["latitude"], row["longitude"], *center) <= km
    }
    assert paths_that_pass(store, Near(*center, km)) == expected


def test_across_the_date_line_and_the_pole_it_is_not_far(rows: tuple[Store, dict[str, Row]]) -> None:
    store, known = rows
    beyond = {path for path, row in known.items() if row["longitude"] == -180.0}
    assert beyond
    assert beyond <= paths_that_pass(store, Near(0.0, 179.99, 2.0))
    pole = {path for path, row in known.items() if row["latitude"] == 89.9}
    assert pole
    assert pole <= paths_that_pass(store, Near(89.95, -60.0, 20.0))


# Together with the rest


def test_a_condition_gives_k_results_whenever_k_pass(rows: tuple[Store, dict[str, Row]]) -> None:
    store, known = rows
    term = parse("camera ~ PIXEL and format != png")
    expected = {path for path, row in known.items() if passes(term, row)}
    assert 3 < len(expected) < PHOTOS / 4
    found = ask(store, make_vector(1), len(expected), Where(term=term))
    assert len(found) == len(expected)
    assert {path for path, _ in found} == expected


def test_folders_dates_and_a_condition_must_all_hold(filled: Filled) -> None:
    results = [photo_of(seed)[0] for seed in range(40)]
    filled.add(*results)
    folder = next(os.path.dirname(result.stat.rel) for result in results if b"/" in result.stat.rel)
    where = Where((b"/photos/" + folder,), "2020", None, parse("width >= 1 and not has gps"))
    with filled.store.reading() as view:
        found = list(photos_of(view, where))
        inside = list(photos_of(view, Where((b"/photos/" + folder,), "2020")))
    assert [photo.id for photo in found] == [photo.id for photo in inside if photo.latitude is None]


@pytest.mark.parametrize("field", ["name", "camera", "path"])
@pytest.mark.parametrize("around", ["not ", "has gps and not (width = 1 or ", "(has gps or (has lens and "])
def test_the_largest_condition_is_not_too_deep_for_sqlite(
    rows: tuple[Store, dict[str, Row]], field: str, around: str
) -> None:
    store, _ = rows
    levels = MAX_DEPTH // (around.count("(") + around.count("not "))
    many = ",".join(["é"] * (MAX_TERMS - 3 * MAX_DEPTH))
    term = parse(around * levels + f"{field} in ({many})" + ")" * levels * around.count("("))
    with store.reading() as view:
        assert not list(repeated_photos(view, Where((b"/",), "2010", "2030", term)))
    alternatives = parse(" or ".join(["date=2000"] * MAX_TERMS))
    assert paths_that_pass(store, alternatives) == set()


def test_a_damaged_place_is_an_error_of_the_store(filled: Filled, folder: Path) -> None:
    filled.fill([1])
    execute(folder, "UPDATE content SET latitude = 1.0, longitude = x'ff'")
    with pytest.raises(StoreCorrupt):
        paths_that_pass(filled.store, Near(1.0, 100.0, 20_000.0))
