"""Labels: the shipped classifier on stored vectors, and the words above its classes."""

import csv
import io
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from lookalike.errors import ModelError, UsageError, WeightsTampered
from lookalike.indexer.embed.weights.loader import read_shipped
from lookalike.indexer.embed.weights.table import SHIPPED_STATE
from lookalike.library import Library
from lookalike.search.labels import classifier as module
from lookalike.search.labels.classifier import FILE, Classifier, classifier_for
from lookalike.search.labels.taxonomy import CLASSES, tree
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.pairs import JudgedPair
from lookalike.store.filters.where import Where
from lookalike.tests.library import lookalike
from lookalike.tests.store.making import make_spec, make_vector

from .making import SPEC, library_of, names_of, vector_of

# By number of the photo.
SHOWN: list[tuple[str, ...]] = [
    ("beagle",),
    ("beagle",),
    ("terrier",),  # which of 26 cannot be told
    ("zebra",),
    ("pizza", "abacus"),  # one or the other
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels") / "store"
    with library_of(folder, [vector_of(*words) for words in SHOWN]):
        return folder


@pytest.fixture
def library(store: Path) -> Iterator[Library]:
    with Library.open(store) as opened:
        yield opened


def said(library: Library, number: int) -> list[str]:
    (photo,) = [each for each in library.photos() if each.path == f"/photos/{number}.jpg"]
    return [label.name for label in library.labels.of([photo.id])[photo.id]]


# --- the tree ---------------------------------------------------------------------------------


def test_each_class_has_one_word_of_its_own_in_the_order_of_the_classifier() -> None:
    assert [node.classes for node in tree().labels[:CLASSES]] == [(number,) for number in range(CLASSES)]
    assert tree().labels[0].name == "tench"
    assert tree().labels[999].names[:2] == ("toilet tissue", "toilet paper")


def test_what_stands_above_holds_all_that_stands_below() -> None:
    for node in tree().nodes:
        for above in node.above:
            assert set(node.classes) < set(tree().nodes[above].classes)


@pytest.mark.parametrize("name", ["dog", "Domestic Dog", "domestic_dog", " dog ", "canis familiaris"])
def test_a_word_is_found_by_all_its_names_however_they_are_written(name: str) -> None:
    found, dog = tree().find(name), tree().find("dog")
    assert found is not None
    assert dog is not None
    assert found.tolist() == dog.tolist()
    assert len(dog) == 118


def test_a_word_of_two_meanings_means_both_and_a_first_name_comes_before_another_name() -> None:
    crane, cat, big_cat = (tree().find(name) for name in ("crane", "cat", "big cat"))
    assert crane is not None
    assert cat is not None
    assert big_cat is not None
    assert len(crane) == 2
    assert not set(cat) & set(big_cat)


def test_breeds_are_dogs_dogs_are_mammals_mammals_are_animals() -> None:
    (beagle,) = [node for node in tree().nodes if node.name == "beagle"]
    assert tree().path(beagle) == ("animal", "mammal", "dog", "hound")


# --- the classifier ---------------------------------------------------------------------------


def test_the_classifier_is_that_of_the_shipped_weights_up_to_fp16() -> None:
    state = safetensors.numpy.load(read_shipped(SHIPPED_STATE))
    shipped = safetensors.numpy.load(FILE.read_bytes())
    for name in ("weight", "bias"):
        assert np.array_equal(shipped[name], state[f"classifier.1.{name}"].astype(np.float16))


def test_a_changed_classifier_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(FILE.read_bytes())
    data[-1] ^= 1
    (tmp_path / "classifier.safetensors").write_bytes(data)
    monkeypatch.setattr(module, "FILE", tmp_path / "classifier.safetensors")
    module._load.cache_clear()
    try:
        with pytest.raises(WeightsTampered, match="install lookalike again"):
            classifier_for(SPEC)
    finally:
        module._load.cache_clear()


def test_probabilities_are_those_of_softmax_where_a_class_stands_out_and_nothing_elsewhere() -> None:
    classifier = classifier_for(SPEC)
    vectors = np.stack([vector_of("beagle"), vector_of("beagle", strength=9.5), np.zeros(1280, np.float32)])

    found = classifier.probabilities(vectors)

    assert found[0].sum() == pytest.approx(1, abs=1e-5)
    assert not found[1:].any()


def test_a_classifier_of_two_layers_has_the_hard_swish_between_them() -> None:
    random = np.random.default_rng(3)
    first = (random.normal(size=(40, 20)).astype(np.float32), random.normal(size=40).astype(np.float32))
    second = (random.normal(size=(CLASSES, 40)).astype(np.float32), np.zeros(CLASSES, np.float32))
    x = random.normal(size=(3, 20)).astype(np.float32)

    found = Classifier([first, second], -np.inf, tree()).probabilities(x)

    middle = x @ first[0].T + first[1]
    logits = (middle * np.clip(middle + 3, 0, 6) / 6) @ second[0].T
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert np.allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)


# --- labels of photos -------------------------------------------------------------------------


def test_a_photo_has_the_most_special_word_that_is_sure_and_those_above_it(library: Library) -> None:
    assert said(library, 0) == ["beagle", "hound", "dog", "mammal", "animal"]


def test_what_cannot_be_told_is_called_by_the_word_above(library: Library) -> None:
    assert said(library, 2) == ["terrier", "dog", "mammal", "animal"]


def test_a_photo_of_which_nothing_is_sure_has_no_label(library: Library) -> None:
    assert said(library, 4) == []


def test_a_label_finds_all_kinds_and_the_surest_first(library: Library) -> None:
    assert set(names_of(library.labels.find(["dog"]))) == {"0.jpg", "1.jpg", "2.jpg"}
    scores = [each.score for each in library.labels.find(["animal"])]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    assert names_of(library.labels.find(["terrier"])) == ["2.jpg"]
    assert names_of(library.labels.find(["Yorkshire terrier"])) == []


def test_several_labels_must_all_be_there(library: Library) -> None:
    assert set(names_of(library.labels.find(["dog", "hound"]))) == {"0.jpg", "1.jpg"}
    assert library.labels.find(["dog", "zebra"]) == ()


def test_one_label_may_stand_alone_and_none_is_an_error(library: Library) -> None:
    assert names_of(library.labels.find("zebra")) == ["3.jpg"]
    assert len(library.labels.ids("dog")) == 3
    with pytest.raises(UsageError, match="at least one label"):
        library.labels.find([])


def test_a_lower_confidence_lets_the_unsure_through(library: Library) -> None:
    assert library.labels.find(["pizza"]) == ()
    assert names_of(library.labels.find(["pizza"], confidence=0.3)) == ["4.jpg"]


def test_labels_are_a_filter_before_the_ranking(library: Library) -> None:
    (zebra,) = library.labels.find(["zebra"])
    found = library.search(zebra.photo.id, k=2, labels=["dog"])
    assert len(found) == 2
    assert set(names_of(found)) < {"0.jpg", "1.jpg", "2.jpg"}
    assert all("dog" in [label.name for label in result.labels] for result in found)


def test_a_label_composes_with_other_filters(library: Library) -> None:
    where = Where(folders=(b"/photos/1.jpg",))
    assert names_of(library.labels.find(["dog"], where=where)) == ["1.jpg"]
    assert library.labels.find(["zebra"], where=where) == ()


def test_photos_whose_files_are_gone_are_not_found_by_label(tmp_path: Path) -> None:
    with library_of(tmp_path / "store", [vector_of("zebra"), vector_of("zebra")]) as library:
        with library.store.reading() as view:
            (root,) = all_roots(view)
            gone = known_files(view, root, b"")[b"0.jpg"].id
        library.store.settle(root, absent=[gone], excluded=[], returned=[])
        assert names_of(library.labels.find(["zebra"])) == ["1.jpg"]
        assert {row.name: row.photos for row in library.labels.count()}["zebra"] == 1


@pytest.fixture
def with_copies(tmp_path: Path) -> Iterator[Library]:
    """A library of six beagles, of which the first and the last three are copies of one photo."""
    vectors = [vector_of("beagle", strength=10.5 + 0.4 * n) for n in (0, 5, 4, 3, 2, 1)]
    with library_of(tmp_path / "store", vectors) as library:
        judged = [JudgedPair(1, other, 0.99, "copy", 9.0, {}) for other in (4, 5, 6)]
        library.store.put_proofs(1, judged)
        yield library


def test_proven_copies_count_once_by_label_unless_all_are_requested(with_copies: Library) -> None:
    once = with_copies.search(labels="beagle", k=10)
    assert len(once) == 3
    assert {names_of([each])[0]: each.copies for each in once}.keys() > {"1.jpg", "2.jpg"}
    assert sorted(each.copies for each in once) == [0, 0, 3]
    assert len(with_copies.search(labels="beagle", k=3)) == 3
    every = with_copies.search(labels="beagle", k=10, include_copies=True)
    assert [each.copies for each in every] == [0] * 6


def test_photos_found_by_label_are_sorted_as_requested(with_copies: Library) -> None:
    best = with_copies.search(labels="beagle", k=3, include_copies=True)
    assert names_of(best) == ["1.jpg", "2.jpg", "3.jpg"]
    found = with_copies.search(labels=["beagle"], include_copies=True, sort="path")
    assert names_of(found) == [f"{number}.jpg" for number in range(6)]
    with pytest.raises(UsageError, match="sorted by"):
        with_copies.search(labels="beagle", sort="color")


def test_without_the_classifier_searches_go_on_and_labels_say_what_to_do(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "FILE", tmp_path / "gone.safetensors")
    module._load.cache_clear()
    assert len(library.search(1, k=2)) == 2
    with pytest.raises(ModelError, match="install lookalike again"):
        library.labels.find("dog")


def test_an_unknown_label_is_an_error_that_names_those_written_like_it(library: Library) -> None:
    with pytest.raises(UsageError, match=r"'zebra'.*lookalike labels"):
        library.labels.find(["zebar"])


@pytest.mark.parametrize("confidence", [0, -1, 1.5])
def test_a_confidence_out_of_range_is_an_error(library: Library, confidence: float) -> None:
    with pytest.raises(UsageError, match="confidence"):
        library.labels.count(confidence=confidence)


def test_the_library_counts_photos_by_label_with_what_is_above(library: Library) -> None:
    found = {row.name: (row.photos, row.path) for row in library.labels.count()}
    assert found["animal"] == (4, ())
    assert found["dog"] == (3, ("animal", "mammal"))
    assert found["beagle"] == (2, ("animal", "mammal", "dog", "hound"))
    assert "pizza" not in found


def test_a_store_of_other_weights_has_no_labels_and_says_why(tmp_path: Path) -> None:
    with library_of(tmp_path / "store", [make_vector(1)], make_spec()) as library:
        with pytest.raises(ModelError, match=r"checkpoint of your own.*lookalike teach"):
            library.labels.find(["dog"])
        with pytest.raises(ModelError, match="official weights"):
            library.labels.count()
        ((photo_id, labels),) = library.labels.of([1]).items()
        assert (photo_id, labels) == (1, ())


def test_pages_and_blank_pictures_have_no_label(tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(page)
    for line in range(40):
        draw.text((40, 20 + 19 * line), f"{line} the quick brown fox jumps over the lazy dog " * 2, "black")
    (tmp_path / "photos").mkdir()
    page.save(tmp_path / "photos/page.png")
    for shade in (0, 128, 255):
        Image.new("RGB", (400, 300), (shade, shade, shade)).save(tmp_path / f"photos/{shade}.png")
    with Library.open(tmp_path / "store", create=True) as library:
        library.index([tmp_path / "photos"])
        ids = [photo.id for photo in library.photos()]
        assert len(ids) == 4
        assert set(library.labels.of(ids).values()) == {()}


# --- the command line -------------------------------------------------------------------------


def test_search_by_label_alone_lists_photos_by_confidence(store: Path) -> None:
    found = lookalike("search", "--label", "hound", "--store", store, "--format", "json")
    (query,) = found.json["queries"]
    assert (found.code, query["query"], query["by"]) == (0, "hound", "label")
    assert {Path(row["path"]).name for row in query["results"]} == {"0.jpg", "1.jpg"}
    first = query["results"][0]["labels"][0]
    assert first["name"] == "beagle"
    assert 0.8 <= first["confidence"] <= 1
    table = lookalike("search", "--label", "hound", "--store", store).out.decode()
    assert table.startswith("likely hound:")
    assert "beagle" in table


def test_an_unknown_label_ends_with_2_and_a_line_that_helps(store: Path) -> None:
    found = lookalike("search", "--label", "zebar", "--store", store)
    assert (found.code, found.out) == (2, b"")
    assert "did you mean 'zebra'" in found.err


def test_labels_lists_what_there_is_in_every_format(store: Path) -> None:
    rows = lookalike("labels", "--store", store, "--format", "json").json["labels"]
    assert {"label": "dog", "above": ["animal", "mammal"], "photos": 3, "taught": False} in rows
    assert rows == [
        {key: value for key, value in line.items() if key != "schema_version"}
        for line in lookalike("labels", "--store", store, "--format", "jsonl").lines
    ]
    text = lookalike("labels", "--store", store, "--format", "csv").out.decode()
    assert {"label": "dog", "above": "animal > mammal", "photos": "3", "taught": "False"} in list(
        csv.DictReader(io.StringIO(text))
    )
    tree_lines = lookalike("labels", "--tree", "--store", store).out.decode().splitlines()
    assert list(itertools.pairwise(tree_lines))[:2] == [
        ("animal: 4 photos", "  mammal: 4 photos"),
        ("  mammal: 4 photos", "    dog: 3 photos"),
    ]


def test_export_has_the_labels_of_each_photo(store: Path) -> None:
    rows = {Path(row["path"]).name: row for row in lookalike("export", "--store", store).lines}
    assert next(label["name"] for label in rows["3.jpg"]["labels"]) == "zebra"
    assert rows["4.jpg"]["labels"] == []
    text = lookalike("export", "--store", store, "--format", "csv").out.decode()
    cells = {Path(row["path"]).name: row["labels"] for row in csv.DictReader(io.StringIO(text))}
    assert cells["2.jpg"] == "terrier; dog; mammal; animal"


def test_labels_never_load_an_engine(store: Path) -> None:
    code = (
        "import sys; from lookalike.library import Library\n"
        "with Library.open(sys.argv[1]) as library: library.labels.count()\n"
        "print([name for name in ('torch', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, store], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
