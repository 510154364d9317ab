"""How a member lies on the kept picture and where the two differ, for eyes to compare."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...dedup.groups.account import DIFFERS
from ...dedup.groups.groups import Group, Member
from ...dedup.proof import Evidence, Picture, prove
from ...dedup.proof.evidence import Box

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A member beside the kept picture.

    matrix: row by row, from points of the kept thumbnail to points of the member's, in pixels from the
    corner; None when no map is known. boxes: where they differ, x, y, width, height as shares of the
    member's thumbnail.
    """

    matrix: tuple[float, ...] | None = None
    boxes: tuple[Box, ...] = ()


def has_proof(member: Member) -> bool:
    """Tell whether the member's evidence is of a pair with the kept file, not with another one."""
    return member.kind == "copy" and bool(member.change)


def compare(group: Group, member: Member, picture: Callable[[int], Picture | None]) -> Comparison:
    """Compare a member with its group's kept file.

    picture: that of a photo by id. Where the proof was with another photo of the group, or without
    numbers, the pair is aligned anew.
    """
    if member.kind == "similar":
        return Comparison()
    if member.photo.pixel_digest == group.keeper_photo.pixel_digest:
        return Comparison(IDENTITY)
    evidence = Evidence.from_dict(dict(member.evidence))
    if not has_proof(member) or evidence.how == "none":
        kept, other = picture(group.keeper_photo.id), picture(member.photo.id)
        if kept is None or other is None:
            return Comparison()
        evidence = prove(kept, other)
    # What cannot be turned round is no map between two pictures.
    if evidence.how == "none" or abs(np.linalg.det(np.reshape(evidence.matrix, (3, 3)))) < 1e-9:
        return Comparison()
    return Comparison(evidence.matrix, _places(member, evidence))


def _places(member: Member, evidence: Evidence) -> tuple[Box, ...]:
    """Return where the member differs: as seen at full size, else as its thumbnail tells."""
    look = member.look
    if look is None or look.failed or (look.score is None and not look.is_whole):
        return evidence.differs_b
    return () if look.is_whole or (look.score or 0) < DIFFERS else look.places_b
