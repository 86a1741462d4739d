"""``/ui/records``, ``/ui/kinds`` and ``/ui/kind/NAME``: the log itself, and what kinds of facts it holds."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import KindsOf, Records, Tenant, may_know
from factbook.api.parameters import Cursor, House, Since, Until
from factbook.api.schemas import KindSummary, summarise
from factbook.errors import NotFound
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import StoredRecord, Within
from factbook_sdk.repository.filters import parse_condition

router = Pages()

RECORDS = 50
_Text = Annotated[str | None, Query(max_length=4096, pattern=r"^[^\x00]*$")]


class Asked(msgspec.Struct, frozen=True):
    """What was asked of the log."""

    kind: str = ""
    source_id: str = ""
    schema: str = ""
    table: str = ""
    where: str = ""


class Found(msgspec.Struct, frozen=True):
    """The question, the kinds one may ask for, and the answer, newest first."""

    asked: Asked
    kinds: list[str]
    items: list[StoredRecord]
    next_cursor: str | None


class KindList(msgspec.Struct, frozen=True):
    """The kinds there are."""

    items: list[KindSummary]


@router.page("/records")
def records(
    request: Request,
    house: House,
    log: Records,
    tenant: Tenant,
    kind: _Text = None,
    source_id: _Text = None,
    schema: _Text = None,
    table: _Text = None,
    where: _Text = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
) -> Response:
    """Ask the log: records of one kind, of a source, schema or table, for which a condition holds."""
    asked = Asked(kind or "", source_id or "", schema or "", table or "", where or "")
    kinds = [item.name for item in house.kinds.listed(tenant) if may_know(request, tenant, item.name)]
    found = None
    if asked.kind:
        target = [MetadataTarget(asked.source_id, asked.schema or None, asked.table)] if asked.source_id and asked.table else None
        within = Within(asked.source_id, asked.schema or None) if asked.source_id else None
        found = log.query(
            asked.kind,
            targets=target or within,
            where=[parse_condition(asked.where)] if asked.where else [],
            tenant=tenant,
            since=since,
            until=until,
            order="desc",
            limit=RECORDS,
            cursor=cursor,
        )
    content = Found(asked, kinds, list(found.records) if found else [], found.next_cursor if found else None)
    return page(request, "records.html", Page("Records"), content)


@router.page("/kinds")
def kinds(request: Request, house: House, tenant: KindsOf) -> Response:
    """Show the kinds of facts."""
    shown = [summarise(kind) for kind in house.kinds.listed(tenant) if may_know(request, tenant, kind.name)]
    return page(request, "kinds.html", Page("Kinds"), KindList(shown))


@router.page("/kind/{name}")
def kind(request: Request, house: House, tenant: KindsOf, name: Part) -> Response:
    """Show one kind with the schemas of its versions."""
    found = next((item for item in house.kinds.listed(tenant) if item.name == name and may_know(request, tenant, name)), None)
    if found is None:
        raise NotFound(f"The kind {name!r} is unknown", fix="Kinds lists what there is", field="name")
    return page(request, "kind.html", Page(name, [Crumb("Kinds", "/ui/kinds")]), found)
