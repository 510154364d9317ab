"""What files hold, and what was seen of pairs, come back from the catalog as they were put there."""

from dataclasses import replace

from lookalike.dedup.look import Look, reversed_look
from lookalike.store.catalog.holdings import as_text, digests_without_holdings, from_text, holdings_of
from lookalike.store.catalog.looks import looks_of, put_looks
from lookalike.store.records import FileResult, Holdings

from .making import Filled, digest_of, make_photo, make_result

RICH = Holdings(
    frames=12,
    is_transparent=True,
    bits=16,
    auxiliary=("gain map", "depth"),
    behind="film",
    behind_size=1234,
    fields={"keywords": ["Hochzeit", "Zoë"], "rating": "5"},
    tables="q85",
    damage=("truncated",),
)
LOOK = Look(
    "a",
    "exact",
    "tone",
    True,
    1.5,
    ((0.1, 0.2, 0.3, 0.4),),
    ((0.5, 0.6, 0.1, 0.1),),
    "b",
    "",
    4.0,
    2.0,
    0.5,
)


def test_holdings_come_back_and_the_plain_ones_cost_nothing() -> None:
    assert from_text(as_text(RICH)) == RICH
    assert as_text(Holdings()) == "{}"
    assert from_text("[1]") is None
    assert from_text('{"frames"') is None


def test_a_content_is_recorded_with_what_it_holds(filled: Filled) -> None:
    photo = make_photo(1)
    photo = replace(photo, content=replace(photo.content, holdings=RICH))
    filled.add(FileResult(make_result(1).stat, digest_of(1), photo))
    filled.fill([2])
    with filled.store.reading() as view:
        assert holdings_of(view, [1, 2]) == {1: RICH, 2: Holdings()}
        assert digests_without_holdings(view) == set()
    forget_first(filled)
    with filled.store.reading() as view:
        assert holdings_of(view, [1, 2]) == {2: Holdings()}
        assert digests_without_holdings(view) == {digest_of(1)}


def forget_first(filled: Filled) -> None:
    with filled.store.writing() as view:
        view.connection.exec_driver_sql("UPDATE holdings SET version = 0 WHERE content_id = 1")


def test_looks_are_remembered_by_pair_and_version(filled: Filled) -> None:
    filled.fill(range(3))
    with filled.store.writing() as view:
        put_looks(view, 1, [((1, 2), LOOK.as_dict()), ((1, 99), LOOK.as_dict())])
    with filled.store.reading() as view:
        found = looks_of(view, {1, 2, 3, 99}, 1)
        assert {pair: Look.from_dict(told) for pair, told in found.items()} == {(1, 2): LOOK}
        assert looks_of(view, {1, 3}, 1) == {}
        assert looks_of(view, {1, 2}, 2) == {}
    back = reversed_look(LOOK)
    assert (back.relation, back.finer, back.brightness, back.contrast) == ("b", "a", -4.0, 0.5)
    assert back.places_a == LOOK.places_b
    assert reversed_look(back) == LOOK
