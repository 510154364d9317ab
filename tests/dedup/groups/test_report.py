"""From proven pairs to groups, as plain data: what is kept apart, and that no order changes anything."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lookalike.dedup.groups.companions import Companion
from lookalike.dedup.groups.groups import Group, Member
from lookalike.dedup.groups.keeper import DEFAULT_RULES
from lookalike.dedup.groups.members import with_halves_together
from lookalike.dedup.groups.original import PairKey
from lookalike.dedup.groups.report import GroupInput, group_copies, missing_looks
from lookalike.dedup.look import Look, Relation
from lookalike.dedup.proof import Evidence
from lookalike.store.catalog.photos import Photo
from lookalike.store.records import Holdings
from lookalike.tests.dedup.groups.test_groups import make_file, make_photo

T1, T2 = "2023-05-01T12:00:00.10", "2023-05-01T12:00:00.50"


def photo(
    number: int, *, taken: str | None = None, pixels: str = "", path: str = "", size: int = 100
) -> Photo:
    """Make a photo whose id is its number; the name, the inode and the digest follow the content."""
    file = make_file(path or f"/nowhere/{number}.jpg", ino=number, mtime=number % 3)
    made = make_photo(file, size=size)
    return replace(
        made, id=number, digest=f"{number:064x}", taken=taken, pixel_digest=pixels or str(number)
    )


def copy(probability: float = 1.0) -> Evidence:
    whole = Evidence(how="whole", verdict="copy", branch="motion", natural=True, probability=probability)
    return replace(whole, overlap_a=1.0, overlap_b=1.0)


def names(groups: list[Group]) -> list[set[int]]:
    return [{group.keeper_photo.id, *(member.photo.id for member in group.members)} for group in groups]


def known(*photos: Photo, proofs: dict[PairKey, Evidence], **more: object) -> GroupInput:
    """Make what groups are made of; the photos hold nothing but their pictures, if nothing else is said."""
    more = {"holdings": {each.id: Holdings() for each in photos}, **more}
    return GroupInput({each.id: each for each in photos}, proofs, **more)  # type: ignore[arg-type]


def made(relation: Relation = "a", **fields: object) -> Look:
    """Return a look that explains the whole other picture."""
    return replace(Look(relation, "exact", "same", is_whole=True), **fields)  # type: ignore[arg-type]


def test_a_copy_without_a_time_joins_no_two_shots() -> None:
    shots = photo(1, taken=T1), photo(2), photo(3, taken=T2)
    proofs = {(1, 2): copy(0.99), (2, 3): copy(0.98)}

    assert names(group_copies(known(*shots, proofs=proofs))) == [{1, 2}]
    assert names(group_copies(known(*shots, proofs=proofs | {(1, 3): copy()}))) == [{1, 2}]


def test_the_same_pixels_tell_the_time_of_a_copy_without_one() -> None:
    stripped = photo(2, pixels="p")
    shots = photo(1, taken=T1, pixels="p"), stripped, photo(3, taken=T2)

    groups = group_copies(known(*shots, proofs={(2, 3): copy()}, same_pixels=[[1, 2]]))

    assert names(groups) == [{1, 2}]


def test_a_time_that_was_set_right_keeps_no_copy_out() -> None:
    shots = photo(1, taken=T1, pixels="p"), photo(2, taken=T2, pixels="p"), photo(3, taken=T1)

    groups = group_copies(known(*shots, proofs={(1, 3): copy()}, same_pixels=[[1, 2]]))

    assert names(groups) == [{1, 2, 3}]


def test_what_the_user_said_comes_before_all() -> None:
    shots = photo(1, taken=T1), photo(2), photo(3, taken=T2)
    proofs = {(1, 2): copy(), (2, 3): copy(), (1, 3): copy()}

    assert names(group_copies(known(*shots, proofs=proofs, decided={(1, 3): "confirmed"}))) == [{1, 2, 3}]
    # Rejected photos do not meet again in a third one's group.
    untimed = photo(1), photo(2), photo(3)
    assert names(group_copies(known(*untimed, proofs=proofs, decided={(1, 3): "rejected"}))) == [{1, 2}]


def test_the_same_pixels_are_joined_though_the_first_of_them_is_gone() -> None:
    left = photo(2, pixels="p"), photo(3, pixels="p"), photo(4, pixels="p")

    (group,) = group_copies(known(*left, proofs={}, same_pixels=[[1, 2, 3, 4]]))

    assert names([group]) == [{2, 3, 4}]
    assert all(member.selected for member in group.members)


def test_two_halves_of_one_shot_are_no_copies_and_neither_meets_the_other_by_a_third() -> None:
    halves = photo(1, path="/nowhere/IMG_1.HEIC"), photo(2), photo(3, path="/nowhere/IMG_1.JPG")
    proofs = {(1, 2): copy(0.99), (2, 3): copy(0.98), (1, 3): copy()}

    assert names(group_copies(known(*halves, proofs=proofs))) == [{1, 2}]


def test_reasons_say_why_a_copy_is_not_selected() -> None:
    proofs = {
        (1, 2): copy(),
        (1, 3): replace(copy(), natural=False, page=True),
        (1, 4): replace(copy(), natural=False, rotation_deg=3.0),
        (1, 5): replace(copy(), natural=False, branch="stamped"),
        (1, 6): replace(copy(), differing=0.2),
    }
    center = replace(photo(1), width=9000)
    unclear = made("", is_whole=False, score=0.3)
    looks = dict.fromkeys(proofs, unclear) | {(1, 2): made()}

    (group,) = group_copies(known(center, *map(photo, range(2, 7)), proofs=proofs), looks=looks)

    assert {member.photo.id: member.why_not for member in group.members} == {
        2: "",
        3: "document",
        4: "an edit",
        5: "which came first is not known",
        6: "which came first is not known",
    }
    assert (group.wasted_bytes, group.selected_bytes) == (500, 100)


def test_a_jpeg_that_is_merely_like_the_original_is_not_selected() -> None:
    original, resaved, other = photo(1, size=300), photo(2), photo(3)
    proofs = {(1, 2): copy(), (1, 3): copy()}
    # Nothing differs in a place: a faint filter, of which no save of the original gives account.
    looks = {(1, 2): made(), (1, 3): made("", is_whole=False, score=0.1)}

    (jpegs,) = group_copies(known(original, resaved, other, proofs=proofs), looks=looks)
    converted = replace(other, format="WEBP")
    (mixed,) = group_copies(known(original, resaved, converted, proofs=proofs), looks=looks)

    assert [member.why_not for member in jpegs.members] == ["", "which came first is not known"]
    assert all(member.selected for member in mixed.members)


def test_previews_of_raw_files_are_never_judged() -> None:
    first = replace(photo(1, path="/nowhere/IMG_1.CR2", size=300), format="RAW")
    second = replace(photo(2, path="/elsewhere/IMG_1.dng"), format="RAW")
    found = known(first, second, proofs={(1, 2): replace(copy(), natural=False, page=True)})

    assert not missing_looks(found, DEFAULT_RULES, {}, [[first, second]])
    (group,) = group_copies(found, looks={(1, 2): made()})

    (member,) = group.members
    assert (member.transform, member.change, member.why_not) == ("another RAW of it", "raw", "holds more")
    assert "original" not in group.reason


def test_a_copy_without_a_proof_with_the_keeper_is_not_selected() -> None:
    kept = replace(photo(1), width=9000)

    proofs, looks = {(1, 2): copy(), (2, 3): copy()}, {(1, 2): made()}
    (group,) = group_copies(known(kept, photo(2), photo(3), proofs=proofs), looks=looks)

    assert {member.photo.id: member.why_not for member in group.members} == {2: "", 3: "no direct proof"}


def test_the_only_copy_that_says_when_it_was_taken_is_not_selected() -> None:
    enlarged, original, bare = replace(photo(1), width=9000), photo(2, taken=T1), photo(3)
    proofs = {(1, 2): copy(), (1, 3): copy()}

    looks = {(1, 2): made(), (1, 3): made()}
    (group,) = group_copies(known(enlarged, original, bare, proofs=proofs), looks=looks)
    (other,) = group_copies(known(replace(enlarged, taken=T1), original, bare, proofs=proofs), looks=looks)

    # What one of them holds makes the whole group one to look at.
    assert {member.photo.id: member.why_not for member in group.members} == {
        2: "holds more",
        3: "no file holds all",
    }
    assert [loss.kind for member in group.members for loss in member.losses] == ["taken"]
    assert all(member.selected for member in other.members)


def test_what_comes_to_stay_keeps_its_other_half_as_well() -> None:
    def member(number: int, *halves: int) -> Member:
        beside = tuple(Companion(f"/nowhere/{half}.jpg", "photo", 9, 1) for half in halves)
        shown = photo(number)
        return Member(shown, shown.files[0], "copy", "", 1.0, why_not="", companions=beside)

    groups = [
        Group(photo(n + 10), photo(n + 10).files[0], (each,))
        for n, each in enumerate([member(1, 2), member(2, 3), member(3, 10), member(4, 99)])
    ]

    settled = with_halves_together(groups)

    reasons = [each.why_not for group in settled for each in group.members]
    assert reasons == ["companions", "companions", "companions", ""]


times = st.sampled_from([None, None, T1, T2])
photos_of_a_library = st.lists(
    st.tuples(times, st.integers(0, 9), st.sampled_from([100, 200])), min_size=2, max_size=8
)
edges = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda key: key[0] < key[1]),
    st.sampled_from([0.97, 0.98, 0.99, 1.0]),
    max_size=20,
)
decisions = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda key: key[0] < key[1]),
    st.sampled_from(["confirmed", "rejected"]),
    max_size=2,
)


@given(photos_of_a_library, edges, decisions, st.permutations(range(8)))
def test_the_order_of_indexing_changes_no_group_no_keeper_and_no_reason(
    kinds: list[tuple[str | None, int, int]],
    pairs: dict[PairKey, float],
    decided: dict[PairKey, str],
    numbers: list[int],
) -> None:
    drawn = [
        photo(n, taken=taken, pixels=f"p{pixels}", size=size)
        for n, (taken, pixels, size) in enumerate(kinds)
    ]

    def library(ids: list[int]) -> GroupInput:
        """Give the photos these ids, as an order of indexing would."""
        photos = {ids[n]: replace(each, id=ids[n]) for n, each in enumerate(drawn)}
        same = [[ids[n] for n, (_, p, _) in enumerate(kinds) if p == pixels] for pixels in range(10)]

        def key(pair: PairKey) -> PairKey:
            a, b = ids[pair[0]], ids[pair[1]]
            return min(a, b), max(a, b)

        proofs = {key(pair): copy(probability) for pair, probability in pairs.items()}
        exact: tuple[Photo, ...] = ()
        kinds_by_pair = {key(pair): kind for pair, kind in decided.items()}
        held = {each: Holdings() for each in photos}
        return GroupInput(photos, proofs, same, kinds_by_pair, exact, holdings=held)

    def outcome(groups: list[Group]) -> list[object]:
        return [
            (
                *(group.keeper.path, group.reason),
                [(m.file.path, m.transform, m.why_not, m.score) for m in group.members],
            )
            for group in groups
        ]

    expected = outcome(group_copies(library(list(range(8)))))
    assert outcome(group_copies(library(numbers))) == expected
