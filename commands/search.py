"""The command that searches by example."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..library import Library
from ..output.console import PARTLY, read_names, show, show_bytes, tell
from . import fields
from . import options as opt
from .asking import queries, ranks_in, weights_in

if TYPE_CHECKING:
    from ..output.sheet.preview import Screen
    from ..search.answers import Answer


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


# search.
ImagesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="IMAGE...", help="Image files, `-` for bytes on stdin, or id:N."),
]
CountOption = Annotated[int, typer.Option("-k", min=1, help="Number of neighbors per query.")]
MinScoreOption = Annotated[
    float, typer.Option(min=-1, max=1, help="Leave out neighbors with a lower cosine.")
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="Rank by the score alone, not by neighbors of neighbors.")
]
IncludeCopiesOption = Annotated[
    bool, typer.Option("--include-copies", help="Show all proven copies of a photo, not one of them.")
]
SortOption = Annotated[
    Sort,
    typer.Option("--sort", help="Order of the neighbors; -time: newest first."),
]
DiverseOption = Annotated[bool, typer.Option("--diverse", help="Spread the neighbors over scenes.")]
IncludeSelfOption = Annotated[
    bool, typer.Option("--include-self", help="Let a photo of the library find itself.")
]
AllFilesOption = Annotated[
    bool, typer.Option("--all-files", help="Name every file of a photo, not only one.")
]
FilesFromOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Read names of queries from FILE (`-`: stdin).")
]
NullOption = Annotated[bool, typer.Option("-0", "--null", help="Names in FILE end with NUL.")]

# search: several examples.
TogetherOption = Annotated[
    bool, typer.Option("--together", help="One answer for all images, not one for each.")
]
WeightOption = Annotated[
    str | None,
    typer.Option("--weight", metavar="N,N,...", help="How much each image counts; implies --together."),
]
MinusOption = Annotated[
    list[str] | None,
    typer.Option("--minus", metavar="IMAGE", help="Less like this; implies --together, repeatable."),
]
MoreOption = Annotated[
    str | None,
    typer.Option("--more", metavar="N,N,...", help="Go on with the last search: more like these results."),
]
LessOption = Annotated[
    str | None, typer.Option("--less", metavar="N,N,...", help="The same: less like these results.")
]

# search: results as pictures.
ContactSheetOption = Annotated[
    str | None,
    typer.Option("--sheet", metavar="FILE", help="Draw the results to this file (.jpg, .png or .webp)."),
]
PreviewOption = Annotated[
    bool, typer.Option("--preview", help="Show the results as pictures in the terminal, too.")
]
PreviewAsOption = Annotated[
    PreviewAs, typer.Option("--preview-as", help="How, where the terminal is not told rightly.")
]

# search: a part of a picture.
BoxOption = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H", help="Search for this part of each image: pixels, or percent 10%,20%,30%,40%."
    ),
]
PartOption = Annotated[
    bool, typer.Option("--part", help="Each image is itself a part: find the photos that show it.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike search beach.jpg -k 5 --in Pictures/2023")(search)


def search(
    images: ImagesArgument = None,
    k: CountOption = 10,
    min_score: MinScoreOption = -1.0,
    in_: opt.InOption = None,
    since: opt.SinceOption = None,
    until: opt.UntilOption = None,
    camera: opt.CameraOption = None,
    min_size: opt.MinSizeOption = None,
    format_is: opt.FormatIsOption = None,
    near: opt.NearOption = None,
    condition: opt.WhereOption = None,
    label: opt.LabelOption = None,
    confidence: opt.ConfidenceOption = None,
    as_one: TogetherOption = False,
    weight: WeightOption = None,
    minus: MinusOption = None,
    more: MoreOption = None,
    less: LessOption = None,
    box: BoxOption = None,
    part: PartOption = False,
    sort: SortOption = Sort.score,
    diverse: DiverseOption = False,
    plain: PlainOption = False,
    include_self: IncludeSelfOption = False,
    include_copies: IncludeCopiesOption = False,
    sheet: ContactSheetOption = None,
    preview: PreviewOption = False,
    preview_as: PreviewAsOption = PreviewAs.auto,
    all_files: AllFilesOption = False,
    files_from: FilesFromOption = None,
    null: NullOption = False,
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

    With --box a part of each image is looked for in all photos, with --part the whole image is such a part.

    With --label only photos count that likely show this; without an IMAGE the surest come first.
    """
    from ..search.filters.filters import FilterSpec
    from ..search.request import SearchRequest

    if files_from == "-" and "-" in [*(images or []), *(minus or [])]:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    names = [*(images or []), *read_names(files_from, null)]
    filters = FilterSpec(in_ or (), since, until, camera or (), min_size, format_is or (), near, condition)
    if not (names or more or less) and (
        files_from is not None or not (filters != FilterSpec() or label or minus or weight)
    ):
        raise UsageError(
            "name an image to search by, `-` for stdin, or --files-from FILE; or filters, to list"
        )
    given = [*queries([*names, *(minus or [])])]
    request = SearchRequest(
        examples=given[: len(names)],
        together=as_one,
        minus=given[len(names) :],
        weights=weights_in(weight),
        more=ranks_in(more),
        less=ranks_in(less),
        remember=True,
        box=box,
        part=part,
        where=filters,
        labels=label or (),
        confidence=confidence,
        k=k,
        min_score=min_score,
        rerank=not plain,
        include_self=include_self,
        include_copies=include_copies,
        sort=sort.value,
        diverse=diverse,
        # Paths tell nothing of labels, and these cost a twentieth of a second.
        with_labels=form not in (opt.Format.paths, opt.Format.paths0),
    )
    shown = _Shown.of(form, sheet, preview, preview_as)
    with Library.open(store, engine=engine) as library:
        answers = shown.pass_on(library.searches.answers(request))
        show(fields.search_listing(answers, all_files=all_files), form)
        shown.finish(library)
    if shown.failed:
        raise typer.Exit(PARTLY)


@dataclass(slots=True)
class _Shown:
    """What becomes of the answers beside the list: pictures."""

    sheet: str | None
    screen: "Screen | None"
    kept: "list[Answer]" = field(default_factory=list)
    failed: bool = False

    @classmethod
    def of(cls, form: opt.Format, sheet: str | None, preview: bool, preview_as: PreviewAs) -> "_Shown":
        """Make ready what is asked for.

        Raises:
            UsageError: it cannot be shown so.
        """
        if sheet is not None:
            from ..output.sheet.write import SHEET

            SHEET.check(sheet)
        if not preview and preview_as is PreviewAs.auto:
            return cls(sheet, None)
        from ..output.sheet.terminal import screen

        if form is not opt.Format.table:
            raise UsageError(f"--preview goes with the table, not with --format {form}")
        return cls(sheet, screen(preview_as))

    def pass_on(self, answers: "Iterable[Answer]") -> "Iterator[Answer]":
        """Yield the answers; queries that could not be read are told on stderr."""
        for answer in answers:
            if self.screen is not None or self.sheet is not None:
                self.kept.append(answer)
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
        """Show the pictures that were asked for."""
        if self.screen is not None:
            from ..output.sheet.preview import previews

            show_bytes(previews(self.kept, library.store, self.screen))
        if self.sheet is not None:
            from ..output.sheet.write import write_sheet

            write_sheet(self.sheet, self.kept, library.store)
            tell(f"drawn to {self.sheet}")
