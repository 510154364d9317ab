"""The command that searches by example."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from . import listings
from . import options as opt
from . import search_options as by
from .asking import Examples, queries, together
from .console import PARTLY, read_names, show, show_bytes, tell
from .errors import UsageError
from .library import Library

if TYPE_CHECKING:
    from .search.answers import Answer, SearchOptions
    from .sheets.preview import Screen


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
    label: opt.LabelOption = None,
    confidence: opt.ConfidenceOption = None,
    as_one: by.TogetherOption = False,
    weight: by.WeightOption = None,
    minus: by.MinusOption = None,
    more: by.MoreOption = None,
    less: by.LessOption = None,
    box: by.BoxOption = None,
    part: by.PartOption = False,
    sort: by.SortOption = by.Sort.score,
    diverse: by.DiverseOption = False,
    plain: by.PlainOption = False,
    include_self: by.IncludeSelfOption = False,
    include_copies: by.IncludeCopiesOption = False,
    sheet: by.ContactSheetOption = None,
    preview: by.PreviewOption = False,
    preview_as: by.PreviewAsOption = by.PreviewAs.auto,
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

    With --box a part of each image is looked for in all photos, with --part the whole image is such a part.

    With --label only photos count that likely show this; without an IMAGE the surest come first.
    """
    from .search.answers import SearchOptions
    from .search.boxes import WHOLE, as_box

    if files_from == "-" and "-" in [*(images or []), *(minus or [])]:
        raise UsageError("stdin can hold one image (`-`) or names (`--files-from -`), not both")
    names = [*(images or []), *read_names(files_from, null)]
    examples = Examples.of(names, minus, weight, more, less)
    if part and box is not None:
        raise UsageError("--part means all of each image, --box a part of it: give one of them")
    asked = WHOLE if part else as_box(box)
    if asked is not None and not names:
        raise UsageError("--box and --part look for a part of an image: name one")
    if asked is not None and (as_one or examples.are_one or diverse):
        raise UsageError("--box and --part are without --together, --minus, --more and --diverse")
    if (as_one or diverse) and not (names or examples.refines):
        raise UsageError("--together and --diverse are about the neighbors of images: name one")
    shown = _Shown.of(form, sheet, preview, preview_as)
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
        is_listed = where or label
        if not (names or examples.refines) and (not is_listed or files_from is not None or minus):
            raise UsageError(
                "name an image to search by, `-` for stdin, or --files-from FILE; or filters, to list"
            )
        by_label = label if label and not (names or examples.refines) else None
        options = SearchOptions(
            k=k,
            min_score=min_score,
            where=where,
            include_self=include_self,
            plain=plain,
            include_copies=include_copies,
            sort=sort.value,
            diverse=diverse,
            allowed=library.labelled_ids(label, where, confidence) if label and not by_label else None,
            box=asked,
        )
        found = (
            [library.answer_by_label(by_label, options, confidence)]
            if by_label
            else _answers(library, examples, options, as_one=as_one)
        )
        # Paths tell nothing of labels, and these cost a twentieth of a second.
        is_bare = form in (opt.Format.paths, opt.Format.paths0)
        answers = shown.pass_on(found if is_bare else library.with_labels(found))
        show(listings.search_listing(answers, all_files=all_files), form)
        shown.finish(library)
    if shown.failed:
        raise typer.Exit(PARTLY)


def _answers(
    library: Library, examples: Examples, options: "SearchOptions", *, as_one: bool
) -> "Iterable[Answer]":
    if as_one or examples.are_one:
        return [library.find_together(together(library, examples), options)]
    if examples.images:
        return library.search_many(list(queries(examples.images)), options)
    return [library.list_photos(options)]


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
    def of(cls, form: opt.Format, sheet: str | None, preview: bool, preview_as: by.PreviewAs) -> "_Shown":
        """Make ready what is asked for.

        Raises:
            UsageError: it cannot be shown so.
        """
        if sheet is not None:
            from .sheets.write import check_sheet

            check_sheet(sheet)
        if not preview and preview_as is by.PreviewAs.auto:
            return cls(sheet, None)
        from .terminal import screen

        if form is not opt.Format.table:
            raise UsageError(f"--preview goes with the table, not with --format {form}")
        return cls(sheet, screen(preview_as))

    def pass_on(self, answers: "Iterable[Answer]") -> "Iterator[Answer]":
        """Yield the answers; queries that could not be read are told on stderr."""
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
            show_bytes(library.previews(self.kept, self.screen))
        if self.sheet is not None:
            library.write_sheet(self.sheet, self.kept)
            tell(f"drawn to {self.sheet}")
        if self.only is not None:
            library.remember_search(self.only)
        elif self.count > 1:
            library.forget_search()  # --more goes on with the numbers on the screen, and these came twice
