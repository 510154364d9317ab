"""The command that brings the library up to date."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..errors import ExitCode, StoreLocked, UsageError
from ..indexer.embed.choice import ModelChoice
from ..library import Library
from ..output.console import show, stop_on_signal, tell
from ..output.indexing import index_fields, index_sentence
from ..output.listing import Summary
from ..output.manners import hints, is_quiet
from ..output.text import kinds_in_words, plural, some_names
from ..store.names import did_you_mean, is_below, is_remote
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value
from .settings import read_settings

if TYPE_CHECKING:
    from ..indexer.options import IndexOptions, IndexReport

# How long to wait while another program indexes.
_LOCKED_S = 30.0

PathsArgument = Annotated[
    opt.Repeatable, argument("PATH", "Folders, or single photos; none: all folders of the library.")
]
AllowNetworkOption = Annotated[
    bool,
    flag(
        "--allow-network-store", "Make the store on a network drive at your own risk.", panel=opt.ADVANCED
    ),
]


@dataclass(frozen=True)
class Run:
    """How to index."""

    accept_missing: int = value(
        "--accept-missing", "N", "Accept that up to N photos are gone.", 0, min=0, show_default=False
    )
    accept_drive: bool = flag("--accept-drive", "Accept that a folder is on another drive now.")
    marker: bool = flag("--marker", "Write a marker file, to know a folder's drive for certain.")
    retry_failed: bool = flag("--retry-failed", "Read unreadable files again though unchanged.")
    prove: bool = flag("--prove", "Then compare what may be copies, so that `dupes` answers at once.")
    regions: bool = flag("--regions", "Read photos again that `search --box` cannot look into yet.")
    watch: bool = flag("--watch", "Then stay, and bring what changes up to date, until Ctrl-C.")
    poll: float | None = value(
        "--poll", "SECONDS", "With --watch: look this often, instead of being told of changes.", min=0.1
    )
    workers: opt.WorkersOption = None

    def check(self) -> None:
        """Check that what was asked for can be done, before a run that may take hours.

        Raises:
            UsageError: --poll without --watch.
            ExtraMissing: see `watching.notifier`.
        """
        if self.poll is not None and not self.watch:
            raise UsageError("--poll says how often --watch looks; give both")
        if self.watch and self.poll is None:
            from ..indexer.watching import notifier

            notifier()


@dataclass(frozen=True)
class ModelArgs:
    """The model of a new store."""

    panel: ClassVar[str] = "Model of a new store"

    model: opt.Text = value("--model", "NAME", "One of `lookalike models`, or onnx:FILE.")
    input_size: int | None = value("--input-size", "N", "Pixels that the model sees.")
    input_rule: opt.Text = value("--input-rule", "RULE", "How a photo becomes square: fit, squash or crop.")
    weights: opt.Text = value("--weights", "FILE", "A checkpoint of your own.")
    width_mult: float | None = value("--width-mult", "N", "Width multiplier of that checkpoint.")
    engine: opt.EngineOption = opt.Engine.auto
    device: opt.DeviceOption = opt.Device.auto

    def choice(self) -> ModelChoice:
        """Return what was chosen."""
        return ModelChoice(
            self.model,
            self.input_size,
            self.input_rule,
            self.weights,
            self.width_mult,
            self.engine,
            self.device,
        )


@command(
    Topic.LIBRARY,
    "lookalike index ~/Pictures",
    "lookalike index",
    "lookalike index --watch",
    "lookalike index ~/Pictures /mnt/nas/photos --exclude 'thumbs/'",
    "lookalike index /mnt/usb --marker",
)
def index(
    paths: PathsArgument = None,
    *,
    run: Run,
    scan: opt.Scan,
    model: ModelArgs,
    allow_network_store: AllowNetworkOption = False,
    form: opt.SummaryOption = opt.SummaryFormat.table,
    at: opt.WriteArgs,
) -> Summary | ExitCode:
    """Add folders of photos to the library, or update them.

    Without PATH, all folders of the library are brought up to date, with the rules of this call. New,
    changed, moved and vanished photos are found. Unchanged files are not opened, moved and copied
    ones not decoded again; XMP sidecars are read when they are new or changed. Photos that cannot be
    read are listed by `lookalike errors` and do not stop the run. Ctrl-C keeps all finished work.
    Videos, and RAW and other pictures that are not looked into, are counted by kind.

    With --watch it stays after that, and brings what changes up to date a few seconds after the last file
    was written, until Ctrl-C. It says nothing while nothing changes. A drive that goes away and comes back
    is no change of its photos.
    """
    from ..indexer.options import IndexOptions

    if allow_network_store:
        from ..store.place import allow_network

        allow_network()
    run.check()
    options = IndexOptions(
        scan.options(),
        workers=run.workers,
        retry_failed=run.retry_failed,
        accept_missing=run.accept_missing,
        accept_drive=run.accept_drive,
        marker=run.marker,
        regions=run.regions,
    )
    updates = Updates(at, model.choice(), options, run.prove, stop_on_signal())
    first = updates.first(paths)
    if not run.watch or updates.stop.is_set():
        return first
    show(first, form)
    for update in updates.later(run.poll):
        show(update, form)
    return ExitCode.INTERRUPTED


class Updates:
    """Index runs over the same folders, one after the other.

    prove: prove copies after each. stop: ends the run that goes on, and all.
    """

    def __init__(
        self,
        at: opt.WriteArgs,
        choice: ModelChoice,
        options: "IndexOptions",
        prove: bool,
        stop: threading.Event,
    ) -> None:
        self.stop = stop
        self._at, self._choice, self._options, self._prove = at, choice, options, prove
        self._folders: list[str] = []
        self._told: list[str] = []
        self._counts = (0, 0)

    def first(self, paths: list[str] | None) -> Summary:
        """Bring folders up to date (None: those of the config file and of the library)."""
        written = [] if paths else read_settings().values.get("folders", [])
        if (paths or written) and not self._at.is_there:
            _check_first(paths, written, self._choice)
        with self._at.writing(create=bool(paths or written)) as library:
            unknown = _unknown(library, written)
            self._folders = paths or _known(library, [name for name in written if name not in unknown])
            report, total = self._run(
                library, [f"{_missing(name)}; the others were indexed" for name in unknown]
            )
        is_next = total and not report.interrupted
        return Summary(
            index_fields(report, total),
            report_lines(report, total),
            hints(f"next: `{self._at.call('dupes')}` lists copies") if is_next else (),
            exit=exit_code(report),
            is_account=True,
        )

    def later(self, poll_s: float | None) -> Iterator[Summary]:
        """Bring them up to date whenever something changed, and yield what changed; see `Watcher`."""
        from ..indexer.watching import Watcher

        folders = [os.path.realpath(os.fsencode(each)) for each in self._folders]
        store = os.path.realpath(os.fsencode(self._at.folder))
        watcher = Watcher(folders, store, self.stop, tell, self._options.scan, poll_s)
        # What was accepted was so for once, and what cannot be read was tried again.
        self._options = replace(
            self._options, retry_failed=False, accept_missing=0, accept_drive=False, marker=False
        )
        if not is_quiet():
            tell(f"watching {plural(len(folders), 'folder')}; Ctrl-C ends it")
        for _ in watcher.changes():
            yield from self._update()

    def _update(self) -> Iterator[Summary]:
        """Yield what a run changed, if it did; wait for another program that writes to the store."""
        before = self._counts
        while not self.stop.is_set():
            try:
                with self._at.writing() as library:
                    report, total = self._run(library)
            except StoreLocked as error:
                self._tell([str(error)])
                self.stop.wait(_LOCKED_S)
                continue
            if report.has_changed or (self._counts != before and report.listed):
                line = f"{datetime.now():%Y-%m-%d %H:%M:%S}  {index_sentence(report, total)}"
                yield Summary(index_fields(report, total), [line], is_account=True)
            return

    def _run(self, library: Library, refused: Sequence[str] = ()) -> "tuple[IndexReport, int]":
        """Return what a run did, and how many photos the library has then. refused: what it left aside."""
        from ..output.progress import ProgressBar

        with ProgressBar() as progress:
            report = library.index(
                self._folders,
                choice=self._choice,
                options=self._options,
                progress=progress,
                stop=self.stop,
            )
            if self._prove and not self.stop.is_set():
                library.copies.find(progress=progress, stop=self.stop)
        report.refused += refused
        problems = [f"cannot look into {problem}" for problem in report.problems]
        forget = self._at.call("forget")
        moved = [
            f"the photos of {old} lie in {new} now: if they stay there, `{forget} {quote(old)}`, "
            "which first shows how many are nowhere else"
            for old, new in library.folders.relocated()
        ]
        self._tell(problems + report.refused + report.unmarked + moved)
        if report.newly_failed:
            why = f"`{self._at.call('errors')}` says why"
            tell(f"cannot read {some_names(report.newly_failed)} ({why})")
        self._counts = (report.listed, report.failed)
        return report, library.totals().photos

    def _tell(self, messages: list[str]) -> None:
        """Tell what the last run had not to tell."""
        for message in messages:
            if message not in self._told:
                tell(message)
        self._told = messages


def _missing(name: str) -> str:
    return f"{read_settings().place('folders')}: folders: there is no folder {name}{did_you_mean(name)}"


def _check_first(paths: list[str] | None, written: list[str], choice: ModelChoice) -> None:
    """Check what a first run is asked for, so that one that fails makes no store.

    Raises:
        UsageError: a folder is not there, or none of the config file is, or it is none of photos.
        ModelError: there is no such model.
    """
    from ..indexer.drives.drives import asked_paths

    there = paths or [name for name in written if os.path.exists(name) or is_remote(name)]
    if not there:
        raise UsageError(_missing(written[0]))
    asked_paths(there)
    choice.spec_for(None)


def _unknown(library: Library, written: list[str]) -> list[str]:
    """Return the folders of the config file that are not there, and not of the library either."""
    missing = [name for name in written if not (os.path.exists(name) or is_remote(name))]
    known = [folder.path for folder in library.folders.status()] if missing else []
    return [name for name in missing if not is_below(os.path.realpath(name), known)]


def _known(library: Library, written: list[str]) -> list[str]:
    """Return the folders of the config file and of the library, and say which these are.

    Raises:
        UsageError: there is none.
    """
    folders = library.folders.status()
    # What lies in an object store other commands bring up to date; they are named where that is all.
    here = [folder.path for folder in folders if folder.state != "remote"]
    known = list(dict.fromkeys([*written, *(here or (folder.path for folder in folders))]))
    if not known:
        raise UsageError("the library has no folders yet; name one, as in `lookalike index ~/Pictures`")
    if not is_quiet():
        tell(f"bringing up to date: {', '.join(known)}")
    return known


def exit_code(report: "IndexReport") -> ExitCode:
    """Return how a run ends."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.refused:
        return ExitCode.OFFLINE
    return ExitCode.PARTLY if report.failed or report.problems or report.unmarked else ExitCode.DONE


def report_lines(report: "IndexReport", total: int) -> Iterator[str]:
    """Write what an index run did, and what it did not look at."""
    yield index_sentence(report, total)
    if report.unread:
        yield f"not looked at: {kinds_in_words(report.unread)}"
