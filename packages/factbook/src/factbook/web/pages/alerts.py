"""``/ui/alerts`` and ``/ui/alert/ID``: what fires, was acknowledged, or is over, and who was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import AlertKeeper, AlertReader, asking
from factbook.api.parameters import AnySource, Cursor, House
from factbook.errors import ConfigurationError
from factbook.rooms import Rooms
from factbook.watch.alerts import OPEN, AlertState
from factbook.watch.channels import Notice
from factbook.watch.delivery import follower_name, is_due
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part, lead_to

if TYPE_CHECKING:
    from factbook.app import Factbook

router = Pages()

ALERTS = 50
STATES = 100
RuleName = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Only alerts of this rule.")]


class Told(msgspec.Struct, frozen=True):
    """A channel that is to be told of a state; ``is_done`` says that it has come past it."""

    channel: str
    is_done: bool


class Moment(msgspec.Struct, frozen=True):
    """A state that an alert was in, and the channels that are to be told."""

    notice: Notice
    told: list[Told]


class AlertPage(msgspec.Struct, frozen=True):
    """An alert and the states it was in, the newest first. ``is_all`` is false where there were more than are shown; ``rule_is_known`` says
    that its rule is in force."""

    alert: Notice
    history: list[Moment]
    is_all: bool
    rule_is_known: bool


@router.page("/alerts")
def alerts(
    request: Request,
    rooms: AlertReader,
    state: Annotated[list[Literal["firing", "acknowledged", "resolved"]] | None, Query(max_length=3)] = None,
    severity: Annotated[Literal["info", "warning", "error", "critical"] | None, Query()] = None,
    rule: RuleName = None,
    source_id: AnySource = None,
    cursor: Cursor = None,
) -> Response:
    """Show alerts, newest first: those that are not over, unless a state is asked for."""
    found = rooms.alerts.page(limit=ALERTS, cursor=cursor, states=state or OPEN, source_id=source_id, severity=severity, rule=rule)
    return page(request, "alerts.html", Page("Alerts"), found)


@router.page("/alert/{alert_id}")
def alert(request: Request, house: House, rooms: AlertReader, alert_id: Part) -> Response:
    """Show one alert with its history."""
    found = rooms.alerts.get(alert_id)
    return page(request, "alert.html", Page(found.title, [Crumb("Alerts", "/ui/alerts")]), _alert(house, rooms, found))


def _alert(house: Factbook, rooms: Rooms, found: Notice) -> AlertPage:
    history = rooms.alerts.history(found.alert_id, limit=STATES)
    try:
        book = house.rulebook
    except ConfigurationError:
        return AlertPage(found, [Moment(state.notice, []) for state in history], len(history) < STATES, rule_is_known=False)
    places = {status.name: status.position for status in house.subscriptions.all()}
    channels = [spec for spec in book.channels if spec.tenant == rooms.tenant and follower_name(spec.name) in places]

    def told(state: AlertState) -> list[Told]:
        due = [spec.name for spec in channels if is_due(book, spec, state.notice)]
        return [Told(name, places[follower_name(name)] >= state.offset) for name in due]

    return AlertPage(
        alert=found,
        history=[Moment(state.notice, told(state)) for state in history],
        is_all=len(history) < STATES,
        rule_is_known=any(rule.name == found.rule and rule.is_for(rooms.tenant) for rule in book.rules),
    )


@router.action("/alert/{alert_id}/acknowledge")
def acknowledge(request: Request, rooms: AlertKeeper, alert_id: Part) -> Response:
    """Say that whoever is signed in looks after an alert."""
    asking(request).subject = alert_id
    found = rooms.alerts.acknowledge(alert_id, by=asking(request).principal.title)
    return lead_to("alert", found.alert_id, done="acknowledged")
