"""From photos on disk to groups of proven copies: the real model, the real proof, a real store."""

import os
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from lookalike import Library
from lookalike.dedup.copies import FindOptions
from lookalike.dedup.groups.keeper import KeepRules
from lookalike.tests.dedup.proof import making
from lookalike.tests.pictures import draw_photo, exif_with, save

TAKEN = 0x9003


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(4):
        save(tmp_path / "photos" / f"{seed}.jpg", draw_photo(seed), quality=92)
    return tmp_path / "photos"


def shown(photo: Path) -> Image.Image:
    """Return what a file shows; in a copy of that nobody looks for saves in between for a second."""
    with Image.open(photo) as image:
        return image.convert("RGB")


def grouped(library: Library) -> list[set[str]]:
    groups = library.copies.find().groups
    return [
        {Path(group.keeper.path).name, *(Path(member.file.path).name for member in group.members)}
        for group in groups
    ]


def test_distinct_photos_make_no_group_and_edited_ones_do(photos: Path, tmp_path: Path) -> None:
    picture = shown(photos / "3.jpg")
    for seed in range(4, 8):
        save(photos / f"{seed}.jpg", draw_photo(seed), quality=92)
    save(photos / "cropped.jpg", picture.crop((60, 40, 600, 450)))
    save(photos / "mirrored.png", picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    save(photos / "turned.jpg", picture.rotate(90, expand=True), quality=60)
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos])

        assert grouped(library) == [{"3.jpg", "cropped.jpg", "mirrored.png", "turned.jpg"}]
        (group,) = library.copies.find().groups
        said = {Path(member.file.path).name: member.transform for member in group.members}
    assert "cropped" in said["cropped.jpg"] or Path(group.keeper.path).name == "cropped.jpg"
    assert all(said.values())


def test_only_what_is_new_is_compared_and_proved(photos: Path, tmp_path: Path) -> None:
    from lookalike.dedup.candidates.update import compare_new
    from lookalike.dedup.proof.prove_all import prove_all

    save(photos / "small.jpg", shown(photos / "1.jpg").resize((320, 240)))
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos])
        assert compare_new(library.store) == 5
        assert prove_all(library.store) > 0
        assert (compare_new(library.store), prove_all(library.store)) == (0, 0)
        save(photos / "tiny.jpg", shown(photos / "1.jpg").resize((200, 150)))
        library.index([photos])
        assert compare_new(library.store) == 1
        assert grouped(library) == [{"1.jpg", "small.jpg", "tiny.jpg"}]


def test_photos_taken_at_different_moments_are_a_burst_whatever_they_show(
    photos: Path, tmp_path: Path
) -> None:
    for moment in ("12:00:00", "12:00:01"):
        exif = exif_with(exif={TAKEN: f"2023:05:01 {moment}"})
        save(photos / f"shot{moment[-1]}.jpg", draw_photo(50), exif=exif, quality=80 + int(moment[-1]))
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos])

        assert grouped(library) == []


def test_a_library_opened_for_reading_tells_what_is_known(photos: Path, tmp_path: Path) -> None:
    save(photos / "small.jpg", shown(photos / "1.jpg").resize((320, 240)))
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos])
    with Library.open(tmp_path / "s") as reader:
        assert grouped(reader) == []
    with Library.open(tmp_path / "s", write=True) as writer:
        expected = grouped(writer)
    with Library.open(tmp_path / "s") as reader:
        assert grouped(reader) == expected == [{"1.jpg", "small.jpg"}]


def test_rules_decide_who_is_kept_and_every_member_has_a_proof(photos: Path, tmp_path: Path) -> None:
    save(photos / "album" / "small.jpg", shown(photos / "1.jpg").resize((320, 240)))
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos])
        (by_size,) = library.copies.find().groups
        album = str((photos / "album").resolve())
        (by_folder,) = library.copies.find(options=FindOptions(KeepRules(prefer=(album,)))).groups

    assert Path(by_size.keeper.path).name == "1.jpg"
    assert Path(by_folder.keeper.path).name == "small.jpg"
    assert "smaller" in by_size.members[0].transform
    assert by_folder.members[0].transform == "the original"
    assert by_size.members[0].evidence["verdict"] == "copy"


def test_the_same_pixels_with_other_metadata_are_copies_even_of_a_blank_page(
    photos: Path, tmp_path: Path
) -> None:
    blank = Image.new("RGB", (400, 300), "white")
    save(photos / "blank.jpg", blank)
    save(photos / "described.jpg", blank, exif=exif_with({0x010E: "a blank page"}))
    save(photos / "grey.jpg", Image.new("RGB", (400, 300), "lightgrey"))
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([photos])
        (group,) = library.copies.find().groups

    names = {Path(group.keeper.path).name, *(Path(m.file.path).name for m in group.members)}
    assert names == {"blank.jpg", "described.jpg"}
    assert group.members[0].transform == "same pixels, other metadata"


def test_a_library_indexed_in_another_order_has_the_same_groups_keepers_and_reasons(
    photos: Path, tmp_path: Path
) -> None:
    picture = shown(photos / "3.jpg")
    save(photos / "cropped.jpg", picture.crop((60, 40, 600, 450)))
    save(photos / "small.jpg", picture.resize((320, 240)))
    save(photos / "turned.jpg", picture.rotate(90, expand=True), quality=60)
    save(photos / "described.jpg", draw_photo(3), quality=92, exif=exif_with({0x010E: "the same"}))
    save(photos / "page.png", making.page())
    save(photos / "changed.png", making.page(changed=4))
    files = sorted(photos.iterdir())
    for age, file in enumerate(files):
        os.utime(file, (1_600_000_000 + age % 3, 1_600_000_000 + age % 3))

    def outcome(order: list[Path], store: Path) -> list[object]:
        with Library.open(store, create=True) as library:
            for start in range(0, len(order), 3):
                library.index(order[start : start + 3])
            return [
                (
                    *(group.keeper.path, group.reason),
                    [(m.file.path, m.transform, m.why_not) for m in group.members],
                )
                for group in library.copies.find().groups
            ]

    expected = outcome(files, tmp_path / "a")
    assert len(expected) == 2
    for seed in range(2):
        assert outcome(Random(seed).sample(files, len(files)), tmp_path / f"b{seed}") == expected
