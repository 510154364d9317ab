"""The commands as people call them: photos, dupes, plan, apply, undo, prune."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lookalike.dedup.packets import merged
from lookalike.tests.dedup.actions.making import contents
from lookalike.tests.library import NO_TRASH, Run, lookalike, make_photos
from lookalike.tests.pictures import draw_photo, save


class Home:
    """A library with copies, indexed, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.plan = folder / "plan.json"
        self.folder, self.data = folder, NO_TRASH

    def index(self) -> "Home":
        self.run("index", self.photos)
        assert self.run("dupes", "--plan", self.plan).code == 0
        return self

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> Run:
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": self.data}
        return lookalike(*arguments, "--store", self.folder / "store", stdin=stdin, **home)

    def names(self) -> set[str]:
        return {name for name, _ in contents(self.photos) if not name.startswith(".")}


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home, and beside it a copy of what it was when all was indexed."""
    folder = tmp_path_factory.mktemp("home").resolve() / "home"
    made = Home(folder)
    make_photos(made.photos)
    made.index()
    shutil.copytree(folder, folder.with_name("copy"))
    return folder


@pytest.fixture
def home(indexed: Path) -> Home:
    """Always the same home: what is known by its bytes is neither decoded nor proved again."""
    shutil.rmtree(indexed)
    shutil.copytree(indexed.with_name("copy"), indexed)
    return Home(indexed).index()


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


def test_undo_passes_over_a_run_whose_files_are_gone(home: Home) -> None:
    quarantine = ("--yes", "--method", "quarantine")
    home.run("apply", home.plan, *quarantine)
    shutil.copy(home.photos / "2021/photo0.jpg", home.photos / "again.jpg")
    home.run("index", home.photos)
    home.run("dupes", "--plan", home.folder / "second.json")
    home.run("apply", home.folder / "second.json", *quarantine)
    newest = home.run("undo", "--list", "--format", "json").json["journals"][0]["run"]
    shutil.rmtree(home.photos / ".lookalike-quarantine" / newest)
    named = home.run("undo", newest)
    assert "passed over" not in named.err
    assert "of other runs still wait 2 files" in named.out.decode()
    back = home.run("undo", "--yes")
    assert f"the run {newest} is passed over, as nothing of it can be put back now" in back.err
    assert b"2 files put back" in back.out
    assert b"still wait" not in back.out


def test_journals_are_listed_and_undone_by_name(home: Home) -> None:
    assert b"nothing was moved yet" in home.run("undo", "--list").out
    home.run("apply", home.plan, "--yes")
    (row,) = home.run("undo", "--list", "--format", "json").json["journals"]
    assert (row["files"], row["standing"], row["method"]) == (2, 2, "auto")
    assert home.run("undo", row["run"], "--yes").code == 0
    assert home.run("undo", "20200101T000000-000000", "--yes").code == 2


def test_prune_waits_until_it_is_told(home: Home) -> None:
    assert home.run("prune").out == b"there is nothing to delete: no file waits in a quarantine\n"
    home.run("apply", home.plan, "--yes")
    waiting = home.run("prune", "--yes").out.decode()
    in_30_days = datetime.now().astimezone() + timedelta(days=30)
    assert waiting.startswith("nothing is due yet; in the quarantine wait:")
    assert f"2 files, 32.6 kB  due from {in_30_days.day} {in_30_days:%b %Y}" in waiting
    assert "to delete them now: lookalike prune --older-than 0d --yes" in waiting
    shown = home.run("prune", "--older-than", "0d")
    assert b"2 files would be deleted for good" in shown.out
    assert home.run("prune", "--older-than", "soon").code == 2
    assert "nothing is due yet" in home.run("prune", "--older-than", "999999w").out.decode()
    done = home.run("prune", "--older-than", "0d", "--yes")
    assert b"2 files deleted for good" in done.out
    assert not (home.photos / ".lookalike-quarantine").exists()
    undone = home.run("undo", "--yes")
    assert "there is nothing to undo" in undone.err
    assert undone.code == 0
    nothing = home.run("undo", "--json")
    assert (nothing.code, nothing.json["files"]) == (0, [])


def test_a_plan_that_selects_nothing_says_so(home: Home) -> None:
    plan = json.loads(home.plan.read_bytes())
    for group in plan["groups"]:
        for member in group["members"]:
            member["selected"] = False
    home.plan.write_text(json.dumps(plan))
    for more in ((), ("--yes",)):
        run = home.run("apply", home.plan, *more)
        assert (run.code, run.out) == (0, b"the plan moves nothing: no file in it is selected\n")
        run = home.run("apply", home.plan, *more, "--json")
        assert (run.json["files"], "moves nothing" in run.err) == ([], True)


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


def test_a_folder_to_protect_whose_name_is_mistyped_stops_all(home: Home) -> None:
    home.run("dupes", "--plan", home.plan)
    before = home.names()
    for more in ((), ("--yes",)):
        refused = home.run("apply", home.plan, "--protect", home.photos / "editde", *more)
        assert (refused.code, "there is no folder" in refused.err) == (2, True)
    assert home.names() == before


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


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_purge_takes_nothing_while_a_journal_cannot_be_read(home: Home, yes: tuple[str, ...]) -> None:
    home.run("apply", home.plan, "--yes")
    (home.photos / "2022/photo1.jpg").unlink()
    home.run("index", home.photos)
    (journal,) = (home.folder / "store/journals").glob("*.jsonl")
    aside = journal.rename(home.folder / "aside")
    journal.mkdir()
    refused = home.run("purge", "--missing-for", "0d", *yes)
    assert (refused.code, refused.out) == (3, b"")
    assert refused.err.count("\n") == 1
    assert (
        f"nothing is purged, as a journal cannot be read, and what it moved may come back: {journal}"
        in (refused.err)
    )
    journal.rmdir()
    aside.rename(journal)
    assert home.run("purge", "--missing-for", "0d", *yes).out.count(b"1 file and 1 photo") == 1
    assert b"2 files put back" in home.run("undo", "--yes").out


# --- people know where their files are --------------------------------------------------------


def test_apply_says_where_files_are_and_how_to_free_their_space(home: Home) -> None:
    there = f"they would go to the quarantine {home.photos}/.lookalike-quarantine"
    assert there in home.run("apply", home.plan).out.decode()
    done = home.run("apply", home.plan, "--yes").out.decode()
    assert f"they are in the quarantine {home.photos}/.lookalike-quarantine" in done
    assert "No space is freed yet: what was moved is still on the disk." in done
    assert f"lookalike undo --yes --store {home.folder}/store" in done
    assert f"lookalike prune --older-than 0d --yes --store {home.folder}/store" in done
    again = home.run("apply", home.plan, "--yes").out.decode()
    assert "2 done already" in again
    assert "No space is freed" not in again


def test_what_lies_in_the_trash_is_freed_by_emptying_it(home: Home) -> None:
    home.data = str(home.folder / "data")
    trash = home.folder / "data" / "Trash"
    done = home.run("apply", home.plan, "--yes").out.decode()
    assert f"they are in the trash {trash}" in done
    assert "empty the trash in your file manager" in done
    assert "prune" not in done
    assert f"2 files, 32.6 kB that `apply` moved lie in the trash {trash}" in home.run("prune").out.decode()
    status = home.run("status")
    assert f"in {trash}" in status.out.decode()
    assert home.run("status", "--format", "json").json["quarantine"]["files"] == 0
    shutil.rmtree(trash)
    assert b"2 gone from the trash or quarantine" in home.run("status").out
    assert b"no longer where they were put" in home.run("undo", "--list").out
    assert b"2 files moved by `apply` and gone from there" in home.run("missing").out


def test_links_free_nothing_before_prune_either(home: Home) -> None:
    done = home.run("apply", home.plan, "--yes", "--method", "hardlink").out.decode()
    assert "Links to the kept files took their place. No space is freed yet" in done
    assert "lookalike prune --older-than 0d --yes" in done


def test_many_files_are_summed_up_by_folder_and_all_lists_each(home: Home) -> None:
    for number in range(25):
        target = home.photos / "many" / f"{number % 22:02}" / f"{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(home.photos / "2021" / "photo0.jpg", target)
    home.run("index", home.photos)
    home.run("dupes", "--plan", home.plan)
    (home.photos / "many" / "21" / "21.jpg").write_bytes(b"another picture")
    shown = home.run("apply", home.plan).out.decode().splitlines()
    assert shown[1].split() == ["folder", "files", "size", "to", "kept", "in"]
    assert shown[2].split()[:2] == ["many/00", "2"]
    assert shown[-7].startswith("  and 2 more folders")
    assert shown[-5].startswith("  1 file left alone: it has 15 bytes")
    assert all(len(line) <= 80 for line in shown[1:-6])
    assert "26 files would be moved" in shown[-2]
    each = home.run("apply", home.plan, "--all").out.decode()
    assert each.count("  [x]  ") == 26
    assert len(home.run("apply", home.plan, "--format", "json").json["files"]) == 27

    done = home.run("apply", home.plan, "--yes").out.decode().splitlines()
    assert done[1].split() == ["folder", "files", "size", "to", "kept", "in"]
    assert home.run("undo").out.decode().splitlines()[1].split() == ["folder", "files", "size", "from"]
    due = home.run("prune", "--older-than", "0d").out.decode().splitlines()
    assert due[1].split() == ["folder", "files", "size", "kept", "in"]


def test_what_is_left_of_many_is_told_by_reason_with_a_few_examples(home: Home) -> None:
    for number in range(22):
        target = home.photos / f"{number}.jpg"
        shutil.copy(home.photos / "2021" / "photo0.jpg", target)
    home.run("index", home.photos)
    home.run("dupes", "--plan", home.plan)
    for number in range(10):
        os.utime(home.photos / f"{number}.jpg", ns=(number, number * 10**9))
    shown = home.run("apply", home.plan).out.decode()
    assert "  10 files left alone: changed since\n" in shown
    assert shown.count(".jpg: it was modified at 1970") == 3
    assert "    and 7 more (--all lists them)\n" in shown


def test_runs_are_listed_with_what_became_of_their_files(home: Home) -> None:
    home.run("apply", home.plan, "--yes")
    (journal,) = (home.folder / "store" / "journals").glob("*.jsonl")
    due = datetime.now().astimezone() + timedelta(days=30)
    line = f"{journal.stem}  2 files, 32.6 kB  waiting, may be pruned from {due.day} {due:%b %Y}\n"
    assert home.run("undo", "--list").out.decode() == line

    with journal.open("ab") as out:
        out.write(b'{"state": "kept", "number": 1}\n{"no line\n')
    lines = home.run("undo", "--list").out.decode()
    assert "1 waiting, may be pruned" in lines
    assert "1 could not be deleted, still in the quarantine\n" in lines
    assert "1 damaged line\n" in lines
    assert "1 of these could not be deleted so far" in home.run("status").out.decode()
    doctor = home.run("doctor", "-v").out.decode()
    assert "1 file could not be deleted: prune again" in doctor
    assert f"{journal} has damaged lines (1)" in doctor
    for told in (home.run("status"), home.run("undo"), home.run("prune")):
        assert f"{journal} has damaged lines (1)" in told.err
    assert "2 files, 32.6 kB in quarantines and the trash" in doctor

    home.run("undo", "--yes")
    (row,) = home.run("undo", "--list", "--format", "json").json["journals"]
    assert (row["put_back"], row["in_quarantine"], row["not_removed"], row["standing"]) == (2, 0, 0, 0)
    home.run("apply", home.plan, "--yes")
    home.run("prune", "--older-than", "0d", "--yes")
    assert home.run("undo", "--list").out.decode().splitlines()[0].endswith("  deleted for good")


def test_status_tells_what_waits_in_the_quarantine(home: Home) -> None:
    home.run("apply", home.plan, "--yes")
    table = home.run("status").out.decode()
    assert "quarantine  2 files, 32.6 kB, moved since " in table
    assert f"in {home.photos}/.lookalike-quarantine\n" in table
    status = home.run("status", "--format", "json").json
    assert status["quarantine"]["folders"] == [{"path": f"{home.photos}/.lookalike-quarantine"}]
    assert status["quarantine"]["files"] == 2
    assert status["quarantine"]["oldest"] > "2026"
    assert status["trash"]["files"] == 0


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    here = tmp_path.stat().st_dev
    others = [each for each in ("/dev/shm", "/var/tmp", "/tmp") if os.path.isdir(each)]
    other = next((each for each in others if os.stat(each).st_dev != here), None)
    if other is None:
        pytest.skip("this machine has one file system to write to")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        yield Path(folder)


def test_a_quarantine_on_another_drive_is_refused_before_anything_is_made(
    home: Home, elsewhere: Path
) -> None:
    home.data = str(home.folder / "data")  # a folder of one's own goes before it
    before = dict(contents(home.photos))
    for yes in ((), ("--yes",)):
        refused = home.run("apply", home.plan, "--quarantine", elsewhere / "new", *yes)
        assert refused.code == 3
        assert "is on another drive, and files are never copied across drives" in refused.out.decode()
        assert "leave out --quarantine DIR" in refused.out.decode()
    assert (dict(contents(home.photos)), list(elsewhere.iterdir())) == (before, [])


def test_copies_that_only_say_more_go_once_that_is_merged(tmp_path: Path) -> None:
    """Both say what the other does not, so that neither may go by itself."""
    photos = tmp_path.resolve() / "photos"
    for seed, name, rating in ((1, "beach.jpg", "4"), (2, "lake.jpg", "5")):
        for folder, keyword, stars in (("a", "Lyon", "4"), ("b", "sea", rating)):
            xmp = merged(None, {"keywords": [keyword], "rating": stars})
            save(photos / folder / name, draw_photo(seed, 320, 240), xmp=xmp, quality=90)

    def run(*arguments: str | Path) -> Run:
        home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
        return lookalike(*arguments, "--store", tmp_path / "store", stdin=b"", **home)

    assert run("index", photos).code == 0
    prefer = ("--prefer", photos / "a")
    assert run("dupes", *prefer, "--format", "paths").out == b""
    plan = tmp_path / "plan.json"
    found = run("dupes", *prefer, "--merge-metadata", "--plan", plan).out.decode()
    chosen = [line.split()[1] for line in found.splitlines() if line.startswith("  [x]")]
    assert chosen == ["b/beach.jpg"]
    assert "to merge: keywords sea" in found

    kept_safe = run("dupes", *prefer, "--merge-metadata", "--protect", photos / "a", "--format", "paths")
    assert kept_safe.out == b""  # `apply` writes nothing there

    assert "--merge-metadata writes it" in run("apply", plan).out.decode()
    shown = run("apply", plan, "--merge-metadata").out.decode()
    assert "merge: keywords sea" in shown
    assert "1 file would be moved" in shown
    assert "1 sidecar would be written to" in shown
    before = dict(contents(photos))
    by_the_sea = ("export", "--where", "keyword = sea", "--in", photos / "a", "--format", "paths")
    assert run(*by_the_sea).out == b""
    done = run("apply", plan, "--merge-metadata", "--yes")
    assert done.code == 0, done.err
    left = {name for name, _ in contents(photos) if not name.startswith(".")}
    assert left == {"a/beach.jpg", "a/beach.jpg.xmp", "a/lake.jpg", "b/lake.jpg"}
    assert "1 sidecar written to" in run("undo", "--list").out.decode()
    assert run(*by_the_sea).out == os.fsencode(photos / "a" / "beach.jpg") + b"\n"  # no index run is needed
    undone = run("undo", "--yes")
    assert run(*by_the_sea).out == b""
    assert "1 sidecar put back" in undone.out.decode()
    assert "1 sidecar put back" in run("undo", "--list").out.decode()
    assert dict(contents(photos)) == before


def test_labels_are_written_beside_photos(home: Home) -> None:
    before = dict(contents(home.photos))
    taught = home.run("teach", "drawn", "--yes", home.photos / "2021" / "photo0.jpg")
    assert taught.code == 0, taught.err
    asked = ("labels", "--write-xmp", "--label", "drawn", "--confidence", "0.01")
    shown = home.run(*asked)
    assert "keywords drawn" in shown.out.decode()
    assert "sidecars would be written to" in shown.out.decode()
    assert dict(contents(home.photos)) == before
    done = home.run(*asked, "--yes", "--format", "jsonl")
    assert {row["state"] for row in done.lines} == {"done"}
    assert {name for name, _ in contents(home.photos)} - before.keys() == {
        os.path.relpath(row["path"], home.photos) for row in done.lines
    }
    drawn = ("export", "--where", "keyword = drawn", "--format", "paths")
    assert len(home.run(*drawn).out.splitlines()) == len(done.lines)
    assert home.run("undo", "--yes").code == 0
    assert home.run(*drawn).out == b""
    assert dict(contents(home.photos)) == before
    assert home.run("labels", "--yes").code == 2
