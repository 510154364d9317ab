"""One process that decodes, seen by the one that asks."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from ..decode.memory import MAX_BYTES, SHARED
from .framing import Head, head_bytes, read_frame

# One thread, and one heap: more of them take address space that no picture needs.
_SMALL = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}
# glibc's heap, where it is that: what a picture took is kept for the next one up to 32 MB (mmap_threshold
# takes no more), and the system is asked for pages of 2 MB. Else a page is faulted in for each 4 KB of each
# picture: an eighth of the time on camera files.
_HEAP = (
    "glibc.malloc.hugetlb=1",
    "glibc.malloc.mmap_threshold=33554432",
    "glibc.malloc.trim_threshold=33554432",
)
_START_S = 60.0
_END_S = 2.0
_SENT_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take.

    seconds: for one picture, and one second more for each bytes_per_s of memory that it takes by its
    header. files, bytes: after so many files, or at so much memory, it is replaced.
    """

    seconds: float = 30.0
    bytes_per_s: int = 16 << 20
    files: int = 1_000
    bytes: int = 400 << 20


class DecoderEnded(Exception):
    """A process came to its end over a picture. code: "crashed", "timed_out" or "out_of_memory"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Member:
    """One process. number: in the system.

    Raises:
        OSError: it cannot be started here, or does not work.
    """

    def __init__(self, module: str, limits: Limits) -> None:
        if os.name != "posix":
            raise OSError("decoding in processes of their own needs a POSIX system")
        self._limits = limits
        self._left = limits.files
        self._until = 0.0
        self._socket, theirs = socket.socketpair()
        # A photo goes over in a few pieces, not in dozens.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AT_ONCE)
        try:
            with theirs:
                self._process = _start(module, theirs.fileno())
        except OSError:
            self._socket.close()
            raise
        self.number = self._process.pid
        self._greet()

    def _greet(self) -> None:
        try:
            head, _ = self.ask({"want": "greeting"}, b"", seconds=_START_S)
        except DecoderEnded as error:
            raise OSError(str(error)) from error
        except BaseException:
            self.end()
            raise
        if head.get("ready") is not True:
            self.end()
            raise OSError("a process that decodes did not greet")

    def ask(
        self, job: Head, data: bytes, *, seconds: float | None = None, most: int = 0
    ) -> tuple[Head, list[bytes]]:
        """Return the answer to a job. data: the file. most: bytes that the answer may have.

        Raises:
            DecoderEnded: there is none; the process has ended.
        """
        seconds = self._limits.seconds if seconds is None else seconds
        job = job | {"seconds": seconds, "bytes_per_s": self._limits.bytes_per_s}
        try:
            return self._asked(job, data, seconds, most)
        except TimeoutError:
            self.end()
            raise DecoderEnded(
                "timed_out", f"decoding it took longer than {seconds:g} s and was ended"
            ) from None
        except (OSError, EOFError):
            raise self._ended() from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self.talked_nonsense(error) from error

    def _asked(self, job: Head, data: bytes, seconds: float, most: int) -> tuple[Head, list[bytes]]:
        self._left -= 1
        self._until = time.monotonic() + seconds
        self._send(head_bytes(job, [data]))
        self._send(data)
        head, buffers = read_frame(self._take, most)
        if "needs" not in head:
            return head, buffers
        needs = head["needs"]
        if type(needs) is not int or not 0 <= needs <= MAX_BYTES:
            raise ValueError("a need for memory that no picture may have")
        with SHARED.reserve(needs):
            self._until = time.monotonic() + seconds + needs / self._limits.bytes_per_s
            self._send(head_bytes({}))
            return read_frame(self._take, most)

    def talked_nonsense(self, error: Exception) -> DecoderEnded:
        """End it, and say so: what answers so is no longer ours."""
        self.end()
        return DecoderEnded("crashed", f"the decoder gave an answer that makes no sense: {error}"[:300])

    @property
    def is_worn(self) -> bool:
        """Whether it did enough, or keeps so much memory, that a new one should take its place."""
        return self._left <= 0 or held_bytes(self.number) > self._limits.bytes

    def end(self) -> int | None:
        """End it with all that it started; return the code it ended with, None if it had to be ended."""
        self._socket.close()
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = self._process.poll()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.number, signal.SIGKILL)
        self._process.wait()
        return code

    def _ended(self) -> DecoderEnded:
        """Say how it came to its end, now that it no longer answers."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        code = self.end()
        if code is None:
            return DecoderEnded("crashed", "the decoder stopped answering over it and was ended")
        if code == -signal.SIGKILL:
            return DecoderEnded("out_of_memory", "the decoder was killed over it, as when memory runs out")
        if code == -signal.SIGALRM:
            return DecoderEnded("timed_out", "decoding it took too long and was ended")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"code {code}"
        return DecoderEnded("crashed", f"the decoder crashed over it ({name})")

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(self._seconds_left())
        self._socket.sendall(data)

    def _take(self, n_bytes: int) -> bytes:
        data = bytearray(n_bytes)
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._seconds_left())
            got = self._socket.recv_into(rest)
            if not got:
                raise EOFError
            rest = rest[got:]
        return bytes(data)

    def _seconds_left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _start(module: str, channel: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: a json.py in the current folder is none of ours.
        [sys.executable, "-P", "-m", module],
        stdin=channel,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("LOOKALIKE_DEBUG") else subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,  # Ctrl-C is ours to hear; and what it may start ends with it
    )


def _environment() -> dict[str, str]:
    theirs = os.environ.get("GLIBC_TUNABLES")
    # The last one counts: what the user has set stays.
    tunables = ":".join([*_HEAP, *([theirs] if theirs else [])])
    return {**os.environ, **_SMALL, "GLIBC_TUNABLES": tunables}


def held_bytes(process: int) -> int:
    """Return the memory of a process; 0 where the system does not tell (it does on Linux)."""
    try:
        with open(f"/proc/{process}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
