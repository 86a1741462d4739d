"""``/ui/products``: all data products, narrowed by words, domain, status, owner and tag."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ProductReader
from factbook.api.parameters import Cursor
from factbook.api.routes.products import read_filter
from factbook.products.model import ProductFacets, ProductFilter
from factbook.web.pages.product.seen import SeenProduct, seen_products
from factbook.web.parameters import AsOf
from factbook.web.rendering import May, Page, page
from factbook.web.routing import Pages

router = Pages()

PRODUCTS = 25


class Products(msgspec.Struct, frozen=True):
    """A page of products by name; ``total`` counts all that are wanted."""

    asked: ProductFilter
    items: list[SeenProduct]
    total: int
    facets: ProductFacets
    next_cursor: str | None


@router.page("/products")
def products(
    request: Request,
    rooms: ProductReader,
    wanted: Annotated[ProductFilter, Depends(read_filter)],
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show products."""
    found = rooms.products.page(wanted, limit=PRODUCTS, cursor=cursor, as_of=as_of)
    facets = rooms.products.facets(wanted, as_of=as_of)
    shown = seen_products(rooms, May(request), found.items, as_of)
    about = Page("Products", as_of=as_of)
    return page(request, "products.html", about, Products(wanted, shown, found.total, facets, found.next_cursor))
