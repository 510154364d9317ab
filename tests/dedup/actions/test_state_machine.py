"""Index, rename, edit, delete, apply, undo, prune and crashes, in any order.

One thing always holds: every content that ever was in the library, and that the user did not destroy, can
be read somewhere; and after an index run the library says where. What was set aside may be taken out,
linked to, thrown away and asked to be indexed; of each picture a file stays outside of it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lookalike.dedup.actions.apply import ApplyOptions, apply_plan
from lookalike.dedup.actions.journal import Action, journals
from lookalike.dedup.actions.planfile import Plan
from lookalike.dedup.actions.prune import prune
from lookalike.errors import UsageError
from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions
from lookalike.indexer.scan.places import Ways
from lookalike.indexer.scan.walk import ScanOptions
from lookalike.library import Library
from lookalike.store.care.checks import check_store
from lookalike.store.catalog.photos import photos_of
from lookalike.store.progress import UNWATCHED
from lookalike.tests.faults.scale import SEED, SOAK, count, scale
from lookalike.tests.store.test_full_disk import can_mount

from .killing import Runner
from .making import contents, jpeg
from .planning import confirm_copies, document_over, plan_over, seed_of
from .test_prune import NOW

EXAMPLES = scale("LOOKALIKE_MACHINE_EXAMPLES", suite=4, soak=2000)
PARTS = min(EXAMPLES, 20 if SOAK else 2)
STEPS = scale("LOOKALIKE_MACHINE_STEPS", suite=20, soak=40)
NAMES = st.sampled_from([f"{folder}/{name}.jpg" for folder in ("a", "b", "b/c") for name in "wxyz"])
SEEDS, QUALITIES = st.integers(0, 2), st.sampled_from([90, 60])
METHODS = st.sampled_from(["quarantine", "hardlink", "symlink", "trash"])
POINTS = st.sampled_from(
    ["move_new", "exchange", "link_to", "sync_folders", "Journal.write", "put_back", "remove_for_good"]
)
KILLS = st.builds(
    lambda point, when, count: {"point": point, "when": when, "count": count},
    POINTS,
    st.sampled_from(["before", "after"]),
    st.integers(1, 4),
)
LOSSES = st.sampled_from(["deleted", "edited", "thrown away", "taken for its like"])
CAN_MOUNT = can_mount()
HOME = ("HOME", "XDG_DATA_HOME")


class Life(RuleBasedStateMachine):
    """A library in the hands of a user, with crashes. folder: where all happens, life after life."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        self.photos = self.folder / "photos"
        (self.folder / "home").mkdir(parents=True)
        self.environment = {name: os.environ.get(name) for name in HOME}
        os.environ.update(zip(HOME, map(str, (self.folder / "home", self.trash.parent)), strict=True))
        for number, name in enumerate(["a/w.jpg", "b/w.jpg", "b/c/w.jpg"]):
            self.write(name, jpeg(0, 90 if number < 2 else 60))
        self.library = Library.open(self.folder / "store", create=True)
        self.runner = Runner(self.folder)
        confirm_copies(self.library.store)
        self.indexed, self.ways = set[str](), Ways()
        self.index()
        self.required = self.on_disk()

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        self.library.close()
        count("lives of a library")
        for name, value in self.environment.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        shutil.rmtree(self.folder)

    # --- what the user does -------------------------------------------------------------------

    @rule(name=NAMES, seed=SEEDS, quality=QUALITIES)
    def adds(self, name: str, seed: int, quality: int) -> None:
        self.write(name, jpeg(seed, quality))
        self.required = self.on_disk()

    @rule(name=NAMES, seed=SEEDS, whole=st.booleans())
    def edits(self, name: str, seed: int, whole: bool) -> None:
        # In place: all links to it are edited, too.
        if (self.photos / name).is_file():
            (self.photos / name).write_bytes(jpeg(seed) if whole else jpeg(seed)[:200])
            self.required = self.on_disk()

    @rule(name=NAMES, other=NAMES)
    def renames(self, name: str, other: str) -> None:
        if name != other and os.path.lexists(self.photos / name):
            self.make_folder((self.photos / other).parent)
            (self.photos / name).replace(self.photos / other)
            self.required = self.on_disk()

    @rule(name=NAMES)
    def deletes(self, name: str) -> None:
        (self.photos / name).unlink(missing_ok=True)
        self.required = self.on_disk()

    @precondition(lambda self: self.set_aside())
    @rule(data=st.data(), name=NAMES, how=st.sampled_from(["moved", "hard link", "link"]))
    def reaches_for_what_was_set_aside(self, data: Any, name: str, how: str) -> None:
        place, path = data.draw(st.sampled_from(self.set_aside())), self.photos / name
        self.make_folder(path.parent)
        if how == "moved":
            place.replace(path)
        elif not os.path.lexists(path):
            (path.hardlink_to if how == "hard link" else path.symlink_to)(place)
        self.required = self.on_disk()

    @precondition(lambda self: self.set_aside())
    @rule(data=st.data(), name=st.sampled_from(["a", "b", "b/c", "d"]))
    def puts_a_link_to_what_was_set_aside_in_place_of_a_folder(self, data: Any, name: str) -> None:
        places = [(self.photos / name, each.parent) for each in self.set_aside()]
        self.put_link(*data.draw(st.sampled_from(self.mistakable() or places)))
        self.required = self.on_disk()

    @rule()
    def empties_the_trash(self) -> None:
        shutil.rmtree(self.trash, ignore_errors=True)
        self.required = self.on_disk()

    # --- what lookalike does ------------------------------------------------------------------

    @rule(follow=st.booleans())
    def index(self, follow: bool = False) -> None:
        options = IndexOptions(ScanOptions(follow=follow), accept_missing=10_000)
        report = self.library.index([self.photos], choice=ModelChoice(input_size=64), options=options)
        assert not report.refused
        found = (data for name, data in contents(self.photos) if name[0] != ".")
        self.indexed |= {digest_of(data) for data in found if seed_of(data) is not None}
        self.check_the_library_says_where()

    @precondition(lambda self: self.set_aside())
    @rule(data=st.data(), through=st.booleans())
    def is_asked_to_index_what_was_set_aside(self, data: Any, through: bool) -> None:
        place = data.draw(st.sampled_from(self.set_aside())).parent
        if through:
            link = self.folder / "link"
            link.unlink(missing_ok=True)
            link.symlink_to(place)
        with pytest.raises(UsageError, match="never indexed"):
            self.library.index([link if through else place], choice=ModelChoice(input_size=64))

    @rule(method=METHODS)
    def applies(self, method: str) -> None:
        with self.keeping_every_picture():
            self.apply(plan_over(self.photos), method)

    @rule(method=METHODS, through=st.booleans())
    def applies_for_what_was_set_aside(self, method: str, through: bool) -> None:
        keepers = [*self.links(), *self.set_aside()] if through else self.set_aside()
        plan = plan_over(self.photos, keepers)
        with self.keeping_every_picture():
            self.apply(plan, method)

    @rule(method=METHODS, kill=KILLS)
    def crashes_in_apply(self, method: str, kill: dict[str, Any]) -> None:
        (self.folder / "plan.json").write_bytes(document_over(self.photos))
        with self.keeping_every_picture():
            self.runner.run(what="apply", method=method, kill=kill)

    @precondition(lambda self: self.has_journals())
    @rule()
    def undoes(self) -> None:
        record = self.library.files.record_to_undo()
        if record is not None:
            with self.keeping_every_picture():
                self.library.files.undo(record)

    @precondition(lambda self: self.has_journals())
    @rule(kill=KILLS)
    def crashes_in_undo(self, kill: dict[str, Any]) -> None:
        with self.keeping_every_picture():
            self.runner.run(what="undo", kill=kill)

    @precondition(lambda self: self.has_journals())
    @rule()
    def prunes(self) -> None:
        with self.pruning():
            prune(self.library.store, NOW, UNWATCHED)

    @rule(data=st.data(), how=LOSSES)
    def prunes_when_what_was_kept_is_not_what_it_was(self, data: Any, how: str) -> None:
        if not self.kept():
            self.applies("quarantine")
        if not self.kept():
            return
        kept = data.draw(st.sampled_from(self.kept()))
        if how == "edited":
            kept.write_bytes(jpeg(data.draw(SEEDS)))
        elif how == "thrown away":
            for name in ("files", "info"):
                (self.trash / name).mkdir(parents=True, exist_ok=True)
            kept.replace(self.trash / "files" / kept.name)
            self.put_link(kept.parent, self.trash / "files")
        elif how == "deleted" or not self.mistakable():
            kept.unlink()
        else:
            self.put_link(*data.draw(st.sampled_from(self.mistakable())))
        self.required = self.on_disk()
        self.prunes()

    @precondition(lambda self: self.has_journals())
    @rule(kill=KILLS)
    def crashes_in_prune(self, kill: dict[str, Any]) -> None:
        with self.pruning():
            self.runner.run(what="prune", kill=kill)

    @precondition(lambda self: CAN_MOUNT and self.set_aside())
    @rule(data=st.data(), all_of_it=st.booleans())
    def prunes_what_cannot_be_removed(self, data: Any, all_of_it: bool) -> None:
        place = data.draw(st.sampled_from(self.set_aside()))
        with self.pruning():
            self.runner.run(what="prune", stuck=[str(place.parent if all_of_it else place)])
        assert place.exists()

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "required"):
            assert self.required <= self.on_disk()

    @contextmanager
    def keeping_every_picture(self) -> Iterator[None]:
        """Check that of each picture a file stays where photos are, in whatever quality."""
        before = self.pictures()
        yield
        assert before <= self.pictures()

    @contextmanager
    def pruning(self) -> Iterator[None]:
        """Check that what was pruned has a survivor, and that no link is left without its picture."""
        before = {action.to for action in self.pruned()}
        with self.keeping_every_picture():
            yield
        new = [action for action in self.pruned() if action.to not in before]
        for action in new:
            survivor = action.keeper_digest if action.kind == "copy" else action.digest
            assert survivor in {digest_of(data) for _, data in self.live()}
            path = Path(action.path)
            assert action.method != "symlink" or not path.is_symlink() or path.exists()
        # Of a proven copy the kept picture is the survivor, not its own bytes: the user said so.
        self.required -= {action.digest for action in new if action.kind == "copy"} - self.on_disk()

    def check_the_library_says_where(self) -> None:
        for digest in self.indexed & self.in_their_places():
            places = [Path(place) for place in self.library.files.locate(digest)]
            there = [digest_of(place.read_bytes()) for place in places if place.exists()]
            assert digest in there, places
        with self.library.store.reading() as view:
            known = [file.path for photo in photos_of(view) for file in photo.files]
        assert [path for path in known if self.ways.nobodys(os.path.realpath(path))] == []
        assert [str(each) for each in check_store(self.library.store) if each.level == "broken"] == []

    # --- what there is ------------------------------------------------------------------------

    @property
    def trash(self) -> Path:
        return self.folder / "home/data/Trash"  # known by what is in it, not by its path

    def has_journals(self) -> bool:
        return bool(journals(self.library.store.folder))

    def pruned(self) -> list[Action]:
        """Return what was removed for good."""
        return [
            action
            for record in journals(self.library.store.folder)
            for action in record.actions
            if record.ends.get(action.number) in ("pruning", "pruned") and not os.path.lexists(action.to)
        ]

    def live(self) -> list[tuple[str, bytes]]:
        """Return the photos where photos are, by path below them."""
        return [(name, data) for name, data in contents(self.photos) if name[0] != "."]

    def pictures(self) -> set[int]:
        return {seed for _, data in self.live() if (seed := seed_of(data)) is not None}

    def set_aside(self) -> list[Path]:
        """Return what lies in the quarantine and in the trash."""
        tops = (self.photos / ".lookalike-quarantine", self.trash / "files")
        found = (top / name for top in tops for name, data in contents(top) if is_jpeg(data))
        return sorted(found)

    def quarantined(self) -> list[Action]:
        """Return what waits for prune."""
        pending = (action for record in journals(self.library.store.folder) for action in record.pending)
        return [action for action in pending if action.method != "trash" and os.path.exists(action.to)]

    def kept(self) -> list[Path]:
        """Return the files that were kept for what waits for prune."""
        return sorted({Path(each.keeper) for each in self.quarantined() if os.path.isfile(each.keeper)})

    def mistakable(self) -> list[tuple[Path, Path]]:
        """Return folders of kept files, with those where something set aside has their name and content."""
        kept = {(Path(each.keeper), each.keeper_digest) for each in self.quarantined()}
        aside = [(place, digest_of(place.read_bytes())) for place in self.set_aside()]
        return [
            (path.parent, place.parent)
            for path, digest in sorted(kept)
            for place, found in aside
            if (place.name, found) == (path.name, digest)
        ]

    def links(self) -> list[Path]:
        """Return what is set aside by the paths that lead there through links to its folders."""
        folders = [path for path in sorted(self.photos.rglob("*")) if path.is_symlink() and path.is_dir()]
        found = (each for folder in folders for each in sorted(folder.iterdir()))
        return [path for path in found if path.is_file() and not path.is_symlink()]

    def on_disk(self) -> set[str]:
        tops = (self.photos, self.folder / "home")
        return {digest_of(data) for top in tops for _, data in contents(top) if is_jpeg(data)}

    def in_their_places(self) -> set[str]:
        """Return what lies where photos are or where a run put it, not what the user did in there."""
        runs = journals(self.library.store.folder)
        put = {(action.to, action.digest) for record in runs for action in record.actions}
        aside = {(str(path), digest_of(path.read_bytes())) for path in self.set_aside()}
        live = {digest_of(data) for _, data in self.live() if is_jpeg(data)}
        return live | {digest for _, digest in aside & put}

    def apply(self, plan: Plan, method: str) -> None:
        apply_plan(self.library.store, plan, ApplyOptions(method=method), UNWATCHED)

    def put_link(self, folder: Path, place: Path) -> None:
        """Put a link to a place in that of a folder."""
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
        self.make_folder(folder.parent)
        folder.symlink_to(place)

    def make_folder(self, path: Path) -> None:
        for each in (path.parent, path):
            if each.is_symlink() and not each.exists():
                each.unlink()  # it led to what is gone
        path.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, data: bytes) -> None:
        path = self.photos / name
        self.make_folder(path.parent)
        # As editors do: what is a hard link to another photo must not be written through.
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(data)
        temporary.replace(path)


def digest_of(data: bytes) -> str:
    return blake3(data).hexdigest()


def is_jpeg(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8")


@pytest.mark.timeout(60 * EXAMPLES)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_content_is_lost_whatever_happens(part: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A part of all lives, which the processes of a soak share; each is drawn by its own seed."""
    # One home for all: decoders wait for the next life in the environment of the last.
    folder = tmp_path_factory.getbasetemp().resolve() / "life"
    some = settings(
        max_examples=-(-EXAMPLES // PARTS),
        stateful_step_count=STEPS,
        phases=[Phase.generate],  # a life takes too long to look for a shorter one that fails as well
        suppress_health_check=list(HealthCheck),
    )
    life = seed(SEED + part)(type(f"Life{part}", (Life,), {"folder": folder}))
    run_state_machine_as_test(life, settings=some)
