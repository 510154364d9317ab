"""Is a library whole after what was done to it, and does it hold only what was ever true?"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from blake3 import blake3

from lookalike.errors import StoreMissing
from lookalike.store.care.checks import check_store
from lookalike.store.catalog.embeddings import count_embeddings, raw_vectors
from lookalike.store.catalog.pairs import all_decisions, all_verdicts
from lookalike.store.catalog.photos import count_totals, file_errors, photos_of, visible_ids
from lookalike.store.index import snapshot
from lookalike.store.index.search import nearest_photos
from lookalike.store.store import Store

Contents = dict[str, str]  # the blake3 digest in hex by path


def digests(photos: Path) -> Contents:
    """Return what a complete library of a folder holds; names that begin with x are no pictures."""
    return {str(path): blake3(path.read_bytes()).hexdigest() for path in photos.rglob("[!x]*.jpg")}


def held(store: Store) -> Contents:
    with store.reading() as view:
        return {file.path: photo.digest for photo in photos_of(view) for file in photo.files}


def check_whole(folder: Path, truths: set[tuple[str, str]]) -> int:
    """Check that the store is whole and tells nothing but truths; return the number of files in it.

    truths: paths with the contents that they have, or had when an earlier run met them.
    """
    try:
        store = Store.open(folder)
    except StoreMissing:  # it came to harm before the first transaction
        return 0
    with store:
        assert [str(each) for each in check_store(store) if each.level == "broken"] == []
        files = held(store)
        assert files.items() <= truths
        _check_answers(store)
    return len(files)


def _check_answers(store: Store) -> None:
    """Every tenth photo finds itself, and all have embedding and thumbnail."""
    with store.reading() as view:
        ids = visible_ids(view).tolist()
        vectors = raw_vectors(view, ids)
        assert sorted(vectors) == ids
        for each in ids[:: max(1, len(ids) // 10)]:
            found = nearest_photos(view, vectors[each][None], 3)
            assert each in found.ids[0].tolist()
            assert found.scores[0, 0] == pytest.approx(1, abs=1e-3)
        for photo in photos_of(view):
            assert store.thumbs.get(bytes.fromhex(photo.digest)) is not None


@dataclass(frozen=True)
class Outcome:
    """All that a run leaves behind and that does not depend on when it was, or on the order of rows."""

    files: Contents
    errors: set[tuple[str, str]]
    totals: tuple[int, ...]
    decisions: set[tuple[str, str, str]]
    verdicts: set[tuple[frozenset[str], bool]]
    snapshot: tuple[int, int] | None
    left: tuple[str, ...]


def outcome(folder: Path) -> Outcome:
    """Return what a store holds, to be compared with that of a run that nobody disturbed.

    snapshot: how many vectors the whole one holds, of how many.
    """
    with Store.open(folder) as store, store.reading() as view:
        totals, digest_of = count_totals(view), {each.id: each.digest for each in photos_of(view)}
        manifest = snapshot.read_manifest(str(folder))
        is_whole = manifest is not None and snapshot.is_whole(str(folder), manifest)
        return Outcome(
            files=held(store),
            errors={(each.path, each.error) for each in file_errors(view)},
            totals=(totals.present, totals.absent, totals.failed, totals.photos),
            decisions={(each.a, each.b, each.kind) for each in all_decisions(view)},
            verdicts={
                (frozenset((digest_of.get(each.a, ""), digest_of.get(each.b, ""))), each.is_copy)
                for each in all_verdicts(view)
            },
            snapshot=(manifest.count, count_embeddings(view)) if manifest and is_whole else None,
            left=tuple(sorted(path.name for path in folder.glob("*.tmp"))),
        )
