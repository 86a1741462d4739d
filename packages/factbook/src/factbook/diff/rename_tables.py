"""Propose which removed and which added table of a source are one under two names, without comparing each with each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from factbook.diff.evidence import Pair, equal, one_to_one, overlapping, sign_of, weighed
from factbook.diff.likeness import columns_alike, exactly, measured_alike, names_alike
from factbook.sources.contract import TableName
from factbook_sdk.facts.kinds.catalog_diff import Rename, Sign
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import StatisticsSnapshot

TABLE_WEIGHTS = {"columns": 0.45, "name": 0.15, "keys": 0.15, "statistics": 0.15, "definition": 0.15, "comment": 0.1}

MAX_CANDIDATES = 20
"""Tables compared with each removed table: those that share most of its columns."""

_COMMON = 100
"""A column that this many added tables have tells nothing about which of them it was."""

Statistics = Mapping[TableName, StatisticsSnapshot]


def propose_tables(
    gone: Mapping[TableName, SchemaSnapshot], come: Mapping[TableName, SchemaSnapshot], old: Statistics, new: Statistics
) -> list[Rename]:
    """Return the proposals for tables that went and tables that came, the surest first."""
    holders: dict[str, list[TableName]] = {}
    for name, snapshot in come.items():
        for column in snapshot.columns:
            holders.setdefault(column.name, []).append(name)
    by_name: dict[str, list[TableName]] = {}
    for name in come:
        by_name.setdefault(name.table, []).append(name)
    pairs: list[Pair] = []
    for name, snapshot in sorted(gone.items()):
        for candidate in _candidates(name, snapshot, holders, by_name):
            if come[candidate].object_type == snapshot.object_type:
                signs = _table_signs(name, snapshot, candidate, come[candidate], old.get(name), new.get(candidate))
                pairs.append(weighed(name, candidate, signs, TABLE_WEIGHTS))
    return [
        Rename(
            "table",
            pair.before.schema,
            pair.before.table,
            pair.after.table,
            pair.score,
            None,
            pair.after.schema if pair.after.schema != pair.before.schema else None,
            pair.evidence,
            is_ambiguous,
        )
        for pair, is_ambiguous in one_to_one(pairs)
    ]


def _candidates(
    name: TableName, snapshot: SchemaSnapshot, holders: Mapping[str, list[TableName]], by_name: Mapping[str, list[TableName]]
) -> list[TableName]:
    """Return the added tables worth comparing: those of the same name elsewhere, then those that share most columns that few have."""
    shared: dict[TableName, int] = {}
    for column in snapshot.columns:
        having = holders.get(column.name, ())
        if len(having) <= _COMMON:
            for other in having:
                shared[other] = shared.get(other, 0) + 1
    nearest = sorted(shared, key=lambda other: (-shared[other], other.schema != name.schema, other))[:MAX_CANDIDATES]
    return list(dict.fromkeys([*by_name.get(name.table, ())[:MAX_CANDIDATES], *nearest]))


def _table_signs(
    name: TableName,
    before: SchemaSnapshot,
    other: TableName,
    after: SchemaSnapshot,
    measured_before: StatisticsSnapshot | None,
    measured_after: StatisticsSnapshot | None,
) -> list[Sign | None]:
    rows_before, rows_after = _rows(measured_before), _rows(measured_after)
    rows_alike = None if rows_before is None or rows_after is None else measured_alike([(exactly(rows_before), exactly(rows_after))])
    return [
        sign_of("columns", columns_alike(before.columns, after.columns), len(before.columns), len(after.columns)),
        sign_of("name", names_alike(name.table, other.table), str(name), str(other)),
        overlapping("keys", _keys(before), _keys(after)),
        equal("definition", before.definition, after.definition, shown=False),
        equal("comment", before.comment, after.comment),
        None if rows_alike is None else sign_of("statistics", rows_alike, f"{rows_before:,} rows", f"{rows_after:,} rows"),
    ]


def _rows(measured: StatisticsSnapshot | None) -> int | None:
    """Return how many rows were counted; an engine's estimate states no error and tells nothing."""
    return None if measured is None or measured.row_count_is_estimate else measured.row_count


def _keys(snapshot: SchemaSnapshot) -> set[str]:
    return {
        f"{constraint.type}({', '.join(constraint.columns)})"
        + (f" to {constraint.references.table}" if constraint.references else constraint.expression or "")
        for constraint in snapshot.constraints
    }
