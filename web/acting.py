"""Plans of the review: made from what was chosen, checked as `apply` does without --yes, then applied."""

import hashlib
import os
import secrets
import shlex
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from ..dedup.actions.apply import ApplyOptions
from ..dedup.actions.outcome import Outcome
from ..dedup.actions.planfile import Plan, read_plan
from ..dedup.actions.undo import UndoOptions
from ..errors import LookalikeError, UsageError
from ..library import Library, default_folder
from ..output.outcomes import outcome_row, sum_of
from ..output.waiting import not_free_yet, places_of
from ..store.documents import Row, document, dumps
from ..store.lock import holder_of
from .choices import Chosen
from .groups import Found, KnownGroups, Listed
from .jobs import Job, Jobs
from .problems import Changed, Gone
from .review import Review

Scope = Literal["all", "looked"]
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Made:
    """A plan that was made. data: the JSON document, as `dupes --plan` writes it. chosen: its groups."""

    name: str
    data: bytes
    plan: Plan
    chosen: Sequence[Chosen]

    def warnings(self, *, merging: bool) -> dict[str, str]:
        """Return what is lost, or may be, with files that go, by path; see `Chosen.warnings`."""
        return {path: why for each in self.chosen for path, why in each.warnings(merging=merging).items()}


@dataclass(eq=False)
class Acting:
    """Makes plans, checks them, and applies them as jobs."""

    library: Library
    groups: KnownGroups
    review: Review
    jobs: Jobs
    _plans: "OrderedDict[str, Made]" = field(default_factory=OrderedDict)
    _started: "OrderedDict[str, tuple[str, Job]]" = field(default_factory=OrderedDict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _starting: threading.Lock = field(default_factory=threading.Lock)

    def make(self, scope: Scope) -> Made:
        """Make the plan of what was chosen. scope: "looked": only groups that somebody looked at."""
        found = self.groups.now()
        chosen = [each.chosen(self.review.of(each.key).choice) for each in self._groups(found, scope)]
        rows = [each.plan() for each in chosen]
        data = document(self.library.copies.origin().fields() | {"groups": rows})
        made = Made(secrets.token_hex(8), data, read_plan(data, "the plan"), chosen)
        with self._mutex:
            self._plans[made.name] = made
            while len(self._plans) > _KEPT:
                self._plans.popitem(last=False)
        return made

    def _groups(self, found: Found, scope: Scope) -> Iterable[Listed]:
        wanted = ("looked",) if scope == "looked" else ("new", "looked", "skipped")
        return (each for each in found.groups if self.review.of(each.key).state in wanted)

    def named(self, name: str) -> Made:
        """Return a plan.

        Raises:
            Gone: it was made too long ago.
        """
        with self._mutex:
            if name not in self._plans:
                raise Gone("this plan was made too long ago; make it again")
            return self._plans[name]

    def check(self, made: Made, options: ApplyOptions) -> tuple[list[Outcome], str]:
        """Return what applying a plan would do, and a digest of it; nothing is changed."""
        outcomes = list(self.library.files.preview(made.plan, options))
        digest = hashlib.sha256(made.data + dumps(list(map(outcome_row, outcomes))))
        return outcomes, digest.hexdigest()

    def apply(self, made: Made, options: ApplyOptions, checked: str, once: str) -> Job:
        """Begin to apply a plan that was checked. once: the same word starts the same job only once.

        Raises:
            Changed: something is not as it was when the plan was checked.
            UsageError: the word was used for another plan.
            StoreLocked: another job is running, or another process moves files.
        """
        with self._starting:
            if once in self._started:
                plan, job = self._started[once]
                if plan != made.name:
                    raise UsageError("this Idempotency-Key was used for another plan")
                return job
            if self.check(made, options)[1] != checked:
                raise Changed("something changed since this plan was checked; look at it again")
            self.jobs.check_free(self.library.store.folder, "actions")
            job = self.jobs.start("apply", "moving files", lambda job: self._apply(job, made, options))
            if once:
                self._started[once] = made.name, job
            while len(self._started) > _KEPT:
                self._started.popitem(last=False)
            return job

    def _apply(self, job: Job, made: Made, options: ApplyOptions) -> str:
        outcomes = self.library.files.apply(made.plan, options, job.watch)
        words = self._done(job, outcomes, "moved")
        methods = {each.method for each in outcomes if each.state == "done"} - {"merge"}
        job.result["places"] = list(places_of(outcomes, "done"))
        job.result["free"] = self.not_free_yet(methods) if methods else ""
        return words

    def not_free_yet(self, methods: Set[str]) -> str:
        """Return a sentence: what was moved by some methods still takes its space, and what frees it."""
        folder = self.library.store.folder
        more = "" if folder == os.path.abspath(default_folder()) else f" --store {shlex.quote(folder)}"
        return not_free_yet(methods, lambda words: f"`lookalike {words}{more}` in another terminal")

    def is_moving(self) -> bool:
        """Tell whether files are moved or put back right now, here or by another process."""
        job = self.jobs.running
        if job is not None and job.kind in ("apply", "undo"):
            return True
        with suppress(OSError):  # a store that may only be read has no run that this user could undo
            return holder_of(self.library.store.folder, "actions") is not None
        return False

    def undo(self, run: str, files: Sequence[str] | None = None) -> Job:
        """Begin to put back what a run moved. files: only these, by the paths that they had; None: all.

        Raises:
            Gone: there is no such run.
            StoreLocked: another job is running.
        """
        record = self.library.files.record_to_undo(run)
        if record is None:
            raise Gone(f"there is no run {run}")
        self.jobs.check_free(self.library.store.folder, "actions")
        options = UndoOptions(run, files=files)

        def work(job: Job) -> str:
            return self._done(job, self.library.files.undo(record, options, job.watch), "put back")

        return self.jobs.start("undo", "putting files back", work)

    def _done(self, job: Job, outcomes: list[Outcome], verb: str) -> str:
        """Say what became of files, and read anew which copies there are now."""
        rows = list(map(outcome_row, outcomes))
        done = [each for each in rows if each["state"] == "done"]
        job.result = {
            "run": next((each["run"] for each in done), ""),
            "bytes": sum(each["bytes"] for each in done),
            "done": len(done),
            "left": [each for each in rows if each["state"] == "left"],
        }
        self.groups.events.tell("runs")
        job.begin("reading the copies", 0)
        with suppress(LookalikeError):  # the files are in order, and the list says itself that it is old
            self.groups.read_known()
        return (sum_of(rows, verb) or f"no file was {verb}") + (_reason(rows) if verb == "moved" else "")


def _reason(rows: Iterable[Row]) -> str:
    """Return why files were left alone, where that is the same for all of them."""
    left = (each for each in rows if each["state"] == "left")
    reasons = {each["reason"].removeprefix(f"{os.path.basename(each['path'])}: ") for each in left}
    return f": {next(iter(reasons))}" if len(reasons) == 1 else ""
