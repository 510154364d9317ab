"""What was planned for a data set: the lists of its units, and what else its plans found."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..store.records import FileStat, KnownFile
from .dataset import DataSet
from .tables import reading, rows_digest, told_in

_NAME = re.compile(r"\d{4,}\.parquet", re.ASCII)
_STAT = ("rel", "size", "mtime_ns", "ctime_ns", "dev", "ino")
# what: "read" by a unit; of a file that was planned before: "absent", "excluded", "returned", "device" (it
# is on another one now); of what could not be looked at: "problem", "resolved". before: the unit that read
# it last. A plan has a row group for each of its units, with their files by path, and one for all else.
SCHEMA = pa.schema(
    [
        ("source", pa.binary()),
        ("rel", pa.binary()),
        *((name, pa.int64()) for name in _STAT[1:]),
        ("what", pa.string()),
        ("before", pa.int64()),
        ("code", pa.string()),
        ("message", pa.string()),
    ]
)
_OF_LIST = ("source", *_STAT)


@dataclass(frozen=True, slots=True)
class SourceScan:
    """What a plan saw of a source as a whole.

    path: of the source. below: the part of it that was scanned. unread: how many files hold what is not
    looked into, by their ending. fs_id: by what its drive is known again. units: of the plan, how many.
    """

    path: bytes
    below: bytes = b""
    unread: Mapping[str, int] = field(default_factory=dict)
    fs_id: str | None = None
    units: int = 0

    def told(self) -> Mapping[str, Any]:
        """Return it for a footer."""
        return asdict(self) | {"path": os.fsdecode(self.path), "below": os.fsdecode(self.below)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "SourceScan":
        """Return what was told."""
        path, below = os.fsencode(told["path"]), os.fsencode(told["below"])
        return cls(path, below, told["unread"], told["fs_id"], told["units"])


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. first: number of its first unit. sizes: files of each of its units, source by source.

    has_others: whether it has rows beside those of units. replaces: whether it reads files that an earlier
    one had read, too.
    """

    name: str
    first: int
    sizes: Sequence[int]
    sources: Sequence[SourceScan]
    has_others: bool
    replaces: bool


@dataclass(frozen=True, slots=True)
class UnitList:
    """The files of a unit, by path. source: what they are below. digest: of the list."""

    source: bytes
    files: Sequence[FileStat]
    digest: str


class Planned:
    """All plans of a data set, as of when it was made."""

    def __init__(self, data: DataSet) -> None:
        self._data = data
        names = sorted(filter(_NAME.fullmatch, data.plans.names()), key=lambda name: (len(name), name))
        self.plans = [self._plan(name) for name in names]

    def _plan(self, name: str) -> Plan:
        with reading(self._data.plans, name) as file:
            told = told_in(file)
            n_units = sum(each["units"] for each in told["sources"])
            sizes = [file.metadata.row_group(each).num_rows for each in range(n_units)]
            has_others = file.metadata.num_row_groups > n_units
        sources = [SourceScan.of(each) for each in told["sources"]]
        return Plan(name, told["first"], sizes, sources, has_others, told["replaces"])

    @cached_property
    def sizes(self) -> dict[int, int]:
        """How many files each unit has, by its number."""
        return {plan.first + n: size for plan in self.plans for n, size in enumerate(plan.sizes)}

    @property
    def sources(self) -> dict[bytes, SourceScan]:
        """What the last plan saw of each source."""
        return {source.path: source for plan in self.plans for source in plan.sources}

    def of_source(self) -> dict[int, bytes]:
        """Return the source of each unit, by its number."""
        in_order = (each.path for plan in self.plans for each in plan.sources for _ in range(each.units))
        return dict(zip(self.sizes, in_order, strict=True))

    def unit(self, number: int) -> UnitList:
        """Return the list of a unit."""
        plan = next(each for each in reversed(self.plans) if each.first <= number and each.sizes)
        with reading(self._data.plans, plan.name) as file:
            table = file.read_row_group(number - plan.first)
        columns = (table.column(name).to_pylist() for name in _STAT)
        files = [FileStat(*each) for each in zip(*columns, strict=True)]
        return UnitList(table.column("source")[0].as_py(), files, list_digest(table))

    def others(self, plan: Plan) -> list[dict[str, Any]]:
        """Return the rows of a plan that are of no unit."""
        if not plan.has_others:
            return []
        with reading(self._data.plans, plan.name) as file:
            found: list[dict[str, Any]] = file.read_row_group(len(plan.sizes)).to_pylist()
            return found

    def replaced(self) -> dict[int, set[bytes]]:
        """Return the files of units that a later unit reads as well, by the unit's number."""
        found: dict[int, set[bytes]] = {}
        for plan in self.plans:
            if plan.replaces:
                for row in self._rows(plan, ["what", "rel", "before"]):
                    if row["what"] == "read" and row["before"] is not None:
                        found.setdefault(row["before"], set()).add(row["rel"])
        return found

    def gone(self) -> dict[int, set[bytes]]:
        """Return the files of units that are gone or left out as of the last plan, by the unit's number."""
        found: dict[int, set[bytes]] = {}
        for plan in self.plans:
            for row in self.others(plan):
                files = found.setdefault(row["before"], set())
                if row["what"] in ("absent", "excluded"):
                    files.add(row["rel"])
                elif row["what"] == "returned":
                    files.discard(row["rel"])
        return found

    def problems(self) -> dict[tuple[bytes, bytes], str]:
        """Return why something could not be listed, as of the last plan, by source and path."""
        found: dict[tuple[bytes, bytes], str] = {}
        for plan in self.plans:
            for row in self.others(plan):
                if row["what"] == "problem":
                    found[row["source"], row["rel"]] = row["code"]
                elif row["what"] == "resolved":
                    found.pop((row["source"], row["rel"]), None)
        return found

    def known(self, source: bytes, failed: Mapping[int, Mapping[bytes, str]]) -> "Ledger":
        """Return what is known of the files of a source. failed: see `results.failures`."""
        ledger = Ledger(failed)
        for plan in self.plans:
            ends = [plan.first + n for n, size in enumerate(plan.sizes) for _ in range(size)]
            for place, row in enumerate(self._rows(plan)):
                if row["source"] == source:
                    ledger.enter(row, ends[place] if place < len(ends) else None)
        return ledger

    def _rows(self, plan: Plan, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        with reading(self._data.plans, plan.name) as file:
            for group in range(file.metadata.num_row_groups):
                yield from file.read_row_group(group, columns).to_pylist()


class Ledger:
    """What is known of the files of one source. files: by path; an id is a place in `rels`.

    units: the unit that reads each of them.
    """

    def __init__(self, failed: Mapping[int, Mapping[bytes, str]]) -> None:
        self._failed = failed
        self.rels: list[bytes] = []
        self.files: dict[bytes, KnownFile] = {}
        self.units: dict[bytes, int] = {}

    def enter(self, row: Mapping[str, Any], unit: int | None) -> None:
        """Take in a row of a plan."""
        rel, what = row["rel"], row["what"]
        before = self.files.get(rel)
        if what == "read" and unit is not None:
            self.units[rel] = unit
            self._put(FileStat(*(row[name] for name in _STAT)), self._failed.get(unit, {}).get(rel))
        elif what == "problem":
            self._put(FileStat(rel, 0, 0, 0, 0, 0), row["code"])
        elif what == "resolved":
            self.files.pop(rel, None)
        elif before is not None:
            state, dev = before.state, before.dev
            if what == "device":
                dev = row["dev"]
            elif what == "returned":
                state = "failed" if before.error else "present"
            else:
                state = what
            self.files[rel] = KnownFile(before.id, before.key, state, before.error, dev)

    def _put(self, stat: FileStat, error: str | None) -> None:
        state = "failed" if error else "present"
        self.files[stat.rel] = KnownFile(len(self.rels), KnownFile.key_of(stat), state, error, stat.dev)
        self.rels.append(stat.rel)


def list_digest(table: pa.Table) -> str:
    """Return the digest of the list of a unit."""
    return rows_digest(table, _OF_LIST)
