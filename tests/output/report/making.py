"""Reviews to write reports of: a real library with awkward names, and as many made-up groups as needed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3
from PIL import Image, ImageDraw

from lookalike import Library
from lookalike.dedup.actions.plan import Origin, plan_of
from lookalike.dedup.copies import FindOptions
from lookalike.dedup.groups.groups import Group, Member
from lookalike.dedup.groups.keeper import KeepRules
from lookalike.output.report.data import Review
from lookalike.output.report.write import write_report
from lookalike.store.catalog.photos import Photo, PhotoFile
from lookalike.store.documents import document
from lookalike.store.store import Store
from lookalike.tests.pictures import draw_photo, encode, save

# With the slash between folder and file, the path holds the end of a script element.
MARKUP = ("x<", "script><img src=x onerror=alert(1)>\"'&amp;.jpg")
NOT_UTF8 = b"caf\xe9\n\x1b[31m.jpg"
STAMP = (380, 30, 600, 110)  # left, top, right, bottom in 640 x 480
CROP = (60, 40, 600, 450)
_DRAWN = 2_000  # groups; no test shows more of them


@dataclass(frozen=True)
class Written:
    """A report beside the plan that the command line would write of the same groups."""

    html: Path
    plan: bytes
    review: Review


def make_library(folder: Path) -> Path:
    """Draw photos with copies of every kind that the page treats in its own way."""
    photos = folder / "photos"
    first = save(photos / "safe" / "first.jpg", draw_photo(1), quality=92)
    save(photos / "cropped.jpg", draw_photo(1).crop(CROP), quality=88)
    save(photos / "small.png", Image.open(first).resize((400, 300)))
    _copy(first, photos.joinpath(*MARKUP))
    odd = Path(os.fsdecode(os.path.join(os.fsencode(photos), NOT_UTF8)))
    _copy(first, odd)
    os.link(odd, photos / "twin.jpg")
    os.link(first, photos / "linked.jpg")
    _copy(first, photos / "safe" / "guarded.jpg")
    save(photos / "second.jpg", draw_photo(2), quality=95)
    save(photos / "stamped.jpg", _stamped(draw_photo(2)), quality=90)
    third = Image.open(save(photos / "third.jpg", draw_photo(3), quality=92))
    save(photos / "third-small.jpg", third.resize((320, 240)), quality=80)
    save(photos / "third-tiny.jpg", third.resize((240, 180)), quality=80)
    return photos


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    shutil.copy2(source, target)


def _stamped(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).rectangle(STAMP, fill=(255, 255, 255))
    for x in range(STAMP[0] + 8, STAMP[2] - 8, 24):
        ImageDraw.Draw(image).rectangle((x, STAMP[1] + 20, x + 12, STAMP[3] - 20), fill=(20, 20, 20))
    return image


def write_library(folder: Path) -> Written:
    """Index the drawn photos, find their copies and write the report."""
    photos = make_library(folder)
    with Library.open(folder / "store", create=True) as library:
        library.index([photos])
        rules = KeepRules(protect=(str(photos / "safe"),), prefer=(str(photos),))
        report = library.copies.find(options=FindOptions(rules))
        similar = library.copies.lookalikes(0.5)
        review = Review(report.groups, library.copies.origin(), similar, rules, report.pairs, report.wrong)
        write_report(folder / "report.html", review, library.store)
    return Written(folder / "report.html", document(plan_of(review.groups, review.origin)), review)


def make_groups(store: Store, count: int) -> list[Group]:
    """Make groups of two or three made-up files; the store has drawn thumbnails of the first _DRAWN."""
    jpegs = [encode(draw_photo(seed, 256, 192), quality=88) for seed in range(24)]
    groups = [_group(number) for number in range(count)]
    store.thumbs.put(
        (bytes.fromhex(photo.digest), jpegs[number % len(jpegs)])
        for number, group in enumerate(groups[:_DRAWN])
        for photo in (group.keeper_photo, group.members[0].photo)
    )
    return groups


def _group(number: int) -> Group:
    kept, small = _photo(3 * number, 4000), _photo(3 * number + 1, 1200)
    members = [
        Member(small, small.files[0], "copy", "smaller (1200x900)", 0.9991, {"natural": True}, why_not="")
    ]
    if number % 2:
        again = _file(3 * number + 2)
        members.append(Member(kept, again, "exact", "same bytes", 1.0, why_not=""))
    return Group(kept, kept.files[0], tuple(members), "most pixels (4000x3000)")


def _photo(number: int, width: int) -> Photo:
    digest = blake3(b"%d" % number).hexdigest()
    return Photo(
        id=number + 1,
        digest=digest,
        size=1_000_000 - number,
        width=width,
        height=width * 3 // 4,
        format="JPEG",
        date="2023-05-01T12:30:00",
        taken=None,
        camera=None,
        lens=None,
        latitude=None,
        longitude=None,
        altitude=None,
        warning=None,
        pixel_digest=digest,
        files=(_file(number),),
    )


def _file(number: int) -> PhotoFile:
    return PhotoFile(
        f"/photos/{number % 40}/IMG_{number:05}.jpg", 2049, 2**60 + number, 1_700_000_000_123_456_789
    )


def write_many(folder: Path, count: int) -> Written:
    """Write a report of so many made-up groups."""
    with Store.open(folder / "store", create=True, write=True) as store:
        origin = Origin("2026-01-02T03:04:05+00:00", store.folder, ("/photos",))
        review = Review(make_groups(store, count), origin)
        write_report(str(folder / "many.html"), review, store)
    return Written(folder / "many.html", document(plan_of(review.groups, origin)), review)
