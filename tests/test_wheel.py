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
MAX_WHEEL_BYTES = 26_000_000

# At the top, where a stray script is soon left, each file by name; of these folders all that is in them.
PACKAGES = {"bulk", "commands", "dedup", "indexer", "output", "search", "store", "web"}
MODULES = {
    "__init__.py",
    "__main__.py",
    "cli.py",
    "errors.py",
    "library.py",
    "py.typed",
    "sets.py",
}
WEIGHTS = {
    "lookalike/dedup/candidates/copy_space.safetensors",
    "lookalike/indexer/embed/weights/LICENSE-torchvision",
    "lookalike/indexer/embed/weights/PROVENANCE.json",
    "lookalike/indexer/embed/weights/mobilenet_v2.onnx",
    "lookalike/indexer/embed/weights/golden.safetensors",
    "lookalike/indexer/embed/weights/local_maps.safetensors",
    "lookalike/indexer/embed/weights/mobilenet_v2.safetensors",
    "lookalike/search/labels/LICENSE-WordNet",
    "lookalike/search/labels/classifier.safetensors",
    "lookalike/search/labels/labels.json",
}
INFO = {
    *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"),
    *("licenses/LICENSE", "licenses/indexer/embed/weights/LICENSE-torchvision"),
    "licenses/search/labels/LICENSE-WordNet",
}
MANUAL = "lookalike-0.1.0.data/data/share/man/man1/lookalike.1"  # where `man` looks, after an installation


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


def shipped_files() -> set[str]:
    """Return what should be shipped, as the wheel names it."""
    below = (file for folder in PACKAGES for file in (ROOT / folder).rglob("*") if file.is_file())
    files = [file.relative_to(ROOT) for file in below if "__pycache__" not in file.parts]
    return {f"lookalike/{file}" for file in [*files, *MODULES]}


def test_the_wheel_holds_every_file_it_should_and_no_other(wheel: Path) -> None:
    assert {name for name in files_in(wheel) if name.startswith("lookalike/")} == shipped_files()


def test_beside_the_package_the_wheel_holds_its_licenses_its_manual_and_nothing_else(wheel: Path) -> None:
    beside = {name for name in files_in(wheel) if not name.startswith("lookalike/")}
    assert MANUAL in beside
    beside.remove(MANUAL)
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
