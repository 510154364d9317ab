"""The file itself: nothing in it can break out, the plan in it is the plan, and no other file is harmed."""

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lookalike.dedup.actions.plan import Origin, plan_of
from lookalike.errors import OutputUnwritable, UsageError
from lookalike.output.report.data import Review
from lookalike.output.report.write import REPORT, write_report
from lookalike.store.documents import document
from lookalike.store.store import Store
from lookalike.tests.library import lookalike
from lookalike.tests.output.report.making import MARKUP, NOT_UTF8, Written, make_groups, make_library

ORIGIN = Origin("2026-01-02T03:04:05+00:00", "/store", ("/photos",))


class Tags(HTMLParser):
    """What a browser's parser sees: the tags, and the text of the data."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, str] = {}
        self._id = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._id = (dict(attrs).get("id") or "") if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._id:
            self.data[self._id] = self.data.get(self._id, "") + data


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "store", create=True, write=True) as store:
        yield store


def data_of(html: Path) -> Any:
    return json.loads(Tags(html.read_text()).data["data"])


def test_the_plan_in_the_page_is_that_of_the_command_line(written: Written) -> None:
    data = data_of(written.html)
    plan = json.loads(written.plan)

    groups = [group for group in data["groups"] if group["kind"] == "copies"]
    for group, expected in zip(groups, plan["groups"], strict=True):
        kept, *members = (json.loads(file["plan"]) for file in group["files"])
        assert kept | {"reason": group["reason"]} == expected["keeper"]
        said = [
            member
            | {"class": file["class"], "transform": file["transform"]}
            | {"selected": not file["whyNot"], "why_not": file["whyNot"]}
            for member, file in zip(members, group["files"][1:], strict=True)
        ]
        assert said == expected["members"]
    assert json.loads(data["head"] + "}") == {name: plan[name] for name in plan if name != "groups"}


def test_names_of_strangers_add_no_tag_and_break_no_script(written: Written) -> None:
    html = written.html.read_text()
    tags = Tags(html).tags

    assert not [attributes for tag, attributes in tags if tag == "img"]
    assert MARKUP[1] not in html
    assert html.count("<script") == html.count("</script>")
    data = data_of(written.html)
    files = [file for group in data["groups"] for file in group["files"]]
    assert any((file["folder"].endswith(MARKUP[0]), file["name"]) == (True, MARKUP[1]) for file in files)
    (odd,) = {file["plan"] for file in files if "path_b64" in file["plan"]}
    assert os.fsencode(json.loads(odd)["path"]).endswith(NOT_UTF8)


def test_only_the_page_and_its_own_style_and_script_are_allowed(written: Written) -> None:
    tags = Tags(written.html.read_text()).tags
    (policy,) = (a["content"] or "" for tag, a in tags if a.get("http-equiv") == "Content-Security-Policy")

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not [a for _, a in tags if any(name == "style" or name.startswith("on") for name in a)]
    assert {value for _, a in tags for name, value in a.items() if name in ("src", "href")} == {"data:,"}


def test_every_picture_is_in_the_file_once(written: Written) -> None:
    tags, data = Tags(written.html.read_text()).tags, data_of(written.html)

    thumbs = [a["id"] for tag, a in tags if tag == "script" and a.get("type") == "text/plain"]
    shown = {f"t{file['content']}" for group in data["groups"] for file in group["files"]}
    assert len(thumbs) == len(set(thumbs))
    assert shown == set(thumbs)


def test_a_report_of_the_same_groups_has_the_same_id_and_others_another(
    store: Store, tmp_path: Path
) -> None:
    groups = make_groups(store, 3)

    def id_of(*which: int, created: str = "2026") -> Any:
        origin = Origin(created, "/store", ())
        write_report(str(tmp_path / "r.html"), Review([groups[n] for n in which], origin), store)
        return data_of(tmp_path / "r.html")["id"]

    assert id_of(0, 1) == id_of(0, 1, created="2027") != id_of(0, 2)


def test_no_groups_make_a_page_too(store: Store, tmp_path: Path) -> None:
    write_report(str(tmp_path / "r.html"), Review([], ORIGIN), store)

    data = data_of(tmp_path / "r.html")
    assert data["groups"] == []
    assert data["head"] + ', "groups": []}\n' == document(plan_of([], ORIGIN)).decode()


def test_a_thumbnail_that_is_lost_leaves_the_others(store: Store, tmp_path: Path) -> None:
    groups = make_groups(store, 2)
    with Store.open(tmp_path / "other", create=True, write=True) as empty:
        write_report(str(tmp_path / "r.html"), Review(groups, ORIGIN), empty)

    assert len(data_of(tmp_path / "r.html")["groups"]) == 2


@pytest.mark.parametrize("name", ["photo.jpg", "report", "plan.json"])
def test_a_report_goes_only_into_a_file_that_is_named_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"ends in \.html"):
        REPORT.check(str(tmp_path / name))


def test_a_file_that_is_no_report_is_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("<html>my own page</html>")

    with pytest.raises(UsageError, match="choose another name"):
        write_report(str(tmp_path / "r.html"), Review([], ORIGIN), store)

    assert (tmp_path / "r.html").read_text() == "<html>my own page</html>"
    with pytest.raises(UsageError, match="make it first"):
        REPORT.check(str(tmp_path / "nowhere" / "r.html"))


def test_what_fails_half_way_leaves_the_old_report_and_nothing_else(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = make_groups(store, 4)
    target = tmp_path / "out" / "r.html"
    target.parent.mkdir()
    write_report(str(target), Review(groups[:1], ORIGIN), store)
    before, asked = target.read_bytes(), []

    def fail(digest: bytes) -> bytes:
        asked.append(digest)
        if len(asked) > 3:
            raise OSError(28, "No space left on device")
        return b"jpeg"

    monkeypatch.setattr(store.thumbs, "get", fail)
    with pytest.raises(OutputUnwritable, match="No space left"):
        write_report(str(target), Review(groups, ORIGIN), store)

    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_dupes_writes_report_and_plan_of_one_moment(tmp_path: Path) -> None:
    photos, store = make_library(tmp_path), tmp_path / "s"
    lookalike("index", photos, "--store", store)
    html, plan = tmp_path / "r.html", tmp_path / "plan.json"

    run = lookalike(
        "dupes", "--store", store, "--html", html, "--plan", plan, "--protect", photos / "safe", "--similar"
    )

    assert run.code == 0
    assert f"report written to {html}" in run.err
    data = data_of(html)
    assert json.loads(data["head"] + "}")["created"] == json.loads(plan.read_bytes())["created"]
    assert any(file["protected"] for group in data["groups"] for file in group["files"])
    refused = lookalike("dupes", "--store", store, "--html", photos / "second.jpg")
    assert refused.code == 2
    assert "ends in .html" in refused.err
