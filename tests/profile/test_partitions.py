"""A partitioned table is put together from its partitions, where the same run measured them all."""

from datetime import UTC, datetime

import msgspec
import psycopg
import pytest
from tests.profile.measuring import SOURCE, columns, run, scanned, snapshots

from factbook.profile.metrics import Metric, Metrics
from factbook.profile.model import ColumnPlan, Sampling
from factbook.profile.partitions import merged, parents_last, partitions_of
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import PartitionOf, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Freshness, StatisticsSnapshot

MADE = """
    CREATE TABLE sales (id bigint, day date, amount numeric(10,2), who text) PARTITION BY RANGE (id);
    CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (100);
    CREATE TABLE sales_2 PARTITION OF sales FOR VALUES FROM (100) TO (1000) PARTITION BY RANGE (day);
    CREATE TABLE sales_2a PARTITION OF sales_2 FOR VALUES FROM ('2024-01-01') TO ('2024-06-01');
    CREATE TABLE sales_2b PARTITION OF sales_2 FOR VALUES FROM ('2024-06-01') TO ('2025-01-01');
    INSERT INTO sales SELECT i, date '2024-01-01' + i % 300, nullif(i % 7, 0) * 1.25, 'who ' || i % 50 FROM generate_series(0, 499) i;
"""
ALL = ["sales", "sales_1", "sales_2", "sales_2a", "sales_2b"]


@pytest.fixture(scope="module")
def database(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(MADE)
        connection.execute("ANALYZE")
    return postgres_url


def test_a_table_is_merged_from_its_partitions_and_its_figures_are_what_sql_says(database):
    repository = scanned(database)
    result = run(database, repository, tables=ALL)
    assert result.failures == []
    read = {line.table: line.rows_read for line in result.tables}
    assert (read["sales"], read["sales_2"], read["sales_1"] + read["sales_2a"] + read["sales_2b"]) == (0, 0, 500)
    merged = snapshots(repository)["sales"]
    assert merged.skipped == "merged from the measurements of public.sales_1, public.sales_2; no rows were read"
    assert (merged.origin, merged.row_count) == ("exact", 500)
    found = columns(merged)
    with psycopg.connect(database) as connection:
        truth = connection.execute(
            "SELECT count(*) - count(amount), avg(amount)::float8, stddev_samp(amount)::float8, min(amount)::text, max(day)::text, "
            "count(DISTINCT id), (SELECT count(DISTINCT day) FROM sales_2) FROM sales"
        ).fetchone()
    amount = found["amount"]
    assert (amount.null_count, pytest.approx(amount.mean), pytest.approx(amount.deviation), amount.minimum) == truth[:4]
    assert found["day"].maximum == truth[4]
    # The partitions of sales_2 share ids, those of day do not reach into each other.
    assert found["id"].distinct_low <= truth[5] <= found["id"].distinct_high
    assert columns(snapshots(repository)["sales_2"])["day"].distinct_count == truth[6]
    assert found["who"].distinct_low <= 50 <= found["who"].distinct_high


@pytest.mark.parametrize(
    "options", [{"tables": ["sales", "sales_1"]}, {"tables": ALL, "sampling": Sampling(share=0.5)}, {"tables": ALL, "full": True}]
)
def test_where_a_partition_is_missing_or_sampled_or_all_is_asked_for_the_rows_are_read(database, options):
    repository = scanned(database)
    result = run(database, repository, **options)
    assert {line.table: line.rows_read for line in result.tables}["sales"] > 0
    assert "merged" not in (snapshots(repository)["sales"].skipped or "")


def test_what_the_table_calls_sensitive_shows_no_value_of_its_partitions(database):
    repository = scanned(database)
    note = {"author_type": "person", "notes": [{"property": "classification", "value": "pii", "column": "who"}]}
    repository.store(MetadataRecord(MetadataTarget(SOURCE, "public", "sales"), "annotation", note, datetime.now(UTC), "ann"))
    run(database, repository, tables=ALL)
    who = columns(snapshots(repository)["sales"])["who"]
    assert (who.is_sensitive, who.null_count, who.minimum, who.frequent, who.patterns) == (True, 0, None, [], [])


def test_tables_come_after_their_partitions_and_keep_their_order_otherwise():
    def made(parent=None):
        return SchemaSnapshot("table", [], partition_of=PartitionOf(parent) if parent else None)

    snapshots = {
        TableName("s", name): made(parent) for name, parent in (("top", None), ("a", "top"), ("b", "top"), ("b1", "b"), ("z", None))
    }
    names = [TableName("s", name) for name in ("top", "z", "b", "b1", "a")]
    assert [name.table for name in parents_last(names, snapshots)] == ["z", "b1", "a", "b", "top"]
    assert partitions_of(TableName("s", "top"), snapshots) == [TableName("s", "a"), TableName("s", "b")]
    assert partitions_of(TableName("t", "top"), snapshots) == []


def test_a_metric_that_no_known_table_is_meant_by_is_named_also_where_a_few_tables_are_measured(database):
    defined = [Metric(name, table, "SELECT 1") for name, table in (("lost", "slaes"), ("here", "sales_1"), ("elsewhere", "sales_2a"))]
    metrics = Metrics(defined, SOURCE)
    result = run(database, scanned(database), tables=["sales_1"], metrics_of=metrics.measure, unmatched_of=metrics.unmatched)
    assert result.unmatched_metrics == ["lost"]


def test_metrics_are_measured_with_each_table_and_have_a_history(database):
    repository = scanned(database)
    metrics = Metrics([Metric("unsold", "sales_1", "SELECT count(*) FROM {table} WHERE amount IS NULL", unit="rows")], SOURCE)
    for number in ("1", "2"):
        run(database, repository, run_id=number, tables=["sales_1"], metrics_of=metrics.measure)
    history = repository.query("statistics_snapshot", limit=10).records
    assert [item.record.payload["metrics"][0]["value"] for item in history] == [15, 15]


def test_what_the_table_alone_calls_sensitive_does_not_show_as_its_freshness():
    latest = Freshness("column", datetime(2024, 1, 1, tzinfo=UTC), "day")
    part = StatisticsSnapshot("exact", 2, columns=[ColumnStatistics("day", null_count=0), ColumnStatistics("id")], freshness=latest)
    plan = ColumnPlan(key="c0", name="day", data_type="date", family="moment", reading="presence")
    names = [TableName("s", "a"), TableName("s", "b")]
    measured = dict.fromkeys(names, part)
    for is_sensitive, shown in ((False, latest), (True, None)):
        plans = [msgspec.structs.replace(plan, is_sensitive=is_sensitive)]
        assert merged(TableName("s", "top"), plans, names, measured).freshness == shown


@pytest.mark.parametrize("column", ["who", None])
def test_what_is_said_of_a_partitioned_table_is_said_of_its_partitions_and_theirs(database, column):
    repository = scanned(database)
    note = {"property": "classification", "value": "pii"} | ({"column": column} if column else {})
    said = {"author_type": "person", "notes": [note]}
    repository.store(MetadataRecord(MetadataTarget(SOURCE, "public", "sales"), "annotation", said, datetime.now(UTC), "ann"))
    run(database, repository, tables=["sales_1", "sales_2a"])
    for part in ("sales_1", "sales_2a"):
        found = columns(snapshots(repository)[part])
        assert (found["who"].is_sensitive, found["who"].minimum, found["who"].frequent) == (True, None, [])
        assert "public.sales" in (found["who"].skipped or "")
        assert found["id"].is_sensitive == (column is None)
