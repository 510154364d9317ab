"""Groups of copies -> what the page knows of them, as plain data."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ...dedup.actions.plan import Origin, expected, moving, planned
from ...dedup.groups.account import Loss
from ...dedup.groups.companions import Companion
from ...dedup.groups.error_rate import Expectation
from ...dedup.groups.groups import Group, Member
from ...dedup.groups.keeper import DEFAULT_RULES, KeepRules
from ...dedup.groups.members import CAMERAS, ORIGINAL, RESAVED, transform_in_words
from ...dedup.proof import Evidence, Picture, reversed_evidence
from ...store.catalog.photos import Photo, PhotoFile
from ...store.documents import Row, document, dumps
from ...store.names import format_name, is_below
from ...store.progress import Progress
from ..text import day, printable
from .comparing import Comparison, compare, has_proof

# What people are told of a copy that is not chosen unseen, by its reason; other reasons say it themselves.
_NOTES = {
    "document": "looks like a document or a screen: check it yourself",
    "tilted or bent": "tilted or bent: it may be another photo of the same thing",
    "no direct proof": "no proof of its own with the kept file",
    "companions": "its RAW or its video would be left alone",
    "uncertain": "proven by a rule that is not trusted unseen",
    "no file holds all": "another copy holds what the kept file lacks",
    "an edit": "an edit: somebody's work",
    "another file is kept": "it may hold more than the file that is kept",
    "on another drive": "on another drive: it may be a backup",
    "in a backup": "a backup: this file or the kept one is in a folder that mirrors another one",
}


NONE_WRONG = Expectation()


@dataclass(frozen=True, slots=True)
class Review:
    """What is to be reviewed.

    groups: of copies, those of the plan. similar: groups of look-alikes, to look at only. rules: by which
    the kept files were chosen. pairs: number of proven pairs. wrong: how many of these are to be expected
    wrong.
    """

    groups: Sequence[Group]
    origin: Origin
    similar: Sequence[Group] = ()
    rules: KeepRules = DEFAULT_RULES
    pairs: int = 0
    wrong: Expectation = NONE_WRONG


Pick = Callable[[int], Picture | None]


@dataclass
class Numbers:
    """Numbers things by their first appearance."""

    known: dict[object, int] = field(default_factory=dict)

    def of(self, thing: object) -> int:
        """Return the number of a thing, a new one the first time."""
        return self.known.setdefault(thing, len(self.known))


@dataclass(frozen=True)
class Making:
    """What is needed along the way.

    picture: of a photo, by id. protect: folders in which files stay. contents: numbers of digests, which
    name the report's thumbnails.
    """

    picture: Pick
    protect: tuple[str, ...]
    contents: Numbers = field(default_factory=Numbers)


def page_data(review: Review, picture: Pick, progress: Progress) -> tuple[Row, list[str]]:
    """Return what the page knows, and the digests (hex) of the thumbnails that it shows, by number.

    The page never parses what the plan says of a file: times and inodes are longer than its numbers, and
    names need not be text. It puts the pieces of JSON together that are given here.
    """
    making = Making(picture, review.rules.protect)
    everything = [*review.groups, *review.similar]
    progress.begin("writing the report", len(everything))
    groups = []
    for group in everything:
        groups.append(group_row(group, making))
        progress.advance(1, 0)
    data = {
        "id": _identity(review.groups),
        "head": document(review.origin.fields()).decode().rstrip()[:-1],
        "created": day(review.origin.created),
        "roots": [printable(root) for root in review.origin.roots],
        "pairs": review.pairs,
        "wrong": {"count": round(review.wrong.count, 2), "high": review.wrong.high},
        "groups": groups,
    }
    return data, [str(digest) for digest in making.contents.known]


def _identity(groups: Iterable[Group]) -> str:
    """Return a name for these groups: choices made in one report hold in the next one of the same."""
    digest = hashlib.sha256()
    for group in groups:
        digest.update(dumps(planned(group)))
    return digest.hexdigest()[:16]


def group_row(group: Group, making: Making) -> Row:
    """Return a group as the pages know it, its kept file first."""
    inodes, pixels = Numbers(), Numbers()

    def file_row(photo: Photo, file: PhotoFile, companions: Sequence[Companion]) -> Row:
        folder, name = os.path.split(file.path)
        return {
            "plan": dumps(expected(photo, file, companions)).decode(),
            "id": photo.id,
            "folder": printable(folder),
            "name": printable(name),
            "width": photo.width,
            "height": photo.height,
            "format": printable(format_name(photo.format)),
            "bytes": photo.size,
            "date": day(photo.date),
            "content": making.contents.of(photo.digest),
            "pixels": pixels.of(photo.pixel_digest),
            "inode": inodes.of((file.dev, file.ino)),
            "protected": is_below(file.path, making.protect),
            "beside": [printable(os.path.basename(each.path)) for each in companions],
            "hasHalf": any(each.is_half for each in companions),
        }

    members = (
        file_row(member.photo, member.file, moving(member)) | _member_row(group, member, making.picture)
        for member in group.members
    )
    files = [file_row(group.keeper_photo, group.keeper, group.companions), *members]
    is_similar = any(member.kind == "similar" for member in group.members)
    return {"kind": "similar" if is_similar else "copies", "reason": group.reason, "files": files}


def _member_row(group: Group, member: Member, picture: Pick) -> Row:
    row = {
        "class": member.kind,
        "transform": member.transform,
        "back": words_back(group, member),
        "whyNot": member.why_not,
        "score": round(member.score, 6),
        "note": note_of(member.why_not, member.losses, "to merge" if member.merge else "would lose"),
    }
    return row | _shown(compare(group, member, picture))


def note_of(why_not: str, losses: Iterable[Loss], verb: str = "would lose") -> str:
    """Return what people are told of a file: what would be lost with it, or why it is not chosen."""
    lost = "; ".join(printable(loss.words) for loss in losses)
    return f"{verb}: {lost}" if lost else _NOTES.get(why_not, why_not)


def _shown(comparison: Comparison) -> Row:
    if comparison.matrix is None:
        return {}
    matrix = [float(f"{number:.6g}") for number in comparison.matrix]
    return {"matrix": matrix, "boxes": [[round(side, 4) for side in box] for box in comparison.boxes]}


def words_back(group: Group, member: Member) -> str:
    """Return what the proposed file is beside the member: what is said when that one is kept instead."""
    if member.kind != "copy" or not has_proof(member):
        return ""
    evidence = Evidence.from_dict(dict(member.evidence))
    words = transform_in_words(reversed_evidence(evidence), member.photo, group.keeper_photo)
    first = next((each for each in (ORIGINAL, CAMERAS) if group.reason.startswith(each)), "")
    if not first and (member.look is None or member.look.relation != "a"):
        return words
    # It was not made from the member, whichever one is kept.
    return ", ".join(filter(None, (first or ORIGINAL, words.removeprefix(RESAVED).removeprefix(", "))))
