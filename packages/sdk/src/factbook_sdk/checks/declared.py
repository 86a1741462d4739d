"""A declared schema, as a data product or a port states it, and what it says against a real table.

A field's declaration is the name of a type (``integer``, ``decimal(10,2)``, ``datetime``, ``json``) or an object that names it under
``type``, with ``nullable`` or ``required``, ``classification`` and ``description`` beside it. Types are compared by family: what a field
holds, and not how an engine calls or bounds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from factbook_sdk.checks.types import Relation, compare_types, held_by
from factbook_sdk.facts.kinds.annotation import Note, sensitive_columns
from factbook_sdk.facts.kinds.schema_snapshot import Column

ANY = "any"
"""The family of a field whose type is not said."""

_WORDS = {
    "array": "array",
    "bool": "boolean",
    "byte": "tinyint",
    "bytes": "blob",
    "datetime": "timestamp",
    "instant": "timestamp",
    "jsonb": "json",
    "list": "array",
    "long": "bigint",
    "map": "json",
    "object": "json",
    "record": "json",
    "short": "smallint",
    "str": "text",
    "struct": "json",
    "variant": "json",
}
"""Words of other type systems, as an engine of ours would print them."""

_ACCEPTS = {
    "array": {"array", "json"},
    "decimal": {"decimal", "integer"},
    "json": {"json", "array"},
    "number": {"decimal", "float", "integer"},
    "text": {"text", "uuid"},
}
"""Families whose columns give what another one declares, beside its own."""

_BASE = re.compile(r"[^(\[]*")


class DeclaredField(msgspec.Struct, frozen=True):
    """One field: its type as it was written (``None`` where none is), whether it may be empty, whether it is sensitive."""

    name: str
    type: str | None
    nullable: bool | None = None
    sensitive: bool = False

    @property
    def family(self) -> str:
        """What it holds: ``integer``, ``decimal``, ``float``, ``number``, ``text``, ``boolean``, ``date``, ``time``, ``timestamp``,
        ``binary``, ``json``, ``array``, ``uuid``, another word as it was written, or :data:`ANY`."""
        if self.type is None or self.type.lower() == "number":
            return ANY if self.type is None else "number"
        return _family(_as_column(self.name, self.type), None)


def declared_fields(schema: Mapping[str, Any]) -> dict[str, DeclaredField]:
    """Return the fields of a declared schema by name, in its order."""
    return {name: _field(name, said) for name, said in schema.items()}


def _field(name: str, said: Any) -> DeclaredField:
    if isinstance(said, str):
        return DeclaredField(name, said.strip() or None)
    if not isinstance(said, Mapping):
        return DeclaredField(name, "array" if isinstance(said, Sequence) else None)
    if "type" not in said:
        return DeclaredField(name, "object")
    nullable, required = said.get("nullable"), said.get("required")
    may_be_empty = nullable if isinstance(nullable, bool) else not required if isinstance(required, bool) else None
    note = Note("classification", said.get("classification"), column=name)
    type_ = said["type"]
    return DeclaredField(
        name, type_.strip() or None if isinstance(type_, str) else "object", may_be_empty, sensitive_columns([note]).covers(name)
    )


def family_of(column: Column, engine: str | None = None) -> str:
    """Return the family of a real column. SQLite's declared types are read as they are written, and by affinity where they say nothing."""
    if engine == "sqlite":
        written = _family(column, None)
        return written if written in _KNOWN else _family(column, "sqlite")
    if engine in ("mysql", "mariadb") and column.data_type.lower().replace(" ", "") == "tinyint(1)":
        return "boolean"
    return _family(column, engine)


def accepts(declared: DeclaredField, column: Column, engine: str | None = None) -> bool:
    """Return whether a real column gives what is declared."""
    wanted, given = declared.family, family_of(column, engine)
    if wanted in (ANY, given) or given in _ACCEPTS.get(wanted, ()):
        return True
    # MariaDB and SQLite keep JSON as text.
    return wanted in ("json", "array") and given == "text" and engine in ("mysql", "mariadb", "sqlite")


def compare_declared(before: DeclaredField, after: DeclaredField) -> Relation:
    """Compare what one field declared before and after."""
    if before.type == after.type or before.type is None or after.type is None:
        return Relation.SAME if before.type == after.type else Relation.GENERALISED if after.type is None else Relation.SPECIALISED
    if before.family == after.family and before.family in _UNBOUNDED:
        return Relation.SAME
    if after.family == "number" and before.family in _ACCEPTS["number"]:
        return Relation.GENERALISED
    return compare_types(_as_column(before.name, before.type), _as_column(after.name, after.type))


_KNOWN = {"integer", "decimal", "float", "text", "boolean", "date", "time", "timestamp", "binary", "json", "array", "uuid", "bits"}
_UNBOUNDED = {"json", "array", "uuid", "number", "boolean", "date"}


def _as_column(name: str, declared: str) -> Column:
    base = _BASE.match(declared)
    word = (base[0] if base else declared).strip().lower()
    rest = declared[len(base[0]) :] if base else ""
    return Column(name, 1, f"{_WORDS.get(word, word)}{rest}")


def _family(column: Column, engine: str | None) -> str:
    held = held_by(column, engine)
    if held.family.startswith("array of"):
        return "array"
    for family in ("timestamp", "time"):
        if held.family == family or held.family.startswith(f"{family} "):
            return family
    if held.family in ("enum", "set"):
        return "text"
    if held.family == "other":
        word = (_BASE.match(held.detail.lower()) or [held.detail])[0].strip()
        return _WORDS.get(word, word)
    return held.family
