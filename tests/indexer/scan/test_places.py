"""Places whose pictures are nobody's photos, or another program's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.indexer.scan.places import Ways, check_asked, is_others, nobodys
from lookalike.indexer.scan.walk import DEFAULT, ScanOptions
from lookalike.tests.store.test_full_disk import can_mount

from .test_walk import scanned, touch

HIDDEN = ScanOptions(hidden=True)

TRASHES = [
    *(
        "home/.local/share/Trash/files",
        "drive/.Trash/1000/files",
        "drive/.Trash-1000/files",
        ".Trashes/501",
    ),
    *(
        "nas/#recycle/2019",
        "nas/@Recycle",
        "unraid/.Recycle.Bin",
        "pc/$RECYCLE.BIN/S-1-5-21",
        "xp/RECYCLER",
    ),
    *("Android/.Trash/com.sec.android.gallery3d", "MIUI/Gallery/cloud/.trashBin", "album/.dtrash/files"),
    *("nextcloud/data/me/files_trashbin/files", "synced/.stversions"),
]
THUMBNAILS = [
    *("nas/@eaDir/a.jpg", "nas/.@__thumb", "DCIM/.thumbnails", "home/.cache/thumbnails/large", ".xvpics"),
]
PREVIEWS = [
    "Photos Library.photoslibrary/resources/derivatives/masters/1",
    "Photos Library.photoslibrary/resources/renders/1",
    "iPhoto Library.migratedphotolibrary/Previews/2010",
    "iPhoto Library/Modified/2010",
    "Old.aplibrary/Previews/2012",
    "Catalog Previews.lrdata/A/AB",
    "Catalog Smart Previews.lrdata/originals",
    "Lightroom Library.lrlibrary/0a1b/previews",
    "Wedding.cocatalog/Cache/Thumbnails",
    "session/CaptureOne/Cache/Proxies",
    "nextcloud/data/appdata_ocx1y2/preview/1",
]
ORIGINALS = [
    "Photos Library.photoslibrary/originals/1",
    "Photos Library.photoslibrary/Masters/2015/03",
    "iPhoto Library.photolibrary/Originals/2009",
    "Old.aplibrary/Masters/2012",
    "Lightroom Library.lrlibrary/0a1b/originals/2020",
    "Wedding.cocatalog/Originals/2021",
]
ORDINARY = [
    *(
        "Trash",
        "trash metal/2019",
        "Recycled art",
        "my thumbs",
        "thumbnails",
        ".hidden",
        "originals",
        "Masters",
    ),
    *("#trashy", "@thumbsup", "data/app", ".trash.d", "photoslibrary", "cache", "a.library", ".lookalike"),
]


@pytest.mark.parametrize(
    ("folders", "kind"),
    [
        (TRASHES, "trash"),
        (THUMBNAILS, "thumbnails"),
        (PREVIEWS, "previews"),
        (ORIGINALS, None),
        (ORDINARY, None),
    ],
)
def test_a_path_tells_whether_it_may_hold_a_photo(folders: list[str], kind: str | None) -> None:
    for folder in folders:
        for path in (folder, folder.upper(), f"/mnt/{folder}", f"/mnt/{folder}/caf\udce9.jpg"):
            assert nobodys(path) == kind, path


def test_what_lies_in_libraries_of_other_programs_is_theirs_made_or_not() -> None:
    for folder in (*ORIGINALS, *(each for each in PREVIEWS if "library" in each.lower())):
        assert is_others(f"/Users/me/{folder}/1.jpg"), folder
    for folder in (*TRASHES, *THUMBNAILS, *ORDINARY):
        assert not is_others(f"/Users/me/{folder}/1.jpg"), folder


@pytest.mark.parametrize("options", [DEFAULT, HIDDEN, ScanOptions(hidden=True, all_files=True)])
def test_a_scan_takes_nothing_from_places_of_nobodys_photos(tmp_path: Path, options: ScanOptions) -> None:
    places = [*TRASHES, *THUMBNAILS, *PREVIEWS, ".lookalike-quarantine/run/2019"]
    touch(tmp_path, "a.jpg", *(f"{place}/b.jpg" for place in places))
    touch(
        tmp_path, *(f"DCIM/{name}" for name in (".trashed-1700000000-c.jpg", ".pending-1700000000-d.jpg"))
    )
    touch(tmp_path, "Photos Library.photoslibrary/icon.png", "Photos Library.photoslibrary/database/e.jpg")

    assert scanned(tmp_path, options) == [b"a.jpg"]


def test_a_scan_takes_the_originals_of_other_programs(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{place}/b.jpg" for place in (*ORIGINALS, *PREVIEWS)))

    assert set(scanned(tmp_path)) == {f"{place}/b.jpg".encode() for place in ORIGINALS}
    assert scanned(tmp_path / "Photos Library.photoslibrary") == [
        b"Masters/2015/03/b.jpg",
        b"originals/1/b.jpg",
    ]


def test_a_trash_is_known_by_what_is_in_it_and_an_album_of_that_name_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "data/Trash/files/a.jpg", "data/Trash/info/a.jpg.trashinfo", "album/Trash/b.jpg")

    assert scanned(tmp_path) == [b"album/Trash/b.jpg"]
    with pytest.raises(UsageError, match="trash"):
        check_asked([os.fsencode(tmp_path / "data/Trash/files")])
    assert Ways().nobodys(str(tmp_path / "data/Trash/files/a.jpg")) == "trash"
    check_asked([os.fsencode(tmp_path / "album/Trash")])


def test_links_into_such_a_place_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "out/.Trash-1000/files/a.jpg", "out/X.photoslibrary/originals/1/b.jpg")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "thrown").symlink_to(tmp_path / "out/.Trash-1000/files")
    (tmp_path / "in" / "thrown.jpg").symlink_to(tmp_path / "out/.Trash-1000/files/a.jpg")
    touch(tmp_path, "data/Trash/files/c.jpg", "data/Trash/info/c.jpg.trashinfo")
    (tmp_path / "in" / "by what is in it").symlink_to(tmp_path / "data/Trash/files")
    (tmp_path / "in" / "kept").symlink_to(tmp_path / "out/X.photoslibrary/originals")

    assert scanned(tmp_path / "in", ScanOptions(follow=True)) == [b"kept/1/b.jpg"]


def test_a_scan_of_such_a_place_itself_leaves_out_those_inside_of_it_only(tmp_path: Path) -> None:
    touch(
        tmp_path,
        ".Trash-1000/files/a.jpg",
        ".Trash-1000/files/album/b.jpg",
        ".Trash-1000/files/@eaDir/c.jpg",
    )
    assert scanned(tmp_path / ".Trash-1000") == [b"files/a.jpg", b"files/album/b.jpg"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        *((place, "put back what you want to keep") for place in TRASHES[:5]),
        (".lookalike-quarantine/run/2019", "lookalike undo"),
        (THUMBNAILS[0], "thumbnails"),
        (PREVIEWS[0], "index the originals"),
        ("DCIM/.trashed-1700000000-c.jpg", "thrown away"),
    ],
)
def test_such_a_place_is_named_when_it_is_to_be_indexed(place: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        check_asked([b"/mnt/album", os.fsencode(f"/mnt/{place}")])
    assert f"/mnt/{place}" in str(error.value)


BOUND = """
import os, subprocess, sys
from lookalike.errors import UsageError
from lookalike.indexer.scan.places import Ways, check_asked
from lookalike.indexer.scan.walk import Scan

top = os.fsencode(sys.argv[1])

def bind(place, name):
    os.mkdir(os.path.join(top, name))
    subprocess.run(["mount", "--bind", os.path.join(top, place), os.path.join(top, name)], check=True)

bind(b"q/.lookalike-quarantine/run/2019", b"photos/bound")
bind(b"X.photoslibrary", b"photos/lib")
print(sorted(file.rel for file in Scan(os.path.join(top, b"photos"))))
print(Ways().is_others(os.path.join(top, b"photos/lib/originals/b.jpg")))
print([file.rel for file in Scan(os.path.join(top, b"photos/lib"))])
try:
    check_asked([os.path.join(top, b"photos/bound")])
except UsageError as error:
    print("quarantine" in str(error))
"""


@pytest.mark.skipif(not can_mount(), reason="no user namespaces")
def test_a_bind_mount_hides_no_such_place(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.jpg", "q/.lookalike-quarantine/run/2019/c.jpg")
    touch(tmp_path, "X.photoslibrary/originals/b.jpg", "X.photoslibrary/resources/d.jpg")

    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", BOUND, str(tmp_path)],
        capture_output=True,
        text=True,
    )

    assert done.stdout.splitlines() == [
        "[b'a.jpg', b'lib/originals/b.jpg']",
        "True",
        "[b'originals/b.jpg']",
        "True",
    ], done.stderr
