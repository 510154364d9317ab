"""Where a store lies: network drives are known by the kernel's list of mounts."""

from pathlib import Path

import pytest

from lookalike.errors import StoreUnwritable, UsageError
from lookalike.store import place
from lookalike.store.care.checks import check_surroundings
from lookalike.store.place import mount_of, place_of
from lookalike.store.store import Store

from .making import ask, make_vector, names, open_filled

MOUNTS = """\
22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - ext4 /dev/sda2 rw
31 30 0:41 / /home/me/nas rw - nfs4 server:/export rw
32 31 0:42 / /home/me/nas/local rw master:2 - ext4 /dev/sdb1 rw
33 22 0:43 / /media/with\\040blank rw - cifs //server/share rw
34 22 0:44 / /mnt rw - fuse.sshfs me@host: rw
35 22 0:45 / /twice rw - ext4 /dev/sdc1 rw
36 22 0:46 / /twice rw - 9p host rw
garbage
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/home/me", "ext4"),
        ("/home/me/nas", "nfs4"),
        ("/home/me/nas/store", "nfs4"),
        ("/home/me/nasty", "ext4"),
        ("/home/me/nas/local/store", "ext4"),
        ("/media/with blank/store", "cifs"),
        ("/mnt/a/b", "fuse.sshfs"),
        ("/twice/store", "9p"),
    ],
)
def test_the_longest_mount_point_counts(path: str, kind: str) -> None:
    assert mount_of(path, MOUNTS).kind == kind
    assert place_of(path, MOUNTS).is_network == (kind != "ext4")


def test_without_a_list_of_mounts_nothing_is_said() -> None:
    assert mount_of("/anywhere", "").kind == ""
    assert not place_of("/anywhere", "").is_network


@pytest.fixture
def on_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(place, "read_mounts", lambda: f"1 1 0:1 / {tmp_path.resolve()} rw - nfs4 host rw\n")


def test_a_new_store_on_a_network_drive_is_refused_with_advice(on_network: None, folder: Path) -> None:
    with pytest.raises(StoreUnwritable, match=r"nfs4.*for the store.*`allow_network_store=True`") as caught:
        Store.open(folder, create=True)
    assert caught.value.exit_code == 7
    assert not folder.exists()


def test_whoever_allows_it_gets_a_store_without_shared_memory(
    on_network: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_ALLOW_NETWORK_STORE", "1")
    filled = open_filled(folder, range(5))
    assert not list(folder.glob("*-wal"))
    assert names(ask(filled.store, make_vector(2), 1)) == ["2.jpg"]
    filled.store.publish()
    filled.store.close()


def test_a_store_that_was_moved_to_a_network_drive_opens_with_a_note(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "read_mounts", lambda: f"1 1 0:1 / {tmp_path.resolve()} rw - smb3 host rw\n")
    with Store.open(published, write=True) as store:
        assert names(ask(store, make_vector(2), 1)) == ["2.jpg"]
    assert [each.level for each in check_surroundings(str(published)) if each.what == "place"] == ["note"]


def test_a_folder_that_is_synced_elsewhere_gets_a_note(tmp_path: Path) -> None:
    for name in ("Dropbox", "OneDrive - Personal", "Nextcloud"):
        synced = tmp_path / name / "store"
        open_filled(synced, [1]).store.close()
        (found,) = [each for each in check_surroundings(str(synced)) if each.what == "place"]
        assert found.level == "note"


def test_locks_and_leftovers_are_listed(published: Path) -> None:
    (published / "catalog.db.damaged-20260101-000000").write_bytes(b"old")
    with Store.open(published, write=True) as store, store.indexing():
        (published / "index-1.faiss.77.tmp").touch()
        found = {each.what: each for each in check_surroundings(str(published))}
    assert "indexing: held by process" in found["locks"].message
    assert found["leftovers"].level == "note"
    assert "damaged-2026" in found["kept"].message


def test_a_store_takes_a_folder_of_its_own(tmp_path: Path) -> None:
    photos, empty, left = tmp_path / "photos", tmp_path / "empty", tmp_path / "left"
    for folder in (photos / "2023", empty, left):
        folder.mkdir(parents=True)
    with pytest.raises(UsageError, match=r"photos holds other files, 2023 for one.*an empty one"):
        Store.open(photos, create=True)
    assert [each.name for each in photos.iterdir()] == ["2023"]

    for name in ("thumbs.db", "index.json", "store.lock", "export.csv"):
        (left / name).touch()  # a store that lost its catalog, and what somebody put there
    (empty / ".DS_Store").touch()
    for folder in (empty, left):
        Store.open(folder, create=True).close()
        (folder / "note.txt").touch()
        Store.open(folder, create=True).close()
