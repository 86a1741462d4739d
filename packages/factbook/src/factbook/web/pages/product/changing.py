"""What a product's page does beside the form: another status, off the list; and its document."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import ProductDocumentReader, ProductKeeper, asking
from factbook.api.bodies import json_body
from factbook.api.documents import sent
from factbook.contracts.writing import Form
from factbook.products.model import ProductUpdate, Status
from factbook.web.pages.product.head import PATH
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

DocumentForm = Annotated[Literal["json", "yaml"], Query(alias="format", description="The form of the document.")]


class StatusForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The new status, and what the product was when the button was shown."""

    status: Status
    etag: str


class RemovalForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the product was when the button was shown."""

    etag: str


@router.action(f"{PATH}/status")
def change_status(request: Request, rooms: ProductKeeper, product: Part, sent: Annotated[StatusForm, json_body(StatusForm)]) -> Response:
    """Give a product another status, unless it was changed meanwhile."""
    asking(request).subject = product
    by = asking(request).principal.title
    rooms.product_registry.update(product, ProductUpdate(status=sent.status), by=by, if_match=[sent.etag])
    return lead_to("product", product, done="saved")


@router.action(f"{PATH}/remove")
def remove(request: Request, rooms: ProductKeeper, product: Part, sent: Annotated[RemovalForm, json_body(RemovalForm)]) -> Response:
    """Take a product off the list; its history stays, and is where this leads."""
    asking(request).subject = product
    rooms.product_registry.remove(product, by=asking(request).principal.title, if_match=[sent.etag])
    return lead_to("product", product, "history", done="removed")


@router.get(f"{PATH}/document", response_model=None)
def document(rooms: ProductDocumentReader, product: Part, form: DocumentForm = "yaml", as_of: AsOf = None) -> Response:
    """Give a product's document (ODPS) to keep."""
    return attached(rooms.product_documents.document(product, as_of=as_of), form, f"{product}.odps")


def attached(found: dict[str, object], form: Form, name: str) -> Response:
    """Answer with a document that a browser keeps as a file and never shows."""
    response = sent(found, form)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}.{form}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
