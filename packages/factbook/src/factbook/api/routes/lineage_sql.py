"""``/lineage/sql``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import SqlReader, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.schemas import SqlText
from factbook.lineage.sql import SqlLineageReport

router = APIRouter(tags=["lineage"])


@router.post(
    "/lineage/sql",
    responses=described(SqlLineageReport, "What the statements fill from what, and what was not understood.", errors=(404, *WRITE_ERRORS)),
    openapi_extra=takes(SqlText),
)
def read_sql(request: Request, rooms: SqlReader, text: Annotated[SqlText, json_body(SqlText)]) -> Response:
    """Read SQL and store which tables and columns it fills from which; with ``dry_run`` only say so. A statement that is not understood is
    answered with its reason, and takes no other with it."""
    asking(request).subject = text.source_id
    return answers.json(rooms.sql_lineage.read_text(text.source_id, text.sql, text.options(), name=text.name))
