import json
from typing import Any

import pytest

from lookalike.indexer.decode.memory import MemoryBudget
from lookalike.indexer.embed.preprocess import InputRule
from lookalike.indexer.sandbox.decode_job import answer, photo_in, photo_job
from lookalike.store.records import Holdings
from lookalike.tests.indexer.decode.containers import FILM, animation, frames
from lookalike.tests.pictures import draw_photo, encode

RULE = InputRule("fit", 64, 64)


def answered(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    head, buffers = answer(photo_job(RULE), [data], MemoryBudget())
    return json.loads(json.dumps(head)), [bytes(each) for each in buffers]


def test_what_a_file_holds_comes_over() -> None:
    film = photo_in(*answered(encode(draw_photo(1, 200, 150)) + FILM), RULE)
    assert film.holdings == Holdings(behind="film", behind_size=len(FILM), tables="q75")
    assert photo_in(*answered(animation("GIF", frames(1))), RULE).holdings == Holdings(frames=3)


def test_fields_come_over_as_they_are() -> None:
    head, buffers = answered(encode(draw_photo(1, 200, 150)))
    fields = {"title": "Sea", "rating": 5, "keywords": ["a", "b"], "exposure": 0.01}
    head["holdings"]["fields"] = fields
    assert photo_in(head, buffers, RULE).holdings.fields == fields


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
    head, buffers = answered(encode(draw_photo(1, 200, 150)))
    head["holdings"][name] = value
    with pytest.raises((ValueError, KeyError, TypeError)):
        photo_in(head, buffers, RULE)


def test_an_answer_without_holdings_is_none() -> None:
    head, buffers = answered(encode(draw_photo(1, 200, 150)))
    del head["holdings"]
    with pytest.raises(KeyError):
        photo_in(head, buffers, RULE)
