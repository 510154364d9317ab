"""Damaged files of every format: each gives a photo or a DecodeError, none ends or holds up its decoder.

LOOKALIKE_FUZZ_MUTANTS: files of each format. LOOKALIKE_FAULT_SEED: where the damage begins.
"""

import io
import os
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from blake3 import blake3

from lookalike.errors import DecodeError
from lookalike.indexer.embed.preprocess import InputRule
from lookalike.indexer.sandbox.decoders import DecoderCrashed, Opener
from lookalike.tests.faults.scale import SEED, count, scale
from lookalike.tests.indexer.decode.psds import CMYK, GREY, PROFILE, planes_of, psd
from lookalike.tests.indexer.decode.raws import WRITERS
from lookalike.tests.pictures import color_profile, draw_photo, encode, exif_with

MUTANTS = scale("LOOKALIKE_FUZZ_MUTANTS", suite=100, soak=1000)
SLOWEST_S = 30.0
RULE = InputRule("fit", 64, 64)
HEADER = 256

Mutation = Callable[[random.Random, bytes, bytes], bytes]


def seeds_of(file_format: str) -> list[bytes]:
    """Draw the files that are damaged: plain, and with what the format has beside pixels."""
    photo, grey = draw_photo(1, 120, 90), draw_photo(2, 75, 101).convert("L")
    exif = exif_with({0x0112: 6, 0x010F: "Maker"})
    extras: dict[str, Any] = {"exif": exif, "icc_profile": color_profile()}
    if file_format == "HEIF":
        pillow_heif = pytest.importorskip("pillow_heif")
        files = []
        for image, quality in ((photo, 90), (grey, 30)):
            out = io.BytesIO()
            pillow_heif.from_pillow(image).save(out, quality=quality, exif=exif.tobytes())
            files.append(out.getvalue())
        return files
    if file_format == "RAW":
        return [write(photo, encode(photo), 6) for write in WRITERS.values()]
    if file_format == "PSD":
        profile = {PROFILE: color_profile()}
        deep = [plane.astype("uint16") * 256 for plane in planes_of(photo)]
        return [
            psd(planes_of(photo), packed=True, resources=profile, layers=2),
            psd(deep, packed=True),
            psd(planes_of(grey), GREY, large=True),
            psd(planes_of(photo.convert("CMYK")), CMYK),
        ]
    if file_format == "MPO":
        return [encode(photo, "MPO", save_all=True, append_images=[draw_photo(3, 80, 60)], **extras)]
    variants: dict[str, list[dict[str, Any]]] = {
        "JPEG": [{"progressive": True, "subsampling": 0}, {"quality": 30, "restart_marker_blocks": 2}],
        "PNG": [{"compress_level": 0}],
        "WEBP": [{"lossless": True}],
        "TIFF": [{"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")],
        "GIF": [{"save_all": True, "append_images": [grey]}],
        "JPEG2000": [{"irreversible": True, "tile_size": (64, 64)}],
    }
    carries = file_format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
    plain = [encode(photo, file_format, **(extras if carries else {})), encode(grey, file_format)]
    return plain + [encode(photo, file_format, **options) for options in variants.get(file_format, [])]


def flip_bits(rng: random.Random, data: bytes, _: bytes) -> bytes:
    damaged = bytearray(data)
    for _number in range(rng.choice((1, 4, 16, 64))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(rng: random.Random, data: bytes, _: bytes) -> bytes:
    return data[: rng.randrange(1, len(data))]


def overwrite_header(rng: random.Random, data: bytes, _: bytes) -> bytes:
    damaged = bytearray(data)
    for _number in range(rng.randrange(1, 6)):
        at = rng.randrange(4, min(HEADER, len(damaged) - 4))
        damaged[at : at + 4] = rng.choice(
            (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", rng.randbytes(4))
        )
    return bytes(damaged)


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put a piece of another file of the format over, or into, this one."""
    start = rng.randrange(len(other))
    piece = other[start : start + rng.randrange(1, 2048)]
    at = rng.randrange(4, len(data))
    return data[:at] + piece + data[at + rng.choice((0, len(piece))) :]


def with_sums(data: bytes) -> bytes:
    """Make the checksums of a PNG right again: they would keep all damage from the decoder."""
    mended, at = bytearray(data), 8
    while at + 12 <= len(mended):
        end = at + 8 + int.from_bytes(mended[at : at + 4], "big")
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(mended)


MUTATIONS: tuple[Mutation, ...] = (flip_bits, cut, overwrite_header, splice)


def mutants(file_format: str) -> Iterator[bytes]:
    files = seeds_of(file_format)
    for number in range(MUTANTS):
        rng = random.Random(f"{SEED} {file_format} {number}")
        damaged = MUTATIONS[number % len(MUTATIONS)](rng, rng.choice(files), rng.choice(files))
        yield with_sums(damaged) if file_format == "PNG" and number % 8 < 6 else damaged


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "file_format",
    ["JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "JPEG2000", "RAW", "PSD"],
)
def test_every_damaged_file_is_accounted_for(file_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    slowest, outcomes = 0.0, Counter[str]()
    with Opener(1) as opener:
        for number, data in enumerate(mutants(file_format)):
            began = time.monotonic()
            outcome = outcome_of(opener, data, f"LOOKALIKE_FAULT_SEED={SEED}: {file_format} {number}")
            slowest = max(slowest, time.monotonic() - began)
            outcomes[outcome] += 1
    if "LOOKALIKE_FUZZ_MUTANTS" in os.environ:
        with capsys.disabled():
            print(f"{file_format}: {dict(outcomes)}, slowest {slowest:.2f} s")  # noqa: T201
    count(f"damaged {file_format} files", MUTANTS)
    assert outcomes.total() == MUTANTS
    assert slowest < SLOWEST_S
    # The damage is neither so light that nothing fails, nor so heavy that no decoder looks beyond a header.
    assert len(outcomes) > 1


def outcome_of(opener: Opener, data: bytes, name: str) -> str:
    """Return what became of a file, in a word; fail where it ended its decoder."""
    try:
        opened = opener(data, blake3(data).digest(), RULE)
    except DecoderCrashed as error:
        pytest.fail(f"{name}: {error.code}: {error}")
    except DecodeError as error:
        return error.code if str(error) else pytest.fail(f"{name}: an error without words")
    assert opened.width > 0
    return "opened"
