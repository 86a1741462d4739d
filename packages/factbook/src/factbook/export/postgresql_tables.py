"""The tables and views of the PostgreSQL export, and how an export takes the place of its like.

As the specification wants it there are no unique constraints: the same name may stand there from many contexts. That a repeated export
makes no doubles is the exporter's business: what an export writes again is deleted first, by the columns in ``KEYS``.
"""

from __future__ import annotations

LAYOUT = 1
"""The version of these tables; it stands in the comment of the schema."""

MARK = "Written by factbook export, layout"

_WHERE = "tenant_id text NOT NULL, connection_name text NOT NULL"
_SYNC = f"sync_id text NOT NULL, {_WHERE}, synced_at timestamptz"
_JSON = "attributes jsonb NOT NULL, custom_attributes jsonb NOT NULL"
_RUN = f"run_id text NOT NULL, {_WHERE}"
_TABLE = "schema_name text NOT NULL, table_name text NOT NULL"
_DIFF = f"diff_id text NOT NULL, {_WHERE}"
_CHANGE = "change_type text NOT NULL, severity text NOT NULL, path text NOT NULL, before jsonb, after jsonb, reason text"

TABLES: dict[str, str] = {
    "sync_runs": f"{_SYNC}, engine text, engine_version text, tables bigint NOT NULL, columns bigint NOT NULL, attributes jsonb NOT NULL",
    "normalized_schemas": f"{_SYNC}, name text NOT NULL, qualified_name text NOT NULL, {_JSON}",
    "normalized_tables": f"{_SYNC}, schema_name text NOT NULL, name text NOT NULL, qualified_name text NOT NULL, {_JSON}",
    "normalized_columns": f"{_SYNC}, {_TABLE}, name text NOT NULL, qualified_name text NOT NULL, {_JSON}",
    "quality_metrics_runs": f"{_RUN}, started_at timestamptz, finished_at timestamptz, tables bigint NOT NULL, columns bigint NOT NULL",
    "table_quality_metrics": f"{_RUN}, {_TABLE}, measured_at timestamptz NOT NULL, origin text NOT NULL, row_count bigint, "
    "size_bytes bigint, column_count integer NOT NULL, metrics jsonb NOT NULL",
    "column_quality_metrics": f"{_RUN}, {_TABLE}, column_name text NOT NULL, measured_at timestamptz NOT NULL, total_count bigint, "
    "null_count bigint, null_percentage double precision, distinct_count bigint, distinct_percentage double precision, "
    "distinct_is_estimate boolean NOT NULL, min_value text, max_value text, mean double precision, metrics jsonb NOT NULL",
    "column_top_values": f"{_RUN}, {_TABLE}, column_name text NOT NULL, rank integer NOT NULL, value jsonb, count bigint NOT NULL, "
    "percentage double precision",
    "quality_results": f"result_id text NOT NULL, {_WHERE}, run_id text, schema_name text, table_name text, rule text NOT NULL, "
    "judged_at timestamptz NOT NULL, check_name text NOT NULL, dimension text NOT NULL, severity text NOT NULL, outcome text NOT NULL, "
    "column_names text[] NOT NULL, observed double precision, expected text, unit text, rows_checked bigint, rows_failed bigint, "
    "share double precision, reason text, result jsonb NOT NULL",
    "quality_scores": f"score_id text NOT NULL, {_WHERE}, run_id text, schema_name text, table_name text, scored_at timestamptz NOT NULL, "
    "score double precision, reason text, formula text NOT NULL, formula_version integer NOT NULL, rules bigint NOT NULL, "
    "rules_judged bigint NOT NULL, columns bigint NOT NULL, columns_measured bigint NOT NULL, result jsonb NOT NULL",
    "diff_sync_runs": f"{_DIFF}, produced_at timestamptz NOT NULL, from_sync_id text, to_sync_id text, from_moment timestamptz, "
    "to_moment timestamptz, part integer NOT NULL, parts integer NOT NULL, counts jsonb NOT NULL",
    "incremental_diff_schema": f"{_DIFF}, schema_name text NOT NULL, {_CHANGE}",
    "incremental_diff_table": f"{_DIFF}, {_TABLE}, {_CHANGE}",
    "incremental_diff_column": f"{_DIFF}, {_TABLE}, column_name text NOT NULL, {_CHANGE}",
    "diff_summary": f"{_DIFF}, entity_type text NOT NULL, change_type text NOT NULL, severity text NOT NULL, count bigint NOT NULL",
}
"""Each table's columns."""

_SYNC_KEY = ("tenant_id", "connection_name", "sync_id")
_MEASURED_KEY = ("tenant_id", "connection_name", "run_id", "schema_name", "table_name")
_DIFF_KEY = ("tenant_id", "connection_name", "diff_id")
_RESULT_KEY = ("tenant_id", "connection_name", "result_id")
_SCORE_KEY = ("tenant_id", "connection_name", "score_id")

KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("sync_runs", "normalized_schemas", "normalized_tables", "normalized_columns"), _SYNC_KEY),
    **dict.fromkeys(("table_quality_metrics", "column_quality_metrics", "column_top_values"), _MEASURED_KEY),
    "quality_results": _RESULT_KEY,
    "quality_scores": _SCORE_KEY,
    **dict.fromkeys(("diff_sync_runs", "incremental_diff_schema", "incremental_diff_table", "incremental_diff_column"), _DIFF_KEY),
}
"""By what an export finds the rows that it writes anew. ``quality_metrics_runs`` and ``diff_summary`` are counted from the others."""

LEADERS: dict[tuple[str, ...], str] = {
    _SYNC_KEY: "sync_runs",
    _MEASURED_KEY: "table_quality_metrics",
    _RESULT_KEY: "quality_results",
    _SCORE_KEY: "quality_scores",
    _DIFF_KEY: "diff_sync_runs",
}
"""The table of each key that has a row for every value of it."""

INDEXES = {
    "normalized_tables": "name",
    "normalized_columns": "table_name, name",
    "column_quality_metrics": "table_name, column_name",
    "quality_results": "table_name, rule, judged_at",
    "quality_scores": "table_name, scored_at",
    "diff_sync_runs": "produced_at",
}
"""What is looked for by name; each table has an index by its key as well."""

_LATEST = """
    SELECT entity.* FROM {table} AS entity JOIN (
        SELECT DISTINCT ON (tenant_id, connection_name) tenant_id, connection_name, sync_id FROM sync_runs
        ORDER BY tenant_id, connection_name, synced_at DESC NULLS LAST, sync_id DESC
    ) AS latest USING (tenant_id, connection_name, sync_id)
"""
VIEWS = {
    "latest_schema_metadata": _LATEST.format(table="normalized_schemas"),
    "latest_table_metadata": _LATEST.format(table="normalized_tables"),
    "latest_column_metadata": _LATEST.format(table="normalized_columns"),
    "latest_column_quality_metrics": """
        SELECT DISTINCT ON (tenant_id, connection_name, schema_name, table_name, column_name) * FROM column_quality_metrics
        ORDER BY tenant_id, connection_name, schema_name, table_name, column_name, measured_at DESC, run_id DESC
    """,
    "latest_quality_results": """
        SELECT DISTINCT ON (tenant_id, connection_name, schema_name, table_name, rule) * FROM quality_results
        ORDER BY tenant_id, connection_name, schema_name, table_name, rule, judged_at DESC, result_id DESC
    """,
    "latest_quality_scores": """
        SELECT DISTINCT ON (tenant_id, connection_name, schema_name, table_name) * FROM quality_scores
        ORDER BY tenant_id, connection_name, schema_name, table_name, scored_at DESC, score_id DESC
    """,
}

COUNTED = {
    "quality_metrics_runs": """
        SELECT run_id, tenant_id, connection_name, min(measured_at), max(measured_at), count(*), sum(column_count)
        FROM table_quality_metrics GROUP BY run_id, tenant_id, connection_name
    """,
    "diff_summary": """
        SELECT diff_id, tenant_id, connection_name, entity_type, change_type, severity, count(*) FROM (
            SELECT diff_id, tenant_id, connection_name, 'schema' AS entity_type, change_type, severity FROM incremental_diff_schema
            UNION ALL SELECT diff_id, tenant_id, connection_name, 'table', change_type, severity FROM incremental_diff_table
            UNION ALL SELECT diff_id, tenant_id, connection_name, 'column', change_type, severity FROM incremental_diff_column
        ) AS whole GROUP BY diff_id, tenant_id, connection_name, entity_type, change_type, severity
    """,
}
"""Tables that are counted again from others after each export, and how."""
