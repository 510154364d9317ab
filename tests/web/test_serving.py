"""How the server of the page begins and ends: its port, and the file of its token."""

import socket
from pathlib import Path

import pytest

from lookalike import Library
from lookalike.tests.library import Run, lookalike
from lookalike.tests.pictures import draw_photo, save
from lookalike.web import serving as serving_module


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    Library.open(store, create=True).close()
    return store


@pytest.fixture(autouse=True)
def _nothing_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read for the first page would outlive servers that end at once."""
    monkeypatch.setattr("lookalike.web.shelf.Shelf.overview", lambda _: None)


def test_a_token_takes_the_place_of_a_token_only(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, photo = tmp_path / "token", save(tmp_path / "photo.jpg", draw_photo(3, 64, 48))
    held = photo.read_bytes()

    def serve(file: Path) -> Run:
        return lookalike("serve", "--store", store, "--port", "0", "--no-browser", "--token-file", file)

    def end(*_: object) -> None:
        shown.append(token.read_text())

    def end_beside_another(*_: object) -> None:
        token.write_text("x" * 43 + "\n")

    shown: list[str] = []
    monkeypatch.setattr(serving_module._Server, "run", end)
    run = serve(photo)
    assert (run.code, photo.read_bytes(), shown) == (2, held, [])
    assert f"{photo} is not a token of lookalike and is left unchanged" in run.err
    token.write_text("y" * 43 + "\n")  # of a server that was killed
    assert (serve(token).code, len(shown[0]), shown[0][0] == "y" * 43, token.exists()) == (
        0,
        44,
        False,
        False,
    )
    monkeypatch.setattr(serving_module._Server, "run", end_beside_another)
    assert serve(token).code == 0
    assert token.read_text() == "x" * 43 + "\n"


def test_an_address_without_its_token_says_how_to_get_that(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module._Server, "run", lambda server, _: server._ready())
    call = ("serve", "--store", store, "--port", "0", "--no-browser")
    assert "--token-file FILE writes it" in lookalike(*call).err
    assert "--token-file" not in lookalike(*call, "--token-file", tmp_path / "token").err


def test_a_port_that_is_taken_says_by_what(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        run = lookalike("serve", "--store", store, "--port", str(other.getsockname()[1]))
    assert (run.code, "another `lookalike serve` perhaps" in run.err) == (2, True)
