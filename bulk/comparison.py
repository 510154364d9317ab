"""The photos of a data set in blocks, to be compared: what is known of a block, and where results lie.

A block is a range of ids, so that photos that come later change the last block and no other. Results are
named by a digest of the contents that they follow from: what was compared stays compared.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from blake3 import blake3

from ..dedup.candidates.all_pairs import Effort, Photos, Strip
from ..dedup.candidates.copy_space import AnyVectors, CopySpace
from ..dedup.candidates.hashes import HASH_BYTES, Bits, Hashes
from ..dedup.candidates.loading import space_of
from ..dedup.candidates.nominate import Lists
from ..dedup.candidates.topk import Listed, Rows
from ..store.catalog.contents import digests_of
from ..store.catalog.embeddings import embedded_ids, units_of
from ..store.catalog.photos import visible_ids
from ..store.index.exact import Ids
from ..store.records import Vectors
from ..store.store import Store
from .place import Place
from .tables import as_parquet, reading, told_in

# Pairs of two blocks are six minutes of a core; a hundred million photos make 73,000 units of them.
BLOCK = 1 << 18

_SPACE = "space.npz"
_READ = 4096  # embeddings at once

HASHES = pa.schema([("id", pa.int64()), ("bits", pa.binary(HASH_BYTES)), ("quality", pa.int16())])
# What is found for a photo: near (by score) or alike (by hash), its key, and the other photo.
FINDINGS = pa.schema(
    [("photo", pa.int64()), ("is_alike", pa.bool_()), ("key", pa.int32()), ("other", pa.int64())]
)
PAIRS = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("cosine", pa.float32())])


class Source(Protocol):
    """A library that is compared, by any process: small, and may be pickled.

    place: where results are kept.
    """

    @property
    def place(self) -> Place:
        """Where results are kept."""

    def open(self) -> AbstractContextManager[Store]:
        """Open the library for reading."""


@dataclass(frozen=True, slots=True)
class Block:
    """Photos with ids in one range. count: how many. digest: of their contents."""

    count: int
    digest: str


@dataclass(frozen=True)
class Comparison:
    """What is compared: the photos of a source, in blocks by number, of `size` ids each."""

    source: Source
    size: int
    blocks: Mapping[int, Block]

    @classmethod
    def of(cls, source: Source, size: int = BLOCK) -> "Comparison":
        """Look up what there is to compare; the space for copies is fixed when this is first done."""
        place = source.place.at("hashes")
        with source.open() as store, store.reading() as view:
            if view.model is None:
                return cls(source, size, {})
            if not place.exists(_SPACE):
                place.create(_SPACE, _space_as_bytes(space_of(view)))
            ids = _ids(store)
            blocks = {}
            for number in np.unique(ids // size).tolist():
                some = ids[ids // size == number].tolist()
                digests = digests_of(view, some)
                named = b"".join(each.to_bytes(8) + digests[each] for each in some)
                digest = blake3(view.model.spec.fingerprint.encode() + named).hexdigest(8)
                blocks[number] = Block(len(some), digest)
        return cls(source, size, blocks)

    @property
    def place(self) -> Place:
        """Where results are kept."""
        return self.source.place

    @property
    def count(self) -> int:
        """The number of photos."""
        return sum(each.count for each in self.blocks.values())

    @cached_property
    def digest(self) -> str:
        """A digest of all contents."""
        return digest_of(*(f"{number}{each.digest}" for number, each in self.blocks.items()))

    @contextmanager
    def opened(self, threads: int | None) -> Iterator["Desk"]:
        """Give what comparing needs, once a process."""
        with self.source.open() as store:
            yield Desk(self, store, threads)


class Desk:
    """A comparison in one process: what is asked for of its blocks."""

    def __init__(self, comparison: Comparison, store: Store, threads: int | None) -> None:
        self.comparison, self.store, self.threads = comparison, store, threads
        self.effort = Effort(threads)
        self.ids = _ids(store)
        self.lists = Lists(_space_in(comparison.place.at("hashes").read(_SPACE)), self._units_of)
        self.samples: dict[str, Photos] = {}
        # The next unit has one of these blocks, too.
        self.photos = lru_cache(2)(self._photos)

    def ids_of(self, number: int) -> Ids:
        """Return the ids of a block."""
        size = self.comparison.size
        return self.ids[slice(*np.searchsorted(self.ids, [number * size, (number + 1) * size]))]

    def blocks_of(self, ids: Ids) -> Ids:
        """Return the numbers of the blocks that photos are in."""
        return ids // self.comparison.size

    def points_of(self, ids: Ids) -> Vectors:
        """Return where photos (ids ascending) are in the space for copies."""
        cuts = range(0, max(1, len(ids)), _READ)
        space = self.lists.space
        return np.concatenate([space.project(self._units_of(ids[cut : cut + _READ])) for cut in cuts])

    @cached_property
    def all_hashes(self) -> tuple[Bits, Ids]:
        """Bits and quality of all photos, in the order of `ids`: 40 bytes each."""
        found = [read_hashes(self.comparison, number)[1:] for number in self.comparison.blocks]
        bits, quality = zip(*found, strict=True)
        return np.concatenate(bits), np.concatenate(quality)

    def photos_at(self, places: Rows) -> Photos:
        """Return photos by their places in `ids`, ascending."""
        bits, quality = self.all_hashes
        ids = self.ids[places]
        return Photos(ids, len(ids), self.points_of(ids), Hashes.of(bits[places], quality[places]))

    def _photos(self, number: int) -> Photos:
        ids = self.ids_of(number)
        return Photos(
            ids, len(ids), self.points_of(ids), Hashes.of(*read_hashes(self.comparison, number)[1:])
        )

    def _units_of(self, ids: Ids) -> AnyVectors:
        with self.store.reading() as view:
            return units_of(view, ids)


def hashes_file(comparison: Comparison, number: int) -> str:
    """Return the name of the hashes of a block."""
    return f"h-{number:06d}-{comparison.blocks[number].digest}.parquet"


def read_hashes(comparison: Comparison, number: int) -> tuple[Ids, Bits, Ids]:
    """Return ids, bits and quality of the photos of a block."""
    with reading(comparison.place.at("hashes"), hashes_file(comparison, number)) as file:
        table = file.read()
    bits = np.frombuffer(b"".join(table["bits"].to_pylist()), np.uint8).reshape(-1, HASH_BYTES)
    return table["id"].to_numpy(), bits, table["quality"].to_numpy().astype(np.int64)


def digest_of(*names: str) -> str:
    """Return a short digest of names."""
    return blake3("\n".join(names).encode()).hexdigest(8)


def _ids(store: Store) -> Ids:
    with store.reading() as view:
        return np.intersect1d(visible_ids(view), embedded_ids(view))


# --- what was found, as files -----------------------------------------------------------------


def write_findings(place: Place, name: str, found: Mapping[int, tuple[Ids, Strip]], **told: Any) -> None:
    """Write what was found. found: by block, with the ids of the photos that it was found for."""
    tables = [_as_table(ids, strip) for ids, strip in found.values()]
    place.write(name, as_parquet(tables, FINDINGS, {"blocks": list(found), **told}))


def read_findings(place: Place, name: str, block: int, ids: Ids) -> Strip | None:
    """Return what a file has for the photos of a block, None if it has nothing. ids: of the block."""
    with reading(place, name) as file:
        blocks = told_in(file)["blocks"]
        if block not in blocks:
            return None
        table = file.read_row_group(blocks.index(block))
    is_alike = table["is_alike"].to_numpy()
    rows = np.searchsorted(ids, table["photo"].to_numpy())
    keys, others = table["key"].to_numpy().astype(np.int64), table["other"].to_numpy()
    near, alike = (Listed(rows[some], keys[some], others[some]) for some in (~is_alike, is_alike))
    return Strip(near, alike)


def told_of(place: Place, name: str) -> Mapping[str, Any]:
    """Return what a file was told."""
    with reading(place, name) as file:
        return told_in(file)


def _as_table(ids: Ids, strip: Strip) -> pa.Table:
    lists = (strip.near, strip.alike)
    columns = [
        np.concatenate([ids[each.rows] for each in lists]),
        np.repeat([False, True], [len(each.rows) for each in lists]),
        np.concatenate([each.keys for each in lists]).astype(np.int32),
        np.concatenate([each.ids for each in lists]),
    ]
    return pa.table(columns, schema=FINDINGS)


def pairs_table(pairs: Ids, cosine: Any) -> pa.Table:
    """Return pairs (m, 2) and the cosines of their embeddings as rows."""
    return pa.table([pairs[:, 0], pairs[:, 1], cosine], schema=PAIRS)


def pairs_in(table: pa.Table) -> Ids:
    """Return the pairs of rows, (m, 2)."""
    return np.column_stack([table[name].to_numpy() for name in ("a", "b")]).astype(np.int64)


def _space_as_bytes(space: CopySpace) -> bytes:
    out = io.BytesIO()
    matrix = np.empty((0, 0), np.float32) if space.matrix is None else space.matrix
    limits = np.array([space.floor, space.gate, space.few_floor])
    np.savez(out, mean=space.mean, matrix=matrix, limits=limits)
    return out.getvalue()


def _space_in(data: bytes) -> CopySpace:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        matrix = file["matrix"] if file["matrix"].size else None
        return CopySpace(file["mean"], matrix, *file["limits"].tolist())
