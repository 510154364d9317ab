"""The commands as people call them: photos, dupes, plan, apply, undo, prune."""

import json
import os
from pathlib import Path

import pytest

from lookalike.tests.dedup.actions.making import contents
from lookalike.tests.library import Run, lookalike, make_photos


class Home:
    """A library with copies, indexed, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.photos = make_photos(folder / "photos")
        self.plan = folder / "plan.json"
        self.folder = folder
        self.run("index", self.photos)
        assert self.run("dupes", "--plan", self.plan).code == 0

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> Run:
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data")}
        return lookalike(*arguments, "--store", self.folder / "store", stdin=stdin, **home)

    def names(self) -> set[str]:
        return {name for name, _ in contents(self.photos) if not name.startswith(".")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path.resolve())


def test_from_the_plan_to_the_quarantine_and_back(home: Home) -> None:
    before = dict(contents(home.photos))
    shown = home.run("apply", home.plan)
    assert (shown.code, dict(contents(home.photos))) == (0, before)
    assert b"2 files would be moved" in shown.out
    assert "nothing was changed; --yes does it" in shown.err

    done = home.run("apply", home.plan, "--yes")
    assert done.code == 0
    assert b"[x]  edited/photo0-again.jpg  quarantine: same bytes as 2021/photo0.jpg" in done.out
    assert b"2 files moved" in done.out
    assert "undo" in done.err
    assert home.names() == {*before} - {"edited/photo0-again.jpg", "edited/photo0-small.jpg"}

    assert "no duplicates found" in home.run("dupes").out.decode()
    again = home.run("index", home.photos)
    assert again.out.startswith(b"6 unchanged, 1 unreadable")

    assert b"2 done already" in home.run("apply", home.plan, "--yes").out
    assert b"2 files would be put back" in home.run("undo").out
    back = home.run("undo", "--yes", "--format", "jsonl")
    assert (back.code, [row["state"] for row in back.lines]) == (0, ["done", "done"])
    assert dict(contents(home.photos)) == before
    assert "there is nothing to undo" in home.run("undo", "--yes").err
    # Known by content: nothing is read or decoded again.
    assert home.run("index", home.photos).out.startswith(b"8 unchanged, 1 unreadable")


def test_what_is_left_alone_ends_with_3_and_its_reason(home: Home) -> None:
    changed = home.photos / "edited" / "photo0-small.jpg"
    os.utime(changed, ns=(1, 1))
    done = home.run("apply", home.plan, "--yes", "--format", "json")
    assert done.code == 3
    by_name = {Path(row["path"]).name: row for row in done.json["files"]}
    assert by_name["photo0-again.jpg"]["state"] == "done"
    assert by_name[changed.name]["code"] == "changed"
    assert f"{changed}: {changed.name}: it was modified at 1970-01-01" in done.err
    assert home.run("apply", home.plan, "--yes", "--format", "paths").out == b""


def test_a_plan_from_stdin_and_one_that_is_none(home: Home) -> None:
    assert b"2 files would be moved" in home.run("apply", "-", stdin=home.plan.read_bytes()).out
    none = home.run("apply", home.photos / "broken.jpg")
    assert (none.code, none.out) == (2, b"")
    assert none.err.count("\n") == 1
    assert "is not a plan" in none.err
    assert home.run("apply", home.folder / "nowhere.json").code == 2


def test_journals_are_listed_and_undone_by_name(home: Home) -> None:
    assert b"nothing was moved yet" in home.run("undo", "--list").out
    home.run("apply", home.plan, "--yes")
    (row,) = home.run("undo", "--list", "--format", "json").json["journals"]
    assert (row["files"], row["standing"], row["method"]) == (2, 2, "auto")
    assert home.run("undo", row["run"], "--yes").code == 0
    assert home.run("undo", "20200101T000000-000000", "--yes").code == 2


def test_prune_waits_until_it_is_told(home: Home) -> None:
    home.run("apply", home.plan, "--yes")
    assert b"there is nothing to do" in home.run("prune", "--yes").out
    shown = home.run("prune", "--older-than", "0d")
    assert b"2 files would be deleted for good" in shown.out
    assert home.run("prune", "--older-than", "soon").code == 2
    done = home.run("prune", "--older-than", "0d", "--yes")
    assert b"2 files deleted for good" in done.out
    assert not (home.photos / ".lookalike-quarantine").exists()
    undone = home.run("undo", "--yes")
    assert "there is nothing to undo" in undone.err


def test_protected_folders_of_dupes_hold_for_apply(home: Home) -> None:
    home.run("dupes", "--protect", home.photos / "edited", "--plan", home.plan)
    plan = json.loads(home.plan.read_bytes())
    assert plan["protect"] == [{"path": str(home.photos / "edited")}]
    # Whoever selects them by hand all the same gets a word.
    for group in plan["groups"]:
        for member in group["members"]:
            member["selected"] = True
    home.plan.write_text(json.dumps(plan))
    before = home.names()
    done = home.run("apply", home.plan, "--yes")
    assert done.code == 3
    assert b"is in a protected folder" in done.out
    assert {name for name in before if name.startswith("edited/")} <= home.names()


def test_a_plan_overwrites_nothing_but_a_plan(home: Home) -> None:
    photo = home.photos / "2021" / "photo0.jpg"
    data = photo.read_bytes()
    refused = home.run("dupes", "--plan", photo)
    assert (refused.code, photo.read_bytes()) == (2, data)
    assert "is not a plan of lookalike and is left unchanged" in refused.err
    assert home.run("dupes", "--plan", home.folder / "no" / "plan.json").code == 2
    assert home.run("dupes", "--plan", home.plan).code == 0


def test_a_library_that_cannot_be_written_says_so(home: Home) -> None:
    (home.folder / "store" / "journals").write_text("in the way")
    done = home.run("apply", home.plan, "--yes")
    assert done.code == 7
    assert done.err.count("\n") == 1
    assert "journal" in done.err
