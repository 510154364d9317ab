"""What became of files, and the runs that did it, as JSON objects."""

import os
from typing import TYPE_CHECKING

from ..store.documents import Row, path_fields

if TYPE_CHECKING:
    from ..dedup.actions.journal import Record
    from ..dedup.actions.outcome import Outcome


def outcome_row(outcome: "Outcome") -> Row:
    """Return what became, or would become, of a file."""
    return {
        "state": outcome.state,
        **path_fields(outcome.path),
        "kind": outcome.kind,
        "bytes": outcome.size,
        "method": outcome.method,
        **path_fields(outcome.to, "to"),
        **path_fields(outcome.keeper, "keeper"),
        "code": outcome.code,
        "reason": outcome.reason,
        "run": outcome.run,
    }


def run_row(record: "Record") -> Row:
    """Return a run that moved files."""
    standing = [action for action in record.pending if os.path.lexists(action.to)]
    return {
        "run": record.name,
        "began": record.began,
        "method": record.method,
        "files": len(record.actions),
        "standing": len(standing),
        "bytes": sum(action.size for action in standing),
        **path_fields(record.path),
    }
