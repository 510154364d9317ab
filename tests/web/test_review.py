"""Reviewing by the server's answers: groups, choices, decisions, plans, runs."""

import asyncio
import json
import os
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from lookalike import Library
from lookalike.dedup.copies import Copies
from lookalike.dedup.groups.error_rate import Expectation
from lookalike.dedup.groups.keeper import KeepRules
from lookalike.dedup.groups.report import CopyReport
from lookalike.dedup.packets import fields_of, merged
from lookalike.store.lock import held
from lookalike.tests.children import run_child
from lookalike.tests.library import lookalike, on_terminal
from lookalike.tests.output.report.making import make_groups
from lookalike.tests.pictures import draw_photo, save
from lookalike.tests.web.conftest import client_of
from lookalike.tests.web.reviewing import Copied, make_store
from lookalike.web import serving as serving_module
from lookalike.web.api.actions import _GONE
from lookalike.web.choices import TOLD
from lookalike.web.events import Events
from lookalike.web.guard import Pass
from lookalike.web.served import Served
from lookalike.web.shelf import Shelf

KILLED = "import sys; from lookalike.tests.web.reviewing import apply_until_killed as f; f(sys.argv[1])"


@pytest.fixture(scope="module")
def copied(proven: Copied, tmp_path_factory: pytest.TempPathFactory) -> Copied:
    return proven.again(tmp_path_factory.mktemp("copied").resolve())


@contextmanager
def serving(copied: Copied, *, write: bool = False) -> Iterator[TestClient]:
    """Serve a library to a client that has the token, once its copies are known."""
    entry = Pass(8765)
    with Library.open(copied.store, write=write, lock_timeout_s=0.2) as library:
        served = Served(library, write)
        served.groups.read_known()
        yield client_of(served, entry, {"Authorization": f"Bearer {entry.token}", "X-Lookalike": "1"})
        served.close()


@pytest.fixture
def client(copied: Copied) -> Iterator[TestClient]:
    """A server that only shows; what is chosen there is forgotten with it."""
    with serving(copied) as client:
        yield client


@pytest.fixture(scope="module")
def acted(copied: Copied, tmp_path_factory: pytest.TempPathFactory) -> Copied:
    return copied.again(tmp_path_factory.mktemp("acted").resolve())


@pytest.fixture
def mine(acted: Copied) -> Iterator[Copied]:
    """A library to act on; its files are in the end what they were."""
    before = acted.tree()
    yield acted
    assert acted.tree() == before
    (acted.store / "review.json").unlink(missing_ok=True)


def keys(client: TestClient, **query: str) -> list[str]:
    return [row["key"] for row in client.get("/api/groups", params=query).json()["groups"]]


def group_with(client: TestClient, name: str) -> Any:
    """Return the group that has a file of this name."""
    groups = (client.get(f"/api/groups/{key}").json() for key in keys(client))
    return next(group for group in groups if any(file["name"] == name for file in group["files"]))


def number_of(group: Any, name: str) -> int:
    return next(i for i, file in enumerate(group["files"]) if file["name"] == name)


def plan_of(client: TestClient, scope: str = "all") -> bytes:
    made = client.post("/api/plans", json={"scope": scope}).json()
    return client.get(f"/api/plans/{made['plan']}").content


def without_time(plan: bytes) -> Any:
    return json.loads(plan) | {"created": ""}


def ended(client: TestClient, job: Any) -> Any:
    """Wait for a job to end."""
    client.app._app.state.served.jobs.wait()  # type: ignore[attr-defined]
    return next(row for row in client.get("/api/jobs").json()["jobs"] if row["id"] == job["id"])


def test_groups_are_those_of_the_command_line(client: TestClient, copied: Copied) -> None:
    run = lookalike("dupes", "--store", copied.store, "--format", "json")
    listed = client.get("/api/groups").json()
    assert listed["count"] == len(run.json["groups"]) == 5
    for row, expected in zip(listed["groups"], run.json["groups"], strict=True):
        group = client.get(f"/api/groups/{row['key']}").json()
        for name in ("keeper", "members", "wasted_bytes", "selected_bytes"):
            assert group[name] == expected[name]
        assert row["going"] == sum(member["selected"] for member in expected["members"])
        assert row["bytes"] == expected["selected_bytes"]
        assert not any("plan" in file for file in group["files"])


def test_the_list_comes_by_pages_though_groups_leave_it_meanwhile(client: TestClient) -> None:
    everything = keys(client, order="path")
    page = client.get("/api/groups", params={"order": "path", "state": "new", "n": "2"}).json()
    client.patch(f"/api/review/{page['groups'][1]['key']}", json={"state": "looked"})
    rest = client.get(
        "/api/groups", params={"order": "path", "state": "new", "n": "9", "cursor": page["cursor"]}
    ).json()
    assert [row["key"] for row in page["groups"] + rest["groups"]] == everything
    assert rest["cursor"] is None
    wrong = client.get("/api/groups", params={"cursor": "77.abc"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "Changed")


def test_filters_and_orders_choose_what_is_listed(client: TestClient) -> None:
    changed, cropped = group_with(client, "changed.jpg")["key"], group_with(client, "cropped.jpg")["key"]
    assert set(keys(client, state="loss")) == {changed, cropped}
    assert set(keys(client, state="safe")) == set(keys(client)) - {changed, cropped}
    assert keys(client, text="CROPPED") == [cropped]
    assert keys(client, change="cropped") == [cropped]
    folders = client.get("/api/facets").json()["folders"]
    edits = next(row["id"] for row in folders if row["path"].endswith("edits"))
    assert set(keys(client, folder=edits)) == {changed, cropped}
    rows = client.get("/api/groups/folders").json()["folders"]
    assert [(Path(row["path"]).name, row["copies"], row["files"]) for row in rows] == [
        ("old", 10, 10),
        ("edits", 2, 2),
    ]
    assert [(Path(home["path"]).name, home["copies"]) for home in rows[0]["of"]] == [("new", 10)]
    assert client.get("/api/groups", params={"folder": "/etc"}).status_code == 400
    assert client.get("/api/groups", params={"state": "odd"}).status_code == 422


def test_the_plan_of_an_untouched_review_is_the_command_lines(
    client: TestClient, copied: Copied, tmp_path: Path
) -> None:
    lookalike("dupes", "--store", copied.store, "--plan", tmp_path / "plan.json")
    assert without_time(plan_of(client)) == without_time((tmp_path / "plan.json").read_bytes())


def test_choices_change_the_plan_and_each_step_goes_back(client: TestClient) -> None:
    before = without_time(plan_of(client))
    group = group_with(client, "n2.jpg")
    small = number_of(group, "small2.jpg")
    step = client.patch(f"/api/review/{group['key']}", json={"chosen": {str(small): False}}).json()
    assert step["sums"]["going"] == sum(m["selected"] for g in before["groups"] for m in g["members"]) - 1
    (changed,) = (g for g in without_time(plan_of(client, "looked"))["groups"])
    fates = {Path(m["path"]).name: (m["selected"], m["why_not"]) for m in changed["members"]}
    assert fates["small2.jpg"] == (False, "not chosen")
    back = client.delete(f"/api/review/steps/{step['step']}").json()
    assert back["sums"]["done"] == 0
    assert without_time(plan_of(client)) == before
    assert client.delete(f"/api/review/steps/{step['step']}").status_code == 404
    assert client.patch(f"/api/review/{group['key']}", json={"keeper": 77}).status_code == 400


def test_many_groups_change_at_once_by_folder_and_by_what_was_done(client: TestClient) -> None:
    folders = client.get("/api/facets").json()["folders"]
    old = next(row["id"] for row in folders if row["path"].endswith("old"))
    kept = client.post("/api/review", json={"do": "keep", "shown": {}, "only": {"folder": old}}).json()
    assert kept["changed"] == 5
    plan = without_time(plan_of(client))
    assert {Path(group["keeper"]["path"]).parent.name for group in plan["groups"]} == {"old"}
    client.delete(f"/api/review/steps/{kept['step']}")
    stay = client.post("/api/review", json={"do": "stay", "shown": {}, "only": {"change": "exact"}}).json()
    moved = {
        Path(m["path"]).name
        for g in without_time(plan_of(client))["groups"]
        for m in g["members"]
        if m["selected"]
    }
    assert not any(name.startswith(("eq", "n")) for name in moved)
    effect = {name: stay["effect"][name] for name in ("to_move", "to_stay", "from")}
    assert effect == {"to_move": 0, "to_stay": 5, "from": []}
    again = client.post("/api/review", json={"do": "propose", "shown": {}}).json()
    assert (stay["changed"], again["changed"], again["sums"]["done"]) == (5, 5, 0)  # nobody looked at them
    assert [(Path(each["path"]).name, each["files"]) for each in again["effect"]["from"]] == [("old", 5)]
    assert client.post("/api/review", json={"do": "go"}).status_code == 400


def test_files_of_a_folder_stay_and_only_others_go_for_them(tmp_path: Path) -> None:
    photos = tmp_path.resolve() / "photos"
    first = save(photos / "Album" / "a.jpg", draw_photo(1, 96, 72))
    for place in ("Downloads/a.jpg", "Downloads/a (1).jpg", "Downloads/old/a.jpg"):
        (photos / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(first, photos / place)
    with Library.open(tmp_path / "store", create=True) as library:
        library.index(photos)
    with serving(Copied(photos, tmp_path / "store")) as client:
        rows = client.get("/api/groups/folders").json()["folders"]
        (downloads,) = (row["id"] for row in rows if row["path"] == str(photos / "Downloads"))
        asked = {"shown": {}, "only": {"folder": downloads, "below": False}}
        stay = client.post("/api/review", json=asked | {"do": "stay"}).json()
        assert going(client) == {"Downloads/old/a.jpg"}
        client.delete(f"/api/review/steps/{stay['step']}")
        kept = client.post("/api/review", json=asked | {"do": "keep"}).json()
        assert going(client) == {"Album/a.jpg", "Downloads/old/a.jpg"}
        (group,) = without_time(plan_of(client))["groups"]
        assert group["keeper"]["path"] == str(photos / "Downloads" / "a.jpg")  # no name of a copy
        assert kept["sums"]["done"] == 0
        assert (kept["effect"]["to_move"], kept["effect"]["to_stay"]) == (1, 2)
        assert client.post("/api/review", json=asked | {"do": "keep"}).json()["changed"] == 0


def going(client: TestClient) -> set[str]:
    """Return the files that the plan moves, by their paths below the photos."""
    plan = without_time(plan_of(client))
    (root,) = client.get("/api/status").json()["folders"]
    paths = (each["path"] for group in plan["groups"] for each in group["members"] if each["selected"])
    return {str(Path(path).relative_to(root["path"])) for path in paths}


def test_only_what_loses_nothing_goes_by_one_act_unless_somebody_says_so(client: TestClient) -> None:
    proposed = moved(client)
    shown = {"do": "go", "shown": {}}
    client.post("/api/review", json={"do": "stay", "shown": {}})
    assert moved(client) == set()
    client.post("/api/review", json=shown)
    assert moved(client) == proposed
    assert "changed.jpg" not in proposed
    step = client.post("/api/review", json=shown | {"lossy": True}).json()["step"]
    told = {path for path, why in reasons(client).items() if why in TOLD}
    assert moved(client) == told
    assert "changed.jpg" in told
    client.delete(f"/api/review/steps/{step}")
    assert moved(client) == proposed
    rows = client.get("/api/groups/folders").json()["folders"]
    assert [(Path(row["path"]).name, row["safe"]) for row in rows] == [("old", 10), ("edits", 0)]


def moved(client: TestClient) -> set[str]:
    """Return the names of the files that the plan moves."""
    groups = without_time(plan_of(client))["groups"]
    return {Path(each["path"]).name for group in groups for each in group["members"] if each["selected"]}


def reasons(client: TestClient) -> dict[str, str]:
    """Return why files are not proposed to be moved, by their names; "" if they are."""
    groups = (client.get(f"/api/groups/{key}").json() for key in keys(client))
    return {Path(each["path"]).name: each["why_not"] for group in groups for each in group["members"]}


def test_a_plan_says_what_would_be_lost(client: TestClient) -> None:
    assert set(losses(client).values()) == {""}
    client.post("/api/review", json={"do": "go", "shown": {}, "lossy": True})
    told = losses(client)
    assert told["changed.jpg"].startswith("would lose: ")
    assert {name for name, words in told.items() if words} == {
        name for name, why in reasons(client).items() if why in TOLD - {""}
    }
    group = group_with(client, "small2.jpg")
    kept, other = number_of(group, "small2.jpg"), number_of(group, "n2.jpg")
    client.patch(f"/api/review/{group['key']}", json={"keeper": kept, "chosen": {str(other): True}})
    assert losses(client)["n2.jpg"] == "it may hold more than the file that is kept"


def losses(client: TestClient) -> dict[str, str]:
    """Return what the check of the plan says of what would be lost, by the names of the files."""
    plan = client.post("/api/plans", json={}).json()["plan"]
    files = client.post(f"/api/plans/{plan}/check", json={}).json()["files"]
    return {Path(each["path"]).name: each["loses"] for each in files}


def test_what_is_protected_stays_whatever_is_chosen(client: TestClient, copied: Copied) -> None:
    served = client.app._app.state.served  # type: ignore[attr-defined]
    served.library.copies.rules = KeepRules(protect=(str(copied.photos / "old"),))
    served.groups.read_known()
    group = group_with(client, "small2.jpg")
    assert {file["name"]: file["protected"] for file in group["files"]} == {
        "n2.jpg": False,
        "eq2.jpg": True,
        "small2.jpg": True,
    }
    chosen = {str(number_of(group, name)): True for name in ("eq2.jpg", "small2.jpg")}
    keeper = number_of(group, "n2.jpg")
    client.patch(f"/api/review/{group['key']}", json={"keeper": keeper, "chosen": chosen})
    assert not {"eq2.jpg", "small2.jpg"} & moved(client)


def test_what_was_taken_back_is_done_again(client: TestClient) -> None:
    group = group_with(client, "n2.jpg")
    keeper = number_of(group, "eq2.jpg")
    step = client.patch(f"/api/review/{group['key']}", json={"keeper": keeper}).json()["step"]
    after = without_time(plan_of(client))
    for _ in range(2):
        back = client.delete(f"/api/review/steps/{step}").json()
        assert back["sums"]["done"] == 0
        again = client.delete(f"/api/review/steps/{back['step']}").json()
        assert without_time(plan_of(client)) == after
        step = again["step"]


def test_what_only_shows_refuses_to_act_in_words(client: TestClient, copied: Copied) -> None:
    before = copied.tree()
    plan = client.post("/api/plans", json={}).json()["plan"]
    checked = client.post(f"/api/plans/{plan}/check", json={}).json()
    assert {row["state"] for row in checked["files"]} == {"planned"}
    refused = [
        client.post(f"/api/plans/{plan}/apply", json={"hash": checked["hash"]}),
        client.post("/api/jobs", json={"kind": "index"}),
        client.post("/api/decisions", json={"kind": "rejected", "groups": keys(client)[:1]}),
        client.post("/api/runs/20260101T000000-000000/undo"),
    ]
    for answer in refused:
        assert answer.status_code == 403
        assert "lookalike serve --write" in answer.json()["title"]
    assert copied.tree() == before
    assert not (copied.store / "review.json").exists()


def test_a_plan_is_checked_applied_once_and_undone(mine: Copied) -> None:
    before = mine.tree()
    with serving(mine, write=True) as client:
        plan = client.post("/api/plans", json={}).json()["plan"]
        checked = client.post(f"/api/plans/{plan}/check", json={}).json()
        body = {"hash": checked["hash"]}
        assert client.post(f"/api/plans/{plan}/apply", json={"hash": "other"}).status_code == 409
        first, again = (
            client.post(f"/api/plans/{plan}/apply", json=body, headers={"Idempotency-Key": "k"}).json()[
                "job"
            ]
            for _ in range(2)
        )
        assert first["id"] == again["id"]
        done = ended(client, first)
        assert done["state"] == "done", done
        assert done["result"]["done"] == len(checked["files"])
        photos = {path for path in mine.tree() if not path.startswith(".lookalike")}
        assert before.keys() - photos == {
            str(Path(row["path"]).relative_to(mine.photos)) for row in checked["files"]
        }
        assert len(keys(client)) == 2  # what was not proposed is still there
        run, *_ = client.get("/api/runs").json()["journals"]
        free = (
            f"to free it: `lookalike prune --older-than 0d --yes --store {mine.store}` in another terminal"
        )
        assert "freed" not in done["words"]  # it is not true any more once they are back
        assert done["result"]["free"].endswith(free)
        assert run["free"].endswith(free)
        quarantine = str(mine.photos / ".lookalike-quarantine")
        assert [each["path"] for each in run["folders"]] == [quarantine]
        assert checked["places"] == [f"they would go to the quarantine {quarantine}"]
        assert done["result"]["places"] == [f"they are in the quarantine {quarantine}"]
        listed = lookalike("undo", "--list", "--store", mine.store, "--format", "json").json["journals"]
        assert {name: run[name] for name in listed[0]} == listed[0]
        lost = next((mine.photos / ".lookalike-quarantine").rglob("*.jpg"))
        lost.rename(mine.store / "lost")
        told = client.post(f"/api/runs/{run['run']}/check").json()["files"]
        assert [each["reason"] for each in told if each["state"] == "left"] == [_GONE]
        (mine.store / "lost").rename(lost)
        one = {"files": [told[0]["id"]]}
        single = ended(client, client.post(f"/api/runs/{run['run']}/undo", json=one).json()["job"])
        assert (single["result"]["done"], Path(told[0]["path"]).exists()) == (1, True)
        assert client.post(f"/api/runs/{run['run']}/undo", json={"files": ["x"]}).status_code == 404
        none = client.post(f"/api/runs/{run['run']}/undo", json={"files": []}).json()["job"]
        assert ended(client, none)["result"]["done"] == 0
        undo = client.post(f"/api/runs/{run['run']}/undo").json()["job"]
        back = ended(client, undo)
        assert (back["state"], "freed" in back["words"]) == ("done", False)
        assert client.get("/api/runs").json()["journals"][0]["free"] == ""
        assert len(keys(client)) == 5
    assert mine.tree() == before


def test_a_run_that_was_cut_off_is_shown_and_undone(mine: Copied) -> None:
    before = mine.tree()
    done = run_child(KILLED, mine.store)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert mine.tree() != before
    with serving(mine, write=True) as client:
        run, *_ = client.get("/api/runs").json()["journals"]
        assert (run["is_whole"], run["is_going"], run["standing"]) == (False, False, 2)
        with held(str(mine.store), "actions", 1):
            assert client.get("/api/runs").json()["journals"][0]["is_going"]
        told = client.post(f"/api/runs/{run['run']}/check").json()["files"]
        assert sum(row["state"] == "planned" for row in told) == 2
        job = client.post(f"/api/runs/{run['run']}/undo").json()["job"]
        assert ended(client, job)["state"] == "done"
        run, *_ = client.get("/api/runs").json()["journals"]
        assert run["standing"] == 0
        assert client.post("/api/runs/journals.x/undo").status_code == 404
    assert mine.tree() == before


def test_nothing_is_applied_when_something_changed_since_the_check(mine: Copied) -> None:
    with serving(mine, write=True) as client:
        plan = client.post("/api/plans", json={}).json()["plan"]
        checked = client.post(f"/api/plans/{plan}/check", json={}).json()
        small = mine.photos / "old" / "small3.jpg"
        before = small.stat()
        os.utime(small)
        answer = client.post(f"/api/plans/{plan}/apply", json={"hash": checked["hash"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "Changed")
        os.utime(small, ns=(before.st_atime_ns, before.st_mtime_ns))


def decided(copied: Copied) -> list[tuple[str, str, str]]:
    """Return the pairs that were decided, and how: when that was differs from step to step."""
    rows = lookalike("decisions", "--store", copied.store, "--format", "json").json["decisions"]
    return [(row["a"], row["b"], row["kind"]) for row in rows]


def test_decisions_are_remembered_and_taken_back(mine: Copied) -> None:
    with serving(mine, write=True) as client:
        group = group_with(client, "cropped.jpg")
        step = client.post("/api/decisions", json={"kind": "rejected", "groups": [group["key"]]}).json()
        pairs = decided(mine)
        contents = {file["content"] for file in group["files"]}
        assert len(pairs) == len(contents) * (len(contents) - 1) // 2
        assert {kind for _, _, kind in pairs} == {"rejected"}
        assert step["sums"]["groups"] - step["sums"]["counts"]["rejected"] == len(keys(client)) == 4
        back = client.delete(f"/api/review/steps/{step['step']}").json()
        assert len(keys(client)) == 5
        again = client.delete(f"/api/review/steps/{back['step']}").json()
        assert decided(mine) == pairs
        assert len(keys(client)) == 4
        client.delete(f"/api/review/steps/{again['step']}")
        assert len(keys(client)) == 5
    assert decided(mine) == []


def test_the_review_outlives_the_server(mine: Copied) -> None:
    with serving(mine, write=True) as client:
        group = group_with(client, "n4.jpg")
        same = number_of(group, "small4.jpg")
        client.patch(f"/api/review/{group['key']}", json={"keeper": same})
        chosen = without_time(plan_of(client))
    with serving(mine) as client:
        assert without_time(plan_of(client)) == chosen
        assert client.get("/api/review").json()["sums"]["done"] == 1
    (mine.store / "review.json").write_bytes(b'{"version": 1, "groups": {"a": 7, "b": {"keeper": -1}}}')
    with serving(mine) as client:
        assert client.get("/api/review").json()["sums"]["done"] == 0


@pytest.fixture
def extra(copied: Copied) -> Iterator[Path]:
    """Another copy, for as long as the test takes."""
    path = copied.photos / "new" / "extra.jpg"
    shutil.copy2(path.with_name("n1.jpg"), path)
    yield path
    path.unlink()


def test_photos_are_indexed_and_their_copies_found_as_jobs(
    copied: Copied, extra: Path, tmp_path: Path
) -> None:
    mine = copied.again(tmp_path.resolve())
    with serving(mine, write=True) as client:
        (root,) = client.get("/api/roots").json()["folders"]
        job = client.post("/api/jobs", json={"kind": "index", "folders": [root["id"]]}).json()["job"]
        done = ended(client, job)
        assert (done["state"], done["result"]["copies"]) == ("done", 1), done
        assert [Path(row["path"]).name for row in client.get("/api/errors").json()["errors"]] == [
            "broken.jpg"
        ]
        found = ended(client, client.post("/api/jobs", json={"kind": "dupes"}).json()["job"])
        assert found["words"] == "5 groups of copies"
        assert any(file["name"] == extra.name for file in group_with(client, "n1.jpg")["files"])
        for path in ("new", "/nowhere", "~nobody/x"):
            assert client.post("/api/jobs", json={"kind": "index", "path": path}).status_code == 400


def lost(client: TestClient, name: str) -> tuple[str, str]:
    """Return what the list tells of a group: what another file holds, and what was chosen to be lost."""
    key = group_with(client, name)["key"]
    return next(
        (row["more"], row["losing"])
        for row in client.get("/api/groups").json()["groups"]
        if row["key"] == key
    )


def test_the_list_tells_what_is_lost_only_where_that_is_news(client: TestClient) -> None:
    group = group_with(client, "cropped.jpg")
    assert (lost(client, "n3.jpg"), lost(client, "cropped.jpg")) == (("", ""), ("", ""))
    chosen = {str(number_of(group, "cropped.jpg")): True}
    client.patch(f"/api/review/{group['key']}", json={"chosen": chosen})
    assert lost(client, "cropped.jpg") == ("", "an edit")


def test_what_only_leaving_files_say_is_merged_first_and_taken_back(tmp_path: Path) -> None:
    mine = Copied(tmp_path.resolve() / "photos", tmp_path / "store")
    for folder, keyword in (("a", "Lyon"), ("b", "sea")):
        xmp = merged(None, {"keywords": [keyword], "rating": "4"})
        save(mine.photos / folder / "beach.jpg", draw_photo(1, 320, 240), xmp=xmp, quality=90)
    make_store(mine)
    before = mine.tree()
    with serving(mine, write=True) as client:
        group = group_with(client, "beach.jpg")
        assert lost(client, "beach.jpg") == ("keywords", "")
        client.patch(f"/api/review/{group['key']}", json={"chosen": {"1": True}})
        assert lost(client, "beach.jpg") == ("keywords", "keywords")
        plan = client.post("/api/plans", json={}).json()["plan"]
        (tmp_path / "plan.json").write_bytes(client.get(f"/api/plans/{plan}").content)
        how = {"method": "quarantine", "merge": True}
        told = {
            merge: client.post(f"/api/plans/{plan}/check", json=how | {"merge": merge}).json()
            for merge in (False, True)
        }
        options = ("--merge-metadata", "--method", "quarantine", "--format", "json", "--store", mine.store)
        run = lookalike("apply", tmp_path / "plan.json", *options)
        names = ("state", "path", "method", "keeper", "reason")
        assert [[row[name] for name in names] for row in told[True]["files"]] == [
            [row[name] for name in names] for row in run.json["files"]
        ]
        assert [row["method"] for row in told[False]["files"]] == ["quarantine"]
        assert "1 sidecar would be written to" in told[True]["words"]
        assert [told[False]["files"][0]["loses"][:12], told[True]["files"][0]["loses"]] == [
            "would lose: ",
            "",
        ]
        other = client.post(f"/api/plans/{plan}/apply", json={**how, "hash": told[False]["hash"]})
        assert (other.status_code, mine.tree()) == (409, before)
        body = {**how, "hash": told[True]["hash"]}
        done = ended(client, client.post(f"/api/plans/{plan}/apply", json=body).json()["job"])
        assert done["words"].endswith("; 1 sidecar written to"), done
        (sidecar,) = mine.photos.glob("?/*.xmp")
        kept = Path(group["keeper"]["path"])
        assert sidecar.parent == kept.parent
        assert fields_of(sidecar.read_bytes()) == {
            "keywords": ["sea" if kept.parent.name == "a" else "Lyon"]
        }
        undo = client.post(f"/api/runs/{done['result']['run']}/undo").json()["job"]
        assert "1 sidecar put back" in ended(client, undo)["words"]
    assert mine.tree() == before


def test_the_page_indexes_by_the_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, found = tmp_path.resolve(), dict[str, Any]()
    for number, name in enumerate(("one/a.jpg", "one/thumbs/t.jpg", "two/b.jpg")):
        save(home / name, draw_photo(number, 96, 72))
    shutil.copy2(home / "one" / "a.jpg", home / "two" / "same.jpg")
    monkeypatch.setenv("LOOKALIKE_CONFIG", str(home / "config.toml"))
    lines = ('store = "store"', 'folders = ["two"]', 'exclude = ["thumbs/"]', 'prefer = ["two"]')
    (home / "config.toml").write_text("\n".join(lines))
    assert lookalike("index", home / "one").code == 0

    def use(server: Any, sockets: Any) -> None:
        """Ask what the server would be asked."""
        address = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        token = (home / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "X-Lookalike": "1"}
        client = TestClient(server.config.app, address, headers=headers)
        found["roots"] = client.get("/api/roots").json()["folders"]
        found["job"] = ended(client, client.post("/api/jobs", json={"kind": "index"}).json()["job"])
        client.app._app.state.served.groups.read_known()  # type: ignore[attr-defined]
        found["kept"] = group_with(client, "a.jpg")["keeper"]["path"]
        client.app._app.state.served.close()  # type: ignore[attr-defined]

    monkeypatch.setattr(serving_module._Server, "run", use)
    options = ("--no-browser", "--port", "0", "--token-file", home / "token")
    assert lookalike("serve", "--write", *options).code == 0
    assert [(Path(row["path"]).name, row["state"]) for row in found["roots"]] == [
        ("one", "online"),
        ("two", "new"),
    ]
    assert (found["job"]["result"]["listed"], found["job"]["result"]["photos"]) == (3, 2)
    assert found["kept"] == str(home / "two" / "same.jpg")
    again = lookalike("index", "--json").json
    assert (again["unchanged"], again["excluded"]) == (3, 0)


@pytest.mark.parametrize(
    ("given", "environment", "is_shown"),
    [
        (["--no-browser"], {"DISPLAY": ":0", "SSH_CONNECTION": ""}, True),
        ([], {"DISPLAY": ":0"}, False),
        ([], {"DISPLAY": "", "WAYLAND_DISPLAY": ""}, True),
        ([], {"DISPLAY": ":0", "SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, True),
    ],
)
def test_the_whole_address_is_shown_where_no_browser_surely_opens(
    copied: Copied,
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    environment: dict[str, str],
    is_shown: bool,
) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("webbrowser.open", lambda _: None)
    monkeypatch.setattr(serving_module._Server, "run", lambda server, _: server._ready())
    shown = on_terminal("serve", "--store", copied.store, "--port", "0", *given, **environment)
    assert "the page is at http://127.0.0.1:" in shown
    assert ("/#token=" in shown.replace("\n", "")) == is_shown


def test_what_is_read_ahead_ends_before_the_store_is_closed(
    copied: Copied, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_waited_for, was_open, join = threading.Event(), list[bool](), threading.Thread.join

    def read(shelf: Shelf) -> None:
        is_waited_for.wait(60)
        was_open.append(not shelf.store._is_closed)

    def wait_for(thread: threading.Thread, *arguments: Any) -> None:
        is_waited_for.set()
        join(thread, *arguments)

    monkeypatch.setattr(Shelf, "overview", read)
    monkeypatch.setattr(threading.Thread, "join", wait_for)
    monkeypatch.setattr(serving_module._Server, "run", lambda *_: None)
    assert lookalike("serve", "--store", copied.store, "--no-browser", "--port", "0").code == 0
    assert was_open == [True]


def test_the_page_begins_the_first_library_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module._Server, "run", lambda *_: None)
    options = ("serve", "--write", "--no-browser", "--port", "0")
    usual, slip = tmp_path / "usual", tmp_path / "slip"
    assert lookalike("serve", *options[2:], LOOKALIKE_STORE=str(usual)).code != 0
    assert lookalike(*options, "--store", slip).code != 0
    assert not slip.exists()
    assert not usual.exists()
    assert lookalike(*options, LOOKALIKE_STORE=str(usual)).code == 0
    assert (usual / "catalog.db").exists()


def test_a_folder_has_all_its_photos_also_those_that_lie_elsewhere_too(tmp_path: Path) -> None:
    photos = tmp_path.resolve() / "photos"
    save(photos / "Mobile" / "DCIM" / "own.jpg", draw_photo(7, 96, 72))
    for number in range(3):
        first = save(photos / "2021" / f"p{number}.jpg", draw_photo(number, 96, 72))
        for folder in ("Mobile/DCIM", "Mobile/mailed")[: number + 1]:
            copy = photos / folder / first.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(first, copy)
    with Library.open(tmp_path / "store", create=True) as library:
        library.index(photos)
    with serving(Copied(photos, tmp_path / "store")) as client:
        rows = client.get("/api/facets").json()["folders"]
        assert {row["path"].removeprefix(str(photos)): row["count"] for row in rows} == {
            "": 4,
            "/2021": 3,
            "/Mobile": 4,
            "/Mobile/DCIM": 4,
            "/Mobile/mailed": 2,
        }
        for row in rows:
            found = client.get("/api/sets", params={"folder": row["id"]}).json()
            shown = client.get(f"/api/sets/{found['set']}/photos").json()["photos"]
            assert found["count"] == row["count"] == len(shown), row
            assert all(each["path"].startswith(row["path"]) for each in shown)
        full = {row["path"]: row["files"] for row in client.get("/api/groups/folders").json()["folders"]}
        assert full[str(photos / "Mobile" / "DCIM")] == 4


def test_files_of_the_same_bytes_are_listed_while_others_are_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, find, during = Copied(tmp_path / "photos", tmp_path / "store"), Copies.find, list[Any]()
    first = save(mine.photos / "first.jpg", draw_photo(1), quality=92)
    save(mine.photos / "small.jpg", draw_photo(1).resize((320, 240)), quality=80)
    with Library.open(mine.store, create=True) as library:
        library.index(mine.photos)

    with serving(mine, write=True) as client:

        def looked_at(self: Copies, *arguments: Any, **options: Any) -> CopyReport:
            if self.store.is_writable:
                during.append(client.get("/api/groups").json())
            return find(self, *arguments, **options)

        shutil.copy2(first, mine.photos / "same.jpg")
        ended(client, client.post("/api/jobs", json={"kind": "index"}).json()["job"])
        assert keys(client) == []
        monkeypatch.setattr(Copies, "find", looked_at)
        ended(client, client.post("/api/jobs", json={"kind": "dupes"}).json()["job"])
        after = client.get("/api/groups").json()
    told = [
        [(row["class"], row["files"]) for row in answer["groups"]] + [answer["found"]["is_whole"]]
        for answer in (*during, after)
    ]
    assert told == [[("exact", 2), False], [("copy", 3), True]]


def test_a_locked_store_says_who_has_it(mine: Copied) -> None:
    with serving(mine, write=True) as client, held(str(mine.store), "indexing", 1):
        answer = client.post("/api/jobs", json={"kind": "index"})
        assert (answer.status_code, answer.json()["exit_code"]) == (409, 5)
        assert "in use by" in answer.json()["title"]
        plan = client.post("/api/plans", json={}).json()["plan"]
        checked = client.post(f"/api/plans/{plan}/check", json={}).json()
        with held(str(mine.store), "actions", 1):
            moving = client.post(f"/api/plans/{plan}/apply", json={"hash": checked["hash"]})
        assert (moving.status_code, moving.json()["exit_code"]) == (409, 5)


def test_10000_groups_are_listed_and_walked_through_at_once(tmp_path: Path) -> None:
    entry = Pass(8765)
    with Library.open(tmp_path / "store", create=True, write=True) as library:
        served = Served(library, can_write=True)
        groups = make_groups(library.store, 10_000)
        served.groups.put(CopyReport(tuple(groups), 20_000, Expectation()))
        client = client_of(served, entry, {"Authorization": f"Bearer {entry.token}"})

        started = time.process_time()
        page = client.get("/api/groups").json()
        listed = time.process_time() - started
        assert (page["count"], page["sums"]["counts"]["safe"]) == (10_000, 10_000)

        times = []
        for row in page["groups"][:40]:
            started = time.process_time()
            assert client.get(f"/api/groups/{row['key']}").status_code == 200
            client.patch(f"/api/review/{row['key']}", json={"keeper": 1})
            times.append(time.process_time() - started)
        served.close()
    # About 0.3 s and 10 ms on a machine with nothing to do.
    assert listed < 1
    assert statistics.median(times) < 0.3


def test_events_go_on_where_a_page_left_off() -> None:
    events = Events()
    for number in range(3):
        events.tell("job", {"number": number})
    assert [event.fields["number"] for event in events.after(1)] == [1, 2]
    assert events.after(3) == []
    assert [event.kind for event in events.after(99)] == ["missed"]  # of a server that was started again
    for _ in range(1000):
        events.tell("runs")
    assert [event.kind for event in events.after(2)] == ["missed"]

    async def read() -> list[bytes]:
        stream = events.stream(events.after(990)[-1].number - 1)
        found = [await anext(stream) for _ in range(2)]
        events.close()
        return [*found, *[each async for each in stream]]

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop of its own, that of the browser
        told = thread.submit(lambda: asyncio.run(read())).result()
    assert told == [b": hello\n\n", b"id: 1003\nevent: runs\ndata: {}\n\n"]
