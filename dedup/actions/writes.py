"""What is written into an XMP sidecar, as a journal has it, and taking it back from that.

A sidecar is small: what it said stands in the journal, so that nothing else is needed to have it again. One
that somebody else wrote to since is left alone.
"""

import base64
import os
from contextlib import suppress
from dataclasses import dataclass

from blake3 import blake3

from ...errors import Refusal
from ...store.documents import Row, path_fields
from ..groups.companions import kind_beside
from ..packets import MOST_BYTES
from .entry import digest_in, number_in, place_in, text_in
from .moves import read_small, says, write_over

ENDING = ".xmp"
_BASE64 = MOST_BYTES * 4 // 3 + 4


@dataclass(frozen=True, slots=True)
class Write:
    """What is written into a sidecar.

    number: within the journal, of the writes. path: of the sidecar. photo: whose it is. leaving: the photo
    that leaves, of which this is kept; "" where none does. before: what it said; None: it was not there.
    digest: blake3 of what it says then, in hex. size: bytes of that.
    """

    number: int
    path: str
    photo: str
    leaving: str
    before: bytes | None
    digest: str
    size: int

    def fields(self) -> Row:
        """Return it as a line of a journal."""
        before = None if self.before is None else base64.b64encode(self.before).decode()
        places = {**path_fields(self.path), **path_fields(self.photo, "photo")}
        places |= path_fields(self.leaving, "leaving")
        return {"write": self.number, **places, "before": before, "digest": self.digest, "size": self.size}

    @classmethod
    def from_fields(cls, row: Row) -> "Write":
        """Return the write of a line.

        Raises:
            ValueError: it is none that a run of ours has written.
        """
        path, photo, leaving = (place_in(row, name) for name in ("path", "photo", "leaving"))
        beside = kind_beside(os.path.basename(photo), os.path.basename(path)) == "sidecar"
        if os.path.dirname(path) != os.path.dirname(photo) or not (beside and is_sidecar(path)):
            raise ValueError("it is no sidecar of a photo")
        if os.path.normpath(path) != path:
            raise ValueError("path is not as short as it can be")
        before = None
        if row.get("before") is not None:
            before = base64.b64decode(text_in(row, "before", _BASE64), validate=True)
        number, size = number_in(row, "write", 1), number_in(row, "size")
        return cls(number, path, photo, leaving, before, digest_in(row, "digest"), size)

    @property
    def is_there(self) -> bool:
        """Whether the sidecar says what was written."""
        with suppress(OSError):
            data = read_small(self.path, self.size)
            return blake3(data).hexdigest() == self.digest
        return False

    @property
    def is_back(self) -> bool:
        """Whether the sidecar is what it was before."""
        if self.before is None:
            return not os.path.lexists(self.path)
        return says(self.path, self.before)

    def take_back(self) -> None:
        """Make the sidecar what it was.

        Raises:
            Refusal: it changed since; it stays.
            OSError: it cannot be written.
        """
        if self.is_back:
            return
        if not self.is_there:
            raise Refusal("changed", "it changed since it was written; take out by hand what is not wanted")
        write_over(self.path, self.before, read_small(self.path, self.size))


def is_sidecar(path: str) -> bool:
    """Tell whether a name is that of an XMP sidecar."""
    return path.lower().endswith(ENDING)
