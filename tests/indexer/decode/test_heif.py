"""An old libheif is not handed a stranger's picture."""

import pytest

from lookalike.commands.doctor import _check_heif
from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.decode.heif import FORCE, MIN_LIBHEIF, as_text, is_outdated
from lookalike.tests.indexer.decode.test_decode import encode_as

pillow_heif = pytest.importorskip("pillow_heif")


@pytest.fixture
def old_libheif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow_heif, "libheif_version", lambda: "1.23.5")


def test_an_old_libheif_opens_nothing(old_libheif: None) -> None:
    with pytest.raises(DecodeError, match=r"libheif 1\.23\.5.*pip install -U") as caught:
        decode(encode_as("HEIF"))
    assert caught.value.code == "heif_support_outdated"
    assert _check_heif().level == "note"
    assert "not read" in _check_heif().message


def test_an_old_libheif_is_used_by_force(old_libheif: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORCE, "1")
    assert decode(encode_as("HEIF")).format == "HEIF"
    assert (_check_heif().level, FORCE in _check_heif().message) == ("note", True)


def test_a_new_libheif_is_fine() -> None:
    assert decode(encode_as("HEIF")).format == "HEIF"
    assert _check_heif().level == "ok"


@pytest.mark.parametrize("version", ["1.23.5", "1.9.9", "0.99.9", "", None, "unknown", "1.23"])
def test_what_is_older_or_cannot_be_told_is_outdated(version: str | None) -> None:
    assert is_outdated(version)


@pytest.mark.parametrize("version", [as_text(MIN_LIBHEIF), "1.23.10", "1.24.0", "2.0.0"])
def test_what_is_newer_is_not(version: str) -> None:
    assert not is_outdated(version)
