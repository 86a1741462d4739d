"""``/ui/new-product`` and ``/ui/product/NAME/edit``: a form for the fields people know, and the whole as a document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ProductKeeper, asking
from factbook.api.bodies import json_body
from factbook.contracts import ImportWish
from factbook.contracts.reading import read_document
from factbook.contracts.standards import ODPS
from factbook.errors import AlreadyThere, FactbookError, InvalidRequest, PreconditionFailed
from factbook.products.documents import format_product, parse_product
from factbook.products.model import STATUSES, NewProduct, Product
from factbook.rooms import Rooms
from factbook.web.compared import lines_between
from factbook.web.forms import Wrong, as_written, wrong_of
from factbook.web.pages.product.filling import ProductForm, filled, new_product, update_by, update_of
from factbook.web.pages.product.head import PATH, Chosen
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

EXAMPLE = """\
name: customer-orders
domain: sales
owner: sales-team@company.com
description: Customer order data with transaction details
schema:
  order_id: integer
  customer_id: {type: integer, classification: internal}
tags: [orders]
ports:
  - name: orders
    table: shop.main.orders
"""


class DocumentForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole as a document; ``etag`` is what the product was when it was shown."""

    document: str = ""
    etag: str = ""


class Editing(msgspec.Struct, frozen=True):
    """The form as it is filled in, the document beside it, and what is wrong with which. ``meanwhile`` is what somebody else changed."""

    form: ProductForm
    document: str
    etag: str
    statuses: list[str]
    wrong: Wrong | None = None
    wrong_document: Wrong | None = None
    meanwhile: list[str] = []
    version: str | None = None


@router.page("/new-product")
def new(request: Request, rooms: ProductKeeper) -> Response:
    """Show the empty form."""
    return _new(request, Editing(ProductForm(), EXAMPLE, "", list(STATUSES)))


@router.action("/new-product")
def register(request: Request, rooms: ProductKeeper, sent: Annotated[ProductForm, json_body(ProductForm)]) -> Response:
    """Register what the form says and lead to its page."""
    asking(request).subject = sent.name or None
    try:
        made = rooms.product_registry.register(new_product(sent), by=asking(request).principal.title)
    except FactbookError as error:
        wrong = wrong_of(error)
        return _new(request, Editing(sent, EXAMPLE, "", list(STATUSES), wrong), wrong.status)
    return lead_to("product", made.name, done="registered")


@router.action("/new-product/document")
def register_document(request: Request, rooms: ProductKeeper, sent: Annotated[DocumentForm, json_body(DocumentForm)]) -> Response:
    """Register what a document says, Factbook's own or one of the standard (ODPS), and lead to its page."""
    try:
        name = _taken(request, rooms, as_written(sent.document))
    except FactbookError as error:
        wrong = wrong_of(error, field="document")
        return _new(request, Editing(ProductForm(), sent.document, "", list(STATUSES), wrong_document=wrong), wrong.status)
    asking(request).subject = name
    return lead_to("product", name, done="registered")


def _taken(request: Request, rooms: Rooms, text: str) -> str:
    by = asking(request).principal
    if "apiVersion" not in text:
        return rooms.product_registry.register(parse_product(text, NewProduct), by=by.title).name
    read = read_document(text, "The document")
    if read.standard is not ODPS:
        raise InvalidRequest(f"The document is a {read.standard.kind}", why=f"a {ODPS.kind} is taken here", field="kind")
    name = read.root.get("name") or read.root["id"]
    if rooms.products.named([name]):
        raise AlreadyThere(
            f"There is a product {name}", why="a new product takes no other's place unawares", fix="Edit that one", field="name"
        )
    return rooms.product_documents.import_document(read, ImportWish(by=str(by))).id


@router.page(f"{PATH}/edit")
def edit(request: Request, rooms: ProductKeeper, product: Part) -> Response:
    """Show the form as the product fills it."""
    found = rooms.products.get(product)
    return Chosen(request, rooms, product, None).show("edit", found, _editing(found))


@router.action(f"{PATH}/edit")
def save(request: Request, rooms: ProductKeeper, product: Part, sent: Annotated[ProductForm, json_body(ProductForm)]) -> Response:
    """Change what the form changes, unless somebody else changed the product meanwhile."""

    def change(before: Product) -> None:
        update = update_of(sent, before)
        rooms.product_registry.update(product, update, by=asking(request).principal.title, if_match=[sent.etag])

    return _save(request, rooms, product, sent.etag, change, form=sent)


@router.action(f"{PATH}/edit/document")
def save_document(
    request: Request, rooms: ProductKeeper, product: Part, sent: Annotated[DocumentForm, json_body(DocumentForm)]
) -> Response:
    """Make the product what the document says, unless somebody else changed it meanwhile."""

    def change(before: Product) -> None:
        whole = parse_product(as_written(sent.document), NewProduct)
        if whole.name != before.name:
            raise InvalidRequest("A product keeps its name", why=f"it is {before.name}", fix="Register another product", field="name")
        rooms.product_registry.update(product, update_by(whole, before), by=asking(request).principal.title, if_match=[sent.etag])

    return _save(request, rooms, product, sent.etag, change, document=sent.document)


def _save(
    request: Request,
    rooms: Rooms,
    name: str,
    etag: str,
    change: Callable[[Product], None],
    *,
    form: ProductForm | None = None,
    document: str | None = None,
) -> Response:
    asking(request).subject = name
    now = rooms.products.get(name)
    try:
        if now.etag.strip('"') != etag:
            raise _changed_meanwhile(now)
        change(now)
    except FactbookError as error:
        wrong = wrong_of(error)
        editing = _editing(rooms.products.get(name), form, document, wrong)
        if isinstance(error, PreconditionFailed):
            editing = msgspec.structs.replace(editing, meanwhile=_meanwhile(rooms, name, etag))
        return Chosen(request, rooms, name, None).show("edit", now, editing, status=wrong.status)
    return lead_to("product", name, done="saved")


def _changed_meanwhile(now: Product) -> PreconditionFailed:
    return PreconditionFailed(
        "Somebody else changed the product meanwhile",
        why=f"it is at version {now.version} since {now.updated_at:%Y-%m-%d %H:%M:%S} UTC",
        fix="Look at what changed; sending the form again puts yours in its place",
    )


def _meanwhile(rooms: Rooms, name: str, etag: str) -> list[str]:
    """Return what differs now from what the form was filled with, as far as its history is read."""
    events = rooms.products.history(name, limit=100).items
    seen = next((event for event in events if event.record_id == etag), None)
    if seen is None:
        return []
    old, new = rooms.products.get(name, as_of=seen.at), rooms.products.get(name)
    before, after = (msgspec.to_builtins(parse_product(format_product(one), NewProduct)) for one in (_owned(old), _owned(new)))
    return lines_between(before, after)


def _owned(product: Product) -> Product:
    """Return the product with an owner, which a document of one must name."""
    return product if product.owner is not None else msgspec.structs.replace(product, owner="-")


def _editing(product: Product, form: ProductForm | None = None, document: str | None = None, wrong: Wrong | None = None) -> Editing:
    etag = product.etag.strip('"')
    return Editing(
        form=filled(product) if form is None else form,
        document=format_product(product) if document is None else document,
        etag=etag,
        statuses=list(STATUSES),
        wrong=wrong if document is None else None,
        wrong_document=wrong if document is not None else None,
        version=product.version,
    )


def _new(request: Request, content: Editing, status: int = 200) -> Response:
    return page(request, "new_product.html", Page("Register a product", [Crumb("Products", path("products"))]), content, status=status)
