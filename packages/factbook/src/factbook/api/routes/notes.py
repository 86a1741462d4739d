"""``/notes`` and ``/suggestions``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import Endpoint, NoteKeeper, NoteReader, SuggestionJudge, SuggestionReader, asking, author_meant
from factbook.api.bodies import json_body
from factbook.api.openapi import WRITE_ERRORS, takes
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AfterOffset, AnySource, AsOf, Cursor, Limit, PathName, SchemaName, Search, SourceId, TableName
from factbook.api.schemas import Judgement
from factbook.knowledge import EditionPage, FoundPage, KnownPage, NoteChange, NoteFilter, NoteSet, OwnNotes, Place, SuggestionPage, place_of
from factbook_sdk.facts.record import MAX_NAME_LENGTH

router = APIRouter(tags=["notes"])

_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00]*$")]
Whole = Annotated[_Name | None, Query(description="This whole value.")]
ColumnName = Annotated[_Name | None, Query(alias="column", description="The column's name.")]
Author = Annotated[
    _Name | None,
    Query(description="Who says it, as `agent:NAME` or `rule:NAME`; whoever asks, if it is left out. Admins may name a `person:NAME`."),
]
Expected = Annotated[_Name | None, Query(description="The version that was read (`none` for nothing); 412 if it is another one by now.")]

_FORMS = (
    "/notes/{source_id}",
    "/notes/{source_id}/{schema}",
    "/notes/{source_id}/{schema}/{table}",
    "/notes/{source_id}/{schema}/{table}/{column}",
)
_EDIT_ERRORS = (404, 412, *WRITE_ERRORS)


def read_place(source_id: PathName, schema: _Name | None = None, table: _Name | None = None, column: _Name | None = None) -> Place:
    """Return the place a path names; what the path leaves out, the query may name. `-` stands for no schema."""
    return place_of(source_id, schema, table, column)


At = Annotated[Place, Depends(read_place)]


def _every_form(method: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
    """Return the decorator that gives a route all the forms of a place."""

    def register(endpoint: Endpoint) -> Endpoint:
        for form in _FORMS:
            router.add_api_route(form, endpoint, methods=[method], **options)
        return endpoint

    return register


@router.get("/notes/search", responses=described(FoundPage, "Statements by place and author."))
def search_notes(
    rooms: NoteReader,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    text: Search = None,
    tag: Whole = None,
    owner: Whole = None,
    steward: Whole = None,
    term: Whole = None,
    classification: Whole = None,
    source_id: AnySource = None,
    author: Whole = None,
    suggested: Annotated[bool | None, Query(description="Only suggestions of machines, or only what is none.")] = None,
    as_of: AsOf = None,
) -> Response:
    """Find what people and machines say, now or at a moment. What a person has rejected is not found."""
    wanted = NoteFilter(
        text=text,
        tag=tag,
        owner=owner,
        steward=steward,
        term=term,
        classification=classification,
        source_id=source_id,
        author=author,
        suggested=suggested,
    )
    return answers.json(rooms.notes.search.page(wanted, limit=limit, cursor=cursor, as_of=as_of))


@router.get("/notes/history", responses=described(EditionPage, "What each author said from when on, newest last."))
def note_history(
    rooms: NoteReader,
    source_id: SourceId,
    schema: SchemaName = None,
    table: TableName = None,
    column: ColumnName = None,
    limit: Limit = LIMIT,
    after_offset: AfterOffset = None,
) -> Response:
    """Show every edition of what was said of a place; of a column, all editions of its table with what they say of the column."""
    place = place_of(source_id, schema, table, column)
    return answers.json(rooms.notes.reading.history(place, limit=limit, after_offset=after_offset))


@_every_form("GET", responses=described(KnownPage, "The place, and what is in it.", errors=(404,)))
def show_notes(rooms: NoteReader, place: At, limit: Limit = LIMIT, cursor: Cursor = None, as_of: AsOf = None) -> Response:
    """Show what is known of a place and of everything in it, merged, each value with its origins."""
    return answers.json(rooms.notes.reading.page(place, limit=limit, cursor=cursor, as_of=as_of))


@_every_form("PUT", openapi_extra=takes(NoteSet), responses=described(OwnNotes, "What the author says now.", errors=_EDIT_ERRORS))
def replace_notes(
    request: Request,
    rooms: NoteKeeper,
    place: At,
    body: Annotated[NoteSet, json_body(NoteSet)],
    author: Author = None,
    expected: Expected = None,
) -> Response:
    """Say these things of a place, and nothing else that one said of it before. Others' notes stay."""
    asking(request).subject = str(place)
    return answers.json(rooms.notes.writing.replace(place, author_meant(request, rooms, author), body, expected=expected))


@_every_form("PATCH", openapi_extra=takes(NoteChange), responses=described(OwnNotes, "What the author says now.", errors=_EDIT_ERRORS))
def change_notes(
    request: Request,
    rooms: NoteKeeper,
    place: At,
    body: Annotated[NoteChange, json_body(NoteChange)],
    author: Author = None,
    expected: Expected = None,
) -> Response:
    """Say more, less or other things of a place than one did."""
    asking(request).subject = str(place)
    return answers.json(rooms.notes.writing.change(place, author_meant(request, rooms, author), body, expected=expected))


@_every_form("DELETE", responses=described(OwnNotes, "Nothing is left.", errors=_EDIT_ERRORS))
def withdraw_notes(request: Request, rooms: NoteKeeper, place: At, author: Author = None, expected: Expected = None) -> Response:
    """Take back everything one says of a place; what one says of its columns stays."""
    asking(request).subject = str(place)
    return answers.json(rooms.notes.writing.withdraw(place, author_meant(request, rooms, author), expected=expected))


@router.get("/suggestions/{source_id}", responses=described(SuggestionPage, "Suggestions, the most confident first.", errors=(404,)))
def list_suggestions(
    rooms: SuggestionReader,
    source_id: PathName,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    origin: Annotated[Literal["lineage", "notes"] | None, Query(description="Only labels that follow lineage, or only notes.")] = None,
) -> Response:
    """List what machines suggest and nobody has judged: notes with a confidence, and labels that follow lineage downstream."""
    return answers.json(rooms.suggestions.page(source_id, limit=limit, cursor=cursor, origin=origin))


@router.post(
    "/suggestions/{source_id}/{suggestion_id}/accept",
    openapi_extra=takes(Judgement, required=False),
    responses=described(OwnNotes, "The person's notes, this one among them.", errors=(404, *WRITE_ERRORS)),
)
def accept_suggestion(
    request: Request,
    rooms: SuggestionJudge,
    source_id: PathName,
    suggestion_id: PathName,
    body: Annotated[Judgement, json_body(Judgement, empty=Judgement)],
    author: Author = None,
) -> Response:
    """Make a suggestion one's own note, with whose suggestion it was."""
    asking(request).subject = suggestion_id
    said = rooms.suggestions.accept(source_id, suggestion_id, author_meant(request, rooms, author), reason=body.reason)
    return answers.json(said)


@router.post(
    "/suggestions/{source_id}/{suggestion_id}/reject",
    openapi_extra=takes(Judgement, required=False),
    responses=described(OwnNotes, "The person's notes, the rejection among them.", errors=(404, *WRITE_ERRORS)),
)
def reject_suggestion(
    request: Request,
    rooms: SuggestionJudge,
    source_id: PathName,
    suggestion_id: PathName,
    body: Annotated[Judgement, json_body(Judgement, empty=Judgement)],
    author: Author = None,
) -> Response:
    """Say that a suggestion is wrong; it is hidden, and not made again."""
    asking(request).subject = suggestion_id
    said = rooms.suggestions.reject(source_id, suggestion_id, author_meant(request, rooms, author), reason=body.reason)
    return answers.json(said)
