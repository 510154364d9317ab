"""Photos in a bucket, from the plan to the answers: no file system is asked, and none is touched."""

import pytest
from moto.moto_server.werkzeug_app import MotoRequestHandler
from s3fs import S3FileSystem

from lookalike.bulk import objects
from lookalike.bulk.place import Place
from lookalike.errors import DecodeError, RootOffline
from lookalike.indexer.decode import read
from lookalike.indexer.decode.read import read_file
from lookalike.tests.bulk.conftest import Bucket


def test_a_photo_in_a_bucket_is_read_with_the_stat_that_its_listing_has(s3: Bucket) -> None:
    key = "seam/2019/München 100% #1?.jpg"
    s3.put(key, b"bytes of a photo")

    data, stat = read_file(f"{s3.url}/{key}".encode(), b"2019/x.jpg")

    (listed,) = Place.of(s3.url).files("seam/2019/")
    assert data == b"bytes of a photo"
    assert stat.rel == b"2019/x.jpg"
    assert (stat.size, stat.mtime_ns, stat.ctime_ns, stat.ino, stat.dev) == (
        *(listed.size, listed.mtime_ns, listed.ctime_ns, listed.ino, listed.dev),
    )


def test_one_request_reads_a_photo(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("seam/one.jpg", b"-" * 1000)
    asked: list[str] = []
    monkeypatch.setattr(
        MotoRequestHandler, "log_request", lambda self, *_: asked.append(self.requestline), raising=False
    )

    read_file(f"{s3.url}/seam/one.jpg".encode(), b"")

    assert [line.split()[0] for line in asked] == ["GET"]


@pytest.mark.parametrize(
    ("size", "code"), [(0, "empty"), (1001, "too_large")], ids=["empty", "larger than the limit"]
)
def test_what_is_too_large_or_empty_is_not_read(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, size: int, code: str
) -> None:
    monkeypatch.setattr(read, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr(objects, "sync", None)  # what would read the body
    s3.put("seam/size.jpg", b"-" * size)

    with pytest.raises(DecodeError) as failed:
        read_file(f"{s3.url}/seam/size.jpg".encode(), b"")

    assert failed.value.code == code


def test_a_photo_that_is_gone_is_a_file_not_found(s3: Bucket) -> None:
    with pytest.raises(FileNotFoundError):
        read_file(f"{s3.url}/seam/gone.jpg".encode(), b"")


def test_a_store_that_is_away_says_nothing_of_a_photo_and_is_not_waited_for_twice(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(objects, "BRIEFLY_S", 0.2)
    monkeypatch.setattr(objects, "PATIENCE_S", 0.5)
    monkeypatch.setattr(objects, "_silent_since", {})
    S3FileSystem.clear_instance_cache()
    path = f"{s3.url}/seam/one.jpg".encode()
    try:
        with pytest.raises(DecodeError, match="did not answer for 0 s") as failed:
            read_file(path, b"")
        with pytest.raises(DecodeError, match="did not answer a moment ago"):
            read_file(path, b"")
        with pytest.raises(RootOffline, match="did not answer for 0 s"):
            read_file(path, b"", is_patient=True)
    finally:
        S3FileSystem.clear_instance_cache()
    assert failed.value.code == "unreachable"
