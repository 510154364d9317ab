"""Which run somebody means who names files: what `undo FILE` puts back."""

import os
from collections.abc import Callable, Iterable, Sequence

from ...errors import UsageError
from ...store.names import AnyPath, listed
from .journal import Action, Record
from .units import RealPaths

_NAMED = 3


def run_with(
    records: Sequence[Record], names: AnyPath | Iterable[AnyPath]
) -> tuple[Record, tuple[str, ...]]:
    """Return the newest run that moved all of some files, and where these lay.

    One of which they still wait goes before those of which they came back. records: newest first. names:
    paths that files had, or have where they were put; the ends of these will do for what no run moved from
    or to the whole path.

    Raises:
        UsageError: no file is named, there is no such run, or a name is that of several files.
    """
    names = listed(names)
    if not names:
        raise UsageError("no file is named")
    meant = [_meaning(name, records) for name in names]
    of_each: list[Callable[[Record], Iterable[Action]]] = [
        lambda record: record.pending,
        lambda record: record.actions,
    ]
    for actions in of_each:
        for record in records:
            moved = actions(record)
            found = [[each.path for each in moved if is_meant(each)] for is_meant in meant]
            if all(found):
                return record, tuple(_only(paths, names[at], record) for at, paths in enumerate(found))
    every = [each for record in records for each in record.actions]
    known = (any(map(is_meant, every)) for is_meant in meant)
    unknown = next((name for name, is_known in zip(names, known, strict=True) if not is_known), None)
    if unknown is None:
        raise UsageError("these files were moved by different runs: name those of one run at a time")
    raise UsageError(
        f"there is no run {unknown}, and none moved a file of that name; "
        "`lookalike undo --list` names the runs"
    )


def _meaning(name: str, records: Iterable[Record]) -> Callable[[Action], bool]:
    """Return what tells of an action whether a name means its file: a whole path of any run is no end."""
    whole = os.path.abspath(name)
    wholes, end = {whole, RealPaths()(whole)}, os.sep + os.path.normpath(name)

    def is_whole(action: Action) -> bool:
        return action.path in wholes or action.to in wholes

    if any(is_whole(each) for record in records for each in record.actions):
        return is_whole
    return lambda action: action.path.endswith(end)


def _only(paths: Sequence[str], name: str, record: Record) -> str:
    if len(paths) > 1:
        some = ", ".join(paths[:_NAMED]) + (", ..." if len(paths) > _NAMED else "")
        raise UsageError(f"{name} is the name of several files of the run {record.name}, name one: {some}")
    return paths[0]
