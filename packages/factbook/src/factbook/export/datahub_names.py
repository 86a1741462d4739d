"""How DataHub names things, so that what it ingests itself and what we export are the same entities. Pure.

Formulas: ``datahub.emitter.mce_builder`` and ``mcp_builder`` of acryl-datahub 1.x. An urn escapes ``,``, ``(``, ``)`` and U+241F;
a container is named by the MD5 of its key as JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from urllib.parse import quote

import msgspec

from factbook_sdk.facts.kinds.schema_snapshot import Column

_PLATFORMS = {"postgresql": "postgres"}
_TWO_LEVELS = frozenset({"mysql", "mariadb"})
"""Engines whose schemas are databases: DataHub calls their tables ``database.table``."""

_RESERVED = re.compile("[,()\u241f]")


class Naming(msgspec.Struct, frozen=True):
    """How one source is called in DataHub. ``database`` is missing where schemas are databases."""

    platform: str
    env: str
    instance: str | None
    database: str | None

    @property
    def platform_urn(self) -> str:
        return f"urn:li:dataPlatform:{escaped(self.platform)}"

    @property
    def instance_urn(self) -> str | None:
        return f"urn:li:dataPlatformInstance:({self.platform_urn},{escaped(self.instance)})" if self.instance else None

    def table_name(self, schema: str, table: str) -> str:
        """Return a table's name inside its platform, without the instance."""
        return ".".join(part for part in (self.database, schema, table) if part)

    def dataset(self, schema: str, table: str) -> str:
        """Return a table's urn."""
        name = ".".join(part for part in (self.instance, self.table_name(schema, table)) if part)
        return f"urn:li:dataset:({self.platform_urn},{escaped(name)},{self.env})"

    def field(self, schema: str, table: str, column: str) -> str:
        """Return a column's urn."""
        return f"urn:li:schemaField:({self.dataset(schema, table)},{escaped(column)})"

    def container(self, schema: str | None = None) -> str:
        """Return the urn of the database, or of one of its schemas; where schemas are databases they are the same."""
        key = {"platform": self.platform, "database": self.database or schema}
        if self.instance:
            key["instance"] = self.instance
        if self.database and schema is not None:
            key["schema"] = schema
        text = json.dumps(key, separators=(",", ":"), sort_keys=True)
        return f"urn:li:container:{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"


def naming(engine: str, source_id: str, *, platform: str, env: str, instance: str, database: str) -> Naming:
    """Return how a source is called; empty options mean what its engine and id say."""
    known = platform or _PLATFORMS.get(engine, engine) or "external"
    return Naming(known, env, instance or None, None if engine in _TWO_LEVELS else database or source_id)


def escaped(name: str) -> str:
    """Return a name as a part of an urn."""
    return _RESERVED.sub(lambda found: quote(found[0]), name)


def urn(entity: str, name: str) -> str:
    """Return ``urn:li:ENTITY:NAME``; a name that is an urn already stays as it is."""
    return name if name.startswith("urn:li:") else f"urn:li:{entity}:{escaped(name)}"


_TYPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.I))
    for name, pattern in (
        ("ArrayType", r".*\[[0-9]*\]$|_|array|list"),
        ("EnumType", r"enum"),
        ("BooleanType", r"bool"),
        ("DateType", r"date$"),
        ("TimeType", r"time|date|interval"),
        ("RecordType", r"json|struct|row\b|record|variant"),
        ("MapType", r"map\b|hstore"),
        ("BytesType", r"bytea|.*blob|binary|varbinary|bit|tsvector|raw|image"),
        (
            "NumberType",
            r"(unsigned |u)?(tiny|small|medium|big|huge)?int|integer|.*serial|numeric|decimal|dec\b|number|float|double|real|"
            r"(small)?money|year|fixed",
        ),
        ("StringType", r".*char|.*text|uuid|inet|cidr|macaddr|citext|xml|clob|string|name$|set\b|.*lob|bpchar"),
    )
)


def field_type(column: Column) -> str | None:
    """Return DataHub's class of a column's type, ``None`` where it has none for it. A domain has the class of its base type."""
    if column.array_dimensions:
        return "ArrayType"
    if column.enum_values:
        return "EnumType"
    return _class_of(column.domain.base_type if column.domain is not None and column.domain.base_type else column.data_type)


@lru_cache(maxsize=4096)
def _class_of(said: str) -> str | None:
    name = re.sub(r"\s*\([^)]*\)", "", said).strip()
    return next((found for found, pattern in _TYPES if pattern.match(name)), None)
