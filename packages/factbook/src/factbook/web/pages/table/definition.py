"""``/ui/table/…/definition``: the query of a view, what else makes a table what it is, and the whole of it as DBML."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.kinds.schema_snapshot import Partitioning, PartitionOf

router = Pages()


class Definition(msgspec.Struct, frozen=True):
    """``definition`` is the query of a view, ``None`` for what has none; ``dbml`` is the structure as the export writes it, ``None`` for
    what has no columns. ``engine`` is whose SQL it is."""

    definition: str | None
    engine: str | None
    partitioning: Partitioning | None
    partition_of: PartitionOf | None
    inherits: list[str]
    owner: str | None
    options: dict[str, Any]
    dbml: str | None


@router.page(f"{PATH}/definition")
def definition(request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None) -> Response:
    """Show what a table or view is made by."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    snapshot = chosen.snapshot
    shown = Definition(
        snapshot.definition,
        None if chosen.scan is None else chosen.scan.engine,
        snapshot.partitioning,
        snapshot.partition_of,
        snapshot.inherits,
        snapshot.owner,
        snapshot.options,
        rooms.exports.as_dbml(chosen.target, snapshot, chosen.stored.record.produced_at),
    )
    return chosen.show("definition", shown)
