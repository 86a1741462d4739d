"""From a snapshot to dictionary rows. Pure: payload in, values out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from factbook_sdk.facts.codec import canonical_json, digest


class ColumnEntry(NamedTuple):
    """What the dictionary says of one column, without its history: the middle of its row."""

    column_name: str
    position: int
    data_type: str
    nullable: bool
    default_value: str | None
    comment: str | None
    is_primary_key: bool
    is_unique: bool
    is_foreign_key: bool
    is_indexed: bool
    refers_to: str | None
    attributes: str
    attributes_hash: bytes


def column_entries(payload: dict[str, Any]) -> Iterator[ColumnEntry]:
    """Yield the columns of a ``schema_snapshot`` payload with their part in keys and indexes."""
    constraints: list[dict[str, Any]] = payload.get("constraints", [])
    primary = {name for item in constraints if item["type"] == "primary_key" for name in item.get("columns", ())}
    unique = {item["columns"][0] for item in constraints if item["type"] in ("unique", "primary_key") and len(item.get("columns", ())) == 1}
    refers = dict(references_in(constraints))
    indexed: set[str] = set()
    for index in payload.get("indexes", ()):
        parts = index["parts"]
        indexed.update(part["column"] for part in parts if "column" in part)
        if index.get("unique") and len(parts) == 1 and "column" in parts[0] and "predicate" not in index:
            unique.add(parts[0]["column"])
    for column in payload["columns"]:
        name, get = column["name"], column.get
        attributes = canonical_json(column)
        reference = refers.get(name)
        flags = (name in primary, name in unique, reference is not None, name in indexed)
        hashed = digest(b"%b%d%d%d%d%b" % (attributes, *flags, (reference or "").encode()))
        yield ColumnEntry(
            name,
            column["position"],
            column["data_type"],
            get("nullable", True),
            get("default"),
            get("comment"),
            *flags,
            reference,
            attributes.decode(),
            hashed,
        )


def references_in(constraints: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the columns that foreign keys are on, with the columns (or tables) they point at; keys of many columns first: a key of one has
    no other column that tells of it."""
    keys = [constraint for constraint in constraints if constraint["type"] == "foreign_key"]
    for constraint in sorted(keys, key=lambda key: -len(key.get("columns", ()))):
        target = constraint["references"]
        table = ".".join(part for part in (target.get("schema"), target["table"]) if part)
        theirs = target.get("columns") or [""] * len(constraint.get("columns", ()))
        for ours, column in zip(constraint.get("columns", ()), theirs, strict=False):
            yield ours, f"{table}.{column}" if column else table


def column_key(tenant: str, source_id: str, schema: str, table: str, column: str) -> bytes:
    """Return 16 bytes that stand for a column's name and place for ever."""
    return digest(canonical_json([tenant, source_id, schema, table, column]))
