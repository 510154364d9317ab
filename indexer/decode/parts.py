"""What the bytes of a file tell of its parts before anything is decoded."""

from dataclasses import dataclass

Bytes = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a file beside the picture that is shown first.

    frames, auxiliary, behind, behind_size, damage: as `records.Holdings`. bits: per channel, as the file
    declares them. first: number of the frame that is shown first, for decoders that count from 0.
    shown: bytes of all else that a viewer may show, without metadata; the pixel digest covers them.
    picture: of a JPEG, the compressed picture (tables, frame, scans); () where it cannot be told.
    lacks_end: a JPEG without its end marker. scan: where its compressed data lie. doubtful: JPEGs behind
    it that nothing names; those which show the same picture are its previews.
    """

    frames: int = 1
    bits: int = 8
    auxiliary: tuple[str, ...] = ()
    behind: str = ""
    behind_size: int = 0
    damage: tuple[str, ...] = ()
    first: int = 0
    shown: tuple[Bytes, ...] = ()
    picture: tuple[Bytes, ...] = ()
    lacks_end: bool = False
    scan: tuple[int, int] = (0, 0)
    doubtful: tuple[Bytes, ...] = ()


def film_in(rest: Bytes) -> int:
    """Return where a film begins in what lies behind a picture; -1: there is none."""
    rest = bytes(rest)
    if rest[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return 0
    at = rest.find(b"ftyp", 4)
    return at - 4 if at >= 0 else -1
