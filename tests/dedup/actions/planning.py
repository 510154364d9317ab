"""Plans over whatever lies in a folder: who is a copy of whom is told by the bytes, for tests."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blake3 import blake3

from lookalike.dedup.actions.planfile import Plan, read_plan
from lookalike.store.catalog.pairs import decide
from lookalike.store.documents import document, path_fields
from lookalike.store.store import Store

from .making import contents, jpeg

SEEDS, QUALITIES = range(3), (90, 60)


def seed_of(data: bytes) -> int | None:
    """Return the seed of a drawn photo, None of anything else."""
    return next((seed for seed in SEEDS for quality in QUALITIES if jpeg(seed, quality) == data), None)


def document_over(photos: Path, keepers: Iterable[Path] = ()) -> bytes:
    """Return a plan that keeps one file of every drawn picture and gives up the others.

    keepers: files to keep rather than those below photos.
    """
    live = [photos / name for name, _ in sorted(contents(photos)) if not name.startswith(".")]
    by_seed: dict[int, list[tuple[Path, bytes]]] = defaultdict(list)
    for path in (*keepers, *(path for path in live if not path.is_symlink())):
        data = path.read_bytes()
        seed = seed_of(data)
        if seed is not None:
            by_seed[seed].append((path, data))
    groups = []
    for files in by_seed.values():
        (keeper, kept), *rest = files
        members = [
            expected(path, data) | {"class": "exact" if data == kept else "copy", "selected": True}
            for path, data in rest
        ]
        groups.append({"keeper": expected(keeper, kept), "members": members})
    return document({"created": "", "groups": groups})


def confirm_copies(store: Store) -> None:
    """Confirm that the drawn pictures of one seed are copies, as a proof of their pixels would say."""
    digests = ([blake3(jpeg(seed, quality)).hexdigest() for quality in QUALITIES] for seed in SEEDS)
    with store.writing() as view:
        for first, second in digests:
            decide(view, first, second, "confirmed")


def plan_over(photos: Path, keepers: Iterable[Path] = ()) -> Plan:
    """Return such a plan as it is read."""
    return read_plan(document_over(photos, keepers), "plan.json")


def expected(path: Path, data: bytes) -> dict[str, Any]:
    """Return what a plan says of a file."""
    found = path.lstat()
    return {
        **path_fields(str(path)),
        "blake3": blake3(data).hexdigest(),
        "bytes": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "companions": [],
    }
