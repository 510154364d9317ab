"""Index, rename, edit, delete, apply, undo, prune and crashes, in any order.

One thing always holds: every content that ever was in the library, and that the user did not destroy, can
be read somewhere; and after an index run the library says where.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lookalike.dedup.actions.apply import ApplyOptions, apply_plan
from lookalike.dedup.actions.journal import journals
from lookalike.dedup.actions.prune import prune
from lookalike.indexer.embed.choice import ModelChoice
from lookalike.indexer.options import IndexOptions
from lookalike.library import Library
from lookalike.store.care.checks import check_store
from lookalike.store.progress import UNWATCHED
from lookalike.tests.faults.scale import SEED, count, scale

from .killing import Runner
from .making import contents, jpeg
from .planning import confirm_copies, document_over, plan_over
from .test_prune import NOW

EXAMPLES = scale("LOOKALIKE_MACHINE_EXAMPLES", suite=4, soak=60)
STEPS = scale("LOOKALIKE_MACHINE_STEPS", suite=20, soak=40)
NAMES = st.sampled_from([f"{folder}/{name}.jpg" for folder in ("a", "b", "b/c") for name in "wxyz"])
METHODS = st.sampled_from(["quarantine", "hardlink", "symlink", "trash"])
POINTS = st.sampled_from(["move_new", "exchange", "link_to", "sync_folders", "Journal.write", "put_back"])
KILLS = st.builds(
    lambda point, when, count: {"point": point, "when": when, "count": count},
    POINTS,
    st.sampled_from(["before", "after"]),
    st.integers(1, 4),
)
HOME = ("HOME", "XDG_DATA_HOME")


@seed(SEED)
class Life(RuleBasedStateMachine):
    """A library in the hands of a user, with crashes."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="life-")).resolve()
        self.photos = self.folder / "photos"
        (self.folder / "home").mkdir()
        self.environment = {name: os.environ.get(name) for name in HOME}
        os.environ.update(dict.fromkeys(HOME, str(self.folder / "home")))
        for number, name in enumerate(["a/w.jpg", "b/w.jpg", "b/c/w.jpg"]):
            self.write(name, jpeg(0, 90 if number < 2 else 60))
        self.library = Library.open(self.folder / "store", create=True)
        self.runner = Runner(self.folder)
        confirm_copies(self.library.store)
        self.indexed: set[str] = set()
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

    @rule(name=NAMES, seed=st.integers(0, 2), quality=st.sampled_from([90, 60]))
    def adds(self, name: str, seed: int, quality: int) -> None:
        self.write(name, jpeg(seed, quality))
        self.required = self.on_disk()

    @rule(name=NAMES, other=NAMES)
    def renames(self, name: str, other: str) -> None:
        if name != other and (self.photos / name).exists():
            (self.photos / other).parent.mkdir(parents=True, exist_ok=True)
            (self.photos / name).replace(self.photos / other)
            self.required = self.on_disk()

    @rule(name=NAMES)
    def deletes(self, name: str) -> None:
        (self.photos / name).unlink(missing_ok=True)
        self.required = self.on_disk()

    # --- what lookalike does ------------------------------------------------------------------

    @rule()
    def index(self) -> None:
        options = IndexOptions(accept_missing=10_000)
        report = self.library.index([self.photos], choice=ModelChoice(input_size=64), options=options)
        assert not report.refused
        self.indexed |= {blake3(data).hexdigest() for name, data in contents(self.photos) if name[0] != "."}
        self.check_the_library_says_where()

    @rule(method=METHODS)
    def applies(self, method: str) -> None:
        apply_plan(self.library.store, plan_over(self.photos), ApplyOptions(method=method), UNWATCHED)

    @rule(method=METHODS, kill=KILLS)
    def crashes_in_apply(self, method: str, kill: dict[str, Any]) -> None:
        (self.folder / "plan.json").write_bytes(document_over(self.photos))
        self.runner.run(what="apply", method=method, kill=kill)

    @precondition(lambda self: bool(journals(self.library.store.folder)))
    @rule()
    def undoes(self) -> None:
        record = self.library.files.record_to_undo()
        if record is not None:
            self.library.files.undo(record)

    @precondition(lambda self: bool(journals(self.library.store.folder)))
    @rule(kill=KILLS)
    def crashes_in_undo(self, kill: dict[str, Any]) -> None:
        self.runner.run(what="undo", kill=kill)

    @precondition(lambda self: bool(journals(self.library.store.folder)))
    @rule()
    def prunes(self) -> None:
        prune(self.library.store, NOW, UNWATCHED)
        # Of a proven copy the kept picture is the survivor, not its own bytes: the user said so.
        self.required -= self.pruned() - self.on_disk()

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "required"):
            assert self.required <= self.on_disk()

    def check_the_library_says_where(self) -> None:
        for digest in self.indexed & self.on_disk():
            places = [Path(place) for place in self.library.files.locate(digest)]
            there = [blake3(place.read_bytes()).hexdigest() for place in places if place.exists()]
            assert digest in there, places
        assert [str(each) for each in check_store(self.library.store) if each.level == "broken"] == []

    def pruned(self) -> set[str]:
        return {
            action.digest
            for record in journals(self.library.store.folder)
            for action in record.actions
            if action.kind == "copy" and record.ends.get(action.number) == "pruned"
        }

    def on_disk(self) -> set[str]:
        tops = (self.photos, self.folder / "home")
        found = (data for top in tops for _, data in contents(top))
        return {blake3(data).hexdigest() for data in found if data.startswith(b"\xff\xd8")}

    def write(self, name: str, data: bytes) -> None:
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # As editors do: what is a hard link to another photo must not be written through.
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(data)
        temporary.replace(path)


Life.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    suppress_health_check=list(HealthCheck),
)
# Sixty lives take more than the five minutes that a test has.
TestLife = pytest.mark.timeout(60 * EXAMPLES)(Life.TestCase)
