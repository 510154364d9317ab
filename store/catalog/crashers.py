"""Contents that crashed a decoder: they are not decoded again, whatever their files are called."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ..records import Failure, FileResult
from ..view import View
from .schema import crasher_table, now, pieces

_crasher = crasher_table.c


def known_crashers(view: View, digest: bytes | None = None) -> dict[bytes, Failure]:
    """Return why contents are not decoded, by digest. digest: only of this content."""
    question = sa.select(_crasher.digest, _crasher.code, _crasher.message, _crasher.tries)
    if digest is not None:
        question = question.where(_crasher.digest == digest)
    return {
        row.digest: Failure(row.code, row.message, row.tries) for row in view.connection.execute(question)
    }


def learn_crashers(view: View, results: Sequence[FileResult]) -> None:
    """Record the contents of this batch that crashed a decoder; remove those that could be decoded."""
    _forget(view, [each.photo.content.digest for each in results if each.photo])
    for each in results:
        if each.digest and each.failure and each.failure.tries:
            _remember(view, each.digest, each.failure)


def _remember(view: View, digest: bytes, failure: Failure) -> None:
    new = insert(crasher_table).values(
        digest=digest, code=failure.code, message=failure.message, tries=failure.tries, at=now()
    )
    changed = {name: new.excluded[name] for name in ("code", "message", "at")}
    more = {"tries": _crasher.tries + new.excluded["tries"]}
    view.connection.execute(new.on_conflict_do_update(index_elements=["digest"], set_={**changed, **more}))


def _forget(view: View, digests: Sequence[bytes]) -> None:
    for some in pieces(digests):
        view.connection.execute(sa.delete(crasher_table).where(_crasher.digest.in_(some)))
