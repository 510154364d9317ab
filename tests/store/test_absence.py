"""Absence is dated, listed, and ends only on request; no index answers with what was purged."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from lookalike.errors import StoreLocked, UsageError
from lookalike.store.absence import (
    Purge,
    count_purgeable,
    forget,
    forgettable,
    missing_files,
    purge_missing,
    purgeable,
)
from lookalike.store.care.checks import check_store
from lookalike.store.catalog.contents import all_digests, count_contents, id_of, ids_of
from lookalike.store.catalog.embeddings import count_embeddings
from lookalike.store.catalog.files import known_files
from lookalike.store.catalog.folders import all_roots
from lookalike.store.catalog.pairs import JudgedPair, all_decisions, all_verdicts
from lookalike.store.catalog.photos import count_totals
from lookalike.store.catalog.schema import file_table
from lookalike.store.index import snapshot
from lookalike.store.index_cache import check_stamp
from lookalike.store.store import Store

from .making import Filled, ask, brute_force, digest_of, make_result, make_vector, names, thumbnail_of

EVER = "9999"


def missing(filled: Filled, *folders: bytes) -> list[str]:
    with filled.store.reading() as view:
        return [Path(file.path).name for file in missing_files(view, folders)]


def purge(filled: Filled, until: str = EVER, keep: frozenset[bytes] = frozenset()) -> tuple[list[str], int]:
    files, photos = purge_missing(filled.store, Purge(until, roots=(filled.root,), keep=keep))
    return [Path(file.path).name for file in files], photos


def since(filled: Filled, rel: bytes) -> str | None:
    with filled.store.writing() as view:
        rows = view.connection.execute(sa.select(file_table.c.missing_since).where(file_table.c.rel == rel))
        found: str | None = rows.scalar_one()
        return found


def redate(filled: Filled, rel: bytes, when: str | None) -> None:
    with filled.store.writing() as view:
        view.connection.execute(
            sa.update(file_table).where(file_table.c.rel == rel).values(missing_since=when)
        )


def check_whole(store: Store) -> None:
    assert [str(each) for each in check_store(store) if each.level == "broken"] == []


# --- since when


def test_a_file_is_missing_since_it_went_and_no_more_when_it_is_back(filled: Filled) -> None:
    filled.fill(range(3))
    assert since(filled, b"1.jpg") is None
    filled.lose(b"1.jpg")
    redate(filled, b"1.jpg", "2020-02-02T02:02:02+00:00")

    filled.lose(b"1.jpg")  # still away: the date stays
    assert since(filled, b"1.jpg") == "2020-02-02T02:02:02+00:00"
    filled.store.settle(filled.root, absent=[], excluded=[], returned=[filled.known()[b"1.jpg"]])
    assert since(filled, b"1.jpg") is None

    filled.lose(b"1.jpg")
    assert (since(filled, b"1.jpg") or "") > "2020-02-02"
    filled.add(make_result(1))  # back with another stat
    assert since(filled, b"1.jpg") is None


def test_a_file_that_is_left_out_is_not_missing(filled: Filled) -> None:
    filled.fill(range(2))
    filled.lose(b"1.jpg")
    filled.lose(b"1.jpg", state="excluded")
    assert (since(filled, b"1.jpg"), missing(filled)) == (None, [])


def test_what_was_missing_before_dates_were_kept_is_dated_by_the_next_scan(filled: Filled) -> None:
    filled.fill(range(3))
    filled.lose(b"1.jpg")
    redate(filled, b"1.jpg", None)
    assert purge(filled) == ([], 0)  # nobody knows for how long
    filled.store.settle(filled.root, absent=[], excluded=[], returned=[])
    assert since(filled, b"1.jpg") is not None
    assert purge(filled) == (["1.jpg"], 1)


def test_missing_files_say_whether_another_file_holds_them(filled: Filled) -> None:
    filled.add(
        make_result(1), make_result(1, b"sub/again.jpg"), make_result(2), make_result(3, b"sub/3.jpg")
    )
    filled.lose(b"1.jpg", b"2.jpg", b"sub/3.jpg")
    with filled.store.reading() as view:
        found = {file.path: file for file in missing_files(view)}
    assert {path: file.is_elsewhere for path, file in found.items()} == {
        "/photos/1.jpg": True,
        "/photos/2.jpg": False,
        "/photos/sub/3.jpg": False,
    }
    assert found["/photos/2.jpg"].digest == digest_of(2).hex()
    assert missing(filled, b"/photos/sub") == ["3.jpg"]
    with pytest.raises(UsageError, match="/elsewhere is not in the library"):
        missing(filled, b"/elsewhere")


# --- forget


def test_forgetting_a_folder_takes_its_rows_and_leaves_the_contents(filled: Filled) -> None:
    filled.add(
        make_result(1),
        make_result(1, b"sub/1.jpg"),
        make_result(2, b"sub/2.jpg"),
        make_result(3, b"subtle.jpg"),
    )
    filled.lose(b"sub/2.jpg")

    (gone,) = forget(filled.store, [b"/photos/sub"])

    assert (gone.files, gone.missing, gone.photos, gone.is_root) == (2, 1, 1, False)
    assert set(filled.known()) == {b"1.jpg", b"subtle.jpg"}
    assert filled.store.knows(digest_of(2))
    check_whole(filled.store)


def test_forgetting_a_root_or_a_folder_around_it_takes_the_root(filled: Filled) -> None:
    filled.fill(range(4))
    with filled.store.reading() as view:
        (shown,) = forgettable(view, [b"/"])
        assert (shown.files, shown.is_root, len(all_roots(view))) == (4, True, 1)
    forget(filled.store, [b"/"])
    with filled.store.reading() as view:
        assert (all_roots(view), count_totals(view).present, count_contents(view)) == ([], 0, 4)
    check_whole(filled.store)


def test_forgetting_what_is_not_in_the_library_changes_nothing(filled: Filled) -> None:
    filled.fill(range(2))
    with pytest.raises(UsageError, match="not in the library"):
        forget(filled.store, [b"/photos", b"/photosynthesis"])
    assert len(filled.known()) == 2


def test_an_index_run_holds_off_forget_and_purge(filled: Filled) -> None:
    filled.fill(range(2))
    with Store.open(filled.store.folder, write=True, lock_timeout_s=0.05) as other, other.indexing():
        filled.store.lock_timeout_s = 0.05
        with pytest.raises(StoreLocked):
            forget(filled.store, [b"/photos"])
        with pytest.raises(StoreLocked):
            purge(filled)
    assert len(filled.known()) == 2


# --- purge


def test_a_purge_takes_what_is_missing_for_so_long_and_nothing_else(filled: Filled) -> None:
    filled.fill(range(6))
    filled.lose(b"1.jpg", b"2.jpg", b"3.jpg")
    filled.lose(b"4.jpg", state="excluded")
    for day in (1, 2, 3):
        redate(filled, b"%d.jpg" % day, f"2020-01-0{day}T00:00:00+00:00")

    assert purge(filled, "2020-01-02T00:00:00+00:00") == (["1.jpg", "2.jpg"], 2)

    assert set(filled.known()) == {b"0.jpg", b"3.jpg", b"4.jpg", b"5.jpg"}
    with filled.store.reading() as view:
        assert (count_contents(view), count_embeddings(view)) == (4, 4)
    assert filled.store.thumbs.get(digest_of(1)) is None
    assert filled.store.thumbs.get(digest_of(4)) == thumbnail_of(4)
    check_whole(filled.store)


def test_a_content_that_a_file_still_holds_or_that_was_put_aside_stays(filled: Filled) -> None:
    filled.add(make_result(1), make_result(1, b"again.jpg"), make_result(2), make_result(3))
    filled.lose(b"1.jpg", b"2.jpg", b"3.jpg")
    assert purge(filled, keep=frozenset([digest_of(2)])) == (["1.jpg", "2.jpg", "3.jpg"], 1)
    assert [filled.store.knows(digest_of(seed)) for seed in (1, 2, 3)] == [True, True, False]
    # Once it is not set aside any more, it goes.
    assert purge(filled) == ([], 1)


def test_files_of_other_roots_stay(filled: Filled) -> None:
    other, _ = filled.store.add_root(b"/other")
    filled.store.commit(other, [make_result(7, b"7.jpg")])
    filled.fill(range(2))
    with filled.store.reading() as view:
        key = known_files(view, other, b"")[b"7.jpg"].id
    filled.store.settle(other, absent=[key], excluded=[], returned=[])
    assert purge(filled) == ([], 0)
    assert missing(filled) == ["7.jpg"]


def test_what_is_shown_is_what_goes(filled: Filled) -> None:
    filled.add(make_result(1), make_result(1, b"again.jpg"), make_result(2), make_result(3))
    filled.lose(b"1.jpg", b"2.jpg", b"3.jpg")
    redate(filled, b"3.jpg", None)
    wanted = Purge(EVER, roots=(filled.root,))
    with filled.store.reading() as view:
        shown = [Path(file.path).name for file in purgeable(view, wanted)], count_purgeable(view, wanted)
    assert shown == purge(filled) == (["1.jpg", "2.jpg"], 1)


def test_proofs_go_and_decisions_stay(filled: Filled) -> None:
    filled.fill(range(4))
    with filled.store.reading() as view:
        ids = ids_of(view, [digest_of(seed) for seed in range(4)])
    a, b, c = (ids[digest_of(seed)] for seed in (0, 1, 2))
    proofs = [JudgedPair(x, y, 0.9, "copy", 5.0, {}) for x, y in ((a, b), (a, c), (b, c))]
    filled.store.put_proofs(1, proofs)
    with filled.store.writing() as view:
        view.connection.exec_driver_sql(
            "INSERT INTO decision (a, b, kind, at) VALUES (?, ?, 'rejected', '2026')",
            tuple(sorted([digest_of(0), digest_of(1)])),
        )
    filled.lose(b"1.jpg")
    purge(filled)
    with filled.store.reading() as view:
        assert [(pair.a, pair.b) for pair in all_verdicts(view)] == [(a, c)]
        assert len(list(all_decisions(view))) == 1
    filled.store.put_proofs(1, proofs)  # of a run that was under way: no row about what is gone
    with filled.store.reading() as view:
        assert [(pair.a, pair.b) for pair in all_verdicts(view)] == [(a, c)]
    check_whole(filled.store)


def test_a_photo_that_comes_back_after_a_purge_is_embedded_anew_with_another_id(filled: Filled) -> None:
    filled.fill(range(3))
    with filled.store.reading() as view:
        before = id_of(view, digest_of(1))
    filled.lose(b"1.jpg")
    purge(filled)
    filled.fill([1])
    with filled.store.reading() as view:
        assert (id_of(view, digest_of(1)) or 0) > (before or 0)
        assert len(view.index()) == 3
    assert names(ask(filled.store, make_vector(1), 1)) == ["1.jpg"]


# --- no index and no snapshot brings them back


def ids_in_index(store: Store) -> list[int]:
    with store.reading() as view:
        return sorted(view.index().ids().tolist())


def ids_in_catalog(store: Store) -> list[int]:
    with store.reading() as view:
        return sorted(ids_of(view, list(all_digests(view))).values())


def lose_and_purge(filled: Filled) -> None:
    filled.lose(b"3.jpg", b"5.jpg")
    assert purge(filled) == (["3.jpg", "5.jpg"], 2)


def check_answers(store: Store, seeds: list[int]) -> None:
    assert ids_in_index(store) == ids_in_catalog(store)
    for seed in (3, 5, 99):
        scores = [score for _, score in ask(store, make_vector(seed), 100)]
        assert scores == pytest.approx(brute_force(seeds, make_vector(seed), 100), abs=1e-3)


LEFT = [seed for seed in range(20) if seed not in (3, 5)]


def test_an_index_in_the_memory_of_another_process_is_not_used_after_a_purge(filled: Filled) -> None:
    filled.fill(range(20))
    filled.store.publish()
    with Store.open(filled.store.folder) as reader:
        assert len(ids_in_index(reader)) == 20
        lose_and_purge(filled)
        check_answers(reader, LEFT)
        filled.fill([30])  # what comes after it is added to what is left
        check_answers(reader, [*LEFT, 30])


def test_a_view_from_before_a_purge_goes_on_as_it_was_and_the_next_one_does_not(filled: Filled) -> None:
    filled.fill(range(20))
    filled.store.publish()
    with Store.open(filled.store.folder) as reader:
        with reader.reading() as old, reader.reading() as new:
            lose_and_purge(filled)
            assert len(old.index()) == 20
            with reader.reading() as view:
                assert len(view.index()) == 18
            assert len(old.index()) == 20
            assert len(new.index()) == 20  # it was opened before, too
        check_answers(reader, LEFT)


def test_a_snapshot_from_before_a_purge_is_not_believed(filled: Filled, tmp_path: Path) -> None:
    filled.fill(range(20))
    filled.store.publish()
    folder = Path(filled.store.folder)
    for path in folder.glob("index*"):
        shutil.copy(path, tmp_path / path.name)
    lose_and_purge(filled)
    after = snapshot.read_manifest(str(folder))
    assert after is not None
    assert after.count == 18
    for path in tmp_path.glob("index*"):
        shutil.copy(path, folder / path.name)
    with Store.open(folder) as reader:
        check_answers(reader, LEFT)
    # As many photos as before: neither number nor epoch tells, only the nonce.
    filled.fill([40, 41])
    with Store.open(folder) as reader:
        check_answers(reader, [*LEFT, 40, 41])


def test_a_purge_that_takes_no_content_leaves_snapshots_as_they_are(filled: Filled) -> None:
    filled.add(make_result(1), make_result(1, b"again.jpg"))
    filled.store.publish()
    before = snapshot.read_manifest(filled.store.folder)
    filled.lose(b"1.jpg")
    assert purge(filled) == (["1.jpg"], 0)
    assert snapshot.read_manifest(filled.store.folder) == before
    with filled.store.reading() as view:
        assert before is not None
        check_stamp(view, before.stamp)


def test_all_photos_may_go(filled: Filled) -> None:
    filled.fill(range(3))
    filled.lose(b"0.jpg", b"1.jpg", b"2.jpg")
    assert purge(filled)[1] == 3
    assert ask(filled.store, make_vector(1), 5) == []
    check_whole(filled.store)
    filled.fill([9])
    assert names(ask(filled.store, make_vector(9), 5)) == ["9.jpg"]
