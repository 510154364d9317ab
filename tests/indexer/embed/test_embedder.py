import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from lookalike.errors import SpecMismatch, UsageError, WeightsMissing
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.engines.torch import torchvision_models
from lookalike.indexer.embed.preprocess import RULES, InputRule, Pixels
from lookalike.store.spec import EmbedderSpec, OwnModel

SHAPES = [(224, 224), (480, 640), (900, 300), (37, 1200), (96, 96), (1, 1)]


def draw_picture(seed: int, height: int, width: int) -> Pixels:
    """A picture with a gradient, noise and shapes, so that every layer has something to see."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, w, h = rng.random(4)
        box = [x * width, y * height, (x + w) * width, (y + h) * height]
        color = tuple(int(c) for c in rng.integers(0, 256, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=color)
    noise = rng.normal(0, 12, (height, width, 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


def cosines(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    result: npt.NDArray[np.float64] = (x * y).sum(1) / lengths
    return result


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    return [draw_picture(seed, *shape) for seed, shape in enumerate(SHAPES * 3)]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(default_spec())


def test_default_embedder_never_loads_torch() -> None:
    code = """
import sys
import numpy as np
from lookalike.indexer.embed.embedder import Embedder, default_spec
embedder = Embedder(default_spec())
embedder.embed([embedder.prepare(np.zeros((30, 40, 3), np.uint8))])
assert embedder.engine == "onnx"
print("torch" in sys.modules or "torchvision" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("rule", RULES)
def test_both_engines_give_the_same_vectors(rule: str, pictures: list[Pixels]) -> None:
    spec = default_spec(input_rule=rule, input_size=224)
    onnx, torch = Embedder(spec, engine="onnx"), Embedder(spec, engine="torch")
    prepared = [onnx.prepare(pixels) for pixels in pictures]

    ours, reference = onnx.embed(prepared), torch.embed(prepared)

    assert (onnx.engine, torch.engine) == ("onnx", "torch")
    assert ours.shape == reference.shape == (len(pictures), 1280)
    assert cosines(ours, reference).min() >= 0.9999
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), np.linalg.norm(reference, axis=1), rtol=1e-3)


def test_different_pictures_get_different_vectors(embedder: Embedder, pictures: list[Pixels]) -> None:
    vectors = embedder.embed([embedder.prepare(pixels) for pixels in pictures[:4]])

    assert cosines(vectors[:-1], vectors[1:]).max() < 0.99


def test_mixed_shapes_keep_their_order(embedder: Embedder, pictures: list[Pixels]) -> None:
    prepared = [embedder.prepare(pixels) for pixels in pictures]
    alone = np.concatenate([embedder.embed([one]) for one in prepared])

    together = embedder.embed(prepared)

    np.testing.assert_array_equal(together, alone)


def test_engine_that_takes_batches_keeps_the_order_too(
    pictures: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(default_spec(), engine="torch")
    prepared = [embedder.prepare(pixels) for pixels in pictures]
    alone = embedder.embed(prepared)
    monkeypatch.setattr(embedder._engine, "batch_size", 2)

    np.testing.assert_allclose(embedder.embed(prepared), alone, atol=1e-4)


def test_no_pictures_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 1280)


def test_threads_share_one_embedder(embedder: Embedder, pictures: list[Pixels]) -> None:
    expected = embedder.embed([embedder.prepare(pixels) for pixels in pictures])

    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda p: embedder.embed([embedder.prepare(p)])[0], pictures))

    np.testing.assert_array_equal(np.array(rows), expected)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (65500, 1), (2, 3)])
def test_extreme_shapes_become_a_small_input(rule: str, shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 130, dtype=np.uint8)

    prepared = InputRule(rule, 224, 256).prepare(pixels)

    assert prepared.size <= 2 * 224 * 224 * 3
    assert prepared.min() == prepared.max() == 130


def test_extreme_shapes_are_embedded(embedder: Embedder) -> None:
    thin = embedder.prepare(np.full((65500, 1, 3), 90, dtype=np.uint8))

    assert np.isfinite(embedder.embed([thin])).all()


@pytest.mark.parametrize(
    ("model", "preset"),
    [
        ("mobilenet_v2", "MobileNet_V2_Weights.IMAGENET1K_V1"),
        ("mobilenet_v3_small", "MobileNet_V3_Small_Weights.IMAGENET1K_V1"),
        ("mobilenet_v3_large", "MobileNet_V3_Large_Weights.IMAGENET1K_V2"),
    ],
)
@pytest.mark.parametrize("shape", [(300, 400), (512, 333), (256, 1000), (100, 80), (224, 224)])
def test_crop_is_the_preset_of_the_weights(model: str, preset: str, shape: tuple[int, int]) -> None:
    pixels = draw_picture(1, *shape)
    transform = torchvision_models().get_weight(preset).transforms()
    size, resize = transform.crop_size[0], transform.resize_size[0]

    ours = InputRule("crop", size, resize).prepare(pixels)

    theirs = transform(Image.fromarray(pixels))
    mean, std = np.array(transform.mean), np.array(transform.std)
    restored = (theirs.numpy().transpose(1, 2, 0) * std + mean) * 255
    assert ours.shape == restored.shape
    # Resizing only what is kept moves nothing; it rounds some values the other way.
    assert np.abs(ours - restored).max() < 2.5
    assert np.abs(ours - restored).mean() < 0.3
    assert abs((ours - restored).mean()) < 0.02


@pytest.mark.parametrize(
    ("model", "resize"),
    [("mobilenet_v2", 256), ("mobilenet_v3_small", 256), ("mobilenet_v3_large", 232)],
)
def test_crop_resizes_as_the_models_own_preset(model: str, resize: int) -> None:
    from lookalike.indexer.embed.engines.architectures import architecture

    assert architecture(model).resize_for(224) == resize


@pytest.mark.parametrize("rule", RULES)
def test_image_and_its_pixels_give_one_input(rule: str) -> None:
    pixels = draw_picture(5, 300, 200)
    prepare = InputRule(rule, 224, 256).prepare

    np.testing.assert_array_equal(prepare(Image.fromarray(pixels)), prepare(pixels))


def test_squash_shows_the_whole_picture() -> None:
    pixels = np.zeros((200, 600, 3), dtype=np.uint8)
    pixels[:, :300] = 200

    prepared = InputRule("squash", 224, 256).prepare(pixels)

    assert prepared.shape == (224, 224, 3)
    assert prepared[:, :110].min() == 200
    assert prepared[:, 114:].max() == 0


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((600, 800), (256, 320)), ((800, 600), (320, 256)), ((500, 500), (288, 288))],
)
def test_fit_keeps_the_aspect(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    prepared = InputRule("fit", 288, 0).prepare(np.zeros((*shape, 3), dtype=np.uint8))

    assert prepared.shape == (*expected, 3)


def test_fit_leaves_a_narrow_margin_out() -> None:
    pixels = np.full((1000, 1000, 3), 90, dtype=np.uint8)
    pixels[30:-30, 30:-30] = 200

    prepared = InputRule("fit", 224, 0).prepare(pixels)

    assert prepared.min() == 200
    pixels[:60, :] = 90
    assert InputRule("fit", 224, 0).prepare(pixels)[0].max() < 100


@pytest.mark.parametrize("shape", [(3, 5000), (5000, 3)])
def test_fit_presses_what_is_longer_than_three_to_one(shape: tuple[int, int]) -> None:
    height, width, _ = InputRule("fit", 288, 0).prepare(np.zeros((*shape, 3), np.uint8)).shape

    assert sorted((height, width)) == [160, 512]


def test_min_side_is_twice_the_length_that_the_short_side_gets() -> None:
    sides = [Embedder(default_spec(input_rule=rule, input_size=224)).min_side for rule in RULES]

    assert dict(zip(RULES, sides, strict=True)) == {"crop": 512, "squash": 448, "fit": 482}


def test_fingerprint_changes_with_every_field() -> None:
    spec = default_spec()
    own = OwnModel("i", "o", "NCHW", "RGB", (0, 0, 0), (1, 1, 1), 96, "bilinear", "none", False)
    other = EmbedderSpec("m", "0" * 64, 0.5, "crop", 96, 7, "bf16", 99, own)

    changed = {
        field.name: dataclasses.replace(spec, **{field.name: getattr(other, field.name)})
        for field in dataclasses.fields(spec)
    }

    assert all(getattr(spec, name) != getattr(changed[name], name) for name in changed)
    assert len({spec.fingerprint, *(one.fingerprint for one in changed.values())}) == 10


def test_spec_survives_its_json() -> None:
    assert EmbedderSpec.from_json(default_spec().to_json()) == default_spec()


@pytest.mark.parametrize(
    "options",
    [
        {"model": "resnet50"},
        {"input_rule": "stretch"},
        {"input_size": 8},
        {"input_size": 100_000},
        {"width_mult": 0.0},
        {"width_mult": 0.5},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        default_spec(**options)  # type: ignore[arg-type]


def test_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="auto, onnx, torch"):
        Embedder(default_spec(), engine="tensorflow")


def test_onnx_engine_refuses_a_model_it_does_not_hold() -> None:
    with pytest.raises(UsageError, match="engine torch"):
        Embedder(default_spec("mobilenet_v3_small"), engine="onnx")


def test_missing_torch_is_explained() -> None:
    code = """
import sys
sys.modules["torch"] = None
from lookalike.errors import ModelError
from lookalike.indexer.embed.embedder import Embedder, default_spec
Embedder(default_spec())
try:
    Embedder(default_spec(), engine="torch")
except ModelError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "install it with  pip install torch torchvision" in done.stdout


@pytest.mark.parametrize("changes", [{"decode_version": 99}, {"precision": "bf16"}])
def test_rules_of_another_version_are_refused(changes: dict[str, object]) -> None:
    spec = dataclasses.replace(default_spec(), **changes)  # type: ignore[arg-type]

    with pytest.raises(SpecMismatch, match="index into a new store"):
        Embedder(spec)


def test_unknown_rule_in_a_spec_is_refused() -> None:
    with pytest.raises(UsageError, match="stretch"):
        Embedder(dataclasses.replace(default_spec(), input_rule="stretch"))


def test_hash_in_a_spec_is_never_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    (tmp_path / "outside.x.safetensors").touch()
    spec = dataclasses.replace(default_spec(), weights_sha256="../../outside")

    with pytest.raises(WeightsMissing):
        Embedder(spec)
