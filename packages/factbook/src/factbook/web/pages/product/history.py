"""``/ui/product/NAME/history``: who changed what when, and what differs between any two moments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ProductReader
from factbook.api.parameters import Cursor
from factbook.errors import NotFound
from factbook.products.model import Product, ProductEvent
from factbook.rooms import Rooms
from factbook.web.compared import Compared, State, compare, lines_between
from factbook.web.pages.product.head import PATH, Chosen
from factbook.web.parameters import AsOf, PastMoment
from factbook.web.routing import Pages, Part

router = Pages()

EVENTS = 30
_SAID = ("domain", "description", "schema", "status", "version", "tags", "owners", "ports", "inputs", "tier", "documentation", "title")


class SeenChange(msgspec.Struct, frozen=True):
    """A field that changed: a text with what it was, all else line by line."""

    field: str
    before: str | None
    after: str | None
    lines: list[str]


class SeenEvent(msgspec.Struct, frozen=True):
    """One moment of the history."""

    event: ProductEvent
    changes: list[SeenChange]


class History(msgspec.Struct, frozen=True):
    """Changes, newest first."""

    events: list[SeenEvent]
    compared: Compared | None


@router.page(f"{PATH}/history")
def history(
    request: Request,
    rooms: ProductReader,
    product: Part,
    old: Annotated[PastMoment | None, Query(alias="from", description="The earlier moment to compare.")] = None,
    new: Annotated[PastMoment | None, Query(alias="to", description="The later moment to compare.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show the history, also of a product that is gone."""
    found = rooms.products.history(product, limit=EVENTS, cursor=cursor, as_of=as_of)
    compared = None
    if old is not None and new is not None:
        compared = compare(old, new, _state(rooms, product, old), _state(rooms, product, new))
    shown = History([SeenEvent(event, list(map(_seen, _told(event)))) for event in found.items], compared)
    return Chosen(request, rooms, product, as_of).show("history", _at(rooms, product, as_of), shown, next_cursor=found.next_cursor)


def _at(rooms: Rooms, name: str, as_of: datetime | None) -> Product | None:
    try:
        return rooms.products.get(name, as_of=as_of)
    except NotFound:
        return None


def _told(event: ProductEvent) -> list[tuple[str, Any, Any]]:
    return [(change.field, change.before, change.after) for change in event.changes if event.event == "changed"]


def _seen(told: tuple[str, Any, Any]) -> SeenChange:
    field, before, after = told
    if isinstance(before, (str, type(None))) and isinstance(after, (str, type(None))):
        return SeenChange(field, before, after, [])
    return SeenChange(field, None, None, lines_between(before or {}, after or {}))


def _state(rooms: Rooms, name: str, moment: datetime) -> State | None:
    found = _at(rooms, name, moment)
    if found is None:
        return None
    return State(found.version, {field: msgspec.to_builtins(getattr(found, field)) for field in _SAID})
