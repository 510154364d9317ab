"""Embeddings by id are those that the catalog holds."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import StoreCorrupt
from lookalike.store.catalog.embeddings import units_of, vectors_since
from lookalike.store.store import Store
from lookalike.tests.store.making import DIM, PUBLISHED, execute


def test_embeddings_come_in_the_order_of_the_ids_and_as_zeros_where_they_are_gone(published: Path) -> None:
    wanted = np.array([1, 7, 8, PUBLISHED, PUBLISHED + 1, 10**9])
    with Store.open(published) as store, store.reading() as view:
        found = units_of(view, wanted)
        every = {
            int(each): unit
            for ids, units in vectors_since(view, 0)
            for each, unit in zip(ids, units, strict=True)
        }
    assert (found.shape, str(found.dtype)) == ((6, DIM), "float16")
    for each, unit in zip(wanted.tolist(), found, strict=True):
        np.testing.assert_array_equal(unit, every.get(each, np.zeros(DIM, np.float16)))


def test_a_damaged_embedding_is_an_error_of_ours(published: Path) -> None:
    execute(published, "UPDATE embedding SET vector = zeroblob(64) WHERE content_id = 7")
    with Store.open(published) as store, store.reading() as view:
        assert units_of(view, np.array([6, 8])).any()
        with pytest.raises(StoreCorrupt, match="photo 7"):
            units_of(view, np.array([6, 7, 8]))
