"""``/ui/table/…/profile``: how the figures of a table went, and what differs between two of its measurements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.api.parameters import Cursor
from factbook.profile.trends import Trend, TrendPoint
from factbook.quality.model import FoundAnomaly
from factbook.web.pages.table.head import PATH, Table, table_of
from factbook.web.pages.table.paging import place_of
from factbook.web.parameters import AsOf, ColumnName
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot, Value

router = Pages()

COLUMNS = 100

Before = Annotated[AsOf, Query(alias="from")]
After = Annotated[AsOf, Query(alias="to")]


Unit = Literal["", "bytes", "share"]


class Series(msgspec.Struct, frozen=True):
    """Numbers, one for each moment of a chart; ``None`` where nothing was measured."""

    name: str
    values: list[float | None]


class Mark(msgspec.Struct, frozen=True):
    """A point of a series that does not fit its own history."""

    series: int
    index: int
    text: str


class Chart(msgspec.Struct, frozen=True):
    """What ``static/chart.js`` draws, and the table beside it shows."""

    title: str
    unit: Unit
    x: list[datetime]
    series: list[Series]
    marks: list[Mark]
    kind: str = "line"


class Figures(msgspec.Struct, frozen=True):
    """What is compared of a column; values of sensitive columns are not among them."""

    null_share: float | None
    distinct_count: int | None
    minimum: Value
    maximum: Value
    mean: float | None


class Compared(msgspec.Struct, frozen=True):
    """A column in two measurements; ``None`` where it was not measured."""

    column: str
    before: Figures | None
    after: Figures | None


class Comparison(msgspec.Struct, frozen=True):
    """Two measurements, and a page of the columns that the table has: ``total`` counts them."""

    before: datetime
    after: datetime
    rows_before: int | None
    rows_after: int | None
    columns: list[Compared]
    total: int


class Profile(msgspec.Struct, frozen=True):
    """Charts over all measurements, or as many as ``is_thinned`` left, and a comparison of two. ``anomalies`` are ``None`` where whoever
    looks may not know them."""

    moments: list[datetime]
    is_thinned: bool
    charts: list[Chart]
    columns: list[str]
    column: str | None
    is_sensitive: bool
    comparison: Comparison | None
    anomalies: list[FoundAnomaly] | None


@router.page(f"{PATH}/profile")
def profile(
    request: Request,
    rooms: TableReader,
    source_id: Part,
    schema: Part,
    table: Part,
    column: ColumnName = None,
    before: Before = None,
    after: After = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show how the figures of a table, and of one of its columns, went."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    names = [item.name for item in chosen.snapshot.columns]
    wanted = column if column in names else None
    trend = rooms.profiles.trend(source_id, chosen.name, columns=[wanted] if wanted is not None else [], as_of=as_of)
    anomalies = rooms.quality.known_anomalies(source_id, chosen.name, as_of=as_of) if chosen.may("AnomalyFactReader") else None
    moments = [point.at for point in trend.points]
    comparison, following = _comparison(chosen, moments, before, after, cursor)
    shown = Profile(
        moments,
        trend.is_thinned,
        charts_of(trend, wanted, anomalies or []),
        names,
        wanted,
        wanted is not None and chosen.look.sensitive.covers(wanted),
        comparison,
        anomalies,
    )
    return chosen.show("profile", shown, next_cursor=following)


_Line = tuple[str, Sequence[float | None], str]
"""A series: its name, its values, and the metric by which anomalies know it."""


def charts_of(trend: Trend, column: str | None, anomalies: list[FoundAnomaly]) -> list[Chart]:
    """Return the charts of a trend; of what was never measured none."""
    points = trend.points
    found = [
        _chart("Rows", "", points, [("rows", [point.row_count for point in points], "row_count")], None, anomalies),
        _chart("Size", "bytes", points, [("size", [point.size_bytes for point in points], "size_bytes")], None, anomalies),
    ]
    if column is not None:
        of_column: tuple[tuple[str, Unit, list[tuple[str, str]]], ...] = (
            (f"Nulls in {column}", "share", [("null share", "null_share")]),
            (f"Distinct values of {column}", "", [("distinct values", "distinct_count")]),
            (f"Range of {column}", "", [("maximum", "maximum"), ("mean", "mean"), ("minimum", "minimum")]),
        )
        for title, unit, figures in of_column:
            series: list[_Line] = [(name, [_number(point, column, figure) for point in points], figure) for name, figure in figures]
            found.append(_chart(title, unit, points, series, column, anomalies))
    return [chart for chart in found if any(value is not None for series in chart.series for value in series.values)]


def _chart(
    title: str,
    unit: Unit,
    points: list[TrendPoint],
    series: Sequence[_Line],
    column: str | None,
    anomalies: list[FoundAnomaly],
) -> Chart:
    places = {point.at: index for index, point in enumerate(points)}
    filled = [(name, values, metric) for name, values, metric in series if any(value is not None for value in values)]
    marks = [
        Mark(number, places[found.at], f"{found.anomaly.direction} what its history allows")
        for number, (_, _, metric) in enumerate(filled)
        for found in anomalies
        if found.at in places and (found.anomaly.metric, found.anomaly.column) == (metric, column)
    ]
    return Chart(title, unit, [point.at for point in points], [Series(name, list(values)) for name, values, _ in filled], marks)


def _number(point: TrendPoint, column: str, figure: str) -> float | None:
    value = point.columns.get(column, {}).get(figure)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _comparison(
    table: Table, moments: list[datetime], before: datetime | None, after: datetime | None, cursor: str | None
) -> tuple[Comparison | None, str | None]:
    """Return two measurements side by side: those that are asked for, else the first and the last."""
    if len(moments) < 2:
        return None, None
    names = [column.name for column in table.snapshot.columns]
    start = place_of(cursor)
    part = names[start : start + COLUMNS]
    sides = []
    for moment in (before or moments[0], after or moments[-1]):
        measured = table.rooms.profiles.look(table.target.source_id, table.name, columns=frozenset(part), as_of=moment).measured
        if measured is None:
            return None, None
        sides.append(measured)
    old, new = (_by_column(side.statistics) for side in sides)
    rows = [Compared(name, _figures(old.get(name)), _figures(new.get(name))) for name in part if name in old or name in new]
    found = Comparison(
        sides[0].measured_at, sides[1].measured_at, sides[0].statistics.row_count, sides[1].statistics.row_count, rows, len(names)
    )
    return found, str(start + COLUMNS) if len(names) > start + COLUMNS else None


def _by_column(statistics: StatisticsSnapshot) -> dict[str, ColumnStatistics]:
    return {column.name: column for column in statistics.columns}


def _figures(column: ColumnStatistics | None) -> Figures | None:
    if column is None:
        return None
    return Figures(column.null_share, column.distinct_count, column.minimum, column.maximum, column.mean)
