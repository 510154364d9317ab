"""What doctor finds: every kind of damage that we can make."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import StoreCorrupt
from lookalike.store.care.checks import Finding, check_sqlite, check_store
from lookalike.store.catalog.embeddings import raw_vectors
from lookalike.store.index import snapshot
from lookalike.store.index.exact import VectorIndex
from lookalike.store.store import Store

from .making import DIM, ask, digest_of, make_vector, open_filled


def findings(folder: Path) -> dict[str, Finding]:
    with Store.open(folder) as store:
        return {finding.what: finding for finding in check_store(store)}


def broken(folder: Path) -> set[str]:
    return {what for what, finding in findings(folder).items() if finding.level == "broken"}


def execute(folder: Path, statement: str, *values: object) -> None:
    """Change the catalog behind the store's back."""
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection, connection:
        connection.execute(statement, values)


def test_a_whole_store_has_no_findings(published: Path) -> None:
    found = findings(published)
    of_the_catalog = ["catalog", "references", "embeddings", "neighborhoods", "epochs"]
    of_files = ["index", "thumbnails", "folder"]
    assert list(found) == [*of_the_catalog, "vectors", "maps", "labels", *of_files]
    assert {finding.level for finding in found.values()} == {"ok"}
    assert found["vectors"].message.startswith("120 ")


def test_an_empty_store_is_whole(tmp_path: Path) -> None:
    Store.open(tmp_path / "store", create=True).close()
    assert broken(tmp_path / "store") == set()


def test_a_missing_or_damaged_snapshot_is_only_a_note(published: Path) -> None:
    (file,) = published.glob("index-*.faiss")
    file.write_bytes(file.read_bytes()[:-1])
    assert findings(published)["index"].level == "note"
    (published / "index.json").write_bytes(b"{")
    assert "delete index.json" in findings(published)["index"].message
    (published / "index.json").unlink()
    with Store.open(published) as store:
        for deep in (True, False):  # as after a kill in the first run: there is nothing to delete
            (finding,) = (each for each in check_store(store, deep=deep) if each.what == "index")
            assert (finding.level, "no index snapshot yet" in finding.message) == ("note", True)


def test_an_older_snapshot_is_whole(published: Path) -> None:
    open_filled(published, range(200, 230)).store.close()
    assert findings(published)["index"].level == "ok"


def short(folder: Path) -> None:
    execute(folder, "UPDATE embedding SET vector = x'0000' WHERE id = 5")


def shifted(folder: Path) -> None:
    """Two wrong lengths that add up to two right ones."""
    execute(folder, "UPDATE embedding SET vector = zeroblob(62) WHERE id = 5")
    execute(folder, "UPDATE embedding SET vector = zeroblob(66) WHERE id = 6")


def not_a_number(folder: Path) -> None:
    vector = np.full(DIM, np.nan, np.float16).tobytes()
    execute(folder, "UPDATE embedding SET vector = ? WHERE id = 5", vector)


def infinite(folder: Path) -> None:
    vector = np.full(DIM, np.inf, np.float16).tobytes()
    execute(folder, "UPDATE embedding SET vector = ? WHERE id = 5", vector)


def zero(folder: Path) -> None:
    execute(folder, "UPDATE embedding SET vector = zeroblob(64) WHERE id = 5")


def exchanged(folder: Path) -> None:
    """A vector that is whole, and another photo's."""
    execute(
        folder, "UPDATE embedding SET vector = (SELECT vector FROM embedding WHERE id = 6) WHERE id = 5"
    )


@pytest.mark.parametrize("harm", [short, shifted, not_a_number, infinite, zero, exchanged])
def test_a_damaged_vector_is_found(published: Path, harm: Callable[[Path], None]) -> None:
    harm(published)
    assert "vectors" in broken(published)


@pytest.mark.parametrize("harm", [short, shifted, exchanged])
def test_a_vector_that_is_not_what_was_stored_is_an_error_of_ours_in_a_search(
    published: Path, harm: Callable[[Path], None]
) -> None:
    harm(published)
    (published / "index.json").unlink()
    with Store.open(published) as store:
        with pytest.raises(StoreCorrupt, match="photo 5"):
            ask(store, make_vector(1), 3)
        with pytest.raises(StoreCorrupt, match="photo 5"), store.reading() as view:
            raw_vectors(view, [5])


def test_a_photo_without_its_embedding_is_found(published: Path) -> None:
    execute(published, "DELETE FROM embedding WHERE id = 5")
    assert "embeddings" in broken(published)


def test_a_present_file_without_content_is_found(published: Path) -> None:
    execute(published, "UPDATE file SET content_id = NULL WHERE id = 5")
    assert "embeddings" in broken(published)


def test_a_file_of_a_content_that_is_not_there_is_found(published: Path) -> None:
    execute(published, "UPDATE file SET content_id = 4711 WHERE id = 5")
    assert "references" in broken(published)


def test_a_snapshot_that_differs_from_the_catalog_is_found(published: Path) -> None:
    manifest = snapshot.read_manifest(str(published))
    assert manifest is not None
    ids, codes = whole_index(published)
    codes[7] = codes[8]
    changed = VectorIndex(DIM)
    changed.add(ids, codes)
    snapshot.publish(str(published), manifest.stamp, changed)
    assert broken(published) == {"index"}


def whole_index(
    folder: Path,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], "np.typing.NDArray[np.float16]"]:
    with Store.open(folder) as store, store.reading() as view:
        index = view.index()
        assert isinstance(index, VectorIndex)
        return index.ids().copy(), index.codes().copy()


def test_a_damaged_record_of_the_model_is_an_error_of_ours(published: Path) -> None:
    for text in ("{", "[]", "{}", "7"):
        execute(published, "UPDATE model SET spec = ?", text)
        with Store.open(published) as store, pytest.raises(StoreCorrupt, match="model"):
            ask(store, make_vector(1), 3)
        assert "store" in broken(published)


def test_a_value_that_cannot_be_is_an_error_of_ours(published: Path) -> None:
    execute(published, "UPDATE epoch SET nonce = 'a text'")
    with Store.open(published) as store, pytest.raises(StoreCorrupt, match="cannot be"):
        ask(store, make_vector(1), 3)


def test_the_error_of_whoever_reads_stays_what_it_is(published: Path) -> None:
    with Store.open(published) as store, pytest.raises(ValueError, match="of mine"), store.reading():
        raise ValueError("of mine")


def test_a_page_that_is_overwritten_is_found(published: Path) -> None:
    catalog = published / "catalog.db"
    data = bytearray(catalog.read_bytes())
    data[8192 : 2 * 8192] = b"\xa5" * 8192
    catalog.write_bytes(data)
    with contextlib.suppress(StoreCorrupt):
        assert broken(published) != set()


def test_a_folder_that_others_can_write_into_is_noted(published: Path) -> None:
    published.chmod(0o755)
    assert findings(published)["folder"].level == "ok"
    for mode in (0o777, 0o770, 0o702):
        published.chmod(mode)
        assert findings(published)["folder"].level == "note"


def test_lost_and_damaged_thumbnails_are_noted(published: Path) -> None:
    with contextlib.closing(sqlite3.connect(published / "thumbs.db")) as thumbs, thumbs:
        thumbs.execute("DELETE FROM thumb WHERE digest = ?", (digest_of(7),))
    assert findings(published)["thumbnails"].level == "note"
    assert findings(published)["thumbnails"].message.startswith("1 ")
    (published / "thumbs.db").write_bytes(b"garbage" * 1000)
    assert "damaged" in findings(published)["thumbnails"].message
    (published / "thumbs.db").unlink()
    assert findings(published)["thumbnails"].message.startswith("120 ")


def test_a_photo_whose_files_are_gone_needs_no_thumbnail(published: Path) -> None:
    filled = open_filled(published)
    filled.lose(b"7.jpg")
    filled.store.close()
    with contextlib.closing(sqlite3.connect(published / "thumbs.db")) as thumbs, thumbs:
        thumbs.execute("DELETE FROM thumb WHERE digest = ?", (digest_of(7),))
    assert findings(published)["thumbnails"].level == "ok"


def test_sqlite_is_told_with_its_version() -> None:
    assert sqlite3.sqlite_version in check_sqlite().message
