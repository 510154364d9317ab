"""What the server answers: the same as the command line, by ids alone."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from lookalike import Library
from lookalike.dedup.packets import merged
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, encode, save
from lookalike.tests.web.conftest import YEARS, client_of
from lookalike.web.guard import Pass
from lookalike.web.served import Served

ROOT = Path(__file__).resolve().parents[2]
CALLED = {"keywords": "keyword", "people": "person", "ratings": "rating"}


def id_of(client: TestClient, name: str) -> int:
    """Return the id of a photo by the end of its path."""
    named = client.get("/api/sets").json()["set"]
    rows = client.get(f"/api/sets/{named}/photos?n=100").json()["photos"]
    return next(int(row["id"]) for row in rows if row["path"].endswith(name))


def test_a_set_has_a_shape_and_a_row_for_each_photo(client: TestClient) -> None:
    found = client.get("/api/sets").json()
    shapes = client.get(f"/api/sets/{found['set']}/aspects").content
    rows = client.get(f"/api/sets/{found['set']}/photos?n=100").json()["photos"]
    assert found["count"] == len(shapes) == len(rows) == len(YEARS) + 3
    assert sum(count for _, count in found["months"]) == found["count"]
    assert [row["date"] for row in rows] == sorted((row["date"] for row in rows), reverse=True)
    for shape, row in zip(shapes, rows, strict=True):
        assert 2 ** ((shape - 128) / 32) == pytest.approx(row["width"] / row["height"], rel=0.012)
    oldest = client.get("/api/sets?sort=time").json()["set"]
    assert client.get(f"/api/sets/{oldest}/photos?n=100").json()["photos"] == rows[::-1]


def test_filters_say_what_the_command_line_says(client: TestClient, store: Path) -> None:
    for condition in ("width<400", "taken>=2019 and not taken>=2020", 'name~"p3"'):
        found = client.get("/api/sets", params={"where": condition}).json()
        run = lookalike("search", "--where", condition, "-k", "100", "--store", store, "--format", "json")
        assert found["count"] == len(run.json["queries"][0]["results"]) > 0, condition
    wrong = client.get("/api/sets", params={"where": "width<"})
    assert (wrong.status_code, wrong.json()["exit_code"]) == (400, 2)
    assert wrong.headers["content-type"] == "application/problem+json"


def test_facets_count_what_the_command_line_finds(client: TestClient, store: Path) -> None:
    found = client.get("/api/facets").json()
    counts = {name: {row["name"]: row["count"] for row in found[name]} for name in CALLED}
    assert counts["people"] == {"Ann": 1}
    assert counts["ratings"] == {"4": 1, "rejected": 1}
    assert sorted(counts["keywords"].values()) == [1, 2]  # "Lyon" and "lyon" are one
    for facet, name in [(each, name) for each in CALLED for name in counts[each]]:
        condition = f"{CALLED[facet]} = {-1 if name == 'rejected' else name}"
        run = lookalike("search", "--where", condition, "-k", "100", "--store", store, "--format", "json")
        chosen = client.get("/api/sets", params={CALLED[facet]: name}).json()["count"]
        assert len(run.json["queries"][0]["results"]) == chosen == counts[facet][name], condition
    both = client.get("/api/facets", params={"keyword": "sea\nLYON", "rating": "4"}).json()
    assert [row["count"] for row in both["keywords"]] == [1, 1]
    asked = {"examples": [{"id": id_of(client, "p0.jpg")}], "keyword": "lyon"}
    rows = client.post("/api/search", json=asked).json()["results"]
    assert {Path(row["path"]).name for row in rows} == {"p3.jpg", "p4.jpg"}
    assert client.get("/api/sets", params={"rating": "many"}).status_code == 400


def test_facets_count_what_sidecars_say(tmp_path: Path, entry: Pass) -> None:
    """As --where does: lists are put together, of ratings the sidecar's counts before the photo's own."""
    for name, own, beside in (("a", {"rating": "3", "keywords": ["Own"]}, "5"), ("b", {}, "rejected")):
        xmp = {"xmp": merged(None, own)} if own else {}
        save(tmp_path / "photos" / f"{name}.jpg", draw_photo(ord(name), 96, 72), **xmp)
        sidecar = merged(None, {"rating": beside, "keywords": ["beside"], "people": ["Ann"]})
        (tmp_path / "photos" / f"{name}.xmp").write_bytes(sidecar)
    with Library.open(tmp_path / "store", create=True) as library:
        library.index(tmp_path / "photos")
        client = client_of(Served(library), entry, {"Authorization": f"Bearer {entry.token}"})
        found = client.get("/api/facets").json()
        for facet, counts in {
            "ratings": {"5": 1, "rejected": 1},
            "keywords": {"Own": 1, "beside": 2},
            "people": {"Ann": 2},
        }.items():
            assert {row["name"]: row["count"] for row in found[facet]} == counts
            for name, count in counts.items():
                assert client.get("/api/sets", params={CALLED[facet]: name}).json()["count"] == count


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("lake", {"p4.jpg"}),
        ("LYON p3", {"p3.jpg"}),
        ("ann", {"p3.jpg"}),
        ("2019", {"p2.jpg"}),
        ("ann 2019", set()),
    ],
)
def test_words_are_found_in_paths_keywords_people_and_titles(
    client: TestClient, words: str, names: set[str]
) -> None:
    found = client.get("/api/sets", params={"words": words}).json()
    rows = client.get(f"/api/sets/{found['set']}/photos?n=100").json()["photos"]
    assert {Path(row["path"]).name for row in rows} == names


def test_a_label_is_told_from_other_words(client: TestClient) -> None:
    names = [row["name"] for row in client.get("/api/labels").json()["labels"]][:3]
    known = [client.get(f"/api/labels/{name}").json()["is_known"] for name in (*names, "p3", "lake house")]
    assert known == [True] * len(names) + [False] * 2
    assert client.get("/api/labels/beach").json()["near"]


def test_folders_are_named_by_ids_only(client: TestClient, photos: Path) -> None:
    folders = client.get("/api/facets").json()["folders"]
    assert {row["path"]: row["count"] for row in folders} == {
        str(photos): len(YEARS) + 3,
        **{str(photos / str(year)): YEARS.count(year) for year in YEARS},
    }
    chosen = next(row["id"] for row in folders if row["path"].endswith("2021"))
    assert client.get("/api/sets", params={"folder": chosen}).json()["count"] == 3
    assert client.get("/api/sets", params={"folder": str(photos)}).status_code == 400


def test_a_search_by_id_is_the_command_lines(client: TestClient, store: Path) -> None:
    photo = id_of(client, "p3.jpg")
    answer = client.post("/api/search", json={"examples": [{"id": photo}], "k": 5}).json()
    run = lookalike("search", f"id:{photo}", "-k", "5", "--store", store, "--format", "json")
    assert answer == {"schema_version": 1, **run.json["queries"][0]}


def test_a_search_by_a_picture_that_was_handed_in_is_the_command_lines(
    client: TestClient, store: Path, tmp_path: Path
) -> None:
    picture = encode(draw_photo(4).resize((500, 375)), quality=70)
    (tmp_path / "mine.jpg").write_bytes(picture)
    handed = client.post("/api/uploads", content=picture)
    assert handed.status_code == 201
    assert (handed.json()["width"], handed.json()["height"]) == (500, 375)
    example = {"upload": handed.json()["upload"]}
    answer = client.post("/api/search", json={"examples": [example], "k": 5}).json()
    run = lookalike("search", tmp_path / "mine.jpg", "-k", "5", "--store", store, "--format", "json")
    assert answer["results"] == run.json["queries"][0]["results"]
    part = {"x": 0.1, "y": 0.1, "width": 0.5, "height": 0.5}
    asked = {"examples": [example], "box": part, "k": 3}
    found = client.post("/api/search", json=asked).json()["results"]
    run = lookalike(
        *("search", tmp_path / "mine.jpg", "--box", "10%,10%,50%,50%", "-k", "3", "--store", store),
        *("--format", "json"),
    )
    assert [row["path"] for row in found] == [row["path"] for row in run.json["queries"][0]["results"]]
    assert "box" in found[0]


@pytest.mark.parametrize("body", [b"", b"no picture", b"\xff\xd8\xff" + bytes(1000)])
def test_what_is_no_picture_is_refused_in_words(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/uploads", content=body)
    assert answer.status_code == 422
    assert answer.json()["title"]


def test_an_upload_is_never_longer_than_the_limit(client: TestClient) -> None:
    answer = client.post("/api/uploads", content=(bytes(1 << 20) for _ in range(70)))
    assert (answer.status_code, answer.json()["code"]) == (422, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        {"examples": [{"id": 10**30}]},
        {"examples": [{"id": 1, "path": "/etc/passwd"}]},
        {"examples": [{}], "k": 10**9},
        {"path": "/etc/passwd"},
        {"examples": [{"upload": "x"}]},
        {"examples": [{"id": 1}], "box": {"x": 2, "y": 0, "width": 1, "height": 1}},
        {"examples": [{"id": 999_999}]},
        {"labels": ["no such thing"]},
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, body: dict[str, object]) -> None:
    answer = client.post("/api/search", json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["title"]


def test_a_photo_comes_in_three_sizes_and_what_browsers_do_not_show_is_saved(client: TestClient) -> None:
    photo = id_of(client, "p3.jpg")
    for what in ("thumb", "preview?side=400", "original"):
        answer = client.get(f"/api/photos/{photo}/{what}")
        assert answer.content.startswith(b"\xff\xd8\xff"), what
        assert answer.headers["content-type"] == "image/jpeg"
    tag = client.get(f"/api/photos/{photo}/thumb").headers["etag"]
    assert client.get(f"/api/photos/{photo}/thumb", headers={"If-None-Match": tag}).status_code == 304
    part = client.get(f"/api/photos/{photo}/original", headers={"Range": "bytes=2-5"})
    assert (part.status_code, len(part.content)) == (206, 4)
    flat = f"/api/photos/{id_of(client, 'flat.tif')}"
    other = client.get(f"{flat}/original")
    assert other.headers["content-type"] == "application/octet-stream"
    assert other.headers["content-disposition"].startswith("attachment")
    assert client.get(f"{flat}/preview").content.startswith(b"\xff\xd8\xff")


def test_names_that_are_no_text_come_through(client: TestClient) -> None:
    photo = client.get(f"/api/photos/{id_of(client, chr(0xDCE9) + '.jpg')}").json()
    assert photo["path_b64"]
    assert json.dumps(photo)


def test_of_each_file_of_a_photo_is_told_what_it_says(client: TestClient) -> None:
    photo = client.get(f"/api/photos/{id_of(client, 'p3.jpg')}").json()
    assert photo["fields"]["rating"] == "4"
    assert [each["fields"] for each in photo["files"]] == [photo["fields"]]


def test_a_photo_has_the_name_by_which_a_filter_shows_it(tmp_path: Path, entry: Pass) -> None:
    photos = tmp_path / "photos"
    first = save(photos / "a.jpg", draw_photo(1, 96, 72))
    shutil.copy2(first, photos / "b.jpg")
    (photos / "b.xmp").write_bytes(merged(None, {"rating": "1"}))
    with Library.open(tmp_path / "store", create=True) as library:
        library.index(photos)
        client = client_of(Served(library), entry, {"Authorization": f"Bearer {entry.token}"})
        found = f"/api/photos/{id_of(client, 'a.jpg')}"
        shown = client.get(found, params={"rating": "1"}).json()
        assert (Path(shown["path"]).name, shown["fields"]["rating"]) == ("b.jpg", "1")
        assert len(shown["files"]) == 2
        for others in ({}, {"rating": "2"}):  # copies in its strips need not pass
            assert client.get(found, params=others).json()["path"] == str(first)


def test_the_usual_folder_is_offered_unless_the_library_has_or_awaits_it(
    tmp_path: Path, entry: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "disk" / "a.jpg", draw_photo(1, 96, 72))
    (tmp_path / "Pictures").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("HOME", str(tmp_path))
    with Library.open(tmp_path / "store", create=True) as library:

        def offered(*wanted: str) -> str:
            served = Served(library, wanted_folders=wanted)
            client = client_of(served, entry, {"Authorization": f"Bearer {entry.token}"})
            return str(client.get("/api/roots").json()["pictures"])

        assert offered() == "~/Pictures"
        assert offered(str(tmp_path / "disk")) == ""
        library.index(tmp_path / "disk")
        assert offered() == ""


def test_copies_are_told_from_what_only_looks_alike(client: TestClient) -> None:
    related = client.get(f"/api/photos/{id_of(client, 'p0.jpg')}/related").json()
    assert [Path(row["path"]).name for row in related["copies"]] == ["small.jpg"]
    assert len(related["alike"]) == len(YEARS) + 3 - 2


def test_a_file_that_is_away_shows_its_thumbnail_and_says_so(client: TestClient, photos: Path) -> None:
    photo, path = id_of(client, "p5.jpg"), photos / "2021" / "p5.jpg"
    path.rename(path.with_suffix(".away"))
    try:
        answer = client.get(f"/api/photos/{photo}/preview?side=333")
        assert answer.content.startswith(b"\xff\xd8\xff")
        assert unquote(answer.headers["x-lookalike-stand-in"]) == "its file is not there any more"
        assert client.get(f"/api/photos/{photo}/original").status_code == 404
    finally:
        path.with_suffix(".away").rename(path)


def test_a_library_without_photos_is_empty(photos: Path, tmp_path: Path, entry: Pass) -> None:
    only = shutil.copy(photos / "flat.tif", tmp_path / "only.tif")
    with Library.open(tmp_path / "store", create=True) as library:
        library.index(only)
        library.folders.forget([only])
        empty = client_of(Served(library), entry, {"Authorization": f"Bearer {entry.token}"})
        found = empty.get("/api/sets").json()
        assert (found["count"], found["months"]) == (0, [])
        assert empty.get(f"/api/sets/{found['set']}/aspects").content == b""
        assert empty.get("/api/facets").json()["years"] == []


def test_a_sheet_of_results_can_be_saved(client: TestClient) -> None:
    asked = {"examples": [{"id": id_of(client, "p1.jpg")}], "k": 6}
    answer = client.post("/api/search/sheet", json=asked)
    assert (answer.status_code, answer.content[:3]) == (200, b"\xff\xd8\xff")


def test_labels_are_counted_as_the_command_line_counts_them(client: TestClient, store: Path) -> None:
    run = lookalike("labels", "--store", store, "--format", "json")
    counted = {row["name"]: row["photos"] for row in run.json["labels"]}
    assert {row["name"]: row["count"] for row in client.get("/api/labels").json()["labels"]} == counted


def test_the_page_is_small_and_names_nobody_else(client: TestClient) -> None:
    folders = {"": "web/page", "review/": "output/review"}
    names = [start + file.name for start, folder in folders.items() for file in (ROOT / folder).iterdir()]
    plain = {name: client.get(f"/{name}", headers={"Accept-Encoding": "identity"}) for name in names}
    packed = [client.get(f"/{name}", headers={"Accept-Encoding": "gzip"}) for name in names]
    assert {each.headers.get("content-encoding") for each in packed} == {"gzip"}
    assert sum(int(each.headers["content-length"]) for each in packed) < 68_000
    for (name, answer), other in zip(plain.items(), packed, strict=True):
        assert answer.content == other.content, name
        assert set(re.findall(rb"https?://[^\s\"']+", answer.content)) <= {b"http://www.w3.org/2000/svg"}, (
            name
        )


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert {"/api/search", "/api/sets", "/api/photos/{photo_id}/original"} <= described["paths"].keys()
    assert client.get("/docs").status_code == 404
