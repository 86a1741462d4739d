"""``catalog_scan``: one run of a scan over one source: its scope, how complete it was, what it found. Target: the source."""

from __future__ import annotations

import msgspec

from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="catalog_scan",
    category=Category.EVENT,
    description="One scan of a source: scope, completeness per schema, counts, failures.",
    schemas=load_schemas(__package__, "catalog_scan"),
)


class ScanScope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Patterns, matched case-sensitively with ``*`` and ``?``: ``schema`` or ``schema.table``. Empty include means everything."""

    include: list[str] = []
    exclude: list[str] = []


class SchemaReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether every object of the schema inside the scope was seen. Only then can an absence be a removal."""

    complete: bool
    reason: str | None = None


class TableFailureNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table that could not be read; its last known state stands."""

    schema: str
    table: str
    reason: str


class ScanCounts(msgspec.Struct, frozen=True):
    """``tables`` counts the objects seen, whether they could be read or not; ``failed`` counts failures."""

    tables: int
    added: int
    changed: int
    unchanged: int
    removed: int
    failed: int


class CatalogScan(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``schemas_complete`` says whether the list of schemas itself can be trusted, so that a missing schema is a
    removed one. ``removals_held`` counts removals that wait for ``--accept-removals``. ``revision`` is opaque and the engine's: a later
    scan that finds the same one knows that no structure changed. ``namespace`` is what OpenLineage calls the source, and ``database`` the
    first part of its tables' names there, where they have one."""

    engine: str
    engine_version: str
    scope: ScanScope
    schemas: dict[str, SchemaReading]
    schemas_complete: bool
    counts: ScanCounts
    duration_seconds: float
    failures: list[TableFailureNote] = []
    removals_held: int = 0
    revision: str | None = None
    namespace: Name | None = None
    database: Name | None = None
