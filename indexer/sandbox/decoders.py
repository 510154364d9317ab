"""Opening photos so that none can end the program: in processes, twice at most, and never again."""

import logging
import threading
from collections.abc import Mapping

from ...errors import DecodeError
from ...store.records import Failure
from ..decode.decode import decode
from ..decode.photo import Opened, open_photo
from ..decode.sniff import sniff
from ..embed.preprocess import InputRule, Pixels
from .decode_job import photo_in, photo_job, picture_in, picture_job
from .pool import NoWorkers, WorkerPool
from .process import WorkerEnded, WorkerKind

_log = logging.getLogger(__name__)

DECODER = WorkerKind("lookalike.indexer.sandbox.decode_job", "decoder")

# Formats whose decoders have a clean record: a single query need not wait for a process to start.
OPENED_AT_HOME = frozenset({"JPEG", "PNG"})
# A file of more segments or chunks is decoded against the clock of a process: each takes some 5 us.
_MOST_PARTS = 100_000
_TRIES = 2


def is_opened_at_home(data: bytes, kinds: frozenset[str] = OPENED_AT_HOME) -> bool:
    """Tell whether a picture is decoded in this process: it is of one of these kinds, and has few parts."""
    kind = sniff(data)
    return kind in kinds and (_has_few_chunks(data) if kind == "PNG" else _has_few_markers(data))


def _has_few_markers(data: bytes) -> bool:
    possible = data.count(b"\xff")
    # A zero byte follows where it is part of the compressed data.
    return possible <= _MOST_PARTS or possible - data.count(b"\xff\0") <= _MOST_PARTS


def _has_few_chunks(data: bytes) -> bool:
    at = 8
    for _ in range(_MOST_PARTS):
        if at >= len(data):
            return True
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False


class DecoderCrashed(DecodeError):
    """A picture ended its decoder. tries: so often in this run."""

    def __init__(self, code: str, message: str, tries: int) -> None:
        super().__init__(code, message)
        self.tries = tries


class Opener:
    """Opens photos; called from several threads. Use it as a context manager.

    size: processes at most; they start when they are needed. crashers: contents, by digest, that ended a
    decoder and are not handed to one. at_home: formats that are decoded in this process.
    """

    def __init__(
        self,
        size: int,
        crashers: Mapping[bytes, Failure] | None = None,
        at_home: frozenset[str] = frozenset(),
    ) -> None:
        self._pool = WorkerPool(size, DECODER)
        self._crashers = dict(crashers or {})
        self._at_home = at_home
        self._second_tries = threading.Lock()
        self._is_told = False

    def __enter__(self) -> "Opener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its processes."""
        self._pool.close()

    def forget_crashers(self) -> None:
        """Hand contents to a decoder again that ended one before."""
        self._crashers.clear()

    @property
    def processes(self) -> list[int]:
        """The numbers of the processes that are there now."""
        return self._pool.processes

    def __call__(self, data: bytes, digest: bytes, rule: InputRule) -> Opened:
        """Return a photo. data: the whole file, digest: its blake3.

        Raises:
            DecodeError: it cannot be opened; DecoderCrashed if it ended its decoder.
        """
        self._refuse_crasher(digest)
        if is_opened_at_home(data, self._at_home):
            return open_photo(data, rule)
        try:
            return self._asked(data, rule)
        except NoWorkers as error:
            self._tell(error)
            return open_photo(data, rule)
        except WorkerEnded:
            return self._once_more(data, digest, rule)

    def _refuse_crasher(self, digest: bytes) -> None:
        known = self._crashers.get(digest)
        if known is not None:
            raise DecodeError(known.code, known.message)

    def _once_more(self, data: bytes, digest: bytes, rule: InputRule) -> Opened:
        """Try again what ended a decoder: something else may have been the reason.

        One at a time, so that it has the memory for itself and a second copy of it is not tried as well.
        """
        with self._second_tries:
            self._refuse_crasher(digest)
            try:
                return self._asked(data, rule)
            except WorkerEnded as error:
                self._crashers[digest] = Failure(error.code, str(error))
                raise DecoderCrashed(error.code, str(error), _TRIES) from error

    def _asked(self, data: bytes, rule: InputRule) -> Opened:
        return self._pool.ask(photo_job(rule), [data], lambda head, buffers: photo_in(head, buffers, rule))

    def _tell(self, error: NoWorkers) -> None:
        if not self._is_told:
            self._is_told = True
            _log.warning("pictures are decoded in this process, as no other can be started: %s", error)


def open_picture(data: bytes, *, min_side: int, long_side: int) -> Pixels:
    """Return a picture to look at, (h, w, 3), reduced as by `decode(min_side=)`.

    What is not opened at home comes from a process, with at most long_side pixels on its longer side.

    Raises:
        DecodeError: it cannot be opened.
    """
    if is_opened_at_home(data):
        return decode(data, min_side=min_side).pixels
    try:
        with WorkerPool(1, DECODER) as pool:
            job = picture_job(min_side, long_side)
            return pool.ask(job, [data], lambda head, buffers: picture_in(head, buffers, long_side))
    except NoWorkers:
        return decode(data, min_side=min_side).pixels
    except WorkerEnded as error:
        raise DecodeError(error.code, str(error)) from error
