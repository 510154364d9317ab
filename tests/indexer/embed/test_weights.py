import http.server
import json
import os
import pickle
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest
import safetensors.torch
import torch

from lookalike.errors import ModelError, UsageError, WeightsMissing, WeightsTampered
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.engines.architectures import ARCHITECTURES, architecture
from lookalike.indexer.embed.engines.torch import torchvision_models
from lookalike.indexer.embed.preprocess import Pixels
from lookalike.indexer.embed.weights import cache, loader
from lookalike.indexer.embed.weights.loader import download, open_https
from lookalike.indexer.embed.weights.table import (
    FOLDER,
    OFFICIAL,
    SHIPPED_GOLDEN,
    SHIPPED_GRAPH,
    SHIPPED_STATE,
    OfficialWeights,
    ShippedFile,
)
from lookalike.store.records import Vectors

State = dict[str, torch.Tensor]
SHIPPED = (SHIPPED_STATE, SHIPPED_GRAPH, SHIPPED_GOLDEN)
MODELS = [("mobilenet_v2", 0.35), ("mobilenet_v3_small", 1.0), ("mobilenet_v3_large", 1.0)]


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def random_network(model: str, width_mult: float, classes: int = 1000) -> torch.nn.Module:
    """Torchvision's own model with random weights, the statistics of its normalizations too."""
    torch.manual_seed(7)
    network: torch.nn.Module = getattr(torchvision_models(), model)(
        width_mult=width_mult, num_classes=classes
    )
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def save(state: object, path: Path) -> Path:
    torch.save(state, path)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint of mobilenet_v2 at width 0.35."""
    return save(random_network("mobilenet_v2", 0.35).state_dict(), tmp_path / "mine.pth")


def pooled(network: torch.nn.Module, prepared: Pixels) -> Vectors:
    """What torchvision's own forward passes on to its classifier."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (torch.from_numpy(prepared).float() / 255 - mean) / std
    with torch.inference_mode():
        features = network.get_submodule("features")(pixels.permute(0, 3, 1, 2))
        result: Vectors = torch.nn.AdaptiveAvgPool2d(1)(features).flatten(1).numpy()
    return result


# What is shipped


def test_shipped_files_are_those_of_the_provenance() -> None:
    provenance = json.loads((FOLDER / "PROVENANCE.json").read_text(encoding="utf-8"))

    assert provenance["source"]["sha256"] == OFFICIAL["mobilenet_v2"].sha256
    for file in SHIPPED:
        stated = provenance["files"][file.name]
        assert stated["sha256"] == file.sha256
        assert stated["bytes"] == len(loader.read_shipped(file))


def test_shipped_files_stay_small() -> None:
    assert sum(file.path.stat().st_size for file in SHIPPED) <= 25_000_000


def test_license_lies_beside_the_weights() -> None:
    text = (FOLDER / "LICENSE-torchvision").read_text(encoding="utf-8")

    assert "BSD 3-Clause License" in text
    assert "Soumith Chintala 2016" in text


def test_damaged_package_file_is_refused() -> None:
    other = ShippedFile(SHIPPED_GRAPH.name, SHIPPED_STATE.sha256)

    with pytest.raises(WeightsTampered, match="install lookalike again"):
        loader.read_shipped(other)


def test_lost_package_file_is_named() -> None:
    with pytest.raises(WeightsMissing, match=r"lost\.onnx.*install lookalike again"):
        loader.read_shipped(ShippedFile("lost.onnx", "0" * 64))


def test_official_file_names_carry_their_hash() -> None:
    for official in OFFICIAL.values():
        assert official.file_name.endswith(f"-{official.sha256[:8]}.pth")
        assert official.url.startswith("https://download.pytorch.org/models/")


# Checkpoints of the user's


@pytest.mark.parametrize(("model", "width_mult"), MODELS)
def test_checkpoint_gives_what_torchvision_computes(model: str, width_mult: float, tmp_path: Path) -> None:
    network = random_network(model, width_mult)
    path = save(network.state_dict(), tmp_path / "mine.pth")
    spec = default_spec(model, weights=path, width_mult=width_mult, input_size=224)
    embedder = Embedder(spec)
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (4, 12, 16, 3), dtype=np.uint8)
    prepared = [embedder.prepare(pixels) for pixels in small]

    ours = embedder.embed(prepared).astype(np.float64)

    reference = pooled(network, np.stack(prepared)).astype(np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(reference, axis=1)
    assert embedder.engine == "torch"
    assert ours.shape == (4, spec.dim)
    assert ((ours * reference).sum(1) / lengths).min() >= 0.9999
    np.testing.assert_allclose(ours, reference, rtol=1e-2, atol=1e-3 * np.abs(reference).max())


@pytest.mark.parametrize("model", list(ARCHITECTURES))
@pytest.mark.parametrize("width_mult", [0.35, 0.5, 0.75, 1.0, 1.4])
def test_dim_is_that_of_the_architecture(model: str, width_mult: float) -> None:
    network = getattr(torchvision_models(), model)(width_mult=width_mult)
    last = [m for m in network.features.modules() if isinstance(m, torch.nn.Conv2d)][-1]

    assert architecture(model).dim(width_mult) == last.out_channels


def test_store_made_with_a_checkpoint_opens_without_it(checkpoint: Path) -> None:
    spec = default_spec("mobilenet_v2", weights=checkpoint, width_mult=0.35)
    checkpoint.unlink()

    assert Embedder(spec).embed([np.zeros((64, 64, 3), np.uint8)]).shape == (1, 1280)


def test_lost_checkpoint_can_be_passed_again(checkpoint: Path, cache_folder: Path) -> None:
    spec = default_spec("mobilenet_v2", weights=checkpoint, width_mult=0.35)
    for file in cache_folder.iterdir():
        file.unlink()

    with pytest.raises(WeightsMissing, match="pass the same file again: `weights=FILE`"):
        Embedder(spec)
    assert Embedder(spec, weights=checkpoint).spec == spec


def test_another_checkpoint_is_not_taken_for_the_stores(checkpoint: Path, tmp_path: Path) -> None:
    spec = default_spec("mobilenet_v2", weights=checkpoint, width_mult=0.35)
    state = torch.load(checkpoint, weights_only=True)
    state["features.0.0.weight"] *= 2
    other = save(state, tmp_path / "other.pth")

    with pytest.raises(ModelError, match="not the file that these vectors were made with"):
        Embedder(spec, weights=other)
    assert default_spec(weights=other, width_mult=0.35).fingerprint != spec.fingerprint


def test_safetensors_checkpoint_is_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    state = random_network("mobilenet_v3_small", 0.5).half().state_dict()
    safetensors.torch.save_file(state, path)

    spec = default_spec("mobilenet_v3_small", weights=path, width_mult=0.5)

    assert spec.dim == 288
    assert np.isfinite(Embedder(spec).embed([np.zeros((64, 64, 3), np.uint8)])).all()


@pytest.mark.parametrize("wrapper", ["model", "state_dict"])
def test_training_checkpoint_is_unwrapped(wrapper: str, tmp_path: Path) -> None:
    state = random_network("mobilenet_v2", 0.35, classes=12).state_dict()
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    path = save({wrapper: parallel, "epoch": 3}, tmp_path / "last.pth")

    assert default_spec(weights=path, width_mult=0.35).dim == 1280


def without_a_layer(state: State) -> State:
    del state["features.1.conv.0.0.weight"]
    return state


def with_a_layer_more(state: State) -> State:
    return state | {"features.99.weight": torch.zeros(3)}


def with_another_shape(state: State) -> State:
    return state | {"features.0.0.weight": torch.zeros(8, 3, 5, 5)}


def with_a_nan(state: State) -> State:
    state["features.2.conv.0.0.weight"][0, 0] = torch.nan
    return state


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_a_layer, r"features\.1\.conv\.0\.0\.weight' is missing"),
        (with_a_layer_more, r"features\.99\.weight' has no place"),
        (with_another_shape, r"\(8, 3, 5, 5\), not \(16, 3, 3, 3\)"),
        (with_a_nan, r"not finite in 'features\.2\.conv\.0\.0\.weight'"),
    ],
)
def test_checkpoint_that_does_not_fit_is_refused(
    spoil: object, message: str, checkpoint: Path, cache_folder: Path
) -> None:
    assert callable(spoil)
    save(spoil(torch.load(checkpoint, weights_only=True)), checkpoint)

    with pytest.raises(ModelError, match=message):
        default_spec(weights=checkpoint, width_mult=0.35)
    assert not cache_folder.exists()


def test_checkpoint_of_another_width_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="width multiplier"):
        default_spec(weights=checkpoint)


# Files that are not what they claim


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def test_the_bomb_goes_off_where_pickles_are_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "marker")))

    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("protocol", ["torch", "legacy", "pickle"])
def test_code_in_a_checkpoint_is_never_run(protocol: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "mine.pth"
    content = {"features.0.0.weight": Bomb(marker)}
    if protocol == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=protocol == "torch")

    with pytest.raises(ModelError, match="no code in it was run"):
        default_spec(weights=path)
    assert not marker.exists()


@pytest.mark.parametrize("model", list(OFFICIAL))
def test_official_name_needs_the_official_bytes(model: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / OFFICIAL[model].file_name
    torch.save(Bomb(marker), path)

    with pytest.raises(WeightsTampered, match="name of an official file"):
        default_spec(model, weights=path)
    assert not marker.exists()


def test_official_file_of_another_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save({}, tmp_path / "renamed.pth")
    monkeypatch.setitem(OFFICIAL, "mobilenet_v3_small", official_for(path.read_bytes()))

    with pytest.raises(UsageError, match="`model=mobilenet_v3_small`"):
        default_spec("mobilenet_v2", weights=path)


@pytest.mark.parametrize("data", [b"", b"no weights", b"\x10\0\0\0\0\0\0\0{broken", b"PK\x03\x04"])
def test_damaged_file_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(data)

    with pytest.raises(ModelError, match="cannot be read safely"):
        default_spec(weights=path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"none\.pth"):
        default_spec(weights=tmp_path / "none.pth")


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.pth"
    with path.open("wb") as file:
        file.truncate(1 << 30)

    with pytest.raises(ModelError, match="larger than"):
        default_spec(weights=path)


# The cache


def test_cached_weights_are_private_data(checkpoint: Path, cache_folder: Path) -> None:
    default_spec(weights=checkpoint, width_mult=0.35)
    (file,) = cache_folder.iterdir()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache_folder.stat().st_mode) == 0o700
    assert file.suffix == ".safetensors"


def test_changed_cache_file_is_refused_at_every_load(checkpoint: Path, cache_folder: Path) -> None:
    spec = default_spec(weights=checkpoint, width_mult=0.35)
    (file,) = cache_folder.iterdir()
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)

    for _ in range(2):
        with pytest.raises(WeightsTampered, match="pass their file: `weights=FILE`"):
            Embedder(spec)
    assert Embedder(spec, weights=checkpoint).spec == spec


def test_unwritable_cache_is_explained(checkpoint: Path, cache_folder: Path) -> None:
    cache_folder.parent.write_bytes(b"a file where the folder should be")

    with pytest.raises(ModelError, match="LOOKALIKE_CACHE"):
        default_spec(weights=checkpoint, width_mult=0.35)


# Fetching


def official_for(data: bytes, size: int | None = None) -> OfficialWeights:
    import hashlib

    return OfficialWeights(
        enum="test",
        url="https://localhost/mobilenet_v3_small.pth",
        sha256=hashlib.sha256(data).hexdigest(),
        megabytes=(len(data) if size is None else size) / (1 << 20),
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves tmp_path/served over plain http, for what must be fetched and for what must not."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def official_bytes(tmp_path: Path, server: str) -> bytes:
    """A checkpoint of mobilenet_v3_small, as the server sends it."""
    path = tmp_path / "served" / "mobilenet_v3_small.pth"
    save(random_network("mobilenet_v3_small", 1.0).state_dict(), path)
    return path.read_bytes()


def test_fetched_weights_are_kept_and_used(
    official_bytes: bytes, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OFFICIAL, "mobilenet_v3_small", official_for(official_bytes))
    opened: list[str] = []

    def open_url(url: str) -> IO[bytes]:
        opened.append(url)
        response: IO[bytes] = urlopen(f"{server}/mobilenet_v3_small.pth")
        return response

    assert not loader.is_here("mobilenet_v3_small")
    loader.fetch("mobilenet_v3_small", open_url=open_url)
    loader.fetch("mobilenet_v3_small", open_url=open_url)

    assert opened == ["https://localhost/mobilenet_v3_small.pth"]
    assert loader.is_here("mobilenet_v3_small")
    assert Embedder(default_spec("mobilenet_v3_small")).engine == "torch"


def test_damaged_cache_is_fetched_anew(
    official_bytes: bytes, server: str, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OFFICIAL, "mobilenet_v3_small", official_for(official_bytes))

    def open_url(url: str) -> IO[bytes]:
        response: IO[bytes] = urlopen(f"{server}/mobilenet_v3_small.pth")
        return response

    loader.fetch("mobilenet_v3_small", open_url=open_url)
    (file,) = cache_folder.iterdir()
    file.write_bytes(b"x" + file.read_bytes()[1:])
    loader.fetch("mobilenet_v3_small", open_url=open_url)

    assert Embedder(default_spec("mobilenet_v3_small")).spec.dim == 576


def test_download_with_another_hash_is_thrown_away(
    tmp_path: Path, server: str, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    save(Bomb(marker), tmp_path / "served" / "bad.pth")

    def open_url(url: str) -> IO[bytes]:
        response: IO[bytes] = urlopen(f"{server}/bad.pth")
        return response

    with pytest.raises(WeightsTampered, match="not the official file"):
        loader.fetch("mobilenet_v3_small", open_url=open_url)
    assert not marker.exists()
    assert not cache_folder.exists()


def test_download_stops_at_the_official_size(tmp_path: Path, server: str) -> None:
    (tmp_path / "served" / "endless").write_bytes(bytes(3_000_000))

    def open_url(url: str) -> IO[bytes]:
        response: IO[bytes] = urlopen(f"{server}/endless")
        return response

    with pytest.raises(ModelError, match="sends more than"):
        download(official_for(b"", size=2_000_000), open_url)


def test_plain_http_is_never_opened(official_bytes: bytes, server: str) -> None:
    with pytest.raises(URLError, match="unknown url type"):
        open_https(f"{server}/mobilenet_v3_small.pth")


def test_failed_download_says_how_to_do_without() -> None:
    def open_url(url: str) -> IO[bytes]:
        raise URLError("no route to host")

    with pytest.raises(ModelError, match=r"`weights=mobilenet_v3_small-047dcff4\.pth`"):
        loader.fetch("mobilenet_v3_small", open_url=open_url)


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(WeightsMissing) as caught:
        Embedder(default_spec("mobilenet_v3_large"))

    assert "lookalike models --fetch mobilenet_v3_large" in str(caught.value)
    assert "`weights=mobilenet_v3_large-5c1a4163.pth`" in str(caught.value)


def test_fetching_the_shipped_model_opens_nothing(cache_folder: Path) -> None:
    def open_url(url: str) -> IO[bytes]:
        raise AssertionError(url)

    loader.fetch("mobilenet_v2", open_url=open_url)

    assert cache.find(OFFICIAL["mobilenet_v2"].sha256) is None
