"""``/ui/new-source``: a form for a source, with a test; and what starts its scans and measurements."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import Profiler, Scanner, TenantAdmin, asking, check_connecting
from factbook.api.bodies import json_body
from factbook.errors import FactbookError, InvalidRequest
from factbook.log import redact_text
from factbook.rooms import Rooms
from factbook.sources.contract import Probe
from factbook.sources.urls import redact
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()


class SourceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends. A field left empty is missing."""

    source_id: str = ""
    url: str = ""
    password: str = ""
    do: Literal["test", "register"] = "test"


class NewSource(msgspec.Struct, frozen=True):
    """The form as it was filled in, without the password, and what came of it."""

    source_id: str = ""
    url: str = ""
    probe: Probe | None = None
    problem: str | None = None


@router.page("/new-source")
def new_source(request: Request, rooms: TenantAdmin) -> Response:
    """Show the form."""
    check_connecting(request, rooms)
    return _form(request, NewSource())


@router.action("/new-source")
def register(request: Request, rooms: TenantAdmin, sent: Annotated[SourceForm, json_body(SourceForm)]) -> Response:
    """Connect to a source, and register it if it answers and more than a test was asked for. One that is known is left as it is."""
    check_connecting(request, rooms)
    asking(request).subject = sent.source_id
    try:
        probe = _connected(rooms, sent)
    except FactbookError as error:
        return _form(request, NewSource(sent.source_id, _shown(sent.url), problem=redact_text(str(error))), status=400)
    if sent.do == "test":
        return _form(request, NewSource(sent.source_id, _shown(sent.url), probe=probe))
    return lead_to("source", sent.source_id, "new")


def _connected(rooms: Rooms, sent: SourceForm) -> Probe:
    if rooms.connections.knows(sent.source_id):
        raise InvalidRequest(
            f"The source {sent.source_id} is registered already",
            fix="Give this one another name, or change that one with `factbook sources add`",
            field="source_id",
        )
    rooms.connections.add(sent.source_id, sent.url, password=sent.password or None)
    stays = False
    try:
        probe = rooms.test_source(sent.source_id)
        stays = sent.do == "register"
        return probe
    finally:
        if not stays:
            rooms.connections.remove(sent.source_id)


def _shown(url: str) -> str:
    """Return an address as it stands in the form again: a password that was in it is to be given anew."""
    return redact(url).replace(":***@", "@")


@router.page("/source/{source_id}/new")
def registered(request: Request, rooms: TenantAdmin, source_id: Part) -> Response:
    """Show a source that is registered and not scanned yet."""
    return page(request, "registered.html", Page(source_id, [Crumb("Sources", "/ui")]), rooms.connections.get(source_id))


@router.action("/source/{source_id}/scan")
def scan(request: Request, rooms: Scanner, source_id: Part) -> Response:
    """Start a scan of a registered source and lead to its progress."""
    return _started(request, rooms.submit_scan(_known(rooms, source_id), trigger="web").job_id)


@router.action("/source/{source_id}/profile")
def profile(request: Request, rooms: Profiler, source_id: Part) -> Response:
    """Start measuring a registered source and lead to its progress."""
    return _started(request, rooms.submit_profile(_known(rooms, source_id), trigger="web").job_id)


def _known(rooms: Rooms, source_id: str) -> str:
    rooms.addresses.url_of(source_id)
    return source_id


def _started(request: Request, job_id: str) -> Response:
    asking(request).subject = job_id
    return lead_to("job", job_id)


def _form(request: Request, content: NewSource, status: int = 200) -> Response:
    return page(request, "new_source.html", Page("Register a source", [Crumb("Sources", "/ui")]), content, status=status)
