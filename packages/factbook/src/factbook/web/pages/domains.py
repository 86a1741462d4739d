"""``/ui/domains`` and ``/ui/domain/NAME``: whose products there are, and how each domain's are."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import DomainReader, ProductReader
from factbook.api.parameters import Cursor
from factbook.errors import NotFound
from factbook.knowledge.glossary import TermFilter
from factbook.products.domains import DomainCount
from factbook.products.model import ProductFacets, ProductFilter
from factbook.rooms import Rooms
from factbook.web.pages.product.seen import SeenProduct, seen_products
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, May, Page, page, path
from factbook.web.routing import Pages, Part

router = Pages()

DOMAINS = 100
PRODUCTS = 25
LOOKED_AT = 100
"""Products of a domain whose health is added up."""
TERMS = 30


class Domains(msgspec.Struct, frozen=True):
    """Domains by name; the counts at the top are of all."""

    items: list[DomainCount]
    total_products: int
    total_domains: int
    next_cursor: str | None


class DomainHealth(msgspec.Struct, frozen=True):
    """How a domain's products are. ``scores`` counts those that have one, ``lowest`` is the least of them; ``missed`` names products that
    missed a promise. ``None`` for both where it may not be told. ``looked_at`` products were looked at."""

    looked_at: int
    conformance: dict[str, int]
    scores: int | None
    lowest: float | None
    missed: list[str] | None


class Domain(msgspec.Struct, frozen=True):
    """A domain: what is known of it, and a page of its products by name. ``terms`` are words of the glossary that belong to it, ``None``
    where they may not be told."""

    domain: str
    total: int
    facets: ProductFacets
    health: DomainHealth
    items: list[SeenProduct]
    terms: list[str] | None
    next_cursor: str | None


@router.page("/domains")
def domains(request: Request, rooms: DomainReader, as_of: AsOf = None, cursor: Cursor = None) -> Response:
    """Show the domains there are."""
    found = rooms.product_analytics.domains(limit=DOMAINS, cursor=cursor, as_of=as_of)
    content = Domains(found.domains, found.total_products, found.total_domains, found.next_cursor)
    return page(request, "domains.html", Page("Domains", as_of=as_of), content)


@router.page("/domain/{domain}")
def domain(request: Request, rooms: ProductReader, domain: Part, as_of: AsOf = None, cursor: Cursor = None) -> Response:
    """Show one domain."""
    wanted = ProductFilter(domain=domain)
    may = May(request)
    looked_at = rooms.products.page(wanted, limit=LOOKED_AT, as_of=as_of)
    if not looked_at.total:
        raise NotFound(f"No product is in a domain {domain!r}" + (" by then" if as_of else ""), fix="Look at the domains there are")
    seen = seen_products(rooms, may, looked_at.items, as_of)
    shown, following = (seen[:PRODUCTS], seen[PRODUCTS - 1].name if len(seen) > PRODUCTS else None)
    if cursor is not None:
        found = rooms.products.page(wanted, limit=PRODUCTS, cursor=cursor, as_of=as_of)
        shown, following = seen_products(rooms, may, found.items, as_of), found.next_cursor
    content = Domain(
        domain,
        looked_at.total,
        rooms.products.facets(wanted, as_of=as_of),
        _health(seen, may),
        shown,
        _terms(rooms, domain, as_of) if may("GlossaryReader") else None,
        following,
    )
    return page(request, "domain.html", Page(domain, [Crumb("Domains", path("domains"))], as_of), content)


def _health(seen: list[SeenProduct], may: May) -> DomainHealth:
    conformance = dict(sorted(Counter(item.conformance for item in seen).items()))
    if not may("ProductHealthReader"):
        return DomainHealth(len(seen), conformance, None, None, None)
    known = [item.health for item in seen if item.health is not None]
    scores = [health.score for health in known if health.score is not None]
    return DomainHealth(len(seen), conformance, len(scores), min(scores, default=None), [item.name for item in known if item.missed])


def _terms(rooms: Rooms, domain: str, as_of: datetime | None) -> list[str]:
    found = rooms.glossary.page(TermFilter(domain=domain), limit=TERMS, as_of=as_of)
    return [item.term.name for item in found.items]
