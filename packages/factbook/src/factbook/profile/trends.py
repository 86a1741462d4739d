"""How a table's figures went: its measurements over time, all of them or evenly thinned out, with the figures of columns."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec

from factbook.repository.sensitivity import sensitive_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.kinds.statistics_snapshot import Origin, without_values
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord

KIND = "statistics_snapshot"
MOST_POINTS = 400
"""Measurements of one trend at most: a year of daily ones."""
LEAST_POINTS = 24
MOST_FIGURES = 12_000
"""Columns in all measurements of one trend that are read: one has about a kilobyte."""
_TICK = timedelta(microseconds=1)

COLUMN_FIGURES = ("null_share", "distinct_count", "minimum", "maximum", "mean")


class TrendPoint(msgspec.Struct, frozen=True):
    """One measurement. ``columns`` are the figures (``COLUMN_FIGURES``) of those columns that were asked for."""

    at: datetime
    run_id: str | None
    origin: Origin
    row_count: int | None
    row_count_is_estimate: bool
    size_bytes: int | None
    columns: dict[str, dict[str, Any]] = {}


class Trend(msgspec.Struct, frozen=True):
    """Measurements, oldest first. ``is_thinned``: there are more, of which these lie evenly between the first and the last."""

    points: list[TrendPoint]
    is_thinned: bool


def trend_of(
    repository: MetadataRepository,
    target: MetadataTarget,
    *,
    tenant: str,
    columns: Collection[str] = (),
    as_of: datetime | None = None,
) -> Trend:
    """Return how a table's figures went up to a moment, without values of columns that are called sensitive now; empty for one that was
    never measured."""
    until = None if as_of is None else as_of + _TICK

    def read(order: Any, limit: int) -> tuple[list[StoredRecord], bool]:
        page = repository.query(KIND, targets=[target], tenant=tenant, until=until, order=order, limit=limit)
        return list(page.records), page.next_cursor is not None

    newest, _ = read("desc", 1)
    if not newest:
        return Trend([], False)
    most = _points_at_most(newest[0])
    found, is_more = read("desc", most)
    if is_more:
        first, _ = read("asc", 1)
        found = _evenly(repository, target, tenant, first[0], newest[0], most)
    else:
        found = found[::-1]
    sensitive = sensitive_of(repository, [target], tenant=tenant)[target]
    return Trend([_point(item, columns, sensitive) for item in found if item.record.payload is not None], is_more)


def _points_at_most(newest: StoredRecord) -> int:
    width = len((newest.record.payload or {}).get("columns") or ())
    return max(LEAST_POINTS, min(MOST_POINTS, MOST_FIGURES // max(width, 1)))


def _evenly(
    repository: MetadataRepository, target: MetadataTarget, tenant: str, first: StoredRecord, last: StoredRecord, most: int
) -> list[StoredRecord]:
    """Return the measurements in force at moments that lie evenly between the first and the last, both of them among these."""
    start, span = first.record.produced_at, last.record.produced_at - first.record.produced_at
    found = {first.offset: first}
    for step in range(1, most - 1):
        item = repository.latest(target, KIND, tenant=tenant, as_of=start + span * step / (most - 1))
        if item is not None:
            found[item.offset] = item
    found[last.offset] = last
    return list(found.values())


def _point(item: StoredRecord, wanted: Collection[str], sensitive: Sensitive) -> TrendPoint:
    payload = item.record.payload or {}
    columns: list[dict[str, Any]] = []
    if wanted:
        some = [column for column in payload.get("columns") or () if column["name"] in wanted]
        columns = without_values({"columns": some}, sensitive)["columns"]
    return TrendPoint(
        item.record.produced_at,
        item.record.context.run_id,
        payload["origin"],
        payload.get("row_count"),
        bool(payload.get("row_count_is_estimate")),
        payload.get("size_bytes"),
        {column["name"]: {name: column[name] for name in COLUMN_FIGURES if name in column} for column in columns},
    )
