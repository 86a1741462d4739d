"""A product as a file: YAML 1.2 or JSON, with the fields of a product to register or of a change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from factbook.errors import InvalidRequest
from factbook.products.model import NewProduct, ProductUpdate

T = TypeVar("T", NewProduct, ProductUpdate)
_AT = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`\Z")


def read_product(file: Path, expected: type[T]) -> T:
    """Read a file; raises :class:`InvalidRequest` naming the place in it that is wrong."""
    document = _parse(file)
    if not isinstance(document, dict):
        raise InvalidRequest(f"{file.name} holds no product", why="it is no mapping", fix="Write name, domain, owner …", field="file")
    try:
        return msgspec.convert(document, expected)
    except msgspec.ValidationError as error:
        found = _AT.search(str(error))
        place = found[1] if found else ""
        raise InvalidRequest(
            f"{file.name} is wrong at {place}" if place else f"{file.name} is wrong",
            why=_AT.sub("", str(error)),
            fix="docs/how-to/publish-a-data-product.md shows every field",
            field=place or "file",
        ) from error


def _parse(file: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", fix="Name a file with a product", field="file") from error
    except (YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise InvalidRequest(f"{file.name} is no YAML", why=why, fix="Correct the file there", field="file") from error
