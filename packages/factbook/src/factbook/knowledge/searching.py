"""Look statements up by their text, tag, owner, term …: now in the view, of a moment in the past in a view replayed up to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, or_, select, tuple_

from factbook.database.engine import Database
from factbook.errors import InvalidRequest
from factbook.knowledge.model import FoundNote, FoundPage
from factbook.knowledge.places import Place
from factbook.knowledge.projection import NotesProjection, digest, notes, streams
from factbook.repository.rows import moment
from factbook.repository.sql import SqlRepository
from factbook.repository.voices import KIND
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Property
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MAX_LIMIT, Targets, Within, check_limit

_PLACE = tuple(notes.c[name] for name in ("source_id", "schema_name", "table_name", "column_name", "author", "number"))
_Cursor = tuple[str, str, str, str, str, int]
_BY_VALUE: tuple[Property, ...] = ("tag", "owner", "steward", "term", "classification")


class NoteFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; all of it must hold. ``text`` occurs somewhere in the value or name, the others are whole values.

    ``suggested`` picks suggestions of machines, or what is none.
    """

    text: str | None = None
    tag: str | None = None
    owner: str | None = None
    steward: str | None = None
    term: str | None = None
    classification: str | None = None
    source_id: str | None = None
    author: str | None = None
    suggested: bool | None = None


class NoteSearch:
    """The statements of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def page(self, wanted: NoteFilter, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None) -> FoundPage:
        """Return statements in force that nobody has rejected; raises :class:`InvalidRequest` for a limit or cursor that cannot be."""
        check_limit(limit)
        after = _parse_cursor(cursor) if cursor is not None else None
        shown = None if as_of is None else as_utc(as_of, "as_of")
        statement = select(notes).where(notes.c.tenant == self._tenant, notes.c.is_rejection.is_(False), ~_is_rejected())
        statement = statement.where(*_conditions(wanted)).order_by(*_PLACE).limit(limit + 1)
        if after is not None:
            statement = statement.where(tuple_(*_PLACE) > after)
        with self._reading(Within(wanted.source_id) if wanted.source_id else None, shown) as connection:
            rows = connection.execute(statement).mappings().all()
        items = rows[:limit]
        return FoundPage([_found(row) for row in items], _format_cursor(items[-1]) if len(rows) > limit else None, shown)

    def labels(self, properties: tuple[Property, ...], *, limit: int) -> list[FoundNote]:
        """Return the statements of some properties, at most so many."""
        statement = select(notes).where(
            notes.c.tenant == self._tenant, notes.c.property.in_(properties), notes.c.is_rejection.is_(False), ~_is_rejected()
        )
        with self._repository.reading() as connection:
            return [_found(row) for row in connection.execute(statement.order_by(*_PLACE).limit(limit)).mappings()]

    def targets(self, source_id: str) -> list[MetadataTarget]:
        """Return everything under a source that somebody ever said something of."""
        places = (streams.c.source_id, streams.c.schema_name, streams.c.table_name)
        statement = select(*places).where(streams.c.tenant == self._tenant, streams.c.source_id == source_id).distinct()
        with self._repository.reading() as connection:
            return [MetadataTarget(source, schema or None, table or None) for source, schema, table in connection.execute(statement)]

    def authors(self, source_id: str, *, limit: int) -> list[str]:
        """Return who says something of a source, or of anything in it, at most so many."""
        statement = select(notes.c.author).where(notes.c.tenant == self._tenant, notes.c.source_id == source_id).distinct()
        with self._repository.reading() as connection:
            return list(connection.scalars(statement.order_by(notes.c.author).limit(limit)))

    @contextmanager
    def _reading(self, targets: Targets | None, as_of: datetime | None) -> Iterator[Connection]:
        if as_of is None:
            with self._repository.reading() as connection:
                yield connection
            return
        past = Database("sqlite://")
        try:
            with past.writing() as connection:
                self._replay(connection, targets, as_of)
                yield connection
        finally:
            past.close()

    def _replay(self, connection: Connection, targets: Targets | None, as_of: datetime) -> None:
        projection = NotesProjection()
        projection.create(connection)
        until = None if as_of == datetime.max.replace(tzinfo=UTC) else as_of + timedelta(microseconds=1)
        cursor: str | None = None
        while True:
            page = self._repository.query(KIND, targets=targets, tenant=self._tenant, until=until, limit=MAX_LIMIT // 10, cursor=cursor)
            projection.apply(connection, page.records)
            cursor = page.next_cursor
            if cursor is None:
                return


def _conditions(wanted: NoteFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.text:
        yield notes.c.words.contains(wanted.text.casefold(), autoescape=True)
    values = [(prop, getattr(wanted, prop)) for prop in _BY_VALUE if getattr(wanted, prop)]
    if len(values) == 1:
        ((prop, value),) = values
        yield and_(notes.c.property == prop, notes.c.value_digest == digest(value))
    for prop, value in values if len(values) > 1 else ():
        yield _place_has(prop, value)
    if wanted.source_id is not None:
        yield notes.c.source_id == wanted.source_id
    if wanted.author is not None:
        yield notes.c.author == wanted.author
    if wanted.suggested is not None:
        is_suggestion = and_(notes.c.author_type != "person", notes.c.confidence.is_not(None))
        yield is_suggestion if wanted.suggested else ~is_suggestion


def _place_has(prop: str, value: str) -> ColumnElement[bool]:
    other = notes.alias()
    same = [other.c[name] == notes.c[name] for name in ("tenant", "source_id", "schema_name", "table_name", "column_name")]
    return exists().where(*same, other.c.property == prop, other.c.value_digest == digest(value), other.c.is_rejection.is_(False))


def _is_rejected() -> ColumnElement[bool]:
    judged = notes.alias()
    same = [
        judged.c[name] == notes.c[name]
        for name in ("tenant", "source_id", "schema_name", "table_name", "column_name", "property", "value_digest")
    ]
    names = or_(notes.c.property != "custom", judged.c.name == notes.c.name)
    whose = or_(judged.c.of_author == "", judged.c.of_author == notes.c.author)
    return and_(notes.c.author_type != "person", exists().where(*same, judged.c.is_rejection.is_(True), names, whose))


def _found(row: RowMapping) -> FoundNote:
    place = Place(row["source_id"], row["schema_name"] or None, row["table_name"] or None, row["column_name"] or None)
    return FoundNote(
        str(place),
        row["property"],
        msgspec.json.decode(row["value"]),
        row["author"],
        row["author_type"],
        moment(row["produced_at"]),
        row["record_id"],
        row["name"] or None,
        row["confidence"],
    )


def _format_cursor(row: RowMapping) -> str:
    return msgspec.json.encode([row[column.name] for column in _PLACE]).hex()


def _parse_cursor(cursor: str) -> _Cursor:
    try:
        place: _Cursor = msgspec.json.decode(bytes.fromhex(cursor), type=_Cursor)
        if not 0 <= place[5] < 2**31 or any("\x00" in str(part) for part in place):
            raise ValueError("no note can have that place")
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
