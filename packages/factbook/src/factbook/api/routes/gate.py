"""``/gate``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import GateReader, asking, check_scanning
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.schemas import GateQuestion
from factbook.diff.gate_model import GateResult

router = APIRouter(tags=["gate"])


@router.post(
    "/gate",
    responses=described(GateResult, "Whether it passes, why, and whom it hits.", errors=(404, 409, 502, 504, *WRITE_ERRORS)),
    openapi_extra=takes(GateQuestion),
)
def gate(request: Request, rooms: GateReader, asked: Annotated[GateQuestion, json_body(GateQuestion)]) -> Response:
    """Say whether a pipeline may go on: 200 with ``passed`` either way, a problem where it cannot be told."""
    asking(request).subject = asked.source_id
    if asked.scan:
        check_scanning(request, rooms)
    return answers.json(rooms.check_gate(asked, scan=asked.scan))
