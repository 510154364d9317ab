"""Object stores: what S3 and others that fsspec reads are asked, and what their errors mean."""

import contextlib
import errno
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, BinaryIO, TypeVar, cast

import fsspec
from blake3 import blake3
from fsspec.asyn import sync

from ..errors import DecodeError, LookalikeError, RootOffline, UsageError
from ..indexer.decode.read import room_for
from ..store.files import temporary_beside
from ..store.records import MAX_ID, FileStat
from .extras import PACKAGES
from .place import Place

# A store that is busy, or a network that is away, is asked again for so many seconds.
PATIENCE_S = 60.0
_LONGEST_WAIT_S = 10.0
# One who waits for an answer has less patience, and is not made to wait for the next thousand files.
BRIEFLY_S = 5.0
_silent_since: dict[str, float] = {}
_PAGE = 1000  # files for each request of a list: the most that S3 gives

_S3 = ("s3", "s3a")
_BUSY = (errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO), errno.ENETUNREACH, errno.EHOSTUNREACH)
# By name: those of botocore, aiohttp and urllib3, of which none need be there.
_PASSING = {
    "ConnectionError",
    "HTTPClientError",
    "ClientConnectionError",
    "ClientPayloadError",
    "IncompleteRead",
    "ResponseParserError",
    "TimeoutError",
}
_NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "DefaultCredentialsError",
}
# What S3 says of a single file; all other refusals are of all files.
_ONE_FILE = {
    "AccessDenied": ("no_permission", "cannot read the file: no permission"),
    "InvalidObjectState": (
        "read_error",
        "cannot read the file: it is archived; restore it in the store first",
    ),
}
_Answer = TypeVar("_Answer")


def place_of(url: str) -> "ObjectPlace":
    """Return the place of an object store; nothing is asked of it yet.

    Raises:
        UsageError: a package is missing, or nothing reads this kind of URL.
    """
    scheme, _, rest = url.partition("://")
    if not rest:
        raise UsageError(f"{url} names no bucket: it goes like {scheme}://bucket/folder")
    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError as error:
        raise UsageError(f"nothing reads {scheme}:// ; s3:// works, and what else fsspec knows") from error
    except ImportError as error:
        advice = f"install it with  pip install {PACKAGES}" if scheme in _S3 else str(error)
        raise UsageError(f"{url} needs a package that is missing: {advice}") from error
    return S3Place(url) if scheme in _S3 else ObjectPlace(url)


def read_original(path: bytes, rel: bytes, is_patient: bool) -> tuple[bytes, FileStat]:
    """Return what `indexer.decode.read.read_file` does, of a photo in an object store.

    Raises:
        FileNotFoundError, DecodeError: see there. RootOffline, UsageError: of the whole store, see `Place`.
    """
    scheme, _, rest = os.fsdecode(path).partition("://")
    bucket, _, name = rest.partition("/")
    try:
        data, found = place_of(f"{scheme}://{bucket}").original(name, is_patient)
    except UsageError as error:
        why = _ONE_FILE.get(_code_of(error.__cause__)) if error.__cause__ else None
        if why is None:
            raise
        raise DecodeError(*why) from error
    if len(data) != found.size:
        raise DecodeError("unstable", "the file changed while it was read; index again when it is at rest")
    return data, replace(found, rel=rel)


class ObjectPlace(Place):
    """A folder in any object store that fsspec reads."""

    def names(self, prefix: str = "") -> list[str]:
        """See `Place`."""
        try:
            found = self._ask("list", lambda: self._fs.ls(self.url, detail=False))
        except FileNotFoundError:
            return []
        names = {each.rstrip("/").rpartition("/")[2] for each in found}
        return sorted(name for name in names if name.startswith(prefix))

    def files(self, prefix: str = "", refuse: Callable[[str], object] | None = None) -> Iterator[FileStat]:
        """See `Place`."""
        found = self._ask("list", lambda: self._fs.find(self.url, detail=True))
        top = len(self._fs._strip_protocol(self.url)) + 1
        stats = {name[top:]: info for name, info in found.items()}
        for name in sorted(stats, key=os.fsencode):
            if name.startswith(prefix) and _can_be_path(name, refuse):
                yield self._stat(name, stats[name])

    def exists(self, name: str) -> bool:
        """See `Place`."""
        try:
            return bool(
                self._ask("look for", lambda: self._fs.info(self._at(name)), name)["type"] == "file"
            )
        except FileNotFoundError:
            return False

    def read(self, name: str) -> bytes:
        """See `Place`."""
        return self._ask("read", lambda: bytes(self._fs.cat_file(self._at(name))), name)

    def open(self, name: str) -> BinaryIO:
        """See `Place`."""
        return self._ask("read", lambda: cast("BinaryIO", self._fs.open(self._at(name), "rb")), name)

    def original(self, name: str, is_patient: bool) -> tuple[bytes, FileStat]:
        """Return what a photo holds, and the stat of the file as it was then. is_patient: see `read_file`.

        Raises:
            DecodeError: see `room_for`.
        """

        def attempt() -> tuple[bytes, FileStat]:
            before = self._stat(name, self._fs.info(self._at(name)))
            with room_for(before.size):
                data = bytes(self._fs.cat_file(self._at(name)))
            after = self._stat(name, self._fs.info(self._at(name)))
            return data if before == after else b"", after

        return self._ask("read", attempt, name, is_patient)

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        self._ask("write", lambda: self._fs.pipe_file(self._at(name), data), name)

    def create(self, name: str, data: bytes) -> bool:
        """See `Place`; stores that know no conditions (If-None-Match) let the last of several win."""
        tries = 0

        def attempt() -> bool:
            nonlocal tries
            tries += 1
            try:
                self._fs.pipe_file(self._at(name), data, mode="create")
            except FileExistsError:
                # An answer may have been lost: then it was this that made it.
                return tries > 1 and self.read(name) == data
            return True

        return self._ask("write", attempt, name)

    def remove(self, name: str) -> None:
        """See `Place`."""
        with contextlib.suppress(FileNotFoundError):
            self._ask("remove", lambda: self._fs.rm_file(self._at(name)), name)

    def fetch(self, name: str, to_path: str) -> None:
        """See `Place`."""
        os.makedirs(os.path.dirname(to_path) or ".", exist_ok=True)
        with temporary_beside(to_path) as made:
            self._ask("read", lambda: self._fs.get_file(self._at(name), made), name)
            os.replace(made, to_path)

    def put_file(self, from_path: str, name: str) -> None:
        """See `Place`."""
        self._ask("write", lambda: self._fs.put_file(from_path, self._at(name)), name)

    @property
    def _fs(self) -> Any:
        """The file system of fsspec, which keeps one for each process: none outlives a fork."""
        return fsspec.filesystem(self.url.partition("://")[0], use_listings_cache=False)

    def _stat(self, name: str, info: dict[str, Any]) -> FileStat:
        return stat_of(os.fsencode(name), self._at(name), info)

    def _at(self, name: str) -> str:
        return f"{self.url}/{name}"

    def _ask(
        self, verb: str, question: Callable[[], _Answer], name: str = "", is_patient: bool = True
    ) -> _Answer:
        """Return the answer of the store, asked again while it is busy or away."""
        task = f"{verb} {self._at(name) if name else self.url}"
        if is_patient:
            return asked(question, task)
        silent = _silent_since.get(self.url)
        if silent is not None and time.monotonic() - silent < PATIENCE_S:
            raise RootOffline(f"cannot {task}: the store did not answer a moment ago")
        try:
            return asked(question, task, BRIEFLY_S)
        except RootOffline:
            _silent_since[self.url] = time.monotonic()
            raise


class S3Place(ObjectPlace):
    """A folder in a bucket of S3, or of a store that speaks like it."""

    @property
    def _fs(self) -> Any:
        # botocore would ask again on its own, too: each of our tries would be five.
        options = {"use_listings_cache": False, "config_kwargs": {"retries": {"max_attempts": 0}}}
        return fsspec.filesystem("s3", **options)

    @property
    def bucket(self) -> str:
        """The bucket."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def _top(self) -> str:
        """What the keys of all files below begin with: "" or "folder/"."""
        key = self.url.partition("://")[2].partition("/")[2]
        return key and key + "/"

    def names(self, prefix: str = "") -> list[str]:
        """See `Place`."""
        found = set[str]()
        for page in self._pages(prefix, Delimiter="/"):
            found.update(each["Prefix"].rstrip("/") for each in page.get("CommonPrefixes", ()))
            found.update(each["Key"] for each in page.get("Contents", ()))
        return sorted(key[len(self._top) :] for key in found if key != self._top)

    def files(self, prefix: str = "", refuse: Callable[[str], object] | None = None) -> Iterator[FileStat]:
        """See `Place`; page by page, and S3 sorts by itself."""
        for page in self._pages(prefix):
            for each in page.get("Contents", ()):
                name = each["Key"][len(self._top) :]
                if _can_be_path(name, refuse):
                    yield self._stat(name, {**each, "size": each["Size"]})

    def original(self, name: str, is_patient: bool) -> tuple[bytes, FileStat]:
        """See `ObjectPlace`; one request."""

        def attempt() -> tuple[bytes, FileStat]:
            store = self._fs
            found = store.call_s3("get_object", Bucket=self.bucket, Key=self._top + name)
            try:
                with room_for(found["ContentLength"]):
                    data = sync(store.loop, found["Body"].read)
            finally:
                store.loop.call_soon_threadsafe(found["Body"].close)
            return data, self._stat(name, {**found, "size": found["ContentLength"]})

        return self._ask("read", attempt, name, is_patient)

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        asking = {"Bucket": self.bucket, "Prefix": self._top + prefix, "MaxKeys": _PAGE, **options}
        while True:
            page = self._ask("list", lambda: self._fs.call_s3("list_objects_v2", **asking))
            yield page
            if not page.get("IsTruncated"):
                return
            asking["ContinuationToken"] = page["NextContinuationToken"]


def _can_be_path(name: str, refuse: Callable[[str], object] | None) -> bool:
    """Tell whether a key can be joined to a root; markers of folders are no files at all."""
    if not name or name.endswith("/"):
        return False
    is_path = not name.startswith("/") and "\0" not in name
    if not is_path and refuse is not None:
        refuse(name)
    return is_path


def stat_of(rel: bytes, url: str, info: dict[str, Any]) -> FileStat:
    """Return what an object store says of a file as a file system would.

    Equal stats mean that nothing was put there since: ino is a hash of URL and etag, 63 bits, so that no
    two files look like links to one; both times are that of the last change, in whole seconds, as some
    answers of a store know no more; dev is 0.
    """
    changed = next((info[key] for key in ("LastModified", "mtime", "updated", "created") if key in info), 0)
    if isinstance(changed, str):
        changed = datetime.fromisoformat(changed)
    seconds = int(changed.timestamp() if isinstance(changed, datetime) else changed or 0)
    etag = next((info[key] for key in ("ETag", "etag", "md5Hash") if info.get(key)), "")
    ns = seconds * 1_000_000_000
    told = f"{url}\0{str(etag).strip(chr(34))}".encode(errors="surrogateescape")
    return FileStat(rel, int(info["size"]), ns, ns, 0, int.from_bytes(blake3(told).digest(8)) & MAX_ID)


def asked(question: Callable[[], _Answer], task: str, patience: float | None = None) -> _Answer:
    """Return the answer of an object store, asked again while it is busy or away.

    task: what is done, for messages: "read s3://bucket/a.jpg". patience: in seconds, None: `PATIENCE_S`.

    Raises:
        FileNotFoundError: there is no such file.
        UsageError: no credentials, no such bucket, no permission.
        RootOffline: it does not answer.
    """
    patience = PATIENCE_S if patience is None else patience
    end, wait = time.monotonic() + patience, 0.1
    while True:
        try:
            return question()
        except LookalikeError:
            raise
        except Exception as error:
            if not _is_passing(error) or time.monotonic() + wait > end:
                raise _plain(error, task, patience) from error
        # Machines that were all turned away at once come back one by one.
        time.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(wait * 2, _LONGEST_WAIT_S)


def _is_passing(error: BaseException) -> bool:
    names = {each.__name__ for each in type(error).__mro__}
    return bool(names & _PASSING) or (isinstance(error, OSError) and error.errno in _BUSY)


def _code_of(error: BaseException) -> str:
    """Return the word of S3 for what went wrong, "" without one."""
    response = getattr(error.__cause__ or error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _plain(error: Exception, task: str, patience: float) -> Exception:
    """Return an error in plain words; FileNotFoundError of a file stays one."""
    name, code = type(error).__name__, _code_of(error)
    if code == "NoSuchBucket":
        return UsageError(f"cannot {task}: there is no such bucket")
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), task.partition(" ")[2])
    if name in _NO_CREDENTIALS:
        return UsageError(
            f"cannot {task}: no credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY (FSSPEC_S3_ANON=true for a bucket that is open to all)"
        )
    if isinstance(error, PermissionError):
        return UsageError(f"cannot {task}: no permission ({error})")
    if type(error).__module__ == "builtins" and not isinstance(error, (OSError, ValueError)):
        return error  # a mistake in here is none of the store's
    if _is_passing(error):
        return RootOffline(f"cannot {task}: the store did not answer for {patience:.0f} s ({error})")
    return UsageError(f"cannot {task}: {error or name}")
