"""``/ui/term/KEY``: a word of the business, what it stands in relation to, where it is used, and who changed it when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import GlossaryKeeper, GlossaryReader, NoteKeeper, asking, author_meant
from factbook.api.bodies import json_body
from factbook.api.parameters import Cursor
from factbook.errors import InvalidRequest, NotFound, PreconditionFailed
from factbook.knowledge import NoteChange, NoteFilter, Place, TermHistory, TermView, parse_place
from factbook.knowledge.editing import NewNote, Removal
from factbook.knowledge.model import FoundNote
from factbook.rooms import Rooms
from factbook.web.parameters import AsOf
from factbook.web.rendering import Crumb, Page, page, path
from factbook.web.routing import Pages, Part, lead_to
from factbook_sdk.facts.kinds.glossary_term import TermStatus

router = Pages()

USES = 50
EDITIONS = 30


class Use(msgspec.Struct, frozen=True):
    """A statement that uses the term, taken apart; ``mine``: whoever looks says so and may take it back."""

    place: Place
    said: FoundNote
    mine: bool


class TermPage(msgspec.Struct, frozen=True):
    """The term, the names of the terms around it, where it is used, and its editions, newest first. ``problem`` says what an attempt to
    change something came to, ``typed`` the place that was to be attached."""

    found: TermView
    names: dict[str, str]
    uses: list[Use]
    next_cursor: str | None
    history: TermHistory
    as_of: datetime | None
    problem: str | None = None
    typed: str = ""


class StatusForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The status a term shall have, of the version that was shown."""

    status: TermStatus
    expected: str


class RemoveForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version that was shown."""

    expected: str


class PlaceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a term is attached to, as :func:`~factbook.knowledge.parse_place` reads it."""

    place: str = ""


@router.page("/term/{key}")
def term(request: Request, rooms: GlossaryReader, key: Part, as_of: AsOf = None, cursor: Cursor = None) -> Response:
    """Show a term."""
    return _show(request, rooms, key, as_of, cursor)


@router.action("/term/{key}/status")
def set_status(request: Request, rooms: GlossaryKeeper, key: Part, sent: Annotated[StatusForm, json_body(StatusForm)]) -> Response:
    """Approve a term, deprecate it, or make it a draft again."""
    asking(request).subject = key
    changed = msgspec.structs.replace(rooms.glossary.get(key).term, status=sent.status)
    try:
        rooms.glossary.put(key, changed, author=author_meant(request, rooms, None), expected=sent.expected)
    except PreconditionFailed as error:
        return _show(request, rooms, key, problem=str(error), status=409)
    return lead_to("term", key, done="saved")


@router.action("/term/{key}/remove")
def remove(request: Request, rooms: GlossaryKeeper, key: Part, sent: Annotated[RemoveForm, json_body(RemoveForm)]) -> Response:
    """Take a term away; what names it stays."""
    asking(request).subject = key
    try:
        rooms.glossary.remove(key, author=author_meant(request, rooms, None), expected=sent.expected)
    except PreconditionFailed as error:
        return _show(request, rooms, key, problem=str(error), status=409)
    return lead_to("glossary", done="removed")


@router.action("/term/{key}/attach")
def attach(request: Request, rooms: NoteKeeper, key: Part, sent: Annotated[PlaceForm, json_body(PlaceForm)]) -> Response:
    """Say of a table, a column or a product that the term is what it means."""
    rooms.glossary.get(key)
    asking(request).subject = key
    try:
        place = parse_place(sent.place.strip())
        rooms.notes.writing.change(place, author_meant(request, rooms, None), NoteChange(add=[NewNote("term", key)]))
    except (InvalidRequest, NotFound) as error:
        return _show(request, rooms, key, problem=str(error), typed=sent.place, status=422)
    return lead_to("term", key, done="saved")


@router.action("/term/{key}/detach")
def detach(request: Request, rooms: NoteKeeper, key: Part, sent: Annotated[PlaceForm, json_body(PlaceForm)]) -> Response:
    """Take back that one says so."""
    asking(request).subject = key
    place = parse_place(sent.place)
    rooms.notes.writing.change(place, author_meant(request, rooms, None), NoteChange(remove=[Removal("term", key)]))
    return lead_to("term", key, done="removed")


def _show(
    request: Request,
    rooms: Rooms,
    key: str,
    as_of: datetime | None = None,
    cursor: str | None = None,
    *,
    problem: str | None = None,
    typed: str = "",
    status: int = 200,
) -> Response:
    found = rooms.glossary.get(key, as_of=as_of)
    uses = rooms.notes.search.page(NoteFilter(term=key), limit=USES, cursor=cursor, as_of=as_of)
    me = author_meant(request, rooms, None)
    around = [*found.broader, *found.narrower, *found.named_by, *(relation.term for relation in found.term.relations)]
    content = TermPage(
        found=found,
        names=rooms.glossary.names(around, as_of=as_of),
        uses=[Use(parse_place(said.place), said, said.author == me) for said in uses.items],
        next_cursor=uses.next_cursor,
        history=rooms.glossary.history(key, limit=EDITIONS, as_of=as_of),
        as_of=as_of,
        problem=problem,
        typed=typed,
    )
    about = Page(found.term.name, [Crumb("Glossary", path("glossary"))], as_of)
    return page(request, "term.html", about, content, status=status)
