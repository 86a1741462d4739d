"""``/profile``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import Profiler, ProfileReader, asking, check_connecting
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AsOf, Cursor, Limit, PathName, SchemaName
from factbook.api.schemas import ProfileTrigger
from factbook.jobs import Job
from factbook.profile import MeasuredPage, MeasuredTable
from factbook.sources.contract import TableName

router = APIRouter(tags=["profile"])

SchemaPath = Annotated[PathName, Path(alias="schema")]


@router.post(
    "/profile/trigger",
    status_code=202,
    responses=described(Job, "The job, queued. `Location` leads to it.", status=202, errors=(404, 501, *WRITE_ERRORS)),
    openapi_extra=takes(ProfileTrigger, required=False),
)
def trigger_profile(
    request: Request, rooms: Profiler, asked: Annotated[ProfileTrigger, json_body(ProfileTrigger, empty=ProfileTrigger)]
) -> Response:
    """Measure a source's tables in the background. Without a body: those of the configured one, or else of the demo database."""
    if asked.url:
        check_connecting(request, rooms)
    job = rooms.submit_profile(**asked.options(), trigger="api")
    request.state.job_id = asking(request).subject = job.job_id
    return answers.json(job, status=202, location=answers.under_same_prefix(request, f"/jobs/{job.job_id}"))


@router.get("/profile/{source_id}", responses=described(MeasuredPage, "The last measurement of each table, by name.", errors=(404,)))
def list_profiles(
    rooms: ProfileReader, source_id: PathName, schema: SchemaName = None, limit: Limit = LIMIT, cursor: Cursor = None, as_of: AsOf = None
) -> Response:
    """Show what was measured last of a source's tables, or what was known by a moment."""
    return answers.json(rooms.profiles.page(source_id, schema=schema, as_of=as_of, limit=limit, cursor=cursor))


@router.get("/profile/{source_id}/{schema}/{table}", responses=described(MeasuredTable, "The last measurement.", errors=(404,)))
def get_profile(rooms: ProfileReader, source_id: PathName, schema: SchemaPath, table: PathName, as_of: AsOf = None) -> Response:
    """Show what was measured last of a table, or what was known by a moment."""
    return answers.json(rooms.profiles.latest(source_id, TableName(schema, table), as_of=as_of))


@router.get(
    "/profile/{source_id}/{schema}/{table}/history", responses=described(MeasuredPage, "Measurements, newest first.", errors=(404,))
)
def list_measurements(
    rooms: ProfileReader, source_id: PathName, schema: SchemaPath, table: PathName, limit: Limit = LIMIT, cursor: Cursor = None
) -> Response:
    """Show how a table's figures went."""
    return answers.json(rooms.profiles.history(source_id, TableName(schema, table), limit=limit, cursor=cursor))
