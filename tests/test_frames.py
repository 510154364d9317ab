"""What data scientists take away: arrays, frames, Parquet and SQLite, and what a notebook shows."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from lookalike import Library
from lookalike.errors import DecodeError, ExtraMissing, PictureNotFound, StoreUnwritable, UsageError
from lookalike.store import frames
from lookalike.tests.library import lookalike, make_photos
from lookalike.tests.pictures import draw_photo, encode

ODD = b"odd \xff<b>.jpg"  # no UTF-8, and HTML


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_photos(tmp_path_factory.mktemp("photos").resolve())
    with open(os.path.join(os.fsencode(folder), ODD), "wb") as out:
        out.write(encode(draw_photo(50, 320, 240)))
    return folder


@pytest.fixture(scope="module")
def library(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("store"), create=True) as library:
        library.index(str(photos))
        library.copies.find()
        yield library


# --- arrays -----------------------------------------------------------------------------------


def test_all_vectors_come_as_one_array_of_unit_vectors_with_their_ids(library: Library) -> None:
    ids, vectors = library.vectors()

    assert ids.tolist() == [photo.id for photo in library.photos()]
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(ids), 1280)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    raw = library.vectors(normalized=False).vectors
    assert np.linalg.norm(raw, axis=1).min() > 2
    np.testing.assert_array_equal(raw, np.stack([*library.features(ids.tolist()).values()]))
    some, rows = library.vectors(library.where(photos_of_2021(library)))
    np.testing.assert_array_equal(rows, vectors[np.isin(ids, some)])


def photos_of_2021(library: Library) -> str:
    return str(next(p for p in library.photos() if "/2021/" in p.path).path.rpartition("/")[0])


def test_images_are_embedded_as_the_library_is_whatever_form_they_have(
    library: Library, photos: Path
) -> None:
    path = photos / "2022/photo1.jpg"
    picture = Image.open(path)
    one = library.embed(path)
    assert one.shape == (1, 1280)
    assert one.dtype == np.float32

    many = library.embed(each for each in (str(path), path.read_bytes(), picture, np.asarray(picture)))
    assert many.shape == (4, 1280)
    np.testing.assert_allclose(many @ one[0], 1, atol=1e-3)
    stack = np.stack([np.asarray(picture)] * 2)
    np.testing.assert_array_equal(library.embed(stack), library.embed([picture, picture]))
    (best,) = library.search(path, k=1, include_self=True)
    assert best.score == pytest.approx(float(one[0] @ library.embed(path)[0]), abs=1e-3)
    assert np.linalg.norm(library.embed(path, normalized=False)) > 2
    assert library.embed([]).shape == (0, 1280)


def test_an_error_names_the_picture_and_is_one_of_python_where_there_is_none(
    library: Library, photos: Path
) -> None:
    for act in (library.search, library.embed, library.search_frame):
        with pytest.raises(FileNotFoundError, match=r"none\.jpg: there is no such file") as told:
            act("none.jpg")
        assert isinstance(told.value, PictureNotFound)
        with pytest.raises(DecodeError, match=r"broken\.jpg: "):
            act(photos / "broken.jpg")
    with pytest.raises(DecodeError, match=r"^[^:]*broken\.jpg: [^:]*$"):
        library.search([photos / "2022/photo1.jpg", photos / "broken.jpg"])


def test_a_library_says_which_it_is_and_how_it_is_opened(library: Library, tmp_path: Path) -> None:
    assert repr(library) == f"Library.open({library.store.folder!r})"
    with pytest.raises(UsageError, match=r"Library\.open\('s'\)"):
        Library("s")  # type: ignore[arg-type]
    Library.open(tmp_path / "s", create=True).close()
    with Library.open(tmp_path / "s") as reading, pytest.raises(StoreUnwritable, match="write=True"):
        reading.labels.forget("x")
    with pytest.raises(FileNotFoundError, match=r"none\.jpg: there is no such file"):
        library.copies.explain("none.jpg", "none.jpg")


def test_a_str_is_one_folder_wherever_folders_are_meant(library: Library, photos: Path) -> None:
    folder = str(photos / "2021")
    assert library.folders.missing(folder) == []
    assert {each.path for each in library.copies.check(folder, against=str(photos / "edited"))} == {
        f"{folder}/photo0.jpg",
        f"{folder}/photo3.jpg",
    }
    assert library.copies.origin(folder).protect == (folder,)
    found = library.search(photos / "2022/photo1.jpg", where=library.where(folder, camera="none"))
    assert found == ()


# --- frames -----------------------------------------------------------------------------------


def test_results_come_as_a_frame_with_a_row_for_each_photo(library: Library, photos: Path) -> None:
    queries = [photos / "2022/photo1.jpg", photos / "2023/photo2.jpg"]
    frame = library.search_frame(queries, k=3)

    assert frame["query"].tolist() == [str(query) for query in queries for _ in range(3)]
    assert frame["rank"].tolist() == [1, 2, 3] * 2
    expected = [(each.path, each.score) for query in queries for each in library.search(query, k=3)]
    assert [*zip(frame["path"], frame["score"], strict=True)] == expected
    assert str(frame["id"].dtype) == "int64"
    together = library.search(queries, k=3)
    pd.testing.assert_frame_equal(
        together.frame(), library.search_frame(queries, k=3, together=True).drop(columns="query")
    )
    assert len(library.search_frame(where=library.where(since="2999"))) == 0


def test_copies_come_as_a_frame_with_a_row_for_each_file(library: Library) -> None:
    frame = library.copies.frame()

    assert frame["group"].tolist() == [1, 1, 1]
    assert [Path(path).name for path in frame[frame["kept"]]["path"]] == ["photo0.jpg"]
    assert sorted(frame["kind"]) == ["", "copy", "exact"]
    assert frame[frame["kind"] == "exact"]["bytes"].tolist() == frame[frame["kept"]]["bytes"].tolist()


def test_a_frame_without_rows_has_the_kinds_of_one_with_rows(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = library.where(since="2099")
    for full, empty in (
        (library.copies.frame(), library.copies.frame(nothing)),
        (library.search_frame(k=3), library.search_frame(where=nothing)),
    ):
        known = [name for name in full if full[name].notna().any()]
        assert (len(empty), [*empty]) == (0, [*full])
        assert empty.dtypes[known].equals(full.dtypes[known])
        assert not len(empty[empty["path"].str.contains("x")])
    none = library.copies.frame(nothing)
    assert [*none[~none["kept"]]] == [*none]
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert library.copies.frame(nothing).schema == library.copies.frame().schema


def test_a_name_that_is_no_text_stands_as_escapes(library: Library) -> None:
    frame = library.search_frame(k=20, where=library.where(), include_copies=True)
    assert [path for path in frame["path"] if r"odd \udcff<b>.jpg" in path]


def test_without_pandas_it_is_an_arrow_table_and_without_both_one_plain_line(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = library.copies.frame()
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = library.copies.frame()
    assert isinstance(table, pa.Table)
    assert table.to_pydict() == expected.to_dict("list")

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing) as told:
        library.copies.frame()
    assert str(told.value) == "this needs pandas or pyarrow: install it with  pip install pandas"


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [3, 1024])
def test_parquet_has_a_row_for_each_file_with_its_vector(
    library: Library, tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_BLOCK", block)
    count = library.export_parquet(tmp_path / "photos.parquet")

    table = parquet.read_table(tmp_path / "photos.parquet")
    assert table.num_rows == count == 9
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 1280)
    ids, vectors = library.vectors()
    places = [ids.tolist().index(each) for each in table["id"].to_pylist()]
    np.testing.assert_allclose(table["vector"].to_pylist(), vectors[places], rtol=1e-5, atol=1e-7)
    assert table["labels"].type == pa.list_(pa.string())
    assert sum(r"\udcff" in path for path in table["path"].to_pylist()) == 1
    library.export_parquet(tmp_path / "photos.parquet", library.where(since="2999"))  # over our own, empty
    assert parquet.read_table(tmp_path / "photos.parquet").schema == table.schema


def test_sqlite_has_flat_tables_that_join_by_content(library: Library, tmp_path: Path) -> None:
    assert library.export_sqlite(tmp_path / "photos.db") == 9
    assert library.export_sqlite(tmp_path / "photos.db") == 9  # over our own

    with closing(sqlite3.connect(tmp_path / "photos.db")) as db:
        jpegs = db.execute("SELECT DISTINCT jpeg FROM photos JOIN thumbs USING (content)").fetchall()
        kept = db.execute("SELECT path FROM copies WHERE kept").fetchall()
        kinds = db.execute("SELECT kind FROM copies JOIN photos USING (path) ORDER BY kind").fetchall()
        assert db.execute("SELECT count(*) FROM labels").fetchone() is not None
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(jpegs) == 8
    assert all(jpeg.startswith(b"\xff\xd8\xff") for (jpeg,) in jpegs)
    assert [Path(path).name for (path,) in kept] == ["photo0.jpg"]
    assert kinds == [("",), ("copy",), ("exact",)]
    assert os.listdir(tmp_path) == ["photos.db"]


@pytest.mark.parametrize("name", ["notes.parquet", "notes.db"])
def test_a_file_of_somebody_else_is_not_replaced(library: Library, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    write = library.export_parquet if target.suffix == ".parquet" else library.export_sqlite
    for content in ("", "my notes"):
        if target.suffix == ".db" and not content:
            with closing(sqlite3.connect(target)) as db:
                db.execute("CREATE TABLE mine (x)")
        else:
            target.write_text(content)
        before = target.read_bytes()
        with pytest.raises(UsageError, match="left unchanged"):
            write(target)
        assert target.read_bytes() == before
    with pytest.raises(UsageError, match="ends in"):
        write(tmp_path / "photo.jpg")


def test_the_command_writes_the_files_and_lists_nothing(library: Library, tmp_path: Path) -> None:
    store = library.store.folder
    done = lookalike(
        "export", "--parquet", tmp_path / "p.parquet", "--sqlite", tmp_path / "p.db", "--store", store
    )

    assert (done.code, done.out) == (0, b"")
    assert done.err.count("9 files written to ") == 2
    done = lookalike("export", "--vectors", tmp_path / "v.npz", "--store", store)
    assert (done.code, done.out) == (0, b"")
    assert "8 embeddings written to " in done.err
    assert parquet.read_table(tmp_path / "p.parquet").num_rows == 9


def test_a_missing_extra_of_the_command_is_one_line(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = lookalike("export", "--parquet", tmp_path / "p.parquet", "--store", library.store.folder)
    assert done.code == 1
    assert "this needs pyarrow: install it with  pip install pyarrow" in done.err
    assert not (tmp_path / "p.parquet").exists()


# --- notebooks and notes ----------------------------------------------------------------------


def test_a_notebook_shows_results_with_thumbnails_and_names_stay_text(
    library: Library, photos: Path
) -> None:
    html = library.search(photos / "2022/photo1.jpg", k=20)._repr_html_()

    assert len(re.findall(r'<img [^>]*src="data:image/jpeg;base64,/9j/', html)) == 6
    assert "&lt;b&gt;.jpg" in html
    assert "<b>.jpg" not in html
    assert "http" not in html
    assert library.search(where=library.where(since="2999"))._repr_html_() == "nothing found"


def test_a_notebook_shows_groups_of_copies_also_when_the_library_is_closed(
    photos: Path, tmp_path: Path
) -> None:
    with Library.open(tmp_path / "store", create=True) as library:
        library.index([photos / "2021", photos / "edited"])
        report = library.copies.find()

    html = report._repr_html_()
    assert "Group 1: 3 files" in html
    assert html.count("<img ") == 3
    assert html.count("kept") == 1


def test_nothing_is_said_that_nobody_listens_to() -> None:
    code = "import logging, lookalike; logging.getLogger('lookalike.x').warning('a note'); {}"
    for more, said in (
        ("", b""),
        ("logging.basicConfig(); logging.getLogger('lookalike').error('x')", b"x"),
    ):
        done = subprocess.run([sys.executable, "-c", code.format(more)], capture_output=True, check=True)
        assert done.stderr.strip().endswith(said)
        assert b"a note" not in done.stderr
