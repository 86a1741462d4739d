"""``/health``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import OPEN, asking
from factbook.api.openapi import answers as described
from factbook.api.openapi import reference
from factbook.api.parameters import House
from factbook.api.schemas import HealthBrief
from factbook.health import Health, HealthStatus
from factbook.health import health as look_at

router = APIRouter(tags=["health"])

_EITHER = {"content": {"application/json": {"schema": {"anyOf": [reference(Health), reference(HealthBrief)]}}}}


@router.get(
    "/health",
    dependencies=[OPEN],
    responses={
        **described(None, "Alive"),
        200: {"description": "It works (`ok`), or works and needs attention (`degraded`).", **_EITHER},
        503: {"description": "The store does not answer (`unavailable`).", **_EITHER},
    },
)
def health(request: Request, house: House) -> Response:
    """Tell how the server does. Tokens, and clients on other machines without the key, learn the status alone."""
    found = look_at(house)
    shown = found if asking(request).principal.runs_the_server else HealthBrief(found.status.value)
    return answers.json(shown, status=503 if found.status is HealthStatus.UNAVAILABLE else 200)
