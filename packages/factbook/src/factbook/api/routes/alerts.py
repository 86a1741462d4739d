"""``/alerts``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import AlertKeeper, AlertReader, asking
from factbook.api.openapi import WRITE_ERRORS
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AnySource, Cursor, Limit, PathName
from factbook.watch import AlertPage
from factbook.watch.alerts import OPEN
from factbook.watch.channels import Notice

router = APIRouter(tags=["alerts"])

States = Annotated[
    list[Literal["firing", "acknowledged", "resolved"]] | None,
    Query(max_length=3, description="Only alerts in these states; firing and acknowledged ones, if none is named."),
]
Severity = Annotated[Literal["info", "warning", "error", "critical"] | None, Query(description="Only alerts of at least this severity.")]


@router.get("/alerts", responses=described(AlertPage, "Alerts, newest first."))
def list_alerts(
    rooms: AlertReader,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    state: States = None,
    source_id: AnySource = None,
    severity: Severity = None,
) -> Response:
    """List alerts, each with its last state."""
    page = rooms.alerts.page(limit=limit, cursor=cursor, states=state or OPEN, source_id=source_id, severity=severity)
    return answers.json(page)


@router.get("/alerts/{alert_id}", responses=described(Notice, "The alert.", errors=(404,)))
def show_alert(rooms: AlertReader, alert_id: PathName) -> Response:
    """Show one alert."""
    return answers.json(rooms.alerts.get(alert_id))


@router.post(
    "/alerts/{alert_id}/acknowledge",
    responses=described(Notice, "The alert, acknowledged.", errors=(404, *WRITE_ERRORS)),
)
def acknowledge_alert(request: Request, rooms: AlertKeeper, alert_id: PathName) -> Response:
    """Say that whoever asks looks after an alert: the token or key is named. It stays so until it is over; what is done twice is done."""
    asking(request).subject = alert_id
    return answers.json(rooms.alerts.acknowledge(alert_id, by=asking(request).principal.title))
