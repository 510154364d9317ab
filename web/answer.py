"""JSON as this program writes it: in ASCII, so that names that are no UTF-8 come through."""

from typing import Any

from fastapi.responses import JSONResponse

from ..store.documents import dumps


class Answer(JSONResponse):
    """A JSON document; undecodable bytes of names stand as escaped lone surrogates."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return dumps(content)
