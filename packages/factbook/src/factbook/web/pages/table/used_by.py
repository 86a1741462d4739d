"""``/ui/table/…/used-by``: who would notice if it went: products, contracts, what is made from it and by which jobs, and foreign keys."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableUseReader
from factbook.contracts.model import TablePromise
from factbook.dictionary import DictionaryFilter, DictionaryRow
from factbook.errors import NotFound
from factbook.lineage.model import LineageEntry, Reached
from factbook.lineage.view import View
from factbook.products.model import ProductUse
from factbook.web.pages.table.head import PATH, Table, table_of
from factbook.web.parameters import AsOf
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.parts import TableRef

router = Pages()

DOWNSTREAM = 100
EDGES = 500
REFERRING = 100


class Reader(msgspec.Struct, frozen=True):
    """What reads the table: a job, or whoever told of the edges where no job is named. ``targets`` is what it makes from it."""

    job: str | None
    origin: str
    producer_id: str
    targets: list[str]
    last_seen: datetime
    stale: bool


class UsedBy(msgspec.Struct, frozen=True):
    """Who uses a table. ``downstream`` is one step away, ``downstream_total`` counts all that is made from it in any number of steps.
    ``knows_lineage`` is false where nobody told any lineage of it, which is not nobody."""

    products: list[ProductUse]
    contracts: list[TablePromise]
    downstream: list[Reached]
    downstream_near: int
    downstream_total: int
    is_truncated: bool
    knows_lineage: bool
    readers: list[Reader]
    referring: list[DictionaryRow]
    more_referring: bool


@router.page(f"{PATH}/used-by")
def used_by(request: Request, rooms: TableUseReader, source_id: Part, schema: Part, table: Part, as_of: AsOf = None) -> Response:
    """Show who uses a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    ref = TableRef(source_id, table, schema)
    name, view = f"{source_id}.{schema}.{table}", View(as_of=as_of)
    try:
        near = rooms.lineage.closure(name, "downstream", depth=1, limit=DOWNSTREAM, view=view)
        whole = rooms.lineage.closure(name, "downstream", limit=1, view=view)
        edges = rooms.lineage.entries(source=name, limit=EDGES, view=view).items
    except NotFound:
        near, whole, edges = None, None, []
    pointing = rooms.dictionary.page(DictionaryFilter(source_id=source_id, refers_to=(schema, table)), limit=REFERRING, as_of=as_of)
    shown = UsedBy(
        rooms.products.on(ref, as_of=as_of),
        rooms.contracts.on(ref, as_of=as_of, checked=chosen.may("QualityReader")),
        near.items if near is not None else [],
        near.total if near is not None else 0,
        whole.total if whole is not None else 0,
        (near is not None and near.truncated) or (whole is not None and whole.truncated),
        bool(edges) or _has_upstream(chosen, name, view),
        _readers(edges),
        pointing.items,
        pointing.next_cursor is not None,
    )
    return chosen.show("used-by", shown)


def _has_upstream(table: Table, name: str, view: View) -> bool:
    """Return whether anybody told what the table is made from: then somebody looked, and nothing that is made from it was seen."""
    try:
        return table.rooms.lineage.closure(name, "upstream", depth=1, limit=1, view=view).total > 0
    except NotFound:
        return False


def _readers(edges: list[LineageEntry]) -> list[Reader]:
    groups: dict[tuple[str, str, str], list[LineageEntry]] = {}
    for edge in edges:
        groups.setdefault((edge.origin, edge.job or "", edge.producer_id), []).append(edge)
    return [
        Reader(
            job or None,
            origin,
            producer_id,
            sorted({edge.target for edge in own}),
            max(edge.last_seen for edge in own),
            all(edge.stale for edge in own),
        )
        for (origin, job, producer_id), own in sorted(groups.items())
    ]
