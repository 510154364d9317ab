"""What metadata say that a person cares about, whichever of their ways they say it in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from lookalike.indexer.decode.decode import decode
from lookalike.indexer.decode.iptc import photoshop_blocks, read_iptc
from lookalike.indexer.decode.texts import LONG, utf16_text
from lookalike.indexer.decode.xmp import read_xmp
from lookalike.tests.pictures import draw_photo, encode, exif_with

SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
}


def packet(inside: str = "", attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in SPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{inside}</rdf:Description></rdf:RDF>'
        '</x:xmpmeta>   <?xpacket end="w"?>'
    ).encode()


def items(name: str, *texts: str, kind: str = "Bag") -> str:
    inside = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{name}><rdf:{kind}>{inside}</rdf:{kind}></{name}>"


def record(number: int, text: str | bytes) -> bytes:
    value = text.encode() if isinstance(text, str) else text
    return bytes([0x1C, 2, number]) + len(value).to_bytes(2, "big") + value


def block(number: int, data: bytes) -> bytes:
    size = len(data).to_bytes(4, "big")
    return b"8BIM" + number.to_bytes(2, "big") + b"\0\0" + size + data + b"\0" * (len(data) % 2)


def with_segment(jpeg: bytes, marker: int, data: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data + jpeg[2:]


def with_iptc(jpeg: bytes, *records: bytes) -> bytes:
    return with_segment(jpeg, 0xED, b"Photoshop 3.0\0" + block(0x0404, b"".join(records)))


def fields_of(file_format: str = "JPEG", **options: Any) -> dict[str, Any]:
    return decode(encode(Image.new("RGB", (16, 16)), file_format, **options)).fields


def said(data: bytes) -> dict[str, Any]:
    return decode(data).fields


def plain_jpeg(**options: Any) -> bytes:
    return encode(Image.new("RGB", (16, 16)), **options)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_keywords_and_stars_are_found_in_every_format(file_format: str) -> None:
    xmp = packet(items("dc:subject", "Wedding", "Anna"), 'xmp:Rating="5"')
    options: dict[str, Any] = {"xmp": xmp}
    if file_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": text}
    if file_format == "TIFF":
        options = {"tiffinfo": {700: xmp}}
    assert fields_of(file_format, **options) == {"keywords": ["Anna", "Wedding"], "rating": "5"}


def test_keywords_are_the_same_wherever_they_stand() -> None:
    sorted_in = items("lr:hierarchicalSubject", "Places|Europe|Berlin", "Anna")
    assert fields_of(xmp=packet(sorted_in))["keywords"] == ["Anna", "Berlin"]
    assert said(with_iptc(plain_jpeg(), record(25, "Berlin"), record(25, "Anna")))["keywords"] == [
        "Anna",
        "Berlin",
    ]
    windows = exif_with({0x9C9E: "Berlin;Anna\0".encode("utf-16-le")})
    assert fields_of(exif=windows)["keywords"] == ["Anna", "Berlin"]


@pytest.mark.parametrize(
    "people",
    [
        items("Iptc4xmpExt:PersonInImage", "Anna", "Bob"),
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>'
        '<rdf:li><rdf:Description mwg-rs:Name="Bob" mwg-rs:Type="Face"/></rdf:li>'
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Anna</mwg-rs:Name>'
        "<mwg-rs:Type>Face</mwg-rs:Type></rdf:li>"
        '<rdf:li><rdf:Description mwg-rs:Name="Rex" mwg-rs:Type="Pet"/></rdf:li>'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>",
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>'
        '<rdf:li MPReg:PersonDisplayName="Anna"/><rdf:li MPReg:PersonDisplayName="Bob"/>'
        "</rdf:Bag></MPRI:Regions></MP:RegionInfo>",
    ],
)
def test_people_are_named(people: str) -> None:
    assert fields_of(xmp=packet(people)) == {"people": ["Anna", "Bob"]}


@pytest.mark.parametrize(
    ("written", "read"),
    [("5", "5"), ("4.0", "4"), ("0", None), ("-1", "rejected"), ("", None), ("x", None)],
)
def test_no_stars_are_none(written: str, read: str | None) -> None:
    assert fields_of(xmp=packet("", f'xmp:Rating="{written}"')).get("rating") == read
    assert fields_of(xmp=packet(f"<xmp:Rating>{written}</xmp:Rating>")).get("rating") == read


def test_stars_of_exif_count_where_xmp_has_none() -> None:
    assert fields_of(exif=exif_with({0x4746: 3}))["rating"] == "3"
    assert fields_of(exif=exif_with({0x4746: 3}), xmp=packet("", 'xmp:Rating="4"'))["rating"] == "4"


def test_what_is_said_twice_is_said_once() -> None:
    alt = items("dc:description", "Grandma on the beach", kind="Alt")
    exif = exif_with({0x010E: "Grandma on the beach"}, exif={0x9286: b"ASCII\0\0\0Grandma on the beach"})
    assert fields_of(xmp=packet(alt), exif=exif) == {"caption": "Grandma on the beach"}
    other = exif_with({0x010E: "Mother on the beach"})
    assert fields_of(xmp=packet(alt), exif=other)["caption"] == "Grandma on the beach | Mother on the beach"


@pytest.mark.parametrize("code", [b"ASCII\0\0\0", b"\0" * 8, b"UNICODE\0", b"UNICODE\0be"])
def test_a_comment_is_read_in_each_of_its_codes(code: bytes) -> None:
    codec = {b"UNICODE\0": "utf-16-le", b"UNICODE\0be": "utf-16-be"}.get(code, "ascii")
    comment = code[:8] + "first steps".encode(codec)
    assert fields_of(exif=exif_with(exif={0x9286: comment})) == {"comment": "first steps"}


def test_comments_outside_of_exif_are_read() -> None:
    assert fields_of(comment=b"first steps") == {"comment": "first steps"}
    assert fields_of("GIF", comment=b"first steps") == {"comment": "first steps"}
    text = PngImagePlugin.PngInfo()
    for key in ("Title", "Description", "Comment", "Author", "Copyright", "date:create"):
        text.add_text(key, f"{key} of it")
    assert fields_of("PNG", pnginfo=text) == {
        "title": "Title of it",
        "caption": "Description of it",
        "comment": "Comment of it",
        "author": "Author of it",
        "copyright": "Copyright of it",
    }


@pytest.mark.parametrize(
    "text",
    [
        "OLYMPUS DIGITAL CAMERA         ",
        "SAMSUNG",
        "KODAK Digital Still Camera",
        "SONY DSC",
        "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n",
        "Intel(R) JPEG Library, version [1.51.12.44]",
        "LEAD Technologies Inc. V1.01",
        "Created with GIMP",
        "File written by Adobe Photoshop\xa8 4.0",
        "DCIM\\100MEDIA\\DJI_0042.JPG",
        "      ",
        "...",
        "",
    ],
)
def test_what_programs_write_is_no_caption(text: str) -> None:
    exif = exif_with(
        {0x010E: text.encode("latin-1")}, exif={0x9286: b"ASCII\0\0\0" + text.encode("latin-1")}
    )
    assert fields_of(exif=exif, comment=text.encode("latin-1")) == {}


@pytest.mark.parametrize(
    "text",
    ["Norway", "Winter in Sweden", "Created with love by Anna", "Our camera club", "P.", "2005", "花"],
)
def test_what_people_write_is_one(text: str) -> None:
    assert fields_of(comment=text.encode()) == {"comment": text}


def test_place_author_and_rights_are_read_from_xmp_and_iptc() -> None:
    xmp = packet(
        items("dc:creator", "Anna", "Bob", kind="Seq") + items("dc:rights", "(c) Anna", kind="Alt"),
        'photoshop:City="Berlin" photoshop:Country="Germany" xmp:Label="Red"',
    )
    expected = {"place": "Berlin, Germany", "author": "Anna, Bob", "copyright": "(c) Anna"}
    assert fields_of(xmp=xmp) == expected | {"label": "Red"}
    records = ((90, "Berlin"), (101, "Germany"), (80, "Anna"), (80, "Bob"), (116, "(c) Anna"))
    assert said(with_iptc(plain_jpeg(), *(record(*each) for each in records))) == expected


def test_iptc_is_read_in_its_charset_and_in_a_tiff() -> None:
    utf8 = b"\x1c\x01\x5a\0\x03\x1b%G"
    assert said(with_iptc(plain_jpeg(), utf8, record(5, "Blüte"))) == {"title": "Blüte"}
    assert said(with_iptc(plain_jpeg(), record(5, "Blüte".encode("latin-1")))) == {"title": "Blüte"}
    assert fields_of("TIFF", tiffinfo={0x83BB: record(5, "Blüte")})["title"] == "Blüte"


def test_long_texts_are_cut_off_and_stay_different() -> None:
    first, second = (fields_of(comment=b"long " * 1000 + end)["comment"] for end in (b"a", b"b"))
    assert len(first) == len(second) == LONG
    assert first != second


def test_numbers_of_the_exposure_are_numbers() -> None:
    exif = exif_with(
        exif={
            0x829A: IFDRational(1, 60),
            0x9204: IFDRational(-2, 3),
            0x829D: IFDRational(28, 10),
            0x8827: 100,
            0x920A: IFDRational(50, 1),
        }
    )
    found = fields_of(exif=exif)
    assert (found["exposure_time"], found["exposure_bias"]) == (0.01667, -0.6667)
    assert (found["f_number"], found["iso"], found["focal_length"]) == (2.8, 100, 50)
    broken = exif_with(exif={0x829A: IFDRational(0, 0), 0x829D: IFDRational(0, 1)})
    assert not {"exposure_time", "f_number"} & fields_of(exif=broken).keys()


def test_a_cameras_own_record_is_counted() -> None:
    whole = exif_with(
        {0x010F: "Maker", 0x0110: "Model"},
        exif={0x9003: "2023:05:01 10:00:00", 0x829A: IFDRational(1, 60), 0x927C: b"note" * 8},
    )
    assert fields_of(exif=whole)["camera_record"] == 5
    less = exif_with({0x0110: "Model"}, exif={0x9003: "2023:05:01 10:00:00"})
    assert fields_of(exif=less)["camera_record"] == 2
    assert "camera_record" not in fields_of()


def test_the_thumbnail_of_the_camera_counts_as_well() -> None:
    exif = exif_with({0x0110: "Model"})
    exif.get_ifd(0x8769)
    small = encode(draw_photo(1, 160, 120), quality=50)
    assert (
        said(with_segment(plain_jpeg(), 0xE1, b"Exif\0\0" + _with_thumbnail(small)))["camera_record"] == 1
    )


def _with_thumbnail(jpeg: bytes) -> bytes:
    """Make TIFF with an empty first directory and one of a thumbnail."""
    first = b"\0\0" + (14).to_bytes(4, "little")
    entries = ((0x0103, 6), (0x0201, 56), (0x0202, len(jpeg)))
    second = len(entries).to_bytes(2, "little") + b"".join(
        tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little") for tag, value in entries
    )
    return b"II*\0\x08\0\0\0" + first + second + b"\0\0\0\0" + jpeg


@pytest.mark.parametrize(
    ("xmp", "mark"),
    [
        (
            packet(
                '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="saved" '
                'stEvt:softwareAgent="Adobe Photoshop 22.1 (Windows)"/></rdf:Seq></xmpMM:History>'
            ),
            "Adobe Photoshop 22.1 (Windows)",
        ),
        (packet("", 'xmp:CreatorTool="Snapseed 2.0"'), "Snapseed 2.0"),
        (packet('<xmpMM:DerivedFrom rdf:parseType="Resource"/>'), "derived from another file"),
        (packet("", 'xmp:CreatorTool="17.1"'), None),
        (packet("", 'xmp:Rating="3"'), None),
    ],
)
def test_editors_leave_their_mark(xmp: bytes, mark: str | None) -> None:
    assert fields_of(xmp=xmp).get("edited") == mark


def test_the_software_of_a_camera_is_no_editor() -> None:
    assert fields_of(exif=exif_with({0x0131: "GIMP 2.10.34"})) == {
        "software": "GIMP 2.10.34",
        "edited": "GIMP 2.10.34",
    }
    assert fields_of(exif=exif_with({0x0131: "Ver.1.01"})) == {"software": "Ver.1.01"}


# --- where the time is from ---------------------------------------------------------------------

DAY = "2023:05:01 10:00:00"


def times_of(file_format: str = "JPEG", **options: Any) -> tuple[str | None, str | None]:
    found = decode(encode(Image.new("RGB", (16, 16)), file_format, **options))
    return found.metadata.taken, found.fields.get("taken_from")


@pytest.mark.parametrize(
    ("tag", "source"), [(0x9003, "DateTimeOriginal"), (0x9004, "DateTimeDigitized"), (0x0132, "DateTime")]
)
def test_a_time_is_known_with_its_tag(tag: int, source: str) -> None:
    exif = exif_with({tag: DAY}) if tag == 0x0132 else exif_with(exif={tag: DAY})
    assert times_of(exif=exif) == ("2023-05-01T10:00:00", source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("exif:DateTimeOriginal", "XMP DateTimeOriginal"),
        ("photoshop:DateCreated", "XMP DateCreated"),
        ("xmp:CreateDate", "XMP CreateDate"),
    ],
)
def test_xmp_says_the_time_where_exif_does_not(name: str, source: str) -> None:
    xmp = packet("", f'{name}="2019-07-14T18:02:00.5+02:00"')
    assert times_of(xmp=xmp) == ("2019-07-14T18:02:00.5+02:00", source)
    assert times_of(xmp=xmp, exif=exif_with({0x0132: DAY}))[1] == source
    assert times_of(xmp=xmp, exif=exif_with(exif={0x9003: DAY}))[1] == "DateTimeOriginal"


def test_a_fix_says_the_time_in_universal_time() -> None:
    fix = {29: "2023:05:01", 7: (IFDRational(10, 1), IFDRational(11, 1), IFDRational(125, 10))}
    assert times_of(exif=exif_with(gps=fix)) == ("2023-05-01T10:11:12+00:00", "GPS")
    assert times_of(exif=exif_with(gps={29: "2023:05:01"})) == (None, None)
    assert times_of(exif=exif_with(gps=fix | {7: (IFDRational(0, 0), 1.0, 1.0)})) == (None, None)


@pytest.mark.parametrize(
    "written", ["2023-05-01T10:11:12+02:00", "2023:05:01 10:11:12+02:00", "Mon, 01 May 2023 10:11:12 +0200"]
)
def test_a_png_says_when_it_was_created(written: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Creation Time", written)
    text.add_text("date:create", "2024-01-01T00:00:00+00:00")
    assert times_of("PNG", pnginfo=text) == ("2023-05-01T10:11:12+02:00", "PNG text")


def test_the_date_of_a_file_in_a_png_is_no_time_of_the_picture() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("date:create", "2024-01-01T00:00:00+00:00")
    assert times_of("PNG", pnginfo=text) == (None, None)


# --- what attackers and bad programs write --------------------------------------------------------


@pytest.mark.parametrize(
    "hostile",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">',
    ],
)
def test_entities_are_refused(hostile: bytes) -> None:
    sound = packet("<dc:title>&amp; more</dc:title>")
    assert read_xmp(sound).texts("dc:title") == ["& more"]
    assert not read_xmp(hostile + sound[sound.index(b"<x:") :]).properties


@pytest.mark.parametrize(
    "malformed",
    [b"", b"<", b"\0" * 99, b"<a" * 5000, b"<a>" * 5000, packet()[:-60], packet("<dc:title>"), 7],
)
def test_a_malformed_packet_says_nothing(malformed: object) -> None:
    assert not read_xmp(malformed).properties


def test_descriptions_of_other_pictures_are_not_taken() -> None:
    other = "<rdf:Description><dc:title>another</dc:title></rdf:Description>"
    pantry = f"<xmpMM:Pantry><rdf:Bag><rdf:li>{other}</rdf:li></rdf:Bag></xmpMM:Pantry>"
    assert fields_of(xmp=packet(pantry)) == {}


@pytest.mark.parametrize(
    ("value", "text"), [((65, 0), "A"), (1 << 50, None), ((300, -1), None), ("A", None)]
)
def test_a_windows_field_of_another_type_costs_nothing(value: object, text: str | None) -> None:
    assert utf16_text(value) == text


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    for text in (data, packet()[:200] + data, b"8BIM\4\4\0\0" + data, b"\x1c\x02" + data):
        read_xmp(text)
        read_iptc(text)
        photoshop_blocks(text)
    fields = said(with_segment(plain_jpeg(comment=data), 0xED, b"Photoshop 3.0\0" + data))
    json.dumps(fields)


@given(
    st.dictionaries(
        st.sampled_from([0x010E, 0x0131, 0x013B, 0x4746, 0x9C9B, 0x9C9E]), st.binary(max_size=40)
    )
)
def test_no_tags_raise(tags: dict[int, bytes]) -> None:
    json.dumps(fields_of(exif=exif_with(tags, exif={0x9003: b"2023:05:01", 0x9286: b"UNICODE\0\xd8"})))
