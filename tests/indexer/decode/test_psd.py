"""Photoshop documents: the merged picture in its colors, what stands behind it, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import Decoded, decode
from lookalike.store.records import Holdings
from lookalike.tests.pictures import color_profile, difference, draw_photo

from .psds import (
    CMYK,
    GREY,
    INDEXED,
    LAB,
    MULTICHANNEL,
    NOT_MERGED,
    PROFILE,
    VERSION_INFO,
    XMP,
    planes_of,
    psd,
)

PHOTO = draw_photo(1, 241, 180)
PIXELS = np.asarray(PHOTO)
PLANES = planes_of(PHOTO)
DEEP = [plane.astype(np.uint16) * 257 for plane in PLANES]
SELECTION = np.tile(np.arange(241, dtype=np.uint8), (180, 1))


def held(data: bytes) -> Holdings:
    found = decode(data, inventory=True).holdings
    assert found is not None
    return found


def shows(decoded: Decoded, image: Image.Image = PHOTO, tolerance: float = 1.0) -> bool:
    assert (decoded.width, decoded.height, decoded.format) == (*PHOTO.size, "PSD")
    return difference(decoded.pixels, np.asarray(image.convert("RGB"))) < tolerance


@pytest.mark.parametrize("large", [False, True], ids=["psd", "psb"])
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "packed"])
def test_the_merged_picture_is_shown(packed: bool, large: bool) -> None:
    def written(planes: list[np.ndarray], mode: int = 3, palette: bytes = b"") -> Decoded:
        return decode(psd(planes, mode, packed=packed, large=large, palette=palette))

    grey, few = PHOTO.convert("L"), PHOTO.quantize(200)
    entries = np.zeros((256, 3), np.uint8)
    entries[:200] = np.reshape((few.getpalette() or [])[:600], (200, 3))
    assert shows(written(PLANES))
    assert shows(written(DEEP))
    assert shows(written(planes_of(grey), GREY), grey)
    assert shows(written([planes_of(grey)[0].astype(np.uint16) * 257], GREY), grey)
    assert shows(written(planes_of(few), INDEXED, entries.T.tobytes()), few)
    assert shows(written(planes_of(PHOTO.convert("CMYK")), CMYK), PHOTO.convert("CMYK"))


def test_lab_is_shown_in_its_colors() -> None:
    # Lightness 54, a 81, b 70 is red; Photoshop adds 128 to a and b.
    planes = [np.full((180, 241), level, np.uint8) for level in (round(54 * 2.55), 128 + 81, 128 + 70)]
    red = decode(psd(planes, LAB)).pixels.mean(axis=(0, 1))
    assert red == pytest.approx([255, 0, 0], abs=8)


def test_profile_and_packet_count() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:RDF><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    resources = {PROFILE: color_profile(red="gXYZ", green="rXYZ"), XMP: packet, VERSION_INFO: b"\0\0\0\1\1"}
    decoded = decode(psd(PLANES, resources=resources))
    assert shows(decoded, Image.fromarray(PIXELS[..., [1, 0, 2]]), tolerance=4.0)
    assert decoded.fields["rating"] == "4"


def test_layers_and_saved_selections_are_held_and_not_shown() -> None:
    rich = psd([*PLANES, SELECTION], layers=3)
    assert shows(decode(rich))
    assert held(rich) == Holdings(auxiliary=("layers", "alpha channels"))
    assert held(psd(PLANES)) == Holdings()
    assert held(psd([plane | 1 for plane in DEEP])).bits == 16
    # What stands in layers is never compared.
    digests = {decode(psd(PLANES, layers=count), inventory=True).pixel_digest for count in (0, 1, 2)}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (psd(PLANES, resources=NOT_MERGED, layers=2), "Maximize Compatibility"),
        (psd(PLANES, MULTICHANNEL), "8 bits a channel in multichannel mode"),
        (psd([plane.astype(np.uint16) for plane in PLANES] * 2, CMYK), "16 bits a channel in CMYK mode"),
        (psd(PLANES[:2]), "8 bits a channel in RGB mode"),
    ],
    ids=["not merged", "multichannel", "deep CMYK", "too few channels"],
)
def test_what_cannot_be_shown_is_named(data: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words) as caught:
        decode(data)
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_that_ends_early_is_no_half_picture(packed: bool) -> None:
    whole = psd(PLANES, packed=packed, layers=1)
    for end in (20, 30, 60, 90, len(whole) // 2, len(whole) - 300):
        with pytest.raises(DecodeError) as caught:
            decode(whole[:end], inventory=True)
        assert caught.value.code in ("truncated", "damaged")


def test_a_bomb_is_refused_by_its_head() -> None:
    head = psd(PLANES, packed=True)[:14] + (30_000).to_bytes(4, "big") * 2 + psd(PLANES, packed=True)[22:]
    with pytest.raises(DecodeError) as caught:
        decode(head + bytes(200_000))
    assert caught.value.code in ("bomb", "too_large")
