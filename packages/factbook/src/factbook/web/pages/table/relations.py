"""``/ui/table/…/relations``: what a table refers to, what refers to it, and what else constrains it."""

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
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, Index

router = Pages()

REFERRING = 200


class Relations(msgspec.Struct, frozen=True):
    """The foreign keys of a table, the columns whose foreign keys point at it, its other constraints and its indexes."""

    outgoing: list[Constraint]
    incoming: list[DictionaryRow]
    constraints: list[Constraint]
    indexes: list[Index]


@router.page(f"{PATH}/relations")
def relations(
    request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None, cursor: Cursor = None
) -> Response:
    """Show the relations of a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    pointing = DictionaryFilter(source_id=source_id, refers_to=(schema, table))
    incoming = rooms.dictionary.page(pointing, limit=REFERRING, cursor=cursor, as_of=as_of)
    constraints = chosen.snapshot.constraints
    shown = Relations(
        outgoing=[item for item in constraints if item.type == "foreign_key"],
        incoming=incoming.items,
        constraints=[item for item in constraints if item.type not in ("foreign_key", "not_null")],
        indexes=chosen.snapshot.indexes,
    )
    return chosen.show("relations", shown, next_cursor=incoming.next_cursor)
