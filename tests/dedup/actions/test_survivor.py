"""Whether two files are one: by times as coarse as file systems keep them, by inodes on one disk."""

import os
from pathlib import Path

import pytest

from lookalike.dedup.actions.survivor import Survivors, _agree
from lookalike.errors import Refusal

AT = 1_700_000_001_123_456_789  # ns


@pytest.mark.parametrize(
    ("other", "is_one"),
    [
        (AT, True),
        (AT + 1, False),
        (AT // 100 * 100, True),  # SMB
        (AT // 1_000_000_000 * 1_000_000_000, True),  # SFTP
        (AT // 2_000_000_000 * 2_000_000_000, True),  # FAT
        (AT // 100 * 100 + 100, True),  # rounded up
        (AT // 100 * 100 + 400, False),
        (AT // 1_000_000_000 * 1_000_000_000 + 2_000_000_000, False),
    ],
)
def test_times_agree_as_far_as_the_coarser_file_system_counts(other: int, is_one: bool) -> None:
    assert _agree(AT, other) == _agree(other, AT) == is_one


def test_on_one_disk_the_inode_tells_whatever_the_times(tmp_path: Path) -> None:
    a, b, link = (tmp_path / name for name in ("a.jpg", "b.jpg", "link.jpg"))
    for path in (a, b):
        path.write_bytes(b"same")
        os.utime(path, ns=(AT, AT))
    link.hardlink_to(a)
    survivors = Survivors()
    survivors.check(str(a), str(b), same_bytes=True)
    survivors.check_moved(str(a), str(b), same_bytes=True)
    with pytest.raises(Refusal) as refusal:
        survivors.check(str(a), str(link), same_bytes=True)
    assert refusal.value.code == "same_file"


def test_what_is_set_aside_stays_for_nothing(tmp_path: Path) -> None:
    a, b = tmp_path / "a.jpg", tmp_path / "b.jpg"
    for path in (a, b):
        path.write_bytes(b"same")
    found = b.stat()
    with pytest.raises(Refusal) as refusal:
        Survivors({(found.st_dev, found.st_ino)}).check(str(a), str(b), same_bytes=True)
    assert refusal.value.code == "nobodys"
