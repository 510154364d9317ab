"""What XMP sidecars say, and adding to it: all that is there stays byte for byte."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from ..errors import Refusal
from ..indexer.decode.fields import read_fields
from ..indexer.decode.tags import Tags
from ..indexer.decode.texts import LONG
from ..indexer.decode.xmp import NOTHING, PREFIXES, Xmp, read_xmp, short_name

# Larger ones are left alone: what a sidecar was goes into the journal.
MOST_BYTES = 512 << 10

# What can be added, by the names of `Holdings.fields`; the first two are lists.
LISTS = {"keywords": "dc:subject", "people": "Iptc4xmpExt:PersonInImage"}
SINGLES = {"rating": "xmp:Rating", "title": "dc:title", "caption": "dc:description"}
MERGED = (*LISTS, *SINGLES)

# Programs write down when they did something; that says nothing of the photo.
_BOOKKEEPING = ("rdf:about", "xmp:ModifyDate", "xmp:MetadataDate", "xmp:CreatorTool")
_SPACES = {prefix: space for space, prefix in PREFIXES.items()}
_MOST = 200  # `Holdings.fields` has no more keywords: there may be others
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="lookalike">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
).encode()

Fields = Mapping[str, Any]


# --- reading ----------------------------------------------------------------------------------


def fields_of(data: bytes) -> dict[str, Any]:
    """Return what a sidecar says, as `Holdings.fields`.

    Raises:
        Refusal: it cannot be read; code "unsupported".
    """
    return _fields(_read(data))


def _fields(xmp: Xmp) -> dict[str, Any]:
    return read_fields(Tags(xmp=xmp), None)


def _read(data: bytes) -> Xmp:
    xmp = read_xmp(data) if len(data) <= MOST_BYTES else NOTHING
    if xmp is NOTHING:
        raise Refusal("unsupported", "the sidecar is no XMP that can be read, or too large")
    return xmp


def is_plain(data: bytes) -> bool:
    """Tell whether a sidecar says nothing but what can be added to another one."""
    try:
        xmp = _read(data)
    except Refusal:
        return False
    known = {*LISTS.values(), *SINGLES.values(), *_BOOKKEEPING}
    singles = (xmp.texts(name) for name in SINGLES.values())
    return xmp.properties.keys() <= known and all(len(texts) <= 1 for texts in singles)


# --- what one lacks of another ----------------------------------------------------------------


def lacking(ours: Sequence[Fields], theirs: Sequence[Fields]) -> dict[str, Any]:
    """Return what one photo says and another does not. ours, theirs: by the file and by its sidecars.

    Raises:
        Refusal: both say something else where only one can be right, or there is more than is known; code
            "metadata".
    """
    found: dict[str, Any] = {}
    for name in LISTS:
        more = _list(name, theirs) - _list(name, ours)
        if more:
            found[name] = sorted(more)
    said = {text for name in ("title", "caption") for text in _singles(name, ours)}
    for name in SINGLES:
        own, others = _singles(name, ours), _singles(name, theirs)
        others -= own if name == "rating" else own | said
        if others and (own or len(others) > 1):
            raise Refusal(
                "metadata", f"{_words(name, own)} here, {_words(name, others)} there: look yourself"
            )
        if others:
            found[name] = others.pop()
    return found


def _list(name: str, fields: Iterable[Fields]) -> set[str]:
    found = [each.get(name, ()) for each in fields]
    if any(len(each) >= _MOST for each in found):
        raise Refusal("metadata", f"there are {_MOST} {name} or more")
    return {str(text) for each in found for text in each}


def _singles(name: str, fields: Iterable[Fields]) -> set[str]:
    found = {str(each[name]) for each in fields if each.get(name)}
    if any(len(text) >= LONG for text in found):
        raise Refusal("metadata", f"the {name} is too long")
    return found


def _words(name: str, values: Iterable[str]) -> str:
    return f"{name} {' and '.join(sorted(values)) or 'none'}"


def in_words(more: Fields) -> str:
    """Return what is added for people: "keywords Lyon, sea; rating 4"."""
    parts = [f"{name} {', '.join(more[name])}" for name in LISTS if more.get(name)]
    return "; ".join([*parts, *(f"{name} {more[name]}" for name in SINGLES if more.get(name))])


# --- adding -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layout:
    """Where things stand in a packet, in bytes from its beginning.

    end: of what is described, before the last tag. prefix: what RDF is called. about: of the first
    description. names: properties that are there. lists: of those that are lists, where the next item goes,
    and the tag of an item.
    """

    end: int = -1
    prefix: str = ""
    about: str = ""
    names: set[str] = field(default_factory=set)
    lists: dict[str, tuple[int, str]] = field(default_factory=dict)


def merged(old: bytes | None, more: Fields) -> bytes:
    """Return a sidecar with more in it: what is there stays, byte for byte. old: None where there is none.

    more: what `lacking` returns.

    Raises:
        Refusal: it cannot be added; code "unsupported", or "metadata" where something else is said there.
    """
    data = _EMPTY if old is None else old
    before = _fields(_read(data))
    layout = _layout(data)
    insertions, new = list[tuple[int, str]](), dict[str, str]()
    for name, tag in LISTS.items():
        items = [each for each in more.get(name, ()) if each not in before.get(name, ())]
        if items and tag in layout.names:
            insertions.append(_next_items(layout, tag, items))
        elif items:
            new[tag] = _listed("Bag", items, layout.prefix)
    for name, tag in SINGLES.items():
        if not more.get(name) or before.get(name) == more[name]:
            continue
        if tag in layout.names:
            raise Refusal("metadata", f"its sidecar has another {name}")
        new[tag] = _single(name, str(more[name]), layout.prefix)
    if new:
        insertions.append((layout.end, _description(layout, new)))
    return _checked(_inserted(data, insertions), before, more)


def _inserted(data: bytes, insertions: Iterable[tuple[int, str]]) -> bytes:
    for at, text in sorted(insertions, reverse=True):
        # What is not the first of its line pushes the tag behind it to a line like its own.
        begin = data.rfind(b"\n", 0, at) + 1
        indent = data[begin:at]
        end = b"\n" + indent if begin and not indent.strip() else b""
        data = data[:at] + text.encode("utf-8", "replace") + end + data[at:]
    return data


def _next_items(layout: _Layout, tag: str, items: Iterable[str]) -> tuple[int, str]:
    if tag not in layout.lists:
        raise Refusal("unsupported", f"its sidecar has a {tag} of a kind that nothing can be added to")
    at, item = layout.lists[tag]
    return at, "".join(f"<{item}>{escape(each)}</{item}>" for each in items)


def _listed(kind: str, items: Iterable[str], rdf: str, more: str = "") -> str:
    inside = "".join(f"<{rdf}:li{more}>{escape(each)}</{rdf}:li>" for each in items)
    return f"<{rdf}:{kind}>{inside}</{rdf}:{kind}>"


def _single(name: str, text: str, rdf: str) -> str:
    if name == "rating":
        return "-1" if text == "rejected" else escape(text)
    return _listed("Alt", [text], rdf, ' xml:lang="x-default"')


def _description(layout: _Layout, new: Mapping[str, str]) -> str:
    rdf, prefixes = layout.prefix, sorted({tag.partition(":")[0] for tag in new})
    spaces = "".join(f" xmlns:{prefix}={quoteattr(_SPACES[prefix])}" for prefix in prefixes)
    inside = "".join(f"\n   <{tag}>{said}</{tag}>" for tag, said in new.items())
    head = f"<{rdf}:Description {rdf}:about={quoteattr(layout.about)}{spaces}>"
    return f" {head}{inside}\n  </{rdf}:Description>"


def _checked(data: bytes, before: Fields, more: Fields) -> bytes:
    """Return a new packet if it says what it should; some packets name things in ways of their own."""
    wanted = dict(before)
    wanted |= {name: sorted({*before.get(name, ()), *more[name]}) for name in LISTS if more.get(name)}
    wanted |= {name: more[name] for name in SINGLES if more.get(name)}
    if fields_of(data) != wanted:
        raise Refusal("unsupported", "its sidecar is written in a way that nothing can be added to")
    return data


def _layout(data: bytes) -> _Layout:
    """Return where things stand in a packet that `read_xmp` takes.

    Raises:
        Refusal: it is laid out in another way than programs do it.
    """
    layout, path, ends = _Layout(), list[str](), list[int]()
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(short_name(name))
        inside = list(_below_rdf(path))
        if inside == ["rdf:Description"]:
            said = {short_name(key): value for key, value in attributes.items()}
            layout.about = layout.about or said.get("rdf:about", "")
            layout.names |= said.keys()
        elif len(inside) == 2:
            layout.names.add(path[-1])

    def end(_: str) -> None:
        at = parser.CurrentByteIndex
        inside = list(_below_rdf(path))
        is_tag = data[at : at + 2] == b"</"
        prefix = data[at + 2 : data.find(b">", at)].decode("utf-8", "replace").rpartition(":")[0]
        if path[-1] == "rdf:RDF" and is_tag:
            ends.append(at)
            layout.end, layout.prefix = at, prefix
        elif len(inside) == 3 and inside[2] in ("rdf:Bag", "rdf:Seq") and is_tag:
            layout.lists[inside[1]] = at, f"{prefix}:li" if prefix else "li"
        path.pop()

    def declared(_: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise Refusal("unsupported", f"its sidecar is written in {encoding}")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.XmlDeclHandler = declared
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        raise Refusal("unsupported", f"its sidecar cannot be read: {error}") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or len(ends) != 1 or not layout.prefix:
        raise Refusal("unsupported", "its sidecar is written in a way that nothing can be added to")
    return layout


def _below_rdf(path: Sequence[str]) -> Iterator[str]:
    """Yield the names below the RDF: of a description, a property in it, a list in that."""
    if "rdf:RDF" in path:
        yield from path[path.index("rdf:RDF") + 1 :]
