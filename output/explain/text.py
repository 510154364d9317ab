"""Why two pictures are copies or not, as JSON and as text for people."""

from collections.abc import Iterator

from ...dedup.explain.explain import Explanation, Side
from ...store.documents import Row, path_fields
from ...store.names import format_name
from ..listing import photo_fields
from ..text import columns, day, file_size, pixels, printable


def explanation_fields(found: Explanation) -> Row:
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
            {name: getattr(each, name) for name in ("number", "value", "limit", "at_least", "holds")}
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
        "look": found.look.as_dict() if found.look else None,
        "would_lose": {
            "a": [{"kind": each.kind, "words": each.words} for each in found.lost_with_a],
            "b": [{"kind": each.kind, "words": each.words} for each in found.lost_with_b],
        },
        "evidence": found.evidence.as_dict(),
    }


def _side_fields(side: Side) -> Row:
    photo = side.known.photo
    about = photo_fields(photo) | {"taken": photo.taken, "blake3": photo.digest}
    about["id"] = photo.id if side.in_library else None
    return about | path_fields(side.name, "name") | {"in_library": side.in_library}


def explanation_lines(found: Explanation) -> Iterator[str]:
    """Write an explanation for people."""
    yield from columns([_side_line("A", found.a), _side_line("B", found.b)], right=(2, 4))
    yield ""
    yield _verdict_line(found)
    if found.verdict != "exact":
        yield f"  {found.reason}"
    yield ""
    if found.verdict == "copy":
        yield from _account_lines(found)
        yield ""
    yield from _pixel_lines(found)
    yield ""
    yield from columns([*_candidate_lines(found), *_known_lines(found)])


def _verdict_line(found: Explanation) -> str:
    if found.verdict == "exact":
        return f"COPIES: {'A and B are one file' if found.relation.same_file else 'the same bytes'}"
    if found.verdict == "similar":
        return "NOT COPIES"
    return f"COPIES: B is A {found.transform}" if found.transform else "COPIES"


def _side_line(letter: str, side: Side) -> tuple[str, ...]:
    photo = side.known.photo
    taken = f"taken {day(photo.taken)}" if photo.taken else "capture time unknown"
    where = f"id:{photo.id}" if side.in_library else "not in the library"
    size = pixels(photo_fields(photo))
    return (
        letter,
        printable(side.name),
        size,
        format_name(photo.format),
        file_size(photo.size),
        taken,
        where,
    )


def _account_lines(found: Explanation) -> Iterator[str]:
    yield "at full size: " + _look_in_words(found)
    for letter, other, lost in (("A", "B", found.lost_with_a), ("B", "A", found.lost_with_b)):
        words = "; ".join(printable(each.words) for each in lost) or "nothing"
        yield f"  if {letter} went and {other} stayed, you would lose: {words}"


def _look_in_words(found: Explanation) -> str:
    look = found.look
    if look is None:
        return "the same pixels" if found.relation.same_pixels else "they were not compared"
    if look.failed:
        return f"they could not be compared: {look.failed}"
    if look.relation == "same":
        return "the same pixels"
    if not look.relation:
        return "which came first is not known"
    first, later = ("A", "B") if look.relation == "a" else ("B", "A")
    is_jpeg = (found.b if later == "B" else found.a).known.photo.format in ("JPEG", "MPO")
    if look.how == "reduced":
        return f"{first} came first: {later} has fewer pixels and less detail"
    # Either way of a JPEG and a bitmap is told by the steps of the JPEG.
    way = "exact" if look.how == "bitmap" and is_jpeg else look.how
    how = _HOW.get(way, "") + _MODELS.get(look.model, "")
    return f"{first} came first: {later} was made from it{how}"


_HOW = {
    "exact": ", as its own compression tells",
    "bounds": ", as its own compression tells",
    "carried": "; it carries the compression of the other",
    "bitmap": "; its pixels are those of the JPEG",
    "saves": " and saved several times, as its own compression tells",
}
_MODELS = {"tone": ", with other tones", "filter": ", with a filter", "sharpened": ", sharpened"}


def _pixel_lines(found: Explanation) -> Iterator[str]:
    verdict = "a copy" if found.evidence.verdict == "copy" else "not a copy"
    yield f"by the pixels: {verdict}; probability of a copy {100 * found.evidence.probability:.1f} %"
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


def _candidate_lines(found: Explanation) -> Iterator[tuple[str, str]]:
    near = found.candidacy
    yield "embeddings", f"cosine {near.cosine:.3f}; similarity as copies {near.score:.3f}"
    hashes = f"{near.bits} of 256 bits differ; of candidates up to {near.most_bits}"
    yield "hashes", hashes if near.has_hashes else f"{hashes}; too little detail for them to count"
    similarity = f"embedding similarity {near.score:.3g}, needed"
    if near.by_score:
        yield "candidate", f"yes ({similarity} {near.floor:g})"
    elif near.almost_same and near.has_hashes:
        yield "candidate", "yes (the hashes are almost the same)"
    elif near.by_hash:
        yield "candidate", f"yes (similar hashes; {similarity} {near.gate:g})"
    elif near.by_rank:
        yield "candidate", f"only among the nearest few ({similarity} {near.few_floor:g})"
    else:
        yield "candidate", f"not a candidate ({similarity} {near.floor:g}; the hashes differ)"


def _known_lines(found: Explanation) -> Iterator[tuple[str, str]]:
    about, a, b = found.relation, found.a.known.photo, found.b.known.photo
    if a.taken and b.taken:
        yield "taken", "at different moments" if about.moments_differ else "at the same moment"
    else:
        yield "taken", "not known of both"
    same = "one file" if about.same_file else "the same bytes" if about.same_bytes else ""
    yield "files", same or ("the same pixels" if about.same_pixels else "different bytes and pixels")
    decision = f"{about.decision} ({about.decided_at})" if about.decision else "nothing decided"
    yield "your decision", decision
