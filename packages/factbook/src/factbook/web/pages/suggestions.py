"""``/ui/suggestions``: what machines suggest, beside what is said now, to be accepted, put in other words, or rejected."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import SuggestionJudge, SuggestionReader, asking, author_meant
from factbook.api.bodies import json_body
from factbook.api.parameters import AnySource, Cursor, SchemaName, TableName
from factbook.api.routes.notes import Whole
from factbook.errors import InvalidRequest
from factbook.knowledge import Place, SuggestionFilter, parse_place
from factbook.knowledge.model import Known
from factbook.knowledge.suggestions import Suggestion
from factbook.rooms import Rooms
from factbook.web.note_form import MAX_DESCRIPTION
from factbook.web.pages.notes import term_names
from factbook.web.parameters import AsOf
from factbook.web.rendering import May, Page, is_part, page
from factbook.web.routing import Pages, Part, lead_to

router = Pages()

SUGGESTIONS = 25
Origin = Annotated[
    Literal["notes", "lineage"], Query(description="What machines wrote, or labels that follow lineage downstream, which takes longer.")
]


class Waiting(msgspec.Struct, frozen=True):
    """A suggestion with the place it is about, taken apart, and what is known of it."""

    suggestion: Suggestion
    place: Place
    known: Known


class SuggestionList(msgspec.Struct, frozen=True):
    """Suggestions, the most confident first. ``authors`` and ``sources`` tell how many wait of each; ``truncated``: there is more than is
    read."""

    wanted: SuggestionFilter
    items: list[Waiting]
    terms: dict[str, str]
    authors: dict[str, int]
    sources: dict[str, int]
    next_cursor: str | None
    truncated: bool
    as_of: datetime | None


class JudgeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a suggestion is judged: ``value`` puts it in other words; ``back_…`` is what the list showed."""

    do: Literal["accept", "reject"] = "accept"
    value: str = ""
    reason: str = ""
    back_source_id: str | None = None
    back_schema: str | None = None
    back_table: str | None = None
    back_author: str | None = None
    back_origin: Literal["notes", "lineage"] | None = None


@router.page("/suggestions")
def suggestions(
    request: Request,
    rooms: SuggestionReader,
    source_id: AnySource = None,
    schema: SchemaName = None,
    table: TableName = None,
    author: Whole = None,
    origin: Origin = "notes",
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show what waits to be judged now; what waited at another moment is not kept."""
    wanted = SuggestionFilter(source_id=source_id, schema=schema, table=table, author=author, origin=origin)
    return page(request, "suggestions.html", Page("Suggestions", [], as_of), _list(request, rooms, wanted, as_of, cursor))


@router.action("/suggestion/{source_id}/{suggestion_id}")
def judge(
    request: Request, rooms: SuggestionJudge, source_id: Part, suggestion_id: Part, sent: Annotated[JudgeForm, json_body(JudgeForm)]
) -> Response:
    """Make a suggestion one's own word, as it is or in other words; or say that it is wrong, so that no machine makes it again."""
    asking(request).subject = suggestion_id
    author, reason = author_meant(request, rooms, None), sent.reason.strip() or None
    if sent.do == "reject":
        rooms.suggestions.reject(source_id, suggestion_id, author, reason=reason)
        return _judged(request, "rejected", sent)
    value = sent.value.replace("\r\n", "\n").strip() or None
    if len(value or "") > MAX_DESCRIPTION:
        raise InvalidRequest(
            "The text is too long", why=f"at most {MAX_DESCRIPTION:,} characters are taken", fix="Shorten it", field="value"
        )
    rooms.suggestions.accept(source_id, suggestion_id, author, reason=reason, value=value)
    return _judged(request, "accepted", sent)


def _list(request: Request, rooms: Rooms, wanted: SuggestionFilter, as_of: datetime | None, cursor: str | None) -> SuggestionList:
    if as_of is not None:
        return SuggestionList(wanted, [], {}, {}, {}, None, False, as_of)
    found = rooms.suggestions.find(wanted, limit=SUGGESTIONS, cursor=cursor)
    places = [parse_place(item.place) for item in found.items]
    known = rooms.notes.reading.known_many(places)
    return SuggestionList(
        wanted=wanted,
        items=[Waiting(item, place, known[place]) for item, place in zip(found.items, places, strict=True)],
        terms=term_names(rooms, May(request), list(known.values()), None),
        authors=found.by_author,
        sources=found.by_source,
        next_cursor=found.next_cursor,
        truncated=found.truncated,
        as_of=None,
    )


def _judged(request: Request, done: Literal["accepted", "rejected"], sent: JudgeForm) -> Response:
    """Say what was done in the place of the suggestion, where a script asks, else lead back to the list as it was filtered."""
    if is_part(request):
        return page(request, "judged.html", Page("Suggestions"), done, part="judged.html")
    back = {
        name: getattr(sent, f"back_{name}")
        for name in ("source_id", "schema", "table", "author", "origin")
        if getattr(sent, f"back_{name}")
    }
    return lead_to("suggestions", done=done, **back)
