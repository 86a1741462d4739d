"""Objects without their columns, and schemas with counts: what one sees of a source before one opens a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Subquery, and_, case, func, or_, select, true

from factbook.dictionary.model import DictionaryFilter, ObjectState, SchemaRow, TablePage, TableRow
from factbook.dictionary.tables import objects, versions
from factbook.errors import InvalidRequest
from factbook.repository.rows import microseconds, moment

_VIEWS = ("view", "materialized_view")


def conditions(wanted: DictionaryFilter, dialect: str, of: FromClause = objects) -> Iterator[ColumnElement[bool]]:
    """Yield what a filter asks of objects."""
    if wanted.source_id is not None:
        yield of.c.source_id == wanted.source_id
    for pattern, column in ((wanted.schema, of.c.schema_name), (wanted.table, of.c.table_name)):
        if pattern is not None and ("*" in pattern or "?" in pattern):
            yield column.regexp_match(_regex(pattern)) if dialect == "postgresql" else column.op("GLOB")(pattern.replace("[", "[[]"))
        elif pattern is not None:
            yield column == pattern
    if wanted.object_type is not None:
        yield of.c.object_type == wanted.object_type


def source_ids(connection: Connection, tenant: str) -> list[str]:
    """Return the sources of which tables are or were known, by name."""
    return list(connection.scalars(select(objects.c.source_id).where(objects.c.tenant == tenant).distinct().order_by(objects.c.source_id)))


def schemas(connection: Connection, tenant: str, source_id: str, as_of: datetime | None) -> list[SchemaRow]:
    """Return the schemas of a source that have something in them."""
    of = _present(tenant, as_of, connection.dialect.name)
    views = func.sum(case((of.c.object_type.in_(_VIEWS), 1), else_=0))
    statement = (
        select(of.c.schema_name, func.count(), views, func.sum(of.c.column_count), func.max(of.c.changed_at))
        .where(of.c.source_id == source_id)
        .group_by(of.c.schema_name)
        .order_by(of.c.schema_name)
    )
    return [
        SchemaRow(name, count, int(of_them), int(columns), moment(changed_at))
        for name, count, of_them, columns, changed_at in connection.execute(statement)
    ]


def tables(
    connection: Connection, tenant: str, wanted: DictionaryFilter, limit: int, cursor: str | None, as_of: datetime | None
) -> TablePage:
    """Return a page of objects."""
    of = _present(tenant, as_of, connection.dialect.name)
    statement = (
        select(of)
        .where(*conditions(wanted, connection.dialect.name, of))
        .order_by(of.c.source_id, of.c.schema_name, of.c.table_name)
        .limit(limit + 1)
    )
    if cursor is not None:
        statement = statement.where(_is_after(of, _parse_cursor(cursor)))
    rows = [_row(row) for row in connection.execute(statement).mappings()]
    page = rows[:limit]
    following = _format_cursor(page[-1]) if len(rows) > limit else None
    return TablePage(page, following, as_of)


def _present(tenant: str, as_of: datetime | None, dialect: str) -> Subquery:
    """Return the objects of a tenant that are there, or were at a moment: each as the last snapshot until then has it."""
    name = (objects.c.source_id, objects.c.schema_name, objects.c.table_name)
    if as_of is None:
        said = (
            objects.c.object_type,
            objects.c.comment,
            objects.c.owner,
            objects.c.column_count,
            objects.c.first_seen,
            objects.c.changed_at,
        )
        return select(*name, *said).where(objects.c.tenant == tenant, objects.c.removed_at.is_(None)).subquery()
    of: FromClause = versions
    on: ColumnElement[bool] = true()
    before = versions.alias("before")
    last = (
        select(before if dialect == "postgresql" else before.c.offset)
        .where(before.c.object_id == objects.c.object_id, before.c.described_at <= microseconds(as_of))
        .order_by(before.c.described_at.desc(), before.c.offset.desc())
        .limit(1)
        .correlate(objects)
    )
    if dialect == "postgresql":
        # Joined by its offset, the last one would be looked for twice, and of all objects before the first page of them is known.
        of = last.lateral("last")
    else:
        on = and_(versions.c.object_id == objects.c.object_id, versions.c.offset == last.scalar_subquery())
    said_then = (of.c.object_type, of.c.comment, of.c.owner, of.c.column_count)
    return (
        select(*name, *said_then, objects.c.first_seen, of.c.described_at.label("changed_at"))
        .select_from(objects)
        .join(of, on)
        .where(objects.c.tenant == tenant, of.c.object_type.is_not(None))
        .subquery()
    )


_NAMES_AT_A_TIME = 200


def states(connection: Connection, tenant: str, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], ObjectState]:
    """Return the state of objects by source, schema and name; those of which nothing is known are absent."""
    found: dict[tuple[str, str, str], ObjectState] = {}
    for start in range(0, len(names), _NAMES_AT_A_TIME):
        # Spelled so that either engine looks each of them up.
        wanted = or_(
            *(
                and_(
                    objects.c.tenant == tenant, objects.c.source_id == source, objects.c.schema_name == schema, objects.c.table_name == name
                )
                for source, schema, name in names[start : start + _NAMES_AT_A_TIME]
            )
        )
        for row in connection.execute(select(objects).where(wanted)).mappings():
            gone = row["removed_at"]
            state = ObjectState(row["object_type"], moment(row["first_seen"]), None if gone is None else moment(gone))
            found[row["source_id"], row["schema_name"], row["table_name"]] = state
    return found


def _row(row: RowMapping) -> TableRow:
    return TableRow(
        source_id=row["source_id"],
        schema=row["schema_name"],
        table=row["table_name"],
        object_type=row["object_type"],
        columns=row["column_count"],
        comment=row["comment"],
        owner=row["owner"],
        first_seen=moment(row["first_seen"]),
        changed_at=moment(row["changed_at"]),
    )


def _is_after(of: FromClause, place: tuple[str, str, str]) -> ColumnElement[bool]:
    source, schema, table = of.c.source_id, of.c.schema_name, of.c.table_name
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
