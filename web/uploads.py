"""Pictures that the page hands in to search by: kept in memory for a while, never written anywhere."""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from ..errors import DecodeError
from ..store.records import Vectors
from .problems import Gone

MAX_BYTES = 64 << 20
_ALL_BYTES = 256 << 20
_KEPT_S = 600.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that was handed in. vector: its pooled features, (dim,) float32."""

    data: bytes
    vector: Vectors
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Kept:
    upload: Upload
    until: float  # of the monotonic clock


@dataclass(eq=False)
class Uploads:
    """The pictures that were handed in lately; the oldest go first where they are too many."""

    _kept: "OrderedDict[str, _Kept]" = field(default_factory=OrderedDict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def add(self, upload: Upload) -> str:
        """Keep a picture for ten minutes; return its name."""
        name = secrets.token_urlsafe(16)
        with self._mutex:
            self._sweep()
            self._kept[name] = _Kept(upload, time.monotonic() + _KEPT_S)
            while sum(len(each.upload.data) for each in self._kept.values()) > _ALL_BYTES:
                self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> Upload:
        """Return a picture.

        Raises:
            Gone: it was handed in too long ago.
        """
        with self._mutex:
            self._sweep()
            found = self._kept.get(name)
        if found is None:
            raise Gone("this picture was handed in too long ago; drop it again")
        return found.upload

    def _sweep(self) -> None:
        now = time.monotonic()
        for name in [name for name, each in self._kept.items() if each.until < now]:
            del self._kept[name]


def check_size(size: int) -> None:
    """Check the size of a picture in bytes.

    Raises:
        DecodeError: it is too large.
    """
    if size > MAX_BYTES:
        raise DecodeError("too_large", f"the file is too large: at most {MAX_BYTES >> 20} MB")
