"""Long work: indexing folders and finding copies, how far it is, and what went wrong on the way."""

import os
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ...errors import UsageError
from ...output.indexing import index_fields, index_sentence
from ...output.text import plural
from ...store.documents import SCHEMA_VERSION, path_fields
from ...store.names import did_you_mean
from ..jobs import Job
from ..served import THERE, Served
from .asked import Server, folder_id, folder_named, is_in

router = APIRouter(prefix="/api", tags=["jobs"])


class Wanted(BaseModel):
    """A job. folders: of the library by their ids, none: all that are there. path: of a new folder."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["index", "dupes"]
    folders: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=100)
    path: str = Field(default="", max_length=4096)


@router.get("/jobs")
def jobs(served: Server) -> dict[str, Any]:
    """List the jobs of this server, newest first. events: how many things happened; see /api/events."""
    rows = [each.fields() for each in served.jobs.all()]
    return {"schema_version": SCHEMA_VERSION, "jobs": rows, "events": served.events.number}


@router.post("/jobs", status_code=202)
def start(served: Server, wanted: Wanted) -> dict[str, Any]:
    """Begin to index folders, or to look for copies. A server that only shows reads which are known."""
    if wanted.kind == "index":
        served.check_writing()
        folders = _folders(served, wanted)
        served.jobs.check_free(served.library.store.folder, "indexing", "store")
        job = served.jobs.start(
            "index", f"indexing {_named(folders)}", lambda job: _index(served, job, folders)
        )
    else:
        if served.can_write:
            served.jobs.check_free(served.library.store.folder, "indexing", "store")
        job = served.jobs.start("dupes", "looking for copies", lambda job: _find(served, job))
    return {"schema_version": SCHEMA_VERSION, "job": job.fields()}


@router.delete("/jobs/{number}")
def stop(served: Server, number: int) -> dict[str, Any]:
    """Stop a job; what it finished is kept."""
    job = served.jobs.named(number)
    job.stop.set()
    job.tell()
    return {"schema_version": SCHEMA_VERSION, "job": job.fields()}


@router.get("/errors")
def errors(served: Server) -> dict[str, Any]:
    """List the files that could not be read, and why, as `lookalike errors --format json` does."""
    found = served.library.errors()
    rows = [{**path_fields(each.path), "error": each.error, "message": each.message} for each in found]
    return {"schema_version": SCHEMA_VERSION, "errors": rows}


@router.get("/roots")
def roots(served: Server) -> dict[str, Any]:
    """List the folders that were indexed or are to be, and whether they and their drives are there now.

    state: "online", "away", "empty", "other drive", "suspect": fewer than half of its photos are there,
    "remote": in an object store, or "new": the config file names it, and it was not indexed yet.
    pictures: the usual folder of photos, where there is one that is none of these; "" else.
    """
    states: list[tuple[str, str, bool]]
    states = [(os.fsdecode(path), state, state in THERE) for path, state in served.folders()]
    states += [(path, "new", True) for path in served.folders_to_come()]
    rows = [
        {"id": folder_id(path), **path_fields(path), "state": state, "is_there": is_there}
        for path, state, is_there in states
    ]
    pictures = "~/Pictures" if _is_new(served, os.path.expanduser("~/Pictures")) else ""
    return {"schema_version": SCHEMA_VERSION, "folders": rows, "pictures": pictures}


def _is_new(served: Served, path: str) -> bool:
    """Tell whether there is a folder that the library does not have, nor will."""
    real, known = os.path.realpath(path), (*served.roots(), *served.folders_to_come())
    return os.path.isdir(path) and not any(is_in(real, os.path.realpath(each)) for each in known)


@router.get("/events", response_class=StreamingResponse)
def events(request: Request, last_event_id: Annotated[str, Header()] = "") -> StreamingResponse:
    """Give what happens as server-sent events: "job", "groups", "review", "runs"; "missed": look at all."""
    served: Served = request.app.state.served
    last = int(last_event_id) if last_event_id.isdigit() else None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(served.events.stream(last), media_type="text/event-stream", headers=headers)


def _folders(served: Served, wanted: Wanted) -> list[str]:
    if wanted.path:
        # Nobody knows in which folder the server was started.
        path = os.path.join(os.path.expanduser("~"), os.path.expanduser(wanted.path))
        if not os.path.isdir(path):
            raise UsageError(f"there is no folder {path}{did_you_mean(path)}")
        return [path]
    written = {folder_id(path): path for path in served.folders_to_come()}
    if wanted.folders:
        return [written.get(each) or folder_named(served, each) for each in wanted.folders]
    found = [os.fsdecode(path) for path, state in served.folders() if state in THERE]
    found += written.values()
    if not found:
        raise UsageError("no folder of the library is there; connect its drive, or name a folder")
    return found


def _named(folders: list[str]) -> str:
    return folders[0] if len(folders) == 1 else plural(len(folders), "folder")


def _index(served: Served, job: Job, folders: list[str]) -> str:
    report = served.library.index(folders, options=served.indexing, progress=job, stop=job.stop)
    job.result = index_fields(report, served.library.totals().photos)
    served.events.tell("library")
    return index_sentence(report, job.result["photos"])


def _find(served: Served, job: Job) -> str:
    found = served.groups.read_known()  # files of the same bytes need no proof
    if served.can_write:
        found = served.groups.put(served.library.copies.find(progress=job, stop=job.stop))
    return f"{plural(len(found.groups), 'group')} of copies"
