"""What was done to files, written before it is done: one file of JSON lines for each run.

A line tells what is about to happen ("intent") or how it ended; a crash leaves intents without an end,
which `undo` settles by looking at the files. Journals lie in the store, and depend on nothing else in it.
"""

import dataclasses
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from ...errors import StoreUnwritable, UsageError
from ...store.documents import SCHEMA_VERSION, Row, dumps, path_fields
from .moves import sync_folders
from .planfile import path_in

_FOLDER = "journals"
_PATHS = ("path", "to", "note", "base", "keeper", "same_as")


@dataclass(frozen=True, slots=True)
class Action:
    """One file and what happens to it.

    number: within the journal. unit: files that are moved together share one. method: "trash",
    "quarantine", "hardlink", "symlink" or "reflink". path: where it lay. to: where it is moved. note: what
    a trash remembers of it. base: the folder that holds the quarantine. digest: blake3, hex. ino: its
    inode. kind: "exact", "copy" or "similar" for a photo, else what kind of companion it is. keeper,
    keeper_digest: the file that stays for it. same_as: a file beside the keeper that may be the same as
    this companion.
    """

    number: int
    unit: int
    method: str
    path: str
    to: str
    digest: str
    size: int
    mtime_ns: int
    ino: int
    kind: str
    keeper: str
    keeper_digest: str
    note: str = ""
    base: str = ""
    same_as: str = ""

    @property
    def is_photo(self) -> bool:
        """Whether it is a photo of the plan, no companion."""
        return self.kind in ("exact", "copy", "similar")

    @property
    def is_link(self) -> bool:
        """Whether a link to the keeper took its place."""
        return self.method not in ("trash", "quarantine")

    def fields(self) -> Row:
        """Return it as a line of a journal."""
        row = dataclasses.asdict(self)
        for name in _PATHS:
            row |= path_fields(row.pop(name), name)
        return row

    @classmethod
    def from_fields(cls, row: Row) -> "Action":
        """Return the action of a line.

        Raises:
            KeyError, TypeError, ValueError: it is no action.
        """
        names = [each.name for each in dataclasses.fields(cls)]
        values: dict[str, Any] = {
            name: path_in(row, name) if name in _PATHS else row[name] for name in names
        }
        return cls(**values)


@dataclass(slots=True)
class Record:
    """A journal as it was read.

    name: of the run. began: ISO 8601, UTC. ends: how each action ended, by number: "done", "failed",
    "undone" or "pruned"; what is missing there is an intent without an end. damaged: lines that cannot be
    read, without a last one that a crash tore. is_closed: the last run over it was not cut off.
    """

    name: str
    path: str
    began: str
    method: str
    actions: list[Action] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)
    damaged: int = 0
    is_closed: bool = False

    @property
    def pending(self) -> list[Action]:
        """The actions that may still be undone."""
        return [action for action in self.actions if self.ends.get(action.number, "done") == "done"]


class Journal:
    """Writes a journal; use it as a context manager."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._waiting: list[Row] = []
        self._out = open(path, "ab+", opener=_private)  # noqa: SIM115 - closed by close
        if self._out.tell() and not self._ends_a_line():
            self._out.write(b"\n")  # a crash tore the last line

    def _ends_a_line(self) -> bool:
        self._out.seek(-1, os.SEEK_END)
        return self._out.read() == b"\n"

    @classmethod
    def begin(cls, store: str, name: str, **more: Any) -> "Journal":
        """Begin the journal of a run in the folder of a store.

        Raises:
            StoreUnwritable: it cannot be written.
        """
        folder = os.path.join(store, _FOLDER)
        try:
            os.makedirs(folder, 0o700, exist_ok=True)
            journal = cls(os.path.join(folder, f"{name}.jsonl"))
            sync_folders(folder, store)
        except OSError as error:
            raise StoreUnwritable(f"cannot write a journal in {folder}: {error.strerror}") from error
        journal.write({"schema_version": SCHEMA_VERSION, "run": name, "began": _now(), **more})
        return journal

    def intend(self, actions: Iterable[Action]) -> None:
        """Write what is about to be done; it is on the disk when this returns."""
        self.write(*({"state": "intent", **action.fields()} for action in actions))

    def end(self, actions: Iterable[Action], state: str) -> None:
        """Write how actions ended, with the next line that must be on the disk."""
        self._waiting += [{"state": state, "number": action.number} for action in actions]

    def write(self, *rows: Row) -> None:
        """Append lines, after those that wait, and see them to the disk.

        Raises:
            StoreUnwritable: they cannot be written.
        """
        try:
            self._out.write(b"".join(dumps(row) + b"\n" for row in (*self._waiting, *rows)))
            self._out.flush()
            os.fsync(self._out.fileno())
        except OSError as error:
            raise StoreUnwritable(
                f"cannot write the journal {self._path}: {error.strerror}; nothing more was done"
            ) from error
        self._waiting.clear()

    def close(self) -> None:
        """Write what waits, and that this run came to its end."""
        try:
            self.write({"closed": True})
        finally:
            self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_name() -> str:
    """Return a name for a run, later ones later in the alphabet."""
    # One run writes at a time, so that a microsecond is a name.
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S-%f}"


def journals(store: str) -> list[Record]:
    """Return the journals of a store, newest first.

    Raises:
        StoreUnwritable: their folder cannot be listed.
    """
    try:
        names = sorted(os.listdir(os.path.join(store, _FOLDER)), reverse=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnwritable(f"cannot list the journals in {store}: {error.strerror}") from error
    paths = [os.path.join(store, _FOLDER, name) for name in names if name.endswith(".jsonl")]
    return [read_journal(path) for path in paths]


def journal_named(store: str, name: str) -> Record:
    """Return the journal of a run, by its name or the path of its file.

    Raises:
        UsageError: there is none.
    """
    path = name if os.path.isfile(name) else os.path.join(store, _FOLDER, f"{name}.jsonl")
    if not os.path.isfile(path):
        raise UsageError(f"there is no journal {name} in {store}; `lookalike undo --list` names them")
    return read_journal(path)


def read_journal(path: str) -> Record:
    """Read a journal; a line that a crash tore is not counted.

    Raises:
        UsageError: it cannot be read.
    """
    record = Record(os.path.splitext(os.path.basename(path))[0], path, "", "")
    try:
        with open(path, "rb") as source:
            *lines, last = source.read().split(b"\n")
    except OSError as error:
        raise UsageError(f"cannot read the journal {path}: {error.strerror}") from error
    record.damaged = sum(not _take(record, line) for line in lines if line)
    _take(record, last)
    return record


def _take(record: Record, line: bytes) -> bool:
    """Take in one line; False: it cannot be read."""
    try:
        row = json.loads(line)
        record.is_closed = "closed" in row
        if record.is_closed:
            return True
        if "began" in row:
            record.began, record.method = str(row["began"]), str(row.get("method", ""))
        elif row["state"] == "intent":
            record.actions.append(Action.from_fields(row))
        else:
            record.ends[int(row["number"])] = str(row["state"])
    except (KeyError, TypeError, ValueError):
        return False
    return True


def set_aside(folder: str) -> frozenset[bytes]:
    """Return the contents that the runs of a store put somewhere from where they can still come back."""
    actions = (action for record in journals(folder) for action in record.pending)
    return frozenset(bytes.fromhex(action.digest) for action in actions if os.path.lexists(action.to))
