"""Groups of copies as JSON objects."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..store.documents import Row
from .answers import label_rows
from .listing import photo_fields

if TYPE_CHECKING:
    from ..dedup.groups.companions import Companion
    from ..dedup.groups.groups import Group, Member
    from ..search.labels.label import Label

NO_LABELS: "Mapping[int, tuple[Label, ...]]" = MappingProxyType({})


def group_row(number: int, group: "Group", labels: "Mapping[int, tuple[Label, ...]]" = NO_LABELS) -> Row:
    """Return a group as `dupes` lists it. labels: what photos likely show, by id."""
    keeper = photo_fields(group.keeper_photo, group.keeper)
    return {
        "group": number,
        "keeper": keeper | {"reason": group.reason, "companions": _companions(group.companions)},
        "members": [_member_row(member) for member in group.members],
        "labels": label_rows(common_labels(group, labels)),
        "wasted_bytes": group.wasted_bytes,
        "selected_bytes": group.selected_bytes,
    }


def ids_in(groups: "Iterable[Group]") -> set[int]:
    """Return the ids of all photos in groups."""
    return {
        photo.id for group in groups for photo in (group.keeper_photo, *(m.photo for m in group.members))
    }


def common_labels(group: "Group", labels: "Mapping[int, tuple[Label, ...]]") -> "list[Label]":
    """Return the labels that all photos of a group have, each as sure as in the least sure photo."""
    ids = {group.keeper_photo.id, *(member.photo.id for member in group.members)}
    each = [{label.name: label for label in labels.get(photo, ())} for photo in ids]
    shared = [label.name for label in labels.get(group.keeper_photo.id, ())]
    return [
        min((photo[name] for photo in each), key=lambda label: label.confidence)
        for name in shared
        if all(name in photo for photo in each)
    ]


def _member_row(member: "Member") -> Row:
    return {
        **photo_fields(member.photo, member.file),
        "class": member.kind,
        "transform": member.transform,
        "score": round(member.score, 6),
        "change": member.change,
        "selected": member.selected,
        "why_not": member.why_not,
        "merge": member.merge,
        "would_lose": [{"kind": loss.kind, "words": loss.words} for loss in member.losses],
        "companions": _companions(member.companions),
        "evidence": _evidence(member),
    }


def _companions(companions: "Iterable[Companion]") -> list[Row]:
    from ..dedup.actions.plan import companion_rows

    return companion_rows(companions)


def _evidence(member: "Member") -> Row:
    if member.kind == "similar":
        return {"cosine": round(member.score, 6)}
    return dict(member.evidence) or {"blake3": member.photo.digest}
