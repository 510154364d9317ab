"""A place for files: a folder of this machine, or one in an object store ("s3://bucket/prefix")."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..store.files import discard, replaced
from ..store.records import FileStat


@dataclass(frozen=True)
class Place:
    """A folder on disk."""

    url: str

    @staticmethod
    def of(url: str) -> "Place":
        return Place(os.path.abspath(url))

    def at(self, *names: str) -> "Place":
        return Place("/".join([self.url, *names]))

    @property
    def path(self) -> str | None:
        return self.url

    @property
    def is_local(self) -> bool:
        return True

    def names(self, prefix: str = "") -> list[str]:
        try:
            found = os.listdir(self.url)
        except FileNotFoundError:
            return []
        return sorted(name for name in found if name.startswith(prefix) and not name.endswith(".tmp"))

    def files(self, prefix: str = "") -> Iterator[FileStat]:
        raise NotImplementedError

    def exists(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self.url, name))

    def read(self, name: str) -> bytes:
        with open(os.path.join(self.url, name), "rb") as source:
            return source.read()

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading at any place in it."""
        return open(os.path.join(self.url, name), "rb")

    def write(self, name: str, data: bytes) -> None:
        path = os.path.join(self.url, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with replaced(path) as out:
            out.write(data)

    def create(self, name: str, data: bytes) -> bool:
        if self.exists(name):
            return False
        self.write(name, data)
        return True

    def remove(self, name: str) -> None:
        discard(os.path.join(self.url, name))
