"""The folders of a library: one inside another never lists a file twice."""

from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.photos import photos_of
from lookalike.store.records import Root

from .making import Filled, make_result


def paths(filled: Filled) -> list[str]:
    with filled.store.reading() as view:
        return sorted(file.path for photo in photos_of(view) for file in photo.files)


def root_paths(filled: Filled) -> list[bytes]:
    with filled.store.reading() as view:
        return [root.path for root in all_roots(view)]


def fill_root(filled: Filled, path: bytes, *rels: bytes, first: int = 0) -> Root:
    root, below = filled.store.add_root(path)
    assert below == b""
    filled.store.commit(root, [make_result(first + n, rel) for n, rel in enumerate(rels)])
    return root


def test_the_same_folder_is_one_root(filled: Filled) -> None:
    assert filled.store.add_root(b"/photos") == (filled.root, b"")
    assert root_paths(filled) == [b"/photos"]


def test_a_folder_inside_a_root_belongs_to_it(filled: Filled) -> None:
    assert filled.store.add_root(b"/photos/2023/may") == (filled.root, b"2023/may")
    assert root_paths(filled) == [b"/photos"]


def test_a_folder_that_only_begins_alike_is_a_root_of_its_own(filled: Filled) -> None:
    root, below = filled.store.add_root(b"/photos2")
    assert (root.path, below) == (b"/photos2", b"")
    assert root_paths(filled) == [b"/photos", b"/photos2"]


def test_a_folder_around_roots_takes_them_over_without_duplicates(filled: Filled) -> None:
    fill_root(filled, b"/media/a", b"1.jpg", b"x/2.jpg")
    fill_root(filled, b"/media/b\xe9", b"1.jpg", first=10)
    fill_root(filled, b"/media2", b"1.jpg", first=20)
    before = paths(filled)

    outer, below = filled.store.add_root(b"/media")

    assert below == b""
    assert root_paths(filled) == [b"/media", b"/media2", b"/photos"]
    assert paths(filled) == before
    with filled.store.reading() as view:
        known = known_files(view, outer, b"")
        assert sorted(known) == [b"a/1.jpg", b"a/x/2.jpg", b"b\xe9/1.jpg"]
        assert sorted(known_files(view, outer, b"a")) == [b"a/1.jpg", b"a/x/2.jpg"]
        assert sorted(known_files(view, outer, b"a/x")) == [b"a/x/2.jpg"]


def test_files_that_were_taken_over_are_updated_not_doubled(filled: Filled) -> None:
    fill_root(filled, b"/media/a", b"1.jpg")
    outer, _ = filled.store.add_root(b"/media")
    filled.store.commit(outer, [make_result(0, b"a/1.jpg")])
    assert paths(filled) == ["/media/a/1.jpg"]


def test_the_root_of_the_file_system_takes_over_all(filled: Filled) -> None:
    filled.fill([1])
    fill_root(filled, b"/media/a", b"x/2.jpg", first=2)
    everything, below = filled.store.add_root(b"/")
    assert (root_paths(filled), below) == ([b"/"], b"")
    assert paths(filled) == ["/media/a/x/2.jpg", "/photos/1.jpg"]
    assert filled.store.add_root(b"/photos") == (everything, b"photos")


def test_a_root_that_was_taken_over_never_gives_its_number_to_another(filled: Filled) -> None:
    inner = fill_root(filled, b"/media/a", b"1.jpg")
    outer, _ = filled.store.add_root(b"/media")
    other, _ = filled.store.add_root(b"/elsewhere")
    assert len({filled.root.id, inner.id, outer.id, other.id}) == 4
