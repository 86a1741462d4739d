"""A partitioned table whose partitions were all measured in the same run is put together from them; its rows are not read again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from factbook.profile.merging import merge
from factbook.profile.model import ColumnPlan
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot, without_values

_NAMED = 5


def partitions_of(name: TableName, snapshots: Mapping[TableName, SchemaSnapshot]) -> list[TableName]:
    """Return the partitions of a table, by name; those of its partitions are not among them."""
    return sorted(
        partition
        for partition, snapshot in snapshots.items()
        if snapshot.partition_of is not None
        and TableName(snapshot.partition_of.schema or partition.schema, snapshot.partition_of.table) == name
    )


def parents_last(names: Sequence[TableName], snapshots: Mapping[TableName, SchemaSnapshot]) -> list[TableName]:
    """Return the tables in their order, but each after its partitions."""
    parents: dict[TableName, TableName] = {}
    for name in names:
        parent = snapshots[name].partition_of
        if parent is not None:
            parents[name] = TableName(parent.schema or name.schema, parent.table)
    heights = dict.fromkeys(names, 0)
    for name in names:
        height, above = 1, parents.get(name)
        while above is not None:
            heights[above] = max(heights.get(above, 0), height)
            height, above = height + 1, parents.get(above)
    return sorted(names, key=heights.__getitem__)


def merged(
    table: TableName, plans: Sequence[ColumnPlan], partitions: Sequence[TableName], measured: Mapping[TableName, StatisticsSnapshot]
) -> StatisticsSnapshot | None:
    """Return a table's figures from those of its partitions, or ``None`` where one of them was not counted in full.

    What the table itself calls sensitive shows no value, and what is left out of it stays out. ``skipped`` names the partitions: rows that
    moved from one to another between two measurements are counted twice or not at all.
    """
    parts = [measured[name] for name in partitions if name in measured]
    if not parts or len(parts) < len(partitions) or any(part.origin != "exact" or part.row_count is None for part in parts):
        return None
    whole = _without_values(merge(parts, table=table.table), plans)
    found = {column.name: column for column in whole.columns}
    if any(plan.name not in found for plan in plans):
        return None
    columns = [_counted_only(plan, found[plan.name]) if plan.is_sensitive else found[plan.name] for plan in plans]
    names = ", ".join(map(str, partitions[:_NAMED])) + (f" and {len(partitions) - _NAMED} more" if len(partitions) > _NAMED else "")
    return msgspec.structs.replace(whole, columns=columns, skipped=f"merged from the measurements of {names}; no rows were read")


def _counted_only(plan: ColumnPlan, column: ColumnStatistics) -> ColumnStatistics:
    return ColumnStatistics(
        plan.name, plan.data_type, is_sensitive=True, skipped=plan.reason, null_count=column.null_count, null_share=column.null_share
    )


def _without_values(whole: StatisticsSnapshot, plans: Sequence[ColumnPlan]) -> StatisticsSnapshot:
    """Take away what the partitions tell of columns that they do not call sensitive, and the table does."""
    sensitive = Sensitive(frozenset(plan.name for plan in plans if plan.is_sensitive))
    return msgspec.convert(without_values(msgspec.to_builtins(whole), sensitive), StatisticsSnapshot)
