"""Decoders that crash, hang, leak, lie: each is one row of errors, and the run goes on."""

import os
import platform
import re
import select
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from PIL import Image

from lookalike.errors import DecodeError
from lookalike.indexer.decode.memory import MemoryBudget
from lookalike.indexer.decode.photo import Opened, open_photo
from lookalike.indexer.embed.preprocess import InputRule
from lookalike.indexer.sandbox import decoders, pool
from lookalike.indexer.sandbox.decoders import OPENED_AT_HOME, DecoderCrashed, Opener, open_picture
from lookalike.indexer.sandbox.pool import WorkerPool
from lookalike.indexer.sandbox.process import Limits, WorkerKind, WorkerProcess, held_bytes
from lookalike.library import Library
from lookalike.store.catalog.crashers import known_crashers
from lookalike.store.records import Failure
from lookalike.tests import decoders as lasting_decoders
from lookalike.tests.indexer.indexing import run
from lookalike.tests.pictures import draw_photo, encode, save

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes that decode are for POSIX systems")

RULE = InputRule("fit", 64, 64)
PHOTO = encode(draw_photo(1, 96, 72))
ABUSE = WorkerKind("lookalike.tests.indexer.sandbox.abuse", "decoder", Limits(seconds=1.0))


@pytest.fixture(autouse=True)
def _decoders_of_one_test() -> Iterator[None]:
    with lasting_decoders.ended_at_once():
        yield


@pytest.fixture
def abuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "DECODER", ABUSE)


@pytest.fixture
def opener(abuse: None) -> Iterator[Opener]:
    with Opener(1) as made:
        yield made


@pytest.fixture(scope="module")
def lasting() -> Iterator[Opener]:
    """An opener for pictures that leave its process as it was."""
    with lasting_decoders.ended_at_once(), Opener(1) as made:
        yield made


def told(word: str, photo: bytes = PHOTO) -> bytes:
    """Return a photo that tells the abused decoder what to do."""
    return photo + b"##" + word.encode() + b" "


def opened(opener: Opener, data: bytes) -> Opened:
    return opener(data, blake3(data).digest(), RULE)


def huge_pages() -> str:
    with suppress(OSError):
        return Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    return "[never]"


def same(a: Opened, b: Opened) -> bool:
    names = ("width", "height", "format", "pixel_digest", "metadata", "warning", "holdings", "thumbnail")
    return all(getattr(a, each) == getattr(b, each) for each in names) and np.array_equal(
        a.pixels, b.pixels
    )


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "MPO"]
)
def test_a_process_gives_what_decoding_here_gives(lasting: Opener, file_format: str) -> None:
    data = encode(draw_photo(2, 200, 150), file_format)
    assert same(opened(lasting, data), open_photo(data, RULE))
    assert len(lasting.processes) == 1


def test_what_is_wrong_with_a_picture_is_said_as_ever(lasting: Opener) -> None:
    for data in (PHOTO[:300], encode(draw_photo(1), "PNG")[:500]):
        with pytest.raises(DecodeError) as here:
            open_photo(data, RULE)
        with pytest.raises(DecodeError) as there:
            opened(lasting, data)
        assert (there.value.code, str(there.value)) == (here.value.code, str(here.value))
        assert not isinstance(there.value, DecoderCrashed)


def test_what_is_no_picture_starts_no_process(opener: Opener) -> None:
    with pytest.raises(DecodeError, match="PDF"):
        opened(opener, b"%PDF-1.7")
    assert opener.processes == []


@pytest.mark.parametrize(
    ("word", "code", "says"),
    [
        ("abort", "crashed", "SIGABRT"),
        ("segfault", "crashed", "SIGSEGV"),
        ("exit", "crashed", "code 7"),
        ("hang", "timed_out", "1 s"),
        ("spin", "timed_out", "1 s"),
        ("allocate", "out_of_memory", "memory"),
        ("fork", "timed_out", "1 s"),  # the child keeps the channel open
        ("close", "crashed", "stopped answering"),
        ("garbage", "crashed", "protocol error"),
        ("lie", "crashed", "protocol error"),
        ("flood", "crashed", "protocol error"),
        ("greed", "crashed", "protocol error"),
    ],
)
def test_a_decoder_that_misbehaves_is_an_error_and_the_next_photo_is_opened(
    opener: Opener, word: str, code: str, says: str
) -> None:
    with pytest.raises(DecoderCrashed, match=says) as caught:
        opened(opener, told(word))
    assert (caught.value.code, caught.value.tries) == (code, 2)
    assert opener.processes == []
    assert same(opened(opener, PHOTO), open_photo(PHOTO, RULE))


@pytest.mark.parametrize("word", ["print", "write"])
def test_what_a_decoder_must_not_do_does_not_work_and_does_no_harm(opener: Opener, word: str) -> None:
    data = told(word)
    assert same(opened(opener, data), open_photo(data, RULE))


def test_a_decoder_that_leaks_is_replaced_before_others_suffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "DECODER", replace(ABUSE, limits=Limits(bytes=200 << 20)))
    used = set()
    with Opener(1) as opener:
        for number in range(8):  # of 40 MB each
            data = told("leak") + bytes([number])
            assert same(opened(opener, data), open_photo(data, RULE))
            used |= set(opener.processes)
    assert 2 <= len(used) <= 4


def test_a_process_is_replaced_after_so_many_jobs() -> None:
    process = WorkerProcess(replace(decoders.DECODER, limits=Limits(jobs=3)))
    try:
        assert not process.should_recycle  # the handshake counts as one
        process.ask({"want": "handshake"})
        process.ask({"want": "handshake"})
        assert process.should_recycle
    finally:
        process.end()


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or "[never]" in huge_pages(), reason="settings of glibc and Linux"
)
def test_a_large_photo_gets_its_memory_in_large_pieces() -> None:
    data = encode(Image.new("RGB", (4000, 3000), (5, 6, 7)), "PNG")  # 48 MB: 11,719 pages
    with Opener(1) as opener:
        opened(opener, data)
        before = faults(opener)
        for _ in range(2):
            opened(opener, data)
        assert faults(opener) - before < 2 * 3000


def faults(opener: Opener) -> int:
    """Return how often the one process of an opener had to ask the system for a page."""
    (process,) = opener.processes
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[7])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_the_user_set_of_the_heap_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1")
    process = WorkerProcess(decoders.DECODER)
    try:
        told_all = Path(f"/proc/{process.number}/environ").read_bytes()
        assert (
            re.findall(rb"glibc\.malloc\.trim_threshold=(\d+)", told_all)[-1] == b"1"
        )  # the last one counts
    finally:
        process.end()


def test_a_known_crasher_is_handed_to_no_decoder(abuse: None) -> None:
    data = told("abort")
    with Opener(1, {blake3(data).digest(): Failure("crashed", "it did before", 2)}) as opener:
        with pytest.raises(DecodeError, match="it did before"):
            opened(opener, data)
        assert opener.processes == []


def test_two_copies_of_a_crasher_are_tried_three_times_at_most(
    abuse: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    ask = WorkerPool.ask

    def count_and_ask(self: WorkerPool, job: Any, buffers: Any, check: Any) -> Any:
        asked.append(buffers[0])
        return ask(self, job, buffers, check)

    monkeypatch.setattr(WorkerPool, "ask", count_and_ask)
    with Opener(2) as opener, ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(opened, opener, told("abort")) for _ in range(2)]:
            assert isinstance(done.exception(), DecodeError)
    assert 2 <= len(asked) <= 3


def test_where_no_process_can_be_started_it_is_decoded_here(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(decoders, "DECODER", WorkerKind("lookalike.no_such_module", "decoder"))
    with Opener(1) as opener:
        assert same(opened(opener, PHOTO), open_photo(PHOTO, RULE))
        assert same(opened(opener, PHOTO), open_photo(PHOTO, RULE))
    assert len(caplog.records) == 1


def test_formats_with_a_clean_record_are_opened_here_where_it_is_wanted() -> None:
    with Opener(1, at_home=OPENED_AT_HOME) as opener:
        opened(opener, PHOTO)
        assert opener.processes == []
        opened(opener, encode(draw_photo(1), "WEBP"))
        assert len(opener.processes) == 1


def test_a_picture_to_look_at_is_reduced_to_the_side_that_is_asked_for() -> None:
    data = encode(draw_photo(3, 1500, 200), "WEBP")
    assert open_picture(data, min_side=64, long_side=300).shape[1] == 300
    assert open_picture(encode(draw_photo(3, 1500, 200)), min_side=0, long_side=300).shape[1] == 1500


# --- index runs -------------------------------------------------------------------------------


def crashers(library: Library) -> dict[bytes, Failure]:
    with library.store.writing() as view:
        return known_crashers(view)


def test_a_crasher_costs_a_run_one_row_and_is_known_under_any_name(
    abuse: None, library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = told("abort")
    (photos / "bad.jpg").write_bytes(bad)
    report = run(library, photos, workers=1)
    assert (report.embedded, report.failed) == (8, 1)
    (error,) = library.errors()
    assert (error.error, Path(error.path).name) == ("crashed", "bad.jpg")
    assert {digest: (each.code, each.tries) for digest, each in crashers(library).items()} == {
        blake3(bad).digest(): ("crashed", 2)
    }

    started = count_starts(monkeypatch)
    (photos / "bad.jpg").rename(photos / "renamed.jpg")
    (photos / "copy.jpg").write_bytes(bad)
    assert run(library, photos, workers=1).failed == 2
    assert {each.error for each in library.errors()} == {"crashed"}
    assert started == []

    assert run(library, photos, workers=1, retry_failed=True).failed == 2
    assert started
    assert next(iter(crashers(library).values())).tries >= 4


def count_starts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    started: list[int] = []

    class Counted(WorkerProcess):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            started.append(self.number)

    monkeypatch.setattr(pool, "WorkerProcess", Counted)
    return started


def test_a_crasher_that_a_newer_decoder_can_open_is_forgotten(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "bad.jpg").write_bytes(told("abort"))
    with monkeypatch.context() as patch:
        patch.setattr(decoders, "DECODER", ABUSE)
        assert run(library, photos, workers=1).failed == 1
    assert run(library, photos, workers=1).failed == 1
    assert run(library, photos, workers=1, retry_failed=True).failed == 0
    assert crashers(library) == {}


def test_a_search_by_a_known_crasher_is_refused(abuse: None, library: Library, photos: Path) -> None:
    bad = told("abort", encode(draw_photo(1, 96, 72), "WEBP"))
    (photos / "bad.jpg").write_bytes(bad)
    run(library, photos, workers=1)
    with pytest.raises(DecodeError, match="SIGABRT"):
        library.search(bad)


def test_a_run_with_nothing_to_decode_starts_no_process(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(library, photos, workers=1)
    started = count_starts(monkeypatch)
    assert run(library, photos, workers=1).unchanged == 8
    (photos / "1.jpg").rename(photos / "moved.jpg")
    assert run(library, photos, workers=1).recognized == 1
    assert started == []


def test_the_processes_of_a_run_serve_all_its_folders(
    library: Library, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    for number in range(3):
        save(tmp_path / f"other-{number}" / "x.jpg", draw_photo(100 + number, 64, 48))
    others = [tmp_path / f"other-{number}" for number in range(3)]
    assert run(library, photos, *others, workers=1).embedded == 11
    assert len(started) == 1
    assert has_ended(started[0])


def test_a_process_that_is_killed_in_mid_run_costs_no_photo(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    ask = WorkerProcess.ask

    def kill_and_ask(self: WorkerProcess, job: Any, *arguments: Any, **options: Any) -> Any:
        if job["want"] == "photo" and len(killed) < 3:
            killed.append(self.number)
            os.kill(self.number, signal.SIGKILL)
        return ask(self, job, *arguments, **options)

    monkeypatch.setattr(WorkerProcess, "ask", kill_and_ask)
    report = run(library, photos, workers=1)
    # A photo whose decoder is killed twice counts as a crasher; the third kill is of another one.
    assert (report.embedded, report.failed) == (7, 1)
    assert [each.error for each in library.errors()] == ["out_of_memory"]
    assert len(killed) == 3


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux only")
@pytest.mark.parametrize("word", ["", "hang"])
def test_no_process_is_left_when_the_program_is_killed(tmp_path: Path, word: str) -> None:
    script = textwrap.dedent("""
        import os, signal, sys, threading
        from lookalike.indexer.embed.preprocess import InputRule
        from lookalike.indexer.sandbox.decode_job import photo_job
        from lookalike.indexer.sandbox.process import Limits, WorkerKind, WorkerProcess
        from lookalike.indexer.sandbox.framing import head_bytes
        kind = WorkerKind("lookalike.tests.indexer.sandbox.abuse", "decoder", Limits(seconds=2.0))
        process = WorkerProcess(kind)
        data = sys.stdin.buffer.read()
        job = photo_job(InputRule("fit", 64, 64)) | {"seconds": 1.0, "bytes_per_s": 1}
        process._until = float("inf")
        process._socket.sendall(head_bytes(job, [data]) + data)
        print(process.number, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], input=told(word), capture_output=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert has_ended(int(done.stdout))


def has_ended(process: int, timeout_s: float = 30) -> bool:
    """Wait for the end of a process that is no child of ours."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)


class Watched(MemoryBudget):
    """Notes what is held after each that takes some; the first waits until a second holds some too."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.held: list[int] = []
        self.sums: list[int] = []
        self._two_hold = threading.Event()

    def take(self, n_bytes: int) -> None:
        super().take(n_bytes)
        self.held.append(n_bytes)
        self.sums.append(sum(self.held))
        if len(self.sums) > 1:
            self._two_hold.set()
        assert self._two_hold.wait(60)

    def give(self, n_bytes: int) -> None:
        self.held.remove(n_bytes)
        super().give(n_bytes)


def test_pictures_of_many_processes_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four at a time would take 1.3 times the budget; what is held at any moment is within it."""
    budget = Watched(192 << 20)
    monkeypatch.setattr("lookalike.indexer.sandbox.process.SHARED", budget)
    pictures = [encode(Image.new("RGB", (2000, 2000), (seed, 9, 9)), "WEBP", method=0) for seed in range(5)]
    with Opener(4) as opener, ThreadPoolExecutor(4) as threads:
        for photo in threads.map(lambda data: opened(opener, data), pictures):
            assert (photo.width, photo.height) == (2000, 2000)
    assert 2 * 16 * 4_000_000 <= max(budget.sums) <= 192 << 20 < 4 * 16 * 4_000_000
    assert budget.held == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_photo_of_a_phone_is_opened_in_a_process() -> None:
    data = encode(Image.new("L", (16_320, 12_240), 90))
    with Opener(1) as opener:
        assert (opened(opener, data).width, opened(opener, data).height) == (16_320, 12_240)


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """Return a PNG with one more chunk behind its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


@cache
def swollen() -> bytes:
    return zlib.compress(bytes(300 << 20), 1)


@pytest.mark.parametrize(
    ("kind", "head"), [(b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\1\0\0\0"), (b"iCCP", b"icc\0\0")]
)
def test_what_swells_in_a_chunk_of_a_png_harms_nobody(opener: Opener, kind: bytes, head: bytes) -> None:
    plain = encode(draw_photo(4, 96, 72), "PNG")
    bomb = with_chunk(plain, kind, head + swollen())
    try:
        assert np.array_equal(opened(opener, bomb).pixels, open_photo(plain, RULE).pixels)
    except DecoderCrashed:
        pytest.fail("it ended its decoder")
    except DecodeError as error:
        assert error.code == "damaged"  # noqa: PT017 - either is fine, but nothing else
    (process,) = opener.processes
    assert held_bytes(process) < 200 << 20


def cpu_seconds(process: int) -> float:
    """Return what a process took; 0 where the system does not tell (it does on Linux)."""
    with suppress(OSError), open(f"/proc/{process}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def test_a_bomb_is_refused_at_once(opener: Opener) -> None:
    opened(opener, PHOTO)
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0)
    bomb = with_chunk(b"\x89PNG\r\n\x1a\n", b"IHDR", header) + bytes(4) + b"IDAT" + bytes(200_000)
    (process,) = opener.processes
    began = cpu_seconds(process)
    with pytest.raises(DecodeError) as caught:
        opened(opener, bomb)
    assert caught.value.code == "bomb"
    assert opener.processes == [process]
    assert cpu_seconds(process) - began < 0.1
