"""``/scan``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import Scanner, asking, check_connecting
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.schemas import ScanTrigger
from factbook.jobs import Job

router = APIRouter(tags=["scan"])


@router.post(
    "/scan/trigger",
    status_code=202,
    responses=described(Job, "The job, queued. `Location` leads to it.", status=202, errors=(404, 501, *WRITE_ERRORS)),
    openapi_extra=takes(ScanTrigger, required=False),
)
def trigger_scan(request: Request, rooms: Scanner, asked: Annotated[ScanTrigger, json_body(ScanTrigger, empty=ScanTrigger)]) -> Response:
    """Scan a source in the background. Without a body: the configured one, or else the demo database."""
    if asked.url:
        check_connecting(request, rooms)
    job = rooms.submit_scan(**asked.options(), trigger="api")
    request.state.job_id = asking(request).subject = job.job_id
    return answers.json(job, status=202, location=answers.under_same_prefix(request, f"/jobs/{job.job_id}"))
