"""The main commands, in a process and processes below it where torch and torchvision cannot be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.tests.library import make_photos
from lookalike.tests.pictures import draw_photo, save

BLOCKED = "import sys\nsys.modules['torch'] = sys.modules['torchvision'] = None\n"
ADVICE = "needs torch: install it with  pip install torch torchvision"
# Takes the arguments of one command a line from stdin, and answers with what it left behind.
SERVE = """
import io, json, sys
from lookalike.cli import run
answers = sys.stdout
for name in ("torch", "torchvision"):
    try:
        __import__(name)
        sys.exit(f"{name} can be imported")
    except ImportError:
        pass
for line in sys.stdin:
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
    code = run(json.loads(line))
    out, err = (stream.buffer.getvalue().decode() for stream in (sys.stdout, sys.stderr))
    print(json.dumps([code or 0, out, err]), file=answers, flush=True)
"""


class Bare:
    """The command line on a machine without torch: one process that runs one command after the other."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.store = make_photos(folder / "photos"), folder / "store"
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(BLOCKED)
        path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
        here = {"LOOKALIKE_CACHE": str(folder / "cache"), "XDG_DATA_HOME": str(folder / "data")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, **here, "PYTHONPATH": path},
        )

    def run(self, *words: str | Path, code: int = 0) -> str:
        """Run a command on the store, which must end with `code`; return what it wrote."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        store = () if "--store" in words else ("--store", self.store)
        print(json.dumps([*map(str, (*words, *store))]), file=self.process.stdin, flush=True)
        ended, out, err = json.loads(self.process.stdout.readline())
        assert ended == code, (words, out, err)
        assert "Traceback" not in err
        return str(err if code == 1 else out)

    def lines(self, *words: str | Path, code: int = 0) -> list[Any]:
        """Run a command and return the rows that it lists."""
        return [json.loads(line) for line in self.run(*words, "--format", "jsonl", code=code).splitlines()]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    made = Bare(tmp_path_factory.mktemp("bare"))
    made.run("index", made.photos, code=3)  # one of the files is no picture
    yield made
    made.process.communicate(timeout=60)
    assert made.process.returncode == 0


def test_photos_are_found_by_example_by_their_parts_and_by_label(bare: Bare) -> None:
    example = bare.photos / "2021" / "photo0.jpg"
    for how in ((), ("--box", "10%,10%,60%,60%"), ("--part",)):
        (found,) = bare.lines("search", example, "-k", "3", *how)
        assert len(found["results"]) == 3
    bare.run("teach", "odd", "--yes", example)
    bare.run("labels")
    bare.run("search", "--label", "odd")


def test_copies_are_found_explained_reported_moved_and_put_back(bare: Bare, tmp_path: Path) -> None:
    copy = bare.photos / "edited" / "photo0-small.jpg"
    plan = tmp_path / "plan.json"
    bare.run("dupes", "--html", tmp_path / "report.html", "--plan", plan)
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert "copies" in bare.run("explain", bare.photos / "2021" / "photo0.jpg", copy)
    bare.run("check", copy, code=10)
    bare.run("apply", plan, "--yes")
    assert not copy.exists()
    bare.run("undo", "--yes")
    assert copy.exists()


def test_the_store_and_the_models_are_looked_after(bare: Bare, tmp_path: Path) -> None:
    bare.run("status")
    assert len(bare.lines("export")) == 8
    bare.run("doctor")
    bare.run("backup", tmp_path / "backup")
    (default, *others) = json.loads(bare.run("models", "--bench", "--format", "json"))["models"]
    assert default["images_per_s"] > 0
    assert not any(model["is_here"] for model in others)


@pytest.mark.parametrize(
    "words",
    [
        ("search", "{photo}", "--engine", "torch"),
        ("models", "--bench", "--engine", "torch"),
        ("models", "--fetch", "mobilenet_v3_small"),
        ("index", "{photos}", "--model", "mobilenet_v3_small", "--store", "{other}"),
        ("index", "{photos}", "--weights", "{weights}", "--store", "{other}"),
    ],
)
def test_what_needs_torch_says_what_to_install(bare: Bare, words: tuple[str, ...], tmp_path: Path) -> None:
    weights = tmp_path / "own.pth"
    weights.write_bytes(b"PK\3\4 a checkpoint")
    places = {
        "photo": save(tmp_path / "outside.jpg", draw_photo(50, 320, 240)),
        "photos": bare.photos,
        "weights": weights,
        "other": tmp_path / "other",
    }
    assert ADVICE in bare.run(*(word.format(**places) for word in words), code=1)
