import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lookalike.errors import UsageError, WeightsMissing
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.engines.architectures import ARCHITECTURES, architecture
from lookalike.indexer.embed.engines.torch import torchvision_models
from lookalike.indexer.embed.models import bench_model, check_numbers, list_models
from lookalike.indexer.embed.weights.golden import MIN_COSINE, golden_pictures, golden_vectors


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))


def count_multiply_adds(features: torch.nn.Module, size: int) -> int:
    """Multiply-adds of all convolutions for one picture."""
    counts: list[int] = []

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        assert isinstance(module, torch.nn.Conv2d)
        counts.append(output.numel() * module.weight[0].numel())

    for module in features.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.device("meta"):
        features(torch.zeros(1, 3, size, size))
    return sum(counts)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_table_is_what_torchvision_builds(name: str) -> None:
    with torch.device("meta"):
        features = getattr(torchvision_models(), name)().features.eval()
    stated = architecture(name)

    assert stated.parameters == sum(p.numel() for p in features.parameters())
    assert stated.multiply_adds == count_multiply_adds(features, 224)
    assert stated.multiply_adds_at(288) == pytest.approx(count_multiply_adds(features, 288), rel=0.01)


def test_list_says_which_weights_are_here() -> None:
    assert [(model.name, model.dim, model.is_here) for model in list_models()] == [
        ("mobilenet_v2", 1280, True),
        ("mobilenet_v3_small", 576, False),
        ("mobilenet_v3_large", 960, False),
    ]


def test_list_and_bench_of_the_default_never_load_torch() -> None:
    code = """
import sys
from lookalike.indexer.embed.models import bench_model, list_models
list_models()
bench_model("mobilenet_v2", repeats=1)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_bench_measures_the_engine_it_names(engine: str) -> None:
    bench = bench_model("mobilenet_v2", engine=engine, repeats=2)

    assert bench.engine == engine
    assert bench.latency_ms > 0
    # Eight at a time cost no less than half of eight times one: the same work on the same core.
    assert bench.images_per_s < 2 * 1000 / bench.latency_ms


def test_bench_of_weights_that_are_not_here_says_so() -> None:
    with pytest.raises(WeightsMissing, match="--fetch mobilenet_v3_small"):
        bench_model("mobilenet_v3_small")


def test_bench_of_an_unknown_model_is_refused() -> None:
    with pytest.raises(UsageError, match="resnet50"):
        bench_model("resnet50")


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_this_machine_computes_the_recorded_numbers(engine: str) -> None:
    embedder = Embedder(default_spec(), engine=engine)

    cosine = check_numbers(embedder)

    assert cosine is not None
    assert cosine >= MIN_COSINE


def test_check_of_numbers_sees_a_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(default_spec())
    shifted = [picture ^ 8 for picture in golden_pictures()]
    monkeypatch.setattr("lookalike.indexer.embed.models.golden_pictures", lambda: shifted)

    cosine = check_numbers(embedder)

    assert cosine is not None
    assert cosine < MIN_COSINE


def test_golden_pictures_are_all_different() -> None:
    vectors = golden_vectors()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T - 2 * np.eye(len(unit))

    assert cosines.max() < 0.97
