"""Processes that prove pairs, as many as there are cores."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import IO, Any

from ...errors import LookalikeError
from .pictures import Thumbnail

# A process works on one thing at a time: a second thread for a product of matrices would only be in the
# way of the others.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

PairOfIds = tuple[int, int]
Answer = list[dict[str, Any] | None]


class Crew:
    """Some processes that answer jobs; use it as a context manager.

    size: number of processes. `processes`: their numbers in the system.

    Raises:
        OSError: no process can be started here.
    """

    def __init__(self, size: int) -> None:
        self._idle: SimpleQueue[_Member] = SimpleQueue()
        with ExitStack() as stack:
            members = [stack.enter_context(_Member()) for _ in range(size)]
            _greet(members)
            self._members = stack.pop_all()
        for member in members:
            self._idle.put(member)
        self.processes = [member.number for member in members]

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self._members.close()

    def prove(self, pairs: Sequence[PairOfIds], thumbnails: Mapping[int, Thumbnail]) -> Answer:
        """Return the evidence of pairs of photo ids, None where a thumbnail is missing.

        From several threads at once: each waits for a process that is idle.

        Raises:
            LookalikeError: a process came to an end before its time.
        """
        job = job_of(pairs, thumbnails)
        member = self._idle.get()
        try:
            return member.ask(job)
        finally:
            self._idle.put(member)


def _greet(members: Sequence["_Member"]) -> None:
    """Make sure that all of them work, before anything depends on it: they may not find what we have found.

    Raises:
        OSError: one of them does not.
    """
    try:
        for member in members:
            member.send(job_of((), {}))
        for member in members:
            member.receive()
    except LookalikeError as error:
        raise OSError(str(error)) from error


def job_of(pairs: Sequence[PairOfIds], thumbnails: Mapping[int, Thumbnail]) -> dict[str, Any]:
    """Return what a process is asked: pairs of ids, and each picture that there is of these."""
    pictures = [
        (number, base64.b64encode(each.jpeg).decode("ascii"), each.width, each.height)
        for number, each in thumbnails.items()
    ]
    return {"pairs": list(pairs), "pictures": pictures}


class _Member:
    """One process."""

    def __init__(self) -> None:
        # -P: a json.py in the current folder is none of ours.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lookalike.dedup.proof.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("LOOKALIKE_DEBUG") else subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
        )

    @property
    def number(self) -> int:
        """The number of the process in the system."""
        return self._process.pid

    def __enter__(self) -> "_Member":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # closes its stdin, on which it ends, and waits for it
            pass

    def ask(self, job: dict[str, Any]) -> Answer:
        self.send(job)
        return self.receive()

    def send(self, job: dict[str, Any]) -> None:
        to_it, _ = _pipes(self._process)
        # Whether it still reads is told by what it answers.
        with suppress(BrokenPipeError):
            to_it.write(json.dumps(job).encode("ascii") + b"\n")
            to_it.flush()

    def receive(self) -> Answer:
        _, from_it = _pipes(self._process)
        line = from_it.readline()
        if not line.endswith(b"\n"):
            raise LookalikeError(
                f"a process that proves pairs ended with code {self._process.wait()}; what was proved is "
                "kept, so run the command again (if memory was short, with fewer other programs)"
            )
        answer: Answer = json.loads(line)
        return answer


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise LookalikeError("a process that proves pairs was started without pipes")
    return process.stdin, process.stdout
