"""Whether a table keeps what a contract promises of its structure, against its ``schema_snapshot``. Pure.

A promise is broken where readers can rely on less than was promised: a column is missing, its type holds less or is another one, it may be
null or repeat itself though it was promised not to, the key is another. A table that holds more than was promised keeps its promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from factbook_sdk.checks.types import Relation, compare_types, held_by
from factbook_sdk.facts.kinds.data_contract import ContractColumn, DataContract
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

Problem = Literal["table", "column", "type", "required", "unique", "primary_key"]

_BROKEN = (Relation.NARROWED, Relation.SPECIALISED, Relation.REPLACED)
_LOGICAL: dict[str, tuple[str, ...]] = {
    "string": ("text", "enum", "set"),
    "integer": ("integer", "decimal"),
    "number": ("integer", "decimal", "float"),
    "boolean": ("boolean", "integer", "decimal"),
    "date": ("date", "timestamp", "timestamp with zone", "timestamp of the session"),
    "timestamp": ("timestamp", "timestamp with zone", "timestamp of the session"),
    "time": ("time", "time with zone"),
}
"""The families whose values a logical type of the standard stands for. Engines that have no booleans keep them as numbers."""
_AS_PRINTED = {
    "float64": "double precision",
    "float32": "real",
    "int64": "bigint",
    "int32": "integer",
    "int16": "smallint",
    "timestamp_ntz": "timestamp without time zone",
    "timestamp_tz": "timestamp with time zone",
}
"""Physical types that contracts name in other words than the engines that are scanned."""


class Breach(msgspec.Struct, frozen=True, omit_defaults=True):
    """One promise that is not kept. ``column`` is missing where it is the table's; ``reason`` is a sentence without it."""

    problem: Problem
    reason: str
    column: str | None = None

    def __str__(self) -> str:
        return f"{self.column}: {self.reason}" if self.column else self.reason


def check_contract(contract: DataContract, snapshot: SchemaSnapshot | None, *, engine: str | None = None) -> list[Breach]:
    """Return every promise about structure that a table does not keep, in the order of the contract; ``None`` stands for a table that is
    gone. ``engine`` is the name that scans give it (``postgresql``)."""
    if snapshot is None:
        return [Breach("table", "the table is not there")]
    return [*_columns(contract, snapshot, engine), *_key(contract, snapshot)]


def _columns(contract: DataContract, snapshot: SchemaSnapshot, engine: str | None) -> Iterator[Breach]:
    there = {column.name: column for column in snapshot.columns}
    alone = _unique_alone(snapshot)
    is_view = snapshot.object_type in ("view", "materialized_view")
    for promised in contract.columns:
        column = there.get(promised.name)
        if column is None:
            yield Breach("column", "the column is not there", promised.name)
            continue
        yield from _type(promised, column, engine)
        # Of a view no engine says what its columns may hold: that is for the rules about data.
        if promised.required and _takes_null(column) and not is_view:
            yield Breach("required", "it is promised and may be null", promised.name)
        if promised.unique and promised.name not in alone and not is_view:
            yield Breach("unique", "it is promised to be unique and no key says so", promised.name)


def _type(promised: ContractColumn, column: Column, engine: str | None) -> Iterator[Breach]:
    held = held_by(column, engine)
    if promised.physical_type is not None:
        printed = _AS_PRINTED.get(promised.physical_type.strip().lower(), promised.physical_type)
        wanted = Column(column.name, 1, printed)
        is_known = held_by(wanted, engine).family != "other" or held.family == "other"
        is_same = printed.strip().lower() == column.data_type.lower() or (column.enum_values and held_by(wanted).family == "text")
        if is_known and not is_same and compare_types(wanted, column, engine) in _BROKEN:
            yield Breach("type", f"its type is {column.data_type}, which does not hold every {promised.physical_type}", promised.name)
            return
    families = _LOGICAL.get(promised.logical_type or "")
    if families is not None and held.family != "other" and held.family not in families and not _binds_little(engine):
        yield Breach("type", f"its type is {column.data_type}, which is no {promised.logical_type}", promised.name)


def _binds_little(engine: str | None) -> bool:
    """SQLite's types are hints, and it has none for moments."""
    return engine == "sqlite"


def _takes_null(column: Column) -> bool:
    return column.nullable and (column.domain is None or column.domain.nullable)


def _unique_alone(snapshot: SchemaSnapshot) -> set[str]:
    """Return the columns of which each alone is unique, by a constraint or an index over all rows."""
    by_constraint = {tuple(one.columns) for one in snapshot.constraints if one.type in ("primary_key", "unique")}
    by_index = {
        tuple(part.column or "" for part in index.parts)
        for index in snapshot.indexes
        if index.unique and index.predicate is None and all(part.column and part.prefix_length is None for part in index.parts)
    }
    return {columns[0] for columns in by_constraint | by_index if len(columns) == 1}


def _key(contract: DataContract, snapshot: SchemaSnapshot) -> Iterator[Breach]:
    promised = {column.name for column in contract.columns if column.primary_key}
    if not promised or snapshot.object_type in ("view", "materialized_view"):
        return
    found = next((set(one.columns) for one in snapshot.constraints if one.type == "primary_key"), None)
    if found is None:
        yield Breach("primary_key", f"there is no primary key, and {', '.join(sorted(promised))} is promised as one")
    elif found != promised:
        yield Breach("primary_key", f"the primary key is {', '.join(sorted(found))}, and {', '.join(sorted(promised))} is promised")
