"""How many workers this machine bears: its cores and its memory, as far as a container gives them to us."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")
# Memory of a run without workers, and for each worker: its decoder, and what the network needs.
_RUN, _WORKER = 256 << 20, 128 << 20
# The rest of the memory belongs to others, and to the system, which keeps files in it.
_SHARE = 0.5


def default_workers(root: Path = _ROOT) -> int:
    """Return one worker for each core that we may use, fewer where the memory is small; at least one.

    root: where /proc and /sys are.
    """
    n = cores(root)
    memory = memory_bytes(root)
    if memory is not None:
        n = min(n, int((_SHARE * memory - _RUN) // _WORKER))
    return max(1, n)


def cores(root: Path = _ROOT) -> int:
    """Return the cores that this process may use: its affinity, and what its control group is allowed."""
    if hasattr(os, "process_cpu_count"):
        n = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        n = len(os.sched_getaffinity(0))
    else:
        n = os.cpu_count() or 1
    return min([n, *(math.ceil(quota) for quota in _quotas(root))])


def memory_bytes(root: Path = _ROOT) -> int | None:
    """Return the memory that this process may use, the machine's or its control group's; None: unknown."""
    limits = list(_memory_limits(root))
    with suppress(ValueError, OSError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((each for each in limits if each > 0), default=None)


def _quotas(root: Path) -> Iterator[float]:
    """Yield how many cores' time our control group and those above it may have."""
    for group in _groups(root, "cpu"):
        for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            words = " ".join(_text(group / name) for name in names).split()
            # "max", or -1 in the older kind: no limit.
            if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):
                yield int(words[0]) / int(words[1])


def _memory_limits(root: Path) -> Iterator[int]:
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            text = _text(group / name)
            if text.isdecimal():
                yield int(text)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of our control group and of those above it, of both kinds (Linux)."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            top = root / "sys/fs/cgroup" / (controller if controllers else "")
            # In a container the path may be that of the world outside; then there is only the top.
            below = top / path.lstrip("/")
            yield from (group for group in (below, *below.parents) if group.is_relative_to(top))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
