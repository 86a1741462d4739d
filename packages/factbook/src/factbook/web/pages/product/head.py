"""What all pages of a product share: what it is, and the tabs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.products.model import Product
from factbook.rooms import Rooms
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, May, Page, page, path
from factbook.web.routing import Part

PATH = "/product/{product}"


class Tab(msgspec.Struct, frozen=True):
    """A page of a product: the last part of its path (``None`` for the first), and the needs it declares."""

    name: str | None
    label: str
    needs: str


TABS = (
    Tab(None, "Overview", "ProductReader"),
    Tab("rows", "Rows", "RowReader"),
    Tab("history", "History", "ProductReader"),
    Tab("edit", "Edit", "ProductKeeper"),
)


class ProductPage(msgspec.Struct, frozen=True):
    """A page of a product: the product, and what the page itself shows. ``product`` is ``None`` of one that is gone."""

    name: str
    product: Product | None
    tabs: list[Tab]
    tab: str | None
    shown: Any
    next_cursor: str | None = None


class Chosen:
    """The product that a request is about."""

    def __init__(self, request: Request, rooms: Rooms, name: str, as_of: datetime | None) -> None:
        self.request = request
        self.rooms = rooms
        self.name = name
        self.as_of = as_of

    def show(self, tab: str | None, product: Product | None, shown: Any, *, status: int = 200, next_cursor: str | None = None) -> Response:
        """Answer with one of its pages, whose template is ``product_TAB.html``."""
        may = May(self.request)
        offered = [tab for tab in TABS if may(tab.needs) and (product is not None or tab.name == "history")]
        crumbs = [Crumb("Products", path("products"))]
        if product is not None and may("DomainReader"):
            crumbs.append(Crumb(product.domain, path("domain", product.domain)))
        label = next(tab_.label for tab_ in TABS if tab_.name == tab)
        about = Page(self.name if tab is None else f"{self.name}: {label}", crumbs, self.as_of)
        content = ProductPage(self.name, product, offered, tab, shown, next_cursor)
        return page(self.request, f"product_{tab or 'overview'}.html", about, content, status=status)


def chosen(request: Request, rooms: Rooms, product: Part, as_of: AsOf = None) -> Chosen:
    """Return the product that a path names."""
    return Chosen(request, rooms, product, as_of)
