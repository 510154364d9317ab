"""What a process that decodes takes from itself before it meets the first stranger's byte (POSIX)."""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

from ..decode.memory import MAX_BYTES
from ..decode.read import MAX_FILE_BYTES

# Files that it may have open: its own channel and stderr, and the modules that load with the first HEIC.
_FILES = 32
# Address space that a decode may take beside what its header tells and twice the file: libraries that are
# loaded with the first picture that needs them, and the thumbnail. It is seldom memory.
_SLACK = 256 << 20
_ANY_SYSTEM = 1 << 30
_PR_SET_NO_NEW_PRIVS = 38


class MemoryLimit:
    """Lets this process have no more memory than a picture may take by its header."""

    def __init__(self) -> None:
        self._base = _address_space() + _SLACK
        self._most = self._base + MAX_BYTES * 5 // 4 + 2 * MAX_FILE_BYTES
        _limit(resource.RLIMIT_AS, self._most)

    def set(self, file_bytes: int, picture_bytes: int) -> None:
        """Allow what decoding a picture of a file takes; more is a MemoryError."""
        wanted = self._base + 2 * file_bytes + picture_bytes * 5 // 4
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (min(wanted, self._most), self._most))


def give_up_rights() -> None:
    """Write no file, leave no core, open few files, gain no rights by what is executed."""
    sys.dont_write_bytecode = True
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _FILES)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def end_after(seconds: float) -> None:
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
