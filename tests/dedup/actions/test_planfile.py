"""A plan is a stranger's JSON until all of it was looked at."""

import json
from typing import Any

import pytest

from lookalike.dedup.actions.planfile import read_plan
from lookalike.errors import UsageError

FILE: dict[str, Any] = {
    "path": "/photos/a.jpg",
    "blake3": "0" * 64,
    "bytes": 10,
    "mtime_ns": 1_700_000_000_123_456_789,
    "companions": [
        {"path": "/photos/a.xmp", "kind": "sidecar", "bytes": 1, "mtime_ns": 2, "shared": False},
        {"path": "/photos/b.xmp", "kind": "sidecar", "bytes": 1, "mtime_ns": 2, "shared": True},
    ],
}
MEMBER = FILE | {"path": "/photos/b.jpg", "class": "copy", "transform": "smaller", "selected": True}


def plan_with(**changes: Any) -> bytes:
    group = {"keeper": FILE, "members": [MEMBER]}
    return json.dumps({"schema_version": 1, "groups": [group], **changes}).encode()


def member_with(**changes: Any) -> bytes:
    return plan_with(groups=[{"keeper": FILE, "members": [MEMBER | changes]}])


def test_a_plan_is_read_with_all_that_is_needed() -> None:
    plan = read_plan(plan_with(protect=[{"path": "/photos/album"}]), "plan.json")
    ((member,),) = (group.members for group in plan.groups)
    assert plan.protect == ("/photos/album",)
    assert (member.kind, member.selected, member.file.path) == ("copy", True, "/photos/b.jpg")
    assert member.file.mtime_ns == 1_700_000_000_123_456_789
    # What belongs to another photo as well does not go.
    assert [each.path for each in member.file.companions] == ["/photos/a.xmp"]


def test_names_that_are_no_text_come_as_their_bytes() -> None:
    plan = read_plan(member_with(path="/photos/caf\udce9.jpg", path_b64="L3Bob3Rvcy9jYWbpLmpwZw=="), "p")
    assert plan.groups[0].members[0].file.path == "/photos/caf\udce9.jpg"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a plan"),
        (b"[]", "holds no groups"),
        (b"[" * 100_000, "not a plan"),
        (b'{"schema_version": 1}', "holds no groups"),
        (b'{"schema_version": 1, "groups": [{"group": 1}]}', "listing of `dupes --json`"),
        (b"\xff\xfe", "not a plan"),
        (plan_with(schema_version=2), "schema_version is 2"),
        (plan_with(groups={}), "groups is a list"),
        (plan_with(groups=[1]), "group 1: an object"),
        (plan_with(groups=[{"members": []}]), "group 1, keeper"),
        (plan_with(protect=["x"]), "protect"),
        (member_with(path="a.jpg"), "member 1: path is an absolute path, not 'a.jpg'"),
        (member_with(path="/a\0.jpg"), "absolute path"),
        (member_with(path_b64="!"), "not base64"),
        (member_with(path_b64=3), "not base64"),
        (member_with(blake3="0" * 63), "64 hex digits"),
        (member_with(blake3=None), "64 hex digits"),
        (member_with(bytes="10"), "bytes is a whole number"),
        (member_with(bytes=True), "bytes is a whole number"),
        (member_with(mtime_ns=1e9), "mtime_ns is a whole number"),
        (member_with(mtime_ns=1 << 70), "mtime_ns is a whole number"),
        (member_with(**{"class": "twin"}), "class is one of exact, copy, similar"),
        (member_with(selected="yes"), "selected is true or false"),
        (member_with(companions=[{"kind": "raw"}]), "there is no path"),
        (member_with(**{"class": ["exact"]}), "class is one of exact, copy, similar"),
        (member_with(path="/photos/\ud800.jpg"), "absolute path"),
        (member_with(path="/a" * 40_000), "absolute path"),
        (member_with(bytes=10**4000), "bytes is a whole number"),
        (member_with(selected=[[[["x" * 1000] * 1000] * 100]]), "selected is true or false"),
        (plan_with(schema_version=["x" * 1000] * 1000), "schema_version is"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        read_plan(data, "plan.json")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("pattern", [b"{},", b"[],", b"1,,"])
def test_more_than_memory_would_take_is_refused_before_it_is_read(pattern: bytes) -> None:
    """Of ten million files a plan has more than a hundred million pieces."""
    with pytest.raises(UsageError, match="too large for a plan"):
        read_plan(b'{"schema_version": 1, "groups": [' + pattern * 20_000_000 + b"1]}", "plan.json")


def test_a_huge_file_is_not_read_as_a_plan() -> None:
    with pytest.raises(UsageError, match="too large for a plan"):
        read_plan(bytes((512 << 20) + 1), "plan.json")
