"""The command that searches by example."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from . import listings
from . import options as opt
from . import search_options as by
from .console import PARTLY, read_names, show, tell
from .errors import UsageError
from .library import Library

if TYPE_CHECKING:
    from .search.answers import Answer
    from .search.examples import Query
    from .search.together import Together


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike search beach.jpg -k 5 --in Pictures/2023")(search)


def search(
    images: by.ImagesArgument = None,
    k: by.CountOption = 10,
    min_score: by.MinScoreOption = -1.0,
    in_: opt.InOption = None,
    since: opt.SinceOption = None,
    until: opt.UntilOption = None,
    camera: opt.CameraOption = None,
    min_size: opt.MinSizeOption = None,
    format_is: opt.FormatIsOption = None,
    near: opt.NearOption = None,
    condition: opt.WhereOption = None,
    sort: by.SortOption = by.Sort.score,
    diverse: by.DiverseOption = False,
    include_self: by.IncludeSelfOption = False,
    together: by.TogetherOption = False,
    weight: by.WeightOption = None,
    minus: by.MinusOption = None,
    more: by.MoreOption = None,
    less: by.LessOption = None,
    include_copies: by.IncludeCopiesOption = False,
    plain: by.PlainOption = False,
    all_files: by.AllFilesOption = False,
    files_from: by.FilesFromOption = None,
    null: by.NullOption = False,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Show the photos that look most like each IMAGE, best first.

    Scores are cosines: 1 is the same picture. In a library of 200 photos and more, those come first that
    have neighbors in common with the query, so that scores need not fall all the way; --plain goes by the
    score alone. Exact and proven copies of one photo count once. A query that lies in the library is not
    its own result. Without an IMAGE, the photos that pass the filters are listed, newest first.

    With --together, --weight, --minus, --more or --less there is one answer for all images. Results are
    numbered for --more and --less, which refine the last search that had one answer.
    """
    from .search.answers import SearchOptions

    names = [*(images or []), *read_names(files_from, null)]
    examples = Examples(names, minus or [], _numbers(weight), _ranks(more), _ranks(less))
    if files_from == "-" and "-" in [*examples.images, *examples.minus]:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    seen = _Seen()
    with Library.open(store, engine=engine) as library:
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
        if not (names or examples.refines) and (not where or files_from is not None or minus):
            raise UsageError(
                "name an image to search by, `-` for stdin, or --files-from FILE; or filters, to list"
            )
        options = SearchOptions(
            k, min_score, where, include_self, plain, include_copies, sort.value, diverse
        )
        if together or examples.are_one:
            answers: Iterable[Answer] = [library.find_together(_together(library, examples), options)]
        elif names:
            answers = library.search_many(list(_queries(names)), options)
        else:
            answers = [library.list_photos(options)]
        show(listings.search_listing(seen.pass_on(answers), all_files=all_files), form)
        if seen.only is not None and seen.only.example is not None:
            library.remember_search(seen.only)
    if seen.failed:
        raise typer.Exit(PARTLY)


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
    """What the answers that passed by tell. only: the answer, if it was one that could be given."""

    only: "Answer | None" = None
    count: int = 0
    failed: bool = False

    def pass_on(self, answers: "Iterable[Answer]") -> "Iterator[Answer]":
        """Yield the answers; queries that could not be read are told on stderr."""
        for answer in answers:
            self.count += 1
            self.only = answer if self.count == 1 and answer.error is None else None
            if answer.error is not None:
                self.failed = True
                tell(f"{answer.query}: {answer.error}")
            yield answer
