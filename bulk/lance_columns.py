"""The columns of a data set in Lance: one row a photo, in the order of ids, appended and never changed.

What is appended becomes files at once, named by lists beside the catalog that is being made only; Lance is
told of all of them when the catalog is done. So a writer that is killed leaves the former state.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lance.fragment import FragmentMetadata, write_fragments

from ..errors import StoreCorrupt, StoreError, StoreLocked, StoreUnwritable
from ..store.columns import ColumnRow
from ..store.files import discard, write_atomic

_TAKEN_AT_ONCE = 4096
_LIST = ".json"


class LanceColumns:
    """Columns that are a data set of Lance; see `store.columns.Columns`.

    Raises:
        StoreError: it cannot be read.
    """

    def __init__(self, url: str, data: Any) -> None:
        self.url = url
        self._data = data
        self._rows = int(data.count_rows())

    @classmethod
    def at(cls, url: str, version: int) -> "LanceColumns":
        """Return columns as they were when Lance counted this version. url: of a folder, or its path."""
        with errors_of(url):
            return cls(url, _opened(url, version))

    def __len__(self) -> int:
        return self._rows

    @property
    def version(self) -> int:
        """The version that Lance counts."""
        return int(self._data.version)

    @property
    def size(self) -> int:
        """The size of the files in bytes."""
        sizes = {each["version"]: each["metadata"]["total_files_size"] for each in self._data.versions()}
        return int(sizes[self.version])

    def vectors(self, ids: Sequence[int]) -> list[bytes]:
        """See `Columns`."""
        return self._taken("vector", ids, _bytes_of_vectors)

    def cells(self, ids: Sequence[int]) -> list[bytes]:
        """See `Columns`."""
        return self._taken("cells", ids, pa.ChunkedArray.to_pylist)

    def thumbnails(self, ids: Sequence[int]) -> list[bytes]:
        """See `Columns`."""
        return self._taken("thumbnail", ids, pa.ChunkedArray.to_pylist)

    def thumbnail_totals(self) -> tuple[int, int]:
        """See `Columns`."""
        with errors_of(self.url):
            sizes = self._data.to_table(columns=["thumbnail_size"])["thumbnail_size"].to_numpy()
        return int(np.count_nonzero(sizes)), int(sizes.sum(dtype=np.int64))

    def _taken(self, name: str, ids: Sequence[int], unpacked: Callable[[Any], list[bytes]]) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(ids), _TAKEN_AT_ONCE):
            wanted = np.asarray(ids[start : start + _TAKEN_AT_ONCE], np.int64)
            if wanted.min() < 1 or wanted.max() > self._rows:
                raise StoreCorrupt(f"{self.url} holds {self._rows:,} photos, not those of its catalog")
            with errors_of(self.url):
                table = self._data.take(wanted - 1, columns=["id", name])
            if not np.array_equal(table["id"].to_numpy(), wanted):
                raise StoreCorrupt(f"{self.url} is damaged: it has the rows of other photos")
            found += unpacked(table[name])
        return found

    def append(self, rows: Sequence[ColumnRow]) -> None:  # noqa: ARG002 - as of `Columns`
        """Raise StoreUnwritable: what was published is not written to."""
        raise StoreUnwritable(f"{self.url} was opened for reading only")


class GrowingColumns(LanceColumns):
    """Columns that are appended to; the new rows can be read after `commit`.

    lists: the folder where the files are named that Lance was not told of yet.
    """

    def __init__(self, url: str, data: Any, lists: str) -> None:
        super().__init__(url, data)
        self._lists = lists
        self._waiting = 0

    @classmethod
    def open(cls, url: str, dim: int, former: int, lists: str) -> "GrowingColumns":
        """Return the columns of a data set that is being finished, made if there are none.

        dim: numbers in a vector. former: the version that was published, 0 for none.
        """
        with errors_of(url):
            with contextlib.suppress(OSError):  # they are there
                options = storage_options(url)
                empty = _schema(dim).empty_table()
                lance.write_dataset(empty, url, data_storage_version="stable", storage_options=options)
            # A version that nobody published is of a killed writer, and maybe ours: the lists tell.
            columns = cls(url, _opened(url), lists)
            if columns.version != (former or 1) and not columns._is_ours():
                _opened(url, former or 1).restore()
                columns = cls(url, _opened(url), lists)
        return columns

    def _is_ours(self) -> bool:
        """Tell whether Lance was told last of files that the lists name."""
        last = next((name for name in self._names() if _last_of(name) == self._rows), None)
        if last is None:
            return False
        told = {file.path for each in self._data.get_fragments() for file in each.data_files()}
        named = _fragments(os.path.join(self._lists, last))
        return all(file.path in told for each in named for file in each.files)

    def __len__(self) -> int:
        return self._rows + self._waiting

    def append(self, rows: Sequence[ColumnRow]) -> None:
        """See `Columns`."""
        first, last = len(self) + 1, len(self) + len(rows)
        if [row.id for row in rows] != list(range(first, last + 1)):
            raise StoreCorrupt(
                f"the photos of a data set have the ids 1, 2, 3, ...: {rows[0].id} is not {first}"
            )
        with errors_of(self.url):
            made = write_fragments(
                _table(self._data.schema, rows), self._data, storage_options=storage_options(self.url)
            )
        text = json.dumps([each.to_json() for each in made]).encode()
        path = os.path.join(self._lists, f"{first:012d}-{last:012d}{_LIST}")
        os.makedirs(self._lists, mode=0o700, exist_ok=True)
        write_atomic(path, lambda out: out.write(text))
        self._waiting += len(rows)

    def resume(self, count: int) -> None:
        """Take up what an earlier run appended. count: photos in the catalog; what is beyond is given up.

        Raises:
            StoreCorrupt: files of photos that the catalog has are not named.
        """
        for name in self._names():
            first, last = _first_of(name), _last_of(name)
            if first > count:
                discard(os.path.join(self._lists, name))
            elif first == len(self) + 1:
                self._waiting += last - first + 1
        if len(self) != count:
            raise StoreCorrupt(f"{self.url} has {len(self):,} photos, its catalog {count:,}")

    def commit(self) -> None:
        """Tell Lance of what was appended.

        Raises:
            StoreLocked: another process did so meanwhile.
        """
        if not self._waiting:
            return
        new = [name for name in self._names() if _first_of(name) > self._rows]
        fragments = [each for name in new for each in _fragments(os.path.join(self._lists, name))]
        with errors_of(self.url):
            told = lance.LanceDataset.commit(
                self.url,
                lance.LanceOperation.Append(fragments),
                read_version=self.version,
                storage_options=storage_options(self.url),
            )
            count = told.count_rows()
        if (told.version, count) != (self.version + 1, len(self)):
            raise StoreLocked(
                f"another process is finishing {self.url} as well; let it end, then try again"
            )
        self._data, self._rows, self._waiting = told, count, 0

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._lists) if name.endswith(_LIST))
        return []

    def keep(self, name: str, former: str) -> None:
        """Call the present version by a name, by which it stays; all but this and a former one go."""
        with errors_of(self.url):
            tags = self._data.tags
            for each in tags.list().keys() - {former}:
                tags.delete(each)
            tags.create(name, self.version)
            self._data.cleanup_old_versions(timedelta(0), error_if_tagged_old_versions=False)


def _first_of(name: str) -> int:
    return int(name.partition("-")[0])


def _last_of(name: str) -> int:
    return int(name.removesuffix(_LIST).partition("-")[2])


def _fragments(path: str) -> Iterator[FragmentMetadata]:
    with open(path, "rb") as file:
        yield from (FragmentMetadata.from_json(json.dumps(each)) for each in json.load(file))


def _opened(url: str, version: int | None = None) -> Any:
    return lance.dataset(url, version=version, storage_options=storage_options(url))


@contextlib.contextmanager
def errors_of(url: str) -> Iterator[None]:
    """Turn what Lance raises within the block into errors of ours."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
        said = " ".join(str(error).split())
        raise StoreError(f"cannot read or write {url}: {said[:300]}") from error


def _bytes_of_vectors(column: pa.ChunkedArray) -> list[bytes]:
    flat: npt.NDArray[np.float16] = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return [code.tobytes() for code in flat.reshape(len(column), -1)]


def _table(schema: pa.Schema, rows: Sequence[ColumnRow]) -> pa.Table:
    flat = np.frombuffer(b"".join(row.vector for row in rows), np.float16)
    columns = [
        pa.array([row.id for row in rows], pa.int64()),
        pa.FixedSizeListArray.from_arrays(pa.array(flat), schema.field("vector").type.list_size),
        pa.array([row.cells for row in rows], pa.binary()),
        pa.array([row.thumbnail for row in rows], pa.binary()),
        pa.array([len(row.thumbnail) for row in rows], pa.int32()),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


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
    options: dict[str, str] = {}
    if url.startswith("s3://"):
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            is_plain = endpoint.startswith("http://")
            options |= {"aws_endpoint": endpoint, "allow_http": str(is_plain).lower()}
        if os.environ.get("FSSPEC_S3_ANON", "").lower() == "true":
            options["aws_skip_signature"] = "true"
    return options or None
