"""``/ui/table/…/lineage``: one step around a table, what it is made from and what is made from it, and further where that is asked for."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import LineageReader, TableReader
from factbook.errors import NotFound
from factbook.lineage.model import Node
from factbook.web.exploring import Asked, Asking, Desk, Shown
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.routing import Pages, Part

router = Pages()


class TableLineage(msgspec.Struct, frozen=True):
    """What lies around the table, and how it is looked at."""

    asked: Asked
    shown: Shown


@router.page(f"{PATH}/lineage")
def lineage(request: Request, rooms: TableReader, _: LineageReader, asked: Asking, source_id: Part, schema: Part, table: Part) -> Response:
    """Show the lineage of a table."""
    chosen = table_of(request, rooms, source_id, schema, table, asked.as_of)
    node = Node(f"{source_id}.{schema}.{table}", "table", source_id, table, schema)
    desk = Desk(request, rooms, asked, where=("table", source_id, schema, table, "lineage"))
    try:
        shown = desk.show(node)
    except NotFound:
        # Lineage does not know a table that is gone unless something names it; a column that is not there is another matter.
        if asked.column is not None:
            raise
        shown = desk.empty(node)
    return chosen.show("lineage", TableLineage(asked, shown))
