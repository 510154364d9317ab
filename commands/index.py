"""The command that brings the library up to date."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..errors import ExitCode, UsageError
from ..indexer.embed.choice import ModelChoice
from ..library import Library
from ..output.console import stop_on_signal, tell
from ..output.indexing import index_fields, index_sentence
from ..output.listing import Summary
from ..output.manners import hints, is_quiet
from ..output.text import kinds_in_words
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value
from .settings import read_settings

if TYPE_CHECKING:
    from ..indexer.options import IndexReport
    from ..indexer.scan.walk import ScanOptions

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
class Scan:
    """Which files belong to the library."""

    panel: ClassVar[str] = "Which files"

    exclude: opt.Repeatable = value("--exclude", "GLOB", "Leave these out; repeatable.")
    hidden: bool = flag("--hidden", "Enter folders that begin with a dot.")
    one_filesystem: bool = flag("--one-filesystem", "Stay on the drive of each PATH.")
    follow: bool = flag("--follow", "Follow links to files and folders.")
    all_files: bool = flag("--all-files", "Look into every file, not only those named as photos.")

    def options(self) -> "ScanOptions":
        """Return what was given."""
        from ..indexer.scan.walk import ScanOptions

        return ScanOptions(
            tuple(self.exclude or ()), self.hidden, self.one_filesystem, self.follow, self.all_files
        )


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
    workers: opt.WorkersOption = None


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
    "lookalike index ~/Pictures /mnt/nas/photos --exclude 'thumbs/'",
    "lookalike index /mnt/usb --marker",
)
def index(
    paths: PathsArgument = None,
    *,
    run: Run,
    scan: Scan,
    model: ModelArgs,
    allow_network_store: AllowNetworkOption = False,
    form: opt.SummaryOption = opt.SummaryFormat.table,
    at: opt.WriteArgs,
) -> Summary:
    """Add folders of photos to the library, or update them.

    Without PATH, all folders of the library are brought up to date, with the rules of this call. New,
    changed, moved and vanished photos are found. Unchanged files are not opened, moved and copied
    ones not decoded again. Photos that cannot be read are listed by `lookalike errors` and do not stop
    the run. Ctrl-C keeps all finished work. RAW, videos and other pictures that are not looked into are
    counted by kind.
    """
    from ..indexer.options import IndexOptions
    from ..output.progress import ProgressBar

    if allow_network_store:
        from ..store.place import allow_network

        allow_network()
    options = IndexOptions(
        scan.options(),
        workers=run.workers,
        retry_failed=run.retry_failed,
        accept_missing=run.accept_missing,
        accept_drive=run.accept_drive,
        marker=run.marker,
        regions=run.regions,
    )
    stop = stop_on_signal()
    written = [] if paths else read_settings().values.get("folders", [])
    with at.writing(create=bool(paths or written)) as library, ProgressBar() as progress:
        folders = paths or _known(library, written)
        report = library.index(
            folders, choice=model.choice(), options=options, progress=progress, stop=stop
        )
        if run.prove and not stop.is_set():
            library.copies.find(progress=progress, stop=stop)
        total = library.totals().photos
    next_step = hints(f"next: `{at.call('dupes')}` lists copies")
    for problem in report.problems:
        tell(f"cannot look into {problem}")
    for message in report.refused + report.unmarked:
        tell(message)
    return Summary(
        index_fields(report, total),
        report_lines(report, total),
        next_step if total and not report.interrupted else (),
        exit=exit_code(report),
        is_account=True,
    )


def _known(library: Library, written: list[str]) -> list[str]:
    """Return the folders of the config file and of the library, and say which these are.

    Raises:
        UsageError: there is none.
    """
    known = list(dict.fromkeys([*written, *(folder.path for folder in library.folders.status())]))
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
