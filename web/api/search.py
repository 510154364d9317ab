"""Searching by pictures: of the library, or handed in by the page."""

from dataclasses import fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from ...output.answers import answer_row
from ...output.sheet.write import sheet_of
from ...search.examples import Query
from ...search.request import SearchRequest
from ...store.documents import SCHEMA_VERSION
from ...store.records import MAX_ID
from ..served import Served
from ..uploads import check_size
from .asked import Server, Wanted

router = APIRouter(prefix="/api", tags=["search"])

_MOST = 500  # results
_LOOK_SIDE, _PART_SIDE = 1600, 2048  # pixels
_DROPPED = "dropped picture"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Part(_Body):
    """A part of a picture, in shares of its sides."""

    x: float = Field(ge=0, lt=1)
    y: float = Field(ge=0, lt=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    def text(self) -> str:
        """Return it as `search --box` takes it."""
        numbers = self.x, self.y, min(self.width, 1 - self.x), min(self.height, 1 - self.y)
        return ",".join(f"{100 * number:.4f}%" for number in numbers)


class Example(_Body):
    """A picture to search by: a photo's id, or an upload's name. sign: -1: such ones are not wanted."""

    id: int | None = Field(default=None, ge=1, le=MAX_ID)
    upload: str | None = Field(default=None, max_length=64)
    weight: float = Field(default=1.0, gt=0, le=100)
    sign: Literal[1, -1] = 1

    def query(self, served: Served, *, is_part: bool) -> Query:
        """Return it as a search takes it. is_part: a part of it is searched for."""
        if self.upload is None:
            return Query(f"id:{self.id}", id=self.id or 0)
        upload = served.uploads.get(self.upload)
        if is_part:
            return Query(_DROPPED, picture=served.previews.pixels(upload.data, _PART_SIDE))
        return Query(_DROPPED, vector=upload.vector)


class Asked(_Body):
    """A search: by examples, by a part of the only one, by labels, and which photos may be results.

    with_labels: tell what each result likely shows, at a quarter of the time.
    """

    examples: list[Example] = Field(default_factory=list, max_length=64)
    box: Part | None = None
    labels: list[Annotated[str, Field(max_length=100)]] = Field(default_factory=list, max_length=8)
    where: str = Field(default="", max_length=4000)
    folder: str = Field(default="", max_length=64)
    camera: str = Field(default="", max_length=200)
    since: str = Field(default="", max_length=30)
    until: str = Field(default="", max_length=30)
    keyword: str = Field(default="", max_length=2000)
    person: str = Field(default="", max_length=2000)
    rating: str = Field(default="", max_length=30)
    words: str = Field(default="", max_length=400)
    k: int = Field(default=100, ge=1, le=_MOST)
    diverse: bool = False
    include_copies: bool = False
    with_labels: bool = True

    def request(self, served: Served) -> SearchRequest:
        """Return it as the library takes it."""
        wanted = [each for each in self.examples if each.sign > 0]
        others = [each for each in self.examples if each.sign < 0]
        is_plain = len(wanted) <= 1 and not others
        filters = Wanted(**{each.name: getattr(self, each.name) for each in fields(Wanted)})
        return SearchRequest(
            examples=[each.query(served, is_part=self.box is not None) for each in wanted],
            minus=[each.query(served, is_part=False) for each in others],
            weights=() if is_plain else [each.weight for each in wanted],
            together=not is_plain,
            box=self.box.text() if self.box else None,
            labels=self.labels,
            where=filters.filter(served),
            k=self.k,
            diverse=self.diverse,
            include_copies=self.include_copies,
            with_labels=self.with_labels,
        )


@router.post("/search")
def search(served: Server, asked: Asked) -> dict[str, Any]:
    """Find photos like the examples, best first: one answer, as `search --format json` gives it."""
    with served.searching:
        (answer,) = served.library.searches.answers(asked.request(served))
    if answer.error is not None:
        raise answer.error
    return {"schema_version": SCHEMA_VERSION, **answer_row(answer)}


@router.post("/search/sheet", response_class=Response)
def sheet(served: Server, asked: Asked) -> Response:
    """Draw the results of a search on one sheet, a JPEG, as `search --sheet` does."""
    with served.searching:
        answers = list(served.library.searches.answers(asked.request(served)))
    jpeg = sheet_of(answers, served.library.store, "JPEG")
    return Response(jpeg, media_type="image/jpeg")


@router.post("/uploads", status_code=201)
async def upload(request: Request) -> dict[str, Any]:
    """Hand in a picture to search by: its bytes as the body. It is kept in memory for ten minutes."""
    served: Served = request.app.state.served
    data = bytearray()
    async for block in request.stream():
        data += block
        check_size(len(data))
    received = await run_in_threadpool(served.receive, bytes(data))
    return {
        "schema_version": SCHEMA_VERSION,
        "upload": served.uploads.add(received),
        "width": received.width,
        "height": received.height,
    }


@router.get("/uploads/{name}/preview", response_class=Response)
def upload_preview(served: Server, name: str) -> Response:
    """Give a picture that was handed in as a JPEG, also of formats that browsers do not show."""
    jpeg = served.previews.of_bytes(served.uploads.get(name).data, _LOOK_SIDE)
    return Response(jpeg, media_type="image/jpeg")
