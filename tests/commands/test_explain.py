"""`explain`: why two pictures are copies, or not, in words, in numbers and as a picture."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import Library
from lookalike.errors import DecodeError, UsageError
from lookalike.output.explain.picture import write_comparison
from lookalike.tests.dedup.proof.making import cropped, page, stamped
from lookalike.tests.library import TAKEN, lookalike
from lookalike.tests.pictures import draw_photo, exif_with, save

ORANGE = (255, 120, 0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos").resolve()
    for seed in range(4):
        save(folder / f"{seed}.jpg", draw_photo(seed), quality=92)
    shutil.copy(folder / "0.jpg", folder / "again.jpg")
    os.link(folder / "0.jpg", folder / "link.jpg")
    save(folder / "described.jpg", draw_photo(1), exif=exif_with({0x010E: "described"}), quality=92)
    for moment in ("12:00:00", "12:00:01"):
        exif = exif_with(exif={TAKEN: f"2023:05:01 {moment}"})
        save(folder / f"shot{moment[-1]}.jpg", draw_photo(50), exif=exif, quality=80 + int(moment[-1]))
    return folder


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--store", store).code == 0
    return store


@pytest.fixture
def crop(tmp_path: Path) -> Path:
    return save(tmp_path / "crop.jpg", cropped(0.8)(draw_photo(2)), quality=80)


def test_the_verdict_on_the_same_bytes_is_a_sentence(photos: Path, store: Path) -> None:
    for other, words in (("again.jpg", "the same bytes"), ("link.jpg", "A and B are one file")):
        text = lookalike("explain", photos / "0.jpg", photos / other, "--store", store).out.decode()
        assert f"\nCOPIES: {words}\n\n" in text


def test_a_copy_is_explained_with_the_rule_its_number_and_its_limit(
    photos: Path, store: Path, crop: Path
) -> None:
    run = lookalike("explain", photos / "2.jpg", crop, "--store", store)

    text = run.out.decode()
    assert run.code == 0
    assert "COPIES: B is A cropped to 64 %" in text
    assert "moved by 0." in text
    assert "copies leave at most 0.45 px" in text
    assert "not in the library" in text
    assert "nothing decided" in text
    assert max(map(len, text.splitlines())) < 250


def test_json_has_all_of_it(photos: Path, store: Path, crop: Path) -> None:
    said = lookalike("explain", photos / "2.jpg", crop, "--store", store, "--format", "json").json

    assert (said["schema_version"], said["class"], said["change"]) == (1, "copy", "cropped")
    assert said["probability"] > 0.9
    assert (said["a"]["in_library"], said["b"]["in_library"], said["b"]["id"]) == (True, False, None)
    assert said["candidate"]["is_candidate"]
    assert said["candidate"]["cosine"] > 0.7
    assert said["evidence"]["verdict"] == said["pixels"]["verdict"] == "copy"
    assert all(each["holds"] for each in said["measures"])
    (motion,) = (each for each in said["measures"] if each["number"] == "motion_p75")
    assert motion["value"] <= motion["limit"]
    assert not any(said[name] for name in ("same_file", "same_bytes", "same_pixels", "moments_differ"))


def test_other_pictures_are_no_copies_and_the_first_reason_is_told(photos: Path, store: Path) -> None:
    with Library.open(store) as library:
        found = library.copies.explain(str(photos / "0.jpg"), str(photos / "3.jpg"))

    assert (found.verdict, found.transform, found.change) == ("similar", "", "")
    assert found.reason == found.proof
    assert "could be laid on the other" in found.reason or any(not each.holds for each in found.measures)
    assert found.candidacy.bits > found.candidacy.most_bits
    assert not found.candidacy.by_hash


@pytest.mark.parametrize(
    ("other", "verdict", "reason"),
    [
        ("0.jpg", "exact", "one file"),
        ("link.jpg", "exact", "one file"),
        ("again.jpg", "exact", "same bytes"),
    ],
)
def test_the_same_bytes_need_no_proof(
    other: str, verdict: str, reason: str, photos: Path, store: Path
) -> None:
    with Library.open(store) as library:
        found = library.copies.explain(str(photos / "0.jpg"), str(photos / other))

    assert found.verdict == verdict
    assert reason in found.reason
    assert found.relation.same_file == (reason == "one file")


def test_the_same_pixels_are_said_to_be_that(photos: Path, store: Path) -> None:
    with Library.open(store) as library:
        found = library.copies.explain(str(photos / "1.jpg"), str(photos / "described.jpg"))

    assert (found.verdict, found.change) == ("copy", "metadata")
    assert found.relation.same_pixels
    assert not found.relation.same_bytes


def test_two_shots_are_no_copies_though_the_pixels_say_so(photos: Path, store: Path) -> None:
    with Library.open(store) as library:
        found = library.copies.explain(str(photos / "shot0.jpg"), str(photos / "shot1.jpg"))

    assert found.verdict == "similar"
    assert "two shots" in found.reason
    assert "12:00:01" in found.reason
    assert found.evidence.verdict == "copy"
    assert "lies where it should" in found.proof


def test_what_the_user_said_comes_before_the_pixels(photos: Path, crop: Path, tmp_path: Path) -> None:
    store = tmp_path / "s"
    lookalike("index", photos, "--store", store)
    assert lookalike("reject", photos / "2.jpg", crop, "--store", store).code == 0

    said = lookalike("explain", photos / "2.jpg", crop, "--store", store, "--format", "json").json

    assert (said["class"], said["decision"]) == ("similar", "rejected")
    assert "you rejected" in said["reason"]
    assert said["pixels"]["verdict"] == "copy"


def test_photos_go_by_id_too_also_when_their_file_is_away(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    with Library.open(tmp_path / "s", create=True) as library:
        library.index([tmp_path / "photos"])
        path = str(tmp_path.resolve() / "photos" / "2.jpg")
        number = library.photo(path).id
        (tmp_path / "photos").rename(tmp_path / "unplugged")

        by_id, by_path = (
            library.copies.explain(f"id:{number}", f"id:{number}"),
            library.copies.explain(path, f"id:{number}"),
        )
        write_comparison(by_path, str(tmp_path / "away.png"))

    assert by_id.verdict == by_path.verdict == "exact"
    with Image.open(tmp_path / "away.png") as drawn:
        assert drawn.width > 512


def test_what_cannot_be_read_or_is_not_there_is_an_error_of_one_line(
    photos: Path, store: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with Library.open(store) as library:
        for name in (str(tmp_path / "broken.jpg"), str(tmp_path / "gone.jpg")):
            with pytest.raises(DecodeError, match=name.rpartition("/")[2]):
                library.copies.explain(str(photos / "0.jpg"), name)
        with pytest.raises(UsageError, match="id:99999"):
            library.copies.explain("id:99999", str(photos / "0.jpg"))


# --- the picture


def drawn(store: Path, a: Path, b: Path, target: Path) -> Image.Image:
    run = lookalike("explain", a, b, "--store", store, "--image", target)
    assert run.code == 0, run.err
    with Image.open(target) as picture:
        return picture.convert("RGB")


def orange_share(picture: Image.Image) -> float:
    pixels = np.asarray(picture).astype(int)
    return float((np.abs(pixels - ORANGE).max(axis=2) < 12).mean())


def test_the_picture_boxes_what_differs_and_nothing_where_nothing_does(
    photos: Path, store: Path, tmp_path: Path
) -> None:
    same = save(tmp_path / "same.png", draw_photo(3))
    dated = save(tmp_path / "dated.png", stamped(draw_photo(3)))

    without = drawn(store, same, photos / "3.jpg", tmp_path / "without.png")
    boxed = drawn(store, same, dated, tmp_path / "boxed.png")

    assert orange_share(without) == 0
    # The stamp itself is orange, too, in one panel; the box is in another one, at its lower right.
    lower_right = boxed.crop((boxed.width // 2, boxed.height // 2, boxed.width, boxed.height))
    assert orange_share(lower_right) > 0.001


def test_what_only_one_of_both_shows_is_red_or_cyan(
    photos: Path, store: Path, crop: Path, tmp_path: Path
) -> None:
    def share(picture: Image.Image, channel: int) -> float:
        pixels = np.asarray(picture.crop((0, picture.height // 2, picture.width // 2, picture.height)))
        others = [each for each in range(3) if each != channel] if channel == 0 else [0]
        return float((pixels[..., channel].astype(int) - pixels[..., others].max(axis=2) > 60).mean())

    cut = drawn(store, photos / "2.jpg", crop, tmp_path / "cut.png")
    larger = drawn(store, crop, photos / "2.jpg", tmp_path / "larger.png")

    assert share(cut, 0) > 0.05 > share(larger, 0)
    assert share(larger, 1) > 0.05 > share(cut, 1)


@pytest.mark.parametrize("size", [(1, 1), (40, 900), (900, 40)])
def test_odd_sizes_and_blank_pages_are_drawn(size: tuple[int, int], store: Path, tmp_path: Path) -> None:
    odd = save(tmp_path / "odd.png", draw_photo(9).resize(size))
    blank = save(tmp_path / "blank.png", Image.new("RGB", (300, 200), "white"))
    text = save(tmp_path / "text.png", page())

    for number, (a, b) in enumerate([(odd, odd), (odd, blank), (blank, blank), (text, odd)]):
        assert drawn(store, a, b, tmp_path / f"{number}.png").width >= 512


def test_only_a_picture_of_ours_is_ever_replaced(
    photos: Path, store: Path, crop: Path, tmp_path: Path
) -> None:
    mine = save(tmp_path / "mine.png", draw_photo(1))
    before = mine.read_bytes()
    ours = tmp_path / "ours.png"
    drawn(store, photos / "2.jpg", crop, ours)

    assert drawn(store, photos / "1.jpg", crop, ours).width > 0
    (tmp_path / "folder.png").mkdir()
    for target in (mine, tmp_path / "why.jpg", tmp_path / "folder.png", tmp_path / "no" / "why.png"):
        run = lookalike("explain", photos / "2.jpg", crop, "--store", store, "--image", target)
        assert run.code == 2, target
        assert target.name in run.err or "no folder" in run.err
        assert "Traceback" not in run.err
    assert mine.read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(("other", "code"), [("again.jpg", 10), ("1.jpg", 0)])
def test_scripts_are_told_by_the_exit_code(photos: Path, store: Path, other: str, code: int) -> None:
    call = ("explain", photos / "0.jpg", photos / other, "--store", store)
    assert lookalike(*call, "--status").code == code
    assert lookalike(*call).code == 0
