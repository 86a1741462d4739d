"""A product as a file."""

from __future__ import annotations

from pathlib import Path

from factbook.errors import InvalidRequest
from factbook.products.documents import T, parse_product


def read_product(file: Path, expected: type[T]) -> T:
    """Read a file; raises :class:`InvalidRequest` naming the line and the place in it that is wrong."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", fix="Name a file with a product", field="file") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{file.name} is no text in UTF-8", why=f"byte {error.start} is none", field="file") from error
    return parse_product(text, expected, name=file.name)
