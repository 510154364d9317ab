"""Places: the same promises on disk and in a bucket, and plain words where they cannot be kept."""

import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from lookalike.bulk import objects
from lookalike.bulk.place import Place, list_files
from lookalike.errors import RootOffline, StoreUnwritable, UsageError
from lookalike.tests.bulk.conftest import Bucket

ALL = ("disk", "s3", "memory")


@pytest.fixture(params=ALL)
def place(request: pytest.FixtureRequest, tmp_path: Path, s3: Bucket) -> Place:
    """An empty place of each kind."""
    urls = {"disk": str(tmp_path), "s3": f"{s3.url}/{tmp_path.name}", "memory": f"memory://{tmp_path.name}"}
    return Place.of(urls[request.param]).at("set")


def test_a_file_is_read_as_it_was_written_last(place: Place) -> None:
    place.write("units/a.parquet", b"first")
    place.write("units/a.parquet", b"second")

    assert place.read("units/a.parquet") == place.at("units").read("a.parquet") == b"second"
    assert place.exists("units/a.parquet")
    assert not place.exists("units")
    assert not place.exists("b")


def test_the_names_directly_below_are_sorted_and_may_be_chosen_by_how_they_begin(place: Place) -> None:
    assert place.names() == []
    for name in ("u-2", "u-1", "x", "deep/y"):
        place.write(name, b"-")

    assert place.names() == ["deep", "u-1", "u-2", "x"]
    assert place.names("u-") == ["u-1", "u-2"]


def test_a_file_is_created_once(place: Place) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: place.create("plan/0", b"%d" % n), range(4)))

    assert sum(made) == 1
    assert place.read("plan/0") == b"%d" % made.index(True)
    assert place.names() == ["plan"]
    assert place.at("plan").names() == ["0"]


def test_removing_twice_is_no_harm(place: Place) -> None:
    place.write("a", b"-")
    place.remove("a")
    place.remove("a")

    assert place.names() == []


def test_files_are_fetched_and_put(place: Place, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "new" / "there"
    here.write_bytes(b"index" * 1000)

    place.put_file(str(here), "store/part-0")
    place.fetch("store/part-0", str(there))

    assert there.read_bytes() == here.read_bytes()
    assert os.listdir(there.parent) == ["there"]


@pytest.mark.parametrize("name", ["gone", "far/gone"])
def test_what_is_not_there_is_a_file_not_found(place: Place, name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place.read(name)
    with pytest.raises(FileNotFoundError):
        place.fetch(name, str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()


def test_all_files_are_listed_in_the_order_of_their_bytes(place: Place) -> None:
    names = ["B.jpg", "a-b.jpg", "a.jpg", "a/b/c #1%.jpg", "a/ä.jpg", "z.jpg"]
    for name in reversed(names):
        place.write(name, name.encode())

    found = list(list_files(place))

    assert [os.fsdecode(each.rel) for each in found] == names
    assert [each.size for each in found] == [len(name.encode()) for name in names]
    assert [each.rel for each in list_files(place, "a/")] == [os.fsencode(each) for each in names[3:5]]


def test_a_place_may_be_sent_to_another_process(place: Place) -> None:
    place.write("a", b"1")

    again = pickle.loads(pickle.dumps(place))

    assert again == place
    assert again.read("a") == b"1"


def test_what_does_not_fit_a_page_is_listed_page_by_page(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_PAGE", 3)
    names = [f"{n}" for n in range(8)]
    for name in names:
        s3.put(f"many/{name}", b"")
    place = Place.of(s3.url).at("many")

    assert place.names() == [os.fsdecode(each.rel) for each in list_files(place)] == names


def test_markers_of_folders_are_no_files_and_keys_that_are_no_paths_are_told(s3: Bucket) -> None:
    for key in ("odd/", "odd/2019/", "odd//lost.jpg", "odd/2019/a.jpg"):
        s3.put(key, b"" if key.endswith("/") else b"-")
    refused: list[str] = []

    found = list(list_files(Place.of(s3.url + "/odd/"), refuse=refused.append))

    assert [each.rel for each in found] == [b"2019/a.jpg"]
    assert refused == ["/lost.jpg"]


def test_an_object_that_was_put_again_has_another_stat(s3: Bucket) -> None:
    place = Place.of(s3.url).at("stat")
    place.write("a", b"one")
    first, again = list(list_files(place)), list(list_files(place))
    place.write("a", b"two")

    assert first == again != list(list_files(place))


def test_a_local_place_loads_nothing_of_object_stores(tmp_path: Path) -> None:
    code = (
        "import sys; from lookalike.bulk.place import Place; p = Place.of(sys.argv[1]); p.write('a', b'-');"
        "print({'fsspec', 's3fs', 'aiohttp'} & set(sys.modules), p.is_local, p.path == sys.argv[1])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path)], capture_output=True, text=True)

    assert done.stdout.split() == ["set()", "True", "True"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense://x/y", "nothing reads nonsense://"),
        ("s3://", "names no bucket"),
        ("gs://bucket/x", "gcsfs"),
    ],
)
def test_a_url_that_nothing_reads_says_why(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Place.of(url)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.delitem(sys.modules, "lookalike.bulk.objects")

    with pytest.raises(UsageError, match="pip install fsspec pyarrow pylance s3fs"):
        Place.of("s3://bucket/x")


def test_no_bucket_is_said_whatever_is_asked(s3: Bucket) -> None:
    place = Place.of("s3://there-is-no-such-bucket/set")
    for ask in (
        place.names,
        lambda: list(list_files(place)),
        lambda: place.read("a"),
        lambda: place.write("a", b"-"),
        lambda: place.create("a", b"-"),
        lambda: place.exists("a"),
    ):
        with pytest.raises(UsageError, match="no such bucket"):
            ask()


def test_no_credentials_are_said(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(UsageError, match="no credentials; set AWS_PROFILE"):
            Place.of(s3.url).names()
    finally:
        S3FileSystem.clear_instance_cache()


def test_an_endpoint_that_is_away_is_asked_again_and_then_said(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(objects, "PATIENCE_S", 0.4)
    S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(RootOffline, match=r"cannot read s3://.*did not answer"):
            Place.of(s3.url).read("a")
    finally:
        S3FileSystem.clear_instance_cache()


@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnwritable, match="cannot use"):
        Place.of(str(tmp_path)).write("a", b"-")


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place.of(str(tmp_path))
    place.write("a", b"old")

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnwritable, match="No space left"):
        place.write("a", b"new")
    with pytest.raises(StoreUnwritable, match="No space left"):
        place.create("b", b"new")

    assert os.listdir(tmp_path) == ["a"]
    assert place.read("a") == b"old"


def test_a_folder_without_links_still_creates_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(1, os.strerror(1))

    monkeypatch.setattr(os, "link", no_links)
    place = Place.of(str(tmp_path))

    assert [place.create("a", b"1"), place.create("a", b"2")] == [True, False]
    assert place.read("a") == b"1"
    assert os.listdir(tmp_path) == ["a"]


class Refusing(BaseHTTPRequestHandler):
    """Answers each PUT with the next of its answers."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, str]]

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, code = self.answers.pop(0)
        body = f"<Error><Code>{code}</Code><Message>told</Message></Error>".encode() if code else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(503, "SlowDown"), (500, "InternalError"), (200, "")], None),
        ([(403, "AccessDenied")], "no permission"),
        ([(403, "SignatureDoesNotMatch")], "no permission"),
        ([(400, "KeyTooLongError")], "told"),
    ],
)
def test_what_passes_is_tried_again_and_what_does_not_is_said_at_once(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, answers: list[tuple[int, str]], said: str | None
) -> None:
    handler = type("Handler", (Refusing,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    S3FileSystem.clear_instance_cache()
    try:
        if said is None:
            Place.of("s3://bucket").write("a", b"-")
        else:
            with pytest.raises(UsageError, match=said):
                Place.of("s3://bucket").write("a", b"-")
    finally:
        S3FileSystem.clear_instance_cache()
        server.shutdown()
        server.server_close()
    assert answers == []
