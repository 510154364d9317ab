"""The benchmark of lower precision: the int8 networks it makes, and what it counts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

from lookalike.benchmarks.input_rules import average_precisions, normalized, retrieval_scores
from lookalike.benchmarks.precision import Photos, below, index_cpu, pairs_that_count, searched
from lookalike.benchmarks.precision_engines import FP32, of_onnx
from lookalike.benchmarks.quantizing import balanced, quantized
from lookalike.benchmarks.truth import Copy, Truth
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.preprocess import Pixels
from lookalike.indexer.embed.weights.table import SHIPPED_GRAPH
from lookalike.store.records import Vectors
from lookalike.tests.pictures import draw_photo, save

CALIBRATED = 12


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    return onnx.load(SHIPPED_GRAPH.path)


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    embedder = Embedder(default_spec(), engine="onnx")
    return [embedder.prepare(draw_photo(seed)) for seed in range(CALIBRATED + 8)]


def vectors_of(graph: bytes, pictures: Sequence[Pixels]) -> Vectors:
    run = of_onnx(graph)
    return normalized(np.stack([run(picture) for picture in pictures]))


def cosines(a: Vectors, b: Vectors) -> Vectors:
    return np.asarray((a * b).sum(axis=1), np.float32)


@pytest.mark.parametrize("way", [quantized, balanced])
def test_int8_is_near_to_fp32_on_pictures_it_was_not_calibrated_on(
    way: Callable[[onnx.ModelProto, list[Pixels]], bytes], graph: onnx.ModelProto, pictures: list[Pixels]
) -> None:
    seen, others = pictures[:CALIBRATED], pictures[CALIBRATED:]

    found = cosines(vectors_of(way(graph, seen), others), vectors_of(graph.SerializeToString(), others))

    assert 0.98 < found.min() < found.max() < 0.9999


def test_int8_is_a_third_of_the_size_and_computes_in_whole_numbers(
    graph: onnx.ModelProto, pictures: list[Pixels]
) -> None:
    made = balanced(graph, pictures[:2])

    assert len(made) < 0.34 * SHIPPED_GRAPH.path.stat().st_size
    weights = [each for each in onnx.load_from_string(made).graph.initializer if each.data_type == 3]
    assert sum(len(each.raw_data) for each in weights) > 2_000_000


def test_means_are_of_the_average_precisions_of_each_query() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.8, 0.6]], np.float32)
    index = {name: row for row, name in enumerate("abcd")}
    queries = [
        {"file": "a", "task": "one", "relevant": ["b", "c"]},
        {"file": "c", "task": "one", "relevant": ["d"]},
    ]

    assert average_precisions({"queries": queries}, index, vectors) == {"one": [(1 + 2 / 3) / 2, 1.0]}
    assert retrieval_scores({"queries": queries}, index, vectors) == {"one": pytest.approx(11 / 12)}


def test_a_loss_in_every_query_is_below_in_every_resampling_and_none_is_in_none() -> None:
    reference = {"one": [0.5, 0.7, 0.9], "two": [0.2, 0.4]}
    lower = {task: [value - 0.1 for value in values] for task, values in reference.items()}

    assert below(lower, reference) == "-0.1000 | 1.000"
    assert below(reference, reference) == "+0.0000 | 0.000"
    assert below({"one": [0.4, 0.8, 0.9], "two": [0.2, 0.4]}, reference) not in (
        "+0.0000 | 0.000",
        "+0.0000 | 1.000",
    )


def test_what_was_calibrated_on_is_no_query_and_no_copy_that_counts(tmp_path: Path) -> None:
    queries = [{"file": name, "task": name, "relevant": ["c"]} for name in "ab"]
    (tmp_path / "ground_truth.json").write_text(json.dumps({"queries": queries}))
    pixels = np.zeros((1, 1, 3), np.uint8)
    photos = Photos(tmp_path, dict.fromkeys("abcdefghijklm", pixels), frozenset("a"))
    vectors = normalized(np.random.default_rng(0).normal(size=(13, 4)).astype(np.float32))
    copies = tuple(Copy("o", file, "resized", "easy") for file in "ab")

    cells = searched(photos, {FP32: vectors})[FP32].split(" | ")

    assert cells[:3] == ["1.0000", "1.000", "1.000"]
    assert len(cells) == 3 + 1 + 2, "one task is left"
    truth = Truth(tmp_path, {}, copies, ())
    assert pairs_that_count(truth, photos.calibrated) == [("b", "o")]


def test_an_index_run_takes_the_network_that_it_is_given(tmp_path: Path, graph: onnx.ModelProto) -> None:
    save(tmp_path / "one.jpg", draw_photo(1))

    assert index_cpu(graph.SerializeToString(), tmp_path) > 0
    with pytest.raises(Exception, match="cannot load the shipped model"):
        index_cpu(b"no network", tmp_path)
