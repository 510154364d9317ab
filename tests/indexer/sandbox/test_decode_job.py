import json
from typing import Any

import pytest
from blake3 import blake3
from PIL import PngImagePlugin

from lookalike.indexer.decode.memory import MemoryBudget
from lookalike.indexer.embed.preprocess import InputRule
from lookalike.indexer.sandbox.decode_job import answer, photo_in, photo_job
from lookalike.indexer.sandbox.decoders import Opener
from lookalike.store.records import Holdings
from lookalike.tests.indexer.decode.containers import FILM, animation, frames
from lookalike.tests.pictures import draw_photo, encode

RULE = InputRule("fit", 64, 64)


def answered(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    head, buffers = answer(photo_job(RULE), [data], MemoryBudget())
    return json.loads(json.dumps(head)), [bytes(each) for each in buffers]


def with_holdings(name: str, value: object) -> tuple[dict[str, Any], list[bytes]]:
    head, (thumbnail, pixels, holdings) = answered(encode(draw_photo(1, 200, 150)))
    told = json.dumps(json.loads(holdings) | {name: value})
    return head, [thumbnail, pixels, told.encode()]


def test_what_a_file_holds_comes_over() -> None:
    film = photo_in(*answered(encode(draw_photo(1, 200, 150)) + FILM), RULE)
    assert film.holdings == Holdings(behind="film", behind_size=len(FILM), tables="q75")
    assert photo_in(*answered(animation("GIF", frames(1))), RULE).holdings == Holdings(frames=3)


def test_fields_come_over_as_they_are() -> None:
    fields = {"title": "Sea", "rating": 5, "keywords": ["a", "b"], "exposure": 0.01}
    assert photo_in(*with_holdings("fields", fields), RULE).holdings.fields == fields


def test_many_long_keywords_come_out_of_a_process() -> None:
    long_word = "\u0416" * 290
    words = "".join(f"<rdf:li>{long_word} {number}</rdf:li>" for number in range(150))
    about = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>'
        f"{words}</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", about)
    data = encode(draw_photo(1, 200, 150), "PNG", pnginfo=info)
    with Opener(1) as opener:
        opened = opener(data, blake3(data).digest(), RULE)
        assert len(opener.processes) == 1
    assert len(opened.holdings.fields["keywords"]) == 150


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames", 0),
        ("frames", 10**12),
        ("frames", True),
        ("frames", "3"),
        ("bits", 65),
        ("is_transparent", 1),
        ("behind", "a worm"),
        ("behind_size", -1),
        ("auxiliary", "depth"),
        ("auxiliary", ["depth"] * 100),
        ("damage", ["x" * 1000]),
        ("damage", [3]),
        ("tables", 85),
        ("fields", ["title"]),
        ("fields", {"title": {"nested": "things"}}),
        ("fields", {"keywords": [["nested"]]}),
        ("fields", {"rating": float("inf")}),
        ("fields", {f"field {n}": "x" for n in range(1000)}),
    ],
)
def test_holdings_that_no_decoder_tells_are_no_answer(name: str, value: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        photo_in(*with_holdings(name, value), RULE)


@pytest.mark.parametrize(
    "told", [b"", b"{}", b"[]", b"null", b'"word"', b"\xff", b"[" * 200_000, b" " * (3 << 20)]
)
def test_an_answer_without_holdings_is_none(told: bytes) -> None:
    head, (thumbnail, pixels, _) = answered(encode(draw_photo(1, 200, 150)))
    with pytest.raises((ValueError, KeyError, TypeError)):
        photo_in(head, [thumbnail, pixels, told], RULE)
