"""The command that searches by example."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from . import listings
from . import options as opt
from .console import PARTLY, read_names, show, show_bytes, tell
from .errors import UsageError
from .library import Library

if TYPE_CHECKING:
    from .search.examples import Query
    from .search.query import Answer
    from .search.together import Together
    from .sheets.preview import Screen


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
    include_self: opt.IncludeSelfOption = False,
    together: opt.TogetherOption = False,
    weight: opt.WeightOption = None,
    minus: opt.MinusOption = None,
    more: opt.MoreOption = None,
    less: opt.LessOption = None,
    sheet: opt.ContactSheetOption = None,
    preview: opt.PreviewOption = False,
    preview_as: opt.PreviewAsOption = opt.PreviewAs.auto,
    all_files: opt.AllFilesOption = False,
    files_from: opt.FilesFromOption = None,
    null: opt.NullOption = False,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Show the photos that look most like each IMAGE, best first.

    Scores are cosines: 1 is the same picture. Exact copies of one photo count once. A query that lies
    in the library is not its own result. With --together, --weight, --minus, --more or --less there is one
    answer for all images. Results are numbered for --more and --less, which refine the last search that had
    one answer.
    """
    from .search.query import SearchOptions

    names = [*(images or []), *read_names(files_from, null)]
    examples = Examples(names, minus or [], _numbers(weight), _ranks(more), _ranks(less))
    if files_from == "-" and "-" in [*examples.images, *examples.minus]:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    if not (names or examples.refines):
        raise UsageError("name an image to search by, `-` for stdin, or --files-from FILE")
    screen = _screen(preview_as, form) if preview or preview_as is not opt.PreviewAs.auto else None
    if sheet is not None:
        from .sheets.write import check_sheet

        check_sheet(sheet)
    seen = _Seen(are_kept=screen is not None or sheet is not None)
    with Library.open(store, engine=engine) as library:
        where = library.where(in_ or (), since, until)
        options = SearchOptions(k, min_score, where, include_self)
        if together or examples.are_one:
            answers: Iterable[Answer] = [library.find_together(_together(library, examples), options)]
        else:
            answers = library.search_many(list(_queries(examples.images)), options)
        show(listings.search_listing(seen.pass_on(answers), all_files=all_files), form)
        if screen is not None:
            show_bytes(library.previews(seen.kept, screen))
        if sheet is not None:
            library.write_sheet(sheet, seen.kept)
            tell(f"drawn to {sheet}")
        if seen.only is not None:
            library.remember_search(seen.only)
    if seen.failed:
        raise typer.Exit(PARTLY)


def _screen(wanted: opt.PreviewAs, form: opt.Format) -> "Screen":
    from .terminal import screen

    if form is not opt.Format.table:
        raise UsageError(f"--preview goes with the table, not with --format {form}")
    return screen(wanted)


@dataclass(frozen=True, slots=True)
class Examples:
    """What the command is given to search by. more, less: numbered results of the last search."""

    images: list[str]
    minus: list[str]
    weights: tuple[float, ...]
    more: list[int]
    less: list[int]

    @property
    def refines(self) -> bool:
        """Whether the last search goes on."""
        return bool(self.more or self.less)

    @property
    def are_one(self) -> bool:
        """Whether they ask for one answer."""
        return bool(self.refines or self.minus or self.weights)


def _together(library: Library, given: Examples) -> "Together":
    from .search.together import Together

    plus, minus = tuple(_queries(given.images)), tuple(_queries(given.minus))
    if not given.refines:
        return Together(plus, minus, given.weights)
    last = library.refined(given.more, given.less)
    weights = given.weights and (*given.weights, *(1.0 for _ in last.plus))
    return Together((*plus, *last.plus), (*minus, *last.minus), weights, last.earlier)


def _numbers(text: str | None) -> tuple[float, ...]:
    """Return the weights in "2,0.5"."""
    try:
        return tuple(float(each) for each in text.split(",")) if text is not None else ()
    except ValueError as error:
        raise UsageError(f"--weight is one number for each image, such as 2,1, not {text}") from error


def _ranks(text: str | None) -> list[int]:
    """Return the numbers of results in "3,7"."""
    if text is None:
        return []
    ranks = [each.strip() for each in text.split(",")]
    if not all(each.isascii() and each.isdecimal() and len(each) < 10 for each in ranks):
        raise UsageError(f"--more and --less take numbers of results, such as 3,7, not {text}")
    return [int(each) for each in ranks]


def _queries(names: Iterable[str]) -> "Iterator[Query]":
    from .search.examples import Query

    for name in names:
        if name == "-":
            yield Query("-", data=sys.stdin.buffer.read())
        elif name.startswith("id:") and name[3:].isascii() and name[3:].isdecimal():
            yield Query(name, id=int(name[3:]))
        else:
            yield Query(name, path=name)


@dataclass(slots=True)
class _Seen:
    """What the answers that passed by tell. only: the answer, if it was one that could be given.

    are_kept: whether to keep all of them, in kept.
    """

    are_kept: bool = False
    kept: "list[Answer]" = field(default_factory=list)
    only: "Answer | None" = None
    count: int = 0
    failed: bool = False

    def pass_on(self, answers: "Iterable[Answer]") -> "Iterator[Answer]":
        """Yield the answers; queries that could not be read are told on stderr."""
        for answer in answers:
            self.count += 1
            if self.are_kept:
                self.kept.append(answer)
            self.only = answer if self.count == 1 and answer.error is None else None
            if answer.error is not None:
                self.failed = True
                tell(f"{answer.query}: {answer.error}")
            yield answer
