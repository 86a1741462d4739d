"""``/ui/kinds`` and ``/ui/kind/NAME``: what kinds of facts the log holds, and what each says."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api.access import KindsOf, Records, asking, may_know
from factbook.api.parameters import House
from factbook.api.schemas import KindSummary, summarise
from factbook.errors import NotFound
from factbook.kinds.fields import Field, example_of, fields_of
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part
from factbook_sdk.facts import Kind
from factbook_sdk.repository.contract import StoredRecord

router = Pages()


class KindList(msgspec.Struct, frozen=True):
    """The kinds there are."""

    items: list[KindSummary]


class KindPage(msgspec.Struct, frozen=True):
    """A kind with the fields of each version, newest first; an example, if it is a built-in one; and its newest record, if there is one
    and whoever looks may read it."""

    kind: Kind
    fields: dict[int, list[Field]]
    example: dict[str, Any] | None
    newest: StoredRecord | None
    is_readable: bool


@router.page("/kinds")
def kinds(request: Request, house: House, tenant: KindsOf) -> Response:
    """Show the kinds of facts."""
    shown = [summarise(kind) for kind in house.kinds.listed(tenant) if may_know(request, tenant, kind.name)]
    return page(request, "kinds.html", Page("Kinds"), KindList(shown))


@router.page("/kind/{name}")
def kind(request: Request, house: House, log: Records, tenant: KindsOf, name: Part) -> Response:
    """Show one kind: what its records say, field by field."""
    found = next((item for item in house.kinds.listed(tenant) if item.name == name and may_know(request, tenant, name)), None)
    if found is None:
        raise NotFound(f"The kind {name!r} is unknown", fix="Kinds lists what there is", field="name")
    is_readable = bool(asking(request).principal.namespaces(Action.READ, tenant, name))
    newest = log.query(name, tenant=tenant, order="desc", limit=1).records if is_readable else []
    content = KindPage(
        kind=found,
        fields={version: fields_of(found.schemas[version]) for version in sorted(found.schemas, reverse=True)},
        example=example_of(name),
        newest=newest[0] if newest else None,
        is_readable=is_readable,
    )
    return page(request, "kind.html", Page(name, [Crumb("Kinds", "/ui/kinds")]), content)
