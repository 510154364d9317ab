"""The commands that look at single pictures: is it in the library already, and why is it a copy."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from ..library import Library
from ..output.console import INTERRUPTED, PARTLY, say, say_document, show, stop_on_signal, tell
from ..output.listing import Listing, columns, day, file_size, printable
from ..store.documents import Row, path_fields
from . import options as opt
from .fields import photo_fields, pixels

if TYPE_CHECKING:
    from ..dedup.check.matches import Checked, Match
    from ..dedup.explain.explain import Explanation, Side

# A table names so many photos for each file.
_SOME = 3
# A probability that rounds to one says nothing.
_SURE = 0.9995


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

    def __str__(self) -> str:
        counts = [f"{self.found:,} found", f"{self.new:,} new"]
        counts += [f"{self.inside:,} in the library, without another copy"] if self.inside else []
        counts += [f"{self.unreadable:,} unreadable"] if self.unreadable else []
        return ", ".join(counts)


# --- check ------------------------------------------------------------------------------------


def check_listing(checked: "Iterable[Checked]", tally: Tally, form: str, *, only_new: bool) -> Listing:
    """List what was found, one object per new file; as paths: the files that were found, or that are new.

    only_new: leave out all that is found, unreadable or lies in the library itself. tally: is complete
    when everything was listed.
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
    return Listing("files", rows(), lines, flat, names.split())


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
    sure = f", {100 * match['score']:.1f} % sure" if match["score"] < _SURE else ""
    better = f" (careful: the new one {match['better']})" if match["better"] else ""
    others = f" in {len(match['files'])} files" if len(match["files"]) > 1 else ""
    return f"{match['transform']}{sure}{better}{others}"


# --- explain ----------------------------------------------------------------------------------

_VERDICTS = {"exact": "COPIES, byte by byte", "copy": "COPIES", "similar": "NO COPIES"}


def explanation_fields(found: "Explanation") -> Row:
    """Return an explanation for JSON."""
    about, candidacy = found.relation, found.candidacy
    return {
        "a": _side_fields(found.a),
        "b": _side_fields(found.b),
        "class": found.verdict,
        "reason": found.reason,
        "transform": found.transform,
        "change": found.change,
        "probability": round(found.evidence.probability, 6),
        "pixels": {"verdict": found.evidence.verdict, "reason": found.proof},
        "measures": [
            {
                "number": each.number,
                "value": each.value,
                "limit": each.limit,
                "at_least": each.at_least,
                "holds": each.holds,
            }
            for each in found.measures
        ],
        "candidate": {
            "is_candidate": candidacy.by_score or candidacy.by_hash,
            "cosine": candidacy.cosine,
            "score": candidacy.score,
            "floor": candidacy.floor,
            "few_floor": candidacy.few_floor,
            "gate": candidacy.gate,
            "hash_distance": candidacy.bits,
            "most_hash_distance": candidacy.most_bits,
            "has_hashes": candidacy.has_hashes,
        },
        "same_file": about.same_file,
        "same_bytes": about.same_bytes,
        "same_pixels": about.same_pixels,
        "moments_differ": about.moments_differ,
        "decision": about.decision,
        "decided_at": about.decided_at,
        "evidence": found.evidence.as_dict(),
    }


def _side_fields(side: "Side") -> Row:
    photo = side.known.photo
    about = photo_fields(photo) | {"taken": photo.taken, "blake3": photo.digest}
    about["id"] = photo.id if side.in_library else None
    return about | path_fields(side.name, "name") | {"in_library": side.in_library}


def explanation_lines(found: "Explanation") -> Iterator[str]:
    """Write an explanation for people."""
    yield from columns([_side_line("A", found.a), _side_line("B", found.b)], right=(2, 4))
    yield ""
    yield _VERDICTS[found.verdict] + (f": B is A {found.transform}" if found.transform else "")
    yield f"  {found.reason}"
    yield ""
    yield from _pixel_lines(found)
    yield ""
    yield from columns([*_candidate_lines(found), *_known_lines(found)])


def _side_line(letter: str, side: "Side") -> tuple[str, ...]:
    photo = side.known.photo
    row = photo_fields(photo)
    taken = f"taken {day(photo.taken)}" if photo.taken else "capture time unknown"
    where = f"id:{photo.id}" if side.in_library else "not in the library"
    return letter, printable(side.name), pixels(row), photo.format, file_size(photo.size), taken, where


def _pixel_lines(found: "Explanation") -> Iterator[str]:
    said = "a copy" if found.evidence.verdict == "copy" else "no copy"
    yield f"by the pixels: {said}; probability of one {100 * found.evidence.probability:.1f} %"
    if found.reason != found.proof:
        yield f"  {found.proof}"
    table = [
        (
            f"  {'ok' if each.holds else '!!'}",
            each.name,
            each.said,
            f"copies: {'at least' if each.at_least else 'at most'} {each.asked}",
        )
        for each in found.measures
    ]
    if table:
        yield from columns(table, right=(2,))
        yield "  px: of a picture with 128 on its longer side, once A lies on B as well as it can"


def _candidate_lines(found: "Explanation") -> Iterator[tuple[str, str]]:
    near = found.candidacy
    yield "embeddings", f"cosine {near.cosine:.3f}; made for copies {near.score:.3f}"
    hashes = f"{near.bits} of 256 bits differ; alike up to {near.most_bits}"
    yield "hashes", hashes if near.has_hashes else f"{hashes}; too little to see for them to count"
    if near.by_score:
        yield "looked at", f"yes: the embeddings are near enough ({near.floor:g} or more)"
    elif near.almost_same and near.has_hashes:
        yield "looked at", "yes: the hashes are almost the same"
    elif near.by_hash:
        yield "looked at", f"yes: the hashes are alike, and the embeddings near ({near.gate:g} or more)"
    elif near.by_rank:
        yield "looked at", f"only as one of the nearest few (embeddings {near.few_floor:g} or more)"
    else:
        yield "looked at", f"no: embeddings below {near.floor:g}, and hashes not alike"


def _known_lines(found: "Explanation") -> Iterator[tuple[str, str]]:
    about, a, b = found.relation, found.a.known.photo, found.b.known.photo
    if a.taken and b.taken:
        yield "taken", "at different moments" if about.moments_differ else "at the same moment"
    else:
        yield "taken", "not known of both"
    same = "one file" if about.same_file else "the same bytes" if about.same_bytes else ""
    yield "files", same or ("the same pixels" if about.same_pixels else "different bytes and pixels")
    yield "your word", f"{about.decision} ({about.decided_at})" if about.decision else "nothing decided"


FOUND = 10


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike check ~/card --new --format paths0 | xargs -0 cp -t ~/Pictures")(
        check
    )
    app.command(epilog="Example: lookalike explain beach.jpg beach-small.jpg --image why.png")(explain)


def check(
    new: opt.NewArgument,
    against: opt.AgainstOption = None,
    only_new: opt.OnlyNewOption = False,
    workers: opt.WorkersOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.FormatOption = opt.Format.table,
    store: opt.StoreOption = None,
) -> None:
    """Say of each photo in NEW whether the library has it already.

    As the same bytes, the same pixels or a proven copy: re-saved, resized, cropped, edited; in what it
    differs is said, and whether the new one is the better one. NEW is only read and need not be indexed. A
    file that itself lies in the library is not its own match. As paths, what is found is listed, with --new
    what is not. Ends with 10 when something was found, else with 3 when something could not be read.
    """
    from ..output.progress import IndexProgress

    tally = Tally()
    with Library.open(store, engine=engine) as library, IndexProgress(alone=True) as progress:
        stop = stop_on_signal()
        checked = library.copies.check(
            new, against=against or (), workers=workers, progress=progress, stop=stop
        )
        watched = _watched(checked, tally)
        show(check_listing(watched, tally, form, only_new=only_new), form)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if tally.found or tally.unreadable:
        raise typer.Exit(FOUND if tally.found else PARTLY)


def _watched(checked: "Iterable[Checked]", tally: Tally) -> "Iterator[Checked]":
    """Pass results on and count them; what could not be read is told on stderr."""
    for each in checked:
        tally.count(each)
        if each.error is not None:
            tell(f"{each.path}: {each.error}")
        yield each


def explain(
    a: opt.PictureArgument,
    b: opt.PictureArgument,
    image: opt.SheetOption = None,
    engine: opt.EngineOption = opt.Engine.auto,
    form: opt.SummaryOption = opt.Summary.table,
    store: opt.StoreOption = None,
) -> None:
    """Say why two pictures are copies of each other, or why not.

    The verdict with what decided, the numbers beside what copies have, whether a search for copies would
    look at the pair at all, and what else is known: capture times, the same pixels, what you decided.
    """
    with Library.open(store, engine=engine) as library:
        found = library.copies.explain(a, b)
        if image is not None:
            from ..output.explain.picture import write_comparison

            write_comparison(found, image)
            tell(f"drawn to {image}")
    if form is opt.Summary.json:
        say_document(explanation_fields(found))
    else:
        say("\n".join(explanation_lines(found)))
