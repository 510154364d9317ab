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
from .pool import Crew, NoSandbox
from .process import DecoderEnded
from .protocol import photo_in, photo_job, picture_in, picture_job

_log = logging.getLogger(__name__)

# Formats whose decoders have a clean record: a single query need not wait for a process to start.
OPENED_AT_HOME = frozenset({"JPEG", "PNG"})
_TRIES = 2


class Poisonous(DecodeError):
    """A picture ended its decoder. tries: so often in this run."""

    def __init__(self, code: str, message: str, tries: int) -> None:
        super().__init__(code, message)
        self.tries = tries


class Opener:
    """Opens photos; called from several threads. Use it as a context manager.

    size: processes at most; they start when they are needed. poison: contents, by digest, that ended a
    decoder and are not handed to one. at_home: formats that are decoded in this process.
    """

    def __init__(
        self,
        size: int,
        poison: Mapping[bytes, Failure] | None = None,
        at_home: frozenset[str] = frozenset(),
    ) -> None:
        self._crew = Crew(size)
        self._poison = dict(poison or {})
        self._at_home = at_home
        self._second_tries = threading.Lock()
        self._is_told = False

    def __enter__(self) -> "Opener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its processes."""
        self._crew.close()

    @property
    def processes(self) -> list[int]:
        """The numbers of the processes that are there now."""
        return self._crew.processes

    def __call__(self, data: bytes, digest: bytes, rule: InputRule) -> Opened:
        """Return a photo. data: the whole file, digest: its blake3.

        Raises:
            DecodeError: it cannot be opened; Poisonous if it ended its decoder.
        """
        self._refuse_poison(digest)
        if sniff(data) in self._at_home:
            return open_photo(data, rule)
        try:
            return self._asked(data, rule)
        except NoSandbox as error:
            self._tell(error)
            return open_photo(data, rule)
        except DecoderEnded:
            return self._once_more(data, digest, rule)

    def _refuse_poison(self, digest: bytes) -> None:
        known = self._poison.get(digest)
        if known is not None:
            raise DecodeError(known.code, known.message)

    def _once_more(self, data: bytes, digest: bytes, rule: InputRule) -> Opened:
        """Try again what ended a decoder: something else may have been the reason.

        One at a time, so that it has the memory for itself and a second copy of it is not tried as well.
        """
        with self._second_tries:
            self._refuse_poison(digest)
            try:
                return self._asked(data, rule)
            except DecoderEnded as error:
                self._poison[digest] = Failure(error.code, str(error))
                raise Poisonous(error.code, str(error), _TRIES) from error

    def _asked(self, data: bytes, rule: InputRule) -> Opened:
        return self._crew.ask(photo_job(rule), data, lambda head, buffers: photo_in(head, buffers, rule))

    def _tell(self, error: NoSandbox) -> None:
        if not self._is_told:
            self._is_told = True
            _log.warning("pictures are decoded in this process, as no other can be started: %s", error)


def open_picture(data: bytes, *, min_side: int, long_side: int) -> Pixels:
    """Return a picture to look at, (h, w, 3), reduced as by `decode(min_side=)`.

    What is not opened at home comes from a process, with at most long_side pixels on its longer side.

    Raises:
        DecodeError: it cannot be opened.
    """
    if sniff(data) in OPENED_AT_HOME:
        return decode(data, min_side=min_side).pixels
    try:
        with Crew(1) as crew:
            job = picture_job(min_side, long_side)
            return crew.ask(job, data, lambda head, buffers: picture_in(head, buffers, long_side))
    except NoSandbox:
        return decode(data, min_side=min_side).pixels
    except DecoderEnded as error:
        raise DecodeError(error.code, str(error)) from error
