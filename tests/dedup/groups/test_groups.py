"""Groups: a chain of likenesses joins nothing, and no order of things changes the outcome."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lookalike.dedup.groups.groups import Pair, exact_group, star_groups
from lookalike.store.catalog.photos import Photo, PhotoFile

Edges = dict[tuple[int, int], float]


def make_file(path: str, *, ino: int, mtime: int = 0, dev: int = 1) -> PhotoFile:
    return PhotoFile(path, dev, ino, mtime)


def make_photo(*files: PhotoFile, size: int = 100) -> Photo:
    return Photo(
        id=1,
        digest="00" * 32,
        size=size,
        width=4,
        height=3,
        format="JPEG",
        date="2020-01-01T00:00:00",
        taken=None,
        camera=None,
        lens=None,
        latitude=None,
        longitude=None,
        altitude=None,
        warning=None,
        pixel_digest="",
        files=files,
    )


# Exact copies


def test_the_keeper_was_there_first() -> None:
    young, old = make_file("/a", ino=1, mtime=2), make_file("/z/long/path", ino=2, mtime=1)
    group = exact_group(make_photo(young, old))
    assert group is not None
    assert group.keeper == old
    assert [member.file for member in group.members] == [young]


def test_of_files_equally_old_the_shortest_path_then_the_alphabet_decides() -> None:
    files = [make_file(path, ino=n) for n, path in enumerate(["/b/1.jpg", "/a/1 (copy).jpg", "/a/1.jpg"])]
    group = exact_group(make_photo(*files))
    assert group is not None
    assert group.keeper.path == "/a/1.jpg"
    assert [member.file.path for member in group.members] == ["/b/1.jpg", "/a/1 (copy).jpg"]


def test_copies_waste_their_bytes_and_hard_links_none() -> None:
    files = [make_file(f"/{n}", ino=ino, mtime=n) for n, ino in enumerate([1, 1, 2, 2, 3])]
    group = exact_group(make_photo(*files, size=1000))
    assert group is not None
    assert group.wasted_bytes == 2000
    relations = [(member.kind, member.transform, member.score) for member in group.members]
    link, copy = ("exact", "hard link", 1.0), ("exact", "same bytes", 1.0)
    assert relations == [link, copy, link, copy]


def test_hard_links_alone_make_no_group() -> None:
    assert exact_group(make_photo(make_file("/a", ino=1), make_file("/b", ino=1))) is None
    assert exact_group(make_photo(make_file("/a", ino=1))) is None


def test_one_inode_number_on_two_drives_is_two_files() -> None:
    group = exact_group(make_photo(make_file("/a", ino=1, dev=1), make_file("/b", ino=1, dev=2)))
    assert group is not None
    assert group.wasted_bytes == 100
    assert group.members[0].transform == "same bytes"


files_of_a_photo = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=6
)


@given(files_of_a_photo, st.randoms(use_true_random=False))
def test_the_order_of_files_changes_no_exact_group(kinds: list[tuple[int, int, int]], rng: Random) -> None:
    files = [make_file(f"/{n}", ino=ino, mtime=mtime, dev=dev) for n, (ino, mtime, dev) in enumerate(kinds)]
    shuffled = rng.sample(files, len(files))

    group, other = exact_group(make_photo(*files)), exact_group(make_photo(*shuffled))

    n_inodes = len({(file.dev, file.ino) for file in files})
    assert (group is None) == (other is None) == (n_inodes == 1)
    if group and other:
        listed = [group.keeper, *(member.file for member in group.members)]
        assert listed == [other.keeper, *(member.file for member in other.members)]
        assert sorted(file.path for file in listed) == sorted(file.path for file in files)
        assert group.wasted_bytes == 100 * (n_inodes - 1)


# Look-alikes


def stars(edges: Edges) -> list[tuple[int, list[int]]]:
    groups = star_groups(Pair(a, b, score) for (a, b), score in edges.items())
    return [(group[0].a, [pair.b for pair in group]) for group in groups]


def test_a_chain_joins_nothing_beyond_its_center() -> None:
    assert stars({(1, 2): 0.95, (2, 3): 0.96}) == [(2, [3, 1])]
    assert stars({(1, 2): 0.9, (2, 3): 0.9, (3, 4): 0.9}) == [(2, [1, 3])]


def test_a_photo_like_a_member_but_not_like_the_center_stays_out() -> None:
    a, b, c, d = range(4)
    groups = stars({(a, b): 0.99, (a, d): 0.98, (b, c): 0.97})
    assert groups == [(a, [b, d])]


def test_the_photo_with_most_neighbors_is_the_center_then_scores_then_ids_decide() -> None:
    assert stars({(1, 2): 0.91, (2, 3): 0.91, (8, 9): 0.99}) == [(2, [1, 3]), (8, [9])]
    assert stars({(5, 6): 0.9}) == [(5, [6])]
    assert stars({(1, 2): 0.9, (2, 3): 0.99, (3, 4): 0.99, (4, 1): 0.9}) == [(3, [2, 4])]


def test_nothing_gives_no_groups() -> None:
    assert star_groups([]) == []


def test_a_pair_met_from_both_sides_counts_once_with_its_better_score() -> None:
    both = [Pair(1, 2, 0.9), Pair(1, 2, 0.9001)]
    assert star_groups(both) == star_groups(both[::-1]) == [[Pair(1, 2, 0.9001)]]


def test_what_is_apart_shares_no_star_though_both_match_its_center() -> None:
    pairs = [Pair(1, 2, 0.98), Pair(2, 3, 0.99), Pair(2, 4, 0.97), Pair(1, 5, 0.9)]

    groups = star_groups(pairs, apart=lambda a, b: {a, b} == {1, 3})

    assert [(group[0].a, [pair.b for pair in group]) for group in groups] == [(2, [3, 4]), (1, [5])]


scores = st.integers(900, 999).map(lambda score: score / 1000)
pairs_of_photos = st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda p: p[0] < p[1])
graphs = st.lists(st.builds(lambda p, s: Pair(p[0], p[1], s), pairs_of_photos, scores), max_size=40)


@given(graphs, st.randoms(use_true_random=False))
def test_the_order_of_pairs_changes_no_group(pairs: list[Pair], rng: Random) -> None:
    assert star_groups(pairs) == star_groups(rng.sample(pairs, len(pairs)))


@given(graphs, st.permutations(range(13)), st.sets(pairs_of_photos))
def test_the_numbers_of_photos_change_no_group(
    pairs: list[Pair], numbers: list[int], apart: set[tuple[int, int]]
) -> None:
    def is_apart(a: int, b: int) -> bool:
        return (min(a, b), max(a, b)) in apart

    renamed = [Pair(numbers[pair.a], numbers[pair.b], pair.score) for pair in pairs]
    groups = star_groups(
        renamed,
        rank=numbers.index,
        apart=lambda a, b: is_apart(numbers.index(a), numbers.index(b)),
    )

    back = [[Pair(numbers.index(p.a), numbers.index(p.b), p.score) for p in group] for group in groups]
    assert back == star_groups(pairs, apart=is_apart)
    for group in back:
        members = [pair.b for pair in group]
        assert not any(is_apart(a, b) for a in members for b in members)


@given(graphs)
def test_every_member_has_its_own_edge_to_the_center_and_one_group_at_most(pairs: list[Pair]) -> None:
    edges = {(pair.a, pair.b) for pair in pairs}
    groups = star_groups(pairs)
    for group in groups:
        assert group == sorted(group, key=lambda pair: (-pair.score, pair.b))
        assert len({pair.a for pair in group}) == 1
        assert all((min(p.a, p.b), max(p.a, p.b)) in edges for p in group)
    photos = [photo for group in groups for photo in (group[0].a, *(pair.b for pair in group))]
    assert len(photos) == len(set(photos))
    # Whoever was left out has no neighbor that was left out, too.
    left = {photo for edge in edges for photo in edge} - set(photos)
    assert not any(a in left and b in left for a, b in edges)
