"""The examples run as they stand, and say what they should."""

import contextlib
import csv
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lookalike.tests.pictures import draw_photo, save

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with Photos/train and Photos/test, which share two pictures; examples run in it."""
    work = tmp_path_factory.mktemp("work").resolve()
    for seed in range(5):
        save(work / f"Photos/train/{seed}.jpg", draw_photo(seed, 240, 180), quality=90)
    save(work / "Photos/test/small.jpg", draw_photo(0, 240, 180).resize((180, 135)), quality=80)
    shutil.copy(work / "Photos/train/1.jpg", work / "Photos/test/same.jpg")
    save(work / "Photos/test/other.jpg", draw_photo(9, 240, 180))
    return work


def run(name: str, work: Path, *arguments: str) -> tuple[str, int | str]:
    """Run an example within this process; return what it prints, and what it ends with."""
    out = io.StringIO()
    code: int | str = 0
    with (
        contextlib.chdir(work),
        contextlib.redirect_stdout(out),
        mock.patch.object(sys, "argv", [name, *arguments]),
        mock.patch.dict(os.environ, LOOKALIKE_CACHE=str(work / "cache")),
    ):
        try:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        except SystemExit as end:
            code = end.code or 0  # a text goes to stderr, and is a 1
    return out.getvalue(), code


def printed(name: str, work: Path, *arguments: str) -> list[str]:
    out, code = run(name, work, *arguments)
    assert code == 0
    return out.splitlines()


def test_leaks_are_listed_as_csv_and_end_with_1(work: Path) -> None:
    done = subprocess.run(  # one of all as a process of its own, as people start it
        [sys.executable, EXAMPLES / "find_leaks.py", "Photos/train", "Photos/test"],
        cwd=work,
        env={**os.environ, "LOOKALIKE_CACHE": str(work / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    rows = list(csv.reader(done.stdout.splitlines()))
    assert rows[0] == ["test", "train", "kind", "score"]
    assert [(Path(row[0]).name, Path(row[1]).name, row[2]) for row in rows[1:]] == [
        ("same.jpg", "1.jpg", "exact"),
        ("small.jpg", "0.jpg", "copy"),
    ]


def test_a_mistake_is_told_in_a_line_and_is_no_leak(work: Path) -> None:
    for name, *given in (
        ("find_leaks.py", "Photos/train", "Photos/tets"),
        ("search_by_example.py", "its-store", "Photos/tets", "a.jpg"),
    ):
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *given], cwd=work, capture_output=True, text=True
        )
        assert done.returncode == (2 if name == "find_leaks.py" else 1)
        assert ("tets" in done.stderr, done.stderr.count("\n")) == (True, 1)


def test_duplicates_are_listed_with_the_file_to_keep(work: Path) -> None:
    out = printed("list_duplicates.py", work, "Photos")
    assert sum(line.startswith("keep ") for line in out) == 2
    assert any(line.startswith(f"     {work}/Photos/test/small.jpg: smaller") for line in out)
    assert out[-1].startswith("2 groups, ")


def test_search_and_outliers_share_a_store(work: Path) -> None:
    found = printed("search_by_example.py", work, "own-store", "Photos", "Photos/train/0.jpg")
    assert [line.split()[1] for line in found[:1]] == [f"{work}/Photos/test/small.jpg"]
    outliers = printed("find_outliers.py", work, "own-store", "2")
    scores = [float(line.split()[0]) for line in outliers]
    assert scores == sorted(scores)
    assert len(scores) == 2
    assert not any("/small.jpg" in line or "train/0.jpg" in line for line in outliers)


def test_the_notebook_runs_from_top_to_bottom_and_shows_pictures(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    monkeypatch.setenv("LOOKALIKE_CACHE", str(work / "cache"))
    notebook = json.loads((EXAMPLES / "tour.ipynb").read_text())
    # Nobody's photos are in the repository.
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    variables: dict[str, Any] = {}
    shown = [
        value_of("".join(cell["source"]), variables)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]

    assert shown[0][1:] == (0, 0)
    html = [value._repr_html_() for value in shown if hasattr(value, "_repr_html_")]
    assert sum("data:image/jpeg;base64," in each for each in html) == 2
    assert (8, 8) in [value for value in shown if isinstance(value, tuple)]
    assert len(shown[-2]) == 2
    assert {"photos.parquet", "photos.db"} <= set(os.listdir(work))


def value_of(source: str, variables: dict[str, Any]) -> Any:
    """Run a cell and return what its last line says, as notebooks do."""
    *before, last = source.splitlines()
    exec("\n".join(before), variables)
    try:
        code = compile(last, "cell", "eval")
    except SyntaxError:
        return exec(last, variables)
    return eval(code, variables)


@pytest.mark.parametrize("name", sorted(each.name for each in EXAMPLES.glob("*.py")))
def test_an_example_without_arguments_says_how_it_is_used(work: Path, name: str) -> None:
    out, told = run(name, work)
    assert (out, str(told)[:7]) == ("", "usage: ")
    assert "\n" not in str(told)
