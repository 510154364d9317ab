"""The command that searches by example."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from . import listings
from . import options as opt
from .console import PARTLY, read_names, show, tell
from .errors import UsageError
from .library import Library

if TYPE_CHECKING:
    from .search.examples import Query
    from .search.query import Answer


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike search beach.jpg -k 5 --in Pictures/2023")(search)


def search(
    images: opt.ImagesArgument = None,
    k: opt.CountOption = 10,
    min_score: opt.MinScoreOption = -1.0,
    in_: opt.InOption = None,
    since: opt.SinceOption = None,
    until: opt.UntilOption = None,
    box: opt.BoxOption = None,
    part: opt.PartOption = False,
    include_self: opt.IncludeSelfOption = False,
    all_files: opt.AllFilesOption = False,
    files_from: opt.FilesFromOption = None,
    null: opt.NullOption = False,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Show the photos that look most like each IMAGE, best first.

    Scores are cosines: 1 is the same picture. Exact copies of one photo count once. A query that lies
    in the library is not its own result.
    """
    from .search.boxes import WHOLE, as_box
    from .search.query import SearchOptions

    if part and box is not None:
        raise UsageError("--part means all of each image, --box a part of it: give one of them")
    asked = WHOLE if part else as_box(box)
    queries = list(_queries(images or [], files_from, null))
    if not queries:
        raise UsageError("name an image to search by, `-` for stdin, or --files-from FILE")
    failed: list[Answer] = []
    with Library.open(store, engine=engine) as library:
        where = library.where(in_ or (), since, until)
        options = SearchOptions(k, min_score, where, include_self, asked)
        answers = _watched(library.search_many(queries, options), failed)
        show(listings.search_listing(answers, all_files=all_files), form)
    if failed:
        raise typer.Exit(PARTLY)


def _queries(images: list[str], files_from: str | None, null: bool) -> "Iterator[Query]":
    from .search.examples import Query

    if files_from == "-" and "-" in images:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    for name in [*images, *read_names(files_from, null)]:
        if name == "-":
            yield Query("-", data=sys.stdin.buffer.read())
        elif name.startswith("id:") and name[3:].isascii() and name[3:].isdecimal():
            yield Query(name, id=int(name[3:]))
        else:
            yield Query(name, path=name)


def _watched(answers: "Iterable[Answer]", failed: "list[Answer]") -> "Iterator[Answer]":
    """Pass answers on; queries that could not be read are told on stderr and kept in failed."""
    for answer in answers:
        if answer.error is not None:
            failed.append(answer)
            tell(f"{answer.query}: {answer.error}")
        if answer.without_map:
            tell(
                f"{answer.without_map:,} photos have no local map and were not looked into; "
                "`lookalike index --regions PATH...` reads them again"
            )
        yield answer
