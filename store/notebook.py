"""Thumbnails with words below them, as HTML that a notebook shows."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_CELL = "display:inline-block;vertical-align:top;width:160px;margin:4px;font-size:12px;line-height:1.3"
_WORDS = "overflow-wrap:anywhere;max-height:5.2em;overflow:hidden"
_IMAGE = "max-width:160px;max-height:120px;display:block"


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture. digest: of its content, blake3 in hex. words: lines below it. title: shown on hover."""

    digest: str
    words: Sequence[str]
    title: str


Row = tuple[str, Sequence[Cell]]  # what stands above the cells, and these
JpegsOf = Callable[[Sequence[bytes]], Mapping[bytes, bytes]]


def as_html(rows: Iterable[Row], jpegs_of: JpegsOf) -> str:
    """Return rows of pictures as HTML; it fetches nothing, and what names or tags hold stays text.

    jpegs_of: gives the thumbnails of contents by digest, of those that have one.
    """
    shown = list(rows)
    jpegs = jpegs_of([bytes.fromhex(cell.digest) for _, cells in shown for cell in cells])
    return "".join(_row_html(head, cells, jpegs) for head, cells in shown)


def _row_html(head: str, cells: Sequence[Cell], jpegs: Mapping[bytes, bytes]) -> str:
    title = f"<div><b>{_text(head)}</b></div>" if head else ""
    return f"{title}<div>{''.join(_cell_html(cell, jpegs) for cell in cells)}</div>"


def _cell_html(cell: Cell, jpegs: Mapping[bytes, bytes]) -> str:
    jpeg = jpegs.get(bytes.fromhex(cell.digest))
    data = base64.b64encode(jpeg).decode() if jpeg else ""
    image = f'<img style="{_IMAGE}" alt="" src="data:image/jpeg;base64,{data}">' if jpeg else ""
    words = "<br>".join(map(_text, cell.words))
    return (
        f'<div style="{_CELL}" title="{_text(cell.title)}">{image}<div style="{_WORDS}">{words}</div></div>'
    )


def _text(text: str) -> str:
    """Return a text for HTML; bytes of names that are no UTF-8 are shown as escapes."""
    return escape(text.encode("utf-8", "backslashreplace").decode())
