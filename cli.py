"""The command line: parse, call one function, render."""

import gc
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .commands import (
    apply,
    care,
    copies,
    folders,
    inspect,
    labels,
    search,
)
from .commands import (
    fields as listings,
)
from .commands import options as opt
from .commands import (
    status as summaries,
)
from .errors import LookalikeError, StoreMissing
from .indexer.embed.choice import ModelChoice
from .library import Library
from .output.console import INTERRUPTED, OFFLINE, PARTLY, say, say_document, show, stop_on_signal, tell

if TYPE_CHECKING:
    from .indexer.options import IndexReport

app = typer.Typer(
    help="Find photos that look alike: index a library once, query it by example, find its copies. "
    "Works offline, on a CPU; your photos are only read, but by `apply`, which can be undone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text wraps as it should, and starts faster
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(epilog="Example: lookalike index ~/Pictures --exclude 'thumbs/'")
def index(
    paths: opt.PathsArgument,
    exclude: opt.ExcludeOption = None,
    hidden: opt.HiddenOption = False,
    one_filesystem: opt.OneFilesystemOption = False,
    follow: opt.FollowOption = False,
    all_files: opt.EveryFileOption = False,
    workers: opt.WorkersOption = None,
    retry_failed: opt.RetryOption = False,
    accept_missing: opt.AcceptMissingOption = 0,
    accept_drive: opt.AcceptDriveOption = False,
    marker: opt.MarkerOption = False,
    regions: opt.RegionsOption = False,
    model: opt.ModelOption = None,
    input_size: opt.InputSizeOption = None,
    input_rule: opt.InputRuleOption = None,
    weights: opt.WeightsOption = None,
    width_mult: opt.WidthMultOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    lock_timeout: opt.LockTimeoutOption = 10,
    allow_network_store: opt.AllowNetworkOption = False,
    form: opt.SummaryOption = opt.Summary.table,
    store: opt.StoreOption = None,
) -> None:
    """Bring the library up to date with folders of photos.

    New, changed, moved and vanished photos are found. Unchanged files are not opened, moved and copied
    ones not decoded again. Photos that cannot be read are listed by `lookalike errors` and do not stop
    the run. Ctrl-C keeps all finished work.
    """
    from .indexer.options import IndexOptions
    from .indexer.scan.walk import ScanOptions
    from .output.progress import IndexProgress

    scan = ScanOptions(tuple(exclude or ()), hidden, one_filesystem, follow, all_files)
    choice = ModelChoice(model, input_size, input_rule, weights, width_mult, engine)
    options = IndexOptions(scan, workers, retry_failed, accept_missing, accept_drive, marker, regions)
    if allow_network_store:
        from .store.place import allow_network

        allow_network()
    opened = Library.open(store, create=True, lock_timeout_s=lock_timeout)
    with opened as library, IndexProgress() as progress:
        report = library.index(
            paths, choice=choice, options=options, progress=progress, stop=stop_on_signal()
        )
        total = library.totals().photos
    _show_index(report, total, form)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.refused:
        raise typer.Exit(OFFLINE)
    if report.failed or report.problems or report.unmarked:
        raise typer.Exit(PARTLY)


def _show_index(report: "IndexReport", total: int, form: opt.Summary) -> None:
    for problem in report.problems:
        tell(f"cannot look into {problem}")
    for said in report.refused + report.unmarked:
        tell(said)
    if form is opt.Summary.json:
        say_document(summaries.report_fields(report, total))
    else:
        say(summaries.report_line(report, total))


search.add_to(app)
labels.add_to(app)
copies.add_to(app)
apply.add_to(app)
folders.add_to(app)
inspect.add_to(app)
care.add_to(app)


@app.command(epilog="Example: lookalike status --format json")
def status(form: opt.SummaryOption = opt.Summary.table, store: opt.StoreOption = None) -> None:
    """Say what the library holds."""
    with Library.open(store) as library:
        fields = summaries.status_fields(library)
    if form is opt.Summary.json:
        say_document(fields)
    else:
        say("\n".join(summaries.status_lines(fields)))


@app.command(epilog="Example: lookalike errors --format csv > unreadable.csv")
def errors(form: opt.FormatOption = opt.Format.table, store: opt.StoreOption = None) -> None:
    """List the files that could not be indexed, and why."""
    with Library.open(store) as library:
        show(listings.errors_listing(library.errors()), form)


@app.command(epilog="Example: lookalike export --format csv --in Pictures/2023 > photos.csv")
def export(
    in_: opt.InOption = None,
    since: opt.SinceOption = None,
    until: opt.UntilOption = None,
    camera: opt.CameraOption = None,
    min_size: opt.MinSizeOption = None,
    format_is: opt.FormatIsOption = None,
    near: opt.NearOption = None,
    condition: opt.WhereOption = None,
    sort: opt.OrderOption = None,
    vectors: opt.VectorsOption = None,
    form: opt.FormatOption = opt.Format.jsonl,
    store: opt.StoreOption = None,
) -> None:
    """List every file of the library with all that is known of it."""
    with Library.open(store) as library:
        where = library.where(
            in_ or (),
            since,
            until,
            camera=camera or (),
            min_size=min_size,
            formats=format_is or (),
            near=near,
            where=condition,
        )
        if vectors is not None:
            count = library.export_vectors(vectors, where)
            tell(f"{count:,} embeddings written to {vectors}")
        show(listings.export_listing(library.photos(where, sort), library.labels.of), form)


@app.command(epilog="Example: lookalike models --bench")
def models(
    bench: opt.BenchOption = False,
    fetch: opt.FetchOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.RowsOption = opt.Rows.table,
    store: opt.StoreOption = None,
) -> None:
    """List the models to choose from.

    Each with the size of an embedding, its cost, whether its weights are on this machine, and whether
    the store uses it.
    """
    from .indexer.embed.models import bench_model, list_models

    if fetch is not None:
        from .indexer.embed.weights.loader import fetch as fetch_weights

        tell(f"downloading {fetch} ...")
        fetch_weights(fetch)
    rows = (
        (model, bench_model(model.name, engine=engine) if bench and model.is_here else None)
        for model in list_models()
    )
    show(summaries.models_listing(rows, _model_of(store)), form)


def _model_of(store: str | None) -> str | None:
    """Return the name of the model that a store uses, None where there is no store."""
    try:
        with Library.open(store) as library:
            return library.spec.model if library.spec else None
    except StoreMissing:
        return None


def _version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        say(f"lookalike {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


# Seconds in which every command has imported what it needs.
_STARTED_S = 2.0


def _collect_garbage_later() -> None:
    """Look for no garbage among what is imported: all of it stays, and looking took a tenth of a search."""
    gc.disable()
    later = threading.Timer(_STARTED_S, gc.enable)
    later.daemon = True
    later.start()


def main() -> NoReturn:
    """Be the program: run the command line of this process and end with its exit code."""
    _collect_garbage_later()
    sys.exit(run())


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line (None: that of this process) and return its exit code.

    Every foreseen error is a line on stderr and an exit code.
    """
    try:
        app(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except LookalikeError as error:
        tell(str(error))
        for line in error.details:
            tell(line)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError:
        tell(
            "out of memory; what was finished is kept: run it again, with fewer --workers where it has them"
        )
        return 1
    except Exception as error:
        if os.environ.get("LOOKALIKE_DEBUG"):
            raise
        tell(f"a mistake of ours: {type(error).__name__}: {error}; LOOKALIKE_DEBUG=1 shows where")
        return 1
    return 0
