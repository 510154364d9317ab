"""What was done to files, written before it is done: one file of JSON lines for each run.

A line tells what is about to happen ("intent") or how it ended; a crash leaves intents without an end,
which `undo` settles by looking at the files. Journals lie in the store, and depend on nothing else in it.
They are read as a stranger's (see entry.py): a line that no run of ours has written counts as damaged.
"""

import dataclasses
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from ...errors import Refusal, StoreUnwritable, UsageError
from ...store.documents import SCHEMA_VERSION, Row, dumps, path_fields
from .entry import digest_in, lines_of, moment_of, number_in, place_in, row_of, text_in
from .folders import has_entries
from .moves import sync_folders
from .trash import QUARANTINE, note_of
from .trust import check_folders, check_own
from .writes import Write

_FOLDER = "journals"
_PATHS = ("path", "to", "note", "base", "keeper", "same_as")
_METHODS = ("trash", "quarantine", "hardlink", "symlink", "reflink")
# How an action ended. "pruning" and "kept" are no ends: its file may be there, or could not be removed.
_STATES = ("done", "failed", "undone", "pruning", "pruned", "kept")


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
            ValueError: it is none that a run of ours has written.
        """
        places = {name: place_in(row, name) for name in _PATHS}
        if row.get("method") not in _METHODS or not (places["path"] and places["to"] and places["keeper"]):
            raise ValueError("it has no method, or lacks a path")
        if os.path.normpath(places["path"]) != places["path"]:
            raise ValueError("path is not as short as it can be")
        if places["note"] and (row["method"] != "trash" or places["note"] != note_of(places["to"])):
            raise ValueError("note is not what a trash remembers of it")
        return cls(
            number=number_in(row, "number", 1),
            unit=number_in(row, "unit"),
            method=row["method"],
            digest=digest_in(row, "digest"),
            size=number_in(row, "size"),
            mtime_ns=number_in(row, "mtime_ns", -(1 << 63)),
            ino=number_in(row, "ino"),
            kind=text_in(row, "kind"),
            keeper_digest=digest_in(row, "keeper_digest"),
            **places,
        )


@dataclass(slots=True)
class Tally:
    """So many files of so many bytes."""

    files: int = 0
    size: int = 0

    def add(self, action: Action) -> None:
        """Count one more."""
        self.files += 1
        self.size += action.size


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of the files of a run, as they lie now; each file counts once.

    quarantined, trashed: they wait there, for undo or prune. kept: they wait in the quarantine, too, since
    prune could not remove them. back: they were put back, or never left. pruned: removed for good. gone:
    they were moved, and are not where they were put: somebody emptied the trash or took them out. away: the
    folder that holds their quarantine is not there, or empty: its drive is away, or it has another name.
    damaged: lines of the journal that cannot be read; nothing is known of their files.
    """

    quarantined: Tally = field(default_factory=Tally)
    trashed: Tally = field(default_factory=Tally)
    kept: Tally = field(default_factory=Tally)
    back: Tally = field(default_factory=Tally)
    pruned: Tally = field(default_factory=Tally)
    gone: Tally = field(default_factory=Tally)
    away: Tally = field(default_factory=Tally)
    damaged: int = 0

    @property
    def waiting(self) -> Tally:
        """The files that can still be put back."""
        parts = (self.quarantined, self.trashed, self.kept)
        return Tally(sum(each.files for each in parts), sum(each.size for each in parts))


@dataclass(slots=True)
class Record:
    """A journal as it was read.

    name: of the run. began: ISO 8601, UTC. writes: into sidecars. taken_back: the numbers of writes
    that were undone, or failed. ends: what is known of each action, by number: "done", "failed",
    "undone", "pruned", "pruning" (prune was about to remove it) or "kept" (it could not); what is missing
    there is an intent without an end. damaged: lines that cannot be read, without a last one that a crash
    tore. is_closed: the last run over it was not cut off. trouble: why nothing of it can be read, in words,
    "" where it can.
    """

    name: str
    path: str
    began: str = ""
    method: str = ""
    actions: list[Action] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    taken_back: set[int] = field(default_factory=set)
    ends: dict[int, str] = field(default_factory=dict)
    damaged: int = 0
    is_closed: bool = False
    trouble: str = ""

    @property
    def pending(self) -> list[Action]:
        """The actions that may still be undone."""
        return [action for action in self.actions if self._is_pending(action)]

    @property
    def pending_writes(self) -> list[Write]:
        """The writes into sidecars that may still be undone."""
        return [write for write in self.writes if write.number not in self.taken_back]

    @property
    def is_pending(self) -> bool:
        """Whether something may still be undone; what was merged goes with the files that said it."""
        return bool(self.pending) or (not self.actions and bool(self.pending_writes))

    def _is_pending(self, action: Action) -> bool:
        end = self.ends.get(action.number, "done")
        if end in ("done", "kept") or self._lies_there_still(action):
            return True
        # Removing it may have failed, or a crash or a power loss was faster than the disk.
        return end in ("pruning", "pruned") and os.path.lexists(action.to)

    def _lies_there_still(self, action: Action) -> bool:
        """Tell whether a file is in the quarantine though it was found put back: by other hands, as a copy.

        Names in a trash are used again: what lies there may be of a later run.
        """
        ended = self.ends.get(action.number) == "undone" and action.method != "trash"
        return ended and os.path.lexists(action.to)

    @property
    def began_at(self) -> datetime | None:
        """When the run began, None where that is not known."""
        for text in (self.began, self.name):
            with suppress(ValueError):
                return moment_of(text)
        return None

    def standing(self) -> Standing:
        """Look where the files lie now: one look a file that was not put back."""
        found = Standing(damaged=self.damaged)
        for action in self.actions:
            tally: Tally = getattr(found, self.state_of(action))
            tally.add(action)
        return found

    def state_of(self, action: Action) -> str:
        """Look where the file of an action lies now; return the name of the field of `Standing`."""
        end = self.ends.get(action.number, "")
        if end == "failed" or (end == "undone" and not self._lies_there_still(action)):
            return "back"
        if os.path.lexists(action.to):
            if action.method == "trash":
                return "trashed"
            return "kept" if end in ("pruning", "pruned", "kept") else "quarantined"
        if end in ("pruning", "pruned"):
            return "pruned"
        # A run that was cut off may have moved it, or not.
        if not end and os.path.lexists(action.path):
            return "back"
        return "away" if action.base and not has_entries(action.base) else "gone"


class Journal:
    """Writes a journal; use it as a context manager.

    Raises:
        StoreUnwritable: it cannot be opened.
        Refusal: it is a stranger's, or no file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._waiting: list[Row] = []
        try:
            # Nothing is kept back for later: what a full disk did not take would be in the way for ever.
            self._out = open(path, "ab+", 0, opener=_own_file)  # noqa: SIM115 - closed by close
        except OSError as error:
            raise StoreUnwritable(f"cannot write the journal {path}: {error.strerror}") from error
        self._is_torn = self._ends_within_a_line()

    def _ends_within_a_line(self) -> bool:
        if not self._out.seek(0, os.SEEK_END):
            return False
        self._out.seek(-1, os.SEEK_END)
        return self._out.read(1) != b"\n"

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
        """Write what is about to be done; it is on the disk when this returns.

        Raises:
            Refusal: the journal would not be understood later on; nothing is written.
        """
        rows = intents(actions)
        try:
            for row in rows:
                Action.from_fields(row)
        except ValueError as error:
            raise Refusal("unsupported", f"it could not be put back: {error}") from error
        self.write(*rows)

    def intend_write(self, write: Write) -> None:
        """Write what is about to be written into a sidecar; it is on the disk when this returns.

        Raises:
            Refusal: the journal would not be understood later on; nothing is written.
        """
        row = {"state": "intent", **write.fields()}
        try:
            Write.from_fields(row)
        except ValueError as error:
            raise Refusal("unsupported", f"it could not be taken back: {error}") from error
        self.write(row)

    def end_writes(self, writes: Iterable[Write], state: str) -> None:
        """Write how writes into sidecars ended, with the next line that must be on the disk."""
        self._waiting += [{"state": state, "write": write.number} for write in writes]

    def end(self, actions: Iterable[Action], state: str) -> None:
        """Write how actions ended, with the next line that must be on the disk."""
        self._waiting += [{"state": state, "number": action.number} for action in actions]

    def write(self, *rows: Row) -> None:
        """Append lines, after those that wait, and see them to the disk.

        Raises:
            StoreUnwritable: they cannot be written.
        """
        lines = b"".join(dumps(row) + b"\n" for row in (*self._waiting, *rows))
        rest = memoryview(b"\n" + lines if self._is_torn else lines)
        try:
            self._is_torn = True
            while rest:
                rest = rest[self._out.write(rest) :]
            self._is_torn = False
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


def intents(actions: Iterable[Action]) -> list[Row]:
    """Return the lines that say what is about to be done."""
    return [{"state": "intent", **action.fields()} for action in actions]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_name() -> str:
    """Return a name for a run, later ones later in the alphabet."""
    # One run writes at a time, so that a microsecond is a name.
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S-%f}"


def journals(store: str) -> list[Record]:
    """Return the journals of a store, newest first; of one that cannot be read, the trouble with it."""
    folder = os.path.join(store, _FOLDER)
    try:
        names = sorted(os.listdir(folder), reverse=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Record(_FOLDER, folder, trouble=f"it cannot be listed: {error.strerror}")]
    return [read_journal(os.path.join(folder, name)) for name in names if name.endswith(".jsonl")]


def journal_named(store: str, name: str) -> Record:
    """Return the journal of a run, by its name or the path of its file.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    path = name if os.path.isfile(name) else os.path.join(store, _FOLDER, f"{name}.jsonl")
    if not os.path.lexists(path):
        raise UsageError(
            f"there is no journal {name} in {store}; `lookalike undo --list` names them, and so does "
            "`files.journals()` in Python"
        )
    record = read_journal(path)
    if record.trouble:
        raise UsageError(f"cannot use the journal {path}: {record.trouble}")
    return record


def read_journal(path: str) -> Record:
    """Return what a journal says, or the trouble with it."""
    record = Record(os.path.splitext(os.path.basename(path))[0], path)
    try:
        with open(path, "rb", opener=_own_file) as source:
            reader = _Reader(record)
            for line in lines_of(source):
                reader.take(line)
    except Refusal as why:
        record.trouble = str(why)
    except OSError as error:
        record.trouble = f"it cannot be read: {error.strerror}"
    return record


def _own_file(path: str, flags: int) -> int:
    """Open a file that this user alone can write; no pipe that nobody writes to, nor where a link leads."""
    if os.path.islink(path):
        raise Refusal("link", f"{path} is a symbolic link")
    more = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | more, 0o600)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Refusal("not_a_file", f"{path} is not a file")
        check_own(found, path)
    except Refusal:
        os.close(descriptor)
        raise
    return descriptor


def check_store(store: str) -> None:
    """Check that nobody but this user can have written the journals of a store.

    Raises:
        Refusal: somebody can; code "foreign".
    """
    check_folders(os.path.realpath(store), os.path.join(store, _FOLDER))


def troubles(records: Iterable[Record]) -> Iterator[str]:
    """Yield what is wrong with journals, one line each, with what to do."""
    for record in records:
        if record.trouble:
            yield f"the journal {record.path} is left out: {record.trouble}"
        elif record.damaged:
            yield (
                f"{record.path} has damaged lines ({record.damaged:,}), which are left out: the files that "
                f"only they name stay in {QUARANTINE}/{record.name} or in the trash; move them by hand"
            )


class _Reader:
    """Takes in the lines of a journal."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._numbers: set[int] = set()
        self._writes: set[int] = set()

    def take(self, line: bytes) -> None:
        """Take in one line; one that a crash tore, the last, is not counted as damaged."""
        try:
            if line.strip(b"\n"):
                self._read(row_of(line))
        except ValueError:
            self._record.damaged += line.endswith(b"\n")

    def _read(self, row: Row) -> None:
        record = self._record
        if "write" in row:
            self._read_write(row)
        elif row.get("state") == "intent":
            action = Action.from_fields(row)
            if action.number in self._numbers:
                raise ValueError("there is one with this number")
            self._numbers.add(action.number)
            record.actions.append(action)
        elif "began" in row:
            moment_of(text_in(row, "began"))
            if record.began:
                raise ValueError("it begins twice")
            if row.get("method", "") not in ("", "auto", *_METHODS):
                raise ValueError("no such method")
            record.began, record.method = row["began"], row.get("method", "")
        elif row.get("closed") is not True:
            if row.get("state") not in _STATES:
                raise ValueError("no such state")
            record.ends[number_in(row, "number", 1)] = row["state"]
        record.is_closed = row.get("closed") is True

    def _read_write(self, row: Row) -> None:
        record, number, state = self._record, number_in(row, "write", 1), row.get("state")
        if state == "intent":
            if number in self._writes:
                raise ValueError("there is one with this number")
            record.writes.append(Write.from_fields(row))
            self._writes.add(number)
        elif state in ("failed", "undone"):
            record.taken_back.add(number)
        elif state != "done":
            raise ValueError("no such state")
