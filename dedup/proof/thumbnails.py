"""The thumbnails of a store, as the proof gets them."""

from collections.abc import Sequence

from ...store.catalog.pairs import facts_of
from ...store.store import Store
from .pictures import Thumbnail


def stored_thumbnails(store: Store, photo_ids: Sequence[int]) -> dict[int, Thumbnail]:
    """Return the thumbnails of photos by id, of those that have one."""
    with store.reading() as view:
        facts = facts_of(view, photo_ids)
    jpegs = store.thumbs.get_many([each.digest for each in facts.values()])
    return {
        photo_id: Thumbnail(jpegs[each.digest], each.width, each.height)
        for photo_id, each in facts.items()
        if each.digest in jpegs
    }
