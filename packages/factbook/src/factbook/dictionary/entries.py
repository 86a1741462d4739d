"""From a snapshot to dictionary rows. Pure: payload in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from factbook_sdk.facts.codec import canonical_json, digest


class ColumnEntry(msgspec.Struct, frozen=True):
    """What the dictionary says of one column, without its history."""

    name: str
    position: int
    data_type: str
    nullable: bool
    default: str | None
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
    refers = dict(_references(constraints))
    indexed: set[str] = set()
    for index in payload.get("indexes", ()):
        parts = index["parts"]
        indexed.update(part["column"] for part in parts if "column" in part)
        if index.get("unique") and len(parts) == 1 and "column" in parts[0] and "predicate" not in index:
            unique.add(parts[0]["column"])
    for column in payload["columns"]:
        name = column["name"]
        flags = (name in primary, name in unique, name in refers, name in indexed)
        attributes = canonical_json(column)
        yield ColumnEntry(
            name,
            column["position"],
            column["data_type"],
            column.get("nullable", True),
            column.get("default"),
            column.get("comment"),
            *flags,
            refers.get(name),
            attributes.decode(),
            digest(attributes + canonical_json([*flags, refers.get(name)])),
        )


def _references(constraints: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for constraint in constraints:
        if constraint["type"] == "foreign_key":
            target = constraint["references"]
            table = ".".join(part for part in (target.get("schema"), target["table"]) if part)
            theirs = target.get("columns") or [""] * len(constraint.get("columns", ()))
            for ours, column in zip(constraint.get("columns", ()), theirs, strict=False):
                yield ours, f"{table}.{column}" if column else table


def column_key(tenant: str, source_id: str, schema: str, table: str, column: str) -> bytes:
    """Return 16 bytes that stand for a column's name and place for ever."""
    return digest(canonical_json([tenant, source_id, schema, table, column]))


_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(*texts: str | None) -> set[str]:
    """Return the words to find texts by: runs of letters and digits, and the parts of camelCase, in lower case."""
    found: set[str] = set()
    for text in texts:
        for word in _WORD.findall(text or ""):
            found.add(word.casefold())
            found.update(part.casefold() for part in _CAMEL.findall(word))
    return found


def search_terms(search: str) -> list[str]:
    """Return the words of a search, each of which may be the beginning of a longer one."""
    return [word.casefold() for word in _WORD.findall(search)]


def holds_all(terms: list[str], found: set[str]) -> bool:
    """Return whether each term begins some word."""
    return all(any(word.startswith(term) for word in found) for term in terms)
