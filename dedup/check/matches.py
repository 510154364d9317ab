"""What a check finds: the photos of a library that are the same picture as a new file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...errors import DecodeError
from ...indexer.decode.sniff import RAW
from ...store.catalog.photos import Photo, PhotoFile
from ...store.names import format_name
from ..groups.companions import Companion
from ..groups.groups import Class
from ..groups.keeper import Choice, rank
from ..groups.members import CONFIRMED, change_in_a_word, transform_in_words
from ..proof import WHOLE, Evidence
from ..proof.picture import LONG_SIDE

# "more": found, but every match lacks something that the new file holds. "away": a match lacks nothing, but
# all such lie where nobody can look now.
Status = Literal["found", "more", "away", "new", "unreadable", "not_compared"]


@dataclass(frozen=True, slots=True)
class Match:
    """A photo of the library that is the same picture as a new file.

    files: those of the photo that count; at least one. kind: "exact" or "copy". transform: what the new
    file is to the library's photo, in words; change: in one word. better: what the new file has that the
    library's has not, "" if nothing. more: what would be lost without the new file, "" if nothing. score:
    probability that it is a copy. evidence: of the proof, from the library's to the new one. is_away: all
    files are on drives that are away, and nobody knows what became of them.
    """

    photo: Photo
    files: tuple[PhotoFile, ...]
    kind: Class
    transform: str
    change: str = ""
    better: str = ""
    more: str = ""
    score: float = 1.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one new file. matches: best first.

    is_inside: the file itself lies in the library, where it does not count as a match. error: why it is
    unreadable. companions: what belongs to it and is copied with it. is_compared: False of a RAW, a video
    or another picture that cannot be looked into, and belongs to no photo that was read.
    same_bytes: files in the library's folders that are byte for byte one that nobody could look into.
    """

    path: str
    matches: tuple[Match, ...] = ()
    is_inside: bool = False
    error: DecodeError | None = None
    companions: tuple[Companion, ...] = ()
    is_compared: bool = True
    same_bytes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """What that is in a word."""
        if self.same_bytes:
            return "found"
        if self.error is not None:
            return "unreadable"
        if not self.is_compared:
            return "not_compared"
        if not self.matches:
            return "new"
        enough = [match for match in self.matches if not match.more]
        if not enough:
            return "more"
        return "away" if all(match.is_away for match in enough) else "found"


def copy_match(new: Photo, photo: Photo, files: tuple[PhotoFile, ...], proof: Evidence) -> Match:
    """Describe a proven pair. files: of the photo, those that count. proof: from it to the new one."""
    shot = "" if proof.branch == CONFIRMED else _raw_in_words(photo, new)
    return Match(
        photo=photo,
        files=files,
        kind="copy",
        transform=shot or transform_in_words(proof, photo, new),
        change=change_in_a_word(proof, photo, new),
        better="" if shot else advantage(proof, photo, new),
        score=proof.probability,
        evidence=proof.as_dict(),
    )


def _raw_in_words(photo: Photo, new: Photo) -> str:
    """Return what a RAW and a developed picture are to each other, "" of others."""
    if (photo.format == RAW) == (new.format == RAW):
        return ""
    return f"the {format_name(new.format)} of this {format_name(photo.format)}"


def rank_of(match: Match) -> tuple[float, float, int, str]:
    """Order by how sure it is, then by how close the size is; paths for equal ones."""
    scale = abs(math.log(float(match.evidence["scale"])))
    return (
        -round(match.score, 3),
        round(scale, 2),
        -match.photo.width * match.photo.height,
        match.files[0].path,
    )


# Of sides; less is rounding.
_LARGER = 1.02


def advantage(proof: Evidence, kept: Photo, other: Photo) -> str:
    """Return why one might rather keep the other than the kept one; "" where nothing speaks for it.

    proof: from kept to other. Pixels count where both show the same: a frame makes no picture better.
    """
    aligned = proof.how != "none"
    shows_all = not aligned or proof.overlap_a >= WHOLE
    shows_more = aligned and proof.overlap_b < WHOLE
    detail = _detail(proof, kept, other)
    if detail > _LARGER:
        return "has more pixels" if shows_all else "shows a part with more pixels"
    if shows_more and shows_all:
        return "shows more of the scene, or has a frame"
    return _finer(kept, other) if shows_all and detail * _LARGER >= 1 else ""


def _detail(proof: Evidence, kept: Photo, other: Photo) -> float:
    """Return how many pixels the other has along a side for each one of kept, where both show the same."""
    if proof.how == "none":
        return math.sqrt(other.width * other.height / max(1, kept.width * kept.height))
    return proof.scale * _shrunk(kept) / _shrunk(other)


def _shrunk(photo: Photo) -> float:
    return min(1.0, LONG_SIDE / max(1, photo.width, photo.height))


def _finer(kept: Photo, other: Photo) -> str:
    """Compare two files that show the same at the same size."""
    first, second = Choice(kept, kept.files[0]), Choice(other, other.files[0])
    if rank("format", first) != rank("format", second):
        better = rank("format", second) > rank("format", first)
        return f"has the better format ({format_name(other.format)})" if better else ""
    same_pixels = kept.pixel_digest == other.pixel_digest
    if not same_pixels and rank("quality", first) != rank("quality", second):
        return "has less compression" if rank("quality", second) > rank("quality", first) else ""
    return "has more metadata" if rank("metadata", second) > rank("metadata", first) else ""
