"""Pictures that need not be in the library."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike import Library
from lookalike.errors import DecodeError
from lookalike.indexer.decode.photo import Opened
from lookalike.indexer.outside import OutsideReader, Source
from lookalike.indexer.sandbox.decoders import OPENED_AT_HOME, Opener
from lookalike.store.records import MAX_ID, photo_id_in
from lookalike.tests.pictures import draw_photo, encode, save


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("photos")
    save(folder / "known.jpg", draw_photo(1, 64, 48))
    with Library.open(tmp_path_factory.mktemp("store"), create=True) as library:
        library.index([folder])
        yield library


@pytest.fixture
def reader(library: Library) -> Iterator[OutsideReader]:
    with Opener(1, at_home=OPENED_AT_HOME) as open_photo:
        yield OutsideReader(library.store.reading, library.embedder, open_photo)


def test_what_the_library_holds_is_neither_decoded_nor_embedded(library: Library) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("not needed")

    (photo,) = library.photos()
    source = Source.from_file(photo.path)
    reader = OutsideReader(library.store.reading, fail, fail)  # type: ignore[arg-type]

    assert np.array_equal(reader.vector(source), library.features([photo.id])[photo.id])


def test_any_other_picture_is_embedded_as_an_index_run_does(
    library: Library, reader: OutsideReader, tmp_path: Path
) -> None:
    (photo,) = library.photos()
    known = reader.opened(Source.from_file(photo.path))
    # The library keeps 16 bits of each number.
    assert np.allclose(
        reader.embed(known.pixels), library.features([photo.id])[photo.id], rtol=2e-3, atol=2e-3
    )

    other = Source.from_bytes(encode(draw_photo(2, 64, 48)))
    assert isinstance(reader.read(other, lambda *_: None), Opened)
    assert reader.vector(other).shape == (1280,)


def test_a_file_is_known_again_by_its_digest(tmp_path: Path) -> None:
    first, second = (str(tmp_path / name) for name in ("1.jpg", "2.jpg"))
    save(Path(second), draw_photo(3, 64, 48))
    digest = Source.from_file(second).digest

    found = Source.with_digest(digest, [first, second])
    assert found is not None
    assert found.data == Path(second).read_bytes()
    save(Path(second), draw_photo(4, 64, 48))
    assert Source.with_digest(digest, [first, second]) is None


@pytest.mark.parametrize(
    ("path", "code"), [("away.jpg", "not_found"), ("a\0b", "not_found"), ("/", "read_error")]
)
def test_a_file_that_cannot_be_read_says_why(path: str, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        Source.from_file(path)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "photo_id"),
    [
        ("id:1", 1),
        ("id:0042", 42),
        (f"id:{10**18 - 1}", 10**18 - 1),
        (f"id:{1 << 63}", MAX_ID),
        (f"id:{'9' * 5000}", MAX_ID),
        ("id:", None),
        ("id:-1", None),
        ("id:1.5", None),
        ("id:\u0661", None),
        ("1", None),
        ("./id:1", None),
    ],
)
def test_a_photo_is_named_by_its_id_in_one_way(name: str, photo_id: int | None) -> None:
    assert photo_id_in(name) == photo_id
