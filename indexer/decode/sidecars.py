"""What the XMP sidecars of a photo say that a person cares about."""

import os
from collections.abc import Iterable
from typing import Any

from ...errors import DecodeError
from ...store.records import LISTS
from .fields import read_fields
from .read import read_small
from .tags import Tags
from .xmp import MAX_BYTES, NOTHING, read_xmp

# The rest is of the program that wrote the sidecar, or of the file that it was written for.
_READ = (
    *LISTS,
    *("rating", "title", "caption", "comment", "place", "label", "author", "copyright"),
)


def read_sidecars(folder: bytes, names: Iterable[bytes]) -> tuple[dict[str, Any], list[str]]:
    """Return what sidecars say, by the names of `Holdings.fields`, and which cannot be read, with why.

    names: below the folder. Lists are put together; where one thing is said twice, the last one counts.

    Raises:
        FileNotFoundError: one went away.
    """
    said: dict[str, Any] = {}
    problems: list[str] = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            own = _read(path)
        except DecodeError as error:
            problems.append(f"{os.fsdecode(path)}: {error}; what this sidecar says does not count")
            continue
        lists = {each: sorted({*said.get(each, ()), *own.get(each, ())}) for each in LISTS}
        said |= own | {each: texts for each, texts in lists.items() if texts}
    return said, problems


def _read(path: bytes) -> dict[str, Any]:
    xmp = read_xmp(read_small(path, MAX_BYTES))
    if xmp is NOTHING:
        raise DecodeError("damaged", "it is no XMP that can be read")
    fields = read_fields(Tags(xmp=xmp), None)
    return {name: fields[name] for name in _READ if name in fields}
