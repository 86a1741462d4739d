"""Find tables and views by words, the best first: what the search over everything asks of the dictionary."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from factbook.database.word_index import as_numbers, numbers_in, statement_of
from factbook.dictionary.tables import columns, objects, word_index
from factbook.words import Condition

_FOUND_NAMES = ("object_id", "source_id", "schema_name", "table_name", "object_type", "removed_at")


class FoundTable(NamedTuple):
    """A table or view that was found; ``removed_at`` in microseconds since 1970."""

    object_id: int
    source_id: str
    schema: str
    table: str
    object_type: str
    removed_at: int | None


class ColumnText(NamedTuple):
    """A column with what it is found by."""

    name: str
    data_type: str
    comment: str | None


class TableTexts(msgspec.Struct):
    """A table's comment and its columns by position."""

    comment: str | None
    columns: list[ColumnText]


class TableFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which tables may be found. ``among`` are the only ones that count."""

    source_id: str | None = None
    schema: str | None = None
    object_type: str | None = None
    include_removed: bool = False
    among: Collection[int] | None = None

    def allows(self, table: FoundTable) -> bool:
        return (
            self.source_id in (None, table.source_id)
            and self.schema in (None, table.schema)
            and self.object_type in (None, table.object_type)
            and (self.include_removed or table.removed_at is None)
            and (self.among is None or table.object_id in self.among)
        )


def find_tables(
    connection: Connection, tenant: str, condition: Condition, wanted: TableFilter, *, without: Sequence[Condition] = (), limit: int
) -> list[int]:
    """Return the numbers of tables whose words fit, in the order in which they were first seen.

    As text, because this is asked rank by rank while somebody types: SQLAlchemy's own expressions take longer than the index
    (bench/search.py).
    """
    dialect = connection.dialect.name
    asked = {"tenant": tenant, "words": word_index.asked(dialect, condition, without=without), "limit": limit}
    given = {"source_id": wanted.source_id, "schema_name": wanted.schema, "object_type": wanted.object_type}
    chosen = {name: value for name, value in given.items() if value is not None}
    conditions = [word_index.joined(dialect, "dictionary_objects", "object_id"), "tenant = :tenant"]
    conditions += [f"{name} = :{name}" for name in chosen]
    if not wanted.include_removed:
        conditions.append("removed_at IS NULL")
    if wanted.among is not None:
        conditions.append(f"object_id IN {numbers_in(dialect)}")
        asked["numbers"] = as_numbers(dialect, wanted.among)
    statement = f"SELECT object_id {' AND '.join(conditions)} ORDER BY {word_index.in_order(dialect)} LIMIT :limit"
    return list(connection.execute(statement_of(statement), asked | chosen).scalars().all())


def tables_of(connection: Connection, object_ids: Collection[int]) -> list[FoundTable]:
    """Return tables by their numbers."""
    dialect = connection.dialect.name
    statement = f"SELECT {', '.join(_FOUND_NAMES)} FROM dictionary_objects WHERE object_id IN {numbers_in(dialect)}"  # noqa: S608 - our own names
    rows = connection.execute(statement_of(statement), {"numbers": as_numbers(dialect, object_ids)})
    return list(map(FoundTable._make, rows.all()))


def tables_at(connection: Connection, tenant: str, places: Collection[tuple[str, str, str]], wanted: TableFilter) -> list[FoundTable]:
    """Return the tables of these places (source, schema, table) that are there."""
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        given = "SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:places)"
        asked: dict[str, Any] = {"places": msgspec.json.encode(list(places)).decode()}
    else:
        given = "SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:schemas AS text[]), CAST(:tables AS text[]))"
        asked = {name: [place[index] for place in places] for index, name in enumerate(("sources", "schemas", "tables"))}
    statement = (
        f"SELECT {', '.join(_FOUND_NAMES)} FROM dictionary_objects "  # noqa: S608 - our own names
        f"WHERE tenant = :tenant AND (source_id, schema_name, table_name) IN ({given}) ORDER BY object_id"
    )
    found = map(FoundTable._make, connection.execute(statement_of(statement), asked | {"tenant": tenant}).all())
    return [table for table in found if wanted.allows(table)]


def tables_holding(connection: Connection, condition: Condition) -> set[int]:
    """Return the numbers of all tables whose words fit, whosever they are."""
    return word_index.holding(connection, condition)


def texts_of(connection: Connection, object_ids: Sequence[int], *, include_removed: bool = False) -> dict[int, TableTexts]:
    """Return what tables are found by, as it is written."""
    comments = select(objects.c.object_id, objects.c.comment).where(objects.c.object_id.in_(object_ids))
    found = {object_id: TableTexts(comment, []) for object_id, comment in connection.execute(comments)}
    wanted = (columns.c.object_id, columns.c.column_name, columns.c.data_type, columns.c.comment)
    statement = select(*wanted).where(columns.c.object_id.in_(object_ids)).order_by(columns.c.object_id, columns.c.position)
    if not include_removed:
        statement = statement.where(columns.c.removed_at.is_(None))
    for object_id, *column in connection.execute(statement):
        found[object_id].columns.append(ColumnText(*column))
    return found
