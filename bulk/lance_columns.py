"""The columns of a data set in Lance: one row a photo, in the order of ids, appended and never changed."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import lance
import numpy as np
import pyarrow as pa

from ..errors import StoreCorrupt, StoreError, StoreLocked
from ..store.columns import ColumnRow

_TAKEN_AT_ONCE = 4096


class LanceColumns:
    """Columns that are a data set of Lance; see `store.columns.Columns`.

    Raises:
        StoreError: it cannot be read.
    """

    def __init__(self, url: str, data: Any) -> None:
        self._url = url
        self._data = data
        self._count = int(data.count_rows())

    @classmethod
    def at(cls, url: str, version: int) -> "LanceColumns":
        """Return columns as they were when Lance counted this version. url: of a folder, or its path."""
        with _errors(url):
            return cls(url, lance.dataset(url, version=version, storage_options=storage_options(url)))

    @classmethod
    def to_append_to(cls, url: str, dim: int, count: int) -> "LanceColumns":
        """Return columns with so many rows, made if there are none. dim: numbers in a vector.

        Rows beyond are those of a writer that was killed before the catalog had them, and are given up.

        Raises:
            StoreCorrupt: there never were so many rows and no more.
        """
        options = storage_options(url)
        with _errors(url):
            with contextlib.suppress(OSError):  # they are there
                lance.write_dataset(
                    _schema(dim).empty_table(), url, data_storage_version="stable", storage_options=options
                )
            found: Any = lance.dataset(url, storage_options=options)
            if found.count_rows() != count:
                found = lance.dataset(url, _state(found, url, count), storage_options=options)
                found.restore()
        return cls(url, found)

    def __len__(self) -> int:
        return self._count

    @property
    def version(self) -> int:
        """The version that Lance counts."""
        return int(self._data.version)

    @property
    def size(self) -> int:
        """The size of the files in bytes."""
        sizes = {each["version"]: each["metadata"]["total_files_size"] for each in self._data.versions()}
        return int(sizes[self.version])

    # --- reading --------------------------------------------------------------------------------------

    def vectors(self, ids: Sequence[int]) -> list[bytes]:
        """See `Columns`."""
        return [code.tobytes() for code in self._taken("vector", ids, _matrix)]

    def cells(self, ids: Sequence[int]) -> list[bytes]:
        """See `Columns`."""
        return self._taken("cells", ids, pa.ChunkedArray.to_pylist)

    def thumbnails(self, ids: Sequence[int]) -> list[bytes]:
        """See `Columns`."""
        return self._taken("thumbnail", ids, pa.ChunkedArray.to_pylist)

    def thumbnail_totals(self) -> tuple[int, int]:
        """See `Columns`."""
        with _errors(self._url):
            sizes = self._data.to_table(columns=["thumbnail_size"])["thumbnail_size"].to_numpy()
        return int(np.count_nonzero(sizes)), int(sizes.sum(dtype=np.int64))

    def _taken(self, name: str, ids: Sequence[int], unpacked: Any) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(ids), _TAKEN_AT_ONCE):
            wanted = np.asarray(ids[start : start + _TAKEN_AT_ONCE], np.int64)
            if wanted.min() < 1 or wanted.max() > self._count:
                raise StoreCorrupt(f"{self._url} holds {self._count:,} photos, not those of the catalog")
            with _errors(self._url):
                table = self._data.take(wanted - 1, columns=["id", name])
            if not np.array_equal(table["id"].to_numpy(), wanted):
                raise StoreCorrupt(f"{self._url} is damaged: rows are those of other photos")
            found += unpacked(table[name])
        return found

    # --- writing --------------------------------------------------------------------------------------

    def append(self, rows: Sequence[ColumnRow]) -> None:
        """See `Columns`."""
        if [row.id for row in rows] != list(range(self._count + 1, self._count + len(rows) + 1)):
            raise StoreCorrupt(f"the photos of a data set have the ids 1, 2, 3, ...; not {rows[0].id}")
        with _errors(self._url):
            written = lance.write_dataset(
                self._table(rows), self._data, mode="append", storage_options=storage_options(self._url)
            )
            count = int(written.count_rows())
        if (written.version, count) != (self.version + 1, self._count + len(rows)):
            raise StoreLocked(f"{self._url} is being written to by another process; let it end, then again")
        self._data, self._count = written, count

    def _table(self, rows: Sequence[ColumnRow]) -> pa.Table:
        schema = self._data.schema
        flat = np.frombuffer(b"".join(row.vector for row in rows), np.float16)
        dim = schema.field("vector").type.list_size
        columns = [
            pa.array([row.id for row in rows], pa.int64()),
            pa.FixedSizeListArray.from_arrays(pa.array(flat), dim),
            pa.array([row.cells for row in rows], pa.binary()),
            pa.array([row.thumbnail for row in rows], pa.binary()),
            pa.array([len(row.thumbnail) for row in rows], pa.int32()),
        ]
        return pa.Table.from_arrays(columns, schema=schema)

    def keep(self, name: str, former: str) -> None:
        """Call the present version by a name, by which it stays; all but this and a former one go."""
        with _errors(self._url):
            tags = self._data.tags
            for each in tags.list().keys() - {former}:
                tags.delete(each)
            tags.create(name, self.version)
            self._data.cleanup_old_versions(timedelta(0), error_if_tagged_old_versions=False)


def _state(found: Any, url: str, count: int) -> int:
    """Return the newest version that had so many rows."""
    for each in reversed(found.versions()):
        if int(each["metadata"]["total_rows"]) == count:
            return int(each["version"])
    raise StoreCorrupt(
        f"{url} holds {found.count_rows():,} photos and never held {count:,}, as the catalog does"
    )


@contextlib.contextmanager
def _errors(url: str) -> Iterator[None]:
    """Turn what Lance raises within the block into errors of ours."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
        said = " ".join(str(error).split())
        raise StoreError(f"cannot read or write {url}: {said[:300]}") from error


def _matrix(column: pa.ChunkedArray) -> Any:
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def _schema(dim: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("id", pa.int64(), False),
            pa.field("vector", pa.list_(pa.float16(), dim), False),
            pa.field("cells", pa.binary(), False),
            pa.field("thumbnail", pa.binary(), False),
            pa.field("thumbnail_size", pa.int32(), False),
        ]
    )


def storage_options(url: str) -> dict[str, str] | None:
    """Return what Lance does not take from the environment itself; keys and region it does."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not (url.startswith("s3://") and endpoint):
        return None
    return {"aws_endpoint": endpoint, "allow_http": str(endpoint.startswith("http://")).lower()}
