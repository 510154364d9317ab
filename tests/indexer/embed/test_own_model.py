import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from lookalike.errors import ModelError, UsageError, WeightsMissing, WeightsTampered
from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.own_model import spec_of
from lookalike.indexer.embed.weights import cache
from lookalike.indexer.embed.weights.onnx_file import check_onnx
from lookalike.store.spec import EmbedderSpec
from lookalike.tests.indexer.embed.own_models import (
    BASE,
    CELLS,
    COLORS,
    DIM,
    SIDE,
    TEXT,
    image_tower,
    make_model,
    model_of,
    projection,
    text_tower,
    write_toml,
)
from lookalike.tests.library import lookalike, make_photos
from lookalike.tests.pictures import draw_photo, save


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))


def expected(picture: Image.Image) -> Any:
    """What the tiny model makes of a picture of its size, in numpy."""
    numbers = (np.asarray(picture, np.float64) / 255 - 0.5) / 0.25
    step = SIDE // CELLS
    cells = numbers.reshape(CELLS, step, CELLS, step, 3).mean((1, 3))
    return cells.transpose(2, 0, 1).reshape(-1) @ projection()


# --- the spec -------------------------------------------------------------------------------------


def test_the_text_of_a_spec_without_a_model_of_ones_own_is_as_it_was() -> None:
    spec = default_spec()

    assert spec.to_json() == (
        '{"decode_version": 1, "dim": 1280, "input_rule": "fit", "input_size": 256, '
        '"model": "mobilenet_v2", "precision": "fp32", "weights_sha256": '
        '"b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889", "width_mult": 1.0}'
    )
    assert spec.fingerprint == hashlib.sha256(spec.to_json().encode()).hexdigest()[:32]


def test_a_spec_comes_back_from_its_text(tmp_path: Path) -> None:
    spec = spec_of(make_model(tmp_path, **TEXT))

    assert EmbedderSpec.from_json(spec.to_json()) == spec
    assert spec.own is not None
    assert spec.own.text is not None
    assert (spec.own.input, spec.own.text.mask) == ("pixels", "attention_mask")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"mean": [0.4, 0.5, 0.5]}, "mean (0.5, 0.5, 0.5), not (0.4, 0.5, 0.5)"),
        ({"channels": "BGR"}, "channels 'RGB', not 'BGR'"),
        ({"input_rule": "crop"}, "input_rule 'squash', not 'crop'"),
        (TEXT, "text left out, not given"),
    ],
)
def test_what_the_toml_says_is_part_of_the_fingerprint(
    tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    plain, changed = spec_of(make_model(tmp_path)), spec_of(make_model(tmp_path, **keys))

    assert plain.fingerprint != changed.fingerprint
    assert plain.difference(changed) == said


def test_what_a_toml_leaves_out_is_what_it_means(tmp_path: Path) -> None:
    short = spec_of(make_model(tmp_path))
    long = spec_of(
        make_model(tmp_path, layout="NCHW", channels="RGB", input="pixels", output="embedding", pool="none")
    )

    assert short.fingerprint == long.fingerprint


# --- the numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_embeddings_are_what_the_toml_asks_the_network_for(tmp_path: Path, channels: str) -> None:
    embedder = Embedder(spec_of(make_model(tmp_path, channels=channels)))
    picture = draw_photo(1, SIDE, SIDE)
    seen = Image.merge("RGB", picture.split()[::-1]) if channels == "BGR" else picture

    vector = embedder.embed([embedder.prepare(picture)])[0]

    np.testing.assert_allclose(vector, expected(seen), rtol=1e-3, atol=1e-3)
    assert (embedder.engine, embedder.has_maps) == ("onnx", False)


def test_layout_pool_and_interpolation_are_followed(tmp_path: Path) -> None:
    node = helper.make_node("Reshape", ["pixels", "rows"], ["embedding"])
    shape = [1, SIDE, SIDE * 3]
    model = model_of([node], [1, SIDE, SIDE, 3], {"rows": np.array(shape)}, *shape[1:])
    (tmp_path / "rows.onnx").write_bytes(model.SerializeToString())
    found = {}
    for pool in ("first", "mean"):
        keys = {"layout": "NHWC", "pool": pool, "dim": SIDE * 3, "interpolation": "bicubic"}
        write_toml(tmp_path / "rows.onnx", **keys)
        embedder = Embedder(spec_of(tmp_path / "rows.onnx"))
        found[pool] = embedder.embed([embedder.prepare(draw_photo(1, 320, 240))])[0]

    pixels = np.asarray(draw_photo(1, 320, 240).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
    numbers = ((pixels / 255 - 0.5) / 0.25).reshape(SIDE, -1)
    np.testing.assert_allclose(found["first"], numbers[0], atol=1e-4)
    np.testing.assert_allclose(found["mean"], numbers.mean(0), atol=1e-4)


def test_torch_is_not_needed(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["torch"] = None
from pathlib import Path
import numpy as np
from lookalike.indexer.embed.embedder import Embedder
from lookalike.indexer.embed.own_model import spec_of
embedder = Embedder(spec_of(Path({str(make_model(tmp_path))!r})))
print(embedder.embed([embedder.prepare(np.zeros((30, 40, 3), np.uint8))]).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "(1, 24)"


def test_every_shape_of_the_rule_fit_is_tried(tmp_path: Path) -> None:
    def with_sides(*sides: int | str) -> Path:
        file = tmp_path / "mean.onnx"
        graph = [
            helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("LpNormalization", ["flat"], ["embedding"]),
        ]
        file.write_bytes(model_of(graph, [1, 3, *sides], {}, 3).SerializeToString())
        write_toml(file, input_rule="fit", normalized=True, dim=3)
        return file

    embedder = Embedder(spec_of(with_sides("height", "width")))
    assert embedder.embed([embedder.prepare(draw_photo(1, 400, 300))]).shape == (1, 3)
    with pytest.raises(ModelError, match="the network cannot be run"):
        spec_of(with_sides(SIDE, SIDE))


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"input_sise": 64}, "input_sise is no key; did you mean input_size?"),
        ({"mean": None}, "mean is missing: three numbers, for pixels of 0 to 1"),
        ({"mean": [0.5, 0.5]}, "mean must be three numbers"),
        ({"std": [0, 1, 1]}, "std must be three numbers"),
        ({"std": [float("inf"), 1, 1]}, "TOML|std must be"),
        ({"input_size": 8}, "input_size must be a whole number from 32 to 1024, not 8"),
        ({"input_size": True}, "input_size must be a whole number"),
        ({"input_rule": "stretch"}, "input_rule must be crop or squash or fit, not 'stretch'"),
        ({"channels": "RGBA"}, "channels must be RGB or BGR"),
        ({"output": "logits"}, "output must be embedding, not 'logits'"),
        ({"input": "image"}, "input must be pixels, not 'image'"),
        ({"normalized": True}, "normalized is true, and the output has the length"),
        ({"normalized": "yes"}, "normalized must be true or false"),
        ({"tokenizer": "tokenizer.json"}, "tokenizer goes with the key text, which is missing"),
        ({"dim": 25}, r"the output has the shape \(1, 24\), not \(1, 25\)"),
        ({"input_size": 96}, "the network cannot be run: .*96"),
        ({"layout": "NHWC"}, "the network cannot be run"),
    ],
)
def test_a_wrong_toml_is_told_with_its_file_and_key(
    tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    file = make_model(tmp_path, **keys)

    with pytest.raises(ModelError, match=said) as caught:
        spec_of(file)

    assert str(file.with_suffix("")) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(cache.folder().glob("*"))


def test_a_missing_or_broken_toml_is_told(tmp_path: Path) -> None:
    file = make_model(tmp_path)
    file.with_suffix(".toml").write_text("mean = [")
    with pytest.raises(ModelError, match=r"tiny\.toml is no TOML"):
        spec_of(file)
    file.with_suffix(".toml").unlink()
    with pytest.raises(ModelError, match=r"tiny\.toml is missing"):
        spec_of(file)
    with pytest.raises(ModelError, match=r"there is no file .*none\.onnx"):
        spec_of(tmp_path / "none.onnx")


def test_a_model_that_keeps_its_numbers_elsewhere_is_refused(tmp_path: Path) -> None:
    file = make_model(tmp_path)
    onnx.save_model(image_tower(), file, save_as_external_data=True, location="numbers", size_threshold=0)

    with pytest.raises(ModelError, match="keeps its numbers in other files"):
        spec_of(file)


def test_numbers_elsewhere_are_found_in_every_part_of_a_model() -> None:
    tensor = onnx.numpy_helper.from_array(np.zeros(3, np.float32), "z")
    tensor.data_location = TensorProto.EXTERNAL
    inner = helper.make_graph([helper.make_node("Constant", [], ["y"], value=tensor)], "inner", [], [])
    node = helper.make_node("If", ["pixels"], ["x"], then_branch=inner, else_branch=inner)
    outer = helper.make_model(helper.make_graph([node], "outer", [], []))
    function = helper.make_function("mine", "F", [], ["y"], list(inner.node), [helper.make_opsetid("", 17)])
    whole = image_tower()
    whole.functions.append(function)

    for model in (outer, whole):
        with pytest.raises(ModelError, match="keeps its numbers in other files"):
            check_onnx(model.SerializeToString(), "model")


def test_operators_of_others_are_refused_and_functions_of_the_model_are_not() -> None:
    model = image_tower()
    model.graph.node.append(helper.make_node("Double", ["embedding"], ["twice"], domain="mine"))
    with pytest.raises(ModelError, match="needs the operator Double of mine"):
        check_onnx(model.SerializeToString(), "model")
    body = [helper.make_node("Add", ["x", "x"], ["y"])]
    model.functions.append(
        helper.make_function("mine", "Double", ["x"], ["y"], body, [helper.make_opsetid("", 17)])
    )
    check_onnx(model.SerializeToString(), "model")


def test_what_is_no_model_is_told_whatever_it_holds() -> None:
    data = image_tower().SerializeToString()
    rng = np.random.default_rng(3)
    broken = [b"", b"\x00", b"no model at all", data[: len(data) // 2], rng.bytes(500), b"\x3a\xff" + data]
    broken.append(b"\xba\x80\x80\x80\x70\x00" + data)  # field 7 to who reads 32 bits of it
    for each in broken:
        with pytest.raises(ModelError, match="is not an ONNX model"):
            check_onnx(each, "model")


def test_a_model_that_was_tampered_with_is_not_used(tmp_path: Path) -> None:
    spec = spec_of(make_model(tmp_path))
    kept = cache.find_file(spec.weights_sha256, ".onnx")
    assert kept is not None
    kept.write_bytes(image_tower(seed=1).SerializeToString())

    with pytest.raises(WeightsTampered, match="have changed since they were checked"):
        Embedder(spec)
    kept.unlink()
    with pytest.raises(WeightsMissing, match="pass the same file again"):
        Embedder(spec)
    with pytest.raises(ModelError, match="is not the file that these vectors were made with"):
        Embedder(spec, weights=make_model(tmp_path / "other", seed=1))
    assert Embedder(spec, weights=tmp_path / "tiny.onnx").spec == spec


def test_it_is_run_by_onnx_alone_and_its_shape_is_in_the_toml(tmp_path: Path) -> None:
    spec = spec_of(make_model(tmp_path))

    with pytest.raises(UsageError, match="run by the engine onnx"):
        Embedder(spec, engine="torch")
    for choice in (ModelChoice(input_size=224), ModelChoice("onnx:tiny.onnx", weights="x.pth")):
        with pytest.raises(UsageError, match="are in the TOML beside it"):
            choice.spec_for(spec)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
def test_words_get_the_vector_of_what_they_name(tmp_path: Path, kind: int) -> None:
    file = make_model(tmp_path, **TEXT)
    (tmp_path / "text.onnx").write_bytes(text_tower(kind).SerializeToString())
    embedder = Embedder(spec_of(file))

    for word, color in COLORS.items():
        vector = embedder.embed_text(f"a {word}")
        picture = embedder.embed([embedder.prepare(Image.new("RGB", (90, 70), color))])[0]
        assert vector @ picture / np.linalg.norm(vector) / np.linalg.norm(picture) > 0.99
    assert embedder.embed_text("red " * 50).shape == (DIM,)  # cut to the context
    with pytest.raises(UsageError, match="needs words"):
        embedder.embed_text(" ")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"text": "away.onnx"}, "away.onnx cannot be read"),
        ({"text": "tiny.onnx"}, "text_ids must be pixels|the network cannot be run"),
        ({"context_length": None}, "context_length is missing"),
        ({"context_length": 7}, r"text\.onnx: the network cannot be run"),
        ({"tokenizer": "tiny.toml"}, "the tokenizer cannot be read"),
    ],
)
def test_a_wrong_text_tower_is_told(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        spec_of(make_model(tmp_path, **(TEXT | keys)))


def test_a_text_tower_without_the_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)

    with pytest.raises(ModelError, match="pip install tokenizers"):
        spec_of(make_model(tmp_path, **TEXT))


# --- in a library ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, a store of a model with words, and its cache; the model's files are gone."""
    folder = tmp_path_factory.mktemp("own")
    photos = make_photos(folder / "photos")
    for name, color in COLORS.items():
        save(photos / f"{name}.png", Image.new("RGB", (120, 90), color))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(folder / "cache"))
        file = make_model(folder / "model", **TEXT)
        run = lookalike("index", photos, "--model", f"onnx:{file}", "--store", folder / "store")
        assert run.code == 3, run.err  # one file is broken
    shutil.rmtree(folder / "model")
    return folder


def run_in(place: Path, *arguments: str | Path) -> Any:
    return lookalike(*arguments, "--store", place / "store", LOOKALIKE_CACHE=str(place / "cache"))


def names(run: Any) -> list[str]:
    assert run.code == 0, run.err
    return [Path(line).name for line in run.out.decode().splitlines()]


def test_a_library_finds_by_image_after_the_model_moved_away(place: Path) -> None:
    found = names(
        run_in(place, "search", place / "photos/edited/photo0-small.jpg", "-k", "3", "--format", "paths")
    )

    assert found[0] == "photo0.jpg"


def test_a_library_finds_by_words_with_filters(place: Path) -> None:
    assert names(run_in(place, "search", "--text", "a green", "--format", "paths"))[0] == "green.png"
    some = names(run_in(place, "search", "--text", "green", "--format-is", "jpeg", "--format", "paths"))
    assert some
    assert all(name.endswith(".jpg") for name in some)
    run = run_in(place, "search", "--text", "blue", "-k", "1", "--format", "jsonl")
    assert run.lines[0]["query"] == '"blue"'


def test_a_search_by_words_can_be_refined_by_its_results(place: Path) -> None:
    (first,) = names(run_in(place, "search", "--text", "red", "-k", "1", "--format", "paths"))
    assert first == "red.png"

    refined = names(run_in(place, "search", "--more", "1", "--include-self", "--format", "paths"))
    assert refined[0] == "red.png"


def test_words_and_images_are_not_mixed(place: Path) -> None:
    run = run_in(place, "search", place / "photos/red.png", "--text", "red")

    assert run.code == 2
    assert "goes without images" in run.err


def test_copies_are_proven_with_a_model_of_ones_own(place: Path) -> None:
    run = run_in(place, "dupes", "--format", "json")

    assert run.code == 0, run.err
    (group,) = run.json["groups"]
    classes = {Path(each["path"]).name: each["class"] for each in group["members"]}
    assert len(classes) == 2
    assert classes["photo0-small.jpg"] not in ("exact", "similar")


def test_what_only_the_shipped_model_can_is_told_in_a_line(place: Path) -> None:
    for arguments, said in (
        (("search", place / "photos/red.png", "--box", "10%,10%,50%,50%"), "makes no local maps"),
        (("search", "--label", "dog"), "labels need the classifier of official weights"),
    ):
        run = run_in(place, *arguments)
        assert run.code != 0
        assert said in run.err
        assert run.err.count("\n") == 1


def test_models_lists_it_for_the_store_that_has_it(place: Path) -> None:
    rows = run_in(place, "models", "--bench", "--format", "json").json["models"]

    (own,) = [row for row in rows if row["name"] == "onnx"]
    assert own["in_use"]
    assert own["engine"] == "onnx"
    assert own["images_per_s"] > 0
    assert "in use" in run_in(place, "models").out.decode()


def test_another_toml_or_file_does_not_fit_the_store(place: Path, tmp_path: Path) -> None:
    for keys, said in (
        ({"std": [0.3, 0.25, 0.25]}, "std (0.25, 0.25, 0.25), not"),
        ({"seed": 1}, "weights"),
    ):
        file = make_model(tmp_path, **TEXT, **keys)
        run = run_in(place, "index", place / "photos", "--model", f"onnx:{file}")
        assert run.code == 2
        assert said in run.err
        assert run.err.count("\n") == 1


def test_the_shipped_model_knows_no_words() -> None:
    with pytest.raises(UsageError, match="knows pictures only"):
        Embedder(default_spec()).embed_text("red")


def test_the_tiny_towers_are_models_by_the_book() -> None:
    for model in (image_tower(), text_tower()):
        onnx.checker.check_model(model, full_check=True)
    assert set(BASE) <= {"input_size", "input_rule", "mean", "std", "dim"}
