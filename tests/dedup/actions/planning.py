"""Plans over whatever lies in a folder: who is a copy of whom is told by the bytes, for tests."""

from collections import defaultdict
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


def document_over(photos: Path) -> bytes:
    """Return a plan that keeps one file of every drawn picture and gives up the others."""
    by_seed: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for name, data in sorted(contents(photos)):
        seed = None if name.startswith(".") else seed_of(data)
        if seed is not None:
            by_seed[seed].append((name, data))
    groups = []
    for files in by_seed.values():
        (keeper, kept), *rest = files
        members = [
            expected(photos / name, data) | {"class": "exact" if data == kept else "copy", "selected": True}
            for name, data in rest
        ]
        groups.append({"keeper": expected(photos / keeper, kept), "members": members})
    return document({"created": "", "groups": groups})


def confirm_copies(store: Store) -> None:
    """Confirm that the drawn pictures of one seed are copies, as a proof of their pixels would say."""
    digests = ([blake3(jpeg(seed, quality)).hexdigest() for quality in QUALITIES] for seed in SEEDS)
    with store.writing() as view:
        for first, second in digests:
            decide(view, first, second, "confirmed")


def plan_over(photos: Path) -> Plan:
    """Return such a plan as it is read."""
    return read_plan(document_over(photos), "plan.json")


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
