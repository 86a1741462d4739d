"""Catalogue, facts and differences as rows of one shape each, for the formats that know only rows. Pure.

A row of the dictionary says of a column what ``factbook dictionary`` says, key and hash included.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from factbook.export.catalog import TableEntry
from factbook_sdk.facts.codec import canonical_json, digest
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, SchemaSnapshot
from factbook_sdk.repository.contract import StoredRecord


class ColumnRow(msgspec.Struct, frozen=True):
    """One column of one table or view. ``key`` is stable for the column's name and place, ``attributes_hash`` changes with anything the
    source says about it. ``attributes`` is the column as the snapshot holds it; ``description``, ``tags`` and ``classifications`` are
    what people and agents say."""

    key: str
    qualified_name: str
    source_id: str
    schema: str
    table: str
    object_type: str
    column: str
    position: int
    data_type: str
    nullable: bool
    default: str | None
    comment: str | None
    primary_key: bool
    unique: bool
    foreign_key: bool
    indexed: bool
    references: str | None
    table_comment: str | None
    owner: str | None
    description: str | None
    tags: list[str]
    classifications: list[str]
    attributes: msgspec.Raw
    attributes_hash: str
    recorded_at: datetime
    run_id: str | None


class FactRow(msgspec.Struct, frozen=True):
    """One record of the log with its place in it."""

    offset: int
    id: str
    tenant: str
    source_id: str
    schema: str | None
    table: str | None
    target_extras: msgspec.Raw | None
    kind: str
    produced_at: datetime
    producer_id: str
    version: int
    payload: msgspec.Raw | None
    context: msgspec.Raw
    quality: msgspec.Raw | None
    extras: msgspec.Raw | None


class ChangeRow(msgspec.Struct, frozen=True):
    """One change of one ``catalog_diff`` fact: the fact's offset and id, its two sides, and what differs. ``path`` leads into the
    table's ``schema_snapshot``."""

    offset: int
    id: str
    source_id: str
    produced_at: datetime
    run_id: str | None
    before_moment: str | None
    before_run_id: str | None
    after_moment: str | None
    after_run_id: str | None
    schema: str | None
    table: str | None
    path: str
    object_type: str | None
    change: str
    severity: str
    reason: str | None
    before: msgspec.Raw | None
    after: msgspec.Raw | None


Row = ColumnRow | FactRow | ChangeRow

TYPES: dict[type[Row], dict[str, str]] = {
    ColumnRow: {
        "position": "INTEGER",
        **dict.fromkeys(("nullable", "primary_key", "unique", "foreign_key", "indexed"), "BOOLEAN"),
        **dict.fromkeys(("tags", "classifications"), "VARCHAR[]"),
        "recorded_at": "TIMESTAMPTZ",
    },
    FactRow: {"offset": "BIGINT", "version": "INTEGER", "produced_at": "TIMESTAMPTZ"},
    ChangeRow: {"offset": "BIGINT", "produced_at": "TIMESTAMPTZ"},
}
"""The types of those fields that are not text, in words of SQL."""


def fields_of(row: type[Row]) -> tuple[str, ...]:
    """Return the names of a row's fields in order."""
    return row.__struct_fields__


def column_rows(entry: TableEntry) -> Iterator[ColumnRow]:
    """Yield the columns of a table by position."""
    keys = Keys(entry.snapshot)
    said = _Said(entry)
    for column in entry.snapshot.columns:
        name = column.name
        attributes = canonical_json(msgspec.to_builtins(column))
        reference = keys.refers.get(name)
        flags = (name in keys.primary, name in keys.unique, reference is not None, name in keys.indexed)
        yield ColumnRow(
            key=digest(canonical_json([entry.tenant, entry.source_id, entry.schema, entry.table, name])).hex(),
            qualified_name=f"{entry.qualified_name}.{name}",
            source_id=entry.source_id,
            schema=entry.schema,
            table=entry.table,
            object_type=entry.snapshot.object_type,
            column=name,
            position=column.position,
            data_type=column.data_type,
            nullable=column.nullable,
            default=column.default,
            comment=column.comment,
            primary_key=flags[0],
            unique=flags[1],
            foreign_key=flags[2],
            indexed=flags[3],
            references=reference,
            table_comment=entry.snapshot.comment,
            owner=entry.snapshot.owner,
            description=said.first("description", name),
            tags=said.all("tag", name),
            classifications=said.all("classification", name),
            attributes=msgspec.Raw(attributes),
            attributes_hash=digest(b"%b%d%d%d%d%b" % (attributes, *flags, (reference or "").encode())).hex(),
            recorded_at=entry.recorded_at,
            run_id=entry.run_id,
        )


class Keys:
    """The part that columns have in keys and indexes: sets of names, and what foreign keys refer to (``schema.table.column``)."""

    def __init__(self, snapshot: SchemaSnapshot) -> None:
        self.primary: set[str] = set()
        self.unique: set[str] = set()
        self.refers: dict[str, str] = {}
        for constraint in snapshot.constraints:
            if constraint.type == "primary_key":
                self.primary.update(constraint.columns)
            if constraint.type in ("unique", "primary_key") and len(constraint.columns) == 1:
                self.unique.add(constraint.columns[0])
            self.refers.update(_references(constraint))
        self.indexed = {part.column for index in snapshot.indexes for part in index.parts if part.column is not None}
        for index in snapshot.indexes:
            if index.unique and len(index.parts) == 1 and index.parts[0].column is not None and index.predicate is None:
                self.unique.add(index.parts[0].column)


def _references(constraint: Constraint) -> Iterator[tuple[str, str]]:
    if constraint.type == "foreign_key" and constraint.references is not None:
        target = constraint.references
        table = ".".join(part for part in (target.schema, target.table) if part)
        theirs = target.columns or [""] * len(constraint.columns)
        for ours, column in zip(constraint.columns, theirs, strict=False):
            yield ours, f"{table}.{column}" if column else table


class _Said:
    """The notes on columns of one table, found once."""

    def __init__(self, entry: TableEntry) -> None:
        self._values: dict[tuple[str, str | None], list[str]] = {}
        for _, note in entry.notes:
            values = self._values.setdefault((note.property, note.column), [])
            if (value := text_of(note.value)) not in values:
                values.append(value)

    def all(self, prop: str, column: str) -> list[str]:
        return self._values.get((prop, column), [])

    def first(self, prop: str, column: str) -> str | None:
        return next(iter(self.all(prop, column)), None)


def text_of(value: Any) -> str:
    """Return a note's value as text: JSON where it is none."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def fact_row(item: StoredRecord) -> FactRow:
    """Return a record as a row; parts that say nothing are missing."""
    record = item.record
    return FactRow(
        offset=item.offset,
        id=item.id,
        tenant=record.context.tenant,
        source_id=record.target.source_id,
        schema=record.target.schema,
        table=record.target.table,
        target_extras=_raw(record.target.extras or None),
        kind=record.kind,
        produced_at=record.produced_at,
        producer_id=record.producer_id,
        version=record.version,
        payload=_raw(record.payload),
        context=msgspec.Raw(canonical_json(msgspec.to_builtins(record.context))),
        quality=_raw(record.quality or None),
        extras=_raw(record.extras or None),
    )


def change_rows(item: StoredRecord) -> Iterator[ChangeRow]:
    """Yield the changes of a ``catalog_diff`` fact, in its order."""
    payload = item.record.payload or {}
    before, after = payload.get("before", {}), payload.get("after", {})
    for change in payload.get("changes", ()):
        yield ChangeRow(
            offset=item.offset,
            id=item.id,
            source_id=item.record.target.source_id,
            produced_at=item.record.produced_at,
            run_id=item.record.context.run_id,
            before_moment=before.get("moment"),
            before_run_id=before.get("run_id"),
            after_moment=after.get("moment"),
            after_run_id=after.get("run_id"),
            schema=change.get("schema"),
            table=change.get("table"),
            path=change.get("path", ""),
            object_type=change.get("object"),
            change=change["change"],
            severity=change["severity"],
            reason=change.get("reason"),
            before=_raw(change.get("before")),
            after=_raw(change.get("after")),
        )


def _raw(value: Any) -> msgspec.Raw | None:
    return None if value is None else msgspec.Raw(canonical_json(value))
