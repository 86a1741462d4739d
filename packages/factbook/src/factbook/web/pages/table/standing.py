"""How a table stands: how much is in it, and what one should know of it at first sight, each with the page that says more."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from factbook.contracts.model import TablePromise
from factbook_sdk.facts.kinds.table_observation import TableObservation
from factbook_sdk.facts.parts import TableRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factbook.web.pages.table.head import Table


class Badge(msgspec.Struct, frozen=True):
    """A word on a table. ``place`` and ``params`` are the parts of the path, and the parameters, of the page that says more."""

    text: str
    kind: Literal["", "good", "warning", "error"] = ""
    title: str = ""
    place: list[str] = []
    params: dict[str, str] = {}


class Amount(msgspec.Struct, frozen=True):
    """A number and where it is from."""

    value: int
    origin: str


class Standing(msgspec.Struct, frozen=True):
    """Rows, bytes and freshness, where anybody knows them, and badges."""

    rows: Amount | None
    size_bytes: int | None
    fresh_at: datetime | None
    fresh_by: str | None
    badges: list[Badge]


def standing_of(table: Table) -> Standing:
    """Return how a table stands at the moment that is shown, as far as whoever looks may know."""
    statistics = None if table.look.measured is None else table.look.measured.statistics
    observed = _observation(table)
    rows = None
    if statistics is not None and statistics.row_count is not None:
        rows = Amount(statistics.row_count, "the engine's estimate" if statistics.row_count_is_estimate else "counted")
    elif observed is not None and observed.row_estimate is not None:
        rows = Amount(observed.row_estimate, "the engine's estimate")
    size = statistics.size_bytes if statistics is not None and statistics.size_bytes is not None else None
    if size is None and observed is not None:
        size = observed.size_bytes
    fresh = None if statistics is None else statistics.freshness
    return Standing(
        rows,
        size,
        None if fresh is None else fresh.latest,
        None if fresh is None else f"the largest {fresh.column}" if fresh.method == "column" and fresh.column else "the engine's note",
        list(_badges(table)),
    )


def _observation(table: Table) -> TableObservation | None:
    stored = table.rooms.records.latest(table.target, "table_observation", tenant=table.rooms.tenant, as_of=table.as_of)
    return None if stored is None or stored.record.payload is None else msgspec.convert(stored.record.payload, TableObservation)


def _badges(table: Table) -> Iterator[Badge]:
    target, own = table.target, ["table", table.target.source_id, table.target.schema or "", table.target.table or ""]
    if table.is_removed:
        yield Badge("removed", "error", "The last scan did not find it any more", [*own, "history"])
    yield from _reading(table)
    snapshot = table.snapshot
    if snapshot.partitioning is not None:
        yield Badge(f"partitioned by {snapshot.partitioning.strategy.lower()}", title=snapshot.partitioning.key, place=[*own, "definition"])
    if snapshot.partition_of is not None:
        parent = snapshot.partition_of
        place = ["table", target.source_id, parent.schema or target.schema or "", parent.table]
        yield Badge(f"partition of {parent.table}", title=parent.bound or "", place=place)
    sensitive = sum(table.look.sensitive.covers(column.name) for column in snapshot.columns)
    if sensitive:
        text = f"{sensitive} sensitive {'column' if sensitive == 1 else 'columns'}"
        yield Badge(text, "warning", "They give counts and no values", own, {"only": "sensitive"})
    if table.may("QualityReader"):
        score = table.rooms.quality.score(target.source_id, table.name, as_of=table.as_of)
        if score is not None and score.score is not None:
            yield Badge(f"quality {score.score:.0f} of 100", title="Its last score", place=[*own, "quality"])
    yield from _users(table, own)


def _reading(table: Table) -> Iterator[Badge]:
    """Yield what the last scan could not read, so that nobody takes what is shown for all there is."""
    scan, name = table.scan, table.name
    if scan is None:
        return
    for failure in scan.failures:
        if (failure.schema, failure.table) == (name.schema, name.table):
            yield Badge("not read by the last scan", "error", failure.reason, ["source", table.target.source_id])
            return
    schema = scan.schemas.get(name.schema)
    if schema is not None and not schema.complete:
        yield Badge("schema not read completely", "warning", schema.reason or "", ["source", table.target.source_id])


def _users(table: Table, own: list[str]) -> Iterator[Badge]:
    ref = TableRef(table.target.source_id, table.name.table, table.name.schema)
    for promise in table.rooms.contracts.on(ref, as_of=table.as_of, checked=table.may("QualityReader")):
        yield _contract(promise, own)
    products = {use.product for use in table.rooms.products.on(ref, as_of=table.as_of)}
    if products:
        text = f"in {len(products)} {'product' if len(products) == 1 else 'products'}"
        yield Badge(text, title=", ".join(sorted(products)[:10]), place=[*own, "used-by"])


def _contract(promise: TablePromise, own: list[str]) -> Badge:
    text = f"contract {promise.contract_id} {promise.version}"
    if promise.broken:
        return Badge(f"{text}: broken", "error", f"{promise.broken} of its promises about structure do not hold", [*own, "used-by"])
    kind: Literal["", "good"] = "good" if promise.status == "active" and promise.broken == 0 else ""
    title = "Its promises about structure held at the last check" if promise.broken == 0 and not promise.unknown else ""
    return Badge(f"{text}: {promise.status}", kind, title, [*own, "used-by"])
