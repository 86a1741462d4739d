"""The register of products follows the log: one row per product, its newest fact whoever said it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from factbook.database.log_tables import records as log_records
from factbook.products.tables import facets, products
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook_sdk.facts.kinds.data_product import PRODUCTS, DataProduct
from factbook_sdk.repository.contract import StoredRecord

_MAX_WORDS = 20_000
_MAX_VALUE = 512


class ProductsProjection(Projection):
    """One row per product. A tombstone leaves a row that is not live, so that a name's last version is known when it comes back."""

    name = "products"
    version = 2
    kinds = frozenset({"data_product"})
    tables = (products, facets)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        newest: dict[tuple[str, str], StoredRecord] = {}
        for item in records:
            target = item.record.target
            if target.source_id != PRODUCTS or target.schema is not None or target.table is None or target.extras:
                continue
            key = item.record.context.tenant, target.table
            if key not in newest or _time(item) > _time(newest[key]):
                newest[key] = item
        for key, item in newest.items():
            same = (products.c.tenant == key[0], products.c.name == key[1])
            known = connection.execute(select(products.c.produced_at, products.c.offset).where(*same)).first()
            if known is not None and tuple(known) > _time(item):
                continue
            _remove(connection, *key)
            connection.execute(insert(products).values(**_row(key, item)))
            found = [{"tenant": key[0], "name": key[1], "facet": facet, "value": value} for facet, value in _facets(item)]
            if found:
                connection.execute(insert(facets), found)

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        if kind not in self.kinds:
            return
        kept = select(log_records.c.offset).where(log_records.c.offset == products.c.offset).exists()
        for name in connection.scalars(select(products.c.name).where(products.c.tenant == tenant, ~kept)).all():
            _remove(connection, tenant, name)


def _remove(connection: Connection, tenant: str, name: str) -> None:
    connection.execute(delete(products).where(products.c.tenant == tenant, products.c.name == name))
    connection.execute(delete(facets).where(facets.c.tenant == tenant, facets.c.name == name))


def _time(item: StoredRecord) -> tuple[int, int]:
    return microseconds(item.record.produced_at), item.offset


def _row(key: tuple[str, str], item: StoredRecord) -> dict[str, Any]:
    payload = item.record.payload or {}
    return {
        "tenant": key[0],
        "name": key[1],
        "offset": item.offset,
        "produced_at": microseconds(item.record.produced_at),
        "record_id": item.id,
        "live": item.record.payload is not None,
        "domain": _plain(payload.get("domain", "")),
        "status": payload.get("status", ""),
        "words": words_of(key[1], payload),
        "record": msgspec.json.encode(item.record, order="sorted").decode(),
    }


def words_of(name: str, payload: dict[str, Any]) -> str:
    """Return what a product is found by, folded."""
    owners = [text for owner in payload.get("owners", ()) for text in (owner["name"], owner.get("contact") or "")]
    texts = (name, payload.get("name", ""), payload.get("domain", ""), *payload.get("tags", ()), *owners, *payload.get("schema", ()))
    return _plain("\n".join((*texts, payload.get("description") or "")).casefold())[:_MAX_WORDS]


def _facets(item: StoredRecord) -> Iterator[tuple[str, str]]:
    if item.record.payload is None:
        return
    product = msgspec.convert(item.record.payload, DataProduct)
    for tag in sorted(set(product.tags)):
        yield "tag", _plain(tag)[:_MAX_VALUE]
    for port in sorted({port.name for port in product.outputs}):
        yield "port", _plain(port)[:_MAX_VALUE]
    for contract in sorted({port.contract_id for port in (*product.inputs, *product.outputs) if port.contract_id is not None}):
        yield "contract", _plain(contract)[:_MAX_VALUE]
    for owner in sorted({owner.name for owner in product.owners}):
        yield "owner", _plain(owner)[:_MAX_VALUE]


def _plain(text: str) -> str:
    """Return the text without NUL, which a fact may hold and PostgreSQL's texts may not."""
    return text.replace("\x00", "\ufffd")
