"""``/ui/new-source``: a form for a source, with a test; and what starts scans, measurements and judgements of sources."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import Profiler, Scanner, TenantAdmin, asking, check_connecting
from factbook.api.bodies import json_body
from factbook.api.parameters import House
from factbook.errors import FactbookError, InvalidRequest
from factbook.log import redact_text
from factbook.rooms import Rooms
from factbook.sources.contract import Probe, ScanScope
from factbook.web.pages.connections import form_url
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

MAX_PATTERNS = 1_000


class SourceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends. A field left empty is missing."""

    source_id: str = ""
    url: str = ""
    password: str = ""
    do: Literal["test", "register"] = "test"


class NewSource(msgspec.Struct, frozen=True):
    """The form as it was filled in, without the password, and what came of it. ``lends`` says that the address may use files and the
    environment of the server."""

    lends: bool
    source_id: str = ""
    url: str = ""
    probe: Probe | None = None
    problem: str | None = None


class ScanForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to scan: patterns of schemas or tables, one a line or between commas; without any, everything."""

    include: str = ""
    exclude: str = ""
    accept_removals: Literal["yes"] | None = None

    @property
    def scope(self) -> ScanScope:
        return ScanScope(_patterns(self.include, "include"), _patterns(self.exclude, "exclude"))


@router.page("/new-source")
def new_source(request: Request, rooms: TenantAdmin) -> Response:
    """Show the form."""
    check_connecting(request, rooms)
    return _form(request, NewSource(rooms.is_own))


@router.action("/new-source")
def register(request: Request, rooms: TenantAdmin, sent: Annotated[SourceForm, json_body(SourceForm)]) -> Response:
    """Connect to a source, and register it if it answers and more than a test was asked for. One that is known is left as it is."""
    check_connecting(request, rooms)
    asking(request).subject = sent.source_id
    try:
        probe = _connected(rooms, sent)
    except FactbookError as error:
        told = NewSource(rooms.is_own, sent.source_id, form_url(sent.url), problem=redact_text(str(error)))
        return _form(request, told, status=400)
    if sent.do == "test":
        return _form(request, NewSource(rooms.is_own, sent.source_id, form_url(sent.url), probe))
    rooms.connections.add(sent.source_id, sent.url, password=sent.password or None)
    return lead_to("connection", sent.source_id, done="registered")


def _connected(rooms: Rooms, sent: SourceForm) -> Probe:
    if rooms.connections.knows(sent.source_id):
        raise InvalidRequest(
            f"The source {sent.source_id} is registered already",
            fix="Give this one another name, or change that one under Connections",
            field="source_id",
        )
    return rooms.test_address(sent.source_id, sent.url, password=sent.password or None)


@router.action("/sample")
def sample(request: Request, house: House, rooms: TenantAdmin) -> Response:
    """Register the sample database, start a scan of it, and lead to its progress."""
    check_connecting(request, rooms)
    if not rooms.is_own:
        raise InvalidRequest("The sample database is for the server's own tenant", why="it is a file on the server")
    return _started(request, house.submit_sample_scan(trigger="web").job_id)


@router.action("/source/{source_id}/scan")
def scan(request: Request, rooms: Scanner, source_id: Part, sent: Annotated[ScanForm, json_body(ScanForm)]) -> Response:
    """Start a scan of a registered source and lead to its progress."""
    options = {"scope": sent.scope, "accept_removals": sent.accept_removals is not None}
    return _started(request, rooms.submit_scan(_known(rooms, source_id), trigger="web", **options).job_id)


@router.action("/source/{source_id}/profile")
def profile(request: Request, rooms: Profiler, source_id: Part) -> Response:
    """Start measuring a registered source and lead to its progress."""
    return _started(request, rooms.submit_profile(_known(rooms, source_id), trigger="web").job_id)


@router.action("/source/{source_id}/quality")
def quality(request: Request, rooms: Scanner, source_id: Part) -> Response:
    """Start judging a registered source by the server's own rules and lead to the progress."""
    rules = rooms.qualities.own_rulebook()
    return _started(request, rooms.submit_quality(_known(rooms, source_id), trigger="web", rules=rules).job_id)


def _known(rooms: Rooms, source_id: str) -> str:
    rooms.addresses.url_of(source_id)
    return source_id


def _patterns(text: str, field: str) -> list[str]:
    found = [part for written in re.split(r"[,\n]", text) if (part := written.strip())]
    if len(found) > MAX_PATTERNS:
        raise InvalidRequest(f"{len(found):,} patterns are given", why=f"at most {MAX_PATTERNS:,} are taken", field=field)
    return found


def _started(request: Request, job_id: str) -> Response:
    asking(request).subject = job_id
    return lead_to("job", job_id)


def _form(request: Request, content: NewSource, status: int = 200) -> Response:
    return page(request, "new_source.html", Page("Register a source", [Crumb("Connections", "/ui/connections")]), content, status=status)
