"""Objects without their columns, and schemas with counts: what one sees of a source before one opens a table."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select

from factbook.dictionary.model import DictionaryFilter, SchemaRow, TablePage, TableRow
from factbook.dictionary.tables import columns, objects
from factbook.errors import InvalidRequest
from factbook.repository.rows import moment

_VIEWS = ("view", "materialized_view")


def conditions(wanted: DictionaryFilter, dialect: str) -> Iterator[ColumnElement[bool]]:
    """Yield what a filter asks of objects."""
    if wanted.source_id is not None:
        yield objects.c.source_id == wanted.source_id
    for pattern, column in ((wanted.schema, objects.c.schema_name), (wanted.table, objects.c.table_name)):
        if pattern is not None and ("*" in pattern or "?" in pattern):
            yield column.regexp_match(_regex(pattern)) if dialect == "postgresql" else column.op("GLOB")(pattern.replace("[", "[[]"))
        elif pattern is not None:
            yield column == pattern
    if wanted.object_type is not None:
        yield objects.c.object_type == wanted.object_type


def source_ids(connection: Connection, tenant: str) -> list[str]:
    """Return the sources of which tables are or were known, by name."""
    return list(connection.scalars(select(objects.c.source_id).where(objects.c.tenant == tenant).distinct().order_by(objects.c.source_id)))


def schemas(connection: Connection, tenant: str, source_id: str) -> list[SchemaRow]:
    """Return the schemas of a source that have something in them."""
    present = (objects.c.tenant == tenant, objects.c.source_id == source_id, objects.c.removed_at.is_(None))
    counted = (
        select(objects.c.schema_name, func.count().label("columns"))
        .join(columns, columns.c.object_id == objects.c.object_id)
        .where(*present, columns.c.removed_at.is_(None))
        .group_by(objects.c.schema_name)
        .subquery()
    )
    views = func.sum(case((objects.c.object_type.in_(_VIEWS), 1), else_=0))
    found = (
        select(
            objects.c.schema_name, func.count().label("objects"), views.label("views"), func.max(objects.c.changed_at).label("changed_at")
        )
        .where(*present)
        .group_by(objects.c.schema_name)
        .subquery()
    )
    statement = (
        select(found, func.coalesce(counted.c.columns, 0).label("columns"))
        .outerjoin(counted, counted.c.schema_name == found.c.schema_name)
        .order_by(found.c.schema_name)
    )
    return [
        SchemaRow(row["schema_name"], row["objects"], int(row["views"]), row["columns"], moment(row["changed_at"]))
        for row in connection.execute(statement).mappings()
    ]


def tables(connection: Connection, tenant: str, wanted: DictionaryFilter, limit: int, cursor: str | None) -> TablePage:
    """Return a page of objects."""
    place = (objects.c.source_id, objects.c.schema_name, objects.c.table_name)
    width = select(func.count()).where(columns.c.object_id == objects.c.object_id, columns.c.removed_at.is_(None)).scalar_subquery()
    statement = (
        select(objects, width.label("columns"))
        .where(objects.c.tenant == tenant, *conditions(wanted, connection.dialect.name))
        .order_by(*place)
        .limit(limit + 1)
    )
    if not wanted.include_removed:
        statement = statement.where(objects.c.removed_at.is_(None))
    if cursor is not None:
        statement = statement.where(_is_after(_parse_cursor(cursor)))
    rows = [_row(row) for row in connection.execute(statement).mappings()]
    page = rows[:limit]
    following = _format_cursor(page[-1]) if len(rows) > limit else None
    return TablePage(page, following)


def _row(row: RowMapping) -> TableRow:
    removed_at = row["removed_at"]
    return TableRow(
        source_id=row["source_id"],
        schema=row["schema_name"],
        table=row["table_name"],
        object_type=row["object_type"],
        columns=row["columns"],
        comment=row["comment"],
        owner=row["owner"],
        first_seen=moment(row["first_seen"]),
        last_seen=moment(row["last_seen"]),
        changed_at=moment(row["changed_at"]),
        removed_at=None if removed_at is None else moment(removed_at),
    )


def _is_after(place: tuple[str, str, str]) -> ColumnElement[bool]:
    source, schema, table = objects.c.source_id, objects.c.schema_name, objects.c.table_name
    return or_(
        source > place[0], and_(source == place[0], schema > place[1]), and_(source == place[0], schema == place[1], table > place[2])
    )


def _format_cursor(row: TableRow) -> str:
    return msgspec.json.encode((row.source_id, row.schema, row.table)).hex()


def _parse_cursor(cursor: str) -> tuple[str, str, str]:
    try:
        place = msgspec.json.decode(bytes.fromhex(cursor), type=tuple[str, str, str])
        if any("\x00" in part for part in place):
            raise ValueError("no object can have that place")
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error


def _regex(pattern: str) -> str:
    return "^" + "".join(".*" if char == "*" else "." if char == "?" else _escape(char) for char in pattern) + "$"


def _escape(char: str) -> str:
    return char if char.isalnum() or char == "_" else f"\\{char}" if char.isascii() else char
