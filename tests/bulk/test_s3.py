"""Photos in a bucket, from the plan to the answers: no file system is asked, and none is touched."""

import os
import shutil
import signal
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from moto.moto_server.werkzeug_app import MotoRequestHandler
from s3fs import S3FileSystem

from lookalike import Library
from lookalike.bulk import objects
from lookalike.bulk.dataset import DataSet
from lookalike.bulk.place import Place
from lookalike.bulk.plan import plan
from lookalike.bulk.results import footers
from lookalike.errors import DecodeError, RootOffline
from lookalike.indexer.decode import read
from lookalike.indexer.decode.read import read_file
from lookalike.tests.bulk.conftest import Bucket
from lookalike.tests.bulk.sets import (
    OPTIONS,
    SPEC,
    done,
    draw_library,
    imported,
    made,
    planned,
    rows,
)
from lookalike.tests.children import run_child
from lookalike.tests.library import Run, lookalike
from lookalike.tests.web.conftest import client_of
from lookalike.web.guard import Pass
from lookalike.web.served import Served


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


@dataclass(frozen=True)
class Museum:
    """Photos in a bucket, the data set that was made of them there, and the library of that."""

    bucket: Bucket
    photos: Path
    data: DataSet
    store: Path

    @property
    def url(self) -> str:
        return f"{self.bucket.url}/photos"

    def run(self, *words: str | Path, code: int = 0, **more: Any) -> Run:
        done = lookalike(*words, "--store", self.store, **more)
        assert done.code == code, done.err
        return done


@pytest.fixture(scope="module")
def museum(s3: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Museum:
    folder = tmp_path_factory.mktemp("museum")
    photos = draw_library(folder / "photos")
    s3.put_folder(photos, "photos")
    data = DataSet.make(f"{s3.url}/set", SPEC, 4)
    plan(data, [f"{s3.url}/photos"], OPTIONS)
    done(data)
    imported(data, folder / "store")
    return Museum(s3, photos, data, folder / "store")


def test_a_library_of_a_bucket_is_that_of_the_same_files_in_a_folder(
    museum: Museum, tmp_path: Path
) -> None:
    data = made(tmp_path / "set")
    planned(data, museum.photos)
    done(data)
    imported(data, tmp_path / "store")

    ours, theirs = rows(museum.store), rows(tmp_path / "store")

    files = {
        name: [(row[1], row[4], *row[7:]) for row in each["file"]]
        for name, each in (("s", ours), ("f", theirs))
    }
    assert sorted(files["s"], key=repr) == sorted(files["f"], key=repr)
    assert {row[0] for row in ours["file"]} == {museum.url.encode()}
    for name in ("content", "embedding", "local map", "holdings", "thumbnail", "neighborhood", "model"):
        assert ours[name] == theirs[name]


def test_planning_again_finds_what_is_new_changed_and_gone(museum: Museum, s3: Bucket) -> None:
    data = DataSet.make(f"{s3.url}/again", SPEC, 4)
    for name in ("a", "b", "c"):
        s3.put(f"again-photos/{name}.jpg", (museum.photos / "0" / "photo0.jpg").read_bytes())
    plan(data, [f"{s3.url}/again-photos/"], OPTIONS)
    s3.put("again-photos/a.jpg", (museum.photos / "1" / "photo1.jpg").read_bytes())
    s3.put("again-photos/new.jpg", b"-")
    s3.remove("again-photos/c.jpg")

    report = plan(data, [f"{s3.url}/again-photos"], OPTIONS)

    assert (report.new, report.changed, report.unchanged, report.absent) == (1, 1, 1, 1)


def test_after_the_death_of_a_run_the_next_one_does_the_rest_and_nothing_twice(
    museum: Museum, s3: Bucket, tmp_path: Path
) -> None:
    data = DataSet.make(f"{s3.url}/killed", SPEC, 2)
    plan(data, [f"{museum.url}/0", f"{museum.url}/1"], OPTIONS)
    words = ("bulk", "run", data.place.url, "--workers", "1")
    ended = run_child(KILLED, *words, "--part", "0/2")
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    there = stamps(s3, "killed/units/")

    done = lookalike(*words, "--part", "1/2", "--format", "json")

    assert len(there) == 1
    assert (done.code, done.json["units"], done.json["left"]) == (0, 3, 0), done.err
    assert stamps(s3, "killed/units/").items() >= there.items()
    assert [name for names in data.results().values() for name in names] == data.units.names()
    assert [each.n_rows for each in footers(data, data.units.names())] == [2] * 4
    imported(data, tmp_path / "store")
    assert len(rows(tmp_path / "store")["file"]) == 8


# A run that is killed once a result is written, before it says so to anybody.
KILLED = """
import os, signal, sys
from lookalike import cli
from lookalike.bulk import here
from lookalike.bulk.objects import ObjectPlace

here.Here = lambda real=here.Here: real(0)
write = ObjectPlace.write

def dying(self, name, data):
    write(self, name, data)
    if name.endswith(".parquet"):
        os.kill(os.getpid(), signal.SIGKILL)

ObjectPlace.write = dying
sys.exit(cli.run(sys.argv[1:]))
"""


def stamps(s3: Bucket, prefix: str) -> dict[str, Any]:
    """Return when each object was written, and what of."""
    found = s3.client.list_objects_v2(Bucket=s3.name, Prefix=prefix)["Contents"]
    return {each["Key"]: (each["LastModified"], each["ETag"]) for each in found}


def test_a_store_that_is_away_ends_a_run_and_is_no_error_of_its_photos(
    museum: Museum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(tmp_path / "set")
    plan(data, [f"{museum.url}/0"], OPTIONS)
    with monkeypatch.context() as patch:
        patch.setattr(objects, "PATIENCE_S", 0.1)
        patch.setattr(S3FileSystem, "call_s3", away)
        with pytest.raises(RootOffline, match="did not answer"):
            done(data)

    assert data.units.names() == []
    again = done(data)
    assert (again.rows, again.failed_rows, again.left) == (4, 0, 0)


def away(*_: object, **__: object) -> NoReturn:
    raise ConnectionError("no route")


def test_status_and_doctor_ask_no_store_and_tell_where_the_photos_are(
    museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(S3FileSystem, "_call_s3", away)

    (root,) = museum.run("status", "--format", "json").json["roots"]
    museum.run("doctor")

    assert (root["path"], root["state"], root["missing"]) == (museum.url, "remote", 0)
    assert f"{museum.url} (remote; " in museum.run("status").out.decode()


def test_a_search_names_the_urls_and_takes_them_as_examples(museum: Museum) -> None:
    by_file = museum.run("search", museum.photos / "0" / "photo0.jpg", "-k", "1", "--format", "json").json
    by_url = museum.run(
        "search", f"{museum.url}/0/photo0.jpg", "-k", "1", "--format", "json", "--include-self"
    )
    below = museum.run(
        "search", f"{museum.url}/0/photo0.jpg", "--in", f"{museum.url}/1/", "--format", "paths"
    )

    assert by_file["queries"][0]["results"][0]["path"].startswith(museum.url)
    assert by_url.json["queries"][0]["results"][0]["score"] > 0.999
    assert below.out
    assert all(line.startswith(f"{museum.url}/1/".encode()) for line in below.out.splitlines())


def test_a_folder_of_the_bucket_is_named_from_its_root(museum: Museum) -> None:
    short = museum.run("export", "--in", "1", "--format", "paths").out
    whole = museum.run("export", "--in", f"{museum.url}/1", "--format", "paths").out
    nowhere = museum.run("export", "--in", "s3://elsewhere/1", code=2)

    assert short == whole != b""
    assert f"its folders are: {museum.url}" in nowhere.err


def test_copies_are_found_planned_and_left_to_the_owners_own_tool(museum: Museum, tmp_path: Path) -> None:
    listed = museum.run("dupes", "--plan", tmp_path / "plan.json", "--format", "paths").out.splitlines()
    table = museum.run("dupes").out.decode()
    before = museum.bucket.keys()
    refused = museum.run("apply", tmp_path / "plan.json", "--yes", code=2)

    assert len(listed) == 3
    assert all(line.startswith(museum.url.encode()) for line in listed)
    assert f" in {museum.url}: " in table
    assert "away" not in table
    assert refused.err.count("\n") == 1
    assert "lie in an object store" in refused.err
    assert museum.bucket.keys() == before
    assert museum.run("undo").code == 0


def test_where_the_kept_file_is_in_the_bucket_no_file_in_a_folder_is_moved(
    museum: Museum, tmp_path: Path
) -> None:
    shutil.copytree(museum.store, tmp_path / "store")
    shutil.copytree(museum.photos / "0", tmp_path / "here")
    both = Museum(museum.bucket, museum.photos, museum.data, tmp_path / "store")
    both.run("index", tmp_path / "here", code=0)
    plan_file = tmp_path / "plan.json"
    both.run("dupes", "--prefer", museum.url, "--plan", plan_file)
    chosen = plan_file.read_text().replace('"selected": false', '"selected": true')  # as a person may
    plan_file.write_text(chosen)

    told = both.run("apply", plan_file, "--yes", "--format", "json", code=3).json

    assert {(row["state"], row["code"]) for row in told["files"]} == {("left", "remote")}
    assert any(row["path"].startswith(str(tmp_path)) for row in told["files"])
    assert sorted(os.listdir(tmp_path / "here")) == sorted(os.listdir(museum.photos / "0"))


def test_files_of_the_bucket_are_known_to_check_and_explain(museum: Museum) -> None:
    url = f"{museum.url}/0/photo0.jpg"

    checked = museum.run("check", museum.photos / "0" / "photo0.jpg", "--format", "json", code=10).json
    by_url = museum.run("check", url, "--format", "json", code=10).json
    explained = museum.run("explain", url, f"{museum.url}/z.jpg", "--format", "json").json
    gone = museum.run("explain", url, f"{museum.url}/nothing.jpg", code=3)

    assert checked["files"][0]["matches"][0]["path"].startswith(museum.url)
    assert by_url["files"][0]["in_library"]
    assert explained["class"] == "exact"
    assert "there is no such file" in gone.err


def test_a_bucket_that_is_not_there_is_one_line(s3: Bucket) -> None:
    for words in (
        ("plan", "s3://there-is-no-such-bucket/x", "--to", f"{s3.url}/nothing"),
        ("run", "s3://there-is-no-such-bucket/x"),
        ("status", "s3://there-is-no-such-bucket/x"),
    ):
        refused = lookalike("bulk", *words)

        assert refused.code == 2
        assert refused.err.count("\n") == 1
        assert "s3://there-is-no-such-bucket/x" in refused.err
        assert "there is no such bucket" in refused.err


def test_indexing_a_bucket_says_what_to_do(museum: Museum) -> None:
    done = museum.run("index", museum.url, code=2)

    assert f"`lookalike bulk plan {museum.url} --to DATASET`" in done.err


def test_bit_rot_is_looked_for_in_the_bucket(museum: Museum) -> None:
    with Library.open(museum.store) as library:
        states = Counter(each.state for each in library.folders.reread())

    assert states == {"same": 10}


def test_what_is_gone_from_the_bucket_is_missing_and_can_be_forgotten(
    museum: Museum, tmp_path: Path
) -> None:
    shutil.copytree(museum.store, tmp_path / "store")
    data = DataSet.open(museum.data.place.url)
    here = Museum(museum.bucket, museum.photos, data, tmp_path / "store")
    museum.bucket.remove("photos/z.jpg")
    try:
        plan(data, [museum.url], OPTIONS)
        imported(data, tmp_path / "store")
    finally:
        museum.bucket.put("photos/z.jpg", (museum.photos / "z.jpg").read_bytes())

    missing = here.run("missing", "--format", "paths").out.decode()
    below = here.run("missing", museum.url, "--format", "json").json
    here.run("forget", f"{museum.url}/1", "--yes")

    assert missing == f"{museum.url}/z.jpg\n"
    assert len(below["files"]) == 1
    assert not here.run("export", "--in", museum.url + "/1", "--format", "paths").out


def test_the_page_shows_what_it_can_of_a_photo_in_a_bucket(museum: Museum) -> None:
    entry = Pass(8765)
    with Library.open(museum.store) as library, closing(Served(library)) as served:
        client = client_of(served, entry, {"Authorization": f"Bearer {entry.token}"})
        (folder,) = client.get("/api/roots").json()["folders"]
        photo = next(library.photos())
        original = client.get(f"/api/photos/{photo.id}/original")
        preview = client.get(f"/api/photos/{photo.id}/preview")

    assert (folder["path"], folder["is_there"], folder["state"]) == (museum.url, False, "remote")
    assert original.status_code == 404
    assert f"it lies in an object store, where your own tools open it: {museum.url}" in original.text
    assert preview.headers["content-type"] == "image/jpeg"
