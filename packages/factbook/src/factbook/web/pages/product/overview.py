"""``/ui/product/NAME``: what a product is, whether it keeps what it says, where its data comes from and goes, and how to read it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ProductReader
from factbook.contracts.model import ContractStanding
from factbook.errors import NotFound
from factbook.lineage.model import Closure
from factbook.lineage.view import View
from factbook.products.analytics import USAGE_DAYS, ProductUse
from factbook.products.health import ProductHealth
from factbook.products.model import Product, ProductFilter
from factbook.rooms import Rooms
from factbook.serving.datasets import SERVED
from factbook.web.pages.product.head import PATH, Chosen
from factbook.web.pages.product.seen import SeenPort, seen_ports
from factbook.web.parameters import AsOf
from factbook.web.rendering import May
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.parts import TableRef

router = Pages()

REACHED = 25
"""What lineage reaches that is named, each way from each place."""
PLACES = 4
"""Tables of a product from which lineage is followed."""
CONSUMERS = 50


class Under(msgspec.Struct, frozen=True):
    """A contract that a product's ports name, or that holds on their tables. ``standing`` is ``None`` where it may not be told, or where
    there is no such contract."""

    contract_id: str
    ports: list[str]
    is_there: bool
    standing: ContractStanding | None


class Way(msgspec.Struct, frozen=True):
    """What lineage reaches from one place of the product."""

    start: str
    upstream: Closure
    downstream: Closure


class Address(msgspec.Struct, frozen=True):
    """Where the rows of a port are read, with examples to copy."""

    port: str
    url: str
    curl: str
    python: str


class Overview(msgspec.Struct, frozen=True):
    """What is known. What is ``None`` may not be told to whoever looks; ``served`` says why there are no addresses."""

    ports: list[SeenPort]
    health: ProductHealth | None
    contracts: list[Under] | None
    lineage: list[Way] | None
    consumers: list[str]
    addresses: list[Address]
    usage: ProductUse | None
    usage_days: int
    tells_usage: bool


@router.page(PATH)
def overview(request: Request, rooms: ProductReader, product: Part, as_of: AsOf = None) -> Response:
    """Show a product."""
    found = rooms.products.get(product, as_of=as_of)
    may = May(request)
    used = rooms.product_analytics.usage_of(found.name, until=as_of) if may("UsageReader") else None
    shown = Overview(
        ports=seen_ports(found),
        health=rooms.product_analytics.health([found.name], as_of=as_of).get(found.name) if may("ProductHealthReader") else None,
        contracts=_contracts(rooms, may, found, as_of) if may("ContractReader") else None,
        lineage=_lineage(rooms, found, as_of) if may("LineageReader") else None,
        consumers=_consumers(rooms, found, as_of),
        addresses=_addresses(request, found) if found.status in SERVED else [],
        usage=used,
        usage_days=USAGE_DAYS,
        tells_usage=may("UsageReader"),
    )
    return Chosen(request, rooms, product, as_of).show(None, found, shown)


def _contracts(rooms: Rooms, may: May, product: Product, as_of: datetime | None) -> list[Under]:
    ports: dict[str, list[str]] = {}
    for port in product.ports:
        if port.contract_id is not None:
            ports.setdefault(port.contract_id, []).append(port.name)
    tables = {TableRef(port.source_id, port.table_name, port.table_schema): port.name for port in product.ports}
    for table, ids in rooms.contracts.on_tables(list(tables), as_of=as_of).items():
        for contract_id in ids:
            held = ports.setdefault(contract_id, [])
            if tables[table] not in held:
                held.append(tables[table])
    there = {entry.id for entry in rooms.contracts.entries(list(ports), as_of=as_of)}
    standings = {one.id: one for one in rooms.contracts.standings(list(ports), as_of=as_of)} if may("PromiseReader") else {}
    return [Under(contract_id, names, contract_id in there, standings.get(contract_id)) for contract_id, names in sorted(ports.items())]


def _lineage(rooms: Rooms, product: Product, as_of: datetime | None) -> list[Way]:
    """Return what is reached from the product itself and its first tables; what lineage does not know is left out."""
    starts = [product.name, *dict.fromkeys(port.table for port in product.ports)][: PLACES + 1]
    view = View(as_of=as_of)
    ways = []
    for start in starts:
        try:
            up, down = (rooms.lineage.closure(start, way, limit=REACHED, view=view) for way in ("upstream", "downstream"))
        except NotFound:
            continue
        if up.items or down.items:
            ways.append(Way(start, up, down))
    return ways


def _consumers(rooms: Rooms, product: Product, as_of: datetime | None) -> list[str]:
    """Return the products that take in what stands under one of this product's contracts."""
    own = {port.contract_id for port in product.ports if port.contract_id is not None}
    found: set[str] = set()
    for contract_id in sorted(own)[:PLACES]:
        for other in rooms.products.page(ProductFilter(contract=contract_id), limit=CONSUMERS, as_of=as_of).items:
            if any(port.contract_id == contract_id for port in other.inputs):
                found.add(other.name)
    return sorted(found - {product.name})


def _addresses(request: Request, product: Product) -> list[Address]:
    base = str(request.base_url).rstrip("/")
    names = [product.name] if len(product.ports) == 1 else [port.name for port in product.ports]
    found = []
    for port, name in zip(product.ports, names, strict=True):
        url = f"{base}/{quote(product.domain, safe='')}/{quote(name, safe='')}"
        key = "-H 'Authorization: Bearer TOKEN'"
        curl = f"curl {key} '{url}?limit=10&format=csv'"
        python = (
            "import json, urllib.request\n"
            f"request = urllib.request.Request({f'{url}?limit=10'!r}, headers={{'Authorization': 'Bearer TOKEN'}})\n"
            "rows = json.load(urllib.request.urlopen(request))['items']"
        )
        found.append(Address(port.name, url, curl, python))
    return found
