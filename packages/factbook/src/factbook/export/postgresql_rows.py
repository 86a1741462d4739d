"""From the catalogue to rows of the PostgreSQL export. Pure: each function yields (table, row) with the row's columns in their order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from factbook.export.catalog import TableEntry
from factbook.export.rows import Keys, text_of
from factbook_sdk.facts.codec import canonical_json
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot
from factbook_sdk.repository.contract import StoredRecord

Row = tuple[str, tuple[Any, ...]]

UNSCANNED = "unscanned"
"""The sync id of sources that no scan tells of."""

_CHANGE_TYPES = {"changed": "modified"}


class Sync(msgspec.Struct, frozen=True):
    """One source as one export writes it: the last scan that was known."""

    tenant: str
    source_id: str
    sync_id: str
    synced_at: datetime | None
    scan: CatalogScan | None

    @property
    def key(self) -> tuple[Any, ...]:
        return self.sync_id, self.tenant, self.source_id, self.synced_at


def sync_of(tenant: str, source_id: str, record: StoredRecord | None) -> Sync:
    """Return what a source's rows are written under: the run of its last scan."""
    if record is None:
        return Sync(tenant, source_id, UNSCANNED, None, None)
    scan = msgspec.convert(record.record.payload, CatalogScan)
    return Sync(tenant, source_id, record.record.context.run_id or record.id, record.record.produced_at, scan)


def sync_rows(sync: Sync, *, tables: int, columns: int) -> Iterator[Row]:
    """Yield the row of the sync itself."""
    scan = sync.scan
    engine, version = (None, None) if scan is None else (scan.engine, scan.engine_version)
    attributes = {} if scan is None else {"schemas": msgspec.to_builtins(scan.schemas), "counts": msgspec.to_builtins(scan.counts)}
    yield "sync_runs", (*sync.key, engine, version, tables, columns, _json(attributes))


def schema_rows(sync: Sync, schema: str, *, tables: int) -> Iterator[Row]:
    """Yield the row of a schema."""
    qualified = f"{sync.source_id}.{schema}"
    reading = None if sync.scan is None else sync.scan.schemas.get(schema)
    attributes = {"qualifiedName": qualified, "database": sync.source_id, "engine": None if sync.scan is None else sync.scan.engine}
    custom = {"table_count": tables, "read_completely": None if reading is None else reading.complete}
    yield "normalized_schemas", (*sync.key, schema, qualified, _json(attributes), _json(custom))


def table_rows(sync: Sync, entry: TableEntry) -> Iterator[Row]:
    """Yield the rows of a table and its columns."""
    snapshot = entry.snapshot
    structure = {name: value for name, value in msgspec.to_builtins(snapshot).items() if name != "columns"}
    attributes = {
        "qualifiedName": entry.qualified_name,
        "schemaName": entry.schema,
        "schemaQualifiedName": f"{entry.source_id}.{entry.schema}",
        "namespace": entry.namespace,
        "columnCount": len(snapshot.columns),
    }
    custom = structure | {
        "type": snapshot.object_type,
        "constraints": structure.get("constraints", []),
        "relationships": [item for item in structure.get("constraints", []) if item["type"] == "foreign_key"],
        "row_estimate": entry.observation.row_estimate if entry.observation else None,
        "size_bytes": entry.observation.size_bytes if entry.observation else None,
        "recorded_at": entry.recorded_at.isoformat(),
        "run_id": entry.run_id,
        **_said(entry, None),
    }
    yield "normalized_tables", (*sync.key, entry.schema, entry.table, entry.qualified_name, _json(attributes), _json(custom))
    keys = Keys(snapshot)
    for column in snapshot.columns:
        qualified = f"{entry.qualified_name}.{column.name}"
        own = {
            "qualifiedName": qualified,
            "tableQualifiedName": entry.qualified_name,
            "dataType": column.data_type,
            "isNullable": column.nullable,
            "isPrimaryKey": column.name in keys.primary,
            "isUnique": column.name in keys.unique,
            "isForeignKey": column.name in keys.refers,
            "references": keys.refers.get(column.name),
        }
        more = {name: value for name, value in msgspec.to_builtins(column).items() if name not in ("name", "data_type", "nullable")}
        more |= {"is_indexed": column.name in keys.indexed, **_said(entry, column.name)}
        yield "normalized_columns", (*sync.key, entry.schema, entry.table, column.name, qualified, _json(own), _json(more))


def _said(entry: TableEntry, column: str | None) -> dict[str, Any]:
    notes = [{"author": author, **msgspec.to_builtins(note)} for author, note in entry.notes if note.column == column]
    return {"description": entry.description(column), "notes": notes}


def quality_rows(entry: TableEntry) -> Iterator[Row]:
    """Yield the rows of a table's statistics, if it was measured."""
    measured, moment = entry.statistics, entry.measured_at
    if measured is None or moment is None:
        return
    run_id = entry.measured_run_id or f"measured at {moment.isoformat()}"
    key = (run_id, entry.tenant, entry.source_id, entry.schema, entry.table)
    details = {name: value for name, value in msgspec.to_builtins(measured).items() if name != "columns"}
    yield (
        "table_quality_metrics",
        (*key, moment, measured.origin, measured.row_count, measured.size_bytes, len(measured.columns), _json(details)),
    )
    for column in measured.columns:
        yield "column_quality_metrics", (*key, column.name, moment, *_metrics(measured, column))
        total = _total(measured)
        for rank, frequent in enumerate(column.frequent, 1):
            share = _percentage(frequent.count, total)
            yield "column_top_values", (*key, column.name, rank, _json(frequent.value), frequent.count, share)


def _metrics(measured: StatisticsSnapshot, column: ColumnStatistics) -> tuple[Any, ...]:
    total = _total(measured)
    return (
        total,
        column.null_count,
        _percentage(column.null_count, total),
        column.distinct_count,
        _percentage(column.distinct_count, total),
        column.distinct_is_estimate,
        None if column.minimum is None else text_of(column.minimum),
        None if column.maximum is None else text_of(column.maximum),
        column.mean,
        _json(msgspec.to_builtins(column)),
    )


def _total(measured: StatisticsSnapshot) -> int | None:
    """Return the rows that the counts are of: those of the sample, where one was read."""
    return measured.sample.rows if measured.sample is not None else measured.row_count


def _percentage(count: int | None, total: int | None) -> float | None:
    return None if count is None or not total else 100 * count / total


def result_rows(item: StoredRecord, result: QualityResult) -> Iterator[Row]:
    """Yield the row of what one rule said."""
    judged = (result.rule, item.record.produced_at, result.check, result.dimension, result.severity, result.outcome, result.columns)
    counts = (result.observed, result.expected, result.unit, result.rows_checked, result.rows_failed, result.share, result.reason)
    yield "quality_results", (*_outcome_key(item), *judged, *counts, _json(msgspec.to_builtins(result)))


def score_rows(item: StoredRecord, score: QualityScore) -> Iterator[Row]:
    """Yield the row of a score: of a table, or of the source, whose row names none."""
    coverage = score.coverage
    told = (item.record.produced_at, score.score, score.reason, score.formula, score.formula_version)
    counts = (coverage.rules, coverage.rules_judged, coverage.columns, coverage.columns_measured)
    yield "quality_scores", (*_outcome_key(item), *told, *counts, _json(msgspec.to_builtins(score)))


def _outcome_key(item: StoredRecord) -> tuple[Any, ...]:
    target, context = item.record.target, item.record.context
    return item.id, context.tenant, target.source_id, context.run_id, target.schema, target.table


def diff_rows(item: StoredRecord) -> Iterator[Row]:
    """Yield the rows of a ``catalog_diff`` fact: itself, and each change where it belongs."""
    payload = item.record.payload or {}
    before, after = payload.get("before", {}), payload.get("after", {})
    key = (item.id, item.record.context.tenant, item.record.target.source_id)
    counts = {"by_severity": payload.get("counts", {}), "by_type": payload.get("summary", {})}
    moments = (before.get("moment"), after.get("moment"))
    runs = (before.get("run_id"), after.get("run_id"))
    yield (
        "diff_sync_runs",
        (*key, item.record.produced_at, *runs, *moments, payload.get("part", 1), payload.get("parts", 1), _json(counts)),
    )
    for change in payload.get("changes", ()):
        yield _change_row(key, change, item.record.target.schema, item.record.target.table)


def _change_row(key: tuple[Any, ...], change: dict[str, Any], schema: str | None, table: str | None) -> Row:
    path = change.get("path", "")
    schema, table = change.get("schema", schema) or "", change.get("table", table)
    what = (
        _CHANGE_TYPES.get(change["change"], change["change"]),
        change["severity"],
        path,
        *(None if change.get(side) is None else _json(change[side]) for side in ("before", "after")),
        change.get("reason"),
    )
    if table is None:
        return "incremental_diff_schema", (*key, schema, *what)
    column = _column_in(path)
    if column is None:
        return "incremental_diff_table", (*key, schema, table, *what)
    return "incremental_diff_column", (*key, schema, table, column, *what)


def _column_in(path: str) -> str | None:
    """Return the column that the path of a change leads to: ``columns.price.data_type``, ``columns."a.b"``."""
    head, _, rest = path.partition(".")
    if head != "columns" or not rest:
        return None
    if not rest.startswith('"'):
        return rest.partition(".")[0]
    quoted = rest[1:].replace('""', "\0").partition('"')[0]
    return quoted.replace("\0", '"')


def _json(value: Any) -> str:
    return canonical_json(value).decode()
