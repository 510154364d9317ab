"""Which run somebody means who names files: what `undo FILE` puts back."""

import os
from collections.abc import Callable, Iterable, Sequence

from ...errors import UsageError
from .journal import Action, Record
from .units import RealPaths

_NAMED = 3


def run_with(records: Sequence[Record], names: Sequence[str]) -> tuple[Record, tuple[str, ...]]:
    """Return the newest run that moved all of some files, and where these lay.

    One of which they still wait goes before those of which they came back. records: newest first. names:
    paths that files had, or have where they were put; the ends of these will do.

    Raises:
        UsageError: there is no such run, or a name is that of several files.
    """
    of_each: list[Callable[[Record], Iterable[Action]]] = [
        lambda record: record.pending,
        lambda record: record.actions,
    ]
    for actions in of_each:
        for record in records:
            found = [_paths(name, actions(record)) for name in names]
            if all(found):
                return record, tuple(_only(paths, names[at], record) for at, paths in enumerate(found))
    known = {name for each in records for name in names if _paths(name, each.actions)}
    unknown = next((name for name in names if name not in known), None)
    if unknown is None:
        raise UsageError("these files were moved by different runs: name those of one run at a time")
    raise UsageError(
        f"there is no run {unknown}, and none moved a file of that name; "
        "`lookalike undo --list` names the runs"
    )


def _paths(name: str, actions: Iterable[Action]) -> list[str]:
    """Return where files lay that a name may stand for: a whole path goes before the end of one."""
    whole = os.path.abspath(name)
    wholes, end = {whole, RealPaths()(whole)}, os.sep + os.path.normpath(name)
    actions = list(actions)
    exact = [each.path for each in actions if wholes & {each.path, each.to}]
    return exact or [each.path for each in actions if each.path.endswith(end)]


def _only(paths: Sequence[str], name: str, record: Record) -> str:
    if len(paths) > 1:
        some = ", ".join(paths[:_NAMED]) + (", ..." if len(paths) > _NAMED else "")
        raise UsageError(f"{name} is the name of several files of the run {record.name}, name one: {some}")
    return paths[0]
