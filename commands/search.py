"""The command that searches by example."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..errors import ExitCode, UsageError
from ..library import Library
from ..output.console import read_data, read_names, show_bytes, tell
from ..output.listing import Listing
from ..output.text import plural
from . import options as opt
from .fields import search_listing
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..output.sheet.preview import Screen
    from ..search.answers import Answer
    from ..search.examples import Query
    from ..search.request import SearchRequest


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
class Source:
    """What is searched by, beside the images named."""

    panel: ClassVar[str] = opt.ADVANCED

    text: opt.Text = value(
        "--text", "WORDS", "Search by words; needs a model of your own that knows them.", panel="Options"
    )
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
    source: Source,
    engine: opt.EngineOption = opt.Engine.auto,
    at: opt.StoreArgs,
) -> Listing:
    """Find the photos that look most like an image.

    Scores run to 1.0 (the same picture); above 0.9 is usually the same scene. In a library of 200 photos
    and more, photos come first that have neighbors in common with the image (k-reciprocal re-ranking), so
    that scores need not fall all the way; --no-rerank ranks by the score alone. Exact and proven copies of
    one photo count once. An image that lies in the library is not its own result. Each of several images
    has an answer of its own.

    --text searches by words in place of an image, with all filters; its scores are lower.

    Without an image, the photos that pass the filters are listed, newest first, or with --label those that
    likely show it, the surest first.

    --together, --weight, --minus, --more and --less make one answer of all images. --more and --less take
    the numbers of results, and refine the last search that had one answer.
    """
    if source.files_from == "-" and "-" in [*(images or ()), *(several.minus or ())]:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    names = [*(images or ()), *read_names(source.files_from, source.null)]
    may_list = source.files_from is None and (filters != opt.Filters() or shows.label or several.minus)
    if not (names or source.text is not None or several.more or several.less or may_list):
        raise UsageError(
            "name an image to search by, `-` for stdin, or --files-from FILE; or filters, to list"
        )
    request = replace(
        _request(names, several, parts, filters, shows, ranking),
        text=source.text,
        k=k,
        min_score=min_score,
        # Paths tell nothing of labels, and these cost a twentieth of a second.
        with_labels=form not in (opt.Format.paths, opt.Format.paths0),
    )
    shown = _Shown.of(form, pictures)
    by_example = bool(names or several.more or several.less)

    def answers() -> "Iterator[Answer]":
        with at.reading(engine) as library:
            outside = library.store.outside
            for note in outside.notes if outside and request.rerank and by_example else ():
                tell(note)
            yield from shown.pass_on(library.searches.answers(request))
            shown.finish(library)

    return search_listing(answers(), all_files=all_files, end=shown.exit_code)


def _request(
    names: list[str],
    several: Several,
    parts: Parts,
    filters: opt.Filters,
    shows: opt.Shows,
    ranking: Ranking,
) -> "SearchRequest":
    from ..search.request import SearchRequest

    queries = list(_queries([*names, *(several.minus or ())]))
    return SearchRequest(
        examples=queries[: len(names)],
        together=several.as_one,
        minus=queries[len(names) :],
        weights=_weights(several.weight),
        more=_ranks(several.more),
        less=_ranks(several.less),
        remember=True,
        box=parts.box,
        part=parts.part,
        where=filters.spec(),
        labels=shows.label or (),
        confidence=shows.confidence,
        rerank=not ranking.no_rerank,
        include_self=ranking.include_self,
        include_copies=ranking.include_copies,
        sort=ranking.sort.value,
        diverse=ranking.diverse,
    )


def _weights(text: str | None) -> tuple[float, ...]:
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


def _queries(names: Iterable[str]) -> "Iterator[str | Query]":
    """Yield what each name on the command line stands for: a file, id:N, or `-` for the bytes on stdin.

    Raises:
        UsageError: stdin is named twice.
    """
    from ..search.examples import Query

    is_read = False
    for name in names:
        if name == "-" and is_read:
            raise UsageError("stdin holds one image: name `-` once")
        is_read = is_read or name == "-"
        yield Query("-", data=read_data("-")) if name == "-" else name


@dataclass(slots=True)
class _Shown:
    """What becomes of the answers beside the list: pictures."""

    sheet: str | None
    screen: "Screen | None"
    kept: "list[Answer]" = field(default_factory=list)
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
            if self.screen is not None or self.sheet is not None:
                self.kept.append(answer)
            if answer.error is not None:
                self.failed = True
                tell(f"{answer.query}: {answer.error}")
            if answer.without_map:
                tell(
                    f"not looked into: {plural(answer.without_map, 'photo')} without a local map; "
                    "`lookalike index --regions PATH...` makes it"
                )
            yield answer

    def finish(self, library: Library) -> None:
        """Show the pictures that were asked for."""
        if self.screen is not None:
            from ..output.sheet.preview import previews

            show_bytes(previews(self.kept, library.store, self.screen))
        if self.sheet is not None:
            from ..output.sheet.write import write_sheet

            write_sheet(self.sheet, self.kept, library.store)
            tell(f"drawn to {self.sheet}")

    def exit_code(self) -> ExitCode:
        """Return how the command ends, when all answers passed."""
        return ExitCode.PARTLY if self.failed else ExitCode.DONE
