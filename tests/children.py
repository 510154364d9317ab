"""Processes that start at once: one has loaded the program, and forks for each that a test asks for.

They are processes as any others, with streams, an environment and an end of their own; a kill is a kill.
What a fresh interpreter does (imports, memory, its exit) is tested in one.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import Any

_SERVE = "import sys; from lookalike.tests.children import serve; serve(int(sys.argv[1]))"
# What children use is loaded before: it is slow, and a kill shall not hit the import of modules.
_LOADED = (
    "faiss",
    "lance",
    "lookalike.bulk.copies",
    "lookalike.bulk.embed",
    "lookalike.bulk.finish",
    "lookalike.bulk.fold",
    "lookalike.cli",
    "lookalike.commands.doctor",
    "lookalike.dedup.actions.apply",
    "lookalike.dedup.actions.undo",
    "lookalike.dedup.candidates.update",
    "lookalike.dedup.copies",
    "lookalike.dedup.groups.report",
    "lookalike.dedup.naming",
    "lookalike.dedup.proof.prove_all",
    "lookalike.indexer.embed.engines.onnx",
    "lookalike.indexer.run",
    "lookalike.indexer.worker",
    "lookalike.output.progress",
    "lookalike.search.by_image",
    "lookalike.store.care.repair",
    "lookalike.store.store",
    "lookalike.tests.decoders",
    "lookalike.tests.faults.tasks",
    "lookalike.tests.indexer.indexing",
    "lookalike.tests.pictures",
    "lookalike.tests.store.making",
)
_NUMBER = 8  # bytes of a number in what processes tell each other
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER
_PRIVATE = 0x4000 | 1 << 18  # MS_REC, MS_PRIVATE


class Child:
    """A running process with the names of `Popen`: text goes in and out, stderr is kept for the end."""

    def __init__(self, code: str, *arguments: object, namespace: bool = False) -> None:
        """Run code. arguments: its sys.argv[1:]; namespace: as root over mounts that nobody else sees."""
        request = {
            "code": code,
            "argv": ["-c", *map(os.fspath, map(str, arguments))],
            "environment": dict(os.environ),
            "cwd": os.getcwd(),
            "namespace": namespace,
        }
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        self._end, end = socket.socketpair()
        into, self_in = os.pipe()
        self_out, out = os.pipe()
        _parent().ask(request, (into, out, self._err.fileno(), end.fileno()))
        for each in (into, out):
            os.close(each)
        end.close()
        self.stdin, self.stdout = open(self_in, "w"), open(self_out)  # noqa: SIM115 - as long as it lives
        self.pid = self._next_number()
        self.returncode: int | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.communicate()

    def wait(self, timeout: float = 60) -> int:
        """Return the exit code, or the negative number of the signal that killed it."""
        if self.returncode is None:
            self._end.settimeout(timeout)
            self.returncode = self._next_number()
        return self.returncode

    def poll(self) -> int | None:
        """Return its exit code if it has ended."""
        has_ended = self.returncode is not None or select.select([self._end], [], [], 0)[0]
        return self.wait() if has_ended else None

    def _next_number(self) -> int:
        told = self._end.recv(_NUMBER, socket.MSG_WAITALL)
        assert told, "the process that forks has ended"
        return int.from_bytes(told, signed=True)

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Close its stdin, wait for its end, and return the rest of stdout, and all of stderr."""
        self.stdin.close()
        out = "" if self.stdout.closed else self.stdout.read()
        self.stdout.close()
        self.wait(timeout)
        self._end.close()
        if not self._err.closed:
            self._err.seek(0)
            self._said = self._err.read().decode(errors="replace")
            self._err.close()
        return out, self._said

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_child(
    code: str, *arguments: object, timeout: float = 60, namespace: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run code in a process of its own to its end."""
    child = Child(code, *arguments, namespace=namespace)
    out, err = child.communicate(timeout)
    assert child.returncode is not None
    return subprocess.CompletedProcess([code], child.returncode, out, err)


class _Parent:
    """The process that has loaded everything; it forks for each request."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        # One thread each: a pool of threads does not survive a fork, and the machine has other work.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-c", _SERVE, str(number)]
            self._process = subprocess.Popen(
                command, pass_fds=[number], stdin=subprocess.DEVNULL, env=os.environ | alone
            )

    def ask(self, request: dict[str, Any], files: tuple[int, ...]) -> None:
        data = json.dumps(request).encode()
        socket.send_fds(self._requests, [len(data).to_bytes(_NUMBER)], files)
        self._requests.sendall(data)

    def end(self) -> None:
        self._requests.close()
        self._process.wait()


@cache
def _parent() -> _Parent:
    return _Parent()


def end() -> None:
    """End the process that forks, if there is one."""
    if _parent.cache_info().currsize:
        _parent().end()
        _parent.cache_clear()


# --- in the process that forks, and below it


def serve(number: int) -> None:
    """Fork for each request on a socket until it is closed; say of each child its number and its end."""
    for module in _LOADED:
        importlib.import_module(module)
    # It was loaded and has done nothing yet: there is no thread that a child would lack.
    warnings.filterwarnings("ignore", "lance is not fork-safe")
    gc.freeze()  # what is never looked at is never copied
    waker, wakened = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    with socket.socket(fileno=number) as requests:
        while True:
            ready, _, _ = select.select([requests, wakened], [], [])
            if wakened in ready:
                wakened.recv(4096)
                _tell_ends(running)
            if requests in ready:
                size, files, _, _ = socket.recv_fds(requests, _NUMBER, 4)
                if not size:
                    return
                request = requests.recv(int.from_bytes(size), socket.MSG_WAITALL)
                child = _forked(json.loads(request), files)
                running[child] = files[3]
                _tell(files[3], child)


def _forked(request: dict[str, Any], files: list[int]) -> int:
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        # The others are ignored where the tests themselves run by nohup or in the background.
        for kind in (signal.SIGCHLD, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(kind, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _become(request, files)
    for each in files[:3]:
        os.close(each)
    return child


def _tell_ends(running: dict[int, int]) -> None:
    for child in list(running):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _tell(running[child], os.waitstatus_to_exitcode(status))
            os.close(running.pop(child))


def _tell(whom: int, number: int) -> None:
    with suppress(OSError):  # who asked may be gone
        os.write(whom, number.to_bytes(_NUMBER, signed=True))


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Be the child that is asked for, and end with it."""
    for number, each in enumerate(files[:3]):
        os.dup2(each, number)
    for each in files:
        os.close(each)
    code = 1
    try:
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        if request["namespace"]:
            _be_root_over_own_mounts()
        sys.argv = request["argv"]
        exec(compile(request["code"], "<child>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 - as Python does
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _be_root_over_own_mounts() -> None:
    """Do what `unshare --map-root-user --mount` does."""
    system, user, group = ctypes.CDLL(None, use_errno=True), os.geteuid(), os.getegid()
    if system.unshare(_NEW_USERS | _NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no namespace")
    for name, said in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(said)
    if system.mount(b"none", b"/", None, _PRIVATE, None):
        raise OSError(ctypes.get_errno(), "its mounts are not its own")
