"""Sidecars: what is there stays byte for byte, what is added is read back, what is hostile is refused."""

import pytest

from lookalike.dedup.packets import MOST_BYTES, Fields, fields_of, in_words, is_plain, lacking, merged
from lookalike.errors import Refusal

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DARKROOM = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <!-- kept -->
 <r:RDF xmlns:r="{RDF}">
  <r:Description r:about="uuid:1" xmlns:d="http://purl.org/dc/elements/1.1/"
    xmlns:own="http://example.org/own/" xmlns:xap="http://ns.adobe.com/xap/1.0/"
    own:exposure="+0.5" xap:Rating="3">
   <own:history><r:Seq><r:li own:a="1"/></r:Seq></own:history>
   <d:subject>
    <r:Bag>
     <r:li>Zoë &amp; sea</r:li>
    </r:Bag>
   </d:subject>
  </r:Description>
 </r:RDF>
</x:xmpmeta>
""".encode()


def test_a_new_sidecar_says_what_it_should() -> None:
    more = {
        "keywords": ["R&D <x>", "sea"],
        "people": ["Zoë"],
        "rating": "rejected",
        "title": "A \"day\" 'out'",
    }
    assert fields_of(merged(None, more)) == more
    assert is_plain(merged(None, more))
    assert in_words({"keywords": ["a", "b"], "rating": "4"}) == "keywords a, b; rating 4"


def test_what_is_there_stays_and_more_stands_in_the_same_list() -> None:
    new = merged(DARKROOM, {"keywords": ["Lyon", "Zoë & sea"], "title": "Day"})
    assert fields_of(new)["keywords"] == ["Lyon", "Zoë & sea"]
    assert (fields_of(new)["title"], fields_of(new)["rating"]) == ("Day", "3")
    for line in DARKROOM.splitlines():
        assert line in new
    added = [line.strip() for line in new.splitlines() if line not in DARKROOM.splitlines()]
    assert added[0] == b"<r:li>Lyon</r:li>"
    assert added[1].startswith(b'<r:Description r:about="uuid:1"')
    assert merged(new, {"keywords": ["Lyon"], "title": "Day", "rating": "3"}) == new
    assert not is_plain(DARKROOM)


@pytest.mark.parametrize(
    ("old", "more", "code"),
    [
        (DARKROOM, {"rating": "4"}, "metadata"),
        (DARKROOM.replace(b'"3"', b'"0"'), {"rating": "4"}, "metadata"),
        (b"", {"rating": "4"}, "unsupported"),
        (b"<a>no rdf</a>", {"rating": "4"}, "unsupported"),
        (DARKROOM[:-20], {"title": "x"}, "unsupported"),
        (DARKROOM.decode().encode("utf-16"), {"title": "x"}, "unsupported"),
        (
            DARKROOM.replace(b"<x:x", b'<!DOCTYPE x [<!ENTITY e "e">]><x:x', 1),
            {"title": "x"},
            "unsupported",
        ),
        (DARKROOM + b" " * MOST_BYTES, {"title": "x"}, "unsupported"),
        (DARKROOM.replace(b"r:Bag", b"r:Alt"), {"keywords": ["x"]}, "unsupported"),
        (f'<r:RDF xmlns:r="{RDF}"/>'.encode(), {"title": "x"}, "unsupported"),
    ],
)
def test_what_cannot_be_added_to_is_refused(old: bytes, more: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as raised:
        merged(old, more)
    assert raised.value.code == code


def test_what_one_lacks_is_told_and_a_conflict_is_none_to_settle() -> None:
    ours: list[Fields] = [{"keywords": ["a"], "title": "Sea"}, {"keywords": ["b"]}]
    theirs: list[Fields] = [{"keywords": ["a", "b", "c"], "rating": "4"}]
    assert lacking(ours, theirs) == {"keywords": ["c"], "rating": "4"}
    assert lacking(ours, [{"caption": "Sea", "title": "Sea"}]) == {}
    assert lacking([{"rating": "4"}], [{"rating": "4"}]) == {}
    conflicts: list[list[Fields]] = [[{"title": "Lake"}], [{"rating": "4"}, {"rating": "5"}]]
    conflicts.append([{"caption": "x" * 1000}])
    for each in conflicts:
        with pytest.raises(Refusal):
            lacking(ours, each)
