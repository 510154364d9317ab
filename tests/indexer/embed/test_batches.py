import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from lookalike.errors import UsageError
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.engines.batches import Batches
from lookalike.indexer.embed.preprocess import Pixels
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.run import Indexing
from lookalike.store.catalog.contents import ids_of, sorted_digests
from lookalike.store.catalog.embeddings import raw_vectors
from lookalike.store.progress import UNWATCHED
from lookalike.store.records import Vectors
from lookalike.store.store import Store

SHAPES = ((64, 96, 3), (96, 64, 3))


@pytest.fixture(scope="module")
def torch_embedder() -> Embedder:
    return Embedder(default_spec(), engine="torch", device="cpu")


def drawn(n: int) -> list[Pixels]:
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, SHAPES[i % 2], np.uint8) for i in range(n)]


def cosines(a: Vectors, b: Vectors) -> npt.NDArray[np.float32]:
    return np.asarray((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


class Held:
    """A network that does not begin before all its pictures wait, and counts what it is asked."""

    def __init__(self, embedder: Embedder, wanted: int) -> None:
        self._embedder = embedder
        self._wanted = wanted
        self.sizes: list[int] = []
        self.batches = Batches(self._forward, most=4)

    def run(self, picture: Pixels) -> Vectors:
        row: Vectors = self.batches.run(picture[None])[0]
        return row

    def _forward(self, batch: Pixels) -> Vectors:
        deadline = threading.Event()
        while not self.sizes and len(self.batches._waiting) < self._wanted - 1:
            deadline.wait(0.001)
        self.sizes.append(len(batch))
        assert len({each.shape for each in batch}) == 1
        return self._embedder._engine.run(batch)


def test_threads_are_answered_together_and_each_with_its_own(torch_embedder: Embedder) -> None:
    pictures = drawn(13)
    held = Held(torch_embedder, len(pictures))

    with ThreadPoolExecutor(len(pictures)) as pool:
        found = np.array(list(pool.map(held.run, pictures)))

    alone = torch_embedder.embed(pictures)
    assert cosines(found, alone).min() >= 0.9999
    assert sum(held.sizes) == len(pictures)
    # One alone, as nobody knew of the others yet; the rest by shape, four at most.
    assert max(held.sizes) == 4
    assert len(held.sizes) <= 5


def test_the_error_of_a_batch_reaches_all_that_were_in_it() -> None:
    def forward(batch: Pixels) -> Vectors:
        raise MemoryError("the GPU is full")

    batches = Batches(forward, most=8)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(batches.run, each[None]) for each in drawn(8)]

    assert {type(each.exception()) for each in asked} == {MemoryError}


def test_after_an_error_others_are_answered(torch_embedder: Embedder) -> None:
    calls = []

    def forward(batch: Pixels) -> Vectors:
        calls.append(len(batch))
        if len(calls) == 1:
            raise MemoryError("the GPU is full")
        return torch_embedder._engine.run(batch)

    batches = Batches(forward, most=8)
    picture = drawn(1)[0][None]

    with pytest.raises(MemoryError):
        batches.run(picture)
    assert batches.run(picture).shape == (1, 1280)


def test_more_than_fit_go_in_one_call(torch_embedder: Embedder) -> None:
    batches = Batches(torch_embedder._engine.run, most=2)

    assert batches.run(np.stack(drawn(6)[::2])).shape == (3, 1280)


def test_the_engine_that_batches_answers_as_the_one_that_does_not(torch_embedder: Embedder) -> None:
    """The way of the GPU, on the CPU."""
    batching = Embedder(default_spec(), engine="torch", device="cpu")
    engine = batching._engine
    engine._run = Batches(engine._forward, 32).run  # type: ignore[attr-defined]
    engine.batch_size = 32
    pictures = drawn(40)

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(batching.embed, [pictures[i : i + 5] for i in range(0, 40, 5)]))

    found, alone = np.concatenate(parts), torch_embedder.embed(pictures)
    assert cosines(found, alone).min() >= 0.9999
    assert batching.takes_batches
    assert not torch_embedder.takes_batches


def vectors_of(folder: Path, store_folder: Path, embedder: Embedder) -> Vectors:
    """Index a folder with an embedder; return its vectors in the order of the photos' digests."""
    with Store.open(store_folder, create=True) as store:
        run = Indexing(store, default_spec(), lambda: embedder, IndexOptions(workers=2), UNWATCHED)
        with store.indexing(), closing(run):
            run.claim()
            assert run.run(str(folder).encode()) is None
        with store.reading() as view:
            ids = ids_of(view, list(sorted_digests(view)))
            found = raw_vectors(view, list(ids.values()))
    return np.array([found[ids[digest]] for digest in sorted(ids)])


def test_an_index_run_with_an_engine_that_batches_makes_the_same_library(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, picture in enumerate(drawn(12)):
        Image.fromarray(picture).save(folder / f"{number}.png")
    batching = Embedder(default_spec(), engine="torch", device="cpu")
    engine = batching._engine
    engine._run = Batches(engine._forward, 32).run  # type: ignore[attr-defined]
    engine.batch_size = 32

    found = vectors_of(folder, tmp_path / "batching", batching)
    expected = vectors_of(folder, tmp_path / "onnx", Embedder(default_spec()))

    assert found.shape == (12, 1280)
    assert cosines(found, expected).min() >= 0.9999


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.mark.skipif(has_gpu(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="finds no GPU"):
        Embedder(default_spec(), device="cuda")


@pytest.mark.skipif(not has_gpu(), reason="no GPU here")
def test_the_gpu_agrees_with_the_cpu(torch_embedder: Embedder) -> None:
    gpu = Embedder(default_spec(), device="cuda")
    pictures = drawn(40)

    found, alone = gpu.embed(pictures), torch_embedder.embed(pictures)

    assert gpu.takes_batches
    assert cosines(found, alone).min() >= 0.9999


def test_the_onnx_engine_has_no_gpu() -> None:
    with pytest.raises(UsageError, match="runs on the CPU"):
        Embedder(default_spec(), engine="onnx", device="cuda")
    with pytest.raises(UsageError, match="no device named 'tpu'"):
        Embedder(default_spec(), device="tpu")
