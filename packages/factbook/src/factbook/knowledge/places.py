"""What somebody can say something of, as people write it: ``shop``, ``shop/main``, ``shop/main/orders``, ``shop/main/orders/email``."""

from __future__ import annotations

from urllib.parse import quote, unquote

import msgspec

from factbook.errors import InvalidRequest
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.record import check_name

NO_SCHEMA = "-"
"""Stands where a thing has no schema: ``data_products/-/orders``, ``glossary/-/customer``."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True, order=True):
    """A source, a schema, a table or a column; a product or a term is a table of its source, without a schema."""

    source_id: str
    schema: str | None = None
    table: str | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        if self.column is not None and self.table is None:
            raise InvalidRequest("A column needs its table", fix="Name the table, too", field="table")
        check_name(self.column, "column")

    @property
    def target(self) -> MetadataTarget:
        """What facts about it are about; a column is part of its table."""
        return MetadataTarget(self.source_id, self.schema, self.table)

    def __str__(self) -> str:
        schema = NO_SCHEMA if self.schema is None and self.table is not None else self.schema
        parts = (self.source_id, schema, self.table, self.column)
        return "/".join(quote(part, safe=" ~!$&'()*+,;=:@") for part in parts if part is not None)


def parse_place(text: str) -> Place:
    """Read a place; a slash within a name is written ``%2F``. Raises :class:`InvalidRequest`."""
    parts = [unquote(part) for part in text.split("/")]
    if len(parts) > 4 or not all(parts):
        raise InvalidRequest(
            f"{text!r} names no place", fix="Write SOURCE, SOURCE/SCHEMA, SOURCE/SCHEMA/TABLE or SOURCE/SCHEMA/TABLE/COLUMN", field="place"
        )
    return place_of(*parts)


def place_of(source_id: str, schema: str | None = None, table: str | None = None, column: str | None = None) -> Place:
    """Return a place by its names, where ``-`` stands for no schema."""
    return Place(source_id, None if schema == NO_SCHEMA else schema, table, column)
