"""``/ui/table/SOURCE/SCHEMA/TABLE``: what a table consists of."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.api.parameters import Cursor
from factbook.dictionary import DictionaryFilter, DictionaryRow
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part

router = Pages()

COLUMNS = 200


class Columns(msgspec.Struct, frozen=True):
    """Columns in their order."""

    columns: list[DictionaryRow]


@router.page(PATH)
def columns(
    request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show a table with its columns."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    wanted = DictionaryFilter(source_id=source_id, schema=schema, table=table)
    found = rooms.dictionary.page(wanted, limit=COLUMNS, cursor=cursor, as_of=as_of)
    return chosen.show(None, Columns(found.items), next_cursor=found.next_cursor, columns={row.column for row in found.items})
