"""``/ui/diff/SOURCE``: what changed between two moments, or what differs from another source, with its verdict."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import DiffReader
from factbook.api.parameters import AnySource, Cursor, Moment, Patterns
from factbook.diff import DiffPage, Wanted, page_of, place_of
from factbook.errors import FactbookError
from factbook.rooms import Rooms
from factbook.web.rendering import SOURCES, Crumb, Page, page, path
from factbook.web.routing import Pages, Part
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import Change

router = Pages()

CHANGES = 300
SCANS = 30


class Scan(msgspec.Struct, frozen=True):
    """A scan to compare with."""

    run_id: str | None
    at: datetime


class TableChanges(msgspec.Struct, frozen=True):
    """The changes of one table on this page; without a table, those of the schema itself."""

    schema: str | None
    table: str | None
    changes: list[Change]


class Differences(msgspec.Struct, frozen=True):
    """What differs, and the scans that can be compared. ``problem`` says why nothing can be."""

    source_id: str
    scans: list[Scan]
    found: DiffPage | None
    tables: list[TableChanges]
    problem: str | None
    next_cursor: str | None


@router.page("/diff/{source_id}")
def diff(
    request: Request,
    rooms: DiffReader,
    source_id: Part,
    before: Annotated[Moment, Query(alias="from")] = None,
    after: Annotated[Moment, Query(alias="to")] = None,
    other: Annotated[AnySource, Query(alias="with")] = None,
    table: Patterns = None,
    cursor: Cursor = None,
) -> Response:
    """Show the changes, table by table, the worst first."""
    scans = _scans(rooms, source_id)
    place = place_of(cursor, before or None, after or None)
    crumbs = [SOURCES, Crumb(source_id, path("source", source_id))]
    about = Page(f"Changes of {source_id}", crumbs)
    try:
        wanted = Wanted(tuple(pattern for pattern in table or () if pattern), ())
        compared = rooms.diffs.compare(source_id, place.before, place.after, other=other or None, wanted=wanted)
    except FactbookError as error:
        if not scans or before or after or other or cursor:
            raise
        # With a single scan there is nothing to compare yet, which is no error of whoever looks.
        return page(request, "diff.html", about, Differences(source_id, scans, None, [], str(error), None))
    found = page_of(compared, index=place.index, limit=CHANGES)
    return page(request, "diff.html", about, Differences(source_id, scans, found, _by_table(found), None, found.next_cursor))


def _scans(rooms: Rooms, source_id: str) -> list[Scan]:
    found = rooms.records.query("catalog_scan", targets=[MetadataTarget(source_id)], tenant=rooms.tenant, order="desc", limit=SCANS)
    return [Scan(item.record.context.run_id, item.record.produced_at) for item in found.records]


def _by_table(found: DiffPage) -> list[TableChanges]:
    """Group changes by table; tables come in the order of their worst change."""
    order: dict[tuple[str | None, str | None], int] = {}
    for index, change in enumerate(found.changes):
        order.setdefault((change.schema, change.table), index)
    ordered = sorted(found.changes, key=lambda change: order[change.schema, change.table])
    groups = groupby(ordered, key=lambda change: (change.schema, change.table))
    return [TableChanges(schema, table, list(changes)) for (schema, table), changes in groups]
