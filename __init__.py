"""lookalike finds photos that look alike: index a library, query it by example, find its copies.

>>> from lookalike import Library
>>> with Library.open("store", create=True) as library:     # doctest: +SKIP
...     library.index(["Photos"])
...     library.search("example.jpg", k=5)

`lookalike.errors` holds the errors; every one is a `LookalikeError`.
"""

import logging
import os
from typing import TYPE_CHECKING, Any

from .errors import LookalikeError
from .indexer.embed.choice import ModelChoice
from .library import Embeddings, Library

# onnxruntime's wheels report to their maker unless this is set before it begins; all modules come after.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# What the library notes goes where the program that uses it wants it, and nowhere without its word.
logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    __version__: str
    from .dedup.actions.apply import ApplyOptions
    from .dedup.actions.prune import PruneOptions
    from .dedup.actions.undo import UndoOptions
    from .dedup.check.matches import Checked, Match
    from .dedup.copies import FindOptions
    from .dedup.explain.explain import Explanation
    from .dedup.groups.groups import Group, Member
    from .dedup.groups.leaks import Leak
    from .dedup.groups.report import CopyReport
    from .indexer.options import IndexOptions, IndexReport
    from .indexer.scan.walk import ScanOptions
    from .search.answers import Answer, Result, Results
    from .search.examples import Query
    from .search.filters.filters import FilterSpec
    from .search.request import SearchRequest
    from .sets import duplicates, leaks, store_of
    from .store.catalog.photos import Photo, PhotoFile
    from .store.filters.where import Where
    from .store.spec import EmbedderSpec

# Names whose modules bring numpy, SQLAlchemy or FAISS: loaded when first asked for.
_LAZY = {
    "Answer": "search.answers",
    "ApplyOptions": "dedup.actions.apply",
    "Checked": "dedup.check.matches",
    "CopyReport": "dedup.groups.report",
    "EmbedderSpec": "store.spec",
    "Explanation": "dedup.explain.explain",
    "FilterSpec": "search.filters.filters",
    "FindOptions": "dedup.copies",
    "Group": "dedup.groups.groups",
    "IndexOptions": "indexer.options",
    "IndexReport": "indexer.options",
    "Leak": "dedup.groups.leaks",
    "Match": "dedup.check.matches",
    "Member": "dedup.groups.groups",
    "Photo": "store.catalog.photos",
    "PhotoFile": "store.catalog.photos",
    "PruneOptions": "dedup.actions.prune",
    "Query": "search.examples",
    "Result": "search.answers",
    "Results": "search.answers",
    "ScanOptions": "indexer.scan.walk",
    "SearchRequest": "search.request",
    "UndoOptions": "dedup.actions.undo",
    "Where": "store.filters.where",
    "duplicates": "sets",
    "leaks": "sets",
    "store_of": "sets",
}

__all__ = [
    "Answer",
    "ApplyOptions",
    "Checked",
    "CopyReport",
    "EmbedderSpec",
    "Embeddings",
    "Explanation",
    "FilterSpec",
    "FindOptions",
    "Group",
    "IndexOptions",
    "IndexReport",
    "Leak",
    "Library",
    "LookalikeError",
    "Match",
    "Member",
    "ModelChoice",
    "Photo",
    "PhotoFile",
    "PruneOptions",
    "Query",
    "Result",
    "Results",
    "ScanOptions",
    "SearchRequest",
    "UndoOptions",
    "Where",
    "__version__",
    "duplicates",
    "leaks",
    "store_of",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lookalike")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "errors"]  # what Tab offers in a notebook
