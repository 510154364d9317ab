"""Ends of every kind: streams closed or full, a terminal that goes away, too little address space."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.sandbox.decoders import Opener, is_opened_at_home
from lookalike.tests.children import Child
from lookalike.tests.library import lookalike, make_photos
from lookalike.tests.pictures import draw_photo, encode

SEGMENT = b"\xff\xe5\xff\xff" + bytes(65533)
MAIN = "from lookalike.cli import main; main()"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos").resolve())


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    lookalike("index", photos, "--store", store)
    return store


def shell(command: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which `lookalike` is this program."""
    line = f'lookalike() {{ "{sys.executable}" -m lookalike "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "paths", "paths0"])
def test_a_full_device_ends_every_format_with_7_and_a_line(store: Path, form: str) -> None:
    code = f"import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); {MAIN}"
    with Child(code, "export", "--store", store, "--format", form) as child:
        _, err = child.communicate()

    assert child.returncode == 7
    assert err.startswith("lookalike: cannot write the output: No space left on device; ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("status --store STORE >&-", 7, "lookalike: cannot write the output: it is closed; "),
        ("--help > /dev/full", 7, "lookalike: cannot write the output: No space left on device; "),
        ("search - --store STORE <&-", 2, "lookalike: cannot read stdin: it is closed"),
        ("status --nope 2>&-", 2, ""),
        ("status --nope 2> /dev/full", 2, ""),
        ("repair --store STORE <&- >&- 2>&-", 7, ""),
    ],
)
def test_a_closed_stream_is_a_line_and_never_an_internal_error(
    store: Path, command: str, code: int, told: str
) -> None:
    done = shell(f"lookalike {command.replace('STORE', str(store))}")

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == bool(told)


def test_indexing_goes_on_when_nobody_can_hear_of_it(photos: Path, tmp_path: Path) -> None:
    done = shell(f"lookalike index {photos} --store {tmp_path / 's'} --input-size 64 --workers 1 2>&-")

    assert done.returncode == 3
    assert "7 new" in done.stdout


def on_a_terminal(before: str, *arguments: object) -> tuple[Child, int]:
    """Run the command line on a terminal of its own; return it, and the terminal's other end."""
    master, slave = os.openpty()
    name = os.ttyname(slave)
    code = (
        "import fcntl, os, signal, sys, termios\n"
        f"os.setsid(); terminal = os.open({name!r}, os.O_RDWR)\n"
        "fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)\n"
        "for number in (0, 2): os.dup2(terminal, number)\n"
        f"os.close(terminal); {before}\n{MAIN}"
    )
    child = Child(code, *arguments)
    while not select.select([master], [], [], 60)[0]:
        assert child.poll() is None
    os.close(slave)
    return child, master


def many(folder: Path) -> Path:
    data = encode(draw_photo(1, 64, 48))
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.jpg").write_bytes(data + number.to_bytes(2, "big"))
    return folder


@pytest.mark.parametrize(
    ("before", "code"), [("", 130), ("signal.signal(signal.SIGHUP, signal.SIG_IGN)", 0)]
)
def test_a_terminal_that_goes_away_loses_nothing(tmp_path: Path, before: str, code: int) -> None:
    """It is a Ctrl-C; with nohup the work is done to its end, though no progress can be shown."""
    at = ("--store", str(tmp_path / "s"), "--input-size", "64", "--workers", "1")
    child, terminal = on_a_terminal(before, "index", many(tmp_path / "photos"), *at)

    os.close(terminal)
    child.communicate()

    assert child.returncode == code
    again = lookalike("index", tmp_path / "photos", *at, "--format", "json")
    assert (again.code, again.json["photos"]) == (0, 60)
    assert code or again.json["unchanged"] == 60


def test_the_second_hangup_is_that_of_the_shell(tmp_path: Path) -> None:
    code = (
        "import os, signal; from lookalike.output.console import stop_on_signal; stop = stop_on_signal()\n"
        "for _ in range(3): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print(stop.is_set(), flush=True); os.kill(os.getpid(), signal.SIGTERM); print('goes on')"
    )
    with Child(code) as child:
        out, err = child.communicate()

    assert (child.returncode, out) == (130, "True\n")
    assert err == "lookalike: stopping: keeping what is finished (once more to stop at once)\n"


@pytest.mark.parametrize(
    ("kilobytes", "command"), [(300_000, "search PHOTO"), (600_000, "index PHOTOS"), (420_000, "dupes")]
)
def test_too_little_address_space_is_a_line(
    photos: Path, store: Path, tmp_path: Path, kilobytes: int, command: str
) -> None:
    line = command.replace("PHOTOS", str(photos)).replace("PHOTO", str(photos / "2021" / "photo0.jpg"))
    at = tmp_path / "s" if command.startswith("index") else store
    done = shell(f"ulimit -v {kilobytes}; lookalike {line} --store {at}")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lookalike: ")
    assert "of address space" in done.stderr
    assert "ulimit -v" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("kilobytes", "command"), [(460_800, "search PHOTO"), (624_640, "index PHOTOS")])
def test_what_the_line_asks_for_is_enough(
    photos: Path, store: Path, tmp_path: Path, kilobytes: int, command: str
) -> None:
    line = command.replace("PHOTOS", str(photos)).replace("PHOTO", str(photos / "2021" / "photo0.jpg"))
    at = tmp_path / "s" if command.startswith("index") else store
    done = shell(f"ulimit -v {kilobytes}; lookalike {line} --store {at}")

    assert done.returncode == (3 if command.startswith("index") else 0), done.stderr


def test_a_decoder_takes_a_large_file_after_a_small_one() -> None:
    """Each of its limits is for a file; it was the last one's that the next one was received under."""
    rule = Embedder(default_spec()).rule
    small = encode(draw_photo(1, 64, 48))
    large = small[:2] + SEGMENT * (300 * 16) + small[2:]  # 300 MB
    with Opener(1) as open_photo:
        open_photo(small, b"small", rule)
        assert open_photo(large, b"large", rule).width == 64


def test_a_picture_of_very_many_parts_is_decoded_against_a_clock() -> None:
    jpeg, png = encode(draw_photo(1, 64, 48)), encode(draw_photo(1, 64, 48), "PNG")
    comments, chunks = b"\xff\xfe\0\2" * 200_000, (bytes(4) + b"prVt" + bytes(4)) * 200_000

    assert is_opened_at_home(jpeg)
    assert is_opened_at_home(png)
    assert not is_opened_at_home(jpeg[:2] + comments + jpeg[2:])
    assert not is_opened_at_home(jpeg + jpeg[:2] + comments + jpeg[2:])
    assert not is_opened_at_home(png[:33] + chunks + png[33:])
    with Opener(1, at_home=frozenset({"JPEG"})) as open_photo:
        assert (
            open_photo(jpeg[:2] + comments + jpeg[2:], b"many", Embedder(default_spec()).rule).width == 64
        )
        assert open_photo.processes


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a while")
@pytest.mark.parametrize("closed", ["store", "store/catalog.db"])
def test_a_store_without_permission_says_so(tmp_path: Path, closed: str) -> None:
    lookalike("index", make_photos(tmp_path / "photos"), "--store", tmp_path / "store")
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "store").chmod(0o755)
    (tmp_path / closed).chmod(0o700 if closed == "store" else 0o600)
    with Child(f"import os; os.seteuid(65534); {MAIN}", "status", "--store", tmp_path / "store") as child:
        out, err = child.communicate()

    assert (child.returncode, out) == (1, "")
    assert err.startswith(f"lookalike: no permission to read the store in {tmp_path / 'store'}; ")
