"""``/ui/quality/SOURCE`` and ``/ui/coverage/SOURCE``: how good the data is, and how well it is documented."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import LintReader, QualityReader
from factbook.api.parameters import Cursor, Pattern
from factbook.errors import NotFound
from factbook.quality.model import QualityPage, TableQuality
from factbook.web.parameters import AsOf
from factbook.web.rendering import SOURCES, Crumb, Page, page, path
from factbook.web.routing import Pages, Part

router = Pages()

TABLES = 50
FINDINGS = 100


class Quality(msgspec.Struct, frozen=True):
    """Scores and results; nothing where nobody judged yet."""

    source_id: str
    items: list[TableQuality]
    next_cursor: str | None
    problem: str | None
    as_of: datetime | None


@router.page("/quality/{source_id}")
def quality(
    request: Request, rooms: QualityReader, source_id: Part, table: Pattern = None, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show the score of the source and of its tables, with the last result of each rule."""
    problem = None
    try:
        found = rooms.quality.page(source_id, table=table, limit=TABLES, cursor=cursor, as_of=as_of)
    except NotFound as error:
        if table is not None:
            raise
        found, problem = QualityPage(source_id, as_of, [], None), str(error)
    about = Page(f"Quality of {source_id}", _crumbs(source_id), as_of)
    return page(request, "quality.html", about, Quality(source_id, found.items, found.next_cursor, problem, as_of))


@router.page("/coverage/{source_id}")
def coverage(request: Request, rooms: LintReader, source_id: Part, as_of: AsOf = None, cursor: Cursor = None) -> Response:
    """Show how much of a source is documented, and what is missing, the worst first."""
    found = rooms.lint.page(source_id, limit=FINDINGS, cursor=cursor, as_of=as_of)
    return page(request, "coverage.html", Page(f"Documentation of {source_id}", _crumbs(source_id), as_of), found)


def _crumbs(source_id: str) -> list[Crumb]:
    return [SOURCES, Crumb(source_id, path("source", source_id))]
