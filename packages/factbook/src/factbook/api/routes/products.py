"""``/products``, ``/product/{name}`` and ``/register_product``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import ProductKeeper, ProductReader, asking
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, MAX_OFFSET, AsOf, Cursor, Limit, PathName, ProductFilterName, Search
from factbook.products.model import (
    NewProduct,
    PortList,
    Product,
    ProductCheck,
    ProductFilter,
    ProductHistory,
    ProductPage,
    ProductUpdate,
    RemovedProduct,
    Status,
)

router = APIRouter(tags=["products"])

IfMatch = Annotated[str | None, Header(max_length=4096, description="The etag, or the version, that the product must still have.")]
_CHANGE_ERRORS = (404, 412, 422, *WRITE_ERRORS)


def read_filter(
    domain: ProductFilterName = None,
    status: Annotated[Status | None, Query()] = None,
    tag: ProductFilterName = None,
    owner: ProductFilterName = None,
    contract: ProductFilterName = None,
    text: Search = None,
) -> ProductFilter:
    """Return which products are asked for: every parameter is a field of the filter."""
    return ProductFilter(**locals())


def _tags_of(if_match: str | None) -> list[str] | None:
    """Return what If-Match names, without the marks of its form (RFC 9110, 13.1.1)."""
    return None if if_match is None else [tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")]


def _answer(product: Product) -> Response:
    response = answers.json(product)
    response.headers["ETag"] = product.etag
    return response


@router.get("/products", responses=described(ProductPage, "Products by name."))
def list_products(
    rooms: ProductReader,
    wanted: Annotated[ProductFilter, Depends(read_filter)],
    limit: Limit = LIMIT,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Products to pass over.")] = 0,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Response:
    """List data products, as they are or as they were at a moment, each with what its check says."""
    return answers.json(rooms.products.page(wanted, limit=limit, offset=offset, cursor=cursor, as_of=as_of))


@router.post(
    "/register_product",
    responses=described(Product, "The product.", errors=(409, 422, *WRITE_ERRORS)),
    openapi_extra=takes(NewProduct),
)
def register_product(request: Request, rooms: ProductKeeper, new: Annotated[NewProduct, json_body(NewProduct)]) -> Response:
    """Register a data product. Its name is taken once per tenant; one that was removed comes back under its next version."""
    asking(request).subject = new.name
    return _answer(rooms.product_registry.register(new, by=asking(request).principal.title))


@router.get("/product/{name}", responses=described(Product, "The product.", errors=(404,)))
def show_product(rooms: ProductReader, name: PathName, as_of: AsOf = None) -> Response:
    """Show one product, and what differs between its declared schema and its tables."""
    return _answer(rooms.products.get(name, as_of=as_of))


@router.put("/product/{name}", responses=described(Product, "The product.", errors=_CHANGE_ERRORS), openapi_extra=takes(ProductUpdate))
def update_product(
    request: Request,
    rooms: ProductKeeper,
    name: PathName,
    update: Annotated[ProductUpdate, json_body(ProductUpdate)],
    if_match: IfMatch = None,
) -> Response:
    """Change what the body gives; the rest stays. The version moves as semantic versioning says, and `change` says why."""
    asking(request).subject = name
    return _answer(rooms.product_registry.update(name, update, by=asking(request).principal.title, if_match=_tags_of(if_match)))


@router.delete("/product/{name}", responses=described(RemovedProduct, "It is off the list.", errors=(404, 412, 415)))
def remove_product(request: Request, rooms: ProductKeeper, name: PathName, if_match: IfMatch = None) -> Response:
    """Take a product off the list. Its history stays."""
    asking(request).subject = name
    return answers.json(rooms.product_registry.remove(name, by=asking(request).principal.title, if_match=_tags_of(if_match)))


@router.put("/product/{name}/ports", responses=described(Product, "The product.", errors=_CHANGE_ERRORS), openapi_extra=takes(PortList))
def bind_product(
    request: Request,
    rooms: ProductKeeper,
    name: PathName,
    ports: Annotated[PortList, json_body(PortList)],
    if_match: IfMatch = None,
) -> Response:
    """Bind a product to the tables and views it gives out, in place of those it had."""
    asking(request).subject = name
    update = ProductUpdate(ports=ports.ports)
    return _answer(rooms.product_registry.update(name, update, by=asking(request).principal.title, if_match=_tags_of(if_match)))


@router.get("/product/{name}/history", responses=described(ProductHistory, "Changes, newest first.", errors=(404,)))
def list_product_history(rooms: ProductReader, name: PathName, limit: Limit = LIMIT, cursor: Cursor = None) -> Response:
    """Show who changed what when, also of a product that is gone."""
    return answers.json(rooms.products.history(name, limit=limit, cursor=cursor))


@router.get("/product/{name}/check", responses=described(ProductCheck, "What differs.", errors=(404,)))
def check_product(rooms: ProductReader, name: PathName, as_of: AsOf = None) -> Response:
    """Say exactly how the declared schema differs from the bound tables as the last scan saw them."""
    return answers.json(rooms.products.check(name, as_of=as_of))
