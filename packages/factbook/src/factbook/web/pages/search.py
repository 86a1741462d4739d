"""``/ui/search``: everything by words, and what the box shows while one types."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import Visitor, searchable
from factbook.api.parameters import Cursor
from factbook.api.routes.search import Question, Wanted
from factbook.finding import FindFilter, Hit, SearchPage
from factbook.finding.model import PARTS
from factbook.web.parameters import AsOf
from factbook.web.rendering import Page, is_part, page
from factbook.web.routing import Pages

router = Pages()

HITS = 30
BOX_HITS = 12
_GROUPS = {"name": "Tables", "columns": "Columns", "text": "Mentioned in tables"}


class Group(msgspec.Struct, frozen=True):
    """Hits of one sort, in the order of their ranks."""

    label: str
    items: list[Hit]


class Found(msgspec.Struct, frozen=True):
    """What holds all the words. The box groups the best; it does not search the past, which is read anew for each question."""

    search: str
    wanted: FindFilter
    found: SearchPage | None
    groups: list[Group] = []


@router.page("/search")
def search(request: Request, rooms: Visitor, wanted: Wanted, search: Question = "", as_of: AsOf = None, cursor: Cursor = None) -> Response:
    """Show what is found; a part of a page where a script asks as one types."""
    words, parts, in_box = search.strip(), searchable(request, rooms), is_part(request)
    is_asked = bool(words) and not (in_box and as_of is not None)
    limit = BOX_HITS if in_box else HITS
    found = (
        rooms.finder.search(words, wanted, parts=parts, limit=limit, cursor=cursor, as_of=as_of, facets=not in_box) if is_asked else None
    )
    content = Found(words, wanted, found, grouped(found.items) if found is not None and in_box else [])
    about = Page(f"Search: {words}" if words else "Search", as_of=as_of)
    return page(request, "search.html", about, content, part="hits.html")


def grouped(hits: Sequence[Hit]) -> list[Group]:
    """Return hits by what they are; the group of the best comes first."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        label = f"{hit.thing.capitalize()}s" if hit.thing in PARTS else _GROUPS[hit.found_in]
        groups.setdefault(label, []).append(hit)
    return [Group(label, items) for label, items in groups.items()]
