"""Some processes that decode, each started when it is first needed and replaced when it has ended."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import LifoQueue
from typing import TypeVar

from ...errors import DecodeError
from .framing import Head
from .process import DecoderEnded, Limits, Member
from .protocol import MAX_ANSWER, check_error

_log = logging.getLogger(__name__)

MODULE = "lookalike.indexer.sandbox.child"
LIMITS = Limits()

Result = TypeVar("Result")
Check = Callable[[Head, list[bytes]], Result]


class NoSandbox(Exception):
    """No process can be started here, and none ever could."""


class Crew:
    """At most `size` processes; use it as a context manager. Safe to use from several threads.

    module: what they run.
    """

    def __init__(self, size: int, module: str | None = None, limits: Limits | None = None) -> None:
        self._module = module or MODULE
        self._limits = limits or LIMITS
        # The last one that worked is asked first: few pictures start few processes.
        self._idle: LifoQueue[Member | None] = LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._members: set[Member] = set()
        self._mutex = threading.Lock()
        self._has_worked = False

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        with self._mutex:
            members, self._members = self._members, set()
        for member in members:
            member.end()

    @property
    def processes(self) -> list[int]:
        """The numbers of those that are there now."""
        with self._mutex:
            return [member.number for member in self._members]

    def ask(self, job: Head, data: bytes, check: Check[Result]) -> Result:
        """Return what check makes of the answer to a job; waits for a process that is idle.

        Raises:
            DecodeError: what the decoder says of the picture.
            DecoderEnded: the process came to its end over it.
            NoSandbox: there are no such processes here.
        """
        member = self._idle.get()
        try:
            member = member or self._start()
            return self._checked(member, job, data, check)
        except DecoderEnded:
            self._lose(member)
            member = None
            raise
        finally:
            if member is not None and member.is_worn:
                self._lose(member)
                member = None
            self._idle.put(member)

    def _checked(self, member: Member, job: Head, data: bytes, check: Check[Result]) -> Result:
        head, buffers = member.ask(job, data, most=MAX_ANSWER)
        try:
            check_error(head)
            return check(head, buffers)
        except DecodeError as error:
            if error.code == "out_of_memory":  # it may have kept what others left; it is not asked again
                member.end()
                raise DecoderEnded(error.code, str(error)) from error
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise member.talked_nonsense(error) from error

    def _start(self) -> Member:
        try:
            member = Member(self._module, self._limits)
        except OSError as error:
            if self._has_worked:
                raise DecodeError(
                    "no_decoder", f"no process to decode it could be started: {error}"
                ) from error
            raise NoSandbox(str(error)) from error
        with self._mutex:
            self._members.add(member)
            self._has_worked = True
        return member

    def _lose(self, member: Member | None) -> None:
        if member is None:
            return
        member.end()
        with self._mutex, suppress(KeyError):
            self._members.remove(member)
