"""``/ui/alerts``: what fires, was acknowledged, or is over."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import AlertKeeper, AlertReader, asking
from factbook.api.parameters import AnySource, Cursor
from factbook.watch.alerts import OPEN
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

ALERTS = 100


@router.page("/alerts")
def alerts(
    request: Request,
    rooms: AlertReader,
    state: Annotated[list[Literal["firing", "acknowledged", "resolved"]] | None, Query(max_length=3)] = None,
    source_id: AnySource = None,
    cursor: Cursor = None,
) -> Response:
    """Show alerts, newest first."""
    found = rooms.alerts.page(limit=ALERTS, cursor=cursor, states=state or OPEN, source_id=source_id)
    return page(request, "alerts.html", Page("Alerts"), found)


@router.action("/alert/{alert_id}/acknowledge")
def acknowledge(request: Request, rooms: AlertKeeper, alert_id: Part) -> Response:
    """Say that whoever is signed in looks after an alert."""
    asking(request).subject = alert_id
    rooms.alerts.acknowledge(alert_id, by=asking(request).principal.title)
    return lead_to("alerts")
