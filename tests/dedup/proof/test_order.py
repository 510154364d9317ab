"""What is made of a photo is made once, and is not kept for longer than it is needed."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lookalike.dedup.proof import order
from lookalike.dedup.proof.order import CHUNK, Parts, Waiting, together
from lookalike.dedup.proof.pictures import Pictures, Thumbnail
from lookalike.indexer.decode.photo import make_thumbnail
from lookalike.tests.pictures import draw_photo

pair_lists = st.lists(
    st.tuples(st.integers(1, 30), st.integers(1, 30)).filter(lambda pair: pair[0] < pair[1]), unique=True
)


def row_of_alike(count: int, reach: int) -> list[Waiting]:
    """Pairs of photos that stand in a row, each like the next few, with ids in any order."""
    ids = list(range(1, count + 1))
    random.Random(7).shuffle(ids)
    near = [(ids[at], ids[at + step]) for step in range(1, reach + 1) for at in range(count - step)]
    return [(min(pair), max(pair), 0.9) for pair in near]


def times_made(pairs: list[Waiting], room: int) -> Counter[int]:
    """How often each photo's picture is made when there is room for so many."""
    thumbnail = Thumbnail(make_thumbnail(draw_photo(1, 64, 48)), 64, 48)
    made: Counter[int] = Counter()

    def read(photo: int) -> Thumbnail:
        made[photo] += 1
        return thumbnail

    pictures = Pictures(room)
    for a, b, _ in pairs:
        pictures.get(a, read)
        pictures.get(b, read)
    return made


def test_room_for_a_few_pictures_is_enough_to_make_each_once() -> None:
    pairs = row_of_alike(count=200, reach=4)

    made = times_made(together(pairs), room=40)

    assert set(made.values()) == {1}
    assert made.total() == 200


def test_two_who_prove_make_what_the_other_makes_only_where_their_parts_meet() -> None:
    pairs = row_of_alike(count=200, reach=4)
    parts = Parts(together(pairs), 2)

    served: list[list[Waiting]] = [[], []]
    for turn in range(parts.n_chunks):
        served[turn % 2] += parts.next(turn % 2)

    assert sorted(served[0] + served[1]) == sorted(pairs)
    assert sum(times_made(each, room=40).total() for each in served) < 200 + 40


@given(pair_lists, st.integers(1, 5), st.randoms(use_true_random=False))
def test_every_pair_is_given_out_once_whoever_asks(
    pairs: list[tuple[int, int]], count: int, chance: random.Random
) -> None:
    waiting = [(a, b, 0.5) for a, b in pairs]
    parts = Parts(waiting, count)

    served = [parts.next(chance.randrange(count)) for _ in range(parts.n_chunks)]

    assert sorted(pair for chunk in served for pair in chunk) == sorted(waiting)
    assert all(0 < len(chunk) <= CHUNK for chunk in served)


def test_who_is_done_helps_where_most_is_left() -> None:
    pairs: list[Waiting] = [(1, number, 0.5) for number in range(2, 2 + 4 * order.CHUNK)]
    parts = Parts(pairs, 2)

    mine = [parts.next(0), parts.next(0)]
    helped = parts.next(0)

    assert [*mine[0], *mine[1]] == pairs[: 2 * CHUNK]
    assert helped == pairs[-CHUNK:]  # from the end: the other one goes on from where he is


@given(pair_lists)
def test_pairs_that_hang_together_follow_each_other(pairs: list[tuple[int, int]]) -> None:
    ordered = [(a, b) for a, b, _ in together([(a, b, 0.5) for a, b in pairs])]
    assert sorted(ordered) == sorted(pairs)
    groups = connected(pairs)
    order = [groups[a] for a, _ in ordered]
    assert len([1 for last, this in zip([-1, *order], order, strict=False) if last != this]) == len(
        set(order)
    )


def connected(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Return a number of its group for each photo, by painting over until nothing changes."""
    color = {each: each for pair in pairs for each in pair}
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(color[a], color[b])
            changed |= color[a] != low or color[b] != low
            color[a] = color[b] = low
    return color
