"""One worker process, seen by the one that asks: it holds the clock and the budget of memory."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from ..decode.memory import MAX_BYTES, SHARED
from .framing import Buffers, Head, head_bytes, read_frame

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

    seconds: for one job, and one second more for each bytes_per_s of memory that its picture takes by its
    header. jobs, bytes: after so many jobs, or at so much memory, it is replaced.
    """

    seconds: float = 30.0
    bytes_per_s: int = 16 << 20
    jobs: int = 1_000
    bytes: int = 400 << 20


@dataclass(frozen=True, slots=True)
class WorkerKind:
    """What worker processes run. module: as for `python -m`. name: what messages call them."""

    module: str
    name: str
    limits: Limits = Limits()


class WorkerEnded(Exception):
    """A process came to its end over a job. code: "crashed", "timed_out" or "out_of_memory"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WorkerProcess:
    """One process. number: in the system.

    Raises:
        OSError: it cannot be started here, or does not work.
    """

    def __init__(self, kind: WorkerKind) -> None:
        if os.name != "posix":
            raise OSError("worker processes need a POSIX system")
        self._name, self._limits = kind.name, kind.limits
        self._left = kind.limits.jobs
        self._until = 0.0
        self._socket, theirs = socket.socketpair()
        # A photo goes over in a few pieces, not in dozens.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AT_ONCE)
        try:
            with theirs:
                self._process = _start(kind.module, theirs.fileno())
        except OSError:
            self._socket.close()
            raise
        self.number = self._process.pid
        self._handshake()

    def _handshake(self) -> None:
        try:
            head, _ = self.ask({"want": "handshake"}, seconds=_START_S)
        except WorkerEnded as error:
            raise OSError(str(error)) from error
        except BaseException:
            self.end()
            raise
        if head.get("ready") is not True:
            self.end()
            raise OSError(f"the {self._name} is not ready")

    def ask(
        self, job: Head, buffers: Buffers = (), *, seconds: float | None = None, most: int = 0
    ) -> tuple[Head, list[bytes]]:
        """Return the answer to a job. most: bytes that the answer may have.

        Raises:
            WorkerEnded: there is none; the process has ended.
        """
        seconds = self._limits.seconds if seconds is None else seconds
        job = job | {"seconds": seconds, "bytes_per_s": self._limits.bytes_per_s}
        try:
            return self._asked(job, buffers, seconds, most)
        except TimeoutError:
            self.end()
            raise WorkerEnded(
                "timed_out", f"the {self._name} took longer than {seconds:g} s and was stopped"
            ) from None
        except (OSError, EOFError):
            raise self._ended() from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self.protocol_error(error) from error

    def _asked(self, job: Head, buffers: Buffers, seconds: float, most: int) -> tuple[Head, list[bytes]]:
        self._left -= 1
        self._until = time.monotonic() + seconds
        for each in (head_bytes(job, buffers), *buffers):
            self._send(each)
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

    def protocol_error(self, error: Exception) -> WorkerEnded:
        """End it, and return why: what gives an invalid answer is no longer ours."""
        self.end()
        return WorkerEnded(
            "crashed", f"protocol error: the {self._name} gave an invalid answer: {error}"[:300]
        )

    @property
    def should_recycle(self) -> bool:
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

    def _ended(self) -> WorkerEnded:
        """Return how it came to its end, now that it no longer answers."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        code = self.end()
        if code is None:
            return WorkerEnded("crashed", f"the {self._name} stopped answering and was ended")
        if code == -signal.SIGKILL:
            return WorkerEnded("out_of_memory", f"the {self._name} was killed, as when memory runs out")
        if code == -signal.SIGALRM:
            return WorkerEnded("timed_out", f"the {self._name} took too long and was stopped")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"code {code}"
        return WorkerEnded("crashed", f"the {self._name} crashed ({name})")

    def _send(self, data: bytes | memoryview) -> None:
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
