"""The results of units: files that are believed only if they fit what was planned."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ..store.records import FileResult
from .dataset import DataSet, result_name
from .planned import UnitList
from .rows import SCHEMA, to_table
from .tables import as_parquet, damaged, reading, rows_digest, told_in

# Footers are small and far away.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Footer:
    """What a result says of itself.

    fingerprint: of the spec. planned, rows: digests of the list that it was made of, and of its rows.
    n_rows: how many these are. failed: how many files failed, by code. began, ended: in seconds since 1970.
    """

    unit: int
    fingerprint: str
    planned: str
    rows: str
    n_rows: int
    failed: Mapping[str, int]
    began: float
    ended: float


def write_result(data: DataSet, footer: Footer, table: pa.Table, again: int) -> None:
    """Write the result of a unit, whole or not at all. again: see `dataset.result_name`."""
    data.units.write(result_name(footer.unit, again), as_parquet([table], SCHEMA, asdict(footer)))


def footer_of(
    data: DataSet, number: int, planned: str, results: Sequence[FileResult], when: tuple[float, float]
) -> tuple[Footer, pa.Table]:
    """Return what to write of a unit. planned: digest of its list. when: it began and ended."""
    table = to_table(results)
    failed: dict[str, int] = {}
    for each in results:
        if each.failure:
            failed[each.failure.code] = failed.get(each.failure.code, 0) + 1
    spec = data.spec.fingerprint
    return Footer(number, spec, planned, rows_digest(table), len(results), failed, *when), table


def footers(data: DataSet, names: Iterable[str]) -> list[Footer]:
    """Return what results say of themselves.

    Raises:
        StoreCorrupt: one is damaged.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda name: _footer(data, name), names))


def _footer(data: DataSet, name: str) -> Footer:
    with reading(data.units, name) as file:
        try:
            return Footer(**told_in(file))
        except TypeError as error:
            raise damaged(data.units, name, "its footer lacks something") from error


def failures(data: DataSet) -> dict[int, dict[bytes, str]]:
    """Return the codes of the files that failed, in their last try, by unit and path."""
    # Each try is at all that failed before it: the last result has what still does.
    last = {number: names[-1] for number, names in data.results().items()}
    found = {}
    for footer, (number, name) in zip(footers(data, last.values()), last.items(), strict=True):
        if footer.failed:
            with reading(data.units, name) as file:
                table = failed_rows(file.read(["rel", "error"]))
            found[number] = dict(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return found


def failed_rows(table: pa.Table) -> pa.Table:
    """Return the rows of files that failed."""
    return table.filter(pc.is_valid(table.column("error")))


def read_unit(data: DataSet, planned: UnitList, names: Sequence[str]) -> pa.Table:
    """Return the rows of a unit, in the order of its list, as its last tries found them.

    names: of its results.

    Raises:
        StoreCorrupt: a result is damaged, or is of another list or model.
    """
    table, of_list = None, planned.digest
    for name in names:
        found = read_result(data, name, of_list)
        table = found if table is None else _replaced(table, found)
        of_list = again_digest(found)
    if table is None or table.num_rows != len(planned.files):
        raise damaged(data.units, names[0], "it has not the rows that were planned")
    return table


def read_result(data: DataSet, name: str, planned: str) -> pa.Table:
    """Return the rows of one result. planned: digest of the list that it must be of.

    Raises:
        StoreCorrupt: it is damaged, or is of another list or model.
    """
    footer = _footer(data, name)
    if (footer.fingerprint, footer.planned) != (data.spec.fingerprint, planned):
        raise damaged(data.units, name, "it was made of another list of files or by another model")
    with reading(data.units, name) as file:
        table = file.read()
    if rows_digest(table) != footer.rows:
        raise damaged(data.units, name, "its rows differ from their digest")
    return table


def again_digest(table: pa.Table) -> str:
    """Return the digest of the list for another try at what failed in a result."""
    return rows_digest(failed_rows(table), ["rel", "error", "message"])


def _replaced(table: pa.Table, later: pa.Table) -> pa.Table:
    """Return rows with those of failed files replaced by what a later try found."""
    places = iter(range(table.num_rows, table.num_rows + later.num_rows))
    is_failed = pc.is_valid(table.column("error")).to_pylist()
    order = [next(places) if failed else place for place, failed in enumerate(is_failed)]
    return pa.concat_tables([table, later]).take(pa.array(order, pa.int64()))
