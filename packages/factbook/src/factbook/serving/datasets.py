"""What may be served at an address: the fields of a port that the last scan saw, that were declared, and that are not sensitive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from factbook.errors import NotFound
from factbook.repository.sensitivity import sensitive_of
from factbook.serving.model import Dataset, Field
from factbook.sources.contract import TableName
from factbook_sdk.checks.declared import declared_fields, family_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.data_product import DataProduct, Port, product_target
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository

SERVED = ("active", "deprecated")
"""A product of another status is not served."""


def dataset_of(repository: MetadataRepository, domain: str, dataset: str, product: DataProduct, port: Port, *, tenant: str) -> Dataset:
    """Return what is served of a port; raises :class:`NotFound` where nothing can be."""
    table = port.table
    if product.status not in SERVED:
        raise _nothing(domain, dataset, f"the product {product.name} is {product.status}")
    target = MetadataTarget(table.source_id, table.schema, table.table)
    stored = repository.latest(target, "schema_snapshot", tenant=tenant)
    if stored is None or stored.record.payload is None or table.schema is None:
        raise _nothing(domain, dataset, f"its table {target} was never scanned, or is gone", "Scan the source")
    snapshot = msgspec.convert(stored.record.payload, SchemaSnapshot)
    scan = repository.latest(MetadataTarget(table.source_id), "catalog_scan", tenant=tenant)
    engine = (scan.record.payload or {}).get("engine") if scan is not None else None
    schema = port.schema or product.schema
    place = product_target(product.name)
    sensitive = sensitive_of(repository, [target, place], tenant=tenant)

    def is_sensitive(name: str, column: str) -> bool:
        return sensitive[place].covers(name) or sensitive[place].covers(column) or sensitive[target].covers(column)

    fields = _fields(schema, snapshot.columns, is_sensitive, engine)
    if not fields:
        raise _nothing(domain, dataset, "no column of it may be served", "Declare columns that the table has and that are not sensitive")
    by_column = {field.column.name: field.name for field in fields.values()}
    declared = declared_fields(schema)
    hidden = {name for name, field in declared.items() if field.sensitive}
    real = {column.name.casefold() for column in snapshot.columns}
    return Dataset(
        domain=domain,
        dataset=dataset,
        product=product.name,
        version=product.version or "",
        status=product.status,
        port=port.name,
        source_id=table.source_id,
        table=TableName(table.schema, table.table),
        engine=engine if isinstance(engine, str) else None,
        fields=fields,
        key=_key(snapshot, by_column),
        missing=tuple(name for name in schema if name.casefold() not in real and name not in hidden),
    )


def _fields(schema: Mapping[str, Any], columns: list[Column], is_sensitive: Callable[[str, str], bool], engine: Any) -> dict[str, Field]:
    """Return what is served by name, in the table's order: the declared columns, or all where nothing is declared."""
    real = {column.name: column for column in columns}
    wanted = declared_fields(schema) if schema else declared_fields(dict.fromkeys(real))
    found: dict[str, Field] = {}
    for declared in wanted.values():
        column = real.get(declared.name) or _alike(declared.name, columns)
        if column is None or declared.sensitive or is_sensitive(declared.name, column.name):
            continue
        said = schema.get(declared.name)
        role = said.get("role") if isinstance(said, Mapping) else None
        found[declared.name] = Field(declared.name, column, family_of(column, engine), role if isinstance(role, str) else None)
    return dict(sorted(found.items(), key=lambda item: item[1].column.position))


def _alike(name: str, columns: list[Column]) -> Column | None:
    alike = [column for column in columns if column.name.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _key(snapshot: SchemaSnapshot, served: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of fields that tell rows apart: the primary key, else columns that are unique and never null. Only if all are
    served: a cursor holds their values."""
    nullable = {column.name for column in snapshot.columns if column.nullable}
    primary = [constraint.columns for constraint in snapshot.constraints if constraint.type == "primary_key"]
    unique = [constraint.columns for constraint in snapshot.constraints if constraint.type == "unique"]
    unique += [
        [part.column for part in index.parts if part.column is not None]
        for index in snapshot.indexes
        if index.unique and index.predicate is None and all(part.column is not None and part.prefix_length is None for part in index.parts)
    ]
    candidates = [*primary, *(columns for columns in unique if nullable.isdisjoint(columns))]
    return next((tuple(served[name] for name in columns) for columns in candidates if columns and served.keys() >= set(columns)), ())


def _nothing(domain: str, dataset: str, why: str, fix: str = "") -> NotFound:
    return NotFound(f"Nothing is served at /{domain}/{dataset}", why=why, fix=fix)
