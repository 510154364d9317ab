"""What a check finds: the photos of a library that are the same picture as a new file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import DecodeError
from ..store.listing import Photo, PhotoFile
from .advantage import advantage
from .groups import Class
from .proof import Evidence
from .words import change_in_a_word, transform_in_words

Status = Literal["found", "new", "unreadable"]


@dataclass(frozen=True, slots=True)
class Match:
    """A photo of the library that is the same picture as a new file.

    files: those of the photo that count; at least one. kind: "exact" or "copy". transform: what the new
    file is to the library's photo, in words; change: in one word. better: what the new file has that the
    library's has not, "" if nothing. score: probability that it is a copy. evidence: of the proof, from the
    library's to the new one.
    """

    photo: Photo
    files: tuple[PhotoFile, ...]
    kind: Class
    transform: str
    change: str = ""
    better: str = ""
    score: float = 1.0
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one new file. matches: best first.

    is_inside: the file itself lies in the library, where it does not count as a match. error: why it is
    unreadable.
    """

    path: str
    status: Status
    matches: tuple[Match, ...] = ()
    is_inside: bool = False
    error: DecodeError | None = None


def copy_match(new: Photo, photo: Photo, files: tuple[PhotoFile, ...], proof: Evidence) -> Match:
    """Describe a proven pair. files: of the photo, those that count. proof: from it to the new one."""
    return Match(
        photo=photo,
        files=files,
        kind="copy",
        transform=transform_in_words(proof, photo, new),
        change=change_in_a_word(proof, photo, new),
        better=advantage(proof, photo, new),
        score=proof.probability,
        evidence=proof.as_dict(),
    )


def rank_of(match: Match) -> tuple[float, float, int, str]:
    """Order by how sure it is, then by how close the size is; paths for equal ones."""
    scale = abs(math.log(float(match.evidence["scale"])))
    return (
        -round(match.score, 3),
        round(scale, 2),
        -match.photo.width * match.photo.height,
        match.files[0].path,
    )
