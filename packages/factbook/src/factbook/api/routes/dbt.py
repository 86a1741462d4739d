"""``/dbt``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import DbtIngester, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.schemas import DbtBody
from factbook.dbt import DbtReport

router = APIRouter(tags=["dbt"])


@router.post("/dbt", responses=described(DbtReport, "What came of it.", errors=(404, 422, *WRITE_ERRORS)), openapi_extra=takes(DbtBody))
def ingest_dbt(request: Request, rooms: DbtIngester, body: Annotated[DbtBody, json_body(DbtBody)]) -> Response:
    """Take what dbt wrote: lineage, descriptions, tags, owners, outcomes of tests, runtimes, freshness. Sent again, it stores nothing
    new."""
    report = rooms.dbt.ingest(body.artefacts(), source_id=body.source_id)
    asking(request).subject = report.project
    return answers.json(report)
