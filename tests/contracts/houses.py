"""Contracts over a log in memory, and documents to put into them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factbook.contracts import Contracts, Imported, ImportWish
from factbook.contracts.products import ProductDocuments
from factbook.contracts.reading import read_document
from factbook.contracts.writing import text_of
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository

BITOL = Path(__file__).parents[1] / "samples" / "bitol"
EXAMPLES = sorted(BITOL.glob("*.yaml"))

ORDERS: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "orders-daily",
    "name": "Orders",
    "version": "1.2.0",
    "status": "active",
    "description": {"purpose": "one row an order", "limitations": "none"},
    "servers": [{"server": "shop", "type": "custom", "schema": "public"}],
    "team": {"name": "Order team", "members": [{"username": "ann", "name": "Ann", "role": "Owner"}, {"username": "ben", "role": "dev"}]},
    "schema": [
        {
            "name": "orders",
            "properties": [
                {"name": "id", "logicalType": "integer", "physicalType": "bigint", "required": True, "unique": True, "primaryKey": True},
                {"name": "email", "logicalType": "string", "required": True, "classification": "personal"},
                {"name": "total", "logicalType": "number", "customProperties": [{"property": "unit", "value": {"is": ["EUR", None, 1.5]}}]},
            ],
            "quality": [{"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0}],
        }
    ],
    "slaProperties": [{"property": "retention", "value": 3, "unit": "y"}],
    "customProperties": [{"property": "anything", "value": [1, "2022-10-03", "yes", "0o7", " "]}],
}
PRODUCT: dict[str, Any] = {
    "apiVersion": "v1.0.0",
    "kind": "DataProduct",
    "id": "p-1",
    "name": "Sales orders",
    "version": "1.0.0",
    "status": "active",
    "domain": "sales",
    "outputPorts": [{"name": "orders", "version": "1.0.0", "contractId": "orders-daily", "sbom": [{"url": "https://example.com/sbom"}]}],
    "team": {"members": [{"username": "cleo", "name": "Cleo", "role": "owner"}]},
}
SNAPSHOT = SchemaSnapshot(
    "table",
    [
        Column("id", 1, "bigint", nullable=False),
        Column("email", 2, "character varying(200)", nullable=False),
        Column("total", 3, "numeric(12,2)"),
    ],
    [Constraint("primary_key", "orders_pkey", ["id"])],
)


def changed(document: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return a copy with other values at its top."""
    return copy.deepcopy(document) | values


class House:
    """The contracts and products of one tenant in memory, with tables that scans have seen."""

    def __init__(self) -> None:
        self.repository = MemoryRepository()
        self.contracts = Contracts(self.repository, tenant="default")
        self.products = ProductDocuments(self.repository, tenant="default")

    def scanned(self, table: str, snapshot: SchemaSnapshot | None = SNAPSHOT) -> None:
        """Have a table, ``source.schema.table``, seen by a scan, or seen to be gone."""
        source, schema, name = table.split(".")
        self.say(MetadataTarget(source, schema, name), "schema_snapshot", None if snapshot is None else snapshot.to_payload())

    def say(self, target: MetadataTarget, kind: str, payload: dict[str, Any] | None, producer: str = "scan.v1") -> None:
        self.repository.store(MetadataRecord(target, kind, payload, datetime.now(UTC), producer))

    def take(self, document: dict[str, Any], *, replace: bool = False, **bind: str) -> Imported:
        """Import a contract or a product, as a person would: as YAML."""
        read = read_document(text_of(document, "yaml"))
        room = self.contracts if read.standard.name == "odcs" else self.products
        return room.import_document(read, ImportWish(bind, replace, "tests"))
