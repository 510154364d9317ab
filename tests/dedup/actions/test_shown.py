"""What `apply`, `undo` and `prune` show of files, on a terminal of 80 columns too."""

from pathlib import Path

import pytest

from lookalike.output.screen import cells
from lookalike.tests.children import run_child
from lookalike.tests.library import Run, lookalike, on_terminal
from lookalike.tests.store.test_full_disk import can_mount

from .making import Shelf

LONG = "2019-05-12 Wedding Lyon with all of the family"


# Shows and applies a plan while a folder is read-only.
READ_ONLY = """
import subprocess, sys
from lookalike.tests.library import lookalike
place, plan, store = sys.argv[1:]
subprocess.run(["mount", "--bind", place, place], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
for more in ((), ("--yes",)):
    run = lookalike("apply", plan, "--method", "quarantine", *more, "--store", store)
    print(run.code, run.out.decode())
"""


class Counter:
    """A shelf as the command line has it, with two copies of one picture to move."""

    def __init__(self, shelf: Shelf, folder: str = "b") -> None:
        self.photos, self.store, self.plan = (
            shelf.photos,
            shelf.store.folder,
            shelf.photos.parent / "p.json",
        )
        shelf.group(shelf.put(f"{folder}/kept.jpg"), *(shelf.put(f"a/{name}.jpg") for name in "12"))
        self.plan.write_bytes(shelf.document)
        shelf.store.close()

    def run(self, *arguments: str | Path) -> Run:
        return lookalike(*arguments, "--store", self.store)

    def text(self, *arguments: str | Path) -> str:
        return self.run(*arguments).out.decode()


@pytest.fixture
def counter(shelf: Shelf) -> Counter:
    return Counter(shelf)


def test_on_a_narrow_terminal_each_file_has_two_lines_of_its_own(shelf: Shelf) -> None:
    counter = Counter(shelf, f"{LONG}/{LONG}")
    how = ("apply", counter.plan, "--method", "quarantine")
    one_line = counter.text(*how)
    assert f"  [x]  a/1.jpg  quarantine: same bytes as {LONG}/{LONG}/kept.jpg\n" in one_line
    shown = on_terminal(*how, "--store", counter.store)
    rows = [line for line in shown.splitlines() if "jpg" in line]
    assert rows[::2] == ["  [x]  a/1.jpg", "  [x]  a/2.jpg"]
    assert all(row.startswith("       quarantine: same bytes as 2019") for row in rows[1::2])
    assert all(row.endswith("/kept.jpg") and cells(row) <= 80 for row in rows[1::2])


def test_rows_say_what_was_done_and_what_would_be(counter: Counter) -> None:
    done = counter.text("apply", counter.plan, "--yes", "--method", "quarantine")
    assert "  [x]  a/1.jpg  quarantine: same bytes as b/kept.jpg\n" in done
    assert "  [x]  a/1.jpg  to put back: same bytes as b/kept.jpg\n" in counter.text("undo")
    now = ("prune", "--older-than", "0d")
    assert "  [x]  a/1.jpg  to delete: same bytes as b/kept.jpg\n" in counter.text(*now)
    assert "  [x]  a/1.jpg  put back: same bytes as b/kept.jpg\n" in counter.text("undo", "--yes")
    counter.run("apply", counter.plan, "--yes", "--method", "quarantine")
    assert "  [x]  a/1.jpg  deleted: same bytes as b/kept.jpg\n" in counter.text(*now, "--yes")


def test_the_names_of_what_is_left_alone_stand_in_a_line_each(shelf: Shelf) -> None:
    long = f"{LONG}/{LONG}"
    shelf.group(shelf.put("b/kept.jpg"), *(shelf.put(f"{long}/{name}.jpg") for name in "1234"))
    counter = Counter(shelf)
    (counter.photos / LONG).rename(counter.photos / "elsewhere")
    shown = on_terminal("apply", counter.plan, "--store", counter.store).splitlines()
    rows = [line for line in shown if line.startswith("    ")]
    assert [row.rpartition("/")[2] for row in rows] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert all(cells(row) <= 80 for row in rows)


def test_where_files_are_summed_up_it_is_said_what_lists_them(shelf: Shelf) -> None:
    shelf.group(shelf.put("d/kept.jpg"), *(shelf.put(f"c/{number}.jpg") for number in range(21)))
    counter = Counter(shelf)
    (counter.photos / "c").rename(counter.photos / "elsewhere")
    assert "    and 18 more (--all lists them)\n" in counter.text("apply", counter.plan)
    assert "more (" not in counter.text("apply", counter.plan, "--all")


def test_where_links_take_the_place_of_files_these_are_replaced(counter: Counter) -> None:
    for yes, words in (((), "would be replaced by hard links"), (("--yes",), "replaced by hard links")):
        shown = counter.text("apply", counter.plan, "--method", "hardlink", *yes)
        assert f"2 files {words} (" in shown
        assert "moved" not in shown.replace("were moved", "")


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_folder_that_is_away_is_named_once_and_nothing_in_it_is_lost(
    counter: Counter, is_empty: bool
) -> None:
    """An unplugged drive, of which an empty folder may be left."""
    counter.photos.rename(counter.photos.parent / "unplugged")
    if is_empty:
        counter.photos.mkdir()
    for yes in ((), ("--yes",)):
        run = counter.run("apply", counter.plan, *yes)
        assert run.code == 3
        shown = run.out.decode()
        assert f"2 files left alone: {counter.photos} is away: connect its drive" in shown
        assert shown.count(" is away") == 1
        assert "any more" not in shown


def test_a_folder_with_another_name_is_named_once(counter: Counter) -> None:
    (counter.photos / "a").rename(counter.photos / "A")
    assert f"2 files left alone: the folder {counter.photos}/a is not there" in counter.text(
        "apply", counter.plan
    )
    (counter.photos / "A").rename(counter.photos / "a")
    (counter.photos / "b").rename(counter.photos / "B")
    shown = counter.text("apply", counter.plan)
    assert f"what is kept for it is not there: the folder {counter.photos}/b is not there" in shown
    (counter.photos / "B").rename(counter.photos / "b")
    (counter.photos / "a/1.jpg").unlink()
    assert "a/1.jpg  left alone: it is not there any more" in counter.text("apply", counter.plan)


def test_one_file_of_many_comes_back_with_what_belongs_to_it(shelf: Shelf) -> None:
    (shelf.photos / "a").mkdir()
    (shelf.photos / "a/1.xmp").write_text("about 1.jpg")
    counter = Counter(shelf)
    counter.run("apply", counter.plan, "--yes", "--method", "quarantine")
    (where,) = counter.photos.rglob("1.jpg")
    assert "2 files would be put back" in counter.text("undo", where)
    assert "a/1.xmp  put back" in counter.text("undo", "1.jpg", "--yes")
    assert {path.name for path in (counter.photos / "a").iterdir()} == {"1.jpg", "1.xmp"}
    assert "2 done already" in counter.text("undo", counter.photos / "a/1.jpg", "--yes")
    assert "1 file put back" in counter.text("undo", "--yes")
    for name in ("3.jpg", "20200101T000000-000000"):
        unknown = counter.run("undo", name)
        assert (unknown.code, unknown.out, name in unknown.err) == (2, b"", True)


def test_after_prune_undo_speaks_of_no_other_photos(shelf: Shelf) -> None:
    """Of an earlier run a file was thrown away by hand: of that nobody asks."""
    shelf.group(shelf.put("b/kept.jpg"), shelf.put("a/0.jpg"))
    shelf.apply()
    (shelf.photos / ".lookalike-quarantine").rename(shelf.photos.parent / "thrown away")
    shelf.groups = []
    counter = Counter(shelf)
    counter.run("apply", counter.plan, "--yes", "--method", "quarantine")
    counter.run("prune", "--older-than", "0d", "--yes")
    run = counter.run("undo", "--yes")
    assert (run.code, run.out) == (0, b"")
    assert "there is nothing to undo: 2 files, " in run.err
    assert "of the newest run" in run.err


def test_what_is_gone_from_the_trash_is_told_once_and_counted_as_gone(counter: Counter) -> None:
    counter.run("apply", counter.plan, "--yes", "--method", "trash")
    trash = counter.photos.parent / "home/data/Trash"
    for name in ("files/1.jpg", "files/2.jpg"):
        (trash / name).unlink()
    shown = counter.text("undo", "--yes")
    assert f"2 files left alone: no longer in the trash {trash}; --from FOLDER looks" in shown
    assert shown.endswith("2 no longer where they were put\n")


@pytest.mark.skipif(not can_mount(), reason="no user namespaces")
def test_a_drive_that_is_read_only_is_told_before_and_once(counter: Counter) -> None:
    done = run_child(READ_ONLY, counter.photos, counter.plan, counter.store, namespace=True)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("2 left alone\n", 1)
    assert before.startswith("3 ")
    assert "  2 files left alone: its drive is read-only\n" in before
    assert after.strip().startswith("3 ")
    assert after.count("Read-only file system") == 1
