"""Contents that ended a decoder: they are not handed to one again, whatever their files are called."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from ..records import Failure, FileResult
from ..view import View
from .schema import now, pieces, poison_table

_poison = poison_table.c


def known_crashers(view: View, digest: bytes | None = None) -> dict[bytes, Failure]:
    """Return why contents are not opened, by digest; of one content, if it is given."""
    question = sa.select(_poison.digest, _poison.code, _poison.message, _poison.tries)
    if digest is not None:
        question = question.where(_poison.digest == digest)
    return {
        row.digest: Failure(row.code, row.message, row.tries) for row in view.connection.execute(question)
    }


def learn_crashers(view: View, results: Sequence[FileResult]) -> None:
    """Remember what ended a decoder in this batch, and forget what could be opened after all."""
    _forget(view, [each.photo.content.digest for each in results if each.photo])
    for each in results:
        if each.digest and each.failure and each.failure.tries:
            _remember(view, each.digest, each.failure)


def _remember(view: View, digest: bytes, failure: Failure) -> None:
    new = insert(poison_table).values(
        digest=digest, code=failure.code, message=failure.message, tries=failure.tries, at=now()
    )
    changed = {name: new.excluded[name] for name in ("code", "message", "at")}
    more = {"tries": _poison.tries + new.excluded["tries"]}
    view.connection.execute(new.on_conflict_do_update(index_elements=["digest"], set_={**changed, **more}))


def _forget(view: View, digests: Sequence[bytes]) -> None:
    for some in pieces(digests):
        view.connection.execute(sa.delete(poison_table).where(_poison.digest.in_(some)))
