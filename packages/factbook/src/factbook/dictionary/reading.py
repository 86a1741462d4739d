"""Read the dictionary: as it is, or as it was at a moment by replaying the log up to it into a dictionary in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, text, tuple_

from factbook.database.engine import Database
from factbook.dictionary import overview
from factbook.dictionary.entries import column_key
from factbook.dictionary.keys import KeyNeighbourhood, Neighbours, TableKey, may_refer, pointing
from factbook.dictionary.model import DictionaryFilter, DictionaryPage, DictionaryRow, ObjectState, SchemaRow, TablePage
from factbook.dictionary.past import telling
from factbook.dictionary.projection import DictionaryProjection
from factbook.dictionary.tables import columns, objects, references, word_index
from factbook.errors import InvalidRequest
from factbook.repository.past import replay
from factbook.repository.rows import moment
from factbook.repository.sql import SqlRepository
from factbook.words import Field, Question, holds_all, parse_question, words_of_name, words_of_text
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import check_limit

_STEP_ROWS = 500
_TABLES_AT_ONCE = 250
_MAX_TABLES = 200
"""Tables that are replayed one by one; of more, their whole source."""
_Place = tuple[str, str, str, int, str]
"""Source, schema, table, position, column: the order of rows, and what a cursor holds."""

_SEARCHED = (Field.NAME, Field.PART, Field.TEXT, Field.PLACE, Field.GONE)
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
        among = None if as_of is None else self._referring(wanted, limit, after, as_of)
        with self.at(as_of, wanted, among=among) as (connection, shown):
            page = _page(connection, self._tenant, wanted, limit, after)
        return msgspec.structs.replace(page, as_of=shown)

    def source_ids(self) -> list[str]:
        """Return the sources of which tables are or were known, by name."""
        with self._repository.reading() as connection:
            return overview.source_ids(connection, self._tenant)

    def schemas(self, source_id: str, *, as_of: datetime | None = None) -> list[SchemaRow]:
        """Return the schemas of a source with what is in them, by name."""
        with self._repository.reading() as connection:
            return overview.schemas(connection, self._tenant, source_id, _in_utc(as_of))

    def tables(self, wanted: DictionaryFilter, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None) -> TablePage:
        """Return objects by source, schema and name; of the filter its source, schema, table and type count."""
        check_limit(limit)
        with self._repository.reading() as connection:
            return overview.tables(connection, self._tenant, wanted, limit, cursor, _in_utc(as_of))

    def keys_around(
        self, source_id: str, schema: str, table: str, *, expanded: Sequence[str] = (), as_of: datetime | None = None
    ) -> KeyNeighbourhood:
        """Return the tables one foreign key away from a table, and one more from each of those whose keys are ``expanded``. Of a table that
        is gone the last structure it had counts."""
        payloads: dict[TableKey, dict[str, Any] | None] = {}

        def learn(tables: Collection[TableKey]) -> None:
            payloads.update(self._structures(source_id, set(tables) - payloads.keys(), as_of))

        def pointers(tables: Collection[TableKey]) -> tuple[dict[TableKey, set[TableKey]], bool]:
            with self._repository.reading() as connection:
                found, truncated = pointing(connection, self._tenant, source_id, tables, at_any_time=as_of is not None)
            if as_of is not None:
                learn({one for those in found.values() for one in those})
                found = {table: {one for one in those if may_refer(payloads.get(one), one, table)} for table, those in found.items()}
            return found, truncated

        def read(tables: Collection[TableKey]) -> dict[TableKey, tuple[SchemaSnapshot | None, bool]]:
            learn(tables)
            found: dict[TableKey, tuple[SchemaSnapshot | None, bool]] = {}
            for name in payloads.keys() & set(tables):
                payload = payloads[name]
                if payload is None and name == (schema, table):
                    payload = self._last_payload(MetadataTarget(source_id, *name), as_of)
                snapshot = None if payload is None else msgspec.convert(payload, SchemaSnapshot)
                found[name] = snapshot, payloads[name] is None
            return found

        return Neighbours(source_id, pointers, read, expanded).around((schema, table))

    def _structures(self, source_id: str, tables: Collection[TableKey], as_of: datetime | None) -> dict[TableKey, dict[str, Any] | None]:
        """Return the structures of tables of a source, ``None`` for those that are gone; what nobody scanned is absent."""
        targets = [MetadataTarget(source_id, *name) for name in sorted(tables)]
        found: dict[TableKey, dict[str, Any] | None] = {}
        for start in range(0, len(targets), _TABLES_AT_ONCE):
            part = targets[start : start + _TABLES_AT_ONCE]
            latest = self._repository.latest_many(part, "schema_snapshot", tenant=self._tenant, as_of=as_of)
            found |= {(target.schema or "", target.table or ""): stored.record.payload for target, stored in latest.items()}
        return found

    def _referring(self, wanted: DictionaryFilter, limit: int, after: _Place | None, as_of: datetime) -> list[MetadataTarget] | None:
        """Return the tables of a page of what referred to a table at a moment: each has a row at least. ``None`` where more is asked."""
        source_id, refers_to = wanted.source_id, wanted.refers_to
        if source_id is None or refers_to is None or wanted != DictionaryFilter(source_id=source_id, refers_to=refers_to):
            return None
        with self._repository.reading() as connection:
            found, truncated = pointing(connection, self._tenant, source_id, [refers_to], at_any_time=True)
        if truncated:
            return None
        start = ("", "") if after is None or after[0] < source_id else after[1:3]
        names = sorted(name for name in found[refers_to] if name >= start)
        referring: list[MetadataTarget] = []
        for begin in range(0, len(names), _TABLES_AT_ONCE):
            structures = self._structures(source_id, names[begin : begin + _TABLES_AT_ONCE], as_of)
            there = sorted(name for name, payload in structures.items() if may_refer(payload, name, refers_to))
            referring += [MetadataTarget(source_id, *name) for name in there]
            if len(referring) > limit + 1:
                break
        # The first may be that of the cursor, with no row after it.
        return referring[: limit + 2]

    def _last_payload(self, target: MetadataTarget, as_of: datetime | None) -> dict[str, Any] | None:
        """Return the last structure of what is gone."""
        until = None if as_of is None else as_of + timedelta(microseconds=1)
        page = self._repository.query("schema_snapshot", targets=[target], tenant=self._tenant, until=until, order="desc", limit=20)
        return next((item.record.payload for item in page.records if item.record.payload is not None), None)

    def states(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], ObjectState]:
        """Return what objects are and whether they are gone, by source, schema and name; those that no scan saw are absent."""
        with self._repository.reading() as connection:
            return overview.states(connection, self._tenant, names)

    @contextmanager
    def at(
        self, as_of: datetime | None, wanted: DictionaryFilter, *, among: list[MetadataTarget] | None = None
    ) -> Iterator[tuple[Connection, datetime | None]]:
        """Give the dictionary as it is; or as it was, as far as the filter asks for it, replayed into memory; and the moment in UTC.
        Where it is known that the filter is about tables ``among`` these alone, no others are replayed."""
        with self._repository.reading() as connection:
            if as_of is None:
                yield connection, None
                return
            tables = among if among is not None else _tables_to_replay(connection, self._tenant, wanted)
        shown = as_utc(as_of, "as_of")
        past = Database("sqlite://")
        try:
            with past.writing() as connection:
                replay(
                    connection,
                    DictionaryProjection(),
                    self._repository,
                    tenant=self._tenant,
                    source_id=wanted.source_id,
                    until=shown,
                    only={} if tables is None else {"schema_snapshot": tables},
                    telling=telling,
                )
                yield connection, shown
        finally:
            past.close()


def _in_utc(as_of: datetime | None) -> datetime | None:
    return None if as_of is None else as_utc(as_of, "as_of")


def _tables_to_replay(connection: Connection, tenant: str, wanted: DictionaryFilter) -> list[MetadataTarget] | None:
    """Return the tables that a filter can be about at any moment, if they are few; ``None`` for all."""
    if wanted.source_id is None or (wanted.table is None and wanted.refers_to is None):
        return None
    names = (objects.c.source_id, objects.c.schema_name, objects.c.table_name)
    named = msgspec.structs.replace(wanted, object_type=None)
    statement = select(*names).where(objects.c.tenant == tenant, *overview.conditions(named, connection.dialect.name), *_pointing(wanted))
    found = connection.execute(statement.limit(_MAX_TABLES + 1)).all()
    return [MetadataTarget(*name) for name in found] if len(found) <= _MAX_TABLES else None


def _page(connection: Connection, tenant: str, wanted: DictionaryFilter, limit: int, after: _Place | None) -> DictionaryPage:
    question = parse_question(wanted.search) if wanted.search else None
    kept: list[DictionaryRow] = []
    step = limit + 1 if question is None else max(limit + 1, _STEP_ROWS)
    if wanted.search and question is None:
        return DictionaryPage([], None)
    while len(kept) <= limit:
        rows = _rows(connection, tenant, wanted, question, step, after)
        kept.extend(row for row in rows if question is None or holds_all(question.terms, _words(row)))
        if len(rows) < step:
            break
        after = _place(rows[-1])
    page = kept[:limit]
    return DictionaryPage(page, _format_cursor(page[-1]) if len(kept) > limit else None)


def _words(row: DictionaryRow) -> set[str]:
    names = (words_of_name(name) for name in (row.schema, row.table, row.column))
    return set().union(*names, *(words_of_text(text) for text in (row.table_comment, row.comment) if text))


def _rows(
    connection: Connection, tenant: str, wanted: DictionaryFilter, question: Question | None, limit: int, after: _Place | None
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
    if question is not None:
        dialect = connection.dialect.name
        condition = tuple(tuple((field.value + term, True) for field in _SEARCHED) for term in question.terms)
        parameters["words"] = word_index.asked(dialect, condition)
        statement = statement.where(text(f"dictionary_objects.object_id IN ({word_index.numbers(dialect)})"))
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
        yield from _pointing(wanted)
        yield or_(_points_at(f"{schema}.{table}"), and_(objects.c.schema_name == schema, _points_at(table)))
    if not wanted.include_removed:
        yield columns.c.removed_at.is_(None)


def _pointing(wanted: DictionaryFilter) -> Iterator[ColumnElement[bool]]:
    """Yield that an object points, or pointed once, at the table of a filter: found by an index, and all there are among them."""
    if wanted.refers_to is not None:
        to = references.c.refers_to
        names = (".".join(wanted.refers_to), wanted.refers_to[1])
        # After the point comes the slash: between them lies what begins with the name and a point.
        ranges = (or_(to == name, and_(to >= f"{name}.", to < f"{name}/")) for name in names)
        yield objects.c.object_id.in_(select(references.c.object_id).where(or_(*ranges)))


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
