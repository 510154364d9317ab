"""The server's application: the page's own files, and what the page asks for below /api."""

import gzip
import os
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Header, Response
from starlette.types import ASGIApp

from .. import __version__
from .answer import Answer
from .api import actions, groups, jobs, library, photos, review, search
from .guard import Guard, Pass
from .problems import Gone, add_problems
from .served import Served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_FOLDERS = {"": files("lookalike.web") / "page", "review": files("lookalike.output") / "review"}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def make_app(served: Served, entry: Pass) -> ASGIApp:
    """Return the application that serves a library to whoever has the token."""

    @asynccontextmanager
    async def life(_: FastAPI) -> "AsyncIterator[None]":
        yield
        served.close()

    app = FastAPI(
        title="lookalike",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages load their scripts from the network
        redoc_url=None,
        default_response_class=Answer,
        lifespan=life,
    )
    app.state.served = served
    add_problems(app)
    for module in (library, photos, search, groups, review, actions, jobs):
        app.include_router(module.router)

    @app.post("/api/session", status_code=204, tags=["session"])
    def begin_session() -> Response:
        """Swap the token for a cookie, which the images of the page are asked for with."""
        response = Response(status_code=204)
        response.set_cookie(entry.cookie, entry.session, httponly=True, samesite="strict", path="/")
        return response

    @app.get("/{name:path}", include_in_schema=False)
    def page(name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
        return _file_of_page(name or "index.html", takes_gzip="gzip" in accept_encoding)

    return Guard(app, entry)


def _file_of_page(name: str, *, takes_gzip: bool) -> Response:
    """Return a file of the page; those below review/ it shares with the report.

    Raises:
        Gone: there is none of that name.
    """
    shared, _, base = name.rpartition("/")
    folder = _FOLDERS.get(shared)
    ending = os.path.splitext(base)[1]
    if folder is None or ending not in _TYPES or base not in {each.name for each in folder.iterdir()}:
        raise Gone(f"there is no {name}")
    data = (folder / base).read_bytes()
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if takes_gzip:  # through a tunnel 49 kB are there sooner than 170
        data, headers["Content-Encoding"] = gzip.compress(data), "gzip"
    return Response(data, media_type=_TYPES[ending], headers=headers)
