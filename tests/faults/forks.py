"""Runs in processes that start at once: one process loads everything, and forks for each run.

A run is a function `module:name` with arguments of text and numbers. It is killed, or ends with a code, as
any process does; what it wrote to stdout and stderr is kept in files.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

_SERVE = "from lookalike.tests.faults.forks import serve; serve()"
# What a run uses is loaded before: a kill shall not hit the import of modules.
_LOADED = (
    "lookalike.cli",
    "lookalike.dedup.candidates.update",
    "lookalike.dedup.groups.report",
    "lookalike.dedup.naming",
    "lookalike.dedup.proof.prove_all",
    "lookalike.commands.doctor",
    "lookalike.indexer.embed.engines.onnx",
    "lookalike.indexer.run",
    "lookalike.indexer.worker",
    "lookalike.output.progress",
    "lookalike.search.by_image",
    "lookalike.store.store",
    "faiss",
)


@dataclass(frozen=True)
class Ended:
    """How a run ended. code: its exit code, or the negative number of the signal that killed it."""

    code: int
    out: str
    err: str


class Forks:
    """A process to fork runs from; use it as a context manager."""

    def __enter__(self) -> "Forks":
        # One thread each: a pool of threads does not survive a fork, and the machine has other work.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **alone},
        )
        self._kept = tempfile.TemporaryDirectory()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._kept.cleanup()

    def run(self, task: str, *arguments: Any) -> Ended:
        """Run a function to its end, or until it is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"task": task, "arguments": arguments, "kept": self._kept.name}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return Ended(int(self._process.stdout.readline()), self._read("out"), self._read("err"))

    def _read(self, name: str) -> str:
        with open(os.path.join(self._kept.name, name), errors="replace") as source:
            return source.read()


def serve() -> None:
    """Fork for each request on stdin; answer with how it ended."""
    for module in _LOADED:
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _become(request: dict[str, Any]) -> None:
    """Be the run that is asked for, and end with it."""
    for descriptor, name in ((1, "out"), (2, "err")):
        path = os.path.join(request["kept"], name)
        os.dup2(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    module, _, name = request["task"].partition(":")
    code = 70
    try:
        code = getattr(importlib.import_module(module), name)(*request["arguments"]) or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
