"""One command as a fresh process: what it took, in seconds and memory, and what it wrote.

CPU time is that of the process and all that it started and waited for. Memory is the most that the whole
tree of processes held at one moment, ten looks a second, each page shared by several counted once (Linux).
Unix only, for the CPU time.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOKALIKE = (sys.executable, "-m", "lookalike")
FINE = (0, 3)  # 3: some of the photos cannot be read, which is no matter here
LOOK_EVERY_S = 0.1
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took, in seconds and bytes, and what it wrote to stdout.

    peak_bytes: 0 unless it was watched.
    """

    wall_s: float
    cpu_s: float
    output: str
    peak_bytes: int = 0


def run(
    command: Sequence[str],
    *,
    watch: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    patience_s: float | None = None,
) -> Run:
    """Run a command as a process of its own, with bytecode cached as on a user's computer.

    watch: measure the memory. env: what is added to the environment. patience_s: end it after so long.

    Raises:
        SystemExit: the command failed, or took too long. Its stderr is passed on.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )
    memory = Memory(process.pid) if watch else None
    output, errors = talk(process, patience_s)
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in FINE:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors}")
    cpu_s = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return Run(wall_s, cpu_s, output, memory.peak() if memory else 0)


def talk(process: subprocess.Popen[str], patience_s: float | None) -> tuple[str, str]:
    """Wait for a process and return what it wrote; end it with all that it started if it takes too long."""
    try:
        return process.communicate(timeout=patience_s)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise SystemExit(f"ended after {patience_s} s") from error
        raise


class Memory(threading.Thread):
    """Looks at the memory of a process and of all below it until that process has ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._most, self._ended = pid, 0, threading.Event()
        self.start()

    def run(self) -> None:
        """Keep the most that was seen."""
        while not self._ended.wait(LOOK_EVERY_S):
            self._most = max(self._most, sum(map(held_bytes, tree(self._pid))))

    def peak(self) -> int:
        """End the looking and return the most that was seen, in bytes."""
        self._ended.set()
        self.join()
        return self._most


class CpuTime(threading.Thread):
    """Adds up the CPU time of all processes below this one, as long as it looks (Linux).

    Those that nobody waits for as well: processes whose parent ends become children of this one.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._before = set(tree(os.getpid()))
        self._seconds: dict[int, float] = {}
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Keep the last that was seen of each process."""
        while not self._ended.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for pid in set(tree(os.getpid())) - self._before:
            self._seconds[pid] = max(cpu_seconds(pid), self._seconds.get(pid, 0.0))

    def total(self) -> float:
        """End the looking and return the sum, in seconds."""
        self._ended.set()
        self.join()
        self._look()
        return sum(self._seconds.values())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken itself; 0 once it is gone."""
    fields = read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in read(file).split():
            yield from tree(int(child))


def held_bytes(pid: int) -> int:
    """Return the memory of a process, with its share of the pages that others have as well."""
    for line in read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    return 0


def read(file: Path) -> str:
    """Return what a file of a process says; nothing once the process is gone."""
    try:
        return file.read_text()
    except OSError:
        return ""
