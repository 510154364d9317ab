"""What models there are, and how fast they run on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...store.spec import EmbedderSpec
from .embedder import DEFAULT_RULE, DEFAULT_SIZE, Embedder, default_spec
from .engines import is_shipped
from .engines.architectures import ARCHITECTURES
from .preprocess import Pixels
from .weights.cache import find_file
from .weights.golden import golden_pictures, golden_vectors
from .weights.loader import is_here
from .weights.table import OFFICIAL

BATCH = 8


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model with its official weights, as it runs by default; or the user's own that a store has.

    dim: length of an embedding. parameters, multiply_adds: of the layers that compute it, the second
    for one picture of input_size; None: not known. input_size: pixels, see `indexer.preprocess`. is_here:
    whether the weights are on this machine. weights, source: name and address of the official file.
    megabytes: its size in MiB.
    """

    name: str
    dim: int
    parameters: int | None
    multiply_adds: int | None
    input_rule: str
    input_size: int
    is_here: bool
    weights: str
    source: str
    licence: str
    megabytes: float


@dataclass(frozen=True, slots=True)
class ModelBench:
    """How fast a model embeds prepared pictures on one core of this machine.

    images_per_s: in batches of 8. latency_ms: of one picture alone. engine: the one that ran.
    """

    images_per_s: float
    latency_ms: float
    engine: str


def list_models() -> list[ModelInfo]:
    """Return every model, without loading any."""
    return [
        ModelInfo(
            name=name,
            dim=architecture.dim(),
            parameters=architecture.parameters,
            multiply_adds=architecture.multiply_adds_at(DEFAULT_SIZE),
            input_rule=DEFAULT_RULE,
            input_size=DEFAULT_SIZE,
            is_here=is_here(name),
            weights=OFFICIAL[name].enum,
            source=OFFICIAL[name].url,
            licence=OFFICIAL[name].licence,
            megabytes=OFFICIAL[name].megabytes,
        )
        for name, architecture in ARCHITECTURES.items()
    ]


def own_model_info(spec: EmbedderSpec) -> ModelInfo:
    """Return what is known of a model of the user's, by the spec of a store that has it."""
    path = find_file(spec.weights_sha256, ".onnx")
    return ModelInfo(
        name=spec.model,
        dim=spec.dim,
        parameters=None,
        multiply_adds=None,
        input_rule=spec.input_rule,
        input_size=spec.input_size,
        is_here=path is not None,
        weights=f"SHA-256 {spec.weights_sha256}",
        source="your own file",
        licence="",
        megabytes=round(path.stat().st_size / (1 << 20), 3) if path else 0.0,
    )


def bench_model(name: str, *, engine: str = "auto", repeats: int = 10) -> ModelBench:
    """Measure a model on generated pixels, at the default input size.

    Raises:
        UsageError: there is no such model or engine.
        WeightsMissing: the weights are not on this machine.
    """
    return bench_embedder(Embedder(default_spec(name), engine=engine), repeats=repeats)


def bench_embedder(embedder: Embedder, *, repeats: int = 10) -> ModelBench:
    """Measure an embedder on generated pixels of a 4:3 photo."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (600, 800, 3), dtype=np.uint8)
    batch = [embedder.prepare(photo)] * BATCH
    # The first runs lay out memory and do not count.
    for warmup in (batch[:1], batch):
        embedder.embed(warmup)
    # CPU time of this thread, which does all the work, and the best of many: what other programs do
    # meanwhile only ever adds.
    one = min(_seconds(embedder, batch[:1]) for _ in range(repeats))
    many = min(_seconds(embedder, batch) for _ in range(repeats))
    return ModelBench(images_per_s=BATCH / many, latency_ms=one * 1000, engine=embedder.engine)


def check_numbers(embedder: Embedder) -> float | None:
    """Return the lowest cosine of this machine's vectors to the recorded ones.

    Below `golden.MIN_COSINE`, new vectors are not comparable with stored ones. None: nothing is
    recorded for these weights, only for those that come with the package.

    Raises:
        WeightsTampered: the record is not the one that was shipped.
    """
    if not is_shipped(embedder.spec):
        return None
    recorded = golden_vectors().astype(np.float64)
    vectors = embedder.embed(golden_pictures()).astype(np.float64)
    lengths = np.linalg.norm(recorded, axis=1) * np.linalg.norm(vectors, axis=1)
    return float(((recorded * vectors).sum(1) / lengths).min())


def _seconds(embedder: Embedder, batch: Sequence[Pixels]) -> float:
    # A GPU's work is not in the time of any thread here.
    clock = time.perf_counter if embedder.takes_batches else time.thread_time
    begin = clock()
    embedder.embed(batch)
    return clock() - begin
