"""A fact of a product as the register shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from factbook.products.conformance import shown
from factbook.products.model import Conformance, Level, Product, ProductChange, ProductEvent, ProductPort, ProductUse, VersionChange
from factbook.products.versioning import FIRST, needed
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, Port
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import StoredRecord

BY = "by"
"""The key in a fact's extras that says who made the change."""


def declared(record: MetadataRecord) -> DataProduct:
    """Return the payload of a fact that is no tombstone."""
    return msgspec.convert(record.payload, DataProduct)


def product_of(
    item: StoredRecord, product: DataProduct, *, conformance: Conformance | None = None, change: VersionChange | None = None
) -> Product:
    """Return a product as it is shown. Its name is that of its target; what calls it otherwise is its title."""
    record = item.record
    name = record.target.table or product.name
    owner = owner_of(product)
    return Product(
        name=name,
        domain=product.domain,
        owner=None if owner is None else owner.name,
        description=product.description or "",
        schema=product.schema,
        status=product.status,
        version=product.version or FIRST,
        tags=product.tags,
        created_at=product.created_at or record.produced_at,
        updated_at=record.produced_at,
        title=None if product.name == name else product.name,
        owners=product.owners,
        ports=[_port(port) for port in product.outputs],
        inputs=[_port(port) for port in product.inputs],
        tier=product.tier,
        documentation=product.documentation,
        conformance=conformance,
        change=change,
        etag=f'"{item.id}"',
    )


def uses_of(product: DataProduct, table: TableRef) -> Iterator[ProductUse]:
    """Yield the ports of a product on a table; none of one that is retired."""
    if product.status == "retired":
        return
    owner = owner_of(product)
    ways: tuple[tuple[Literal["input", "output"], list[Port]], ...] = (("input", product.inputs), ("output", product.outputs))
    for way, ports in ways:
        for port in ports:
            if port.table == table:
                named = None if owner is None else owner.name
                yield ProductUse(product.name, product.domain, product.status, way, port.name, port.contract_id, named)


def owner_of(product: DataProduct) -> Owner | None:
    """Return who answers for a product first."""
    return next((owner for owner in product.owners if owner.role == "owner"), next(iter(product.owners), None))


def _port(port: Port) -> ProductPort:
    table = port.table
    return ProductPort(
        name=port.name,
        table=shown(table),
        source_id=table.source_id,
        table_schema=table.schema,
        table_name=table.table,
        contract_id=port.contract_id,
        version=port.version,
        description=port.description,
        schema=port.schema,
    )


def event_of(item: StoredRecord, before: StoredRecord | None) -> ProductEvent:
    """Return what one fact changed against the one before it."""
    record = item.record
    old = None if before is None else before.record.payload
    level: Level | None = None
    if record.payload is not None and old is not None:
        level = needed(msgspec.convert(old, DataProduct), declared(record)).level
    return ProductEvent(
        at=record.produced_at,
        by=str(record.extras.get(BY) or record.producer_id),
        event="removed" if record.payload is None else "registered" if old is None else "changed",
        version=None if record.payload is None else record.payload.get("version"),
        level=level,
        changes=[] if record.payload is None else list(_changes(old or {}, record.payload)),
        record_id=item.id,
    )


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[ProductChange]:
    for field in sorted(before.keys() | after.keys()):
        if field not in ("created_at", "version") and before.get(field) != after.get(field):
            yield ProductChange(field, before.get(field), after.get(field))
