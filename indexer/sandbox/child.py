"""A process that decodes for another one: `python -m lookalike.indexer.sandbox.child`.

It gets bytes, never a path, and may die of them: its parent counts that as the picture's failure. The end
of its channel is its end, however its parent came to an end.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, Image

from ...errors import DecodeError
from ..decode.decode import decode
from ..decode.heif import decode_on_one_thread
from ..decode.memory import MemoryBudget
from ..decode.photo import open_photo
from ..decode.read import MAX_FILE_BYTES
from ..embed.preprocess import InputRule
from .framing import Head, head_bytes, read_frame
from .limits import MemoryLimit, end_after, give_up_rights

Reply = tuple[Head, Sequence[bytes | memoryview]]
Work = Callable[[Head, bytes, MemoryBudget], Reply]

# The parent ends a process that takes too long; this one ends itself, should there be no parent.
_LATER = 2.0


def answer(job: Head, data: bytes, memory: MemoryBudget) -> Reply:
    """Return what a job asks for of a picture: see `asking.photo_job` and `asking.picture_job`.

    Raises:
        DecodeError: it cannot be read.
    """
    if job["want"] == "photo":
        return _photo(data, InputRule(*job["rule"]), memory)
    return _picture(data, job["min_side"], job["long_side"], memory)


def _photo(data: bytes, rule: InputRule, memory: MemoryBudget) -> Reply:
    opened = open_photo(data, rule, memory)
    said: dict[str, Any] = {
        "width": opened.width,
        "height": opened.height,
        "format": opened.format,
        "pixel_digest": opened.pixel_digest.hex(),
        "metadata": asdict(opened.metadata),
        "warning": opened.warning,
        "shape": opened.pixels.shape,
    }
    return said, (opened.thumbnail, np.ascontiguousarray(opened.pixels).data.cast("B"))


def _picture(data: bytes, min_side: int, long_side: int, memory: MemoryBudget) -> Reply:
    image = decode(data, min_side=min_side, memory=memory).image
    image.thumbnail((long_side, long_side), Image.Resampling.BOX)
    return {"shape": (image.height, image.width, 3)}, (image.tobytes(),)


class _Channel(MemoryBudget):
    """The way to the parent, who also knows how much memory is left for all."""

    def __init__(self) -> None:
        super().__init__()
        self._from_parent = os.fdopen(os.dup(0), "rb")
        self._to_parent = os.fdopen(os.dup(0), "wb")
        # What C code reads from stdin or prints must not get into the frames.
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        self._limit = MemoryLimit()
        self._job: Head = {}
        self._file_bytes = 0

    def job(self) -> tuple[Head, bytes] | None:
        """Return the next job and its file; None when there are no more."""
        try:
            head, buffers = read_frame(self._take_bytes, MAX_FILE_BYTES)
        except EOFError:
            return None
        self._job, data = head, b"".join(buffers)
        self._file_bytes = len(data)
        self._limit.set(len(data), 0)
        end_after(_LATER * head["seconds"])
        return head, data

    def reply(self, head: Head, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Answer the job."""
        end_after(0)
        self._to_parent.write(head_bytes(head, buffers))
        for each in buffers:
            self._to_parent.write(each)
        self._to_parent.flush()

    def take(self, n_bytes: int) -> None:
        """Wait until the parent has so much memory left for us."""
        self.reply({"needs": n_bytes})
        read_frame(self._take_bytes, 0)
        self._limit.set(self._file_bytes, n_bytes)
        end_after(_LATER * (self._job["seconds"] + n_bytes / self._job["bytes_per_s"]))

    def give(self, n_bytes: int) -> None:
        """Leave it to the parent, who takes it back with the answer."""

    def _take_bytes(self, n_bytes: int) -> bytes:
        data = self._from_parent.read(n_bytes)
        if len(data) < n_bytes:
            raise EOFError
        return data


def main(work: Work = answer) -> None:
    """Answer jobs until there are no more."""
    # Ctrl-C is the parent's to hear: it lets us finish what we are at.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _decode_on_one_thread()
    channel = _Channel()
    give_up_rights()
    try:
        while (got := channel.job()) is not None:
            job, data = got
            channel.reply(*_outcome(work, job, data, channel))
    except (BrokenPipeError, ConnectionError, EOFError):
        return  # nobody is left to hear it


def _outcome(work: Work, job: Head, data: bytes, memory: MemoryBudget) -> Reply:
    try:
        return ({"ready": True}, ()) if job["want"] == "greeting" else work(job, data, memory)
    except DecodeError as error:
        return {"error": [error.code, str(error)]}, ()
    except MemoryError:
        return {"error": ["out_of_memory", "it takes more memory than its header tells"]}, ()
    except EOFError:
        raise
    except Exception as error:
        # A mistake of ours about one picture must not keep a library from all its other ones.
        return {"error": ["damaged", f"it cannot be decoded: {type(error).__name__}: {error}"[:300]]}, ()


def _decode_on_one_thread() -> None:
    """Keep decoders from threads of their own: other cores have other pictures."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    decode_on_one_thread()


if __name__ == "__main__":
    main()
