"""The form of a product: the fields people know, as text, and back. Pure.

Only what was changed in the form is changed in the product: what a line of text cannot say stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from factbook.documents import Unreadable, format_document, parse
from factbook.errors import InvalidRequest
from factbook.products.model import NewPort, NewProduct, Product, ProductPort, ProductUpdate, TablePlace
from factbook.web.forms import as_written, lines_of

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*[A-Za-z0-9_]|[A-Za-z_]")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
"""Texts that YAML takes for something else."""

_SHAPES = {
    "name": "it stands in a path: no slash, no control character",
    "domain": "it stands in a path: no slash, no control character",
    "version": "it is not MAJOR.MINOR.PATCH",
}
"""What the patterns of fields say, in words."""

T = TypeVar("T", NewProduct, ProductUpdate)


class ProductForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the form sends. A field left empty is missing. ``etag`` is what the product was when the form was shown."""

    name: str = ""
    domain: str = ""
    owner: str = ""
    description: str = ""
    status: str = "active"
    version: str = ""
    tags: str = ""
    ports: str = ""
    inputs: str = ""
    schema: str = ""
    tier: str = ""
    documentation: str = ""
    etag: str = ""


def filled(product: Product) -> ProductForm:
    """Return the form as a product fills it."""
    return ProductForm(
        name=product.name,
        domain=product.domain,
        owner=product.owner or "",
        description=product.description,
        status=product.status,
        tags="\n".join(product.tags),
        ports="\n".join(map(_line, product.ports)),
        inputs="\n".join(map(_line, product.inputs)),
        schema=format_schema(product.schema),
        tier=product.tier or "",
        documentation=product.documentation or "",
        etag=product.etag.strip('"'),
    )


def format_schema(schema: dict[str, Any]) -> str:
    """Return declared fields, one a line where all of it is plain text, which :func:`read_schema` reads back the same."""
    if not schema:
        return ""
    lines = "\n".join(f"{_scalar(name)}: {_flow(said)}" for name, said in schema.items())
    return lines if lines.replace("\n", "").isprintable() else format_document(schema)


def _flow(said: Any) -> str:
    if not isinstance(said, dict):
        return _scalar(said)
    ordered = sorted(said.items(), key=lambda item: item[0] != "type")
    return f"{{{', '.join(f'{_scalar(key)}: {_flow(value)}' for key, value in ordered)}}}"


def _scalar(value: Any) -> str:
    is_plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _line(port: ProductPort) -> str:
    under = f" under {port.contract_id}" if port.contract_id else ""
    return f"{port.name} = {port.table}{under}"


def new_product(form: ProductForm) -> NewProduct:
    """Read the form for a product to register; raises :class:`InvalidRequest` naming the field that is wrong."""
    for field in ("name", "domain", "owner"):
        if not getattr(form, field).strip():
            raise InvalidRequest(f"The {field} is missing", fix="Fill it in", field=field)
    said: dict[str, Any] = {name: getattr(form, name).strip() for name in ("name", "domain", "owner", "status")}
    said |= {"description": as_written(form.description), "tags": lines_of(form.tags), "schema": read_schema(form.schema)}
    said |= {field: list(read_ports(getattr(form, field), [], field)) for field in ("ports", "inputs")}
    said |= {name: value for name in ("tier", "documentation", "version") if (value := getattr(form, name).strip())}
    return _checked(said, NewProduct)


def update_of(form: ProductForm, before: Product) -> ProductUpdate:
    """Read the form for what it changes; raises :class:`InvalidRequest` naming the field that is wrong."""
    shown, said = filled(before), dict[str, Any]()
    changed = {name for name in form.__struct_fields__ if as_written(getattr(form, name)).strip() != getattr(shown, name).strip()}
    for name in changed & {"domain", "owner", "status"}:
        said[name] = getattr(form, name).strip()
        if not said[name]:
            raise InvalidRequest(f"The {name} is missing", fix="Fill it in", field=name)
    for name in changed & {"tier", "documentation"}:
        said[name] = getattr(form, name).strip() or None
    if "description" in changed:
        said["description"] = as_written(form.description)
    if "tags" in changed:
        said["tags"] = lines_of(form.tags)
    if "schema" in changed:
        said["schema"] = read_schema(form.schema)
    for field, known in (("ports", before.ports), ("inputs", before.inputs)):
        if field in changed:
            said[field] = list(read_ports(getattr(form, field), known, field))
    if form.version.strip():
        said["version"] = form.version.strip()
    return _checked(said, ProductUpdate)


def update_by(whole: NewProduct, before: Product) -> ProductUpdate:
    """Return the change that makes a product what a whole document says; a version that it has already is not asked for."""
    said = {name: getattr(whole, name) for name in ProductUpdate.__struct_fields__}
    if whole.version in (None, before.version):
        said["version"] = UNSET
    return ProductUpdate(**said)


def read_schema(text: str) -> dict[str, Any]:
    """Read declared fields, ``name: type`` in lines, or whatever YAML says of them; raises :class:`InvalidRequest`."""
    try:
        document = parse(as_written(text))
    except Unreadable as error:
        raise InvalidRequest(
            "The fields cannot be read", why=str(error.mistake), fix="Write NAME: TYPE in each line", field="schema"
        ) from error
    if document.mistakes:
        raise InvalidRequest("The fields cannot be read", why=str(document.mistakes[0]), field="schema")
    if document.root is not None and not isinstance(document.root, dict):
        raise InvalidRequest("The fields cannot be read", why="they are no mapping", fix="Write NAME: TYPE in each line", field="schema")
    return document.root or {}


def read_ports(text: str, known: list[ProductPort], field: str) -> Iterator[NewPort]:
    """Read ports, ``NAME = SOURCE.SCHEMA.TABLE under CONTRACT`` in lines; what a line does not say stays as it was under that name."""
    by_line = {_line(port): port for port in known}
    by_name = {port.name: port for port in known}
    for number, line in enumerate(lines_of(text), 1):
        if line in by_line:
            yield _same(by_line[line])
            continue
        name, sign, rest = (part.strip() for part in line.partition("="))
        table, _, contract = (part.strip() for part in rest.partition(" under "))
        if not (name and sign and table):
            raise InvalidRequest(
                f"Line {number} names no port", why=f"it says {line!r}", fix="Write NAME = SOURCE.SCHEMA.TABLE", field=field
            )
        before = by_name.get(name)
        place: str | TablePlace = table if before is None or before.table != table else _place(before)
        port = NewPort(name, place, contract or None)
        if before is not None:
            port = msgspec.structs.replace(port, version=before.version, description=before.description, schema=before.schema)
        yield port


def _same(port: ProductPort) -> NewPort:
    return NewPort(port.name, _place(port), port.contract_id, port.version, port.description, port.schema)


def _place(port: ProductPort) -> TablePlace:
    return TablePlace(port.source_id, port.table_name, port.table_schema)


def _checked(said: dict[str, Any], expected: type[T]) -> T:
    """Return the struct that the fields make, checked as a body would be; raises :class:`InvalidRequest`."""
    try:
        return msgspec.convert(msgspec.to_builtins(said), expected)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        place = where.rstrip("`")
        why = _SHAPES.get(place.rpartition(".")[2], message) if "matching regex" in message else message
        raise InvalidRequest("The form is wrong", why=why, field=place or None) from error
