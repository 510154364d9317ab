"""The commands that look at single pictures: is it in the library already, and why is it a copy."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from ..errors import ExitCode
from ..output.console import stop_on_signal, tell
from ..output.listing import Listing, Summary, photo_fields
from ..output.text import certainty, printable
from ..store.documents import Row, path_fields
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..dedup.check.matches import Checked, Match

# A table names so many photos for each file.
_SOME = 3

# --- check ------------------------------------------------------------------------------------

NewArgument = Annotated[list[str], argument("NEW", "Photos, or folders of photos, indexed or not.")]
AgainstOption = Annotated[
    opt.Repeatable,
    value("--against", "DIR", "Only photos of the library below this folder count; repeatable."),
]
OnlyNewOption = Annotated[bool, flag("--new", "List what is not in the library instead of what is.")]


@command(
    Topic.FIND,
    "lookalike check ~/card",
    "lookalike check ~/card --new --format paths0 | xargs -0 cp -t ~/Pictures",
)
def check(
    new: NewArgument,
    against: AgainstOption = None,
    only_new: OnlyNewOption = False,
    *,
    workers: opt.WorkersOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    at: opt.StoreArgs,
) -> Listing:
    """Tell which photos of a card or folder the library has.

    As the same bytes, the same pixels or a proven copy: re-saved, resized, cropped, edited; with what
    differs, and whether the new one is the better one. NEW is only read and need not be indexed. A file
    that itself lies in the library is not its own match. As paths, what is found is listed, with --new what
    is not. Ends with 10 when something was found, else with 3 when something could not be read.
    """
    from ..output.progress import ProgressBar

    tally, stop = Tally(), stop_on_signal()

    def checked() -> "Iterator[Checked]":
        with at.reading(engine) as library, ProgressBar(alone=True) as progress:
            for each in library.copies.check(
                new, against=against or (), workers=workers, progress=progress, stop=stop
            ):
                tally.count(each)
                if each.error is not None:
                    tell(f"{each.path}: {each.error}")
                yield each

    def end() -> ExitCode:
        return ExitCode.INTERRUPTED if stop.is_set() else tally.exit_code

    return check_listing(checked(), tally, form, only_new, end)


class Tally:
    """How many files were found, new (inside: only themselves) and unreadable."""

    def __init__(self) -> None:
        self.found = self.new = self.unreadable = self.inside = 0

    def count(self, checked: "Checked") -> None:
        """Count one."""
        self.found += checked.status == "found"
        self.new += checked.status == "new" and not checked.is_inside
        self.inside += checked.status == "new" and checked.is_inside
        self.unreadable += checked.status == "unreadable"

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        if self.found:
            return ExitCode.FOUND
        return ExitCode.PARTLY if self.unreadable else ExitCode.DONE

    def __str__(self) -> str:
        counts = [f"{self.found:,} found", f"{self.new:,} new"]
        counts += [f"{self.inside:,} in the library, without another copy"] if self.inside else []
        counts += [f"{self.unreadable:,} unreadable"] if self.unreadable else []
        return ", ".join(counts)


def check_listing(
    checked: "Iterable[Checked]", tally: Tally, form: str, only_new: bool, end: Callable[[], ExitCode]
) -> Listing:
    """List what was found, one object per new file; as paths: the files that were found, or that are new.

    only_new: leave out all that is found, unreadable or lies in the library itself. tally: is complete
    when everything was listed. end: see `Listing.exit`.
    """
    as_paths = form in ("paths", "paths0")
    wanted = "new" if only_new else "found" if as_paths else ""

    def rows() -> Iterator[Row]:
        for each in checked:
            in_vain = wanted == "new" and each.is_inside
            if not wanted or (each.status == wanted and not in_vain):
                yield _check_row(each)

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            yield from _check_lines(row)
        yield str(tally)

    names = "path status match class change transform better score id width height bytes error message"
    flat = _flat_paths if as_paths else _flat_matches
    return Listing("files", rows(), lines, names.split(), flat, exit=end)


def _check_row(checked: "Checked") -> Row:
    row = path_fields(checked.path) | {"status": checked.status, "in_library": checked.is_inside}
    if checked.error is not None:
        row |= {"error": checked.error.code, "message": str(checked.error)}
    return row | {"matches": [_match_row(match) for match in checked.matches]}


def _match_row(match: "Match") -> Row:
    return {
        **photo_fields(match.photo, match.files[0]),
        "class": match.kind,
        "transform": match.transform,
        "change": match.change,
        "better": match.better,
        "score": round(match.score, 6),
        "files": [path_fields(file.path) for file in match.files],
        "evidence": dict(match.evidence) or {"blake3": match.photo.digest},
    }


def _flat_paths(row: Row) -> Iterator[Row]:
    yield row


def _flat_matches(row: Row) -> Iterator[Row]:
    about = {name: row.get(name, "") for name in ("path", "status", "error", "message")}
    for match in row["matches"]:
        for file in match["files"]:
            yield {**match, **about, "match": file["path"]}
    if not row["matches"]:
        yield about


def _check_lines(row: Row) -> Iterator[str]:
    words = {"found": "found", "new": "in library" if row["in_library"] else "new"}
    more = f"  {printable(row['message'])}" if "message" in row else ""
    more = "  no other copy" if row["status"] == "new" and row["in_library"] else more
    yield f"{words.get(row['status'], 'unreadable'):<10}  {printable(row['path'])}{more}"
    for match in row["matches"][:_SOME]:
        yield f"            {_match_words(match)}: {printable(match['path'])}"
    if len(row["matches"]) > _SOME:
        yield f"            and {len(row['matches']) - _SOME:,} more"


def _match_words(match: Row) -> str:
    better = f" (careful: the new one {match['better']})" if match["better"] else ""
    others = f" in {len(match['files'])} files" if len(match["files"]) > 1 else ""
    return f"{match['transform']}{certainty(match['score'])}{better}{others}"


# --- explain ----------------------------------------------------------------------------------

PictureArgument = Annotated[str, argument("IMAGE", "An image file, in the library or not, or id:N.")]
SheetOption = Annotated[
    opt.Text, value("--image", "FILE.png", "Draw both, overlaid, and where they differ.")
]


@command(
    Topic.COPIES,
    "lookalike explain beach.jpg beach-small.jpg",
    "lookalike explain id:512 scan.tif --image why.png",
)
def explain(
    a: PictureArgument,
    b: PictureArgument,
    image: SheetOption = None,
    *,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.SummaryOption = opt.SummaryFormat.table,
    at: opt.StoreArgs,
) -> Summary:
    """Explain why two pictures are copies, or are not.

    The verdict with what decided, the numbers beside what copies have, whether a search for copies would
    look at the pair at all, and what else is known: capture times, the same pixels, what you decided.
    """
    from ..output.explain.text import explanation_fields, explanation_lines

    with at.reading(engine) as library:
        found = library.copies.explain(a, b)
    if image is not None:
        from ..output.explain.picture import write_comparison

        write_comparison(found, image)
        tell(f"drawn to {image}")
    return Summary(explanation_fields(found), explanation_lines(found))
