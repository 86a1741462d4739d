"""Find tables and views by words, the best first: what the search over everything asks of the dictionary."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, select, text

from factbook.dictionary.tables import columns, objects, word_index
from factbook.words import Condition

_LOOKUP = 200
_FOUND = tuple(objects.c[name] for name in ("object_id", "source_id", "schema_name", "table_name", "object_type", "removed_at"))


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


def find_tables(
    connection: Connection, tenant: str, condition: Condition, wanted: TableFilter, *, without: Sequence[Condition] = (), limit: int
) -> list[FoundTable]:
    """Return tables whose words fit, in the order in which they were first seen."""
    dialect = connection.dialect.name
    fits = text(f"dictionary_objects.object_id IN ({word_index.numbers(dialect)})")
    statement = select(*_FOUND).where(objects.c.tenant == tenant, fits, *_conditions(wanted)).order_by(objects.c.object_id).limit(limit)
    return [_found(row) for row in connection.execute(statement, {"words": word_index.asked(dialect, condition, without=without)})]


def _conditions(wanted: TableFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.source_id is not None:
        yield objects.c.source_id == wanted.source_id
    if wanted.schema is not None:
        yield objects.c.schema_name == wanted.schema
    if wanted.object_type is not None:
        yield objects.c.object_type == wanted.object_type
    if not wanted.include_removed:
        yield objects.c.removed_at.is_(None)
    if wanted.among is not None:
        yield objects.c.object_id.in_(wanted.among)


def tables_at(connection: Connection, tenant: str, places: Collection[tuple[str, str, str]], wanted: TableFilter) -> list[FoundTable]:
    """Return the tables of these places (source, schema, table) that are there."""
    found: list[FoundTable] = []
    for (source_id, schema), members in groupby(sorted(places), key=lambda place: place[:2]):
        names = [place[2] for place in members]
        for start in range(0, len(names), _LOOKUP):
            mine = (objects.c.tenant == tenant, objects.c.source_id == source_id, objects.c.schema_name == schema)
            chosen = objects.c.table_name.in_(names[start : start + _LOOKUP])
            found += [_found(row) for row in connection.execute(select(*_FOUND).where(*mine, chosen, *_conditions(wanted)))]
    return found


def words_of(connection: Connection, object_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return the words of tables, each with the letter of its field."""
    return word_index.words_of(connection, object_ids)


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


def _found(row: Row[tuple[int, str, str, str, str, int | None]]) -> FoundTable:
    return FoundTable(*row)
