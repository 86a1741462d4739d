"""How good data is by what was measured: the formula ``weakest_link``, pure and printed with all its parts.

A *part* is one thing that was measured against an expectation: a rule's outcome, or a statistic of the profile where the structure itself
says what to expect (a column that may not be null, a key that must be unique). Each part has a value from 0 to 1. In each dimension the
weakest part counts; dimensions are multiplied, each with its weight as the exponent::

    score = 100 x product over the measured dimensions of (weakest value in it) ** weight

So a rule that fails can only lower a score, whatever else was measured; a dimension nobody measured changes nothing and is listed as not
measured. A nullable column that is mostly null is no fault: nobody expected otherwise. A source is the plain mean of its measured tables.

Where fewer than ``FEWEST_JUDGED`` of the rules in force could be judged there is no score: what is left would speak for what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import msgspec

from factbook_sdk.facts.kinds.quality_result import Dimension, QualityResult
from factbook_sdk.facts.kinds.quality_score import ColumnScore, Coverage, DimensionScore, QualityScore, TableScore
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

FORMULA, FORMULA_VERSION = "weakest_link", 1
WEIGHTS: dict[Dimension, float] = {
    "completeness": 1.0,
    "uniqueness": 1.0,
    "validity": 1.0,
    "consistency": 1.0,
    "accuracy": 1.0,
    "timeliness": 0.5,
    "volume": 0.5,
}
AT_MOST_FAILED = 0.9
"""What a rule that failed counts at most: one bad row in a million is few, and yet somebody said there must be none."""
AT_MOST_WARNED = 0.97
UNKNOWN_EXTENT = 0.5
"""What a rule counts that failed and does not say by how much: a column that is not there, a number that is not as it must be."""
FEWEST_JUDGED = 0.5
"""The share of the rules in force that must have been judged for a table, or a source, to have a score."""
MAX_TABLES = 100
_DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
_DIGITS = 6


class Part(msgspec.Struct, frozen=True, order=True):
    """One thing measured. ``column`` is missing where it is about the whole table, ``rule`` where the profile measured it."""

    value: float
    dimension: Dimension
    column: str = ""
    rule: str = ""


def parts_of_result(found: QualityResult) -> list[Part]:
    """Return what a result counts, once for each of its columns; nothing where it did not judge, or had no row to judge by."""
    value = _value_of(found)
    if value is None:
        return []
    return [Part(value, found.dimension, column, found.rule) for column in found.columns or [""]]


def _value_of(found: QualityResult) -> float | None:
    if found.outcome in ("error", "skipped"):
        return None
    if found.outcome == "passed":
        return None if found.rows_checked == 0 and found.unit in ("rows", "share", "percent") and found.dimension != "volume" else 1.0
    most = AT_MOST_FAILED if found.outcome == "failed" else AT_MOST_WARNED
    if found.share is not None:
        return min(most, 1.0 - found.share)
    return min(most, _nearness(found))


def _nearness(found: QualityResult) -> float:
    """Return how near a number came to its bound: twice the allowed age counts half."""
    if found.observed is None or found.observed < 0:
        return UNKNOWN_EXTENT
    if found.upper and found.observed > found.upper > 0:
        return found.upper / found.observed
    if found.lower and found.lower > found.observed:
        return found.observed / found.lower
    return UNKNOWN_EXTENT


def parts_of_statistics(statistics: Mapping[str, Any], snapshot: SchemaSnapshot) -> list[Part]:
    """Return what the profile measured of what the structure itself expects: no null in columns that may have none, keys that are unique.

    A distinct count that was estimated, or rows that were only sampled, say nothing about uniqueness.
    """
    rows = statistics.get("row_count")
    columns = {column.get("name"): column for column in statistics.get("columns", ())}
    keys = {key.columns[0] for key in snapshot.constraints if key.type in ("primary_key", "unique") and len(key.columns) == 1}
    found: list[Part] = []
    for column in snapshot.columns:
        measured = columns.get(column.name)
        if measured is None:
            continue
        nulls = _null_share(measured, rows, statistics)
        if nulls is not None and not column.nullable:
            found.append(Part(1.0 - nulls, "completeness", column.name))
        distinct = measured.get("distinct_count")
        if column.name in keys and distinct is not None and _is_counted(measured, statistics) and rows and nulls is not None:
            there = rows * (1.0 - nulls)
            if there >= 1:
                found.append(Part(min(1.0, distinct / round(there)), "uniqueness", column.name))
    return found


def _is_counted(measured: Mapping[str, Any], statistics: Mapping[str, Any]) -> bool:
    """Return whether a column's distinct values were counted over all rows; a column may be measured otherwise than its table."""
    origin = measured.get("distribution_origin") or measured.get("origin") or statistics.get("origin")
    return origin == "exact" and not measured.get("distinct_is_estimate")


def _null_share(measured: Mapping[str, Any], rows: Any, statistics: Mapping[str, Any]) -> float | None:
    """Return the share of nulls; of a sample, in the sample."""
    if isinstance(share := measured.get("null_share"), (int, float)):
        return min(1.0, float(share))
    looked_at = (statistics.get("sample") or {}).get("rows", rows) if statistics.get("origin") == "sampled" else rows
    nulls = measured.get("null_count")
    return min(1.0, nulls / looked_at) if isinstance(nulls, (int, float)) and looked_at else None


def score_table(
    columns: Sequence[str], rules: Iterable[str], results: Sequence[QualityResult], statistics: Sequence[Part] = ()
) -> QualityScore:
    """Return the score of one table: ``rules`` are the ids in force, ``results`` the last of each, ``statistics`` what the profile says."""
    parts = sorted([*statistics, *(part for found in results for part in parts_of_result(found))])
    judged = sum(1 for found in results if found.outcome not in ("error", "skipped"))
    names = sorted(set(rules))
    by_column = {name: [part for part in parts if part.column == name] for name in columns}
    scored = [_score_column(name, own) for name, own in by_column.items()]
    measured = sum(1 for column in scored if column.score is not None)
    dimensions = _dimensions(parts)
    coverage = Coverage(columns=len(columns), columns_measured=measured, rules=len(names), rules_judged=judged)
    points, reason = _told(_points(dimensions), coverage)
    return QualityScore(
        FORMULA,
        FORMULA_VERSION,
        coverage,
        points,
        reason,
        dimensions,
        scored,
        rules=names,
    )


def score_source(tables: Mapping[tuple[str, str], QualityScore]) -> QualityScore:
    """Return the score of a source: the mean of its measured tables, with the lowest of them."""
    measured = [(score.score, schema, table) for (schema, table), score in tables.items() if score.score is not None]
    coverage = Coverage(
        columns=sum(score.coverage.columns for score in tables.values()),
        columns_measured=sum(score.coverage.columns_measured for score in tables.values()),
        rules=sum(score.coverage.rules for score in tables.values()),
        rules_judged=sum(score.coverage.rules_judged for score in tables.values()),
        tables=len(tables),
        tables_measured=len(measured),
    )
    mean = round(sum(sorted(points for points, _, _ in measured)) / len(measured), 2) if measured else None
    lowest = [TableScore(schema, table, points) for points, schema, table in sorted(measured)[:MAX_TABLES]]
    points, reason = _told(mean, coverage)
    return QualityScore(FORMULA, FORMULA_VERSION, coverage, points, reason, tables=lowest)


def _told(points: float | None, coverage: Coverage) -> tuple[float | None, str | None]:
    """Return the score, or why it is not told."""
    if points is None or coverage.rules_judged >= FEWEST_JUDGED * coverage.rules:
        return points, None
    return None, f"only {coverage.rules_judged} of {coverage.rules} rules could be judged; below {FEWEST_JUDGED:.0%} no score is told"


def _score_column(name: str, parts: Sequence[Part]) -> ColumnScore:
    dimensions = [found for found in _dimensions(parts) if found.parts] if parts else []
    return ColumnScore(name, _points(dimensions), dimensions)


def _dimensions(parts: Sequence[Part]) -> list[DimensionScore]:
    found = []
    for dimension in _DIMENSIONS:
        own = [part for part in parts if part.dimension == dimension]
        if not own:
            found.append(DimensionScore(dimension, WEIGHTS[dimension]))
            continue
        weakest = min(own)
        found.append(
            DimensionScore(
                dimension, WEIGHTS[dimension], round(weakest.value, _DIGITS), len(own), weakest.column or None, weakest.rule or None
            )
        )
    return found


def _points(dimensions: Iterable[DimensionScore]) -> float | None:
    """Multiply the measured dimensions, each with its weight as the exponent."""
    product, is_measured = 1.0, False
    for found in dimensions:
        if found.value is not None:
            product *= found.value**found.weight
            is_measured = True
    return round(100 * product, 2) if is_measured else None
