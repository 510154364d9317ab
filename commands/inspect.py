"""The commands that look at single pictures: is it in the library already, and why is it a copy."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from ..errors import ExitCode, UsageError
from ..output.console import stop_on_signal, tell
from ..output.listing import Listing, Summary, photo_fields
from ..output.manners import is_quiet
from ..output.screen import screen
from ..output.text import certainty, common_folder, kinds_in_words, naming, path_below, printable
from ..store.documents import Row, path_fields
from ..store.names import is_remote
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..dedup.check.matches import Checked, Match

# Of what is a copy of something in the library.
_COPIES = ("found", "more", "away")
# A table names so many photos for each file.
_SOME = 3
_INDENT = " " * 14

# --- check ------------------------------------------------------------------------------------

NewArgument = Annotated[list[str], argument("NEW", "Photos, or folders of photos, indexed or not.")]
AgainstOption = Annotated[
    opt.Repeatable,
    value("--against", "DIR", "Only photos of the library below this folder count; repeatable."),
]
OnlyNewOption = Annotated[
    bool, flag("--new", "List what is not in the library, holds more or cannot be read.")
]
CopiesOption = Annotated[
    bool, flag("--copies", "List all that are copies of something in the library, also what holds more.")
]
CountAwayOption = Annotated[
    bool, flag("--count-away", "Count what is on a drive that is away as if it were here.")
]


@command(
    Topic.FIND,
    "lookalike check ~/card",
    "lookalike check ~/card --new --format paths0 | tar -cf - --null -T - | tar -xkf - -C ~/Import",
    "lookalike check test --store leaks --copies",
)
def check(
    new: NewArgument,
    against: AgainstOption = None,
    only_new: OnlyNewOption = False,
    copies: CopiesOption = False,
    count_away: CountAwayOption = False,
    *,
    workers: opt.WorkersOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    at: opt.StoreArgs,
) -> Listing:
    """Tell which photos of a card or folder the library has.

    As the same bytes, the same pixels or a proven copy: re-saved, resized, cropped, edited; with what
    differs, and whether the new one is the better one or holds more, such as a RAW beside it. NEW is only
    read and need not be indexed. A file that itself lies in the library is not its own match. The last line
    says whether all of NEW is in the library, so that it can be cleared; what is found only on a drive that
    is away counts as not here.

    As paths, what is found and holds no more is listed, with --new what is new, holds more, is not here or
    cannot be read; with all that belongs to it. With --copies every copy is listed, whatever it holds, and
    nothing else: the leaks of a test set; to delete these may lose something. Videos, and what cannot be
    looked into, are found where a folder of the library has the same bytes. Else they are counted, and with
    them the command ends with 3; else with 10 when something was found, else with 3 when something could
    not be read.
    """
    from ..output.progress import ProgressBar

    if only_new and copies:
        raise UsageError("give --new or --copies, not both")
    tally, stop = Tally(), stop_on_signal()

    def checked() -> "Iterator[Checked]":
        with at.reading(engine) as library, ProgressBar(alone=True) as progress:
            for each in library.copies.check(
                new,
                against=against or (),
                count_away=count_away,
                workers=workers,
                progress=progress,
                stop=stop,
            ):
                tally.count(each)
                if each.status == "unreadable" and form is not opt.Format.table:
                    tell(f"{each.path}: {each.error}")
                yield each
        tally.is_whole = not stop.is_set()
        if tally.not_compared and form is not opt.Format.table:
            tell(tally.by_hand)

    only = "new" if only_new else "copies" if copies else ""
    return check_listing(checked(), tally, form, _folder_of(new), only=only)


def _folder_of(names: Sequence[str]) -> str:
    """Return the folder that a table names once, "" where there is none, or no terminal to save room of."""
    if screen() is None or any(map(is_remote, names)):
        return ""
    paths = map(os.path.abspath, names)
    folder = common_folder(path if os.path.isdir(path) else os.path.dirname(path) for path in paths)
    return "" if folder in (os.getcwd(), os.path.abspath(os.sep)) else folder


class Tally:
    """How many files were found, hold more, are new (inside: only themselves), unreadable, not compared.

    away: found, but only on a drive that is away. unseen: found, but nobody looked into them. is_whole: all
    were counted.
    """

    def __init__(self) -> None:
        self.found = self.more = self.away = self.new = self.unreadable = self.inside = self.unseen = 0
        self.not_compared = Counter[str]()
        self.is_whole = False

    def count(self, checked: "Checked") -> None:
        """Count one."""
        self.found += checked.status == "found"
        self.unseen += bool(checked.same_bytes)
        self.more += checked.status == "more"
        self.away += checked.status == "away"
        self.new += checked.status == "new" and not checked.is_inside
        self.inside += checked.status == "new" and checked.is_inside
        self.unreadable += checked.status == "unreadable"
        if checked.status == "not_compared":
            self.not_compared[_ending(checked.path)] += 1

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        if not self.is_whole:
            return ExitCode.INTERRUPTED
        if self.not_compared:
            return ExitCode.PARTLY
        if self.found or self.more or self.away:
            return ExitCode.FOUND
        return ExitCode.PARTLY if self.unreadable else ExitCode.DONE

    @property
    def by_hand(self) -> str:
        """What to do with files that cannot be compared."""
        return f"not compared: {kinds_in_words(self.not_compared)}: copy them by hand"

    def __str__(self) -> str:
        """Return the counts for people; nothing says that none is new where some could not be compared."""
        counts = [f"{self.found:,} found"]
        counts += (
            [f"{self.more:,} found but {'holds' if self.more == 1 else 'hold'} more"] if self.more else []
        )
        counts += [f"{self.away:,} found on a drive that is away"] if self.away else []
        counts += [f"{self.new:,} new"] if self.new or not self.not_compared else []
        counts += [f"{self.inside:,} in the library, without another copy"] if self.inside else []
        counts += [f"{self.unreadable:,} unreadable"] if self.unreadable else []
        return ", ".join(counts)

    @property
    def verdict(self) -> str:
        """Whether something would be lost if the files were cleared; "" if there are none."""
        reasons = {
            "new": self.new,
            "with more than the library has": self.more,
            "found only on a drive that is away": self.away,
            "unreadable": self.unreadable,
            "not compared": self.not_compared.total(),
            "in the library itself, without another copy": self.inside,
        }
        unsafe = [f"{count:,} {words}" for words, count in reasons.items() if count]
        unsafe += [] if self.is_whole else ["stopped before all were checked"]
        if unsafe:
            return f"do not clear these files yet: {', '.join(unsafe)}"
        if not self.found:
            return ""
        what = "file" if self.unseen else "photo"
        if self.found == 1:
            return f"the one {what} is in the library, with all that it holds"
        return f"all {self.found:,} {what}s are in the library, with all that they hold"


def check_listing(
    checked: "Iterable[Checked]", tally: Tally, form: str, folder: str, *, only: str
) -> Listing:
    """List what was found, one object per new file; as paths: what was found, or is new, and companions.

    only: "new": leave out all that is found or lies in the library itself; "copies": list what has a match,
    and that alone; "": all. tally: is complete when everything was listed. folder: holds all files, and the
    table names it once; "": each with its whole path.
    """
    as_paths = form in ("paths", "paths0")

    def rows() -> Iterator[Row]:
        if only == "new":
            wanted: Iterable[Checked] = (
                each for each in checked if each.status != "found" and not each.is_inside
            )
        elif only == "copies":
            wanted = (each for each in checked if each.status in _COPIES)
        else:
            wanted = _found_whole(checked) if as_paths else checked
        yield from map(_check_row, wanted)

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        for number, row in enumerate(_shots_once(rows)):
            if folder and not number:
                yield naming("in ", folder, ":")
            yield from _check_lines(row, folder)
        if not is_quiet():
            yield str(tally)
        if tally.not_compared:
            yield tally.by_hand
        if tally.verdict and not is_quiet():
            yield tally.verdict

    names = (
        "path status match class change transform better more away score id width height format bytes date "
    )
    names += "in_library companions error message"
    flat = _flat_matches if not as_paths else _alone if only == "copies" else _paths_once()
    return Listing("files", rows(), lines, names.split(), flat, exit=lambda: tally.exit_code)


def _found_whole(checked: "Iterable[Checked]") -> "Iterator[Checked]":
    """Yield what was found, but for what belongs to a photo that was not: a RAW is new, its JPEG stays."""
    every = list(checked)
    needed = {beside.path for each in every if each.status != "found" for beside in each.companions}
    yield from (each for each in every if each.status == "found" and each.path not in needed)


def _shots_once(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows for people: what is new stands in the row of the photo that it belongs to."""
    told = set[str]()
    for row in rows:
        is_new = row["status"] == "new" and not row["in_library"]
        if not (is_new and row["path"] in told):
            yield row
        told.update(each["path"] for each in row["companions"] if is_new)


def _check_row(checked: "Checked") -> Row:
    from ..dedup.actions.plan import companion_rows

    row = path_fields(checked.path) | {"status": checked.status, "in_library": checked.is_inside}
    if checked.error is not None and checked.status == "unreadable":
        row |= {"error": checked.error.code, "message": str(checked.error)}
    return row | {
        "same_bytes": [path_fields(path) for path in checked.same_bytes],
        "companions": companion_rows(checked.companions),
        "matches": [_match_row(match) for match in checked.matches],
    }


def _match_row(match: "Match") -> Row:
    return {
        **photo_fields(match.photo, match.files[0]),
        "class": match.kind,
        "transform": match.transform,
        "change": match.change,
        "better": match.better,
        "more": match.more,
        "away": match.is_away,
        "score": round(match.score, 6),
        "files": [path_fields(file.path) for file in match.files],
        "evidence": dict(match.evidence) or {"blake3": match.photo.digest},
    }


def _alone(row: Row) -> list[Row]:
    return [row]


def _paths_once() -> Callable[[Row], Iterator[Row]]:
    """Return what lists files and their companions as paths, each once.

    Beside what was found, which may be deleted, only what belongs to nothing else and has no row of its
    own; what is not compared is left to the user, and so is what is no file.
    """
    listed = set[str]()

    def flat(row: Row) -> Iterator[Row]:
        companions = [each for each in row["companions"] if row["status"] != "found" or _goes_with(each)]
        is_no_file = row["status"] == "unreadable" and not os.path.isfile(row["path"])
        files = [] if row["status"] == "not_compared" or is_no_file else [row, *companions]
        for each in files:
            if each["path"] not in listed:
                listed.add(each["path"])
                yield each

    return flat


def _goes_with(companion: Row) -> bool:
    from ..indexer.scan.ignore import is_photo_name

    has_row = companion["kind"] in ("photo", "original", "edited") or is_photo_name(
        os.fsencode(companion["path"])
    )
    return not companion["shared"] and not has_row


def _flat_matches(row: Row) -> Iterator[Row]:
    about = {name: row.get(name, "") for name in ("path", "status", "in_library", "error", "message")}
    about["companions"] = "; ".join(each["path"] for each in row["companions"])
    for match in row["matches"]:
        for file in match["files"]:
            yield {**match, **about, "match": file["path"]}
    for file in row["same_bytes"]:
        yield {**about, "class": "exact", "transform": "same bytes", "match": file["path"]}
    if not row["matches"] and not row["same_bytes"]:
        yield about


_STATES = {
    "found": "found",
    "more": "holds more",
    "away": "not here now",
    "new": "new",
    "not_compared": "not compared",
}


def _check_lines(row: Row, folder: str) -> Iterator[str]:
    is_alone = row["status"] == "new" and row["in_library"]
    word = "in library" if is_alone else _STATES.get(row["status"], "unreadable")
    if row["status"] == "more" and all(_is_edit(match["more"]) for match in row["matches"]):
        word = "edited copy"  # it holds nothing more but the edit itself
    beside = "".join(f" + {printable(os.path.basename(each['path']))}" for each in row["companions"])
    more = "  no other copy" if is_alone else ""
    yield naming(f"{word:<12}  ", path_below(row["path"], folder), beside + more)
    if "message" in row:
        yield f"{_INDENT}{printable(row['message'])}"
    same = [("same bytes, not looked into", each["path"]) for each in row["same_bytes"]]
    found = [(_match_words(match), match["path"]) for match in row["matches"]] + same
    for words, path in found[:_SOME]:
        yield naming(f"{_INDENT}{words}: ", path)
    if len(found) > _SOME:
        yield f"{_INDENT}and {len(found) - _SOME:,} more"


def _is_edit(more: str) -> bool:
    from ..dedup.groups.account import AN_EDIT

    return more.startswith(AN_EDIT) and ";" not in more


def _match_words(match: Row) -> str:
    better = f" (careful: the new one {match['better']})" if match["better"] else ""
    has_more = match["more"] and not _is_edit(match["more"])  # an edit is what the transform says
    more = f" (would lose: {printable(match['more'])})" if has_more else ""
    others = f" in {len(match['files'])} files" if len(match["files"]) > 1 else ""
    away = ", on a drive that is away" if match["away"] else ""
    return f"{match['transform']}{certainty(match['score'])}{better}{more}{others}{away}"


def _ending(path: str) -> str:
    return os.path.splitext(path)[1][1:].upper()


# --- explain ----------------------------------------------------------------------------------

FirstArgument = Annotated[str, argument("A", "An image file, in the library or not, or id:N.")]
SecondArgument = Annotated[str, argument("B", "The other one, likewise.")]
SheetOption = Annotated[
    opt.Text, value("--image", "FILE.png", "Draw both, overlaid, and where they differ.")
]

StatusOption = Annotated[bool, flag("--status", "End with 10 if they are copies, for scripts.")]


@command(
    Topic.COPIES,
    "lookalike explain beach.jpg beach-small.jpg",
    "lookalike explain id:512 scan.tif --image why.png",
)
def explain(
    a: FirstArgument,
    b: SecondArgument,
    image: SheetOption = None,
    status: StatusOption = False,
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

    if image is not None:
        from ..output.explain.captions import PICTURE

        PICTURE.check(image)  # sooner than the pictures are compared
    with at.reading(engine) as library:
        found = library.copies.explain(a, b)
    if image is not None:
        from ..output.explain.picture import write_comparison

        write_comparison(found, image)
        tell(f"drawn to {image}")
    end = ExitCode.FOUND if status and found.verdict != "similar" else ExitCode.DONE
    return Summary(explanation_fields(found), explanation_lines(found), exit=end)
