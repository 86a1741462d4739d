"""``/ui/contract/ID``: the terms of a contract, whether they are kept and why not, and who relies on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ContractReader
from factbook.contracts import ContractView
from factbook.contracts.model import ContractStanding, LastFound
from factbook.contracts.teams import members_of, role_of
from factbook.errors import NotFound
from factbook.lineage.model import Reached
from factbook.lineage.view import View
from factbook.products.model import Product, ProductFilter
from factbook.rooms import Rooms
from factbook.web.pages.contract.head import PATH, show
from factbook.web.parameters import AsOf
from factbook.web.rendering import May
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.kinds.data_contract import DataContract
from factbook_sdk.facts.parts import TableRef

router = Pages()

PRODUCTS = 50
READERS = 25
TABLES_FOLLOWED = 4


class Term(msgspec.Struct, frozen=True):
    """What is promised of one object. ``promise`` is ``None`` of one that is bound to no table, and ``reason`` says why."""

    object: str
    table: TableRef | None
    is_scanned: bool
    reason: str | None
    promise: DataContract | None


class Member(msgspec.Struct, frozen=True):
    """Somebody of the contract's team."""

    name: str
    role: str


class Party(msgspec.Struct, frozen=True):
    """A product with a port under the contract: one that gives out keeps it, one that takes in relies on it."""

    product: str
    domain: str
    owner: str | None
    gives: list[str]
    takes: list[str]


class Readers(msgspec.Struct, frozen=True):
    """What lineage says is made from a table that the contract binds."""

    table: TableRef
    items: list[Reached]
    total: int


class Terms(msgspec.Struct, frozen=True):
    """What is known. What is ``None`` may not be told to whoever looks. ``others`` names what the document says beside all this."""

    terms: list[Term]
    team: list[Member]
    standing: ContractStanding | None
    found: list[LastFound] | None
    parties: list[Party] | None
    readers: list[Readers] | None
    others: list[str]


_SHOWN = ("apiVersion", "kind", "id", "name", "version", "status", "schema", "slaProperties", "slaDefaultElement", "team", "servers")


@router.page(PATH)
def overview(request: Request, rooms: ContractReader, contract_id: Part, as_of: AsOf = None) -> Response:
    """Show a contract."""
    found = rooms.contracts.get(contract_id, as_of=as_of)
    may = May(request)
    standing = next(iter(rooms.contracts.standings([contract_id], as_of=as_of)), None) if may("PromiseReader") else None
    shown = Terms(
        terms=_terms(found, standing),
        team=_team(found.document),
        standing=standing,
        found=rooms.contracts.last_found(contract_id, as_of=as_of) if may("QualityReader") else None,
        parties=_parties(rooms, contract_id, as_of) if may("ProductReader") else None,
        readers=_readers(rooms, found, as_of) if may("LineageReader") else None,
        others=sorted(found.document.keys() - set(_SHOWN) - {"description"}),
    )
    return show(request, contract_id, found, None, shown, as_of=as_of)


def _terms(view: ContractView, standing: ContractStanding | None) -> list[Term]:
    promises = {bound.table: bound.promise for bound in view.promises}
    results = standing.results if standing is not None else []
    gone = {one.table for one in results if one.result.rule.endswith(":table") and one.result.outcome != "passed"}
    return [
        Term(
            item.name,
            item.table,
            item.table is not None and standing is not None and item.table not in gone,
            item.reason,
            None if item.table is None else promises.get(item.table),
        )
        for item in view.contract.objects
    ]


def _team(document: dict[str, Any]) -> list[Member]:
    found = [Member(str(one.get("name") or one.get("username")), role_of(one)) for one in members_of(document.get("team"))]
    team = document.get("team")
    name = team.get("name") if isinstance(team, dict) else None
    return [Member(name, "team"), *found] if isinstance(name, str) and name else found


def _parties(rooms: Rooms, contract_id: str, as_of: datetime | None) -> list[Party]:
    found = rooms.products.page(ProductFilter(contract=contract_id), limit=PRODUCTS, as_of=as_of).items
    return [_party(product, contract_id) for product in found]


def _party(product: Product, contract_id: str) -> Party:
    gives, takes = ([port.name for port in ports if port.contract_id == contract_id] for ports in (product.ports, product.inputs))
    return Party(product.name, product.domain, product.owner, gives, takes)


def _readers(rooms: Rooms, view: ContractView, as_of: datetime | None) -> list[Readers]:
    found = []
    for bound in view.promises[:TABLES_FOLLOWED]:
        table = bound.table
        name = ".".join(part for part in (table.source_id, table.schema, table.table) if part)
        try:
            below = rooms.lineage.closure(name, "downstream", limit=READERS, view=View(as_of=as_of))
        except NotFound:
            continue
        if below.items:
            found.append(Readers(table, below.items, below.total))
    return found
