"""The dictionary follows the log: snapshots set objects and columns in place, tombstones mark them removed, scans confirm them.

An object shows its newest snapshot by ``produced_at``; a back-dated one only moves ``first_seen``. ``last_seen`` moves with snapshots and
with every scan that read the object's schema completely with the object inside its scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, update

from factbook.database.bulk import bulk_insert, bulk_upsert
from factbook.database.log_tables import records as log_records
from factbook.dictionary.entries import ColumnEntry, column_entries, references_in
from factbook.dictionary.tables import columns, objects, references, versions, word_index
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook.sources.contract import TableName, covers_table
from factbook.words import Field, fitting, name_tokens, part_tokens, place_tokens, text_tokens, tokens
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.repository.contract import StoredRecord

_Key = tuple[str, str, str, str]
"""Tenant, source, schema, table."""

_OBJECT = tuple(column.name for column in objects.columns)
_COLUMN = tuple(column.name for column in columns.columns)
_REFERENCE = tuple(column.name for column in references.columns)
_VERSION = tuple(column.name for column in versions.columns)
_HISTORY = 1 + len(ColumnEntry._fields)
_LOOKUP = 200


class _Column(NamedTuple):
    """One column of one object, with its history; flattened, a row of ``dictionary_columns``."""

    object_id: int
    entry: ColumnEntry
    first_seen: int
    changed_at: int
    last_seen: int | None = None
    removed_at: int | None = None

    @classmethod
    def from_row(cls, row: Row[Any]) -> _Column:
        return cls(row[0], ColumnEntry(*row[1:_HISTORY]), *row[_HISTORY:])

    def to_row(self) -> tuple[Any, ...]:
        return (self.object_id, *self.entry, *self[2:])


class DictionaryProjection(Projection):
    """One row per object and one per column."""

    name = "dictionary"
    version = 4
    kinds = frozenset({"schema_snapshot", "catalog_scan"})
    tables = (objects, versions, columns, references)

    def create(self, connection: Connection) -> None:
        super().create(connection)
        word_index.create(connection)

    def drop(self, connection: Connection) -> None:
        word_index.drop(connection)
        super().drop(connection)

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        if kind != "schema_snapshot":
            return
        of_tenant = select(objects.c.object_id).where(objects.c.tenant == tenant)
        kept = select(log_records.c.offset).where(log_records.c.offset == versions.c.offset).exists()
        connection.execute(delete(versions).where(versions.c.object_id.in_(of_tenant), ~kept))

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        """Fold runs of snapshots together; a scan's record ends a run, because it confirms what stands before it."""
        run: list[StoredRecord] = []
        for item in records:
            if item.record.kind == "catalog_scan":
                _Fold(connection, run).apply()
                run = []
                _confirm(connection, item)
            elif item.record.target.schema is not None and item.record.target.table is not None:
                run.append(item)
        _Fold(connection, run).apply()


def _key(item: StoredRecord) -> _Key:
    target = item.record.target
    return item.record.context.tenant, target.source_id, target.schema or "", target.table or ""


class _Fold:
    """One batch of snapshots: load the rows they touch, change them in memory, write back what changed."""

    def __init__(self, connection: Connection, batch: Sequence[StoredRecord]) -> None:
        self._connection = connection
        self._batch = batch
        self._objects: dict[_Key, dict[str, Any]] = {}
        self._columns: dict[int, dict[str, _Column]] = {}
        self._known: set[int] = set()
        self._touched: dict[int, dict[str, Any]] = {}
        self._changed: set[tuple[int, str]] = set()
        self._reworded: set[int] = set()
        self._versions: list[tuple[Any, ...]] = []
        self._references: set[tuple[str, int]] = set()

    def apply(self) -> None:
        if not self._batch:
            return
        self._load({_key(item) for item in self._batch})
        for item in self._batch:
            self._fold(item)
        self._write()

    def _load(self, keys: Iterable[_Key]) -> None:
        # Names of one schema share their place, which keeps the statement short: most of its price is its parameters.
        for (tenant, source_id, schema), found in groupby(sorted(keys), key=itemgetter(0, 1, 2)):
            place = (objects.c.tenant == tenant, objects.c.source_id == source_id, objects.c.schema_name == schema)
            tables = [key[3] for key in found]
            for start in range(0, len(tables), _LOOKUP):
                chosen = objects.c.table_name.in_(tables[start : start + _LOOKUP])
                for row in self._connection.execute(select(objects).where(*place, chosen)).mappings():
                    self._objects[tenant, source_id, schema, row["table_name"]] = dict(row)
                    self._columns[row["object_id"]] = {}
        self._known = set(self._columns)
        ids = sorted(self._known)
        for start in range(0, len(ids), _LOOKUP):
            for stored in self._connection.execute(select(columns).where(columns.c.object_id.in_(ids[start : start + _LOOKUP]))):
                column = _Column.from_row(stored)
                self._columns[column.object_id][column.entry.column_name] = column
        self._next_id: int = self._connection.scalars(select(func.coalesce(func.max(objects.c.object_id), 0) + 1)).one()

    def _fold(self, item: StoredRecord) -> None:
        produced_at = microseconds(item.record.produced_at)
        found = self._objects.get(_key(item))
        payload = item.record.payload
        if found is None:
            if payload is None:
                return
            found = self._new_object(_key(item), produced_at)
        self._touched[found["object_id"]] = found
        self._versions.append(_version(found["object_id"], item))
        if produced_at < found["described_at"]:
            self._date_back(found, payload or {}, produced_at)
        elif payload is None:
            self._remove(found, produced_at)
        else:
            self._describe(found, payload, produced_at)

    def _date_back(self, found: dict[str, Any], payload: dict[str, Any], produced_at: int) -> None:
        """Take from an older snapshot only that things were there already."""
        found["first_seen"] = min(found["first_seen"], produced_at)
        self._references |= {(name, found["object_id"]) for _, name in references_in(payload.get("constraints", []))}
        for described in payload.get("columns", ()):
            column = self._columns[found["object_id"]].get(described["name"])
            if column is not None and produced_at < column.first_seen:
                self._set(column._replace(first_seen=produced_at))

    def _new_object(self, key: _Key, produced_at: int) -> dict[str, Any]:
        tenant, source_id, schema, table = key
        made: dict[str, Any] = {
            "object_id": self._next_id,
            "tenant": tenant,
            "source_id": source_id,
            "schema_name": schema,
            "table_name": table,
            "first_seen": produced_at,
            "described_at": produced_at,
            "last_seen": produced_at,
        }
        self._next_id += 1
        self._objects[key] = made
        self._columns[made["object_id"]] = {}
        return made

    def _remove(self, found: dict[str, Any], produced_at: int) -> None:
        self._columns_gone(self._columns[found["object_id"]].values(), produced_at, found["last_seen"])
        found.update(described_at=produced_at, removed_at=produced_at, changed_at=produced_at, column_count=0)

    def _columns_gone(self, gone: Iterable[_Column], produced_at: int, last_seen: int) -> None:
        for column in [column for column in gone if column.removed_at is None]:
            self._set(column._replace(removed_at=produced_at, changed_at=produced_at, last_seen=last_seen))

    def _describe(self, found: dict[str, Any], payload: dict[str, Any], produced_at: int) -> None:
        object_id, seen_before = found["object_id"], found["last_seen"]
        found.update(
            object_type=payload["object_type"],
            comment=payload.get("comment"),
            owner=payload.get("owner"),
            described_at=produced_at,
            last_seen=produced_at,
            changed_at=produced_at,
            removed_at=None,
        )
        self._reworded.add(object_id)
        mine = self._columns[object_id]
        present: set[str] = set()
        for entry in column_entries(payload):
            name = entry.column_name
            present.add(name)
            stored = mine.get(name)
            if stored is None:
                self._set(_Column(object_id, entry, produced_at, produced_at))
            elif stored.entry.attributes_hash != entry.attributes_hash or stored.removed_at is not None:
                self._set(_Column(object_id, entry, stored.first_seen, produced_at))
        found["column_count"] = len(present)
        if len(mine) > len(present):
            self._columns_gone((column for name, column in mine.items() if name not in present), produced_at, seen_before)

    def _set(self, column: _Column) -> None:
        object_id, name = column.object_id, column.entry.column_name
        self._columns[object_id][name] = column
        if column.entry.refers_to is not None:
            self._references.add((column.entry.refers_to, object_id))
        if object_id in self._known:
            self._changed.add((object_id, name))

    def _write(self) -> None:
        new = [row for object_id, row in self._touched.items() if object_id not in self._known]
        known = [row for object_id, row in self._touched.items() if object_id in self._known]
        bulk_insert(self._connection, objects, _OBJECT, _values(new))
        bulk_upsert(self._connection, objects, _OBJECT, _values(known), key=("object_id",))
        bulk_insert(self._connection, versions, _VERSION, self._versions)
        bulk_upsert(self._connection, references, _REFERENCE, sorted(self._references), key=_REFERENCE)
        fresh = [column for row in new for column in self._columns[row["object_id"]].values()]
        there = [(column.object_id, *column.entry, column.first_seen, column.changed_at) for column in fresh if column.last_seen is None]
        bulk_insert(self._connection, columns, _COLUMN[:-2], there)
        bulk_insert(self._connection, columns, _COLUMN, [column.to_row() for column in fresh if column.last_seen is not None])
        changed = [self._columns[object_id][name].to_row() for object_id, name in sorted(self._changed)]
        bulk_upsert(self._connection, columns, _COLUMN, changed, key=("object_id", "column_name"))
        word_index.replace(self._connection, {object_id: self._words(object_id) for object_id in self._reworded}, self._known)

    def _words(self, object_id: int) -> list[str]:
        found = self._touched[object_id]
        mine = self._columns[object_id].values()
        kept = [*name_tokens(found["table_name"]), *place_tokens(found["source_id"], found["schema_name"])]
        for column in mine:
            words = part_tokens(column.entry.column_name)
            kept += words if column.removed_at is None else tokens(Field.GONE, (word[1:] for word in words))
        kept += text_tokens(found["comment"] or "")
        for column in mine:
            if column.entry.comment:
                words = text_tokens(column.entry.comment)
                kept += words if column.removed_at is None else tokens(Field.GONE, (word[1:] for word in words))
        return fitting(kept)


def _version(object_id: int, item: StoredRecord) -> tuple[Any, ...]:
    payload = item.record.payload or {}
    said = (payload.get("object_type"), payload.get("comment"), payload.get("owner"))
    count = len({column["name"] for column in payload.get("columns", ())})
    return (object_id, microseconds(item.record.produced_at), item.offset, *said, count)


def _values(rows: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in _OBJECT) for row in rows]


def _confirm(connection: Connection, item: StoredRecord) -> None:
    """Move ``last_seen`` of what a scan has seen: live objects of completely read schemas, inside the scope, not failed."""
    scan = msgspec.convert(item.record.payload, CatalogScan)
    complete = [name for name, reading in scan.schemas.items() if reading.complete]
    if not complete or scan.counts.failed > len(scan.failures):
        return
    moment = microseconds(item.record.produced_at)
    mine = (
        objects.c.tenant == item.record.context.tenant,
        objects.c.source_id == item.record.target.source_id,
        objects.c.removed_at.is_(None),
        objects.c.last_seen < moment,
    )
    if not scan.scope.include and not scan.scope.exclude and not scan.failures:
        for start in range(0, len(complete), _LOOKUP):
            chosen = objects.c.schema_name.in_(complete[start : start + _LOOKUP])
            connection.execute(update(objects).where(*mine, chosen).values(last_seen=moment))
        return
    failed = {TableName(failure.schema, failure.table) for failure in scan.failures}
    readings = set(complete)
    rows = connection.execute(select(objects.c.object_id, objects.c.schema_name, objects.c.table_name).where(*mine)).all()
    names = ((object_id, TableName(schema, table)) for object_id, schema, table in rows if schema in readings)
    seen = [object_id for object_id, name in names if name not in failed and covers_table(scan.scope, name)]
    for start in range(0, len(seen), _LOOKUP):
        chosen = objects.c.object_id.in_(seen[start : start + _LOOKUP])
        connection.execute(update(objects).where(chosen).values(last_seen=moment))
