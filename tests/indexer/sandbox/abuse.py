"""A decoder that does what the last word of a file tells it to: `python -m ...tests.indexer.sandbox.abuse`.

All else of it is the real one. Files without such a word are decoded as ever.
"""

import os
import signal
import sys
import threading
from contextlib import suppress

from lookalike.indexer.decode.memory import MemoryBudget
from lookalike.indexer.sandbox import decode_job
from lookalike.indexer.sandbox.child import serve
from lookalike.indexer.sandbox.framing import Frame, Head

_leaked: list[bytearray] = []


def answer(job: Head, buffers: list[bytes], memory: MemoryBudget) -> Frame:
    word = buffers[0].rpartition(b"##")[2].split(b" ")[0].decode("latin-1")
    act = globals().get(f"do_{word}")
    return (act() if act else None) or decode_job.answer(job, buffers, memory)


def do_abort() -> None:
    os.abort()


def do_segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def do_exit() -> None:
    os._exit(7)


def do_hang() -> None:
    threading.Event().wait()


def do_spin() -> None:
    while True:
        pass


def do_allocate() -> None:
    _leaked.append(bytearray(8 << 30))


def do_leak() -> None:
    _leaked.append(bytearray(b"x" * (40 << 20)))


def do_fork() -> None:
    """Leave a child that holds the channel open, and die."""
    if os.fork() == 0:
        threading.Event().wait()
    os.abort()


def do_print() -> None:
    os.write(1, b"libdecoder: something is odd\n" * 1000)
    sys.stdout.write("and so it is\n")
    sys.stdout.flush()
    assert os.read(0, 1) == b""


def do_close() -> None:
    """Close the channel and live on."""
    for descriptor in range(3, 32):
        with suppress(OSError):
            os.close(descriptor)
    threading.Event().wait()


def do_garbage() -> None:
    for descriptor in range(3, 32):
        with suppress(OSError):
            os.write(descriptor, b"\xff\xd8 what I like to say " * 9)
    threading.Event().wait()


def do_lie() -> Frame:
    return {"shape": [3, 5, 3], "width": 1, "height": 1}, (b"GIF89a", bytes(45))


def do_flood() -> Frame:
    return {"shape": [1 << 14, 1 << 14, 3]}, (bytes(1 << 20), bytes(32 << 20))


def do_greed() -> Frame:
    return {"needs": 1 << 50}, ()


def do_write() -> None:
    """Try what the limits forbid; each must fail, or the picture is no good."""
    with suppress(OSError), open(f"/tmp/lookalike-{os.getpid()}", "wb", buffering=0) as file:
        file.write(b"mine")
        os._exit(11)
    with open("/proc/self/status", encoding="ascii") as status:
        assert "NoNewPrivs:\t1" in status.read()
    handles: list[int] = []
    with suppress(OSError):
        while len(handles) < 64:
            handles.append(os.open("/", os.O_RDONLY))
    for each in handles:
        os.close(each)
    assert len(handles) < 64


if __name__ == "__main__":
    decode_job.use_one_thread()
    serve(answer)
