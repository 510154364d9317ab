"""What lies around a store: where it is, who holds its locks, what was left beside it."""

import os
from collections.abc import Iterator

from . import lock
from .checks import Finding
from .place import place_of


def check_surroundings(folder: str) -> Iterator[Finding]:
    """Yield the findings about a store's folder that need no look into its databases."""
    yield _check_place(folder)
    yield _check_locks(folder)
    yield from _check_leftovers(folder)


def _check_place(folder: str) -> Finding:
    place = place_of(folder)
    kind = place.kind or "an unknown file system"
    said = f"{kind}, {place.free / 1e9:,.1f} GB free"
    if place.is_network:
        return Finding(
            "note",
            "place",
            f"{said}: a network drive, where a database can come to harm; move it to this machine",
        )
    if place.syncer:
        return Finding(
            "note",
            "place",
            f"{said}: {place.syncer} may copy it while it is written; keep it elsewhere, or `backup`",
        )
    return Finding("ok", "place", said)


def _check_locks(folder: str) -> Finding:
    said = []
    for name in ("store", "indexing"):
        try:
            holder = lock.holder_of(folder, name)
        except OSError:
            return Finding("ok", "locks", "this user cannot write to the store")
        if holder:
            said.append(f"{name}: held by {holder}")
    return Finding("ok", "locks", "; ".join(said) or "nobody writes to it now")


def _check_leftovers(folder: str) -> Iterator[Finding]:
    names = sorted(os.listdir(folder))
    left = [name for name in names if name.endswith(".tmp")]
    if left:
        yield Finding(
            "note", "leftovers", f"{len(left)} files of a killed writer; the next one removes them"
        )
    kept = [
        name for name in names if ".damaged-" in name or ".before-restore-" in name or name.endswith(".bak")
    ]
    if kept:
        size = sum(os.path.getsize(os.path.join(folder, name)) for name in kept)
        yield Finding(
            "ok", "kept", f"older databases of {size / 1e6:,.1f} MB, yours to remove: {', '.join(kept)}"
        )
