"""Bits that differ are counted as numpy counts them."""

import numpy as np
import pytest

from lookalike.store.index.exact import bit_distances


@pytest.mark.parametrize("shape", [(1, 1, 32), (40, 70, 32), (7, 3, 8), (0, 4, 32), (4, 0, 32)])
def test_all_are_compared_with_all(shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    a, b = (random.integers(0, 256, (count, shape[2]), dtype=np.uint8) for count in shape[:2])
    expected = np.bitwise_count(a[:, None] ^ b).sum(axis=2, dtype=np.int32)
    np.testing.assert_array_equal(bit_distances(a, b), expected)
    room = np.full(5000, -1, np.int32)
    found = bit_distances(a, b, out=room)
    np.testing.assert_array_equal(found, expected)
    assert np.shares_memory(found, room) or not found.size
    assert (room[found.size :] == -1).all()


def test_every_other_code_is_read_as_it_stands() -> None:
    """FAISS reads memory: what lies apart in it must be brought together first."""
    codes = np.random.default_rng(1).integers(0, 256, (20, 64), dtype=np.uint8)
    apart = codes[::2, ::2]
    np.testing.assert_array_equal(bit_distances(apart, apart), bit_distances(apart.copy(), apart.copy()))


def test_what_cannot_be_compared_is_refused_before_memory_is_read() -> None:
    codes = np.zeros((3, 32), np.uint8)
    with pytest.raises(ValueError, match="shapes"):
        bit_distances(codes, codes[:, :16])
    with pytest.raises(ValueError, match="room"):
        bit_distances(codes, codes, out=np.empty(8, np.int32))
