"""A product as a document that people write: YAML 1.2 or JSON, with the fields of a product to register or of a change."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from factbook.documents import Document, Path, Unreadable, format_document, parse
from factbook.errors import InvalidRequest
from factbook.products.model import NewProduct, Product, ProductPort, ProductUpdate

T = TypeVar("T", NewProduct, ProductUpdate)
_AT = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`\Z")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[]+)")


def parse_product(text: str, expected: type[T], *, name: str = "The document") -> T:
    """Read a document; raises :class:`InvalidRequest` naming the line and the place in it that is wrong."""
    try:
        document = parse(text)
    except Unreadable as error:
        why, fix = str(error.mistake), "Correct it there"
        raise InvalidRequest(f"{name} cannot be read", why=why, fix=fix, field="document") from error
    if document.mistakes:
        raise InvalidRequest(f"{name} cannot be read", why="; ".join(map(str, document.mistakes[:5])), field="document")
    if not isinstance(document.root, dict):
        raise InvalidRequest(f"{name} holds no product", why="it is no mapping", fix="Write name, domain, owner …", field="document")
    try:
        return msgspec.convert(document.root, expected)
    except msgspec.ValidationError as error:
        raise _refused(error, document, name) from error


def _refused(error: msgspec.ValidationError, document: Document, name: str) -> InvalidRequest:
    found = _AT.search(str(error))
    path = _path(found[1]) if found else ()
    mistake = document.mistake(path, _AT.sub("", str(error)))
    where = f" at {mistake.place}" if mistake.place else ""
    return InvalidRequest(
        f"{name} is wrong{where}",
        why=f"line {mistake.line}: {mistake.text}",
        fix="docs/how-to/publish-a-data-product.md shows every field",
        field=mistake.place or "document",
    )


def _path(shown: str) -> Path:
    """Return the path that a message names, as far as it names one: it stops where it says that any item may be meant."""
    steps: list[str | int] = []
    for number, key in _STEP.findall(shown):
        if number == "...":
            break
        steps.append(key or int(number))
    return tuple(steps)


def format_product(product: Product) -> str:
    """Return what can be changed of a product as YAML that :func:`parse_product` reads back the same."""
    said: dict[str, Any] = {
        "name": product.name,
        "domain": product.domain,
        "owner": product.owner,
        "description": product.description,
        "status": product.status,
        "version": product.version,
        "tags": product.tags,
        "tier": product.tier,
        "documentation": product.documentation,
        "owners": [owner for owner in product.owners if (owner.name, owner.role) != (product.owner, "owner")],
        "schema": product.schema,
        "ports": [_port(port) for port in product.ports],
        "inputs": [_port(port) for port in product.inputs],
    }
    plain: dict[str, Any] = msgspec.to_builtins({key: value for key, value in said.items() if value not in (None, "", [], {})})
    return format_document(plain)


def _port(port: ProductPort) -> dict[str, Any]:
    place: str | dict[str, str] = port.table
    if port.table_schema is None or "." in port.table_schema + port.table_name:
        place = {"source_id": port.source_id, "table": port.table_name}
        if port.table_schema is not None:
            place["schema"] = port.table_schema
    said = {"name": port.name, "table": place, "contract_id": port.contract_id, "version": port.version, "description": port.description}
    return {key: value for key, value in {**said, "schema": port.schema}.items() if value not in (None, "", {})}
