"""Whether the tables behind a product's ports are what it declares, as far as the last scan saw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from factbook.products.model import Conformance, SchemaGap
from factbook_sdk.checks.declared import DeclaredField, accepts, declared_fields
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_product import DataProduct, Port
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord

READS = ("catalog_scan", "data_product", "schema_snapshot")
"""The kinds a product is told and checked from."""

MAX_GAPS = 1_000
_AT_A_TIME = 500


def target_of(table: TableRef) -> MetadataTarget:
    """Return the target of a table's facts."""
    return MetadataTarget(table.source_id, table.schema, table.table)


def shown(table: TableRef) -> str:
    """Return a table's name as it is shown and given: ``source.schema.table``."""
    return ".".join(part for part in (table.source_id, table.schema, table.table) if part)


class Checker:
    """What the log says of the tables behind some products at one moment, read in bulk."""

    def __init__(
        self, repository: MetadataRepository, products: Iterable[DataProduct], *, tenant: str, as_of: datetime | None = None
    ) -> None:
        tables = {port.table for product in products for port in product.outputs}
        targets = sorted((target_of(table) for table in tables), key=str)
        self._snapshots: dict[MetadataTarget, StoredRecord] = {}
        for start in range(0, len(targets), _AT_A_TIME):
            part = targets[start : start + _AT_A_TIME]
            self._snapshots |= repository.latest_many(part, "schema_snapshot", tenant=tenant, as_of=as_of)
        self._engines = {source_id: _engine(repository, source_id, tenant, as_of) for source_id in {table.source_id for table in tables}}

    def check(self, product: DataProduct) -> Conformance:
        """Return what differs, by port and column."""
        if not product.outputs:
            return Conformance("unbound")
        gaps = [gap for port in product.outputs for gap in self._of_port(port, port.schema or product.schema)]
        status: Literal["conforms", "extends", "differs", "unknown", "undeclared"] = "conforms"
        if any(gap.breaks for gap in gaps):
            status = "differs"
        elif any(gap.problem == "not_scanned" for gap in gaps):
            status = "unknown"
        elif not any(port.schema or product.schema for port in product.outputs):
            status = "undeclared"
        elif gaps:
            status = "extends"
        return Conformance(status, gaps[:MAX_GAPS], truncated=len(gaps) > MAX_GAPS)

    def _of_port(self, port: Port, schema: Mapping[str, object]) -> Iterator[SchemaGap]:
        table = shown(port.table)
        stored = self._snapshots.get(target_of(port.table))
        if stored is None:
            yield SchemaGap(port.name, table, "not_scanned", False, f"{table} was never scanned")
            return
        if stored.record.payload is None:
            gone = f"{table} is gone since {stored.record.produced_at:%Y-%m-%d %H:%M} UTC"
            yield SchemaGap(port.name, table, "table_gone", True, gone)
            return
        if schema:
            columns = msgspec.convert(stored.record.payload, SchemaSnapshot).columns
            yield from compare(port.name, table, schema, columns, self._engines.get(port.table.source_id))


def compare(port: str, table: str, schema: Mapping[str, object], columns: Iterable[Column], engine: str | None) -> Iterator[SchemaGap]:
    """Yield every way in which a table's columns are not the declared fields. A name in other letters is the same where only one is so."""
    real = {column.name: column for column in columns}
    taken: set[str] = set()
    for field in declared_fields(schema).values():
        column = find_column(field.name, real)
        if column is None:
            yield SchemaGap(port, table, "missing_column", True, f"{table} has no column {field.name}", field.name, field.type)
            continue
        taken.add(column.name)
        yield from _of_column(port, table, field, column, engine)
    for name, column in real.items():
        if name not in taken:
            message = f"{table} has a column {name} that is not declared"
            yield SchemaGap(port, table, "undeclared_column", False, message, name, None, column.data_type)


def find_column(name: str, columns: Mapping[str, Column]) -> Column | None:
    """Return the column of a name, or the only one that differs from it in capitals alone."""
    if name in columns:
        return columns[name]
    alike = [column for other, column in columns.items() if other.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _of_column(port: str, table: str, field: DeclaredField, column: Column, engine: str | None) -> Iterator[SchemaGap]:
    if not accepts(field, column, engine):
        message = f"{table}.{column.name} is {column.data_type or 'of no type'} and {field.type} is declared"
        yield SchemaGap(port, table, "type_differs", True, message, column.name, field.type, column.data_type)
    if field.nullable is False and column.nullable:
        message = f"{table}.{column.name} may be null and is declared never to be"
        yield SchemaGap(port, table, "may_be_null", True, message, column.name, field.type, column.data_type)


def _engine(repository: MetadataRepository, source_id: str, tenant: str, as_of: datetime | None) -> str | None:
    scan = repository.latest(MetadataTarget(source_id), "catalog_scan", tenant=tenant, as_of=as_of)
    engine = (scan.record.payload or {}).get("engine") if scan is not None else None
    return engine if isinstance(engine, str) else None
