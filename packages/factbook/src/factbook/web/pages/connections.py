"""``/ui/connections`` and ``/ui/connection/SOURCE``: how sources are reached, and what can be started of each."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import SourceReader, SourceTester, TenantAdmin, asking, check_connecting
from factbook.api.bodies import json_body
from factbook.api.parameters import Cursor
from factbook.api.schemas import page_of
from factbook.errors import FactbookError
from factbook.log import redact_text
from factbook.rooms import Rooms
from factbook.sources.connections import Connection
from factbook.sources.contract import Probe
from factbook.sources.urls import redact
from factbook.web.pages.sources import Name
from factbook.web.pages.standing import SourceState, states_of
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

CONNECTIONS = 50


class ConnectionList(msgspec.Struct, frozen=True):
    """Registered sources by name, without their passwords."""

    items: list[Connection]
    next_cursor: str | None
    total: int
    source: str | None


class ConnectionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends. Without a password the one that is kept stays, if the server stays the same."""

    url: str = ""
    password: str = ""
    do: Literal["test", "save"] = "test"


class ConnectionPage(msgspec.Struct, frozen=True):
    """A registered source, and what came of trying it. ``url`` is what stands in the form; ``judges`` says that the server has quality
    rules of its own for the tenant."""

    connection: Connection
    state: SourceState
    url: str
    judges: bool
    probe: Probe | None = None
    problem: str | None = None


@router.page("/connections")
def connections(request: Request, rooms: SourceReader, source: Name = None, cursor: Cursor = None) -> Response:
    """Show registered sources."""
    wanted = [item for item in rooms.connections.list() if source is None or source.lower() in item.source_id.lower()]
    shown, following = page_of(wanted, lambda item: item.source_id, limit=CONNECTIONS, cursor=cursor)
    return page(request, "connections.html", Page("Connections"), ConnectionList(shown, following, len(wanted), source))


@router.page("/connection/{source_id}")
def connection(request: Request, rooms: SourceReader, source_id: Part) -> Response:
    """Show how a source is reached, and what can be done with it."""
    return _shown(request, rooms, source_id)


@router.action("/connection/{source_id}/test")
def test(request: Request, rooms: SourceTester, source_id: Part) -> Response:
    """Connect to a registered source as it is, and say what answers."""
    rooms.connections.get(source_id)
    try:
        return _shown(request, rooms, source_id, probe=rooms.test_source(source_id))
    except FactbookError as error:
        return _shown(request, rooms, source_id, problem=redact_text(str(error)), status=400)


@router.action("/connection/{source_id}")
def change(request: Request, rooms: TenantAdmin, source_id: Part, sent: Annotated[ConnectionForm, json_body(ConnectionForm)]) -> Response:
    """Try another address or password of a source, and keep it if that is asked for and something answers."""
    check_connecting(request, rooms)
    asking(request).subject = source_id
    rooms.connections.get(source_id)
    try:
        probe = rooms.test_address(source_id, sent.url, password=sent.password or None)
        if sent.do == "save":
            rooms.connections.change(source_id, sent.url, password=sent.password or None)
            return lead_to("connection", source_id, done="saved")
    except FactbookError as error:
        return _shown(request, rooms, source_id, url=form_url(sent.url), problem=redact_text(str(error)), status=400)
    return _shown(request, rooms, source_id, url=form_url(sent.url), probe=probe)


@router.action("/connection/{source_id}/remove")
def remove(request: Request, rooms: TenantAdmin, source_id: Part) -> Response:
    """Forget how a source is reached; what is known of it stays."""
    asking(request).subject = source_id
    rooms.connections.remove(source_id)
    return lead_to("connections", done="removed")


def _shown(
    request: Request,
    rooms: Rooms,
    source_id: str,
    *,
    url: str | None = None,
    probe: Probe | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    found = rooms.connections.get(source_id)
    (state,) = states_of(rooms, [source_id], as_of=None, with_jobs=False)
    content = ConnectionPage(found, state, url or form_url(found.url), rooms.qualities.has_own_rules, probe, problem)
    about = Page(f"Connection of {source_id}", [Crumb("Connections", "/ui/connections")])
    return page(request, "connection.html", about, content, status=status)


def form_url(url: str) -> str:
    """Return an address as it may stand in a form: a password that was in it is to be given anew, in its own field."""
    return redact(url).replace(":***@", "@")
