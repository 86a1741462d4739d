"""``/lineage`` as tools that speak OpenLineage send it, and ``/openlineage``, which gives their events back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import LineageProducer, Records, Tenant
from factbook.api.openapi import WRITE_ERRORS
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, House, Limit, Since, Until
from factbook.api.problems import Overloaded
from factbook.api.writing import Writing, read_counted
from factbook.errors import TemporaryError
from factbook.openlineage import BatchAnswer, EventPage, Received

router = APIRouter(tags=["openlineage"])

_EVENT = {"type": "object", "description": "A RunEvent, JobEvent or DatasetEvent of OpenLineage 2-0-2."}
_MAX_NAME = 2048


def _takes(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/lineage",
    status_code=201,
    responses=described(Received, "The event is kept, with what it tells.", status=201, errors=(422, *WRITE_ERRORS)),
    openapi_extra=_takes(_EVENT),
)
async def receive_event(request: Request, rooms: LineageProducer) -> Response:
    """Take one OpenLineage event. Sending it again changes nothing and is answered the same way."""
    with _under_way(request) as correct:
        received = await to_thread.run_sync(rooms.openlineage.receive, await read_counted(request, correct))
    return answers.json(received, status=201)


@router.post(
    "/lineage/batch",
    responses=described(BatchAnswer, "Some events were not understood; the others are kept.", errors=(422, *WRITE_ERRORS))
    | {204: {"description": "Every event is kept."}},
    openapi_extra=_takes({"type": "array", "items": _EVENT}),
)
async def receive_batch(request: Request, rooms: LineageProducer) -> Response:
    """Take a list of OpenLineage events, each for itself. Where every event is kept, the answer is 204 and empty."""
    with _under_way(request) as correct:
        answer = await to_thread.run_sync(rooms.openlineage.receive_batch, await read_counted(request, correct))
    return answers.json(answer) if answer.failed_events else answers.no_content()


@router.get("/openlineage/events", responses=described(EventPage, "Events as they came, by their time.", lines_of=dict))
def list_events(
    request: Request,
    house: House,
    records: Records,
    tenant: Tenant,
    job: Annotated[str | None, Query(max_length=_MAX_NAME, description="Only of this job, as `namespace/name`.")] = None,
    run: Annotated[str | None, Query(max_length=_MAX_NAME, description="Only of the run with this id.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Give events back unchanged, as JSON or one a line."""
    page = house.of(tenant).openlineage.events(job=job, run=run, since=since, until=until, limit=limit, cursor=cursor, repository=records)
    return answers.listing(request, page, page.items, following=("Next-Cursor", page.next_cursor))


@contextmanager
def _under_way(request: Request) -> Iterator[Callable[[int], None]]:
    """Count a request while it is under way. One too many is answered 503, which OpenLineage's clients send again, and 429 they do not."""
    writing: Writing = request.app.state.writing
    declared = request.headers.get("content-length", "")
    try:
        with writing.pressure.admit(int(declared) if declared.isdecimal() else 0) as correct:
            yield correct
    except Overloaded as error:
        raise TemporaryError(error.what, why=error.why, fix=error.fix) from error
