"""The record of a finished data set: which catalog, columns and parts of the index belong together.

It is written last, under the next number, if nobody else took that. What it names is never changed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ..errors import StoreCorrupt, StoreTooNew
from ..store.index.exact import VectorIndex
from ..store.index.ivf import ReducedIndex, Tuning
from ..store.index.parts import AnyIndex, PartedIndex
from ..store.index.snapshot import load_file
from .place import Place

_FORMAT = 1
_PREFIX, _ENDING = "finished-", ".json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file. name: below `store` of the data set. checksum: xxh3-128, hex. count: vectors, of a part."""

    name: str
    size: int
    checksum: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class KeptIndex:
    """The vector index.

    recipe: of its parts. trained: the empty index that the parts are copies of; None of an exact index,
    which is one part. part_size: photos of a part.
    """

    recipe: str
    parts: tuple[KeptFile, ...]
    trained: KeptFile | None
    part_size: int
    tuning: Tuning | None

    @property
    def files(self) -> list[KeptFile]:
        """All of its files."""
        return [*([self.trained] if self.trained else []), *self.parts]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished state of a data set.

    number: 1, 2, 3, ... uuid: of its catalog. epoch: its last. columns: the version that Lance counts;
    columns_size: in bytes. is_ranked: whether neighborhoods were found, by which searches are re-ranked.
    """

    number: int
    uuid: str
    dim: int
    epoch: int
    photos: int
    catalog: KeptFile
    columns: int
    columns_size: int
    index: KeptIndex
    is_ranked: bool

    @property
    def size(self) -> int:
        """Bytes of all that it names."""
        return self.columns_size + self.catalog.size + sum(file.size for file in self.index.files)

    @property
    def files(self) -> list[KeptFile]:
        """All files that it names."""
        return [self.catalog, *self.index.files]


def name_of(number: int) -> str:
    """Return the name of the record with a number."""
    return f"{_PREFIX}{number:08d}{_ENDING}"


def newest(home: Place) -> Finished | None:
    """Return the last record of a data set, None where nothing was finished. home: its `store`.

    Raises:
        StoreCorrupt, StoreTooNew: it cannot be read.
    """
    names = [name for name in home.names(_PREFIX) if name.endswith(_ENDING)]
    return read(home, names[-1]) if names else None


def publish(home: Place, made: Finished) -> bool:
    """Make a record the last one; tell whether nobody else took its number."""
    return home.create(
        name_of(made.number), json.dumps({"format": _FORMAT} | asdict(made), indent=1).encode()
    )


def read(home: Place, name: str) -> Finished:
    """Return a record.

    Raises:
        StoreCorrupt, StoreTooNew: it cannot be read.
    """
    try:
        told: dict[str, Any] = json.loads(home.read(name))
        if told.pop("format") > _FORMAT:
            raise StoreTooNew(f"a newer lookalike finished the data set {home.url}; update lookalike")
        index = told["index"]
        kept = KeptIndex(
            recipe=index["recipe"],
            parts=tuple(KeptFile(**each) for each in index["parts"]),
            trained=_if_there(index["trained"], KeptFile),
            part_size=index["part_size"],
            tuning=_if_there(index["tuning"], Tuning),
        )
        return Finished(**{**told, "catalog": KeptFile(**told["catalog"]), "index": kept})
    except (ValueError, TypeError, KeyError) as error:
        raise StoreCorrupt(
            f"{home.url}/{name} is damaged ({error}); remove it: the state before it is used"
        ) from error


def _if_there(told: Mapping[str, Any] | None, kind: Callable[..., T]) -> T | None:
    return None if told is None else kind(**told)


def load_index(made: Finished, path_of: Callable[[KeptFile], str]) -> AnyIndex:
    """Return the vector index of a finished data set. path_of: returns where a file is on this machine.

    Raises:
        StoreCorrupt: a file of it is damaged.
    """
    kept = made.index
    loaded = []
    for file in kept.files:
        try:
            index = load_file(path_of(file), kept.recipe, made.dim, file.size, file.checksum)
            if len(index) != file.count:
                raise ValueError(f"it holds {len(index):,} vectors, not {file.count:,}")
        except ValueError as error:
            raise StoreCorrupt(
                f"{file.name} of the data set: {error}; `lookalike bulk finish` makes it again"
            ) from error
        loaded.append(index)
    if isinstance(loaded[0], VectorIndex):
        return loaded[0]
    trained, *parts = [each for each in loaded if isinstance(each, ReducedIndex)]
    return PartedIndex(trained, kept.part_size, parts, kept.tuning or trained.tuning)
