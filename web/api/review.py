"""What people choose in the review: of one group or of many at once, and each step back."""

import os
from collections import Counter
from collections.abc import Set
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ...errors import UsageError
from ...store.documents import SCHEMA_VERSION, Row, path_fields
from ...store.names import is_name_of_copy
from ..choices import TOLD, Choice, Chosen, files_of
from ..groups import Filter, Listed, Show, change_of, is_in
from ..review import State
from ..served import Served
from .asked import Server, folder_named

router = APIRouter(prefix="/api", tags=["review"])

_MOST_NAMED, _MOST_TOLD, _MOST_FROM = 10_000, 500, 3
Act = Literal["go", "stay", "propose", "keep", "skip", "look", "forget"]
Key = Annotated[str, Field(max_length=40)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Chosen1(_Body):
    """What is chosen in a group: the number of the kept file, and by their numbers what goes or stays."""

    keeper: int = Field(default=0, ge=0)
    chosen: dict[int, bool] = Field(default_factory=dict)
    state: Literal["new", "looked", "skipped"] = "looked"


class Shown(_Body):
    """Groups by a filter, as in the list."""

    state: Show = ""
    folder: str = Field(default="", max_length=64)
    change: str = Field(default="", max_length=64)
    text: str = Field(default="", max_length=400)


class Only(_Body):
    """Which files of the groups are meant: those of a folder, those to which something was done.

    below: also those in folders below that one.
    """

    folder: str = Field(default="", max_length=64)
    change: str = Field(default="", max_length=64)
    below: bool = True


class Many(_Body):
    """Something done to many groups.

    do: "go", "stay": what becomes of the files that are meant. "keep": these stay, one of them as the kept
    file, and others go. "propose": as it was proposed. "skip", "look": how the groups count; the other acts
    leave that as it is. "forget": as if nobody had looked.
    lossy: files go also where something is told to be lost with them; else only what loses nothing does.
    """

    do: Act
    groups: list[Key] | None = Field(default=None, max_length=_MOST_NAMED)
    shown: Shown | None = None
    only: Only = Field(default_factory=Only)
    lossy: bool = False


class Decisions(_Body):
    """What is said of all pairs of some groups."""

    kind: Literal["confirmed", "rejected"]
    groups: list[Key] | None = Field(default=None, max_length=_MOST_NAMED)
    shown: Shown | None = None


@router.get("/review")
def review(served: Server) -> dict[str, Any]:
    """Tell how much of the review is done, and what would go."""
    found = served.groups.get()
    sums = found.sums(served.review) if found else None
    return {"schema_version": SCHEMA_VERSION, "revision": served.review.revision, "sums": sums}


@router.patch("/review/{key}")
def choose(served: Server, key: str, given: Chosen1) -> dict[str, Any]:
    """Choose in one group: which file is kept, and what becomes of the others."""
    listed = served.groups.now().named(key)
    count = len(files_of(listed.group))
    if given.keeper >= count or any(not 0 <= each < count for each in given.chosen):
        raise UsageError(f"the files of this group have numbers from 0 to {count - 1}")
    step = served.review.change({key: State(Choice(given.keeper, given.chosen), given.state)})
    return _changed(served, step, [key])


@router.post("/review")
def choose_many(served: Server, given: Many) -> dict[str, Any]:
    """Do the same to many groups at once. effect: what goes now and did not before, and what stays now."""
    folder = folder_named(served, given.only.folder) if given.only.folder else ""
    only = _Only(folder, given.only, TOLD if given.lossy else frozenset({""}))
    states, before, after = dict[str, State](), set[str](), set[str]()
    for each in _meant(served, given.groups, given.shown):
        now = served.review.of(each.key)
        state = _done(each, now, given.do, only)
        if state is not None and state != now:
            states[each.key] = state
            before |= each.to_move(now)
            after |= each.to_move(state)
    step = served.review.change(states) if states else ""
    return _changed(served, step, list(states)) | {"effect": _effect(before, after)}


def _effect(before: Set[str], after: Set[str]) -> Row:
    """Return how many files go that did not, from which folders, and how many stay that went."""
    leaving = Counter(map(os.path.dirname, after - before))
    rows = [{**path_fields(folder), "files": files} for folder, files in leaving.most_common(_MOST_FROM)]
    return {
        "to_move": leaving.total(),
        "to_stay": len(before - after),
        "folders": len(leaving),
        "from": rows,
    }


@router.post("/decisions")
def decide(served: Server, given: Decisions) -> dict[str, Any]:
    """Remember of groups that they are copies, or that they are none."""
    served.check_writing()
    groups = _meant(served, given.groups, given.shown)
    step = served.decider.decide(groups, given.kind)
    return _changed(served, step, [each.key for each in groups])


@router.delete("/review/steps/{step}")
def take_back(served: Server, step: str) -> dict[str, Any]:
    """Take a step back: what was chosen, and what was decided in it. The answer's step does it again."""
    return _changed(served, *served.decider.undo(step))


class _Only:
    """The files that are meant. folder: a path, "": in any. why_not: of those that may go."""

    def __init__(self, folder: str, given: Only, why_not: Set[str]) -> None:
        self._folder, self._given, self._why_not = folder, given, why_not

    def may_go(self, chosen: Chosen, number: int) -> bool:
        return chosen.relation(number).why_not in self._why_not

    def has(self, listed: Listed, number: int) -> bool:
        home, change = os.path.dirname(files_of(listed.group)[number][1].path), self._given.change
        if self._folder and not (home == self._folder or (self._given.below and is_in(home, self._folder))):
            return False
        return not change or (number > 0 and change_of(listed.group.members[number - 1]) == change)


def _meant(served: Served, keys: list[str] | None, shown: Shown | None) -> list[Listed]:
    found = served.groups.now()
    if keys is not None:
        return [found.named(key) for key in keys]
    if shown is None:
        raise UsageError("say which groups are meant: `groups` or `shown`")
    folder = folder_named(served, shown.folder) if shown.folder else ""
    wanted = Filter(shown.state, folder, shown.change, shown.text)
    return found.passing(wanted, "bytes", served.review)


def _done(listed: Listed, now: State, act: Act, only: _Only) -> State | None:
    """Return the state of a group after something was done to it; None: nothing can be."""
    if act in ("skip", "look"):
        return State(now.choice, "skipped" if act == "skip" else "looked")
    if act == "forget":
        return State()
    choice = Choice() if act == "propose" else _chosen(listed, now.choice, act, only)
    # Nobody looked at the group itself.
    return None if choice is None else State(choice, now.state)


def _chosen(listed: Listed, now: Choice, act: Act, only: _Only) -> Choice | None:
    """Return what is chosen in a group after files go, stay or are kept; None: it has no such file."""
    meant = [each for each in range(len(files_of(listed.group))) if only.has(listed, each)]
    if act == "keep":
        return _kept(listed, now, meant) if meant else None
    chosen = listed.chosen(now)
    meant = [
        each
        for each in meant
        if each != chosen.keeper
        and (only.may_go(chosen, each) if act == "go" else not chosen.relation(each).is_locked)
    ]
    wanted = dict(now.chosen)
    for each in meant:
        if (chosen.relation(each).why_not == "") == (act == "go"):
            wanted.pop(each, None)
        else:
            wanted[each] = act == "go"
    return Choice(now.keeper, wanted) if meant else None


def _kept(listed: Listed, now: Choice, meant: list[int]) -> Choice:
    """Return what is chosen when some files stay, one of them as the kept one if none is."""
    files = files_of(listed.group)
    first = min(meant, key=lambda number: is_name_of_copy(files[number][1].path))
    choice = now if now.keeper in meant else Choice(first)
    chosen = listed.chosen(choice)
    return Choice(choice.keeper, {**choice.chosen, **{each: False for each in meant if chosen.goes(each)}})


def _changed(served: Served, step: str, keys: list[str]) -> dict[str, Any]:
    """Tell what a step changed, here and to all other pages. step: by which it is taken back."""
    served.events.tell("review", {"revision": served.review.revision, "groups": keys[:_MOST_TOLD]})
    found = served.groups.now()
    told = [found.named(key) for key in keys[:_MOST_TOLD] if key in found]
    return {
        "schema_version": SCHEMA_VERSION,
        "revision": served.review.revision,
        "step": step,
        "changed": len(keys),
        "groups": [each.row(served.review.of(each.key)) for each in told],
        "sums": found.sums(served.review),
    }
