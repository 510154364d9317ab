"""What metadata say that a person cares about, in one form wherever it is written: tags -> fields."""

from collections.abc import Iterable, Iterator
from typing import Any

from PIL import Image

from ...store.records import Metadata
from . import iptc
from .exif import camera_of, number, read_metadata
from .programs import is_by_a_program, is_editor
from .tags import Tags, gather
from .texts import LONG, MIDDLE, as_text, one_line, user_comment, utf16_text
from .times import Taken, read_taken

_EXPOSURE_TIME, _F_NUMBER, _ISO, _BIAS, _FOCAL = 0x829A, 0x829D, 0x8827, 0x9204, 0x920A
_DESCRIPTION, _SOFTWARE, _ARTIST, _COPYRIGHT, _RATING = 0x010E, 0x0131, 0x013B, 0x8298, 0x4746
_TAKEN, _MAKER_NOTE, _USER_COMMENT, _THUMBNAIL_BYTES = 0x9003, 0x927C, 0x9286, 0x0202
_XP_TITLE, _XP_COMMENT, _XP_AUTHOR, _XP_KEYWORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F
_JPEG_QUALITY = 0x0406  # a resource that only Photoshop itself writes

# The texts of a PNG that are a comment; the last three are what generators of pictures were told.
_COMMENTS = ("Comment", "parameters", "prompt", "workflow")
_MOST = 200  # keywords or people
_PERCENT = ((99, 5), (75, 4), (50, 3), (25, 2), (1, 1))  # how Windows counts stars

Text = str | None


def read_all(image: Image.Image, exif: Image.Exif) -> tuple[Metadata, dict[str, Any]]:
    """Return the metadata and the fields (see `read_fields`) of a picture that was loaded; nothing raises.

    exif: its EXIF.
    """
    tags = gather(image, exif)
    taken = read_taken({**tags.main, **tags.detail}, tags.gps, tags.xmp, tags.texts)
    return read_metadata(tags, taken), read_fields(tags, taken)


def read_fields(tags: Tags, taken: Taken | None) -> dict[str, Any]:
    """Return what a picture says that a person cares about, by name; only what is there.

    keywords, people: sorted lists. rating: "1" to "5" or "rejected". title, caption, comment, place, label,
    software, author, copyright: texts of at most LONG characters. taken_from: which tag `taken` is from.
    exposure_time: seconds; exposure_bias: EV; focal_length: millimeters; f_number, iso: numbers.
    camera_record: 0 to 6, how much of a camera's own record there is. edited: how it is known that an
    editor had it.
    """
    found: dict[str, Any] = {
        "keywords": _keywords(tags),
        "people": _people(tags),
        "rating": _rating(tags),
        **_words(tags),
        "place": _place(tags),
        "label": _first(map(one_line, tags.xmp.texts("xmp:Label"))),
        "software": _software(tags),
        "author": _joined(filter(_is_written, _authors(tags))),
        "copyright": _joined(filter(_is_written, _rights(tags))),
        "taken_from": taken.source if taken else None,
        **_exposure(tags),
        "camera_record": _camera_record(tags) or None,
        "edited": _edited(tags),
    }
    return {name: value for name, value in found.items() if value not in (None, [], "")}


# --- keywords, people, rating -------------------------------------------------------------------


def _keywords(tags: Tags) -> list[str]:
    xmp = tags.xmp
    flat = [*xmp.texts("dc:subject"), *tags.iptc.get(iptc.KEYWORDS, ())]
    flat += (utf16_text(tags.main.get(_XP_KEYWORDS)) or "").split(";")
    # Of "Places|Europe|Berlin" programs write the last part, or all of them, as plain keywords as well.
    leaves = [path.rpartition("|")[2] for path in xmp.texts("lr:hierarchicalSubject")]
    leaves += [
        path.rpartition("/")[2] for path in xmp.texts("digiKam:TagsList", "MicrosoftPhoto:LastKeywordXMP")
    ]
    return _distinct([*flat, *leaves])


def _people(tags: Tags) -> list[str]:
    xmp = tags.xmp
    names = [
        name
        for kind, name in xmp.parts("mwg-rs:Regions", "mwg-rs:Type", "mwg-rs:Name")
        if kind in ("Face", "")
    ]
    names += [name for (name,) in xmp.parts("MP:RegionInfo", "MPReg:PersonDisplayName")]
    names += [name for (name,) in xmp.parts("Iptc4xmpExt:PersonInImageWDetails", "Iptc4xmpExt:PersonName")]
    return _distinct([*names, *xmp.texts("Iptc4xmpExt:PersonInImage")])


def _distinct(texts: Iterable[str]) -> list[str]:
    lines = {line for text in texts if (line := one_line(text, MIDDLE))}
    return sorted(lines)[:_MOST]


def _rating(tags: Tags) -> Text:
    for value in (*tags.xmp.texts("xmp:Rating"), tags.main.get(_RATING)):
        stars = number(value)
        if stars:
            return "rejected" if stars < 0 else str(min(5, max(1, round(stars))))
    percent = next(filter(None, map(number, tags.xmp.texts("MicrosoftPhoto:Rating"))), 0.0)
    return next((str(stars) for least, stars in _PERCENT if percent >= least), None)


# --- texts --------------------------------------------------------------------------------------


def _words(tags: Tags) -> dict[str, Text]:
    """Return title, caption and comment; what one of them says the next ones need not say again."""
    said: list[str] = []
    words: dict[str, Text] = {}
    camera = camera_of(tags)
    for name, texts in (
        ("title", _titles(tags)),
        ("caption", _captions(tags)),
        ("comment", _comments(tags)),
    ):
        own = [text for text in texts if text and _is_written(text) and text != camera]
        words[name] = _joined(own, said)
        said += own
    return words


def _titles(tags: Tags) -> Iterator[Text]:
    yield from _lines(tags.xmp.texts("dc:title"))
    yield from _lines(tags.iptc.get(iptc.TITLE, ()))
    yield utf16_text(tags.main.get(_XP_TITLE))
    yield from _lines([tags.texts.get("Title", "")])


def _captions(tags: Tags) -> Iterator[Text]:
    yield from _lines(tags.xmp.texts("dc:description"))
    yield from _lines(tags.iptc.get(iptc.CAPTION, ()))
    yield as_text(tags.main.get(_DESCRIPTION), LONG)
    yield utf16_text(tags.main.get(_XP_SUBJECT))
    yield from _lines([tags.texts.get("Description", "")])


def _comments(tags: Tags) -> Iterator[Text]:
    yield from _lines(tags.xmp.texts("exif:UserComment"))
    yield user_comment(tags.detail.get(_USER_COMMENT))
    yield utf16_text(tags.main.get(_XP_COMMENT))
    yield as_text(tags.comment, LONG)
    yield from _lines(tags.texts.get(name, "") for name in _COMMENTS)


def _authors(tags: Tags) -> Iterator[Text]:
    yield from _lines([", ".join(tags.xmp.texts("dc:creator"))])
    yield from _lines([", ".join(tags.iptc.get(iptc.AUTHOR, ()))])
    yield as_text(tags.main.get(_ARTIST), LONG)
    yield utf16_text(tags.main.get(_XP_AUTHOR))
    yield from _lines([tags.texts.get("Author", "")])


def _rights(tags: Tags) -> Iterator[Text]:
    yield from _lines(tags.xmp.texts("dc:rights"))
    yield from _lines(tags.iptc.get(iptc.COPYRIGHT, ()))
    yield as_text(tags.main.get(_COPYRIGHT), LONG)
    yield from _lines([tags.texts.get("Copyright", "")])


def _place(tags: Tags) -> Text:
    names = ("Iptc4xmpCore:Location", "photoshop:City", "photoshop:State", "photoshop:Country")
    by_xmp = ", ".join(text.strip() for text in tags.xmp.texts(*names) if text.strip())
    by_iptc = ", ".join(
        text.strip() for each in iptc.PLACE for text in tags.iptc.get(each, ()) if text.strip()
    )
    return _joined(_lines([by_xmp, by_iptc]))


def _software(tags: Tags) -> Text:
    named = (as_text(tags.main.get(_SOFTWARE)), *_lines(tags.xmp.texts("xmp:CreatorTool")))
    return _first((*named, *_lines([tags.texts.get("Software", "")])))


def _is_written(text: Text) -> bool:
    return text is not None and not is_by_a_program(text)


def _lines(texts: Iterable[str]) -> Iterator[Text]:
    return (one_line(text) for text in texts)


def _first(texts: Iterable[Text]) -> Text:
    return next((text for text in texts if text), None)


def _joined(texts: Iterable[Text], said: Iterable[str] = ()) -> Text:
    """Return the texts as one, each thing once: IPTC and EXIF repeat what XMP says, cut off at a limit."""
    before, own = list(said), list[str]()
    for text in texts:
        if text and not any(each.startswith(text) for each in (*before, *own)):
            own.append(text)
    return one_line(" | ".join(own))


# --- the camera and the editor ------------------------------------------------------------------


def _exposure(tags: Tags) -> dict[str, float | None]:
    detail = tags.detail
    return {
        "exposure_time": _positive(detail.get(_EXPOSURE_TIME)),
        "exposure_bias": _rounded(number(detail.get(_BIAS))),
        "f_number": _positive(detail.get(_F_NUMBER)),
        "iso": _positive(detail.get(_ISO)),
        "focal_length": _positive(detail.get(_FOCAL)),
    }


def _positive(value: object) -> float | None:
    found = number(value[0] if isinstance(value, tuple) and value else value)
    return _rounded(found) if found is not None and found > 0 else None


def _rounded(value: float | None) -> float | None:
    """Return a number as short as it can be written."""
    if value is None:
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() and abs(short) < 1e9 else short


def _camera_record(tags: Tags) -> int:
    record = 2 * bool(tags.detail.get(_MAKER_NOTE))
    record += _positive(tags.detail.get(_EXPOSURE_TIME)) is not None
    record += camera_of(tags) is not None
    record += as_text(tags.detail.get(_TAKEN)) is not None
    return record + bool(tags.small.get(_THUMBNAIL_BYTES))


def _edited(tags: Tags) -> Text:
    """Return the mark of the editor that had the picture, None without one."""
    xmp = tags.xmp
    agents = [
        agent or action
        for agent, action in xmp.parts("xmpMM:History", "stEvt:softwareAgent", "stEvt:action")
    ]
    named = [*_lines(agents), *_lines(xmp.texts("xmp:CreatorTool")), as_text(tags.main.get(_SOFTWARE))]
    named += _lines([tags.texts.get("Software", "")])
    by_name = _first(text for text in named if text and is_editor(text))
    if by_name or agents:
        return by_name or _first(_lines(agents))
    if "xmpMM:DerivedFrom" in xmp.properties:
        return "derived from another file"
    return "Photoshop" if _JPEG_QUALITY in tags.photoshop else None
