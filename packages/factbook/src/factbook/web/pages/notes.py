"""``/ui/notes/…`` and ``/ui/edit/…``: what is said of a source, schema, table, column or product, by whom and since when; and saying it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import Depends
from pydantic import AfterValidator, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import NoteKeeper, NoteReader, asking, author_meant
from factbook.api.bodies import json_body
from factbook.api.routes.notes import ColumnName
from factbook.errors import InvalidRequest, PreconditionFailed
from factbook.knowledge import Place, place_of, seen_in
from factbook.knowledge.model import Edition, Known
from factbook.rooms import Rooms
from factbook.web.note_form import MAX_DESCRIPTION, NoteForm, opened, read
from factbook.web.parameters import AsOf
from factbook.web.rendering import SOURCES, Crumb, May, Page, is_part, page, path, unescaped
from factbook.web.routing import Pages, Part, lead_to
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.facts.record import MAX_NAME_LENGTH

router = Pages()

_FORMS = ("/{source_id}", "/{source_id}/{schema}", "/{source_id}/{schema}/{table}")
_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$"), AfterValidator(unescaped)]
EDITIONS = 50
OFFERED_TERMS = 300


class Spoken(msgspec.Struct, frozen=True):
    """What is said of a place, the names of its terms, and the editions that changed it, newest first."""

    known: Known
    terms: dict[str, str]
    changes: list[Edition]
    more_changes: bool
    as_of: datetime | None


class Editing(msgspec.Struct, frozen=True):
    """The form as it was opened or filled in, beside what is said now. ``conflict``: others said something else meanwhile."""

    known: Known
    author: str
    own: list[Note]
    form: NoteForm
    errors: dict[str, str]
    conflict: str | None
    terms: dict[str, str]
    max_description: int = MAX_DESCRIPTION


def place_meant(source_id: Part, schema: _Name | None = None, table: _Name | None = None, column: ColumnName = None) -> Place:
    """Return the place a path names; a column stands in the query, and ``-`` where there is no schema."""
    return place_of(source_id, schema, table, column)


At = Annotated[Place, Depends(place_meant)]


def notes(request: Request, rooms: NoteReader, place: At, as_of: AsOf = None) -> Response:
    """Show what is said of a place, and what was said before."""
    return _spoken(request, rooms, place, as_of)


def edit(request: Request, rooms: NoteKeeper, place: At, as_of: AsOf = None) -> Response:
    """Show the form with what one says oneself."""
    if as_of is not None:
        raise InvalidRequest("The past is not edited", why="what was said then stays said", fix="Go back to now", field="as_of")
    known, author = rooms.notes.reading.known(place), author_meant(request, rooms, None)
    own = rooms.notes.writing.own(place, author).notes
    return _form(request, rooms, Editing(known, author, own, opened(known, own, seen_in(known)), {}, None, {}))


def save(request: Request, rooms: NoteKeeper, place: At, sent: Annotated[NoteForm, json_body(NoteForm)]) -> Response:
    """Say it; what cannot be, and what others changed meanwhile, is shown beside what was typed."""
    asking(request).subject = str(place)
    known, author = rooms.notes.reading.known(place), author_meant(request, rooms, None)
    own = rooms.notes.writing.own(place, author).notes
    found = read(sent, known, own, lambda word: rooms.glossary.find(word))
    errors, conflict = found.errors, None
    if not errors:
        try:
            rooms.notes.say(place, author, found.change, seen=sent.seen)
        except PreconditionFailed as error:
            conflict = error.what
        except InvalidRequest as error:
            if error.field not in NoteForm.__struct_fields__:
                raise
            errors = {error.field: f"{error.what}: {error.why}"}
    if not errors and conflict is None:
        return _spoken(request, rooms, place, None) if is_part(request) else _lead_back(place)
    # Who saves a conflict once more has seen what is said now.
    shown = msgspec.structs.replace(sent, seen=seen_in(known)) if conflict else sent
    return _form(request, rooms, Editing(known, author, own, shown, errors, conflict, {}), status=409 if conflict else 422)


for _form_of_path in _FORMS:
    router.page(f"/notes{_form_of_path}")(notes)
    router.page(f"/edit{_form_of_path}")(edit)
    router.action(f"/edit{_form_of_path}")(save)


def parts_of(place: Place) -> tuple[str, ...]:
    """Return the parts of a path below ``/notes`` or ``/edit`` that name a place; its column goes into the query."""
    schema = "-" if place.schema is None and place.table is not None else place.schema
    return tuple(part for part in (place.source_id, schema, place.table) if part is not None)


def term_names(rooms: Rooms, may: May, known: Sequence[Known], as_of: datetime | None) -> dict[str, str]:
    """Return the names of the terms that stand there, of whoever may read the glossary."""
    keys = [str(held.value) for item in known for held in item.terms]
    return rooms.glossary.names(keys, as_of=as_of) if keys and may("GlossaryReader") else {}


def _spoken(request: Request, rooms: Rooms, place: Place, as_of: datetime | None) -> Response:
    known = rooms.notes.reading.known(place, as_of=as_of)
    changes, more = ([], False) if is_part(request) else rooms.notes.reading.changes(place, limit=EDITIONS, as_of=as_of)
    content = Spoken(known, term_names(rooms, May(request), [known], as_of), changes, more, as_of)
    about = Page(f"{_name(place)}: what is said", list(_crumbs(place)), as_of)
    return page(request, "notes_page.html", about, content, part="notes_part.html")


def _form(request: Request, rooms: Rooms, content: Editing, *, status: int = 200) -> Response:
    place = Place(content.known.source_id, content.known.schema, content.known.table, content.known.column)
    offered = rooms.glossary.page(limit=OFFERED_TERMS).items if May(request)("GlossaryReader") else []
    content = msgspec.structs.replace(content, terms={item.key: item.term.name for item in offered})
    about = Page(f"{_name(place)}: edit", list(_crumbs(place)))
    return page(request, "edit_notes.html", about, content, part="edit_notes_form.html", status=status)


def _lead_back(place: Place) -> Response:
    """Lead to what is said of a column, else to the page of the thing itself."""
    if place.column is None and place.schema is not None:
        kind = "source" if place.table is None else "table"
        return lead_to(kind, *parts_of(place), done="saved")
    if place.column is None and place.table is None:
        return lead_to("source", place.source_id, done="saved")
    return lead_to("notes", *parts_of(place), column=place.column, done="saved")


def _name(place: Place) -> str:
    return place.column or place.table or place.schema or place.source_id


def _crumbs(place: Place) -> Iterator[Crumb]:
    if place.schema is None and place.table is not None:
        return
    yield SOURCES
    yield Crumb(place.source_id, path("source", place.source_id))
    if place.schema is not None:
        yield Crumb(place.schema, path("source", place.source_id, place.schema))
    if place.schema is not None and place.table is not None:
        yield Crumb(place.table, path("table", place.source_id, place.schema, place.table))
