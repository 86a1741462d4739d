"""What lists and pages show of products: ports with where they lead, and what may be told of the data behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from factbook.products.health import ProductHealth
from factbook.products.model import Product, ProductPort
from factbook.rooms import Rooms
from factbook.web.rendering import May


class SeenPort(msgspec.Struct, frozen=True):
    """A port. ``is_scanned`` tells whether its table has a page."""

    port: ProductPort
    is_scanned: bool


class SeenProduct(msgspec.Struct, frozen=True):
    """A product in a list. ``health`` is ``None`` where it may not be told; ``gaps`` counts what differs from its declaration."""

    name: str
    title: str | None
    domain: str
    owner: str | None
    status: str
    version: str
    description: str
    tags: list[str]
    updated_at: datetime
    ports: list[SeenPort]
    conformance: str
    gaps: int
    health: ProductHealth | None


def seen_ports(product: Product) -> list[SeenPort]:
    """Return the ports a product gives out; those of tables that no scan saw lead nowhere."""
    gaps = product.conformance.gaps if product.conformance is not None else []
    unknown = {gap.port for gap in gaps if gap.problem == "not_scanned"}
    return [SeenPort(port, port.name not in unknown and port.table_schema is not None) for port in product.ports]


def seen_products(rooms: Rooms, may: May, products: Sequence[Product], as_of: datetime | None) -> list[SeenProduct]:
    """Return products as lists show them, with the health of their data where whoever looks may know it."""
    known = rooms.product_analytics.health([item.name for item in products], as_of=as_of) if may("ProductHealthReader") else {}
    return [
        SeenProduct(
            item.name,
            item.title,
            item.domain,
            item.owner,
            item.status,
            item.version,
            item.description,
            item.tags,
            item.updated_at,
            seen_ports(item),
            item.conformance.status if item.conformance is not None else "unknown",
            sum(gap.breaks for gap in item.conformance.gaps) if item.conformance is not None else 0,
            known.get(item.name),
        )
        for item in products
    ]
