"""``/ui/product/NAME/rows``: the first rows of a product, as they are served to whoever looks."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ProductReader, RowReader, asking
from factbook.api.parameters import Cursor, Pattern
from factbook.errors import FactbookError, NotFound
from factbook.products.model import Product
from factbook.rooms import Rooms
from factbook.serving.model import Dataset, RowPage
from factbook.web.forms import Wrong, wrong_of
from factbook.web.pages.product.head import PATH, Chosen
from factbook.web.routing import Pages, Part

router = Pages()

ROWS = 20


class Preview(msgspec.Struct, frozen=True):
    """Rows of one port; ``wrong`` says why there are none. ``held_back`` names declared fields that the table has and nobody is served."""

    port: str | None
    ports: list[str]
    fields: list[str]
    rows: RowPage | None
    held_back: list[str]
    wrong: Wrong | None


@router.page(f"{PATH}/rows")
def rows(
    request: Request, rooms: ProductReader, readable: RowReader, product: Part, port: Pattern = None, cursor: Cursor = None
) -> Response:
    """Show rows, now: what was served at another moment nobody kept."""
    found = rooms.products.get(product)
    asking(request).subject = found.name
    shown = _preview(request, readable, found, port, cursor)
    following = None if shown.rows is None else shown.rows.next_cursor
    return Chosen(request, rooms, product, None).show("rows", found, shown, next_cursor=following)


def _preview(request: Request, rooms: Rooms, product: Product, port: str | None, cursor: str | None) -> Preview:
    names = [one.name for one in product.ports]
    chosen = port or next(iter(names), None)
    try:
        dataset = _dataset(rooms, product, chosen)
        principal = asking(request).principal.title
        rooms.serving.admit(principal)
        asked = [("limit", str(ROWS)), *([("cursor", cursor)] if cursor else [])]
        body = rooms.serving.write(rooms.serving.read(dataset, asked), "json", principal=principal)
    except FactbookError as error:
        return Preview(chosen, names, [], None, [], wrong_of(error))
    held_back = [name for name in _declared(product, chosen) if name not in dataset.fields and name not in dataset.missing]
    return Preview(chosen, names, list(dataset.fields), msgspec.json.decode(body, type=RowPage), held_back, None)


def _dataset(rooms: Rooms, product: Product, port: str | None) -> Dataset:
    """Return what is served of a port; raises :class:`NotFound` where nothing is, or its address is that of something else."""
    if port is None:
        raise NotFound("Nothing is served", why="the product is bound to no table", fix="Give it a port with the table it gives out")
    if port not in [one.name for one in product.ports]:
        raise NotFound(f"The product has no port {port!r}", field="port")
    for name in dict.fromkeys((product.name, port)):
        found = rooms.serving.dataset(product.domain, name)
        if found is not None and (found.product, found.port) == (product.name, port):
            return found
    why = "its address is that of another product, or of another port"
    raise NotFound(f"The port {port} is not served", why=why, fix="Give it a name of its own in the domain")


def _declared(product: Product, port: str | None) -> list[str]:
    own = next((one.schema for one in product.ports if one.name == port), {})
    return list(own or product.schema)
