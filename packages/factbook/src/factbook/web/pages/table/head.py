"""What all pages of a table share: its name, what it is, who says what of it, how it was measured, and the tabs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.errors import NotFound
from factbook.knowledge import Place
from factbook.knowledge.model import TableKnown
from factbook.profile.reading import Look
from factbook.rooms import Rooms
from factbook.sources.contract import TableName
from factbook.web.pages.notes import term_names
from factbook.web.pages.table.standing import Standing, standing_of
from factbook.web.parameters import AsOf
from factbook.web.rendering import SOURCES, Crumb, May, Page, page, path
from factbook.web.routing import Part
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import StatisticsSnapshot
from factbook_sdk.repository.contract import StoredRecord

PATH = "/table/{source_id}/{schema}/{table}"


class Tab(msgspec.Struct, frozen=True):
    """A page of a table: the last part of its path (``None`` for the first), and the needs it declares."""

    name: str | None
    label: str
    needs: str


TABS = (
    Tab(None, "Columns", "TableReader"),
    Tab("profile", "Profile", "TableReader"),
    Tab("relations", "Relations", "TableReader"),
    Tab("lineage", "Lineage", "LineageReader"),
    Tab("history", "History", "TableReader"),
    Tab("quality", "Quality", "TableQualityReader"),
    Tab("definition", "Definition", "TableReader"),
    Tab("used-by", "Used by", "TableUseReader"),
    Tab("facts", "Facts", "TableReader"),
)


class Measured(msgspec.Struct, frozen=True):
    """The last measurement of the table; what it says of columns, their pages show."""

    at: datetime
    statistics: StatisticsSnapshot


class Head(msgspec.Struct, frozen=True):
    """A table at a moment. ``snapshot`` is its structure, of a table that is gone the last it had; ``tabs`` are those that are offered,
    ``notes`` what is said of it and of the columns shown, ``terms`` the names of the terms in there."""

    source_id: str
    schema: str
    table: str
    is_removed: bool
    snapshot_at: datetime
    snapshot: SchemaSnapshot
    notes: TableKnown
    terms: dict[str, str]
    measured: Measured | None
    standing: Standing
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
        self.name = TableName(target.schema or "", target.table or "")
        self.may = May(request)
        self.measures: frozenset[str] = frozenset()
        """The columns whose figures are read; a page that shows some says so before it looks."""

    @property
    def is_removed(self) -> bool:
        return self.stored.record.payload is None

    @cached_property
    def look(self) -> Look:
        """The last measurement, with the figures of ``measures``, and which columns are sensitive."""
        return self.rooms.profiles.look(self.target.source_id, self.name, columns=self.measures, as_of=self.as_of)

    @cached_property
    def scan(self) -> CatalogScan | None:
        """The last scan of the source."""
        stored = self.rooms.records.latest(
            MetadataTarget(self.target.source_id), "catalog_scan", tenant=self.rooms.tenant, as_of=self.as_of
        )
        return None if stored is None or stored.record.payload is None else msgspec.convert(stored.record.payload, CatalogScan)

    def show(self, tab: str | None, shown: Any, *, next_cursor: str | None = None, columns: Collection[str] = ()) -> Response:
        """Answer with one of its pages, whose template is ``table_TAB.html`` and that tells what is said of these columns."""
        target = self.target
        source_id, schema, name = target.source_id, target.schema or "", target.table or ""
        may = May(self.request)
        notes = self.rooms.notes.reading.of_table(Place(source_id, schema, name), columns=columns, as_of=self.as_of)
        head = Head(
            source_id=source_id,
            schema=schema,
            table=name,
            is_removed=self.is_removed,
            snapshot_at=self.stored.record.produced_at,
            snapshot=self.snapshot,
            measured=_measured(self.look),
            standing=standing_of(self),
            notes=notes,
            terms=term_names(self.rooms, may, [notes.own, *notes.columns.values()], self.as_of),
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
        return page(self.request, f"table_{(tab or 'columns').replace('-', '_')}.html", about, TablePage(head, shown, next_cursor))


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


def _measured(look: Look) -> Measured | None:
    if look.measured is None:
        return None
    return Measured(look.measured.measured_at, msgspec.structs.replace(look.measured.statistics, columns=[]))
