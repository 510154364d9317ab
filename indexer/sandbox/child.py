"""The worker's side: answer jobs that come over a socket, within limits that it sets for itself (POSIX).

A worker gets bytes, never a path, and may die of them: its parent counts that as the job's failure. The end
of its channel is its end, however its parent came to an end.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from ...errors import DecodeError
from ..decode.memory import MAX_BYTES, MemoryBudget
from ..decode.read import MAX_FILE_BYTES
from .framing import Buffers, Frame, Head, head_bytes, read_frame

Work = Callable[[Head, list[bytes], MemoryBudget], Frame]

# The parent ends a process that takes too long; this one ends itself, should there be no parent.
_LATER = 2.0
# Files that it may have open: its own channel and stderr, and the modules that load with the first HEIC.
_FILES = 32
# Address space that a job may take beside what its picture's header tells and twice its bytes: libraries
# that are loaded with the first picture that needs them, thumbnails. It is seldom memory.
_SLACK = 256 << 20
_ANY_SYSTEM = 1 << 30
_PR_SET_NO_NEW_PRIVS = 38


def serve(work: Work) -> None:
    """Answer jobs until there are no more. work: gets a job's head and buffers, and asks for memory."""
    # Ctrl-C is the parent's to hear: it lets us finish what we are at.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = _Channel()
    _give_up_rights()
    try:
        while (got := channel.job()) is not None:
            channel.reply(*_outcome(work, *got, channel))
    except (BrokenPipeError, ConnectionError, EOFError):
        return  # nobody is left to hear it


def _outcome(work: Work, job: Head, buffers: list[bytes], memory: MemoryBudget) -> Frame:
    try:
        return ({"ready": True}, ()) if job["want"] == "handshake" else work(job, buffers, memory)
    except DecodeError as error:
        return {"error": [error.code, str(error)]}, ()
    except MemoryError:
        return {"error": ["out_of_memory", "it takes more memory than its header tells"]}, ()
    except EOFError:
        raise
    except Exception as error:
        # An internal error about one picture must not keep a library from all its other ones.
        return {"error": ["damaged", f"it cannot be decoded: {type(error).__name__}: {error}"[:300]]}, ()


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
        self._limit = _MemoryLimit()
        self._job: Head = {}
        self._job_bytes = 0

    def job(self) -> tuple[Head, list[bytes]] | None:
        """Return the next job and its buffers; None when there are no more."""
        self._limit.lift()  # what the last picture was allowed may be less than the next one's bytes
        try:
            self._job, buffers = read_frame(self._take_bytes, MAX_FILE_BYTES)
        except EOFError:
            return None
        self._job_bytes = sum(map(len, buffers))
        self._limit.set(self._job_bytes, 0)
        _end_after(_LATER * self._job["seconds"])
        return self._job, buffers

    def reply(self, head: Head, buffers: Buffers = ()) -> None:
        """Answer the job."""
        _end_after(0)
        self._to_parent.write(head_bytes(head, buffers))
        for each in buffers:
            self._to_parent.write(each)
        self._to_parent.flush()

    def take(self, n_bytes: int) -> None:
        """Wait until the parent has so much memory left for us."""
        self.reply({"needs": n_bytes})
        read_frame(self._take_bytes, 0)
        self._limit.set(self._job_bytes, n_bytes)
        _end_after(_LATER * (self._job["seconds"] + n_bytes / self._job["bytes_per_s"]))

    def give(self, n_bytes: int) -> None:
        """Leave it to the parent, who takes it back with the answer."""

    def _take_bytes(self, n_bytes: int) -> bytes:
        data = self._from_parent.read(n_bytes)
        if len(data) < n_bytes:
            raise EOFError
        return data


class _MemoryLimit:
    """Lets this process have no more memory than a picture may take by its header."""

    def __init__(self) -> None:
        self._base = _address_space() + _SLACK
        self._most = self._base + MAX_BYTES * 5 // 4 + 2 * MAX_FILE_BYTES
        _limit(resource.RLIMIT_AS, self._most)

    def set(self, job_bytes: int, picture_bytes: int) -> None:
        """Allow what a job of so many bytes takes, and decoding its picture; more is a MemoryError."""
        self._allow(self._base + 2 * job_bytes + picture_bytes * 5 // 4)

    def lift(self) -> None:
        """Allow what the largest picture in the largest file takes."""
        self._allow(self._most)

    def _allow(self, n_bytes: int) -> None:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (min(n_bytes, self._most), self._most))


def _give_up_rights() -> None:
    """Write no file, leave no core, open few files, gain no rights by what is executed."""
    sys.dont_write_bytecode = True
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _FILES)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _end_after(seconds: float) -> None:
    """Let the system end this process after so long, whatever it hangs in; 0: never.

    The parent is sooner, unless it was killed.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit(what: int, value: int) -> None:
    with suppress(ValueError, OSError):  # a harder limit is in force already
        resource.setrlimit(what, (value, value))


def _address_space() -> int:
    """Return the bytes of address space that this process has now."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return _ANY_SYSTEM
