"""``/metrics``, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import OPEN, asking
from factbook.api.openapi import answers as described
from factbook.errors import NotAllowed

router = APIRouter(tags=["health"])

_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}


@router.get(
    "/metrics",
    dependencies=[OPEN],
    responses={**described(None, "Numbers"), 200: {"description": "The text format of Prometheus.", **_TEXT}},
)
def metrics(request: Request) -> Response:
    """Tell the numbers of this process and of the store. As with the details of `/health`: local requests, or the key."""
    if not asking(request).principal.runs_the_server:
        raise NotAllowed(
            "The numbers are not told to everybody", why="the request is neither local nor has it the API key", fix="Send the API key"
        )
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_PLAIN_0_0_4)
