"""The Python API: what the command line is a client of."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import Library, ModelChoice
from lookalike.dedup.actions.planfile import Plan
from lookalike.errors import (
    DecodeError,
    SpecMismatch,
    StoreError,
    StoreMissing,
    UsageError,
    WeightsMissing,
)
from lookalike.tests.library import make_photos
from lookalike.tests.pictures import draw_photo, encode


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos").resolve())


@pytest.fixture(scope="module")
def library(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library.open(tmp_path_factory.mktemp("store"), create=True)
    library.index([photos])
    return library


def test_an_example_may_be_a_path_bytes_a_picture_an_array_or_an_id(library: Library, photos: Path) -> None:
    path = photos / "2022/photo1.jpg"
    picture = Image.open(path)
    found = [
        library.search(example, k=1, include_self=True)[0]
        for example in (path, str(path), path.read_bytes(), picture, np.asarray(picture))
    ]

    assert {result.path for result in found} == {str(path)}
    assert all(result.score > 0.999 for result in found)
    (by_id,) = library.search(found[0].photo.id, k=1, include_self=True)
    assert by_id.path == str(path)


def test_a_query_outside_of_the_library_scores_as_its_vectors_do(library: Library) -> None:
    query = encode(draw_photo(77, 320, 240))
    results = library.search(query, k=7)

    embedder = library.embedder()
    vector = embedder.embed([embedder.prepare(np.asarray(Image.open(io.BytesIO(query))))])[0]
    stored = library.features([result.photo.id for result in results])
    for result in results:
        other = stored[result.photo.id]
        cosine = vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)
        assert result.score == pytest.approx(float(cosine), abs=2e-3)


@pytest.mark.parametrize(
    "example", [3.5, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), object()]
)
def test_an_example_of_another_kind_is_refused(library: Library, example: object) -> None:
    with pytest.raises(UsageError):
        library.search(example)


def test_an_example_that_cannot_be_read_raises(library: Library, photos: Path) -> None:
    for example in (b"", b"no picture", photos / "broken.jpg", photos / "missing.jpg", photos, 10_000):
        with pytest.raises(DecodeError, match="is a folder" if example == photos else None):
            library.search(example)


def test_filters_compose_and_refuse_what_they_do_not_know(library: Library, photos: Path) -> None:
    where = library.where(
        [str(photos / "2023"), str(photos / "2022")], since="2022-06-12", until="2023-06-14"
    )
    found = {Path(result.path).name for result in library.search(encode(draw_photo(9)), where=where)}

    assert found == {"photo4.jpg", "photo2.jpg"}
    with pytest.raises(UsageError):
        library.where(["/not/in/the/library"])
    with pytest.raises(UsageError):
        library.where(since="last year")


def test_copies_lookalikes_thumbnails_and_errors_are_data(library: Library, photos: Path) -> None:
    (group,) = library.copies.find().groups
    kinds = {Path(member.file.path).name: member.kind for member in group.members}
    assert Path(group.keeper.path).name == "photo0.jpg"
    assert kinds == {"photo0-again.jpg": "exact", "photo0-small.jpg": "copy"}
    assert group.reason
    similar = library.copies.lookalikes(0.9)
    assert all(member.score >= 0.9 for each in similar for member in each.members)
    photo = next(iter(library.photos()))
    thumbnail = library.thumbnail(photo)
    assert thumbnail is not None
    assert thumbnail[:3] == b"\xff\xd8\xff"
    assert [error.path for error in library.errors()] == [str(photos / "broken.jpg")]
    assert library.totals().photos == 7


def test_a_choice_that_agrees_with_the_store_is_taken_and_another_refused(
    library: Library, photos: Path
) -> None:
    report = library.index([photos], choice=ModelChoice(model="mobilenet_v2"))
    assert report.embedded == 0
    with pytest.raises(SpecMismatch):
        library.index([photos], choice=ModelChoice(input_rule="crop"))


def test_both_engines_give_one_library_the_same_neighbors(library: Library) -> None:
    query = encode(draw_photo(31, 320, 240))
    with Library.open(library.store.folder, engine="torch") as other:
        torch_results = other.search(query)
    onnx_results = library.search(query)

    assert [result.path for result in torch_results] == [result.path for result in onnx_results]
    assert [result.score for result in torch_results] == pytest.approx(
        [result.score for result in onnx_results], abs=1e-4
    )


def test_opening_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Library.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_every_public_name_exists_and_importing_the_package_is_light() -> None:
    for name in lookalike.__all__:
        assert getattr(lookalike, name) is not None
    assert dir(lookalike) == sorted([*lookalike.__all__, "errors"])  # what Tab offers
    code = "import lookalike, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "sqlalchemy", "faiss", "onnxruntime", "torch", "PIL", "typer"}
    assert not heavy & set(done.stdout.split())


def test_a_new_store_is_not_bound_to_a_model_that_cannot_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    with Library.open(tmp_path / "s", create=True) as library:
        with pytest.raises(WeightsMissing):
            library.index([photos], choice=ModelChoice(model="mobilenet_v3_small"))
        assert library.index([photos / "2021"]).embedded == 2


def test_what_a_choice_leaves_open_stays_as_the_store_has_it(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos / "2021"], choice=ModelChoice(input_size=64, input_rule="squash"))
        for said in ({"input_rule": "squash"}, {"input_size": 64}, {"model": "mobilenet_v2"}):
            assert library.index([photos / "2021"], choice=ModelChoice(**said)).unchanged == 2
        with pytest.raises(UsageError):
            library.index([photos / "2021"], choice=ModelChoice(input_size=0))


def test_files_of_the_query_itself_are_not_among_the_files_of_a_result(
    library: Library, photos: Path
) -> None:
    (copy,) = library.search(photos / "2021/photo0.jpg", k=1)

    assert [file.path for file in copy.photo.files] == [str(photos / "edited/photo0-again.jpg")]


# --- what callers give ------------------------------------------------------------------------


def test_ids_are_taken_as_numpy_gives_them(library: Library, photos: Path) -> None:
    ids, _ = library.vectors()
    plain = ids.tolist()

    assert library.labels.of(ids).keys() == set(plain)
    assert library.labels.of(ids) == library.labels.of(iter(plain))
    assert [*library.features(ids)] == plain
    assert library.holdings(list(ids)) == library.holdings(plain)
    assert len(library.holdings(ids)) == len(plain)
    assert library.search(ids[0], k=2) == library.search(plain[0], k=2)
    assert library.search(ids[:2], k=2) == library.search(plain[:2], k=2)
    photo = library.photo(ids[0])
    assert photo == library.photo(plain[0]) == library.photo(photo)
    assert library.photo(Path(photo.path)).id == plain[0]
    assert library.features([1 << 80, -1]) == {}


def test_a_condition_is_a_filter_wherever_one_is_taken(library: Library, tmp_path: Path) -> None:
    wide = "width > 300"
    where = library.where(where=wide)
    expected = [photo.id for photo in library.photos(where)]
    assert 0 < len(expected) < library.totals().photos

    assert [photo.id for photo in library.photos(wide)] == expected
    assert library.where(since=2022) == library.where(since="2022")  # type: ignore[arg-type]
    assert library.vectors(wide).ids.tolist() == expected
    query = encode(draw_photo(9))
    assert library.search(query, where=wide) == library.search(query, where=where)
    assert library.labels.count(wide) == library.labels.count(where)
    assert library.copies.find(wide) == library.copies.find(where)
    assert library.export_parquet(tmp_path / "p.parquet", wide) == library.export_parquet(
        tmp_path / "p.parquet", where
    )
    assert library.export_vectors(tmp_path / "v.npz", wide) == len(expected)


def test_a_vector_of_embed_is_an_example(library: Library, photos: Path) -> None:
    names = [photos / "2022/photo1.jpg", photos / "2021/photo3.jpg"]
    vectors = library.embed(names)
    for vector in (vectors[0], vectors[0].astype(np.float64) * 2, vectors[:1]):
        assert library.search(vector, k=1)[0].path == str(names[0])
    assert library.search_frame(vectors, k=1).path.tolist() == [str(each) for each in names]
    assert library.search(names[1], minus=vectors[0])
    wrong = {"numbers": vectors[0][:9], "finite": vectors[0] * np.nan, "0": vectors[0] * 0}
    for message, vector in wrong.items():
        with pytest.raises(UsageError, match=message):
            library.search(vector)
    with pytest.raises(UsageError, match="no parts"):
        library.search(vectors[0], part=True)


def test_one_example_is_a_list_of_one_and_numbers_may_be_of_numpy(library: Library) -> None:
    ids = np.array([photo.id for photo in library.photos()])
    wanted = library.search(ids[0], minus=[int(ids[1])], k=3)
    for minus in (int(ids[1]), ids[1], ids[1:2]):
        assert library.search(ids[0], minus=minus, k=np.int64(3)) == wanted
    both = ids[:2].tolist()
    assert library.search(ids[:2], weights=np.array([1, 2])) == library.search(both, weights=[1, 2])
    assert len(library.search_frame(ids[:2], k=np.int32(2))) == 4


def test_an_open_file_is_read_and_not_taken_for_its_lines(library: Library, photos: Path) -> None:
    path = photos / "2022/photo1.jpg"
    expected = library.search(path.read_bytes(), k=3)

    assert library.search(io.BytesIO(path.read_bytes()), k=3) == expected
    with path.open("rb") as file:
        assert library.search(file, k=3) == expected
    with path.open("rb") as file:
        assert library.embed([file]).shape == (1, 1280)


def test_no_example_lists_photos_the_newest_first(library: Library) -> None:
    listed = library.search(k=3)

    dates = [result.photo.date for result in listed]
    assert len(listed) == 3
    assert dates == sorted(dates, reverse=True)
    assert listed == library.search(None, k=3)


WRONG = {
    "search nothing": lambda library: library.search([]),
    "search no ids": lambda library: library.search(np.zeros(0, np.int64)),
    "frame of nothing": lambda library: library.search_frame([]),
    "empty array": lambda library: library.embed(np.zeros((0, 5, 3), np.uint8)),
    "text file": lambda library: library.search(io.StringIO("text")),
    "k": lambda library: library.search(1, k="5"),
    "half a photo": lambda library: library.search(1, k=2.5),
    "min_score": lambda library: library.search(1, min_score="0.9"),
    "where": lambda library: library.search(1, where=5),
    "option of search": lambda library: library.search(1, kk=3),
    "option of a filter": lambda library: library.where(kamera="X100"),
    "nothing to undo": lambda library: library.files.undo(library.files.record_to_undo()),
    "undo by name": lambda library: library.files.preview_undo("x"),
    "no plan": lambda library: library.files.apply(None),
    "plan by hand": lambda library: library.files.apply({}),
    "apply options": lambda library: library.files.preview(Plan((), (), "", ""), {"method": "x"}),
    "options": lambda library: library.copies.find(options={}),
    "index options": lambda library: library.index(".", options={}),
    "progress": lambda library: library.copies.find(progress=print),
    "thumbnail": lambda library: library.thumbnail(10_000),
    "filter": lambda library: list(library.photos(["2021"])),
    "condition": lambda library: library.vectors("train/cat"),
    "order": lambda library: list(library.photos(order="date")),
    "copies of": lambda library: library.copies.find("train"),
    "labels of": lambda library: library.labels.count("train"),
    "labeled": lambda library: library.labels.find("dog", k="5"),
    "confidence": lambda library: library.labels.count(confidence="0.5"),
    "features": lambda library: library.features(1),
    "fields": lambda library: library.fields(["a.jpg"]),
    "ids": lambda library: library.labels.of(["a.jpg"]),
    "photo": lambda library: library.photo(2.5),
    "explain": lambda library: library.copies.explain(1, None),
    "index": lambda library: library.index(None),
    "choice": lambda library: library.index(".", choice="mobilenet_v2"),
    "teach": lambda library: library.labels.teach("dog", yes=[5]),
    "leaks": lambda library: library.copies.leaks(None, "2021"),
    "similar": lambda library: library.copies.lookalikes("0.9"),
    "store of": lambda _: lookalike.store_of(None),  # type: ignore[arg-type]
    "engine": lambda library: Library.open(library.store.folder, engine="tf"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_a_wrong_argument_is_told_as_such(library: Library, call: Callable[[Library], object]) -> None:
    with pytest.raises(UsageError):
        call(library)


def test_decisions_take_photos_by_any_name(library: Library, photos: Path) -> None:
    a, b, *_ = library.photos()
    for first, second in ((a, b), (a.path, Path(b.path)), (a.id, f"id:{b.id}"), (a.digest, b.digest)):
        library.copies.decide(first, second, "rejected")
        assert [(each.a, each.b) for each in library.copies.decisions()] == [
            tuple(sorted((a.digest, b.digest)))
        ]
        library.copies.decide(first, second, None)
    assert library.copies.decisions() == []
    for wrong in ((a, b, "yes"), (a, "a.jpg", "confirmed"), (a, a.path, "rejected")):
        with pytest.raises(UsageError):
            library.copies.decide(*wrong)


def test_a_set_that_is_not_in_the_library_is_no_set_without_leaks(library: Library, photos: Path) -> None:
    assert library.copies.leaks(photos / "2021", photos / "edited")
    (photos / "empty").mkdir()
    none: list[str] = []
    for test in (none, "nonsense", photos.parent / "never-indexed", photos / "empty"):
        with pytest.raises(UsageError):
            library.copies.leaks(photos / "2021", test)


def test_a_report_and_slices_of_results_are_fit_for_a_console(library: Library) -> None:
    assert repr(library.copies.find()) == "CopyReport(1 group, 1 pair)"
    results = library.search(1, k=5)
    assert results[1:3] == tuple(results)[1:3]
    assert results[1:3].frame().path.tolist() == [each.path for each in (results[1], results[2])]


def test_a_library_that_was_closed_says_so(library: Library) -> None:
    other = Library.open(library.store.folder)
    other.close()
    for use in (other.totals, lambda: other.search(1)):
        with pytest.raises(StoreError, match="was closed"):
            use()
