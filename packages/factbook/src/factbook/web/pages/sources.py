"""``/ui/sources``: all sources, and how their last scans went."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api.access import JOBS, STRUCTURE, SourceReader, asking
from factbook.api.parameters import Cursor
from factbook.api.schemas import page_of
from factbook.rooms import Rooms
from factbook.web.pages.standing import SourceState, states_of
from factbook.web.parameters import AsOf
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages

router = Pages()

SOURCES_SHOWN = 50
Name = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="A part of the source's name.")]


class SourceList(msgspec.Struct, frozen=True):
    """Sources by name. ``connected`` are those of ``items`` that can be scanned; the others are known by their facts alone. ``total``
    counts all whose names match."""

    items: list[SourceState]
    next_cursor: str | None
    total: int
    connected: list[str]
    source: str | None
    knows_jobs: bool
    as_of: datetime | None


@router.page("/sources")
def sources(request: Request, rooms: SourceReader, source: Name = None, as_of: AsOf = None, cursor: Cursor = None) -> Response:
    """Show sources with their engines, counts and last scans."""
    registered = {item.source_id for item in rooms.connections.list()}
    wanted = [name for name in known_sources(request, rooms, registered) if source is None or source.lower() in name.lower()]
    shown, following = page_of(wanted, str, limit=SOURCES_SHOWN, cursor=cursor)
    knows_jobs = may_read(request, rooms.tenant, JOBS)
    content = SourceList(
        items=states_of(rooms, shown, as_of=as_of, with_jobs=knows_jobs),
        next_cursor=following,
        total=len(wanted),
        connected=[name for name in shown if name in registered],
        source=source,
        knows_jobs=knows_jobs,
        as_of=as_of,
    )
    return page(request, "sources.html", Page("Sources", as_of=as_of), content)


def known_sources(request: Request, rooms: Rooms, registered: Collection[str]) -> list[str]:
    """Return the sources that are registered, or of which whoever asks may see tables, by name."""
    described = rooms.dictionary.source_ids() if may_read(request, rooms.tenant, STRUCTURE) else []
    return sorted({*registered, *described})


def may_read(request: Request, tenant: str, kinds: Collection[str]) -> bool:
    """Return whether whoever asks may read all facts of some kinds."""
    return asking(request).principal.may_all(Action.READ, tenant, kinds)
