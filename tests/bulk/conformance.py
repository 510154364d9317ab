"""What libraries of the same photos answer alike, whatever made them: `index`, units, Ray, a data set."""

from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import ExitCode
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.run import index_folders
from lookalike.store.store import Store
from lookalike.tests.bulk import sets
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save

MORE = 12  # photos beside those of `draw_library` and `draw_copies`
PHOTOS = 7 + MORE + 8
LABEL = "plant"

SEARCHES = {
    "an image": ["more/21.jpg"],
    "without re-ranking": ["more/21.jpg", "--no-rerank", "-k", "50"],
    "with itself": ["more/21.jpg", "--include-self", "--include-copies"],
    "a folder": ["more/21.jpg", "--in", "0"],
    "a condition": ["more/21.jpg", "--where", 'camera ~ "Pinhole" and width > 50'],
    "a time": ["more/21.jpg", "--since", "2022"],
    "together": ["more/21.jpg", "more/22.jpg", "--together", "--minus", "1/photo3.jpg"],
    "several": ["more/21.jpg", "more/22.jpg"],
    "a label": ["more/21.jpg", "--label", LABEL, "--confidence", "0.001"],
    "by label": ["--label", LABEL, "--confidence", "0.001"],
    "a part": ["more/21.jpg", "--box", "10%,20%,50%,50%"],
    "spread": ["more/21.jpg", "--diverse"],
    "of copies one": ["copies/41.jpg", "-k", "50"],
    "a list": ["--in", "more"],
    "more": ["--more", "1,2", "--less", "3"],
}


LISTS: dict[str, list[str]] = {
    "errors": ["errors"],
    "export": ["export", "--sort", "path"],
    "exact copies": ["dupes", "--exact"],
    "copies": ["dupes", "--no-second-look"],
    "explain": ["explain", "0/photo0.jpg", "more/21.jpg"],
    "explain a copy": ["explain", "copies/40.jpg", "copies/40-small.jpg"],
    "labels": ["labels"],
    "missing": ["missing"],
    "decisions": ["decisions"],
}


def draw_all(folder: Path) -> Path:
    """Draw photos for each of these questions."""
    sets.draw_library(folder)
    sets.draw_copies(folder / "copies")
    for seed in range(20, 20 + MORE):
        save(folder / "more" / f"{seed}.jpg", draw_photo(seed, 96, 72), quality=90)
    return folder


def indexed(photos: Path, folder: Path) -> Path:
    """Return the store that `index` makes, its copies proven."""
    with Store.open(folder, create=True) as made:
        index_folders(made, [photos], spec=sets.SPEC, options=IndexOptions(sets.OPTIONS.scan, workers=1))
    assert lookalike("dupes", "--no-second-look", "--store", folder).code == ExitCode.DONE
    return folder


def answer(kind: str, where: Path | str, photos: Path) -> Any:
    """Return what a library answers to a question of `SEARCHES` or `LISTS`."""
    words = ["search", *SEARCHES[kind]] if kind in SEARCHES else LISTS[kind]
    if kind == "more":
        lookalike("search", photos / "more" / "25.jpg", "--store", where)
    words = [str(photos / each) if (photos / each).is_file() else each for each in words]
    done = lookalike(*words, "--store", where, "--format", "json")
    assert done.code == 0, done.err
    return without_ids(done.json)


def vectors(where: Path | str, path: Path) -> dict[str, list[float]]:
    """Return the vectors that a library exports, by the digest of the photo. path: of a file for them."""
    assert lookalike("export", "--vectors", path, "--store", where).code == 0
    with np.load(path) as arrays:
        return dict(zip(arrays["digests"].tolist(), arrays["vectors"].tolist(), strict=True))


def without_ids(told: Any) -> Any:
    """Return what was told without the ids of photos: they follow the order in which photos came."""
    if isinstance(told, list):
        return [without_ids(each) for each in told]
    if isinstance(told, dict):
        return {key: without_ids(value) for key, value in told.items() if key != "id"}
    return told
