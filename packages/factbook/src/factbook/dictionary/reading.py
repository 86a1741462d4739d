"""Read the dictionary: as it is, or as it was at a moment by replaying the log up to it into a dictionary in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, text, tuple_

from factbook.database.engine import Database
from factbook.dictionary import overview, search
from factbook.dictionary.entries import column_key, holds_all, search_terms, words
from factbook.dictionary.model import DictionaryFilter, DictionaryPage, DictionaryRow, SchemaRow, TablePage
from factbook.dictionary.projection import DictionaryProjection
from factbook.dictionary.tables import columns, objects
from factbook.errors import InvalidRequest
from factbook.repository.rows import moment
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord, Within, check_limit
from factbook_sdk.repository.paging import sort_key

_STEP_ROWS = 500
_Place = tuple[str, str, str, int, str]
"""Source, schema, table, position, column: the order of rows, and what a cursor holds."""

_PLACE = (objects.c.source_id, objects.c.schema_name, objects.c.table_name, columns.c.position, columns.c.column_name)


class Dictionary:
    """One row per column per object, of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def page(
        self,
        wanted: DictionaryFilter = DictionaryFilter(),  # noqa: B008 - frozen
        *,
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> DictionaryPage:
        """Return rows in order; raises :class:`InvalidRequest` for a limit or cursor that cannot be."""
        check_limit(limit)
        after = _parse_cursor(cursor) if cursor is not None else None
        with self._at(as_of, wanted.source_id) as (connection, shown):
            page = _page(connection, self._tenant, wanted, limit, after)
        return msgspec.structs.replace(page, as_of=shown)

    def source_ids(self) -> list[str]:
        """Return the sources of which tables are or were known, by name."""
        with self._repository.reading() as connection:
            return overview.source_ids(connection, self._tenant)

    def schemas(self, source_id: str, *, as_of: datetime | None = None) -> list[SchemaRow]:
        """Return the schemas of a source with what is in them, by name."""
        with self._at(as_of, source_id) as (connection, _):
            return overview.schemas(connection, self._tenant, source_id)

    def tables(self, wanted: DictionaryFilter, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None) -> TablePage:
        """Return objects of one source by schema and name; of the filter its source, schema, table, type and removed ones count."""
        check_limit(limit)
        with self._at(as_of, wanted.source_id) as (connection, shown):
            page = overview.tables(connection, self._tenant, wanted, limit, cursor)
        return msgspec.structs.replace(page, as_of=shown)

    @contextmanager
    def _at(self, as_of: datetime | None, source_id: str | None) -> Iterator[tuple[Connection, datetime | None]]:
        """Give the dictionary as it is, or as it was, replayed into memory; and the moment in UTC."""
        if as_of is None:
            with self._repository.reading() as connection:
                yield connection, None
            return
        shown = as_utc(as_of, "as_of")
        past = Database("sqlite://")
        try:
            with past.writing() as connection:
                _replay(connection, self._repository, self._tenant, source_id, shown)
                yield connection, shown
        finally:
            past.close()


def _replay(connection: Connection, repository: MetadataRepository, tenant: str, source_id: str | None, until: datetime) -> None:
    projection = DictionaryProjection()
    projection.create(connection)
    batch: list[StoredRecord] = []
    streams = [_facts(repository, kind, tenant, source_id, until) for kind in sorted(projection.kinds)]
    for item in heapq.merge(*streams, key=sort_key):
        batch.append(item)
        if len(batch) == _STEP_ROWS:
            projection.apply(connection, batch)
            batch = []
    projection.apply(connection, batch)


def _facts(repository: MetadataRepository, kind: str, tenant: str, source_id: str | None, moment: datetime) -> Iterator[StoredRecord]:
    cursor: str | None = None
    targets = Within(source_id) if source_id is not None else None
    while True:
        until = moment + timedelta(microseconds=1)
        page = repository.query(kind, targets=targets, tenant=tenant, until=until, limit=MAX_LIMIT // 10, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def _page(connection: Connection, tenant: str, wanted: DictionaryFilter, limit: int, after: _Place | None) -> DictionaryPage:
    terms = search_terms(wanted.search) if wanted.search else []
    kept: list[DictionaryRow] = []
    step = limit + 1 if not terms else max(limit + 1, _STEP_ROWS)
    if wanted.search and not terms:
        return DictionaryPage([], None)
    while len(kept) <= limit:
        rows = _rows(connection, tenant, wanted, terms, step, after)
        kept.extend(row for row in rows if not terms or holds_all(terms, _words(row)))
        if len(rows) < step:
            break
        after = _place(rows[-1])
    page = kept[:limit]
    return DictionaryPage(page, _format_cursor(page[-1]) if len(kept) > limit else None)


def _words(row: DictionaryRow) -> set[str]:
    return words((row.schema, row.table, row.table_comment, row.column, row.comment))


def _rows(
    connection: Connection, tenant: str, wanted: DictionaryFilter, terms: list[str], limit: int, after: _Place | None
) -> list[DictionaryRow]:
    statement = (
        select(
            columns,
            *(objects.c[name] for name in ("source_id", "schema_name", "table_name", "object_type", "owner")),
            objects.c.last_seen.label("object_last_seen"),
            objects.c.comment.label("table_comment"),
        )
        .join(objects, objects.c.object_id == columns.c.object_id)
        .where(objects.c.tenant == tenant, *_conditions(wanted, connection.dialect.name))
        .order_by(*_PLACE)
        .limit(limit)
    )
    parameters: dict[str, str] = {}
    if terms:
        condition, parameters["terms"] = search.condition(connection.dialect.name, terms)
        statement = statement.where(text(f"dictionary_objects.{condition}"))
    if after is not None:
        statement = statement.where(_is_after(after, in_source=wanted.source_id == after[0]))
    return [_row(tenant, row) for row in connection.execute(statement, parameters).mappings()]


def _conditions(wanted: DictionaryFilter, dialect: str) -> Iterator[ColumnElement[bool]]:
    yield from overview.conditions(wanted, dialect)
    if wanted.data_type is not None:
        yield columns.c.data_type.istartswith(wanted.data_type, autoescape=True)
    for flag, flagged in (
        (wanted.primary_key, columns.c.is_primary_key),
        (wanted.foreign_key, columns.c.is_foreign_key),
        (wanted.unique, columns.c.is_unique),
        (wanted.nullable, columns.c.nullable),
    ):
        if flag is not None:
            yield flagged.is_(flag)
    if wanted.refers_to is not None:
        schema, table = wanted.refers_to
        yield or_(_points_at(f"{schema}.{table}"), and_(objects.c.schema_name == schema, _points_at(table)))
    if not wanted.include_removed:
        yield columns.c.removed_at.is_(None)


def _points_at(name: str) -> ColumnElement[bool]:
    return or_(columns.c.refers_to == name, columns.c.refers_to.startswith(f"{name}.", autoescape=True))


def _is_after(place: _Place, *, in_source: bool) -> ColumnElement[bool]:
    """Return ``(source, schema, table, position, column) > place``, led by a range of objects that their index answers in order; inside
    one source SQLite does so only where the source is no part of the range."""
    first = 1 if in_source else 0
    table, column = tuple_(*_PLACE[first:3]), tuple_(*_PLACE[3:])
    return and_(table >= place[first:3], or_(table > place[first:3], column > place[3:]))


def _row(tenant: str, row: RowMapping) -> DictionaryRow:
    get = row.__getitem__
    names = (get("source_id"), get("schema_name"), get("table_name"))
    removed_at = get("removed_at")
    return DictionaryRow(
        key=column_key(tenant, *names, get("column_name")).hex(),
        qualified_name=".".join((*names, get("column_name"))),
        source_id=names[0],
        schema=names[1],
        table=names[2],
        object_type=get("object_type"),
        column=get("column_name"),
        position=get("position"),
        data_type=get("data_type"),
        nullable=get("nullable"),
        default=get("default_value"),
        comment=get("comment"),
        primary_key=get("is_primary_key"),
        unique=get("is_unique"),
        foreign_key=get("is_foreign_key"),
        indexed=get("is_indexed"),
        references=get("refers_to"),
        table_comment=get("table_comment"),
        owner=get("owner"),
        attributes=msgspec.json.decode(get("attributes")),
        attributes_hash=bytes(get("attributes_hash")).hex(),
        first_seen=moment(get("first_seen")),
        last_seen=moment(get("last_seen") or get("object_last_seen")),
        changed_at=moment(get("changed_at")),
        removed_at=None if removed_at is None else moment(removed_at),
    )


def _place(row: DictionaryRow) -> _Place:
    return row.source_id, row.schema, row.table, row.position, row.column


def _format_cursor(row: DictionaryRow) -> str:
    return msgspec.json.encode(_place(row)).hex()


def _parse_cursor(cursor: str) -> _Place:
    try:
        place: _Place = msgspec.json.decode(bytes.fromhex(cursor), type=_Place)
        if not 0 <= place[3] < 2**31 or any("\x00" in str(part) for part in place):
            raise ValueError("no row can have that place")
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
