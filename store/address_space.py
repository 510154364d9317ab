"""The address space that this process may take, where somebody limits it (`ulimit -v`).

What loads native code ends in a segmentation fault without it, not in an error: it is asked before.
"""

import ctypes
import os
from contextlib import suppress

from ..errors import LookalikeError

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

# What libraries read when they are loaded: threads that wait for work reserve some 70 MB each.
_FEW_THREADS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS")
_ARENAS = -8  # M_ARENA_MAX of glibc's mallopt


def address_space_limit() -> int | None:
    """Return how many bytes of address space this process may take; None: as many as it likes."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0] if resource else -1
    return None if limit < 0 or limit == resource.RLIM_INFINITY else limit


def spare_address_space() -> None:
    """Where it is limited, have libraries reserve little of it; before they are loaded."""
    if address_space_limit() is None:
        return
    for name in _FEW_THREADS:
        os.environ.setdefault(name, "1")
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENAS, 1)


def need_address_space(megabytes: int, task: str) -> None:
    """Check that a task does not run into the limit while it loads what it needs.

    Raises:
        LookalikeError: it would.
    """
    limit = address_space_limit()
    if limit is not None and limit < megabytes << 20:
        raise LookalikeError(
            f"{task} needs {megabytes} MB of address space, and this process may have {limit >> 20} MB; "
            f"raise the limit: `ulimit -v {megabytes << 10}` or more"
        )
