"""The commands of libraries beyond one machine: units planned, run, and folded into a store."""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from ..errors import ExitCode, UsageError
from ..output.console import stop_on_signal, tell
from ..output.listing import Summary
from ..output.manners import hints
from ..output.text import columns, kinds_in_words, plural, printable
from ..store.documents import Row
from ..store.progress import Watch
from . import options as opt
from .groups import GROUPS, Group, Topic, command
from .index import AllowNetworkOption, ModelArgs
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..bulk.fold import FoldReport
    from ..bulk.plan import PlanReport
    from ..bulk.run import RunOptions, RunReport
    from ..bulk.stages import Launcher
    from ..bulk.status import Status

GROUPS["bulk"] = Group(
    Topic.LIBRARY,
    "Index with many machines, or from an object store.",
    (
        "lookalike bulk plan /mnt/nas/photos --to /mnt/nas/set",
        "lookalike bulk run /mnt/nas/set",
        "lookalike bulk import /mnt/nas/set",
    ),
    "They need packages that a plain install lacks:\n\npip install fsspec pyarrow pylance s3fs",
)

SourcesArgument = Annotated[list[str], argument("SOURCE", "Folders, or URLs as s3://BUCKET/PREFIX.")]
SetArgument = Annotated[str, argument("DATASET", "Folder or URL of the data set.")]
ToOption = Annotated[
    str, value("--to", "DATASET", "Folder or URL of the data set; made if it is not there.")
]
UnitSizeOption = Annotated[
    int | None,
    value("--unit-size", "N", "Files of a unit, of a new data set; default: 2,000.", min=1),
]


@dataclass(frozen=True)
class Accepted:
    """What is accepted as gone."""

    accept_missing: int = value(
        "--accept-missing", "N", "Accept that up to N photos are gone.", 0, min=0, show_default=False
    )
    accept_drive: bool = flag("--accept-drive", "Accept that a folder is on another drive now.")


@command(
    Topic.LIBRARY,
    "lookalike bulk plan /mnt/nas/photos --to /mnt/nas/set",
    "lookalike bulk plan s3://museum/photos --to s3://museum/set",
    group="bulk",
)
def plan(
    sources: SourcesArgument,
    to: ToOption,
    unit_size: UnitSizeOption = None,
    *,
    accepted: Accepted,
    scan: opt.Scan,
    model: ModelArgs,
    form: opt.SummaryOption = opt.SummaryFormat.table,
) -> Summary:
    """List what is new, changed or gone, in units of work.

    No photo is opened. `lookalike bulk run` does the units, on as many machines as you like. Planned again
    later, only what is new or changed makes more units. A data set has one model, chosen by its first plan.
    """
    from ..bulk.extras import needing, why_incomplete

    with needing():
        from ..bulk.dataset import DataSet
        from ..bulk.place import Place
        from ..bulk.plan import PlanOptions
        from ..bulk.plan import plan as plan_sources
    from ..output.progress import ProgressBar

    there = DataSet.find(Place.of(to))
    data = DataSet.make(to, model.choice().spec_for(there.spec if there else None), unit_size)
    options = PlanOptions(scan.options(), accepted.accept_missing, accepted.accept_drive)
    with ProgressBar() as progress:
        report = plan_sources(data, sources, options, Watch(progress))
    for problem in report.problems:
        tell(f"cannot look into {problem}")
    for message in report.refused:
        tell(message)
    code = ExitCode.OFFLINE if report.refused else ExitCode.PARTLY if report.problems else ExitCode.DONE
    notes = hints(f"next: `lookalike bulk run {shlex.quote(to)}`") if report.units else []
    return Summary(_plan_fields(report), _plan_lines(report), [*why_incomplete(), *notes], code)


def _plan_fields(report: "PlanReport") -> Row:
    return {name: getattr(report, name) for name in report.__slots__}


def _plan_lines(report: "PlanReport") -> Iterator[str]:
    counts = [
        (report.new, "new"),
        (report.changed, "changed"),
        (report.again, "to read again"),
        (report.unchanged, "planned before"),
        (report.absent, "gone"),
        (report.excluded, "left out"),
    ]
    files = ", ".join(f"{count:,} {state}" for count, state in counts if count) or "no photos"
    yield f"{files}; {plural(report.units, 'unit')} to run"
    if report.unread:
        yield f"not looked at: {kinds_in_words(report.unread)}"


@dataclass(frozen=True)
class Sharing:
    """Who does the units, and which."""

    part: opt.Text = value("--part", "I/N", "Only the share I of N, counted from 0, then what others left.")
    ray: opt.Text = value("--ray", "ADDRESS", "A Ray cluster does it: auto, HOST:PORT or local.")
    retry_failed: bool = flag("--retry-failed", "Try again what failed or was given up.")

    def launcher(self) -> "Launcher":
        """Return what runs units.

        Raises:
            UsageError: the options do not go together, or Ray is not installed.
        """
        if self.ray is None:
            from ..bulk.here import Here

            return Here()
        if self.part is not None:
            raise UsageError("--part and --ray do not go together: a cluster shares the units out itself")
        from ..bulk.on_ray import OnRay

        return OnRay(self.ray)

    def options(self) -> "RunOptions":
        """Return which units are run.

        Raises:
            UsageError: `--part` is no part.
        """
        from ..bulk.parts import Part
        from ..bulk.run import RunOptions

        return RunOptions(Part.of(self.part) if self.part else None, self.retry_failed)


@command(
    Topic.LIBRARY,
    "lookalike bulk run /mnt/nas/set",
    "lookalike bulk run /mnt/nas/set --part $SLURM_ARRAY_TASK_ID/64",
    "lookalike bulk run s3://museum/set --ray auto",
    "lookalike bulk run /mnt/nas/set --retry-failed",
    group="bulk",
)
def run(
    dataset: SetArgument,
    *,
    sharing: Sharing,
    workers: opt.WorkersOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.SummaryOption = opt.SummaryFormat.table,
) -> Summary:
    """Read and embed the photos of units that are not done.

    On any machine that sees the data set and the photos; several may run at once, each with its --part.
    What is finished stays, whatever ends a run. A unit that fails three times is given up and named by
    `lookalike bulk status`. Ends with 3 if files could not be read.
    """
    from ..bulk.extras import needing

    with needing():
        from ..bulk.dataset import DataSet
        from ..bulk.embed import EmbedStage
        from ..bulk.run import run as run_stage
    from ..output.progress import ProgressBar

    data, launcher, options = DataSet.open(dataset), sharing.launcher(), sharing.options()
    stages = [EmbedStage(data.place.url, engine, workers)]
    if sharing.retry_failed:
        stages.insert(0, EmbedStage.of_failed(data, engine, workers))
    stop = stop_on_signal()
    with ProgressBar() as progress, launcher.kept():
        watch = Watch(progress, stop)
        reports = [run_stage(stage, launcher, data.place, watch, options) for stage in stages]
    given_up = {number: why for report in reports for number, why in report.given_up.items()}
    for number, why in given_up.items():
        tell(f"unit {number} was given up: {why}")
    fields = _run_fields(reports)
    has_failed = bool(fields["failed"] or given_up)
    code = ExitCode.PARTLY if has_failed else ExitCode.DONE
    notes = [] if stop.is_set() or fields["left"] else hints(_after_run(dataset))
    return Summary(fields, _run_lines(fields), notes, ExitCode.INTERRUPTED if stop.is_set() else code)


def _after_run(dataset: str) -> str:
    name = shlex.quote(dataset)
    here, there = f"lookalike bulk import {name}", f"lookalike bulk finish {name}"
    return f"next: `{here}` takes it into a library here, `{there}` makes it one in its place"


def _run_fields(reports: "Sequence[RunReport]") -> Row:
    return {
        "units": sum(each.units for each in reports),
        "files": sum(each.rows for each in reports),
        "failed": sum(each.failed_rows for each in reports),
        "given_up": sum(len(each.given_up) for each in reports),
        "left": sum(each.left for each in reports),
    }


def _run_lines(fields: Row) -> Iterator[str]:
    done = f"{plural(fields['units'], 'unit')} done, {plural(fields['files'], 'file')}"
    more = [
        (fields["failed"], "unreadable"),
        (fields["given_up"], "units given up"),
        (fields["left"], "units left"),
    ]
    yield ", ".join([done, *(f"{count:,} {what}" for count, what in more if count)])


@command(
    Topic.LIBRARY,
    "lookalike bulk status /mnt/nas/set",
    "lookalike bulk status s3://museum/set --format json",
    group="bulk",
)
def status(dataset: SetArgument, *, form: opt.SummaryOption = opt.SummaryFormat.table) -> Summary:
    """Show how far the units are, and what failed.

    Ends with 3 if units were given up or files could not be read.
    """
    from ..bulk.extras import needing

    with needing():
        from ..bulk.dataset import DataSet
        from ..bulk.status import status_of

    found = status_of(DataSet.open(dataset))
    has_failed = bool(found.given_up or found.errors)
    return Summary(
        _status_fields(dataset, found),
        _status_lines(dataset, found),
        exit=ExitCode.PARTLY if has_failed else ExitCode.DONE,
    )


def _status_fields(dataset: str, found: "Status") -> Row:
    return {
        "data_set": dataset,
        "sources": [os.fsdecode(each) for each in found.sources],
        "units": {"planned": found.units, "done": found.done_units, "left": found.left_units},
        "given_up": [{"unit": number, "reason": why} for number, why in found.given_up.items()],
        "files": {"planned": found.files, "done": found.done_files},
        "files_per_second": found.rate,
        "hours_left": found.hours_left,
        "errors": dict(found.errors),
    }


def _status_lines(dataset: str, found: "Status") -> Iterator[str]:
    lines = [("data set", printable(dataset))]
    lines += [("source", printable(os.fsdecode(each))) for each in found.sources]
    lines += [
        ("units", f"{found.done_units:,} of {found.units:,} done, {found.left_units:,} to run"),
        ("files", f"{found.done_files:,} of {found.files:,} done"),
    ]
    if found.rate:
        left = f"; {found.hours_left:,.1f} hours left" if found.left_units else ""
        lines.append(("speed", f"{found.rate:,.1f} files/s{left}"))
    if found.errors:
        codes = sorted(found.errors.items(), key=lambda each: (-each[1], each[0]))
        lines.append(("failed", ", ".join(f"{count:,} {code}" for code, count in codes)))
    lines += [("given up", f"unit {number}: {printable(why)}") for number, why in found.given_up.items()]
    yield from columns(lines)


@command(
    Topic.LIBRARY,
    "lookalike bulk import /mnt/nas/set",
    "lookalike bulk import s3://museum/set --store ~/museum",
    group="bulk",
)
def import_(
    dataset: SetArgument,
    *,
    allow_network_store: AllowNetworkOption = False,
    form: opt.SummaryOption = opt.SummaryFormat.table,
    at: opt.WriteArgs,
) -> Summary:
    """Take units that are done into the library.

    The library is as `lookalike index` had made it. Units that it has are skipped; import again whenever
    more are done. Files that a later plan found gone become missing. Ends with 3 if files could not be
    read.
    """
    from ..bulk.extras import needing

    with needing():
        from ..bulk.dataset import DataSet
        from ..bulk.fold import import_into
    from ..output.progress import ProgressBar

    if allow_network_store:
        from ..store.place import allow_network

        allow_network()
    data, stop = DataSet.open(dataset), stop_on_signal()
    with at.writing(create=True) as library, ProgressBar() as progress:
        report = import_into(data, library.store, Watch(progress, stop))
        total = library.totals().photos
    code = ExitCode.PARTLY if report.failed else ExitCode.DONE
    fields = {name: getattr(report, name) for name in report.__slots__} | {"photos": total}
    return Summary(
        fields, _import_lines(report, total), exit=ExitCode.INTERRUPTED if report.interrupted else code
    )


def _import_lines(report: "FoldReport", total: int) -> Iterator[str]:
    counts = [
        (report.new, "new"),
        (report.absent, "gone"),
        (report.failed, "unreadable (see `lookalike errors`)"),
        (report.waiting, "units not done yet"),
    ]
    found = ", ".join(f"{count:,} {state}" for count, state in counts if count) or "nothing new"
    state = "stopped early, finished work is kept: " if report.interrupted else ""
    in_all = f"{plural(total, 'photo')} in the library"
    yield f"{state}{plural(report.units, 'unit')} taken in: {found}; {in_all}"
