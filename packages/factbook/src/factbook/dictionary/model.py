"""What the dictionary is asked and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class DictionaryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What rows to show. ``schema`` and ``table`` take ``*`` and ``?``; ``data_type`` matches the start of the type, ``search`` whole
    or begun words of names and comments, all of which must occur in the row or its table; ``refers_to`` is the schema and name of a table
    of the same source that foreign keys point at."""

    source_id: str | None = None
    schema: str | None = None
    table: str | None = None
    object_type: str | None = None
    data_type: str | None = None
    primary_key: bool | None = None
    foreign_key: bool | None = None
    unique: bool | None = None
    nullable: bool | None = None
    search: str | None = None
    refers_to: tuple[str, str] | None = None
    include_removed: bool = False


class DictionaryRow(msgspec.Struct, frozen=True):
    """One column of one table or view. ``key`` is stable for the column's name and place, ``attributes_hash`` changes with anything
    said about it. ``attributes`` is the column as the snapshot holds it."""

    key: str
    qualified_name: str
    source_id: str
    schema: str
    table: str
    object_type: str
    column: str
    position: int
    data_type: str
    nullable: bool
    default: str | None
    comment: str | None
    primary_key: bool
    unique: bool
    foreign_key: bool
    indexed: bool
    references: str | None
    table_comment: str | None
    owner: str | None
    attributes: dict[str, Any]
    attributes_hash: str
    first_seen: datetime
    last_seen: datetime
    changed_at: datetime
    removed_at: datetime | None


class DictionaryPage(msgspec.Struct, frozen=True):
    """Rows by source, schema, table and position. ``next_cursor`` continues; ``as_of`` says which moment is shown, ``None`` for now."""

    items: list[DictionaryRow]
    next_cursor: str | None
    as_of: datetime | None = None


class SchemaRow(msgspec.Struct, frozen=True):
    """What is in one schema now: objects, of which views, columns, and when the last object changed."""

    schema: str
    objects: int
    views: int
    columns: int
    changed_at: datetime


class TableRow(msgspec.Struct, frozen=True):
    """One table or view that is there, without its columns."""

    source_id: str
    schema: str
    table: str
    object_type: str
    columns: int
    comment: str | None
    owner: str | None
    first_seen: datetime
    changed_at: datetime


class TablePage(msgspec.Struct, frozen=True):
    """Objects by schema and name. ``next_cursor`` continues; ``as_of`` says which moment is shown, ``None`` for now."""

    items: list[TableRow]
    next_cursor: str | None
    as_of: datetime | None = None


class ObjectState(msgspec.Struct, frozen=True):
    """What an object is, since when it is known, and since when it is gone."""

    object_type: str
    first_seen: datetime
    removed_at: datetime | None

    def is_gone(self, at: datetime | None) -> bool:
        """Return whether it is gone by a moment, or now."""
        return self.removed_at is not None and (at is None or self.removed_at <= at)
