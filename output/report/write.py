"""Writing the page: one file without any other, that lets nothing in and nothing out."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import BinaryIO

from ...dedup.proof import Picture
from ...dedup.proof.pictures import Pictures
from ...dedup.proof.thumbnails import stored_thumbnails
from ...store.documents import Row, dumps
from ...store.own_files import OwnFile, signed
from ...store.progress import NO_PROGRESS, Progress
from ...store.store import Store
from .data import Review, page_data

# In the order in which they are read; together one script. Those in review/ are modules of the served page,
# too: here, where all are in one, what they import is there already.
SHARED = ("elements.js", "words.js", "model.js", "cards.js", "compare.js")
SCRIPTS = ("plan.js", "keeping.js", "thumbs.js", "list.js", "main.js")
_IMPORT, _EXPORT = re.compile(rb"^import .*\n", re.MULTILINE), re.compile(rb"^export ", re.MULTILINE)
REPORT = OwnFile(
    "report", signed(b'<meta name="generator" content="lookalike report">', 4096), (".html", ".htm")
)

# Groups come one after the other and share few pictures.
_PICTURES = 64


def write_report(
    path: str | os.PathLike[str], review: Review, store: Store, progress: Progress = NO_PROGRESS
) -> None:
    """Write a report to path; the file is whole or not there, an older report is replaced at the end.

    Raises:
        UsageError: see `OwnFile.check`.
        OutputUnwritable: the file cannot be written.
    """
    path = os.fspath(path)
    REPORT.check(path)
    pictures = Pictures(_PICTURES)

    def picture(photo_id: int) -> Picture | None:
        return pictures.get(photo_id, lambda each: stored_thumbnails(store, [each]).get(each))

    data, digests = page_data(review, picture, progress)
    with REPORT.replaced(path) as out:
        _write(out, data, digests, store)


def _write(out: BinaryIO, data: Row, digests: Sequence[str], store: Store) -> None:
    style, script = _shared("review.css") + _part("page.css"), _script()
    fills = {
        "style-hash": _hash(style),
        "script-hash": _hash(script),
        "style": style,
        "script": script,
        "data": _inert(dumps(data)),
    }
    head, _, tail = _part("page.html").partition(b"@thumbs@")
    for piece in _filled(head, fills):
        out.write(piece)
    # After the script: it shows the first groups while the rest still comes in.
    for number, digest in enumerate(digests):
        jpeg = store.thumbs.get(bytes.fromhex(digest))
        if jpeg is not None:
            out.write(b'<script type="text/plain" id="t%d">' % number)
            out.write(base64.b64encode(jpeg) + b"</script>\n")
    out.write(tail)


def _filled(template: bytes, fills: dict[str, bytes]) -> Iterator[bytes]:
    """Yield the template with every @place@ filled; what is filled in is not looked at again."""
    for number, piece in enumerate(re.split(rb"@([a-z-]+)@", template)):
        yield fills[piece.decode()] if number % 2 else piece


def _script() -> bytes:
    modules = (_EXPORT.sub(b"", _IMPORT.sub(b"", _shared(name))) for name in SHARED)
    return b'"use strict";\n' + b"".join((*modules, *map(_part, SCRIPTS)))


def _part(name: str) -> bytes:
    return files(__package__).joinpath("page", name).read_bytes()


def _shared(name: str) -> bytes:
    return files("lookalike.output").joinpath("review", name).read_bytes()


def _hash(text: bytes) -> bytes:
    return b"sha256-" + base64.b64encode(hashlib.sha256(text).digest())


def _inert(json: bytes) -> bytes:
    """Return the same JSON without any character that HTML could take for a tag or a comment."""
    return json.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
