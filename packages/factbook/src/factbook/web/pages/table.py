"""``/ui/table/SOURCE/SCHEMA/TABLE`` and its parts: columns, measurements, relations, history, definition, facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.api.parameters import Cursor
from factbook.dictionary import DictionaryFilter, DictionaryRow
from factbook.diff.history import TableMoment
from factbook.errors import NotFound
from factbook.rooms import Rooms
from factbook.sources.contract import TableName
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages, Part
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, Index, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot
from factbook_sdk.repository.contract import StoredRecord

router = Pages()

COLUMNS = 200
MOMENTS = 50
MAX_NOTES = 100
FACTS = ("schema_snapshot", "table_observation", "statistics_snapshot", "annotation", "data_contract", "lineage")
"""Kinds whose newest record about the table is shown; what else there is, the log gives by `factbook records`."""

Section = Literal["columns", "relations", "history", "definition", "facts"]


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


class Fact(msgspec.Struct, frozen=True):
    """The newest record of one kind about the table."""

    kind: str
    stored: StoredRecord


class TablePage(msgspec.Struct, frozen=True):
    """Everything on a table's page. ``part`` says which of the lists below the head are filled."""

    source_id: str
    schema: str
    table: str
    part: Section
    object_type: str
    is_removed: bool
    comment: str | None
    snapshot_at: datetime
    said: list[Said]
    measured: Measured | None
    columns: list[DictionaryRow] = []
    next_cursor: str | None = None
    outgoing: list[Constraint] = []
    incoming: list[DictionaryRow] = []
    constraints: list[Constraint] = []
    indexes: list[Index] = []
    definition: str | None = None
    history: list[TableMoment] = []
    facts: list[Fact] = []
    as_of: datetime | None = None


@router.page("/table/{source_id}/{schema}/{table}")
def table(
    request: Request,
    rooms: TableReader,
    source_id: Part,
    schema: Part,
    table: Part,
    part: Annotated[Section, Query()] = "columns",
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show a table with one of its parts."""
    target = MetadataTarget(source_id, schema, table)
    snapshot, stored = _snapshot(rooms, target, as_of)
    content = TablePage(
        source_id=source_id,
        schema=schema,
        table=table,
        part=part,
        object_type=snapshot.object_type,
        is_removed=stored.record.payload is None,
        comment=snapshot.comment,
        snapshot_at=stored.record.produced_at,
        said=_said(rooms, target, as_of),
        measured=_measured(rooms, target, as_of),
        as_of=as_of,
        **_PARTS[part](_Asked(rooms, target, snapshot, as_of, cursor)),
    )
    crumbs = [
        Crumb("Sources", "/ui"),
        Crumb(source_id, path("source", source_id)),
        Crumb(schema, path("source", source_id, schema)),
    ]
    return page(request, "table.html", Page(table, crumbs, as_of), content)


class _Asked(NamedTuple):
    """What a part of the page is made from."""

    rooms: Rooms
    target: MetadataTarget
    snapshot: SchemaSnapshot
    as_of: datetime | None
    cursor: str | None


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


def _columns(asked: _Asked) -> dict[str, Any]:
    target = asked.target
    wanted = DictionaryFilter(source_id=target.source_id, schema=target.schema, table=target.table)
    found = asked.rooms.dictionary.page(wanted, limit=COLUMNS, cursor=asked.cursor, as_of=asked.as_of)
    return {"columns": found.items, "next_cursor": found.next_cursor}


def _relations(asked: _Asked) -> dict[str, Any]:
    target, snapshot = asked.target, asked.snapshot
    pointing = DictionaryFilter(source_id=target.source_id, refers_to=(target.schema or "", target.table or ""))
    incoming = asked.rooms.dictionary.page(pointing, limit=COLUMNS, cursor=asked.cursor, as_of=asked.as_of)
    return {
        "outgoing": [item for item in snapshot.constraints if item.type == "foreign_key"],
        "constraints": [item for item in snapshot.constraints if item.type not in ("foreign_key", "not_null")],
        "indexes": snapshot.indexes,
        "incoming": incoming.items,
        "next_cursor": incoming.next_cursor,
    }


def _history(asked: _Asked) -> dict[str, Any]:
    name = TableName(asked.target.schema or "", asked.target.table or "")
    found = asked.rooms.diffs.history(asked.target.source_id, name, limit=MOMENTS, cursor=asked.cursor, as_of=asked.as_of)
    return {"history": found.items, "next_cursor": found.next_cursor}


def _definition(asked: _Asked) -> dict[str, Any]:
    return {"definition": asked.snapshot.definition}


def _facts(asked: _Asked) -> dict[str, Any]:
    records, tenant = asked.rooms.records, asked.rooms.tenant
    newest = ((kind, records.latest(asked.target, kind, tenant=tenant, as_of=asked.as_of)) for kind in FACTS)
    return {"facts": [Fact(kind, stored) for kind, stored in newest if stored is not None]}


_PARTS = {"columns": _columns, "relations": _relations, "history": _history, "definition": _definition, "facts": _facts}
