"""``/ui/table/…/facts``: the newest records about a table, as they lie in the log."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.web.pages.table.head import PATH, table_of
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part
from factbook_sdk.repository.contract import StoredRecord

router = Pages()

KINDS = ("schema_snapshot", "table_observation", "statistics_snapshot", "annotation", "data_contract", "lineage")
"""Kinds whose newest record about the table is shown; what else there is, the log gives by `factbook records`."""


class Fact(msgspec.Struct, frozen=True):
    """The newest record of one kind about the table."""

    kind: str
    stored: StoredRecord


class Facts(msgspec.Struct, frozen=True):
    """Records of several kinds."""

    facts: list[Fact]


@router.page(f"{PATH}/facts")
def facts(request: Request, rooms: TableReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None) -> Response:
    """Show the facts about a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    newest = ((kind, rooms.records.latest(chosen.target, kind, tenant=rooms.tenant, as_of=as_of)) for kind in KINDS)
    return chosen.show("facts", Facts([Fact(kind, stored) for kind, stored in newest if stored is not None]))
