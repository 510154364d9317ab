"""The benchmarks: what they say of themselves, their scores by hand, and the process watch."""

import ast
import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.benchmarks import __main__ as runner
from lookalike.benchmarks.__main__ import needs
from lookalike.benchmarks.copies import all_pairs
from lookalike.benchmarks.copies.edits_recipe import build, edits
from lookalike.benchmarks.copies.mixed_hashes import MixedHashes
from lookalike.benchmarks.copies.truth import Share, Truth, closed, read_truth, score
from lookalike.benchmarks.processes import run
from lookalike.benchmarks.search.input_rules import retrieval_scores
from lookalike.tests.pictures import draw_photo, save

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
RUNNABLE = sorted(
    file.relative_to(BENCHMARKS).as_posix()
    for file in BENCHMARKS.rglob("*.py")
    if "\nif __name__ == " in file.read_text()
)

# Group 1: a with the copies b (easy), c (hard) and m (mirrored). Group 2: x alone. Group 3: y alone.
TRUTH = {
    "images": [
        {"file": file, "group": group} for file, group in zip("abcmxy", (1, 1, 1, 1, 2, 3), strict=True)
    ],
    "groups": [
        {
            "group": 1,
            "original": "a",
            "copies": [
                {"file": "b", "transform": "resize", "tier": "easy", "optional": False},
                {"file": "c", "transform": "crop", "tier": "hard", "optional": False},
                {"file": "m", "transform": "mirror", "tier": "medium", "optional": True},
            ],
        }
    ],
    "hard_negatives": [{"a": "y", "b": "x", "why": "burst"}, {"a": "a", "b": "x", "why": "same_scene"}],
}


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    (tmp_path / "ground_truth.json").write_text(json.dumps(TRUTH))
    return read_truth(tmp_path)


def test_groups_are_closed_to_pairs_in_order_without_repetition() -> None:
    assert closed([["c", "a", "b", "a"], ["z"], ["b", "a"]]) == {("a", "b"), ("a", "c"), ("b", "c")}


def test_a_perfect_answer_has_every_pair_and_none_that_is_false(truth: Truth) -> None:
    result = score(truth, closed(["abcm"]))

    assert result.found == {
        name: Share(n, n) for name, n in {"easy": 1, "hard": 1, "optional": 1, "all": 2}.items()
    }
    assert (result.recall, result.precision, result.false) == (Share(6, 6), Share(6, 6), ())
    assert result.joined == {"burst": Share(0, 1), "same_scene": Share(0, 1)}


def test_a_chain_through_a_stranger_costs_a_false_pair_with_each_of_its_files(truth: Truth) -> None:
    result = score(truth, closed(["abx", "cm"]))

    assert result.found == {
        "easy": Share(1, 1),
        "hard": Share(0, 1),
        "optional": Share(0, 1),
        "all": Share(1, 2),
    }
    assert (result.recall, result.precision) == (Share(2, 6), Share(2, 4))
    assert result.false == (("a", "x"), ("b", "x"))
    assert result.joined == {"burst": Share(0, 1), "same_scene": Share(1, 1)}


def test_a_pair_that_must_not_be_joined_counts_in_whatever_order_it_is_written(truth: Truth) -> None:
    assert score(truth, {("x", "y")}).joined["burst"] == Share(1, 1)


def test_an_answer_without_pairs_finds_nothing_and_is_not_wrong(truth: Truth) -> None:
    result = score(truth, set())
    assert (float(result.recall), float(result.precision)) == (0.0, 1.0)


def test_the_recipe_makes_six_files_a_photo_and_says_what_belongs_together(tmp_path: Path) -> None:
    photos = [save(tmp_path / f"{seed}.jpg", draw_photo(seed, 400, 500)) for seed in (1, 2)]

    build(photos, tmp_path / "set", edits(expand=False))

    made = read_truth(tmp_path / "set")
    assert {file.name for file in made.images.iterdir()} == set(made.group_of)
    assert len(made.true_pairs()) == 2 * 15
    assert {copy.tier for copy in made.copies} == {"crop", "h-flip", "v-flip", "turn", "square"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_and_cpu_time_are_those_of_the_whole_tree_of_processes() -> None:
    hold = "import os, time; held = b'x' * (64 << 20); end = time.process_time() + 0.5\n"
    hold += "while time.process_time() < end: pass"
    both = "import subprocess, sys; held = b'x' * (64 << 20)\n"
    both += f"subprocess.run([sys.executable, '-c', {hold!r}])"

    taken = run([sys.executable, "-c", both], watch=True)

    assert taken.peak_bytes > 128 << 20
    assert taken.cpu_s > 0.5


def test_a_process_that_fails_or_takes_too_long_ends_with_the_reason() -> None:
    with pytest.raises(SystemExit, match="ended with 5:\nno such thing"):
        run([sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(5)"])
    with pytest.raises(SystemExit, match=r"ended after 0\.2 s"):
        run([sys.executable, "-c", "import threading; threading.Event().wait()"], patience_s=0.2)


def test_made_up_hashes_are_those_of_scenes_and_as_often_set_as_real_ones() -> None:
    random = np.random.default_rng(0)
    real = np.packbits(random.random((200, 256)) < np.linspace(0.2, 0.8, 256), axis=1)
    made = MixedHashes(real, np.arange(200) % 101)
    (blocks,) = [np.unpackbits(bits, axis=1) for bits, _ in made.blocks(6000, seed=3)]
    (again,) = [np.unpackbits(bits, axis=1) for bits, _ in made.blocks(6000, seed=3)]
    assert (blocks == again).all()
    assert abs(blocks.mean() - 0.5) < 0.02
    assert np.corrcoef(blocks.mean(axis=0), np.linspace(0.2, 0.8, 256))[0, 1] > 0.95
    to_next = np.count_nonzero(blocks[1:] != blocks[:-1], axis=1)
    # Two of three photos are another shot of the scene of the one before.
    assert 0.5 < np.mean(to_next <= 95) < 0.75


def test_all_pairs_of_a_small_library_are_found_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    for seed in range(8):
        save(photos / f"{seed}.jpg", draw_photo(seed, 320, 240))
    work = ["--photos", "400", "--recall-sample", "100", "--store", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", ["all_pairs.py", str(photos), *work])
    monkeypatch.setattr(all_pairs, "MORE", (50,))

    all_pairs.main()

    out = capsys.readouterr().out
    assert "recall 1.00000" in out
    rows = [line.split()[:2] for line in out.splitlines() if line[:10].strip("0123456789, ") == ""]
    assert [row for row in rows if row] == [["400", "400"], ["50", "450"]]


def test_a_score_is_the_mean_of_the_average_precisions_of_the_queries() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.8, 0.6]], np.float32)
    index = {name: row for row, name in enumerate("abcd")}
    queries = [
        {"file": "a", "task": "one", "relevant": ["b", "c"]},
        {"file": "c", "task": "one", "relevant": ["d"]},
        {"file": "d", "task": "two", "relevant": ["a", "b"]},
    ]

    scores = retrieval_scores({"queries": queries}, index, vectors)

    assert scores == {
        "one": pytest.approx(((1 + 2 / 3) / 2 + 1) / 2),
        "two": pytest.approx((1 + 2 / 2) / 2),
    }


@pytest.mark.parametrize("script", RUNNABLE)
def test_every_script_explains_itself(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(BENCHMARKS / script), run_name="__main__")

    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("usage: ")
    assert f"\n{ast.get_docstring(ast.parse((BENCHMARKS / script).read_text()), clean=False)}" in told


def test_the_table_says_of_every_benchmark_what_it_needs() -> None:
    rows = re.findall(r"^\| `([a-z_/]+\.py)` \|.*\| (.*) \|$", (BENCHMARKS / "README.md").read_text(), re.M)
    said = {script.relative_to(BENCHMARKS).as_posix(): needed for script, needed in needs().items()}
    assert dict(rows) == said
    assert len(rows) == len(said)


def test_the_runner_gives_the_folders_to_those_that_need_photos_and_to_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, needed in {"a": "photos", "b": "nothing", "c": "known copies"}.items():
        script = f"import sys\n\nNEEDS = {needed!r}\nprint(*sys.argv[1:])\n".replace("'", '"')
        (tmp_path / "all").mkdir(exist_ok=True)
        (tmp_path / "all" / f"{name}.py").write_text(script)
    monkeypatch.setattr(runner, "__file__", str(tmp_path / "__main__.py"))
    monkeypatch.setattr(sys, "argv", ["bench", "photos", "more photos"])

    runner.main()

    assert capfd.readouterr().out == "== all/a.py\nphotos more photos\n== all/b.py\n\n"
    (tmp_path / "all" / "d.py").write_text('NEEDS = "nothing"\nraise SystemExit(7)\n')
    with pytest.raises(SystemExit, match=r"d\.py ended with 7"):
        runner.main()
