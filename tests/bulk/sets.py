"""Data sets of a few drawn photos, and libraries compared row by row."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookalike.bulk.dataset import DataSet
from lookalike.bulk.embed import EmbedStage
from lookalike.bulk.fold import FoldReport, import_into
from lookalike.bulk.here import Here
from lookalike.bulk.plan import PlanOptions, PlanReport, plan
from lookalike.bulk.results import footers
from lookalike.bulk.run import RunOptions, RunReport, run
from lookalike.indexer.embed.embedder import default_spec
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.store.catalog.contents import digests_of
from lookalike.store.catalog.embeddings import embedded_ids
from lookalike.store.catalog.knn import neighborhoods_of
from lookalike.store.spec import EmbedderSpec
from lookalike.store.store import Store
from lookalike.tests.library import TAKEN
from lookalike.tests.pictures import draw_photo, encode, exif_with, save

# Small inputs embed in a moment.
SPEC: EmbedderSpec = default_spec(input_size=64)
BROKEN = {"broken.jpg", "cut.jpg", "empty.jpg", "pages.jpg"}

_ROWS = {
    "content": "SELECT digest, size, width, height, format, pixel_digest, taken, camera, lens, latitude,"
    " longitude, altitude, warning FROM content",
    "embedding": "SELECT digest, norm, vector FROM embedding JOIN content ON content.id = content_id",
    "file": "SELECT path, rel, dev, ino, file.size, mtime_ns, ctime_ns, digest, state, error, message,"
    " missing_since IS NULL FROM file JOIN root ON root.id = root_id"
    " LEFT JOIN content ON content.id = content_id",
    "local map": "SELECT digest, kind, map_rows, map_columns, cells FROM local_map"
    " JOIN content ON content.id = content_id",
    "holdings": "SELECT digest, version, found FROM holdings JOIN content ON content.id = content_id",
    "crasher": "SELECT digest, code, message, tries FROM crasher",
    "root": "SELECT path, fs_id, marker, unread, scanned_at IS NULL FROM root",
    "model": "SELECT fingerprint, spec, dim FROM model",
}


def draw_library(photos: Path) -> Path:
    """Draw photos with EXIF, copies of one another, four kinds of broken files, and what is passed over."""
    for seed in range(6):
        exif = exif_with({0x0110: "Pinhole 3"}, exif={TAKEN: f"202{seed}:06:1{seed} 12:00:00"})
        save(photos / f"{seed % 2}" / f"photo{seed}.jpg", draw_photo(seed, 96, 72), exif=exif, quality=90)
    save(photos / "clear.png", draw_photo(9, 64, 64).convert("RGBA"))
    for copy in ("0/again.jpg", "1/once more.jpg", "z.jpg"):
        shutil.copy(photos / "0" / "photo0.jpg", photos / copy)
    data = encode(draw_photo(7, 96, 72))
    broken = (b"no picture", data[: len(data) // 3], b"", b"%PDF-1.7 and more")
    for name, each in zip(sorted(BROKEN), broken, strict=True):
        (photos / name).write_bytes(each)
    (photos / "raw.X3F").write_bytes(b"raw")
    (photos / "film.mp4").write_bytes(b"film")
    save(photos / "left out" / "a.jpg", draw_photo(8, 64, 48))
    return photos


def draw_copies(photos: Path) -> Path:
    """Draw four photos, and a smaller copy of each."""
    for seed in range(40, 44):
        picture = draw_photo(seed, 160, 120)
        save(photos / f"{seed}.jpg", picture, quality=92)
        save(photos / f"{seed}-small.jpg", picture.resize((120, 90)), quality=85)
    return photos


OPTIONS = PlanOptions(ScanOptions(exclude=("left out/",)))


def made(folder: Path | str, size: int = 4) -> DataSet:
    """Return an empty data set, with small units."""
    return DataSet.make(str(folder), SPEC, size)


def planned(data: DataSet, *sources: Path, **options: Any) -> PlanReport:
    return plan(data, map(str, sources), replace(OPTIONS, **options))


def done(data: DataSet, workers: int = 1, **options: Any) -> RunReport:
    """Run the units that are left, in this process."""
    return run(
        EmbedStage(data.place.url, workers=workers), Here(0), data.place, options=RunOptions(**options)
    )


def tried_again(data: DataSet) -> RunReport:
    """Read what failed once more."""
    stage = replace(EmbedStage.of_failed(data), workers=1)
    return run(stage, Here(0), data.place)


def imported(data: DataSet, folder: Path) -> FoldReport:
    with Store.open(folder, create=True) as store:
        return import_into(data, store)


def digests(data: DataSet) -> dict[str, str]:
    """Return the digest of the rows of each result, by its name."""
    names = data.units.names()
    return {name: each.rows for name, each in zip(names, footers(data, names), strict=True)}


def rows(folder: Path) -> dict[str, list[Any]]:
    """Return all that a store says of photos, files and folders, whatever the order and ids of its rows."""
    found = {}
    with closing(sqlite3.connect(f"file:{folder}/catalog.db?mode=ro", uri=True)) as catalog:
        for name, question in _ROWS.items():
            found[name] = sorted(catalog.execute(question).fetchall(), key=repr)
    with closing(sqlite3.connect(f"file:{folder}/thumbs.db?mode=ro", uri=True)) as thumbs:
        found["thumbnail"] = sorted(thumbs.execute("SELECT digest, jpeg FROM thumb"))
    with Store.open(folder) as store, store.reading() as view:
        names = {0: b"", **digests_of(view, embedded_ids(view).tolist())}
        near = neighborhoods_of(view, embedded_ids(view))
        found["neighborhood"] = sorted(
            (names[key], names[same], [names[each] for each in others], scores, mutual)
            for key, same, others, scores, mutual in zip(
                *(
                    each.tolist()
                    for each in (near.ids, near.same_as, near.neighbors, near.scores, near.mutual)
                ),
                strict=True,
            )
        )
    return found


def differing(a: Path, b: Path) -> list[str]:
    """Return the names of the kinds of rows in which two stores differ."""
    ours, theirs = rows(a), rows(b)
    return [name for name in ours if ours[name] != theirs[name]]
