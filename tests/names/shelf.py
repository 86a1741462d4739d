"""A log with scanned sources and lineage to resolve names by, stored one fact at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from factbook.names import Names
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, ScanScope
from factbook_sdk.facts.kinds.name_binding import NameBinding
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


class Shelf:
    """Sources, their tables and bindings, in any repository."""

    def __init__(self, repository=None, tenant: str = "default") -> None:
        self.repository = repository or MemoryRepository()
        self.tenant = tenant

    @property
    def names(self) -> Names:
        return Names(self.repository, tenant=self.tenant)

    def source(self, source_id: str, namespace: str | None, *tables: str, engine: str = "postgresql", database: str | None = None) -> None:
        """Store a scan and its tables, each ``schema.table``."""
        counts = ScanCounts(len(tables), 0, 0, 0, 0, 0)
        scan = CatalogScan(engine, "1", ScanScope(), {}, True, counts, 0.1, namespace=namespace, database=database)
        self.store("catalog_scan", MetadataTarget(source_id), scan)
        for table in tables:
            schema, _, name = table.partition(".")
            self.table(source_id, schema, name)

    def table(self, source_id: str, schema: str, table: str, *columns: str, hours: float = 0) -> None:
        named = [Column(name, place, "text") for place, name in enumerate(columns or ("id",), 1)]
        self.store("schema_snapshot", MetadataTarget(source_id, schema, table), SchemaSnapshot("table", named).to_payload(), hours)

    def bind(self, namespace: str, name: str | None = None, *, hours: float = 0, by: str = "ada", **meaning) -> None:
        self.store("name_binding", MetadataTarget(namespace, table=name), NameBinding(**meaning), hours, by)

    def store(self, kind: str, target: MetadataTarget, payload, hours: float = 0, producer: str = "scan.v1") -> None:
        body = payload if payload is None else msgspec.to_builtins(payload)
        context = MetadataContext(tenant=self.tenant)
        self.repository.store(MetadataRecord(target, kind, body, at(hours), producer, context))


def said(resolved) -> str:
    """Return an answer as one line: the table, or the reason."""
    if not resolved.known:
        return f"({resolved.reason})"
    table = resolved.table
    return f"{table.source_id}:{table.schema}.{table.table}"
