"""XMP packets, read by a parser that knows no entities: what a packet says, as lists of texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MAX_BYTES = 4 << 20
_MAX_DEPTH = 40
_MAX_NODES = 50_000

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.2/": "MP",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    _RDF: "rdf",
}


class _Refused(Exception):
    """The packet has what no XMP needs, and what does harm."""


@dataclass(frozen=True, slots=True)
class Xmp:
    """A packet. properties: by name ("dc:subject"), the elements and attributes that say them."""

    properties: dict[str, list[Element | str]] = field(default_factory=dict)

    def texts(self, *names: str) -> list[str]:
        """Return all that the packet says under some names: of a list each item."""
        return [text for name in names for each in self.properties.get(name, ()) for text in _texts(each)]

    def parts(self, name: str, *wanted: str) -> Iterator[tuple[str, ...]]:
        """Yield what each structure below a property says under some names of its own, "" for nothing."""
        for top in self.properties.get(name, ()):
            for node in top.iter() if isinstance(top, Element) else ():
                said = tuple(_part(node, each) for each in wanted)
                if any(said):
                    yield said


NOTHING = Xmp()


def read_xmp(packet: object) -> Xmp:
    """Read a packet; one that is malformed, too large or has entities says nothing."""
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    if not isinstance(data, bytes) or not 0 < len(data) <= MAX_BYTES:
        return NOTHING
    try:
        root = _parsed(data.strip(b"\0 \t\r\n"))
    except (expat.ExpatError, _Refused, ValueError, LookupError, AssertionError):
        return NOTHING
    properties: dict[str, list[Element | str]] = {}
    for description in _descriptions(root):
        for name, value in description.attrib.items():
            properties.setdefault(name, []).append(value)
        for node in description:
            properties.setdefault(node.tag, []).append(node)
    return Xmp(properties)


def _parsed(data: bytes) -> Element:
    builder, parser = TreeBuilder(), expat.ParserCreate(namespace_separator=" ")
    depth, nodes = 0, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, nodes
        depth, nodes = depth + 1, nodes + 1
        if depth > _MAX_DEPTH or nodes > _MAX_NODES:
            raise _Refused
        builder.start(short_name(name), {short_name(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(short_name(name))

    def refuse(*_: object) -> None:
        raise _Refused

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    # Entities are declared in a document type only; without one there is nothing to expand or to fetch.
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)
    return builder.close()


def short_name(name: str) -> str:
    """Return "dc:subject" for "http://purl.org/dc/elements/1.1/ subject", whatever the packet calls it."""
    space, _, local = name.rpartition(" ")
    return f"{PREFIXES.get(space, '?')}:{local}" if space else local


def _descriptions(root: Element) -> Iterator[Element]:
    """Yield the outer descriptions: those within others are of other pictures, or parts of this one."""
    for rdf in root.iter("rdf:RDF"):
        yield from _inside(rdf, "rdf:Description")


def _inside(node: Element, *names: str) -> list[Element]:
    # `find` of ElementTree would take what stands before the colon for a prefix of its own.
    return [child for child in node if child.tag in names]


def _texts(said: Element | str) -> list[str]:
    if isinstance(said, str):
        return [said]
    lists = _inside(said, "rdf:Bag", "rdf:Seq", "rdf:Alt")
    items = [item for each in lists for item in _inside(each, "rdf:li")]
    return [_text(item) for item in items] if lists else [_text(said)]


def _text(node: Element) -> str:
    value = next(node.iter("rdf:value"), node)
    return value.text or node.get("rdf:value") or node.get("rdf:resource") or ""


def _part(node: Element, name: str) -> str:
    """Return what a structure says under a name, as an attribute or an element."""
    texts = [text for found in _inside(node, name) for text in _texts(found)]
    return (texts[0] if texts else node.get(name) or "").strip()
