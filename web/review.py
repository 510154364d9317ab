"""What people decided in the review, by group: kept beside the store, so that every page agrees."""

import json
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..store.documents import Row, dumps
from ..store.files import replaced
from .choices import PROPOSED, Choice
from .problems import Gone

NAME = "review.json"
_VERSION = 1
_MOST = 100_000  # groups; the oldest are forgotten first
_BACK = 100  # steps that can be undone
STATES = ("new", "looked", "skipped", "rejected")


@dataclass(frozen=True, slots=True)
class State:
    """What became of a group in the review.

    state: "new" (nobody looked at it), "looked", "skipped" or "rejected" (no copies). at: when, ISO 8601.
    """

    choice: Choice = PROPOSED
    state: str = "new"
    at: str = field(default="", compare=False)

    def fields(self) -> Row:
        """Return it as a JSON object."""
        chosen = {str(number): wanted for number, wanted in self.choice.chosen.items()}
        return {"keeper": self.choice.keeper, "chosen": chosen, "state": self.state, "at": self.at}

    @classmethod
    def from_fields(cls, row: Any) -> "State":
        """Return the state of a JSON object.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: it is none.
        """
        chosen = {int(number): bool(wanted) for number, wanted in row["chosen"].items()}
        if row["state"] not in STATES or int(row["keeper"]) < 0:
            raise ValueError
        return cls(Choice(int(row["keeper"]), chosen), row["state"], str(row["at"]))


UNTOUCHED = State()


@dataclass(eq=False)
class Review:
    """The states of all groups. path: of the file that keeps them. can_write: it may be written."""

    path: str
    can_write: bool
    _states: "OrderedDict[str, State]" = field(default_factory=OrderedDict)
    _steps: "OrderedDict[str, Mapping[str, State]]" = field(default_factory=OrderedDict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.revision = 0
        self._states.update(_read(self.path))

    def of(self, key: str) -> State:
        """Return the state of a group."""
        return self._states.get(key, UNTOUCHED)

    def touched(self) -> dict[str, State]:
        """Return the states of all groups that somebody touched."""
        with self._mutex:
            return dict(self._states)

    def change(self, states: Mapping[str, State]) -> str:
        """Take over new states of groups; return the name of the step, by which it is undone."""
        with self._mutex:
            step = secrets.token_hex(8)
            self._steps[step] = {key: self.of(key) for key in states}
            while len(self._steps) > _BACK:
                self._steps.popitem(last=False)
            self._put(states)
            return step

    def undo(self, step: str) -> tuple[str, list[str]]:
        """Take a step back; return the step that does it again, and the keys of the groups that it changed.

        Raises:
            Gone: it was undone before, or is too long ago.
        """
        with self._mutex:
            before = self._steps.pop(step, None)
        if before is None:
            raise Gone("this step cannot be taken back any more")
        return self.change(before), list(before)

    def _put(self, states: Mapping[str, State]) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for key, state in states.items():
            self._states.pop(key, None)
            if state != UNTOUCHED:
                self._states[key] = replace(state, at=state.at or now)
        while len(self._states) > _MOST:
            self._states.popitem(last=False)
        self.revision += 1
        self._save()

    def _save(self) -> None:
        if not self.can_write:
            return
        rows = {key: state.fields() for key, state in self._states.items()}
        # A full disk must not stop the review; what is in memory goes on, and the next step writes all.
        with suppress(OSError), replaced(self.path, durable=False) as out:
            out.write(dumps({"version": _VERSION, "groups": rows}))


def _read(path: str) -> Iterable[tuple[str, State]]:
    """Return what is kept in a file; what cannot be read counts as never said."""
    try:
        with open(path, "rb") as source:
            document = json.load(source)
        rows = dict(document["groups"]) if document["version"] == _VERSION else {}
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return []
    found = []
    for key, row in rows.items():
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            found.append((str(key), State.from_fields(row)))
    return found


def review_of(folder: str, *, can_write: bool) -> Review:
    """Return the review of the store in folder."""
    return Review(os.path.join(folder, NAME), can_write)
