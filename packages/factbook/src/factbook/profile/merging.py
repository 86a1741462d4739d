"""Put together what was measured of disjoint parts of a table (partitions, windows) without reading a row again. Pure.

What adds up is added, means and deviations are combined by the formula of Chan, Golub and LeVeque (1979), and what does not follow from the
parts is left out with the reason: quantiles never do, distinct values only where no value can be in two parts, or as bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from factbook.errors import InvalidRequest
from factbook.profile.merging_values import distribution_of
from factbook.profile.parts import Order, Part, as_number, order_of
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Freshness, StatisticsSnapshot
from factbook_sdk.facts.parts import Window


def merge(parts: Sequence[StatisticsSnapshot], *, table: str = "") -> StatisticsSnapshot:
    """Return what is known of all the parts of ``table`` together, which must have no row in common.

    Only parts that were counted are merged: raises :class:`InvalidRequest` for one that was sampled, estimated or skipped. A column that
    some part lacks is left out.
    """
    if not parts or any(part.origin != "exact" or part.row_count is None for part in parts):
        raise InvalidRequest("Parts cannot be merged", why="not all of them were counted", fix="Measure every part in full")
    shared = [column.name for column in parts[0].columns if all(_column(part, column.name) for part in parts)]
    return StatisticsSnapshot(
        origin="exact",
        row_count=sum(part.row_count or 0 for part in parts),
        size_bytes=_added([part.size_bytes for part in parts]),
        columns=[_merged([(part, _column(part, name)) for part in parts], table) for name in shared],
        window=_window([part.window for part in parts]),
        freshness=_freshness([part.freshness for part in parts]),
    )


def _column(part: StatisticsSnapshot, name: str) -> ColumnStatistics | None:
    return next((column for column in part.columns if column.name == name), None)


def _merged(found: Iterable[tuple[StatisticsSnapshot, ColumnStatistics | None]], table: str) -> ColumnStatistics:
    everything = [Part(column, part.row_count or 0, (part.row_count or 0) - (column.null_count or 0)) for part, column in found if column]
    first, rows = everything[0].column, sum(part.rows for part in everything)
    nulls = _added([part.column.null_count for part in everything])
    figures: dict[str, Any] = {"null_count": nulls, "null_share": nulls / rows if rows and nulls is not None else None}
    said = [part.column.skipped for part in everything if part.column.skipped]
    reasons = [reason for reason in said if not reason.startswith(_MERGED)]
    # A part without values says nothing about them, and keeps nothing from being merged.
    parts = [part for part in everything if part.known]
    left_out = [name for reason in said if reason.startswith(_MERGED) for name in reason.removeprefix(_MERGED).split(", ")]
    if parts and nulls is not None:
        figures |= _plain(everything, parts, left_out) | distribution_of(parts, rows, left_out, table)
    else:
        figures |= {name: _added([getattr(part.column, name) for part in everything]) for name in _COUNTS}
    if left_out:
        reasons.append(_MERGED + ", ".join(dict.fromkeys(left_out)))
    return ColumnStatistics(
        name=first.name,
        data_type=first.data_type if all(part.column.data_type == first.data_type for part in everything) else None,
        is_sensitive=any(part.column.is_sensitive for part in everything),
        skipped=reasons[0] if reasons else None,
        **{name: value for name, value in figures.items() if value is not None},
    )


_MERGED = "merged from parts without "
_COUNTS = ("zero_count", "negative_count", "empty_count")


def _plain(everything: Sequence[Part], parts: Sequence[Part], left_out: list[str]) -> dict[str, Any]:
    known = sum(part.known for part in parts)
    figures: dict[str, Any] = {name: _added([getattr(part.column, name) for part in parts]) for name in _COUNTS}
    if any(part.column.not_finite_count for part in everything):
        figures["not_finite_count"] = sum(part.column.not_finite_count or 0 for part in everything)
    figures["total"] = _summed([part.column.total for part in parts])
    # The totals of whole numbers have lost nothing, their means have.
    has_means = all(part.column.mean is not None for part in parts)
    mean = figures["total"] / known if has_means and figures["total"] is not None else _averaged(parts, "mean", known)
    figures |= {"mean": mean, "deviation": _deviation(parts, mean, known)}
    figures["minimum_length"] = _best(min, [part.column.minimum_length for part in parts], as_number)
    figures["maximum_length"] = _best(max, [part.column.maximum_length for part in parts], as_number)
    figures["mean_length"] = _averaged(parts, "mean_length", known)
    order = order_of(parts)
    for name, best in (("minimum", min), ("maximum", max)):
        values = [getattr(part.column, name) for part in parts]
        try:
            figures[name] = _best(best, values, order)
        except ValueError:
            left_out.append(name)
    return figures


def _deviation(parts: Sequence[Part], mean: float | None, known: int) -> float | None:
    """Return the deviation of the sample (n - 1): the squares within the parts and those of their means around the common one."""
    if mean is None or known < 2:
        return None
    squares = []
    for part in parts:
        if part.column.mean is None or (part.column.deviation is None and part.known > 1):
            return None
        squares.append((part.column.deviation or 0.0) ** 2 * (part.known - 1))
        squares.append((part.column.mean - mean) ** 2 * part.known)
    deviation = math.sqrt(math.fsum(squares) / (known - 1))
    return deviation if math.isfinite(deviation) else None


def _best(choose: Callable[..., Any], values: Sequence[Any], order: Order) -> Any:
    return choose(values, key=order) if values and None not in values else None


def _added(numbers: Sequence[int | None]) -> int | None:
    return sum(number for number in numbers if number is not None) if None not in numbers else None


def _summed(numbers: Sequence[float | None]) -> float | None:
    return math.fsum(number for number in numbers if number is not None) if None not in numbers else None


def _averaged(parts: Sequence[Part], name: str, known: int) -> float | None:
    means = [getattr(part.column, name) for part in parts]
    if None in means:
        return None
    return math.fsum(mean * part.known for mean, part in zip(means, parts, strict=True)) / known


def _window(windows: Sequence[Window | None]) -> Window | None:
    """Return the stretch from the first window's start to the last one's end, if all are of the same column."""
    known = [window for window in windows if window is not None]
    if len(known) < len(windows) or len({window.column for window in known}) != 1:
        return None
    starts = [window.start for window in known if window.start is not None]
    ends = [window.end for window in known if window.end is not None]
    return Window(min(starts) if len(starts) == len(known) else None, max(ends) if len(ends) == len(known) else None, known[0].column)


def _freshness(found: Sequence[Freshness | None]) -> Freshness | None:
    known = [item for item in found if item is not None]
    if len({(item.method, item.column) for item in known}) != 1:
        return None
    return max(known, key=lambda item: item.latest)
