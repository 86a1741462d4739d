"""``/quality``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import AnomalyReader, QualityReader, Scanner, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AsOf, Cursor, Limit, PathName, Pattern
from factbook.api.schemas import QualityTrigger
from factbook.jobs import Job
from factbook.quality import AnomalyPage, QualityPage
from factbook.quality.anomalies import Options

router = APIRouter(tags=["quality"])

Points = Annotated[int, Query(ge=3, le=1000, description="Earlier points below which nothing is said.")]


@router.post(
    "/quality/run",
    status_code=202,
    responses=described(Job, "The job, queued. `Location` leads to it.", status=202, errors=(404, 501, *WRITE_ERRORS)),
    openapi_extra=takes(QualityTrigger, required=False),
)
def run_quality(
    request: Request, rooms: Scanner, asked: Annotated[QualityTrigger, json_body(QualityTrigger, empty=QualityTrigger)]
) -> Response:
    """Judge rules in the background: those of `document`, else the server's own (QUALITY_RULES). SQL in a document is not run: rules with
    SQL are skipped and say so."""
    job = rooms.submit_quality(**asked.options(rooms.qualities), trigger="api")
    request.state.job_id = asking(request).subject = job.job_id
    return answers.json(job, status=202, location=answers.under_same_prefix(request, f"/jobs/{job.job_id}"))


@router.get(
    "/quality/{source_id}", responses=described(QualityPage, "The source, then its tables by name, with their last results.", errors=(404,))
)
def show_quality(
    rooms: QualityReader, source_id: PathName, table: Pattern = None, limit: Limit = LIMIT, cursor: Cursor = None, as_of: AsOf = None
) -> Response:
    """Show scores with their parts, the last result of each rule in force, and promises. A page has 100 tables at most."""
    return answers.json(rooms.quality.page(source_id, table=table, limit=limit, cursor=cursor, as_of=as_of))


@router.get("/quality/{source_id}/anomalies", responses=described(AnomalyPage, "Anomalies, the newest first.", errors=(404,)))
def list_anomalies(
    rooms: AnomalyReader,
    source_id: PathName,
    table: Pattern = None,
    method: Literal["robust_band", "moving_average"] = "robust_band",
    minimum_points: Points = 14,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Response:
    """Show what was measured and does not fit its own history; nothing is stored."""
    options = Options(method=method, minimum_points=minimum_points)
    return answers.json(rooms.quality.anomalies(source_id, table=table, options=options, limit=limit, cursor=cursor, as_of=as_of))
