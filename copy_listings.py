"""What the commands about copies list: groups and decisions."""

import os
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .documents import Row, path_fields
from .listings import label_names, label_rows, photo_fields, pixels, plural
from .render import Listing, columns, file_size, printable

if TYPE_CHECKING:
    from .dedup.companions import Companion
    from .dedup.expectation import Expectation
    from .dedup.groups import Group, Member
    from .store.pairs import Decided
    from .words.label import Label


def dupes_listing(
    groups: "Iterable[Group]", labels: "Mapping[int, tuple[Label, ...]]" = MappingProxyType({})
) -> Listing:
    """List groups; as paths: only the members that are selected, for scripts act on what they read.

    labels: what photos likely show, by id; a group has those that all of its photos have.
    """

    def flat(row: Row) -> Iterator[Row]:
        said = label_names(row["labels"])
        for member in row["members"]:
            yield {**member, "group": row["group"], "keeper": row["keeper"]["path"], "labels": said}

    names = "group keeper path class change transform score id width height bytes selected why_not labels"
    return Listing(
        key="groups",
        rows=(_group_row(number, group, labels) for number, group in enumerate(groups, 1)),
        lines=_group_lines,
        flat=flat,
        columns=names.split(),
        is_path=lambda row: row["selected"],
    )


def _group_row(number: int, group: "Group", labels: "Mapping[int, tuple[Label, ...]]") -> Row:
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
        "companions": _companions(member.companions),
        "evidence": _evidence(member),
    }


def _companions(companions: "Iterable[Companion]") -> list[Row]:
    from .dedup.plan import companion_rows

    return companion_rows(companions)


def _evidence(member: "Member") -> Row:
    if member.kind == "similar":
        return {"cosine": round(member.score, 6)}
    return dict(member.evidence) or {"blake3": member.photo.digest}


# --- the table --------------------------------------------------------------------------------

# A probability that rounds to one says nothing.
_SURE = 0.9995


def _group_lines(rows: Iterable[Row]) -> Iterator[str]:
    copies = lookalikes = wasted = selected = 0
    for row in rows:
        wasted, selected = wasted + row["wasted_bytes"], selected + row["selected_bytes"]
        is_copy = row["members"][0]["class"] != "similar"
        copies, lookalikes = copies + is_copy, lookalikes + (not is_copy)
        yield from _one_group(row, is_copy)
        yield ""
    if lookalikes:
        yield f"{lookalikes:,} {plural(lookalikes, 'group', 'groups')} of look-alikes, to look at"
    if not copies:
        yield "no duplicates found"
        return
    found = f"{copies:,} {plural(copies, 'group', 'groups')} of copies"
    yield f"{found}; {file_size(wasted)} could be won, {file_size(selected)} of it preselected [x]"


def _one_group(row: Row, is_copy: bool) -> Iterator[str]:
    """Write a group with what is long at the end of its lines, where a narrow terminal may wrap it."""
    files = [row["keeper"], *row["members"]]
    folder = os.path.commonpath([os.path.dirname(file["path"]) for file in files])
    what = f"{file_size(row['wasted_bytes'])} to win" if is_copy else "look-alikes"
    if row["labels"]:
        what += f", likely {printable(row['labels'][0]['name'])}"
    yield f"group {row['group']} in {printable(folder)}: {what}"
    why = row["keeper"]["reason"] + _beside(row["keeper"]["companions"])
    said = [("keep" if is_copy else "first", why), *(_mark_and_words(each) for each in row["members"])]
    names = [printable(os.path.relpath(file["path"], folder)) for file in files]
    table = [
        (f"  {mark}", name, pixels(file), words)
        for file, name, (mark, words) in zip(files, names, said, strict=True)
    ]
    yield from columns(table, right=(2,))


def _mark_and_words(member: Row) -> tuple[str, str]:
    if member["class"] == "similar":
        return "", f"{member['score']:.3f} {member['transform'] or 'look-alike'}"
    words = member["transform"]
    if member["score"] < _SURE:
        words += f", {100 * member['score']:.1f} % sure"
    if member["why_not"] and member["why_not"] not in words:
        words += f" ({member['why_not']})"
    # What belongs to another picture, too, would not go with this one.
    words += _beside([each for each in member["companions"] if not each["shared"]])
    return ("[x]" if member["selected"] else "[ ]"), words


def _beside(companions: list[Row]) -> str:
    names = [printable(os.path.basename(each["path"])) for each in companions]
    return f" + {', '.join(names)}" if names else ""


# --- plans and decisions ----------------------------------------------------------------------


def doubt_in_words(pairs: int, wrong: "Expectation") -> str:
    """Say how many of the proven pairs are to be expected wrong."""
    count = f"{wrong.count:.2g}" if wrong.count >= 0.01 else "less than 0.01"
    return (
        f"{pairs:,} proven {plural(pairs, 'pair', 'pairs')}; {count} to be expected wrong, "
        f"at most {wrong.high} (in 95 of 100 libraries like this)"
    )


def decisions_listing(decisions: "Iterable[Decided]", paths: Mapping[str, str]) -> Listing:
    """List what the user confirmed and rejected, by content. paths: a file of each digest that has one."""

    def row(each: "Decided") -> Row:
        names = {**_named(paths.get(each.a), "path_a"), **_named(paths.get(each.b), "path_b")}
        return {"a": each.a, "b": each.b, "kind": each.kind, "at": each.at} | names

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [
            (row["kind"], row["at"], *(printable(row[f"path_{side}"] or row[side]) for side in "ab"))
            for row in rows
        ]
        yield from columns(table) if table else ["nothing was decided"]

    return Listing(
        key="decisions",
        rows=map(row, decisions),
        lines=lines,
        flat=lambda row: [row],
        columns=("a", "b", "kind", "at", "path_a", "path_b"),
    )


def _named(path: str | None, name: str) -> Row:
    return {name: None} if path is None else path_fields(path, name)
