"""``/ui/search``: tables and columns by words."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import DictionaryReader
from factbook.api.parameters import AnySource, Cursor, Search
from factbook.dictionary import DictionaryFilter, DictionaryRow
from factbook.web.parameters import AsOf
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages

router = Pages()

HITS = 30


class Found(msgspec.Struct, frozen=True):
    """Columns whose names, comments or tables hold all the words."""

    search: str
    source_id: str | None
    items: list[DictionaryRow]
    next_cursor: str | None
    as_of: datetime | None


@router.page("/search")
def search(
    request: Request, rooms: DictionaryReader, search: Search = None, source_id: AnySource = None, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show what is found; a part of a page where a script asks as one types."""
    words = (search or "").strip()
    wanted = DictionaryFilter(search=words, source_id=source_id)
    found = rooms.dictionary.page(wanted, limit=HITS, cursor=cursor, as_of=as_of) if words else None
    content = Found(words, source_id, found.items if found else [], found.next_cursor if found else None, as_of)
    about = Page(f"Search: {words}" if words else "Search", as_of=as_of)
    return page(request, "search.html", about, content, part="hits.html")
