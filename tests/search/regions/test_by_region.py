"""A part of a picture is found in the photos that show it, with the place where they do."""

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import Library
from lookalike.errors import DecodeError, UsageError
from lookalike.indexer.options import IndexOptions
from lookalike.search.regions.boxes import Box
from lookalike.search.request import SearchRequest
from lookalike.tests.indexer.indexing import Meddler
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, encode, save

COUNT = 12
# Drawn pictures have less to tell places by than photos: see benchmarks/search/region_search.py.
ROUGHLY = 0.3
PLANTED = Box(200, 100, 360, 270)


def overlap(a: Box, b: Box) -> float:
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(0, wide) * max(0, high)
    return shared / (a.width * a.height + b.width * b.height - shared)


def crop(seed: int, box: Box = PLANTED) -> Image.Image:
    return draw_photo(seed).crop((box.x, box.y, box.x + box.width, box.y + box.height))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos").resolve()
    for seed in range(COUNT):
        save(folder / ("even" if seed % 2 == 0 else "odd") / f"{seed}.jpg", draw_photo(seed), quality=90)
    return folder


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "store"
    with Library.open(folder, create=True) as library:
        library.index([photos])
    return folder


@pytest.fixture
def old(store: Path, tmp_path: Path) -> Path:
    """A store whose photos were indexed before there were local maps."""
    shutil.copytree(store, tmp_path / "old")
    forget_maps(tmp_path / "old")
    return tmp_path / "old"


def forget_maps(folder: Path, where: str = "1") -> None:
    with closing(sqlite3.connect(folder / "catalog.db")) as catalog:
        catalog.execute(f"DELETE FROM local_map WHERE {where}")
        catalog.commit()


def count_maps(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "catalog.db")) as catalog:
        (count,) = catalog.execute("SELECT count(*) FROM local_map").fetchone()
    return int(count)


@pytest.mark.parametrize("seed", range(0, COUNT, 3))
def test_a_crop_finds_its_photo_and_the_place_that_it_was_cut_from(store: Path, seed: int) -> None:
    with Library.open(store) as library:
        found = library.search(encode(crop(seed), quality=90), k=3, box="0,0,100%,100%")
    assert Path(found[0].path).name == f"{seed}.jpg"
    assert found[0].box is not None
    assert overlap(found[0].box, PLANTED) > ROUGHLY
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


@pytest.mark.parametrize("seed", [1, 8])
def test_a_box_on_a_copy_finds_the_photo_and_the_same_place(store: Path, seed: int) -> None:
    copy = encode(draw_photo(seed), quality=70)
    box = (PLANTED.x, PLANTED.y, PLANTED.width, PLANTED.height)
    with Library.open(store) as library:
        found = library.search(copy, k=1, box=box)
        same = library.search(copy, k=1, box="31.25%,100,56.25%,56.25%")
        array = library.search(np.asarray(Image.fromarray(np.asarray(draw_photo(seed)))), k=1, box=box)
    assert Path(found[0].path).name == f"{seed}.jpg"
    assert found[0].box is not None
    assert overlap(found[0].box, PLANTED) > ROUGHLY
    assert overlap(found[0].box, same[0].box or PLANTED) > 0.9
    assert array[0].path == found[0].path


def test_the_photo_itself_is_left_out_unless_it_is_wanted(store: Path, photos: Path) -> None:
    path = photos / "even/4.jpg"
    with Library.open(store) as library:
        own = library.search(path, k=1, box="20%,20%,60%,60%", include_self=True)
        others = library.search(path, k=COUNT, box="20%,20%,60%,60%")
        by_id = library.search(own[0].photo.id, k=COUNT, box="20%,20%,60%,60%")
    assert own[0].path == str(path)
    assert str(path) not in {each.path for each in others}
    assert [each.path for each in by_id] == [each.path for each in others]
    assert len(others) == COUNT - 1


def test_filters_act_before_the_ranking(store: Path, photos: Path) -> None:
    with Library.open(store) as library:
        where = library.where([str(photos / "odd")])
        found = library.search(encode(crop(4)), k=COUNT, box="0,0,100%,100%", where=where)
        some = library.search(encode(crop(4)), k=COUNT, box="0,0,100%,100%", min_score=2 / 3)
    assert {Path(each.path).parent.name for each in found} == {"odd"}
    assert len(found) == COUNT // 2
    assert all(each.score >= 2 / 3 for each in some)


def test_boxes_are_of_the_picture_as_displayed(store: Path, tmp_path: Path) -> None:
    turned = draw_photo(5).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = save(tmp_path / "turned.jpg", turned, quality=90, exif=exif)
    with Library.open(store) as library:
        found = library.search(path, k=1, box=(PLANTED.x, PLANTED.y, PLANTED.width, PLANTED.height))
    assert Path(found[0].path).name == "5.jpg"
    assert found[0].box is not None
    assert overlap(found[0].box, PLANTED) > ROUGHLY


def test_what_cannot_be_read_or_boxed_is_said(store: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    with Library.open(store) as library:
        for example in (tmp_path / "broken.jpg", tmp_path / "none.jpg", b"", 9999):
            with pytest.raises(DecodeError):
                library.search(example, box="1,1,5,5")
        with pytest.raises(UsageError, match="640x480"):
            library.search(encode(draw_photo(1)), box="600,0,100,100")


def test_older_photos_get_their_maps_on_request_and_are_found_then(old: Path, photos: Path) -> None:
    query = encode(crop(3), quality=90)
    with Library.open(old, write=True) as library:
        with pytest.raises(UsageError, match="index --regions"):
            library.search(query, box="0,0,100%,100%")
        assert library.index([photos]).embedded == 0
        assert library.index([photos], options=IndexOptions(regions=True)).embedded == COUNT
        assert library.index([photos], options=IndexOptions(regions=True)).embedded == 0
        assert Path(library.search(query, box="0,0,100%,100%")[0].path).name == "3.jpg"


def test_a_stopped_run_keeps_the_maps_it_made_and_the_next_makes_the_rest(old: Path, photos: Path) -> None:
    stop = threading.Event()
    # A batch is committed with each photo, so that the run is stopped after the first of them.
    options = IndexOptions(regions=True, workers=1, batch_files=1)
    with Library.open(old, write=True) as library:
        first = library.index([photos], options=options, progress=Meddler(at_advance=stop.set), stop=stop)
        made = count_maps(old)
        assert first.interrupted
        assert 0 < made < COUNT
        assert made == first.embedded
        assert library.totals().present == COUNT

        second = library.index([photos], options=IndexOptions(regions=True))
        assert not second.interrupted
        assert second.embedded == COUNT - made
        assert count_maps(old) == COUNT
        found = {seed: library.search(encode(crop(seed)), k=1, box="0,0,100%,100%")[0] for seed in (1, 6)}
    assert {seed: Path(each.path).name for seed, each in found.items()} == {1: "1.jpg", 6: "6.jpg"}


def test_photos_without_a_map_are_counted_and_the_others_answer(old: Path, photos: Path) -> None:
    with Library.open(old, write=True) as library:
        library.index([photos], options=IndexOptions(regions=True))
        forget_maps(old, "content_id IN (SELECT content_id FROM file WHERE CAST(rel AS TEXT) LIKE '%odd%')")
    run = lookalike("search", photos / "even/2.jpg", "--box", "10%,10%,50%,50%", "--store", old)
    assert run.code == 0
    assert f"{COUNT // 2} photos without a local map" in run.err
    assert "index --regions" in run.err
    with Library.open(old) as library:
        request = SearchRequest(examples=[1], k=COUNT)
        assert next(library.searches.answers(request)).without_map == 0


def test_another_engine_says_that_it_has_no_maps(store: Path) -> None:
    with Library.open(store, engine="torch") as library, pytest.raises(UsageError, match="no local maps"):
        library.search(1, box="0,0,10,10")


def test_the_command_line_gives_the_box(store: Path, photos: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "crop.jpg", crop(6), quality=90)
    run = lookalike("search", path, "--part", "-k", "1", "--format", "json", "--store", store)
    (result,) = run.json["queries"][0]["results"]
    assert Path(result["path"]).name == "6.jpg"
    assert overlap(Box(**result["box"]), PLANTED) > ROUGHLY

    table = lookalike("search", path, "--part", "-k", "1", "--store", store)
    box = result["box"]
    assert f"{box['width']}x{box['height']}+{box['x']}+{box['y']}" in table.out.decode()
    plain = lookalike("search", path, "-k", "1", "--format", "json", "--store", store)
    assert "box" not in plain.json["queries"][0]["results"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--box", "1,2,3"], "cannot read the box"), (["--box", "0,0,5,5", "--part"], "give one of them")],
)
def test_the_command_line_refuses_what_is_no_box(store: Path, arguments: list[str], said: str) -> None:
    run = lookalike("search", "id:1", *arguments, "--store", store)
    assert run.code == 2
    assert said in run.err
