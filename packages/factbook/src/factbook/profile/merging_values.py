"""What the values of a column in disjoint parts of a table tell of all: distinct and frequent values, histogram, shapes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from factbook.profile.computing import BINS, FREQUENT
from factbook.profile.parts import Part, is_cut, order_of
from factbook.profile.suggestions import suggest
from factbook_sdk.facts.kinds.statistics_snapshot import Bin, ColumnStatistics, Frequency, PatternCount, Value


def distribution_of(parts: Sequence[Part], rows: int, left_out: list[str], table: str) -> dict[str, Any]:
    """Return distinct values, frequent values, histogram and shapes, as far as they follow from the parts."""
    if any(part.column.distinct_count is None and part.column.distinct_low is None for part in parts):
        return {}
    if any(part.column.distinct_is_estimate or (part.column.distribution_origin or "exact") != "exact" for part in parts):
        left_out.append("what was estimated from a sample")
        return {}
    known = sum(part.known for part in parts)
    counts = _counts(parts)
    figures = _distinct(parts, counts, known, rows)
    if counts is not None:
        figures["frequent"] = _frequent(counts, parts)
    elif any(part.column.frequent for part in parts):
        left_out.append("frequent values")
    histogram = _histogram(parts)
    if histogram is not None:
        figures["histogram"] = histogram
    elif any(part.column.histogram for part in parts):
        left_out.append("histogram")
    if any(part.column.quantiles for part in parts):
        left_out.append("quantiles")
    if any(item.checked for part in parts for item in part.column.patterns):
        left_out.append("patterns")
        return figures
    return figures | _shapes(parts, known, figures.get("distinct_count"), table)


def _shapes(parts: Sequence[Part], known: int, distinct_count: int | None, table: str) -> dict[str, Any]:
    """Return the patterns, of which all values were counted, and what follows from them."""
    patterns = Counter[str]()
    for part in parts:
        patterns.update({item.pattern: item.count for item in part.column.patterns})
    filled = known - sum(part.column.empty_count or 0 for part in parts)
    found = [PatternCount(name, count, count / filled) for name, count in sorted(patterns.items(), key=lambda item: (-item[1], item[0]))]
    column = parts[0].column
    shares = {item.pattern: item.share for item in found}
    checked = filled if column.empty_count is not None else None
    suggestions = suggest(column.name, column.data_type or "", shares, table=table, checked=checked, distinct_count=distinct_count)
    return {"patterns": found, "suggestions": suggestions}


def _distinct(parts: Sequence[Part], counts: Counter[Value] | None, known: int, rows: int) -> dict[str, Any]:
    """Count distinct values where they are all known, or where no two parts reach into each other; else say between what they lie."""
    lows, highs = ([_bound(part.column, name) for part in parts] for name in ("distinct_low", "distinct_high"))
    method, are_apart = parts[0].column.distinct_method, _are_apart(parts)
    exact = len(counts) if counts is not None else sum(lows) if are_apart and lows == highs else None
    if exact is None:
        low, high = sum(lows) if are_apart else max(lows), min(sum(highs), known)
        bounds = {"distinct_low": low, "distinct_high": high, "distinct_method": "between the most of a part and the sum of all"}
        is_unique = False if any(part.column.is_unique is False for part in parts) else None
        return bounds | {"is_constant": False if low > 1 else None, "is_unique": is_unique, "is_key_candidate": is_unique}
    is_unique = exact == known
    return {
        "distinct_count": exact,
        "distinct_method": method,
        "is_constant": exact <= 1,
        "is_unique": is_unique,
        "is_key_candidate": _is_key_candidate(parts) if is_unique and known == rows and rows > 1 else False,
    }


def _bound(column: ColumnStatistics, name: str) -> int:
    count = column.distinct_count if column.distinct_count is not None else getattr(column, name)
    return int(count or 0)


def _is_key_candidate(parts: Sequence[Part]) -> bool | None:
    """Return whether a column that is unique and has no nulls is of a type that keys have, as its parts of several rows tell."""
    told = [part.column.is_key_candidate for part in parts if part.rows > 1]
    return any(told) if told else None


def _counts(parts: Sequence[Part]) -> Counter[Value] | None:
    """Return every value with its count, where each part tells all of its own; else ``None``."""
    counts = Counter[Value]()
    for part in parts:
        column = part.column
        if len(column.frequent) == column.distinct_count and sum(item.count for item in column.frequent) == part.known:
            told = {item.value: item.count for item in column.frequent}
        elif column.distinct_count == 1 and column.minimum is not None:
            told = {column.minimum: part.known}
        else:
            return None
        if any(is_cut(value) for value in told):
            return None
        counts.update(told)
    return counts


def _frequent(counts: Counter[Value], parts: Sequence[Part]) -> list[Frequency]:
    order = order_of(parts)
    try:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], order(item[0])))
    except ValueError:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return [Frequency(value, count) for value, count in ranked[:FREQUENT]] if ranked[0][1] > 1 else []


def _histogram(parts: Sequence[Part]) -> list[Bin] | None:
    """Add bars that have the same bounds, or that stand for one whole number each; else ``None``."""
    histograms = [part.column.histogram for part in parts]
    if not all(histograms):
        return None
    if all([(bar.lower, bar.upper) for bar in bars] == [(bar.lower, bar.upper) for bar in histograms[0]] for bars in histograms):
        return [Bin(bars[0].lower, bars[0].upper, sum(bar.count for bar in bars)) for bars in zip(*histograms, strict=True)]
    if not all(_counts_whole_numbers(part) for part in parts):
        return None
    counts = Counter[int]()
    for bars in histograms:
        counts.update({int(bar.lower): bar.count for bar in bars})
    low, high = min(counts), max(counts)
    if high - low >= BINS:
        return None
    return [Bin(float(place), float(place + 1), counts[place]) for place in range(low, high + 1)]


def _counts_whole_numbers(part: Part) -> bool:
    least, most = part.column.minimum, part.column.maximum
    is_whole = isinstance(least, int) and isinstance(most, int) and not isinstance(least, bool)
    return is_whole and all(bar.upper - bar.lower in (0.0, 1.0) and bar.lower.is_integer() for bar in part.column.histogram)


def _are_apart(parts: Sequence[Part]) -> bool:
    """Return whether every part's values lie beyond those of the one before, so that none can be in two."""
    order = order_of(parts)
    try:
        ranges = sorted((order(part.column.minimum), order(part.column.maximum)) for part in parts)
    except ValueError:
        return False
    return all(before[1] < after[0] for before, after in pairwise(ranges))
