"""What all pages of a table share: its name, what it is, who says what of it, how it was measured, and the tabs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.errors import NotFound
from factbook.rooms import Rooms
from factbook.web.parameters import AsOf
from factbook.web.rendering import SOURCES, Crumb, May, Page, page, path
from factbook.web.routing import Part
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot
from factbook_sdk.repository.contract import StoredRecord

PATH = "/table/{source_id}/{schema}/{table}"
MAX_NOTES = 100


class Tab(msgspec.Struct, frozen=True):
    """A page of a table: the last part of its path (``None`` for the first), and the needs it declares."""

    name: str | None
    label: str
    needs: str


TABS = (
    Tab(None, "Columns", "TableReader"),
    Tab("relations", "Relations", "TableReader"),
    Tab("history", "History", "TableReader"),
    Tab("definition", "Definition", "TableReader"),
    Tab("facts", "Facts", "TableReader"),
)


class Said(msgspec.Struct, frozen=True):
    """What somebody says, with whom and since when."""

    note: Note
    author: str
    since: datetime


class Measured(msgspec.Struct, frozen=True):
    """The last measurement of the table."""

    at: datetime
    statistics: StatisticsSnapshot
    columns: dict[str, ColumnStatistics]


class Head(msgspec.Struct, frozen=True):
    """A table at a moment. ``snapshot`` is its structure, of a table that is gone the last it had; ``tabs`` are those that are offered."""

    source_id: str
    schema: str
    table: str
    is_removed: bool
    snapshot_at: datetime
    snapshot: SchemaSnapshot
    said: list[Said]
    measured: Measured | None
    tabs: list[Tab]
    tab: str | None
    as_of: datetime | None


class TablePage(msgspec.Struct, frozen=True):
    """A page of a table: its head, and what the page itself shows."""

    head: Head
    shown: Any
    next_cursor: str | None = None


class Table:
    """The table that a request is about."""

    def __init__(self, request: Request, rooms: Rooms, target: MetadataTarget, as_of: datetime | None) -> None:
        self.request = request
        self.rooms = rooms
        self.target = target
        self.as_of = as_of
        self.snapshot, self.stored = _snapshot(rooms, target, as_of)

    def show(self, tab: str | None, shown: Any, *, next_cursor: str | None = None) -> Response:
        """Answer with one of its pages, whose template is ``table_TAB.html``."""
        target = self.target
        source_id, schema, name = target.source_id, target.schema or "", target.table or ""
        may = May(self.request)
        head = Head(
            source_id=source_id,
            schema=schema,
            table=name,
            is_removed=self.stored.record.payload is None,
            snapshot_at=self.stored.record.produced_at,
            snapshot=self.snapshot,
            said=_said(self.rooms, target, self.as_of),
            measured=_measured(self.rooms, target, self.as_of),
            tabs=[offered for offered in TABS if may(offered.needs)],
            tab=tab,
            as_of=self.as_of,
        )
        crumbs = [
            SOURCES,
            Crumb(source_id, path("source", source_id)),
            Crumb(schema, path("source", source_id, schema)),
        ]
        label = next(offered.label for offered in TABS if offered.name == tab)
        title = name if tab is None else f"{name}: {label}"
        about = Page(title, crumbs, self.as_of)
        return page(self.request, f"table_{tab or 'columns'}.html", about, TablePage(head, shown, next_cursor))


def table_of(request: Request, rooms: Rooms, source_id: Part, schema: Part, table: Part, as_of: AsOf = None) -> Table:
    """Return the table that a path names; raises :class:`NotFound`."""
    return Table(request, rooms, MetadataTarget(source_id, schema, table), as_of)


def _snapshot(rooms: Rooms, target: MetadataTarget, as_of: datetime | None) -> tuple[SchemaSnapshot, StoredRecord]:
    """Return the structure that is shown, with the record in force: of a table that is gone, the last structure it had."""
    stored = rooms.records.latest(target, "schema_snapshot", tenant=rooms.tenant, as_of=as_of)
    if stored is None:
        raise NotFound(f"No table {target} is known" + (" by then" if as_of else ""), fix="Search for it", field="table")
    last = stored
    if stored.record.payload is None:
        known = rooms.records.query("schema_snapshot", targets=[target], tenant=rooms.tenant, order="desc", limit=20).records
        last = next((item for item in known if item.record.payload is not None), stored)
    return msgspec.convert(last.record.payload or {"object_type": "table", "columns": []}, SchemaSnapshot), stored


def _said(rooms: Rooms, target: MetadataTarget, as_of: datetime | None) -> list[Said]:
    until = None if as_of is None else as_of + timedelta(microseconds=1)
    by_author: dict[str, StoredRecord] = {}
    found = rooms.records.query("annotation", targets=[target], tenant=rooms.tenant, until=until, order="desc", limit=MAX_NOTES)
    for item in found.records:
        by_author.setdefault(item.record.producer_id, item)
    return [
        Said(note, author, item.record.produced_at)
        for author, item in by_author.items()
        if item.record.payload is not None
        for note in msgspec.convert(item.record.payload, Annotation).notes
    ]


def _measured(rooms: Rooms, target: MetadataTarget, as_of: datetime | None) -> Measured | None:
    stored = rooms.records.latest(target, "statistics_snapshot", tenant=rooms.tenant, as_of=as_of)
    if stored is None or stored.record.payload is None:
        return None
    statistics = msgspec.convert(stored.record.payload, StatisticsSnapshot)
    return Measured(stored.record.produced_at, statistics, {column.name: column for column in statistics.columns})
