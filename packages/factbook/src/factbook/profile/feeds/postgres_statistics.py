"""What PostgreSQL knows of its tables without reading them: sizes, ages, and the statistics that ANALYZE took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factbook.profile.feeding import EngineStatistics, Extent
from factbook.profile.model import ColumnPlan
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Frequency, Quantile

# A partitioned table holds nothing itself: what its partitions hold is added up.
_PARTS = """
    SELECT c.oid, c.relkind, c.reltuples, c.relpages FROM pg_class c
    WHERE c.oid = %s::regclass OR c.oid IN (SELECT relid FROM pg_partition_tree(%s::regclass))
"""
_EXTENT = f"""
    WITH parts AS ({_PARTS}) SELECT count(*) FILTER (WHERE reltuples < 0 AND relkind IN ('r', 'm')), sum(greatest(reltuples, 0)) FILTER
    (WHERE relkind IN ('r', 'm')),
           sum(pg_table_size(parts.oid)) FILTER (WHERE relkind IN ('r', 'm')),
           min(greatest(last_analyze, last_autoanalyze)) FILTER (WHERE relkind IN ('r', 'm')), sum(n_mod_since_analyze)
    FROM parts LEFT JOIN pg_stat_all_tables s ON s.relid = parts.oid
"""
_BLOCKS = f"SELECT sum(pg_relation_size(oid)) / current_setting('block_size')::bigint FROM ({_PARTS}) parts WHERE relkind IN ('r', 'm')"
_KIND = "SELECT relkind::text FROM pg_class WHERE oid = %s::regclass"
_STATISTICS = """
    SELECT attname, null_frac, n_distinct, {values}
    FROM pg_stats WHERE schemaname = %s AND tablename = %s AND NOT inherited
"""
_VALUES = """
    CASE WHEN attname = ANY (%s) THEN most_common_vals::text::text[] END, CASE WHEN attname = ANY (%s) THEN most_common_freqs END,
    CASE WHEN attname = ANY (%s) AND most_common_vals IS NULL THEN histogram_bounds::text::text[] END
"""


def extent_of(session: Session, table: TableName) -> Extent:
    """Return rows (as of the last ANALYZE or VACUUM), size, and how old and how stale the statistics are."""
    name = session.table(table)
    ((unknown, rows, size, taken_at, changed),) = session.rows(_EXTENT, (name, name))
    rows = None if unknown or rows is None else int(rows)
    stale = float(changed) / max(rows, 1) if rows is not None and changed is not None else None
    return Extent(row_count=rows, size_bytes=int(size) if size is not None else None, statistics_at=taken_at, stale_share=stale)


def blocks_of(session: Session, table: TableName) -> int:
    """Return how many blocks a table has now."""
    name = session.table(table)
    ((blocks,),) = session.rows(_BLOCKS, (name, name))
    return int(blocks or 0)


def can_be_sampled(session: Session, table: TableName) -> bool:
    """Return whether TABLESAMPLE works on it: on tables and materialised views, not on views and foreign tables."""
    ((kind,),) = session.rows(_KIND, (session.table(table),))
    return kind in ("r", "m", "p")


def statistics_of(session: Session, table: TableName, columns: Sequence[ColumnPlan], extent: Extent) -> EngineStatistics | None:
    """Return what pg_stats holds; values only of columns whose values may be read."""
    if extent.statistics_at is None or extent.row_count is None:
        return None
    readable = [plan.name for plan in columns if plan.reading == "values"]
    rows = session.rows(_STATISTICS.format(values=_VALUES), (readable, readable, readable, table.schema, table.table))
    by_name = {row[0]: row[1:] for row in rows}
    found = [_statistics(plan, by_name[plan.name], extent.row_count) for plan in columns if plan.name in by_name]
    return EngineStatistics(found, extent.statistics_at) if found else None


def _statistics(plan: ColumnPlan, row: tuple[Any, ...], rows: int) -> ColumnStatistics:
    nulls, distinct, values, shares, bounds = row
    count = round(distinct if distinct >= 0 else -distinct * rows)
    bounds = bounds or []
    return ColumnStatistics(
        name=plan.name,
        data_type=plan.data_type,
        is_sensitive=plan.is_sensitive,
        skipped=plan.reason,
        null_share=min(1.0, max(0.0, float(nulls))),
        distinct_count=count if count or not rows else None,
        distinct_is_estimate=True,
        distinct_method="engine",
        frequent=[Frequency(value[:256], round(share * rows)) for value, share in zip(values or (), shares or (), strict=False)][:10],
        quantiles=[Quantile(share, bounds[round(share * (len(bounds) - 1))][:256]) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
        if len(bounds) > 1 and plan.family not in ("text", "other", "enum", "boolean")
        else [],
    )
