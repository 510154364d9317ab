"""Exporting embeddings: what numpy reads back, in constant memory, and never over a photo."""

import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import OutputUnwritable, UsageError
from lookalike.library import Library
from lookalike.store import export
from lookalike.store.filters.where import Where
from lookalike.store.store import Store
from lookalike.tests.store.making import (
    DIM,
    PUBLISHED,
    digest_of,
    make_spec,
    make_vector,
    open_filled,
    run_python,
    without_privileges,
)


@pytest.fixture
def library(published: Path) -> Library:
    return Library(Store.open(published))


@pytest.mark.parametrize("block", [1, 7, PUBLISHED, 4096])
def test_numpy_reads_what_was_exported(
    library: Library, tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_BLOCK", block)
    assert library.export_vectors(tmp_path / "v.npz") == PUBLISHED

    with np.load(tmp_path / "v.npz", allow_pickle=False) as data:
        assert set(data.files) == {"ids", "digests", "vectors", "fingerprint"}
        assert data["ids"].tolist() == [photo.id for photo in library.photos()]
        assert data["ids"].dtype == np.int64
        assert data["digests"].tolist() == [digest_of(seed).hex() for seed in range(PUBLISHED)]
        assert data["vectors"].dtype == np.float32
        assert str(data["fingerprint"]) == make_spec().fingerprint
        expected = np.stack([make_vector(seed) for seed in range(PUBLISHED)])
        np.testing.assert_allclose(data["vectors"], expected, rtol=2e-3, atol=1e-2)


def test_without_photos_the_arrays_still_have_their_shape(library: Library, tmp_path: Path) -> None:
    nowhere = Where(since="2999")
    assert library.export_vectors(tmp_path / "v.npz", nowhere) == 0
    with np.load(tmp_path / "v.npz") as data:
        assert data["vectors"].shape == (0, DIM)
        assert data["ids"].shape == data["digests"].shape == (0,)


@pytest.mark.parametrize("name", ["victim.jpg", "noname", "v.npz.jpg"])
def test_a_name_of_another_kind_is_refused_and_the_file_stays(
    library: Library, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"a photo")
    with pytest.raises(UsageError, match=r"\.npz"):
        library.export_vectors(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"a photo"


def test_a_file_that_is_no_export_is_never_replaced(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "v.npz"
    target.write_bytes(b"\xff\xd8\xff a photo with an odd name")
    with pytest.raises(UsageError, match="left unchanged"):
        library.export_vectors(target)
    assert target.read_bytes().startswith(b"\xff\xd8")
    target.unlink()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("letters.txt", "dear")
    with pytest.raises(UsageError, match="left unchanged"):
        library.export_vectors(target)
    target.unlink()
    target.mkdir()
    with pytest.raises(UsageError):
        library.export_vectors(target)


def test_an_older_export_is_replaced_and_a_link_to_it_stays_one(library: Library, tmp_path: Path) -> None:
    library.export_vectors(tmp_path / "v.npz", Where(since="2999"))
    (tmp_path / "link.npz").symlink_to(tmp_path / "v.npz")
    assert library.export_vectors(tmp_path / "link.npz") == PUBLISHED
    assert (tmp_path / "link.npz").is_symlink()
    with np.load(tmp_path / "v.npz") as data:
        assert len(data["ids"]) == PUBLISHED


def test_an_export_that_fails_leaves_the_old_one_and_nothing_else(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    library.export_vectors(folder / "v.npz")
    before = (folder / "v.npz").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputUnwritable, match="No space left"):
        library.export_vectors(folder / "v.npz")
    assert (folder / "v.npz").read_bytes() == before
    assert os.listdir(folder) == ["v.npz"]


def test_a_place_that_cannot_be_written_is_an_error_of_ours(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make it first"):
        library.export_vectors(tmp_path / "away" / "v.npz")
    (tmp_path / "closed").mkdir(mode=0o555)
    with without_privileges(), pytest.raises(OutputUnwritable, match="Permission denied"):
        library.export_vectors(tmp_path / "closed" / "v.npz")


def test_an_export_has_the_mode_of_any_new_file(library: Library, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        library.export_vectors(tmp_path / "v.npz")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "v.npz").stat().st_mode) == 0o644


MEMORY = """
import resource, sys
from lookalike.library import Library
from lookalike.store import export
from lookalike.store.filters.where import Where

export._BLOCK = 256
with Library.open(sys.argv[1]) as library:
    library.export_vectors(sys.argv[2], Where(since="2999"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    library.export_vectors(sys.argv[2])
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_an_export_needs_less_memory_than_the_vectors_it_writes(folder: Path, tmp_path: Path) -> None:
    dim = 2048
    filled = open_filled(folder, spec=make_spec(dim=dim))
    from lookalike.tests.store.making import make_photo, make_result

    for start in range(0, 6000, 500):
        seeds = range(start, start + 500)
        results = [make_result(seed) for seed in seeds]
        photos = [make_photo(seed, vector=make_vector(seed, dim)) for seed in seeds]
        filled.add(
            *(
                type(result)(result.stat, result.digest, photo)
                for result, photo in zip(results, photos, strict=True)
            )
        )
    filled.store.close()

    done = run_python(MEMORY, folder, tmp_path / "v.npz")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "v.npz").stat().st_size > 6000 * dim * 4
    assert int(done.stdout) < 6000 * dim * 4 / 2
