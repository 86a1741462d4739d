"""``/ui/table/…/definition``: the query of a view."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part

router = Pages()


class Definition(msgspec.Struct, frozen=True):
    """The query of a view; ``None`` for what has none."""

    definition: str | None


@router.page(f"{PATH}/definition")
def definition(request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None) -> Response:
    """Show what a table or view is made by."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    return chosen.show("definition", Definition(chosen.snapshot.definition))
