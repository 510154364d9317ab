"""The commands about what is a copy by the user's word."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from ..errors import UsageError
from ..output.console import read_data, tell
from ..output.listing import Listing
from ..output.screen import short
from ..output.text import columns, day, printable
from ..store.documents import Row, path_fields
from . import options as opt
from .groups import Topic, command
from .options import argument, value

if TYPE_CHECKING:
    from ..store.catalog.pairs import Decided, Decision

DecidedArgument = Annotated[
    list[str], argument("PHOTO", "Two photos or more: paths, id:N, or blake3 digests of contents.")
]
ImportOption = Annotated[
    opt.Text, value("--import", "FILE", "Take over decisions from a listing (json or jsonl).")
]


@command(Topic.COPIES, "lookalike confirm scan.tif print.jpg")
def confirm(photos: DecidedArgument, *, at: opt.WriteArgs) -> None:
    """Remember that photos are copies of each other."""
    _decide(photos, "confirmed", at)


@command(Topic.COPIES, "lookalike reject sunset1.jpg sunset2.jpg sunset3.jpg")
def reject(photos: DecidedArgument, *, at: opt.WriteArgs) -> None:
    """Remember that photos are not copies of each other.

    Of more than two, none is a copy of any other.
    """
    _decide(photos, "rejected", at)


@command(Topic.COPIES, "lookalike undecide sunset1.jpg sunset2.jpg")
def undecide(photos: DecidedArgument, *, at: opt.WriteArgs) -> None:
    """Forget what was confirmed or rejected of photos.

    The pixels decide again.
    """
    _decide(photos, None, at)


def _decide(photos: list[str], kind: "Decision | None", at: opt.WriteArgs) -> None:
    if len(photos) < 2:
        raise UsageError("name two photos, or more")
    with at.writing() as library:
        contents = [library.copies.content(each) for each in photos]
        known = dict(contents)
        # Of two files of one content, the library says why nothing can be decided.
        digests = list(known) if len(known) > 1 else [digest for digest, _ in contents[:2]]
        decided = {frozenset((each.a, each.b)) for each in library.copies.decisions()}
        pairs = list(itertools.combinations(digests, 2))
        for first, second in pairs:
            library.copies.decide(first, second, kind)
    names = [short(known[digest]) for digest in digests]
    who = f"{', '.join(names[:-1])} and {names[-1]}"
    if kind is not None:
        tell(f"{kind}: {who}; remembered by their content")
    elif decided & set(map(frozenset, pairs)):
        tell(f"undecided again: {who}")
    else:
        tell(f"nothing was decided on {who}")


@command(
    Topic.COPIES,
    "lookalike decisions --format json > decisions.json",
    "lookalike decisions --import decisions.json --store other",
)
def decisions(
    file: ImportOption = None, *, form: opt.RowsOption = opt.Rows.table, at: opt.WriteArgs
) -> Listing:
    """List what was confirmed and rejected.

    By content, with the files that show it. With --import, decisions from such a listing (json or jsonl, of
    any store) are taken over first; of two on one pair the later counts.
    """
    with at.writing() if file is not None else at.reading() as library:
        if file is not None:
            changed = library.copies.import_decisions(read_data(file), file)
            tell(f"{changed:,} taken over from {file}")
        found = library.copies.decisions()
        paths = library.copies.paths_of(digest for each in found for digest in (each.a, each.b))
    return decisions_listing(found, paths)


def decisions_listing(decisions: "Iterable[Decided]", paths: Mapping[str, str]) -> Listing:
    """List what the user confirmed and rejected, by content. paths: a file of each digest that has one."""

    def row(each: "Decided") -> Row:
        names = {**_named(paths.get(each.a), "path_a"), **_named(paths.get(each.b), "path_b")}
        return {"a": each.a, "b": each.b, "kind": each.kind, "at": each.at} | names

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        table = [
            line
            for row in rows
            for line in ((row["kind"], day(row["at"]), _shown(row, "a")), ("", "", _shown(row, "b")))
        ]
        yield from columns(table, name=2) if table else ["nothing was decided"]

    return Listing(
        key="decisions",
        rows=map(row, decisions),
        lines=lines,
        columns=("a", "b", "kind", "at", "path_a", "path_b"),
    )


def _shown(row: Row, side: str) -> str:
    path = row[f"path_{side}"]
    return printable(row[side] if path is None else short(path))


def _named(path: str | None, name: str) -> Row:
    return {name: None} if path is None else path_fields(path, name)
