"""The stages of comparing within cells, and of the sample that tells how much that finds."""

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..dedup.candidates.all_pairs import AllPairs, Photos, Strip
from ..dedup.candidates.blocks import joined
from ..dedup.candidates.cells import (
    ASKED,
    ASKED_BY_HASH,
    Cell,
    Cells,
    Numbers,
    Sample,
    cells_in,
    compared,
    count_of_cells,
    count_to_train,
    with_all,
)
from ..store.index.exact import Ids
from ..store.records import Vectors
from .comparison import Comparison, Desk, digest_of, read_findings, told_of, write_findings
from .copy_stages import CopyStage, listed_in, todo
from .place import Place
from .tables import as_parquet, reading

# Pairs of a unit of cells, at least: a minute of a core.
UNIT_PAIRS = 10_000_000_000

_CENTERS, _SAMPLE = "centers.npz", "sample-{}.npz"
_ASSIGNED = pa.schema([("points", pa.binary(4 * ASKED)), ("hashes", pa.binary(4 * ASKED_BY_HASH))])
# Places of photos among all; a row group is a cell.
_DEALT = pa.schema([("place", pa.int64()), ("is_lying", pa.bool_())])


def cells_place(comparison: Comparison) -> Place:
    """Return where the cells of these contents lie."""
    return comparison.place.at("cells", _digest(comparison))


def _digest(comparison: Comparison) -> str:
    return digest_of(comparison.digest, f"{ASKED} {ASKED_BY_HASH}")


def make_cells(comparison: Comparison, desk: Desk) -> None:
    """Make the centers of cells, of a sample of the photos, unless they are made."""
    place = cells_place(comparison)
    if place.exists(_CENTERS):
        return
    count = len(desk.ids)
    some = np.random.default_rng(1).choice(count, count_to_train(count), replace=False)
    cells = Cells.of(desk.photos_at(np.sort(some)), count_of_cells(count))
    place.create(_CENTERS, _as_bytes(points=cells.points, hashes=cells.hashes))


class AssignStage(CopyStage):
    """Tells in which cells photos lie and ask; a unit is a block."""

    name = "cells"

    @property
    def results(self) -> Place:
        """See `CopyStage`."""
        return cells_place(self.comparison)

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        return {number: block.count for number, block in self.comparison.blocks.items()}

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return f"a-{number:06d}.parquet"

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        with np.load(io.BytesIO(self.results.read(_CENTERS)), allow_pickle=False) as file:
            cells = Cells(file["points"], file["hashes"])
        columns = [list(map(bytes, each)) for each in cells.nearest(desk.photos(number))]
        table = pa.table(columns, schema=_ASSIGNED)
        self.results.write(self.file_of(number), as_parquet([table], _ASSIGNED, {}))
        return 0

    def nearest(self) -> Iterator[Numbers]:
        """Yield the cells of points and then those of hashes, of all photos."""
        for name, width in (("points", ASKED), ("hashes", ASKED_BY_HASH)):
            found = []
            for number in self.units():
                with reading(self.results, self.file_of(number)) as file:
                    column = file.read([name])[name].to_pylist()
                found.append(np.frombuffer(b"".join(column), np.int32).reshape(-1, width))
            yield np.concatenate(found)


def deal_cells(stage: AssignStage, unit_pairs: int = UNIT_PAIRS) -> None:
    """List the cells in units, with their photos: about 200 bytes of memory for each photo."""
    number, waiting, pairs = 0, list[pa.Table](), 0
    for nearest in stage.nearest():
        for cell in cells_in(nearest):
            waiting.append(_as_table(cell))
            pairs += cell.pairs
            if pairs >= unit_pairs:
                _list_cells(stage.results, number, waiting, pairs)
                number, waiting, pairs = number + 1, [], 0
    if waiting:
        _list_cells(stage.results, number, waiting, pairs)


def _list_cells(place: Place, number: int, cells: list[pa.Table], pairs: int) -> None:
    place.create(todo(number, pairs), as_parquet(cells, _DEALT, {}))


def _as_table(cell: Cell) -> pa.Table:
    is_lying = np.repeat([True, False], [len(cell.lying), len(cell.asking)])
    return pa.table([np.concatenate([cell.lying, cell.asking]), is_lying], schema=_DEALT)


class CellStage(CopyStage):
    """Compares photos within cells; a unit is some cells, a row a pair."""

    name, folder = "pairs-in-cells", "pairs"

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        return listed_in(cells_place(self.comparison))

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return f"c-{number:08d}-{_digest(self.comparison)}.parquet"

    def files(self) -> tuple[str, ...]:
        """Return the names of all results."""
        return tuple(self.file_of(number) for number in self.units())

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        cells = list(self._cells(number))
        places = np.unique(np.concatenate([each for cell in cells for each in (cell.lying, cell.asking)]))
        photos = desk.photos_at(places)
        here = (Cell(*(np.searchsorted(places, each) for each in (c.lying, c.asking))) for c in cells)
        found = compared(here, photos, desk.lists.limits, desk.threads)
        by_block = _by_block(photos.ids, desk.blocks_of(photos.ids), found)
        write_findings(self.results, self.file_of(number), by_block, pairs=sum(c.pairs for c in cells))
        return 0

    def _cells(self, number: int) -> Iterator[Cell]:
        place = cells_place(self.comparison)
        with reading(place, todo(number, self.units()[number])) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                places, is_lying = table["place"].to_numpy(), table["is_lying"].to_numpy()
                yield Cell(places[is_lying], places[~is_lying])

    def pairs(self) -> int:
        """Return how many pairs were compared."""
        return sum(told_of(self.results, name)["pairs"] for name in self.files())


def _by_block(ids: Ids, blocks: Ids, found: Strip) -> dict[int, tuple[Ids, Strip]]:
    """Return what was found by block. blocks: of the photos with these ids, ascending."""
    numbers, begins = np.unique(blocks, return_index=True)
    ends = [*begins[1:].tolist(), len(ids)]
    return {
        number: (ids, found.part(slice(begin, end)))
        for number, begin, end in zip(numbers.tolist(), begins.tolist(), ends, strict=True)
    }


# --- the sample -----------------------------------------------------------------------------------


def draw_sample(comparison: Comparison, desk: Desk, copies: Ids) -> "SampleStage":
    """Return the stage that compares a sample with all. copies: (m, 2) that were found within cells."""
    name = _SAMPLE.format(digest_of(copies.tobytes().hex()))
    sample = Sample.draw(desk.ids, np.isin(desk.ids, copies))
    cells_place(comparison).create(name, _as_bytes(ids=sample.ids, weights=sample.weights))
    return SampleStage(comparison, name)


@dataclass(frozen=True)
class SampleStage(CopyStage):
    """Compares the photos of a sample with all others; a unit is a block. sample: name of its file."""

    sample: str

    name, folder = "sample", "pairs"

    def units(self) -> Mapping[int, int]:
        """See `Stage`."""
        return {number: block.count for number, block in self.comparison.blocks.items()}

    def file_of(self, number: int) -> str:
        """See `CopyStage`."""
        return f"s-{number:06d}-{digest_of(self.comparison.digest, self.sample)}.parquet"

    def work(self, desk: Desk, number: int) -> int:
        """See `CopyStage`."""
        sample, limits = self._photos(desk), desk.lists.limits
        found = with_all(sample, desk.photos(number), limits, desk.effort)
        write_findings(self.results, self.file_of(number), {0: (sample.ids, found)})
        return 0

    def drawn(self) -> Sample:
        """Return the sample."""
        data = cells_place(self.comparison).read(self.sample)
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return Sample(file["ids"], file["weights"])

    def _photos(self, desk: Desk) -> Photos:
        if self.sample not in desk.samples:
            places = np.searchsorted(desk.ids, self.drawn().ids)
            desk.samples[self.sample] = desk.photos_at(places)
        return desk.samples[self.sample]

    def candidates(self, desk: Desk) -> tuple[Ids, Vectors]:
        """Return the pairs (m, 2) that its photos nominate, compared with all, and their cosines."""
        sample, limits = self._photos(desk), desk.lists.limits
        strips = [AllPairs(sample, limits).found(desk.effort)]
        for number in self.units():
            found = read_findings(self.results, self.file_of(number), 0, sample.ids)
            strips += [found] if found else []
        nominated = desk.lists.candidates(sample.ids, joined(strips, limits.k))
        return nominated.pairs, nominated.cosine

    def found_share(self, copies: Ids, nominated: Ids) -> float:
        """Return about which share of all copies cells find.

        copies: (m, 2) all that are proven. nominated: (m, 2) within cells.
        """
        sample = self.drawn()
        wanted = set(sample.ids.tolist())
        return sample.found_share(_by_photo(copies, wanted), _by_photo(nominated, wanted))


def _by_photo(pairs: Ids, photos: set[int]) -> Mapping[int, set[int]]:
    found = defaultdict[int, set[int]](set)
    for a, b in pairs.tolist():
        for one, other in ((a, b), (b, a)):
            if one in photos:
                found[one].add(other)
    return found


def _as_bytes(**arrays: npt.NDArray[np.generic]) -> bytes:
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    return out.getvalue()
