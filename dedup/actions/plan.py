"""A plan as a document: which files stay, which could be moved."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ...store.catalog.photos import Photo, PhotoFile
from ...store.documents import Row, document, path_fields
from ...store.own_files import OwnFile
from ..groups.companions import Companion
from ..groups.groups import Group, Member

_BEGINNING = b'{"schema_version": 1, "created": "'


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plan comes from.

    created: ISO 8601, UTC. store: its folder. roots: of the library. protect: folders in which nothing may
    be touched, whatever becomes of the plan.
    """

    created: str
    store: str
    roots: tuple[str, ...]
    protect: tuple[str, ...] = ()

    @classmethod
    def now(cls, store: str, roots: Iterable[str], protect: Iterable[str] = ()) -> "Origin":
        """Return the origin of a plan that is made at this moment."""
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), store, tuple(roots), tuple(protect))

    def fields(self) -> Row:
        """Return the origin's part of a plan."""
        return {
            "created": self.created,
            **path_fields(self.store, "store"),
            "roots": [path_fields(root) for root in self.roots],
            "protect": [path_fields(folder) for folder in self.protect],
        }


def plan_of(groups: Iterable[Group], origin: Origin) -> Row:
    """Return the plan: which files stay, which could be moved, and what was expected of each.

    Only what is safe without a look is selected, and never a file that is protected or a hard link. Beside
    a member stand the companions that would be moved with it, without those that belong to another photo as
    well.
    """
    return origin.fields() | {"groups": [planned(group) for group in groups]}


def planned(group: Group) -> Row:
    """Return one group's part of a plan."""
    keeper = expected(group.keeper_photo, group.keeper, group.companions)
    return {
        "keeper": keeper | {"reason": group.reason},
        "members": [
            expected(member.photo, member.file, moving(member))
            | {
                "class": member.kind,
                "transform": member.transform,
                "selected": member.selected,
                "why_not": member.why_not,
                **({"merge": True} if member.merge else {}),
            }
            for member in group.members
        ],
        "wasted_bytes": group.wasted_bytes,
    }


def moving(member: Member) -> list[Companion]:
    """Return the files that would be moved with a member."""
    return [each for each in member.companions if not each.shared]


def expected(photo: Photo, file: PhotoFile, companions: Iterable[Companion] = ()) -> Row:
    """Return by what a file is known again, so that nothing is done to one that has changed since."""
    return {
        **path_fields(file.path),
        "blake3": photo.digest,
        "bytes": photo.size,
        "mtime_ns": file.mtime_ns,
        "dev": file.dev,
        "ino": file.ino,
        "companions": companion_rows(companions),
    }


def companion_rows(companions: Iterable[Companion]) -> list[Row]:
    """Return what listings and plans say of companions."""
    return [
        {
            **path_fields(each.path),
            "kind": each.kind,
            "bytes": each.size,
            "mtime_ns": each.mtime_ns,
            "shared": each.shared,
        }
        for each in companions
    ]


def write_plan(path: str, plan: Row) -> None:
    """Write a plan as JSON, whole or not at all.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
    """
    with PLAN.replaced(path) as out:
        out.write(document(plan))


def _is_plan(path: str) -> bool:
    """Tell whether a file begins as plans do, or is empty."""
    with open(path, "rb") as old:
        return old.read(len(_BEGINNING)) in (b"", _BEGINNING)


PLAN = OwnFile("plan", _is_plan)
