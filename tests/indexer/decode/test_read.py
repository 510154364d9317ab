"""What is no regular file is refused without waiting for it, and what is too long without reading it."""

import os
import socket
import time
from pathlib import Path

import pytest

from lookalike.errors import DecodeError
from lookalike.indexer.decode.read import MAX_FILE_BYTES, read_file


def code_of(path: Path | str) -> str:
    with pytest.raises(DecodeError) as caught:
        read_file(os.fsencode(path), b"")
    return caught.value.code


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    assert code_of(tmp_path / "fifo.jpg") == "not_a_file"


def test_devices_folders_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        assert code_of("socket.jpg") == "read_error"
    assert code_of("/dev/zero") == "not_a_file"
    assert code_of(tmp_path) in ("not_a_file", "read_error")


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert code_of(tmp_path / "empty.jpg") == "empty"


def test_a_sparse_giant_is_refused_by_its_length(tmp_path: Path) -> None:
    (tmp_path / "sparse.jpg").touch()
    os.truncate(tmp_path / "sparse.jpg", 4 * MAX_FILE_BYTES)
    began = time.thread_time()
    assert code_of(tmp_path / "sparse.jpg") == "too_large"
    assert time.thread_time() - began < 0.1
