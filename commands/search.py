"""The command that searches by example."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..errors import ExitCode, UsageError
from ..library import Library
from ..output.console import read_names, show_bytes, tell
from ..output.listing import Listing
from . import options as opt
from .fields import search_listing
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..output.sheet.preview import Screen
    from ..search.answers import Answer
    from ..search.by_images import Together
    from ..search.examples import Query
    from ..search.regions.boxes import BoxAsked


class PreviewAs(StrEnum):
    """How pictures are shown in a terminal."""

    auto = "auto"
    kitty = "kitty"
    iterm = "iterm"
    sixel = "sixel"
    blocks = "blocks"


class Sort(StrEnum):
    """In what order the photos found come."""

    score = "score"
    time = "time"
    newest = "-time"
    path = "path"


ImagesArgument = Annotated[
    opt.Repeatable, argument("IMAGE", "Image files, `-` for bytes on stdin, or id:N.")
]
CountOption = Annotated[int, value("-k", "N", "Number of results.", min=1)]
MinScoreOption = Annotated[
    float,
    value("--min-score", "N", "Leave out results with a lower score.", min=-1, max=1, show_default=False),
]
AllFilesOption = Annotated[
    bool, flag("--all-files", "Name every file of a photo, not only one.", panel=opt.OUTPUT)
]


@dataclass(frozen=True)
class Several:
    """Several examples for one answer."""

    panel: ClassVar[str] = "Several examples"

    as_one: bool = flag("--together", "One answer for all images, not one for each.")
    weight: opt.Text = value("--weight", "N,N,...", "How much each image counts; implies --together.")
    minus: opt.Repeatable = value("--minus", "IMAGE", "Less like this; implies --together; repeatable.")
    more: opt.Text = value("--more", "N,N,...", "Refine the last search: more like these results.")
    less: opt.Text = value("--less", "N,N,...", "Refine the last search: less like these results.")


@dataclass(frozen=True)
class Parts:
    """A part of a picture."""

    panel: ClassVar[str] = "Parts of pictures"

    box: opt.Text = value(
        "--box", "X,Y,W,H", "Search for this part of each image: pixels, or 10%,20%,30%,40%."
    )
    part: bool = flag("--part", "Each image is itself a part: find the photos that show it.")

    def asked(self) -> "BoxAsked | None":
        """Return the part of each image to look for, None: no part."""
        from ..search.regions.boxes import WHOLE, as_box

        if self.part and self.box is not None:
            raise UsageError("--part means all of each image, --box a part of it: give one of them")
        return WHOLE if self.part else as_box(self.box)


@dataclass(frozen=True)
class Ranking:
    """Which results come, and in what order."""

    panel: ClassVar[str] = opt.OUTPUT

    sort: Sort = value("--sort", "ORDER", "score, time, -time (newest first) or path.", Sort.score)
    diverse: bool = flag("--diverse", "Spread the results over scenes: no ten shots of one burst.")
    no_rerank: bool = flag("--no-rerank", "Rank by the score alone, without k-reciprocal re-ranking.")
    include_self: bool = flag("--include-self", "Let a photo of the library find itself.")
    include_copies: bool = flag("--include-copies", "Show all proven copies of a photo, not one of them.")


@dataclass(frozen=True)
class Pictures:
    """Results as pictures."""

    panel: ClassVar[str] = opt.OUTPUT

    sheet: opt.Text = value("--sheet", "FILE", "Draw the results to this file (.jpg, .png or .webp).")
    preview: bool = flag("--preview", "Show the results as pictures in the terminal, too.")
    preview_as: PreviewAs = value(
        "--preview-as", "HOW", "auto, kitty, iterm, sixel or blocks.", PreviewAs.auto
    )


@dataclass(frozen=True)
class NamesFrom:
    """Where more names of images are."""

    panel: ClassVar[str] = opt.ADVANCED

    files_from: opt.Text = value("--files-from", "FILE", "Read names of images from FILE (`-`: stdin).")
    null: bool = flag("-0", "--null", "Names in FILE end with NUL.")


@command(
    Topic.FIND,
    "lookalike search beach.jpg",
    "lookalike search beach.jpg -k 20 --in Pictures/2023 --sheet found.jpg",
    "lookalike search rose1.jpg rose2.jpg --together --minus tulip.jpg",
)
def search(
    images: ImagesArgument = None,
    k: CountOption = 10,
    min_score: MinScoreOption = -1.0,
    *,
    filters: opt.Filters,
    shows: opt.Shows,
    several: Several,
    parts: Parts,
    ranking: Ranking,
    pictures: Pictures,
    all_files: AllFilesOption = False,
    form: opt.FormatOption = opt.Format.table,
    source: NamesFrom,
    engine: opt.EngineOption = opt.Engine.auto,
    at: opt.StoreArgs,
) -> Listing:
    """Find the photos that look most like an image.

    Scores run to 1.0 (the same picture); above 0.9 is usually the same scene. In a library of 200 photos
    and more, photos come first that have neighbors in common with the image (k-reciprocal re-ranking), so
    that scores need not fall all the way; --no-rerank ranks by the score alone. Exact and proven copies of
    one photo count once. An image that lies in the library is not its own result. Each of several images
    has an answer of its own.

    Without an image, the photos that pass the filters are listed, newest first, or with --label those that
    likely show it, the surest first.

    --together, --weight, --minus, --more and --less make one answer of all images. --more and --less take
    the numbers of results, and refine the last search that had one answer.
    """
    if source.files_from == "-" and "-" in [*(images or ()), *(several.minus or ())]:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    names = [*(images or ()), *read_names(source.files_from, source.null)]
    examples = Examples.of(names, several)
    asked = _Asked(examples, k, min_score, filters, shows, ranking, parts.asked())
    asked.check(may_list=source.files_from is None)
    shown = _Shown.of(form, pictures)
    # Paths tell nothing of labels, and these cost a twentieth of a second.
    is_bare = form in (opt.Format.paths, opt.Format.paths0)

    def answers() -> "Iterator[Answer]":
        with at.reading(engine) as library:
            found = asked.answers(library)
            yield from shown.pass_on(found if is_bare else library.labels.on(found))
            shown.finish(library)

    return search_listing(answers(), all_files=all_files, end=shown.exit_code)


# --- what is searched by ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examples:
    """What is searched by. more, less: numbered results of the last search. as_one: for one answer."""

    images: list[str]
    minus: list[str]
    weights: tuple[float, ...] = ()
    more: list[int] = field(default_factory=list)
    less: list[int] = field(default_factory=list)
    as_one: bool = False

    @classmethod
    def of(cls, images: list[str], given: Several) -> "Examples":
        """Read what the options say.

        Raises:
            UsageError: an option has no numbers in it, or stdin is named twice.
        """
        minus, weights = given.minus or [], _numbers(given.weight)
        more, less = _ranks(given.more), _ranks(given.less)
        if [*images, *minus].count("-") > 1:
            raise UsageError("stdin holds one image: name `-` once")
        if weights and len(weights) != len(images):
            raise UsageError(
                f"--weight is one number for each image: {len(weights)} for {len(images)} are given"
            )
        if minus and not (images or more or less):
            raise UsageError("--minus says what is not wanted: name an image that is, too")
        as_one = bool(given.as_one or minus or weights or more or less)
        return cls(images, minus, weights, more, less, as_one)

    def __bool__(self) -> bool:
        return bool(self.images or self.refines)

    @property
    def refines(self) -> bool:
        """Whether the last search goes on."""
        return bool(self.more or self.less)

    def together(self, library: Library) -> "Together":
        """Return the examples for one answer; results of the last search are among them if it goes on."""
        from ..search.by_images import Together

        plus, minus = tuple(queries(self.images)), tuple(queries(self.minus))
        if not self.refines:
            return Together(plus, minus, self.weights)
        last = library.searches.refined(self.more, self.less)
        weights = self.weights and (*self.weights, *(1.0 for _ in last.plus))
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


def queries(names: Iterable[str]) -> "Iterator[Query]":
    """Yield what each name on the command line stands for: a file, `-` for stdin, id:N."""
    from ..search.examples import Query

    for name in names:
        if name == "-":
            yield Query("-", data=sys.stdin.buffer.read())
        elif name.startswith("id:") and name[3:].isascii() and name[3:].isdecimal():
            yield Query(name, id=int(name[3:]))
        else:
            yield Query(name, path=name)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search. box: the part of each image to look for, None: no part."""

    examples: Examples
    k: int
    min_score: float
    filters: opt.Filters
    shows: opt.Shows
    ranking: Ranking
    box: "BoxAsked | None"

    def check(self, *, may_list: bool) -> None:
        """Check that it makes sense. may_list: without an image, list the photos that pass the filters.

        Raises:
            UsageError: it does not.
        """
        examples, is_diverse = self.examples, self.ranking.diverse
        if self.box is not None and not examples.images:
            raise UsageError("--box and --part look for a part of an image: name one")
        if self.box is not None and (examples.as_one or is_diverse):
            raise UsageError("--box and --part are without --together, --minus, --more and --diverse")
        if (examples.as_one or is_diverse) and not examples:
            raise UsageError("--together and --diverse are about results for images: name one")
        is_filtered = self.filters != opt.Filters() or self.shows.label
        if not examples and not (is_filtered and may_list):
            raise UsageError(
                "name an image to search by, `-` for stdin, or --files-from FILE; or filters, to list"
            )

    def answers(self, library: Library) -> "Iterable[Answer]":
        """Search; one answer for each image, or for all."""
        from ..search.answers import SearchOptions

        where = self.filters.of(library)
        label, confidence = self.shows.label, self.shows.confidence
        options = SearchOptions(
            k=self.k,
            min_score=self.min_score,
            where=where,
            include_self=self.ranking.include_self,
            plain=self.ranking.no_rerank,
            include_copies=self.ranking.include_copies,
            sort=self.ranking.sort.value,
            diverse=self.ranking.diverse,
            allowed=library.labels.ids(label, where, confidence) if label and self.examples else None,
            box=self.box,
        )
        if self.examples.as_one:
            return [library.searches.find_together(self.examples.together(library), options)]
        if self.examples:
            return library.searches.many(list(queries(self.examples.images)), options)
        return [
            library.labels.answer(label, options, confidence) if label else library.searches.list(options)
        ]


# --- what becomes of answers beside the list --------------------------------------------------


@dataclass(slots=True)
class _Shown:
    """What becomes of the answers beside the list: pictures, and being remembered.

    only: the answer, if it was one that could be given.
    """

    sheet: str | None
    screen: "Screen | None"
    kept: "list[Answer]" = field(default_factory=list)
    only: "Answer | None" = None
    count: int = 0
    failed: bool = False

    @classmethod
    def of(cls, form: opt.Format, pictures: Pictures) -> "_Shown":
        """Make ready what is asked for.

        Raises:
            UsageError: it cannot be shown so.
        """
        if pictures.sheet is not None:
            from ..output.sheet.write import SHEET

            SHEET.check(pictures.sheet)
        if not pictures.preview and pictures.preview_as is PreviewAs.auto:
            return cls(pictures.sheet, None)
        from ..output.sheet.terminal import screen

        if form is not opt.Format.table:
            raise UsageError(f"--preview goes with the table, not with --format {form}")
        return cls(pictures.sheet, screen(pictures.preview_as))

    def pass_on(self, answers: "Iterable[Answer]") -> "Iterator[Answer]":
        """Yield the answers; images that could not be read are told on stderr."""
        for answer in answers:
            self.count += 1
            if self.screen is not None or self.sheet is not None:
                self.kept.append(answer)
            self.only = answer if self.count == 1 and answer.error is None else None
            if answer.error is not None:
                self.failed = True
                tell(f"{answer.query}: {answer.error}")
            if answer.without_map:
                tell(
                    f"{answer.without_map:,} photos have no local map and were not looked into; "
                    "`lookalike index --regions PATH...` reads them again"
                )
            yield answer

    def finish(self, library: Library) -> None:
        """Show the pictures that were asked for, and remember the search."""
        if self.screen is not None:
            from ..output.sheet.preview import previews

            show_bytes(previews(self.kept, library.store, self.screen))
        if self.sheet is not None:
            from ..output.sheet.write import write_sheet

            write_sheet(self.sheet, self.kept, library.store)
            tell(f"drawn to {self.sheet}")
        if self.only is not None:
            library.searches.remember(self.only)
        elif self.count > 1:
            library.searches.forget()  # --more goes on with the numbers on the screen, and these came twice

    def exit_code(self) -> ExitCode:
        """Return how the command ends, when all answers passed."""
        return ExitCode.PARTLY if self.failed else ExitCode.DONE
