"""``/ui/source/SOURCE`` and ``/ui/source/SOURCE/SCHEMA``: what is in a database."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import DictionaryReader
from factbook.api.parameters import Cursor, Pattern
from factbook.dictionary import DictionaryFilter, SchemaRow, TableRow
from factbook.errors import NotFound
from factbook.knowledge import Place
from factbook.knowledge.model import Known
from factbook.rooms import Rooms
from factbook.web.pages.notes import term_names
from factbook.web.parameters import AsOf
from factbook.web.rendering import SOURCES, Crumb, May, Page, page, path
from factbook.web.routing import Pages, Part

router = Pages()

TABLES = 100


class Source(msgspec.Struct, frozen=True):
    """A source: its schemas, the tables of one of them or of all, and what is said of it, which not everybody may read."""

    source_id: str
    schema: str | None
    schemas: list[SchemaRow]
    tables: list[TableRow]
    like: str | None
    next_cursor: str | None
    notes: Known | None
    terms: dict[str, str]
    as_of: datetime | None


@router.page("/source/{source_id}")
def source(
    request: Request, rooms: DictionaryReader, source_id: Part, table: Pattern = None, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show the schemas and the first tables of a source."""
    content = _source(request, rooms, DictionaryFilter(source_id=source_id, table=table), as_of, cursor)
    return page(request, "source.html", Page(source_id, [SOURCES], as_of), content)


@router.page("/source/{source_id}/{schema}")
def schema(
    request: Request,
    rooms: DictionaryReader,
    source_id: Part,
    schema: Part,
    table: Pattern = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show the tables of one schema."""
    content = _source(request, rooms, DictionaryFilter(source_id=source_id, schema=schema, table=table), as_of, cursor)
    crumbs = [SOURCES, Crumb(source_id, path("source", source_id))]
    return page(request, "source.html", Page(schema, crumbs, as_of), content)


def _source(request: Request, rooms: Rooms, wanted: DictionaryFilter, as_of: datetime | None, cursor: str | None) -> Source:
    schemas = rooms.dictionary.schemas(wanted.source_id or "", as_of=as_of)
    if not any(wanted.schema in (None, row.schema) for row in schemas):
        what = f"the source {wanted.source_id!r}" if wanted.schema is None else f"a schema {wanted.schema!r} of {wanted.source_id}"
        when = " by then" if as_of else ""
        raise NotFound(f"Nothing is known of {what}{when}", fix=f"factbook scan {wanted.source_id}", field="source_id")
    found = rooms.dictionary.tables(wanted, limit=TABLES, cursor=cursor, as_of=as_of)
    place, may = Place(wanted.source_id or "", wanted.schema), May(request)
    notes = rooms.notes.reading.known_many([place], as_of=as_of)[place] if may("NoteReader") else None
    terms = term_names(rooms, may, [notes] if notes else [], as_of)
    return Source(place.source_id, place.schema, schemas, found.items, wanted.table, found.next_cursor, notes, terms, as_of)
