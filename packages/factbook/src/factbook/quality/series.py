"""Histories of measured numbers, read from facts in bulk: profiles, and loads."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.quality.anomalies import Judgement, Options, Point, judge_series
from factbook.quality.choosing import is_like
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.anomaly import Anomaly
from factbook_sdk.repository.contract import MetadataRepository, Targets, Within

KINDS = ("statistics_snapshot", "ingestion_volume", "ingestion_runtime")
MAX_RECORDS = 20_000
"""Records of each kind that one look reads, the newest first."""
MAX_POINTS = 200
"""Points of one series that are looked at, the newest."""
_PAGE = 1_000
_TARGETS_AT_ONCE = 100
_OF_TABLE = ("row_count", "size_bytes")
_OF_COLUMN = (
    "null_share",
    "distinct_count",
    "mean",
    "deviation",
    "total",
    "mean_length",
    "minimum_length",
    "maximum_length",
    "zero_count",
    "negative_count",
    "empty_count",
)
"""Smallest and largest values are not followed: each is a value of the data, and an anomaly would tell it."""
_OF_LOAD = ("row_count", "byte_count", "file_count", "read_count", "rejected_count", "duplicate_count")
_SHARES = ("null_share",)
_COUNTS = ("row_count", "distinct_count", "zero_count", "negative_count", "empty_count", *_OF_LOAD)


class Series(msgspec.Struct, frozen=True):
    """Which number is followed. Exact and sampled measurements are different series, whatever they measure."""

    target: MetadataTarget
    kind: str
    metric: str
    column: str | None = None
    origin: str | None = None

    def options(self, given: Options) -> Options:
        """Return the options with the floor that suits the number: one row, or half a percent of a share."""
        floor = 0.005 if self.metric in _SHARES else 1.0 if self.metric in _COUNTS else 0.0
        return msgspec.structs.replace(given, floor=max(given.floor, floor))

    @property
    def key(self) -> tuple[str, ...]:
        target = self.target
        return target.schema or "", target.table or "", self.column or "", self.metric, self.kind, self.origin or ""


class Histories(msgspec.Struct, frozen=True):
    """Series with their points. ``is_complete`` is false where there were more records than are read."""

    points: dict[Series, list[Point]]
    is_complete: bool


class Finding(msgspec.Struct, frozen=True):
    """One series looked at: how many points there are of those needed, and which points are anomalies."""

    series: Series
    points: int
    needed: int
    anomalies: list[Judgement]

    @property
    def is_silent(self) -> bool:
        """Whether there are too few points to say anything."""
        return self.points <= self.needed


def read_histories(
    repository: MetadataRepository, targets: Targets, *, tenant: str, until: datetime | None = None, table: str | None = None
) -> Histories:
    """Read the newest measurements of targets; ``table`` is a pattern of ``schema.table`` or ``table``, ``until`` leaves out what came
    later."""
    found: defaultdict[Series, deque[Point]] = defaultdict(lambda: deque(maxlen=MAX_POINTS))
    is_complete = True
    for kind in KINDS:
        read, cursor = 0, None
        while True:
            limit = min(_PAGE, MAX_RECORDS)
            page = repository.query(kind, targets=targets, tenant=tenant, until=until, order="desc", limit=limit, cursor=cursor)
            for stored in page.records:
                record = stored.record
                if record.payload is None or not _is_wanted(record.target, table):
                    continue
                for series, value in numbers_of(record.target, kind, record.payload):
                    history = found[series]
                    if len(history) < MAX_POINTS:
                        history.append(Point(record.produced_at, value))
            read += len(page.records)
            cursor = page.next_cursor
            if cursor is None:
                break
            if read >= MAX_RECORDS:
                # Of one table nothing is missing once each number has all the points that are looked at.
                is_one = not isinstance(targets, Within) and len(targets) == 1
                is_full = all(len(points) == MAX_POINTS for series, points in found.items() if series.kind == kind)
                is_complete = is_complete and is_one and is_full
                break
    ordered = sorted(found.items(), key=lambda item: item[0].key)
    return Histories({series: sorted(points) for series, points in ordered}, is_complete)


def read_all_histories(repository: MetadataRepository, source_id: str, known: Sequence[TableName], *, tenant: str) -> Iterator[Histories]:
    """Read the measurements of a source part by part, so that each table has its points however many there are.

    Parts are halved until all of each can be read. ``known`` are tables that may have been measured too long ago to be met at first.
    """
    whole = read_histories(repository, Within(source_id), tenant=tenant)
    if whole.is_complete:
        yield whole
        return
    scanned = (MetadataTarget(source_id, name.schema, name.table) for name in known)
    targets = sorted({*scanned, *(series.target for series in whole.points)}, key=lambda target: (target.schema or "", target.table or ""))
    parts = [targets[start : start + _TARGETS_AT_ONCE] for start in range(0, len(targets), _TARGETS_AT_ONCE)]
    while parts:
        part = parts.pop(0)
        histories = read_histories(repository, part, tenant=tenant)
        if histories.is_complete or len(part) == 1:
            yield histories
        else:
            middle = len(part) // 2
            parts[:0] = [part[:middle], part[middle:]]


def look(histories: Histories, options: Options) -> list[Finding]:
    """Judge every series; in the order of tables, columns and metrics.

    Of a series that is cut to its newest points the first are no anomalies: what came before them, and made their band, is not known.
    """
    found = []
    for series, points in histories.points.items():
        judged = judge_series(points, series.options(options))
        if len(points) >= MAX_POINTS:
            judged = judged[options.window + options.settles_after :]
        found.append(Finding(series, len(points), options.minimum_points, [one for one in judged if one.direction is not None]))
    return found


def anomaly_of(series: Series, judged: Judgement, options: Options) -> Anomaly:
    """Return the payload for a point outside its band."""
    band = judged.band
    assert band is not None and judged.direction is not None  # noqa: S101, PT018 - only points outside a band come here
    return Anomaly(
        metric=series.metric,
        observed=judged.point.value,
        low=round(band.low, 9),
        high=round(band.high, 9),
        direction=judged.direction,
        method=options.method,
        points=band.points,
        measured_by=series.kind,
        column=series.column,
        seasonality=band.seasonality,
        drift=round(band.drift, 9) if band.drift else None,
        score=round(band.distance(judged.point.value), 3),
        origin=series.origin,
    )


def numbers_of(target: MetadataTarget, kind: str, payload: Mapping[str, Any]) -> Iterator[tuple[Series, float]]:
    """Yield the numbers of one fact that can be followed."""
    if kind == "ingestion_runtime":
        if payload.get("outcome") == "succeeded" and _is_number(payload.get("duration_seconds")):
            yield Series(target, kind, "duration_seconds"), float(payload["duration_seconds"])
        return
    if kind == "ingestion_volume":
        for name in _OF_LOAD:
            if _is_number(payload.get(name)):
                yield Series(target, kind, name, origin=payload.get("mode")), float(payload[name])
        return
    origin = payload.get("origin")
    for name in _OF_TABLE:
        if _is_number(payload.get(name)):
            is_estimate = name == "row_count" and payload.get("row_count_is_estimate")
            yield Series(target, kind, name, origin="engine" if is_estimate else origin), float(payload[name])
    for metric in payload.get("metrics") or ():
        if isinstance(metric, Mapping) and isinstance(metric.get("name"), str) and _is_number(metric.get("value")):
            yield Series(target, kind, f"metric:{metric['name']}", metric.get("column"), origin), float(metric["value"])
    for column in payload.get("columns") or ():
        yield from _of_column(target, kind, payload, column, origin)


def _of_column(
    target: MetadataTarget, kind: str, payload: Mapping[str, Any], column: Mapping[str, Any], origin: Any
) -> Iterator[tuple[Series, float]]:
    values = dict(column)
    origin = column.get("origin") or origin
    rows = (payload.get("sample") or {}).get("rows") if origin == "sampled" else payload.get("row_count")
    if "null_share" not in values and _is_number(values.get("null_count")) and rows:
        values["null_share"] = values["null_count"] / rows
    for name in _OF_COLUMN:
        if _is_number(values.get(name)):
            yield Series(target, kind, name, column.get("name"), _origin_of(name, column, origin)), float(values[name])


def _origin_of(name: str, column: Mapping[str, Any], origin: Any) -> Any:
    """Return how a figure came about: distinct values may be counted otherwise than the rest."""
    if name != "distinct_count":
        return origin
    return "estimate" if column.get("distinct_is_estimate") else column.get("distribution_origin") or origin


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_wanted(target: MetadataTarget, table: str | None) -> bool:
    return not target.extras and (table is None or is_like(target.schema, target.table, table))
