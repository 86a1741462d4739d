"""``/ui/table/…/history``: each moment a table changed, and what changed then."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.api.parameters import Cursor
from factbook.diff.history import TableMoment
from factbook.sources.contract import TableName
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part

router = Pages()

MOMENTS = 50


class History(msgspec.Struct, frozen=True):
    """Moments, the newest first."""

    history: list[TableMoment]


@router.page(f"{PATH}/history")
def history(
    request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show the history of a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    found = rooms.diffs.history(source_id, TableName(schema, table), limit=MOMENTS, cursor=cursor, as_of=as_of)
    return chosen.show("history", History(found.items), next_cursor=found.next_cursor)
