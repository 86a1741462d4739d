"""``/ui/audit``: who did what through the service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TenantAdmin
from factbook.api.parameters import Cursor, House
from factbook.web.parameters import MomentOrNone
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages
from factbook_sdk.facts.kinds.audit import Audit
from factbook_sdk.repository.filters import Condition, Operator

router = Pages()

DEEDS = 50
_Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


class Deed(msgspec.Struct, frozen=True):
    """What somebody did, once or often within a short time."""

    at: datetime
    offset: int
    audit: Audit


class AuditPage(msgspec.Struct, frozen=True):
    """Deeds, the newest first. ``keeps_writes`` and ``keeps_reads`` say what leaves a trace on this server."""

    items: list[Deed]
    next_cursor: str | None
    keeps_writes: bool
    keeps_reads: bool


@router.page("/audit")
def audit(
    request: Request,
    house: House,
    rooms: TenantAdmin,
    who: _Text = None,
    action: Annotated[Literal["read", "write", "admin"] | None, Query()] = None,
    outcome: Annotated[Literal["done", "refused", "failed"] | None, Query()] = None,
    about: _Text = None,
    since: MomentOrNone = None,
    until: MomentOrNone = None,
    cursor: Cursor = None,
) -> Response:
    """Show what was done, by whom, with what outcome; ``who`` and ``about`` are parts of names."""
    where = [
        Condition(f"payload.{path}", operator, value)
        for path, operator, value in (
            ("actor.name", Operator.LIKE, _containing(who)),
            ("action", Operator.EQ, action),
            ("outcome", Operator.EQ, outcome),
            ("subject", Operator.LIKE, _containing(about)),
        )
        if value is not None
    ]
    found = rooms.records.query(
        "audit", where=where, tenant=rooms.tenant, since=since, until=until, order="desc", limit=DEEDS, cursor=cursor
    )
    deeds = [
        Deed(item.record.produced_at, item.offset, msgspec.convert(item.record.payload, Audit))
        for item in found.records
        if item.record.payload
    ]
    settings = house.settings
    return page(request, "audit.html", Page("Audit"), AuditPage(deeds, found.next_cursor, settings.audit_writes, settings.audit_reads))


def _containing(text: str | None) -> str | None:
    """Return the pattern of texts that hold another one; ``%`` and ``_`` in it stand for more than themselves, so it finds enough."""
    return None if text is None else f"%{text}%"
