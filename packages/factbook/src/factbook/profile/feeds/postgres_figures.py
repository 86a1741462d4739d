"""What PostgreSQL computes best itself: plain aggregates of all columns in one scan, which it does with parallel workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factbook.profile.computing import value_of
from factbook.profile.feeding import EngineFigures
from factbook.profile.model import ColumnPlan
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics

_COLUMNS_PER_STATEMENT = 150
"""A statement may return 1,664 figures."""


def figures_of(session: Session, table: TableName, columns: Sequence[ColumnPlan], *, limit_seconds: float | None = None) -> EngineFigures:
    """Return the plain figures of all columns."""
    found: list[ColumnStatistics] = []
    rows = statements = 0
    for start in range(0, max(1, len(columns)), _COLUMNS_PER_STATEMENT):
        some = columns[start : start + _COLUMNS_PER_STATEMENT]
        figures = [(plan, name, text) for plan in some for name, text in _figures(session, plan).items()]
        selected = ", ".join(["count(*)", *(text for _, _, text in figures)])
        ((rows, *values),) = session.rows(f"SELECT {selected} FROM {session.table(table)}", limit_seconds=limit_seconds)
        by_column: dict[str, dict[str, Any]] = {plan.key: {} for plan in some}
        for (plan, name, _), value in zip(figures, values, strict=True):
            by_column[plan.key][name] = value
        found += [_statistics(plan, by_column[plan.key], rows) for plan in some]
        statements += 1
    return EngineFigures(rows, found, statements)


def _figures(session: Session, plan: ColumnPlan) -> dict[str, str]:
    c = session.quote(plan.name)
    # count(c) leaves out composite values whose fields are all null.
    figures = {"known": f"count({c})" if plan.family != "other" else f"count(*) FILTER (WHERE {c} IS DISTINCT FROM NULL)"}
    if plan.reading == "presence":
        return figures
    if plan.family == "binary":
        return figures | _lengths(f"octet_length({c})")
    if plan.reading == "lengths":
        return figures | _lengths(f"char_length({c}::text)")
    if plan.family in ("integer", "decimal", "float"):
        number = f"{c}::float8" if plan.family == "float" else c
        figures |= {"minimum": f"min({c})", "maximum": f"max({c})", "mean": f"avg({c})::float8", "total": f"sum({number})::float8"}
        figures |= {"deviation": f"stddev_samp({c})::float8"}
        figures |= {"zero_count": f"count(*) FILTER (WHERE {c} = 0)", "negative_count": f"count(*) FILTER (WHERE {c} < 0)"}
        if plan.family == "float":
            figures["not_finite_count"] = f"count(*) FILTER (WHERE {c} IN ('NaN', 'Infinity', '-Infinity'))"
    elif plan.family in ("date", "time"):
        figures |= {"minimum": f"min({c})::text", "maximum": f"max({c})::text"}
    elif plan.family == "timestamp":
        zone = " AT TIME ZONE 'UTC'" if plan.data_type.endswith("with time zone") else ""
        figures |= {"minimum": f"(min({c}){zone})::text", "maximum": f"(max({c}){zone})::text"}
    elif plan.data_type == "uuid":
        # It has no min() before PostgreSQL 18, and printing each costs more than all the rest.
        return figures
    elif plan.family == "text":
        figures |= {"minimum": f"""left(min({c}::text COLLATE "C"), 300)""", "maximum": f"""left(max({c}::text COLLATE "C"), 300)"""}
        figures |= _lengths(f"char_length({c}::text)") | {"empty_count": f"count(*) FILTER (WHERE {c}::text = '')"}
    return figures


def _lengths(length: str) -> dict[str, str]:
    return {"minimum_length": f"min({length})", "maximum_length": f"max({length})", "mean_length": f"avg({length})::float8"}


def _statistics(plan: ColumnPlan, figures: dict[str, Any], rows: int) -> ColumnStatistics:
    known = figures.pop("known")
    for name in ("minimum", "maximum"):
        if name in figures:
            figures[name] = value_of(plan, figures[name])
    if not figures.get("not_finite_count"):
        figures.pop("not_finite_count", None)
    for name in ("mean", "total", "deviation"):
        value = figures.get(name)
        if value is not None and value - value != 0:
            figures[name] = None
    return ColumnStatistics(
        name=plan.name,
        data_type=plan.data_type,
        is_sensitive=plan.is_sensitive,
        skipped=plan.reason,
        null_count=rows - known,
        null_share=(rows - known) / rows if rows else None,
        **{name: value for name, value in figures.items() if value is not None},
    )
