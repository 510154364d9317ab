"""Summaries: what an index run did, what the library holds, which models there are."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..output.listing import Listing, columns, file_size, printable
from ..store.documents import Row
from .folders import root_fields, root_words

if TYPE_CHECKING:
    from ..indexer.embed.models import ModelBench, ModelInfo
    from ..indexer.options import IndexReport
    from ..library import Library


def report_fields(report: "IndexReport", total: int) -> Row:
    """Return what an index run did as one JSON object. total: photos in the library now."""
    fields = {name: getattr(report, name) for name in report.__slots__}
    return {**fields, "seconds": round(report.seconds, 3), "photos": total}


def report_line(report: "IndexReport", total: int) -> str:
    """Return what an index run did as a sentence."""
    counts = [
        (report.embedded, "new"),
        (report.recognized, "moved, touched or copied"),
        (report.unchanged, "unchanged"),
        (report.absent, "gone"),
        (report.excluded, "left out"),
        (report.failed, "unreadable (see `lookalike errors`)"),
    ]
    said = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "no photos"
    state = "stopped early, finished work is kept: " if report.interrupted else ""
    return f"{state}{said}; {total:,} photos in the library ({report.seconds:.1f} s)"


def models_listing(models: "Iterable[tuple[ModelInfo, ModelBench | None]]", used: str | None) -> Listing:
    """List the models, with their speed where it was measured. used: the one of the store, if any."""

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        head = ("model", "dim", "parameters", "multiply-adds", "input", "weights", "images/s", "latency")
        table = [head, *(_model_line(row) for row in rows)]
        if not any(row[-1] for row in table[1:]):
            table = [row[:-2] for row in table]
        yield from columns(table, right=(1, 2, 3, 6, 7))

    return Listing(
        key="models",
        rows=(_model_row(model, bench) | {"in_use": model.name == used} for model, bench in models),
        lines=lines,
        flat=lambda row: [row],
        columns=(
            *("name", "dim", "parameters", "multiply_adds", "input_rule", "input_size", "is_here"),
            "in_use",
            *("engine", "images_per_s", "latency_ms", "weights", "licence", "source"),
        ),
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
    here = "here" if row["is_here"] else f"not here: lookalike models --fetch {row['name']}"
    here += ", used by the store" if row["in_use"] else ""
    return (
        row["name"],
        str(row["dim"]),
        f"{row['parameters'] / 1e6:.2f} M",
        f"{row['multiply_adds'] / 1e6:,.0f} M",
        f"{row['input_rule']} {row['input_size']}",
        here,
        *speed,
    )


def status_fields(library: "Library") -> Row:
    """Return what the library holds as one JSON object."""
    totals, spec = library.totals(), library.spec
    count, size = library.store.thumbs.totals()
    return {
        "store": library.store.folder,
        "roots": [root_fields(root) for root in library.folders.status()],
        "photos": totals.photos,
        "files": {name: getattr(totals, name) for name in ("present", "failed", "absent", "excluded")},
        "bytes": totals.file_bytes,
        "repeated_bytes": totals.file_bytes - totals.photo_bytes,
        "thumbnails": {"count": count, "bytes": size},
        "store_bytes": _folder_bytes(library.store.folder),
        "model": json.loads(spec.to_json()) if spec else None,
        "fingerprint": spec.fingerprint if spec else None,
    }


def _folder_bytes(folder: str) -> int:
    total = 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # snapshots and logs come and go beside us
            total += os.stat(os.path.join(folder, name)).st_size
    return total


def status_lines(fields: Row) -> Iterator[str]:
    """Lay the status out for people."""
    files, model = fields["files"], fields["model"]
    missing = [f"{files[name]:,} {name}" for name in ("failed", "absent", "excluded") if files[name]]
    lines = [
        ("store", f"{printable(fields['store'])} ({file_size(fields['store_bytes'])})"),
        *(("folder", root_words(root)) for root in fields["roots"]),
        ("photos", f"{fields['photos']:,} in {files['present']:,} files, {file_size(fields['bytes'])}"),
        ("not shown", ", ".join(missing) or "nothing"),
    ]
    if model:
        said = (
            f"{model['model']}, {model['input_rule']} {model['input_size']}, {model['dim']} numbers a photo"
        )
        lines.append(("model", said))
    yield from columns(lines)
