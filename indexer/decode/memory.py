"""What a picture may cost: refuse bombs by their header, share the memory between threads.

Pillow's own limit (`Image.MAX_IMAGE_PIXELS`) is one number for the whole process. It counts pixels,
so that it refuses the 200 megapixel JPEGs that phones write and lets a picture of 0.7 GB pass. What
matters is the memory that decoding takes, and the header tells that.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import DecodeError

MAX_BYTES = 768 << 20  # memory of all pictures in work at one time
MAX_PIXELS = 2_000_000_000
BOMB_PIXELS = 64_000_000  # below this size no picture is a bomb
BOMB_RATIO = 5_000  # pixels per byte of the file; blank photos stay below 1,500
SMALL = 16 << 20  # bytes; what is smaller is not counted


def check_header(width: int, height: int, file_bytes: int, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse a picture by the size that its header declares.

    Raises:
        DecodeError: "too_large" or "bomb".
    """
    pixels = width * height
    if pixels > BOMB_PIXELS and pixels > BOMB_RATIO * file_bytes:
        raise DecodeError(
            "bomb",
            f"{width} x {height} pixels in {file_bytes:,} bytes: looks like a decompression bomb",
        )
    if pixels > max_pixels:
        raise DecodeError("too_large", f"{width} x {height} pixels are more than {max_pixels:,} pixels")


class MemoryBudget:
    """A number of bytes that threads share; who asks for more than is left waits its turn."""

    def __init__(self, total: int = MAX_BYTES) -> None:
        self._total = total
        self._used = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, n_bytes: int) -> Iterator[None]:
        """Hold n_bytes while the block runs.

        Raises:
            DecodeError: "too_large" if it is more than there is in all.
        """
        if n_bytes > self._total:
            raise DecodeError(
                "too_large",
                f"decoding it takes {n_bytes >> 20:,} MB of memory; {self._total >> 20:,} MB are allowed",
            )
        if n_bytes < SMALL:
            yield
            return
        self.take(n_bytes)
        try:
            yield
        finally:
            self.give(n_bytes)

    def take(self, n_bytes: int) -> None:
        """Wait until so much is left, and hold it."""
        # The turn is kept while waiting: a stream of smaller pictures cannot overtake a large one.
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._used + n_bytes <= self._total)
            self._used += n_bytes

    def give(self, n_bytes: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._used -= n_bytes
            self._changed.notify_all()


SHARED = MemoryBudget()  # of this process and of all that decode for it
