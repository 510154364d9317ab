"""What an index run did, as a JSON object and in a sentence."""

from typing import TYPE_CHECKING

from ..store.documents import Row
from .text import plural

if TYPE_CHECKING:
    from ..indexer.options import IndexReport


def index_fields(report: "IndexReport", total: int) -> Row:
    """Return what an index run did as one JSON object. total: photos in the library now."""
    fields = {name: getattr(report, name) for name in report.__slots__}
    return {**fields, "moved": report.moved, "seconds": round(report.seconds, 3), "photos": total}


def index_sentence(report: "IndexReport", total: int) -> str:
    """Say what an index run did with files. total: photos in the library now."""
    are_all_new = report.new >= total
    are_all_told = len(report.newly_failed) >= report.failed  # by name, as they were met
    counts = [
        (report.new, "new"),
        (report.copies, f"exact {'copy' if report.copies == 1 else 'copies'}{' of these' * are_all_new}"),
        (report.moved, "moved or touched"),
        (report.renewed, "read again"),
        (report.sidecars, "with sidecars" if are_all_new else "with new or changed sidecars"),
        (report.unchanged, "unchanged"),
        (report.absent, "gone"),
        (report.excluded, "left out"),
        (report.failed, "unreadable" if are_all_told else "unreadable (see `lookalike errors`)"),
    ]
    files = ", ".join(f"{count:,} {state}" for count, state in counts if count) or "no photos"
    state = "stopped early, finished work is kept: " if report.interrupted else ""
    return f"{state}{files}; {plural(total, 'photo')} in the library ({report.seconds:.1f} s)"
