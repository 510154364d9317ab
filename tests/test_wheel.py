"""What we ship: the wheel holds every file it should and no other, and works where it is put."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_SHIPPED = {"benchmarks", "build", "dist", "docs", "tests", "tools"}
MAX_WHEEL_BYTES = 26_000_000

# Written out, because everything that lies at the top is shipped: a stray script is, too.
TOP_MODULES = {
    *("__init__", "__main__", "act_commands", "act_listings", "care_commands"),
    *("choice", "cli", "console", "copy_commands", "copy_listings"),
    *("doctor", "documents", "durations", "errors", "inspect_commands", "inspect_listings"),
    *("library", "library_acts", "library_care", "library_copies", "library_examples"),
    *("library_filters", "library_roots", "library_words", "listings", "options"),
    *("asking", "progress", "render", "root_commands", "root_listings", "search_commands"),
    *("search_options", "spec", "summaries", "terminal", "words_commands", "words_listings"),
}
TOP_DATA = {"lookalike/py.typed"}
PAGE = {
    f"lookalike/report/page/{name}"
    for name in (
        *(
            "page.html",
            "page.css",
            "model.js",
            "keeping.js",
            "cards.js",
            "compare.js",
            "list.js",
            "main.js",
        ),
    )
}
WEIGHTS = {
    "lookalike/dedup/copyspace.safetensors",
    "lookalike/indexer/weights/LICENSE-torchvision",
    "lookalike/indexer/weights/PROVENANCE.json",
    "lookalike/indexer/weights/mobilenet_v2.onnx",
    "lookalike/indexer/weights/golden.safetensors",
    "lookalike/indexer/weights/local_maps.safetensors",
    "lookalike/indexer/weights/mobilenet_v2.safetensors",
    "lookalike/words/LICENSE-WordNet",
    "lookalike/words/classifier.safetensors",
    "lookalike/words/labels.json",
}
INFO = {
    *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"),
    *("licenses/LICENSE", "licenses/indexer/weights/LICENSE-torchvision"),
    "licenses/words/LICENSE-WordNet",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build tree -> sdist -> wheel from a copy, which keeps the tree clean; nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    left_behind = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT, folder / "tree", ignore=left_behind)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, folder / "tree"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (made,) = folder.glob("*.whl")
    return made


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def subpackage_modules() -> set[str]:
    """Return the modules that lie in the package folders of the tree, as the wheel names them."""
    files = (file.relative_to(ROOT) for file in ROOT.glob("[a-z]*/**/*.py"))
    return {f"lookalike/{file}" for file in files if file.parts[0] not in NOT_SHIPPED}


def test_the_wheel_holds_every_file_it_should_and_no_other(wheel: Path) -> None:
    modules = {f"lookalike/{name}.py" for name in TOP_MODULES} | subpackage_modules()
    assert {name for name in files_in(wheel) if name.startswith("lookalike/")} == {
        *modules,
        *TOP_DATA,
        *PAGE,
        *WEIGHTS,
    }


def test_beside_the_package_the_wheel_holds_its_licenses_and_nothing_else(wheel: Path) -> None:
    beside = {name for name in files_in(wheel) if not name.startswith("lookalike/")}
    assert {re.sub(r"^lookalike-[^/]+\.dist-info/", "", name) for name in beside} == INFO


def test_the_wheel_stays_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES


def test_the_weights_arrive_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in WEIGHTS:
            assert archive.read(name) == (ROOT / name.removeprefix("lookalike/")).read_bytes()


@pytest.mark.parametrize(
    "command", [["-c", "import lookalike; print(lookalike.__file__)"], ["-m", "lookalike", "--help"]]
)
def test_the_installed_wheel_runs_from_anywhere(wheel: Path, tmp_path: Path, command: list[str]) -> None:
    # For a wheel of pure Python, unpacking is what an installer does.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()

    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    if command[0] == "-c":
        assert done.stdout.strip() == str(tmp_path / "site/lookalike/__init__.py")
    else:
        assert "index" in done.stdout
