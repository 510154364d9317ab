"""Files that we write for the user take the place of nothing but an older one of their kind."""

import os
import stat
from pathlib import Path

import pytest

from lookalike.errors import OutputUnwritable, StoreUnwritable, UsageError
from lookalike.store.own_files import OwnFile, signed

NOTE = OwnFile("note", signed(b"a note", 100), (".txt", ".note"))


def write(path: Path, text: str = "a note") -> None:
    with NOTE.replaced(str(path)) as out:
        out.write(text.encode())


def test_an_older_one_is_replaced_and_the_link_to_it_stays(tmp_path: Path) -> None:
    write(tmp_path / "n.txt")
    (tmp_path / "link.txt").symlink_to("n.txt")
    write(tmp_path / "link.txt", "a note, again")
    assert (tmp_path / "n.txt").read_text() == "a note, again"
    assert (tmp_path / "link.txt").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link.txt", "n.txt"]


def test_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("my own")
    (tmp_path / "nowhere.txt").symlink_to("gone.txt")
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("mine.txt", "nowhere.txt", "folder.txt", "pipe.txt"):
        with pytest.raises(UsageError, match=r"unchanged|folder"):
            write(tmp_path / name)
    assert (tmp_path / "mine.txt").read_text() == "my own"
    assert sorted(os.listdir(tmp_path)) == ["folder.txt", "mine.txt", "nowhere.txt", "pipe.txt"]


def test_a_name_or_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.txt or \.note, not"):
        NOTE.check(str(tmp_path / "n.jpg"))
    with pytest.raises(UsageError, match="make it first"):
        NOTE.check(str(tmp_path / "no" / "n.txt"))
    NOTE.check(str(tmp_path / "N.TXT"))


def test_what_turns_up_while_one_is_written_is_left_alone(tmp_path: Path) -> None:
    def write_meanwhile() -> None:
        with NOTE.replaced(str(tmp_path / "n.txt")):
            (tmp_path / "n.txt").write_text("my own")

    with pytest.raises(UsageError, match="unchanged"):
        write_meanwhile()
    assert (tmp_path / "n.txt").read_text() == "my own"
    assert os.listdir(tmp_path) == ["n.txt"]


def test_the_link_of_another_user_chooses_no_file(tmp_path: Path) -> None:
    write(tmp_path / "n.txt")
    (tmp_path / "link.txt").symlink_to("n.txt")
    if os.geteuid() != 0:
        pytest.skip("only root gives away")
    os.chown(tmp_path / "link.txt", 12345, 12345, follow_symlinks=False)
    with pytest.raises(UsageError, match="link of another user"):
        write(tmp_path / "link.txt", "a note, again")
    assert (tmp_path / "n.txt").read_text() == "a note"


def test_a_link_that_turns_meanwhile_leads_to_no_other_file(tmp_path: Path) -> None:
    write(tmp_path / "n.txt")
    precious, link = tmp_path / "precious.txt", tmp_path / "link.txt"
    precious.write_text("my own")
    link.symlink_to("n.txt")
    with NOTE.replaced(str(link)) as out:
        link.unlink()
        link.symlink_to(precious)
        out.write(b"a note, again")
    assert precious.read_text() == "my own"
    assert (tmp_path / "n.txt").read_text() == "a note, again"


def test_a_disk_that_fails_is_an_error_of_the_kind(tmp_path: Path) -> None:
    private = OwnFile("backup", NOTE.is_ours, mode=0o600, failure=StoreUnwritable)
    with (
        pytest.raises(StoreUnwritable, match="cannot write the backup"),
        private.replaced(str(tmp_path / "b")),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []
    with pytest.raises(OutputUnwritable), NOTE.replaced(str(tmp_path / "n.txt")):
        raise OSError(28, "No space left on device")
    with private.replaced(str(tmp_path / "b")):
        pass
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
