"""The commands that say what there is: the library, its files, what could not be read, and the models."""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Annotated

from ..errors import StoreMissing
from ..library import Library
from ..output.console import tell
from ..output.listing import Listing, Summary
from ..output.screen import short
from ..output.text import columns, day, file_size, kinds_in_words, pixels, plural, printable
from ..output.waiting import waiting_fields, waiting_words
from ..store.documents import Row, path_fields
from ..store.names import format_name, is_below
from . import options as opt
from .fields import label_names
from .folders import root_fields, root_words, unseen_roots, unseen_words
from .groups import Topic, command
from .options import flag, value

if TYPE_CHECKING:
    from ..dedup.actions.waiting import Moved
    from ..indexer.embed.models import ModelBench, ModelInfo
    from ..store.catalog.photos import FileError
    from ..store.spec import EmbedderSpec
    from ..store.store import Store

# --- status -----------------------------------------------------------------------------------


@command(Topic.LIBRARY, "lookalike status", "lookalike status --format json")
def status(*, form: opt.SummaryOption = opt.SummaryFormat.table, at: opt.StoreArgs) -> Summary:
    """Show what the library contains."""
    with at.reading() as library:
        moved = library.moved()
        fields = status_fields(library, moved)
    is_empty = not any(fields["files"].values())
    lines = chain(status_lines(fields), [at.when_empty] if is_empty else [])
    return Summary(fields, lines, notes=moved.troubles)


def status_fields(library: Library, moved: "Moved") -> Row:
    """Return what the library contains as one JSON object. moved: what became of what `apply` moved."""
    totals, spec = library.totals(), library.spec
    roots = [root_fields(root) for root in library.folders.status(moved.fates)]
    taken = {name: sum(root[name] for root in roots) for name in ("moved", "deleted", "gone")}
    count, size = library.store.thumbs.totals()
    return {
        "store": library.store.name,
        "roots": roots,
        "photos": totals.photos,
        "files": {name: getattr(totals, name) for name in ("present", "failed", "excluded")}
        | {"absent": totals.absent - sum(taken.values())}
        | taken,
        "unread": dict(sum((Counter(root["unread"]) for root in roots), Counter[str]())),
        "bytes": totals.file_bytes,
        "repeated_bytes": totals.file_bytes - totals.photo_bytes,
        "quarantine": waiting_fields(
            [lot for lot in moved.lots if not lot.is_trash], moved.away["quarantine"]
        ),
        "trash": waiting_fields([lot for lot in moved.lots if lot.is_trash], moved.away["trash"]),
        "thumbnails": {"count": count, "bytes": size},
        "store_bytes": _bytes_of(library.store),
        "model": json.loads(spec.to_json()) if spec else None,
        "fingerprint": spec.fingerprint if spec else None,
    }


def _bytes_of(store: "Store") -> int:
    if store.outside is not None:
        return store.outside.size
    total = 0
    for name in os.listdir(store.folder):
        with contextlib.suppress(FileNotFoundError):  # snapshots and logs come and go beside us
            total += os.stat(os.path.join(store.folder, name)).st_size
    return total


_HIDDEN = {
    "failed": "failed",
    "absent": "missing",
    "excluded": "excluded",
    "moved": "moved as copies",
    "deleted": "deleted by `prune`",
    "gone": "gone from the trash or quarantine",
}


def status_lines(fields: Row) -> Iterator[str]:
    """Lay the status out for people."""
    files, model = fields["files"], fields["model"]
    hidden = [f"{files[name]:,} {words}" for name, words in _HIDDEN.items() if files[name]]
    photos, present = plural(fields["photos"], "photo"), plural(files["present"], "file")
    lines = [
        ("store", f"{printable(fields['store'])} ({file_size(fields['store_bytes'])})"),
        *(("folder", root_words(root)) for root in fields["roots"]),
        ("photos", f"{photos} in {present}, {file_size(fields['bytes'])}"),
        ("not shown", ", ".join(hidden) or "nothing"),
    ]
    for place in ("quarantine", "trash"):
        words = list(waiting_words(fields[place], place))
        lines += zip([place, *[""] * len(words)], words, strict=False)
    if fields["unread"]:
        lines.append(("not looked at", kinds_in_words(fields["unread"])))
    if model:
        size = f"{model['input_rule']} {model['input_size']}, {model['dim']} numbers a photo"
        lines.append(("model", f"{model['model']}, {size}"))
    yield from columns(lines)


# --- errors -----------------------------------------------------------------------------------


@command(Topic.LIBRARY, "lookalike errors", "lookalike errors --format csv > unreadable.csv")
def errors(*, form: opt.FormatOption = opt.Format.table, at: opt.StoreArgs) -> Listing:
    """List the files that could not be read, and why."""
    with at.reading() as library:
        return errors_listing(library.errors())


def errors_listing(errors: "Iterable[FileError]") -> Listing:
    """List the files that could not be indexed."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [(row["error"], printable(short(row["path"])), printable(row["message"])) for row in rows]
        yield from columns(table, name=1) if table else ["every file could be read"]

    rows = ({**path_fields(each.path), "error": each.error, "message": each.message} for each in errors)
    return Listing("errors", rows, lines, ("path", "error", "message"))


# --- export -----------------------------------------------------------------------------------


class Order(StrEnum):
    """In what order photos are listed."""

    time = "time"
    newest = "-time"
    path = "path"


SortOption = Annotated[
    Order | None, value("--sort", "ORDER", "time, -time (newest first) or path.", panel=opt.OUTPUT)
]
VectorsOption = Annotated[
    opt.Text, value("--vectors", "FILE.npz", "Write the embeddings there, and list nothing.")
]

ParquetOption = Annotated[
    opt.Text, value("--parquet", "FILE.parquet", "Write files and embeddings there, and list nothing.")
]
SqliteOption = Annotated[
    opt.Text, value("--sqlite", "FILE.db", "Write photos, copies, labels, thumbnails there; list nothing.")
]


@command(
    Topic.LIBRARY,
    "lookalike export --format csv > photos.csv",
    "lookalike export --format csv --in Pictures/2023 > photos.csv",
    "lookalike export --where 'rating = 5 and keyword = Lyon' --format paths",
    "lookalike export --parquet photos.parquet",
    "lookalike export --sqlite photos.db",
    "lookalike export --vectors vectors.npz",
)
def export(
    *,
    filters: opt.Filters,
    vectors: VectorsOption = None,
    parquet: ParquetOption = None,
    sqlite: SqliteOption = None,
    sort: SortOption = None,
    form: opt.FormatOption = opt.Format.jsonl,
    at: opt.StoreArgs,
) -> Listing:
    """List all files with everything that is known of them."""
    from ..output.exports import SAID, export_rows

    def rows() -> Iterator[Row]:
        with at.reading() as library:
            where = filters.of(library)
            files = (
                (vectors, "embedding", library.export_vectors),
                (parquet, "file", library.export_parquet),
                (sqlite, "file", library.export_sqlite),
            )
            for path, what, write in files:
                if path is not None:
                    tell(f"{plural(write(path, where), what)} written to {path}")
            if not any(path is not None for path, *_ in files):
                unseen = {root.path: root for root in unseen_roots(library)}
                listed = Counter[str]()
                for row in export_rows(library.store, library.labels, library.photos(where, sort)):
                    listed.update(path for path in unseen if is_below(row["path"], [path]))
                    yield row
                for path, count in listed.items():
                    tell(f"{unseen_words(count, unseen[path])}; listed as last seen")

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            form = format_name(row["format"])
            yield f"{day(row['date'])}  {pixels(row):>11}  {form:<5} {printable(row['path'])}"

    names = "path content id width height format bytes date taken taken_from camera lens"
    return Listing(
        "files",
        rows(),
        lines,
        columns=[*names.split(), "latitude", "longitude", "altitude", *SAID, "warning", "labels"],
        flat=_flat_export,
    )


def _flat_export(row: Row) -> Iterator[Row]:
    several = {name: "; ".join(row[name]) for name in ("keywords", "people")}
    yield {**row, **several, "labels": label_names(row["labels"])}


# --- models -----------------------------------------------------------------------------------

BenchOption = Annotated[bool, flag("--bench", "Measure the speed of those that are here.")]
FetchOption = Annotated[opt.Text, value("--fetch", "NAME", "Download the official weights of this model.")]


@command(Topic.CARE, "lookalike models --bench", "lookalike models --fetch mobilenet_v3_small")
def models(
    bench: BenchOption = False,
    fetch: FetchOption = None,
    *,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.RowsOption = opt.Rows.table,
    at: opt.StoreArgs,
) -> Listing:
    """List the models to choose from.

    Each with the size of an embedding, its cost, whether its weights are on this machine, and whether
    the store uses it. A model of your own is listed for a store that uses it.
    """
    from ..indexer.embed.embedder import Embedder
    from ..indexer.embed.models import bench_embedder, bench_model, list_models, own_model_info

    if fetch is not None:
        from ..indexer.embed.weights.loader import fetch as fetch_weights

        tell(f"downloading {fetch} ...")
        fetch_weights(fetch)
    used = _spec_of(at)
    rows = [
        (model, bench_model(model.name, engine=engine) if bench and model.is_here else None)
        for model in list_models()
    ]
    if used is not None and used.own is not None:
        own = own_model_info(used)
        rows.append((own, bench_embedder(Embedder(used, engine=engine)) if bench and own.is_here else None))
    return models_listing(rows, used.model if used else None)


def _spec_of(at: opt.StoreArgs) -> "EmbedderSpec | None":
    """Return the spec of the model that a store uses, None where there is no store."""
    try:
        with at.reading() as library:
            return library.spec
    except StoreMissing:
        return None


def models_listing(models: "Iterable[tuple[ModelInfo, ModelBench | None]]", used: str | None) -> Listing:
    """List the models, with their speed where it was measured. used: the one of the store, if any."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        head = ("model", "dim", "parameters", "multiply-adds", "input", "weights", "images/s", "latency")
        found = list(rows)
        # Both what a model is and how fast it is do not fit a terminal.
        is_measured = any("engine" in row for row in found)
        wanted = (0, 1, 3, 4, 6, 7) if is_measured else range(6)
        table = [[row[place] for place in wanted] for row in (head, *map(_model_line, found))]
        yield from columns(table, right=(1, 2, 4, 5) if is_measured else (1, 2, 3))
        if any(not row["is_here"] and row["parameters"] for row in found):
            yield "weights that are not here: `lookalike models --fetch NAME` downloads them"
        if any(not row["is_here"] and not row["parameters"] for row in found):
            yield "of a model of your own: pass its file again"

    names = "name dim parameters multiply_adds input_rule input_size is_here in_use engine images_per_s"
    return Listing(
        key="models",
        rows=(_model_row(model, bench) | {"in_use": model.name == used} for model, bench in models),
        lines=lines,
        columns=[*names.split(), "latency_ms", "weights", "licence", "source"],
    )


def _model_row(model: "ModelInfo", bench: "ModelBench | None") -> Row:
    row = {name: getattr(model, name) for name in model.__slots__}
    if bench is not None:
        row["engine"] = bench.engine
        row["images_per_s"] = round(bench.images_per_s, 1)
        row["latency_ms"] = round(bench.latency_ms, 2)
    return row


def _model_line(row: Row) -> tuple[str, ...]:
    speed = ("", "")
    if "engine" in row:
        speed = (f"{row['images_per_s']:.0f} ({row['engine']})", f"{row['latency_ms']:.1f} ms")
    here = "here" if row["is_here"] else "not here"
    here += ", in use" if row["in_use"] else ""
    return (
        row["name"],
        str(row["dim"]),
        f"{row['parameters'] / 1e6:.2f} M" if row["parameters"] else "",
        f"{row['multiply_adds'] / 1e6:,.0f} M" if row["multiply_adds"] else "",
        f"{row['input_rule']} {row['input_size']}",
        here,
        *speed,
    )
