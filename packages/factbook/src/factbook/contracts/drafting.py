"""Documents for what was never imported: a contract from a scanned table, a product from its fact. Pure; a person finishes them.

A drafted contract promises what the table keeps at that moment: its columns, types and keys, and of its data what a full count has shown.
What was sampled or estimated promises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from factbook.contracts.standards import ODCS
from factbook_sdk.checks.types import held_by
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.parts import TableRef

_LOGICAL = {
    "text": "string",
    "enum": "string",
    "set": "string",
    "integer": "integer",
    "decimal": "number",
    "float": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp with zone": "timestamp",
    "timestamp of the session": "timestamp",
    "time": "time",
    "time with zone": "time",
}
_OBJECTS = ("json", "jsonb", "struct", "map", "hstore")


def draft_contract(ref: TableRef, snapshot: SchemaSnapshot, statistics: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a contract of version 0.1.0 that the table keeps. Its server is called like the source, so that it is bound on import."""
    counted = _counted(statistics)
    shown = f"{ref.source_id}.{ref.schema}.{ref.table}"
    described: dict[str, Any] = {"name": ref.table, "physicalName": ref.table, "physicalType": snapshot.object_type}
    if snapshot.comment:
        described["description"] = snapshot.comment
    described["properties"] = [_property(column, snapshot, counted.get(column.name, {})) for column in snapshot.columns]
    if counted and (statistics or {}).get("row_count"):
        rows = {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0, "description": "the table is not empty"}
        described["quality"] = [rows]
    return {
        "apiVersion": ODCS.version,
        "kind": ODCS.kind,
        "id": shown,
        "name": ref.table,
        "version": "0.1.0",
        "status": "draft",
        "servers": [{"server": ref.source_id, "type": "custom", "schema": ref.schema}],
        "schema": [described],
    }


def _counted(statistics: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Return the figures of columns by name where all rows were counted."""
    if statistics is None or statistics.get("origin") != "exact" or statistics.get("filter") or statistics.get("window"):
        return {}
    columns = statistics.get("columns") or []
    return {column["name"]: column for column in columns if column.get("origin", "exact") == "exact"}


def _property(column: Column, snapshot: SchemaSnapshot, figures: Mapping[str, Any]) -> dict[str, Any]:
    key = next((one.columns for one in snapshot.constraints if one.type == "primary_key"), [])
    unique = [one.columns for one in snapshot.constraints if one.type == "unique"]
    said: dict[str, Any] = {"name": column.name}
    logical = _logical(column)
    if logical is not None:
        said["logicalType"] = logical
    said["physicalType"] = column.data_type
    if column.comment:
        said["description"] = column.comment
    if not column.nullable:
        said["required"] = True
    if [column.name] in unique or key == [column.name]:
        said["unique"] = True
    if column.name in key:
        said |= {"primaryKey": True, "primaryKeyPosition": key.index(column.name) + 1}
    quality = _quality(column, figures, is_unique="unique" in said)
    return said | ({"quality": quality} if quality else {})


def _quality(column: Column, figures: Mapping[str, Any], *, is_unique: bool) -> list[dict[str, Any]]:
    rules = []
    if column.nullable and figures.get("null_count") == 0:
        rules.append({"type": "library", "metric": "nullValues", "mustBe": 0, "description": "no value is missing"})
    if not is_unique and figures.get("is_key_candidate") and not figures.get("distinct_is_estimate"):
        rules.append({"type": "library", "metric": "duplicateValues", "mustBe": 0, "description": "no value stands twice"})
    return rules


def _logical(column: Column) -> str | None:
    family = held_by(column).family
    if family.startswith("array of "):
        return "array"
    if column.data_type.lower().split("(")[0].split("<")[0] in _OBJECTS:
        return "object"
    return "string" if column.data_type.lower() == "uuid" else _LOGICAL.get(family)
