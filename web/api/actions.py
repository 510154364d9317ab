"""What is done to files: a plan, what it would do, doing it, and taking it back."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from ...dedup.actions.apply import ApplyOptions
from ...dedup.actions.outcome import MERGE
from ...dedup.actions.waiting import holder
from ...output.outcomes import outcome_row, sum_of
from ...output.waiting import places_of, record_row
from ...store.documents import SCHEMA_VERSION, path_fields
from ..acting import Made, Scope
from ..problems import Gone
from ..served import Served
from .asked import Server
from .asked import folder_id as path_id

router = APIRouter(prefix="/api", tags=["actions"])

# No page can look in another folder, as the command line offers to.
_GONE = "not where it was put any more, nor elsewhere in the quarantine or the trash"
Method = Literal["auto", "trash", "quarantine", "hardlink", "symlink", "reflink"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wanted(_Body):
    """Which groups a plan is made of: all, or only those that somebody looked at."""

    scope: Scope = "all"


class How(_Body):
    """How files are moved.

    merge: what they say and the kept ones do not goes into the sidecars of these first.
    """

    method: Method = "auto"
    merge: bool = False

    def options(self) -> ApplyOptions:
        """Return it as the library takes it."""
        return ApplyOptions(self.method, merge_metadata=self.merge)


class Checked(How):
    """A plan to apply. hash: what its check said."""

    hash: str = Field(max_length=80)


class Back(_Body):
    """What of a run is put back. files: by the ids of its check; null: all."""

    files: list[Annotated[str, Field(max_length=64)]] | None = Field(None, max_length=10_000)


@router.post("/plans", status_code=201)
def make_plan(served: Server, wanted: Wanted) -> dict[str, Any]:
    """Make a plan of what was chosen in the review."""
    return _plan_row(served.acting.make(wanted.scope))


@router.get("/plans/{name}", response_class=Response)
def plan(served: Server, name: str) -> Response:
    """Give a plan as `dupes --plan` writes it, to apply it with `lookalike apply`."""
    headers = {"Content-Disposition": 'attachment; filename="plan.json"'}
    return Response(served.acting.named(name).data, media_type="application/json", headers=headers)


@router.post("/plans/{name}/check")
def check(served: Server, name: str, how: How) -> dict[str, Any]:
    """Tell what `apply` would do with a plan; nothing is changed.

    loses: what is lost, or may be, with a file. places: where files would go, in sentences.
    """
    made = served.acting.named(name)
    outcomes, digest = served.acting.check(made, how.options())
    loses = made.warnings(merging=how.merge)
    rows = [
        outcome_row(each) | {"loses": loses.get(each.path, "") if each.method != MERGE else ""}
        for each in outcomes
    ]
    words, places = sum_of(rows, "moved"), list(places_of(outcomes, "planned"))
    return {**_plan_row(made), "hash": digest, "words": words, "places": places, "files": rows}


@router.post("/plans/{name}/apply", status_code=202)
def apply(
    served: Server,
    name: str,
    checked: Checked,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> dict[str, Any]:
    """Begin to apply a plan, if all is as its check said; the job tells how it goes."""
    served.check_writing()
    made = served.acting.named(name)
    job = served.acting.apply(made, checked.options(), checked.hash, idempotency_key)
    return {"schema_version": SCHEMA_VERSION, "job": job.fields()}


@router.get("/runs")
def runs(served: Server) -> dict[str, Any]:
    """List what was done to files so far, newest first, as `undo --list --format json` does.

    is_whole: the run ended in order; where it was cut off, undoing it settles each file. is_going: it has
    not ended, and files are moved right now. free: what frees the space of what waits, a sentence.
    folders: the quarantines and trashes that files were moved to.
    """
    was_moving = served.acting.is_moving()  # it may end while its journal is read
    records = served.library.files.journals()
    is_moving = any(not each.is_closed for each in records) and (was_moving or served.acting.is_moving())
    rows = [
        record_row(each)
        | {"is_whole": each.is_closed, "is_going": is_moving and not each.is_closed}
        | {"folders": list(map(path_fields, dict.fromkeys(holder(a.method, a.to) for a in each.pending)))}
        for each in records
    ]
    for row in rows:
        places = {"trash": row["in_trash"], "quarantine": row["in_quarantine"] + row["not_removed"]}
        methods = {name for name, files in places.items() if files}
        row["free"] = served.acting.not_free_yet(methods) if methods else ""
    return {"schema_version": SCHEMA_VERSION, "journals": rows}


@router.post("/runs/{run}/check")
def check_undo(served: Server, run: str) -> dict[str, Any]:
    """Tell what undoing a run would do; nothing is changed. id: by which a file alone is put back."""
    record = served.library.files.record_to_undo(_plain(run))
    if record is None:
        raise Gone(f"there is no run {run}")
    found = served.library.files.preview_undo(record)
    rows = [
        outcome_row(each) | {"id": path_id(each.path)} | ({"reason": _GONE} if each.code == "gone" else {})
        for each in found
    ]
    return {"schema_version": SCHEMA_VERSION, "words": sum_of(rows, "put back"), "files": rows}


@router.post("/runs/{run}/undo", status_code=202)
def undo(served: Server, run: str, back: Back | None = None) -> dict[str, Any]:
    """Begin to put back what a run moved, or some files of it; the job tells how it goes."""
    served.check_writing()
    ids = back.files if back else None
    files = None if ids is None else _files_named(served, _plain(run), ids)
    return {"schema_version": SCHEMA_VERSION, "job": served.acting.undo(_plain(run), files).fields()}


def _files_named(served: Served, run: str, ids: list[str]) -> list[str]:
    """Return the paths that files of a run had, by their ids.

    Raises:
        Gone: there is no such run, or one of them is not of it.
    """
    record = served.library.files.record_to_undo(run)
    paths = {path_id(each.path): each.path for each in record.actions} if record else {}
    if not paths.keys() >= set(ids):
        raise Gone("this is no file of the run")
    return [paths[each] for each in ids]


def _plain(run: str) -> str:
    """Return the name of a run; the library would also take a path, which no page may name.

    Raises:
        Gone: it is no name.
    """
    if not run.replace("-", "").replace("_", "").isalnum():
        raise Gone("there is no such run")
    return run


def _plan_row(made: Made) -> dict[str, Any]:
    groups = [[each for each in group.members if each.selected] for group in made.plan.groups]
    return {
        "schema_version": SCHEMA_VERSION,
        "plan": made.name,
        "groups": sum(bool(each) for each in groups),
        "selected": sum(map(len, groups)),
        "bytes": sum(each.file.size for group in groups for each in group),
    }
