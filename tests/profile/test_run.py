"""A run stays within its budget, survives what happens to it, and leaves no value behind that it must not."""

import glob
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from measuring import SOURCE, columns, measured, run, scanned, snapshots

from factbook.errors import Cancelled, NotFound
from factbook.profile.model import Budget, Sampling
from factbook.scan import ScanRequest, scan
from factbook.sources.connectors import connector_for
from factbook_sdk.facts import MetadataRecord, MetadataTarget

SECRET = "topsecret-"
MADE = f"""
    CREATE SCHEMA shop;
    CREATE TABLE shop.customers (id integer PRIMARY KEY, name text, ssn text, born date);
    INSERT INTO shop.customers SELECT i, 'name ' || i % 50, '{SECRET}' || i, date '1950-01-01' + i % 9000 FROM generate_series(1, 2000) i;
    CREATE TABLE shop.orders AS
        SELECT i AS id, (i * 7919) % 1000 AS customer, CASE WHEN i % 5 = 0 THEN NULL ELSE (i * 31 % 997)::numeric(8,2) END AS price,
               i / 100 AS batch, timestamp '2024-01-01' + i * interval '1 second' AS placed_at, repeat('x', 60) AS filler
        FROM generate_series(1, 60000) i;
    ALTER TABLE shop.orders ADD PRIMARY KEY (id);
    CREATE TABLE shop.small AS SELECT i AS id FROM generate_series(1, 10) i;
    CREATE VIEW shop.recent AS SELECT * FROM shop.orders WHERE id > 59990;
    CREATE TABLE shop.parted (id integer, day date) PARTITION BY RANGE (id);
    CREATE TABLE shop.parted_1 PARTITION OF shop.parted FOR VALUES FROM (0) TO (100);
    CREATE TABLE shop.parted_2 PARTITION OF shop.parted FOR VALUES FROM (100) TO (1000);
    INSERT INTO shop.parted SELECT i, date '2024-01-01' FROM generate_series(1, 500) i;
"""
TABLES = {"customers", "orders", "small", "parted"}


@pytest.fixture(scope="module")
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(MADE)
    # From another connection: what this one wrote is counted when it ends, and ANALYZE before that would look stale.
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return postgres_url


def classify(repository, table, value, column=None, producer="ann"):
    note = {"property": "classification", "value": value} | ({"column": column} if column else {})
    target = MetadataTarget(SOURCE, "shop", table)
    payload = {"author_type": "person", "notes": [note]}
    repository.store(MetadataRecord(target, "annotation", payload, datetime.now(UTC), producer))


def names(result):
    return [item.table for item in result.tables]


def test_every_table_is_measured_once_with_a_bill_and_views_and_partitions_only_by_name(shop):
    repository = scanned(shop)
    result = run(shop, repository)
    assert set(names(result)) == TABLES
    assert (result.failures, result.bill.rows_read) == ([], 2000 + 60000 + 10 + 500)
    assert sum(item.bytes_read for item in result.tables) == result.bill.bytes_read > 1_000_000
    assert {item.row_count for item in result.tables} == {2000, 60000, 10, 500}
    assert set(names(run(shop, repository, run_id="2", tables=["recent", "parted_1"]))) == {"parted_1", "recent"}
    assert snapshots(repository)["recent"].row_count == 10


def test_a_pattern_that_means_nothing_and_a_source_that_was_not_scanned_are_clear_errors(shop):
    repository = scanned(shop)
    with pytest.raises(NotFound, match="No table of src is called nothere"):
        run(shop, repository, tables=["nothere"])
    with pytest.raises(NotFound) as caught:
        run(shop, type(repository)())
    assert caught.value.fix == f"factbook scan {SOURCE}"


def test_a_large_table_is_counted_by_the_engine_and_its_distribution_comes_from_a_sample(shop):
    snapshot = measured(shop, "orders", whole_cells=1000, sampled_rows=20_000)
    whole = columns(measured(shop, "orders"))
    found = columns(snapshot)
    assert (snapshot.origin, snapshot.row_count, snapshot.sample.method) == ("exact", 60000, "system")
    for name, column in found.items():
        assert (column.null_count, column.minimum, column.maximum) == (whole[name].null_count, whole[name].minimum, whole[name].maximum)
        assert column.distribution_origin == "sampled"
    assert (found["id"].distinct_count, found["id"].distinct_is_estimate, found["id"].is_key_candidate) == (60000, False, True)
    assert snapshot.freshness.column == "placed_at"


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_what_a_sample_says_lies_within_its_stated_error(shop, seed, share):
    """The margins are those of 95 %; the seeds are fixed, and of these none is among the unlucky ones by three margins."""
    whole = columns(measured(shop, "orders"))
    snapshot = measured(shop, "orders", sampling=Sampling(share=share, seed=seed))
    assert (snapshot.origin, snapshot.row_count_is_estimate) == ("sampled", True)
    for name, column in columns(snapshot).items():
        exact = whole[name]
        assert abs(column.null_share - exact.null_share) <= 3 * column.null_share_margin
        if exact.mean is not None:
            assert abs(column.mean - exact.mean) <= 3 * column.mean_margin, (name, column.mean, exact.mean, column.mean_margin)
        if column.distinct_low is not None:
            assert column.distinct_low <= exact.distinct_count <= column.distinct_high, name
            error = abs(column.distinct_count - exact.distinct_count) / exact.distinct_count
            assert error <= column.distinct_error + 1e-9


def test_the_same_seed_chooses_the_same_rows_and_another_one_others(shop):
    def sampled(seed):
        snapshot = measured(shop, "orders", sampling=Sampling(rows=3000, seed=seed))
        return columns(snapshot)["id"].mean

    assert sampled(5) == sampled(5) != sampled(6)


def test_a_small_table_of_which_a_sample_drew_no_row_is_read_whole(shop):
    snapshot = measured(shop, "small", sampling=Sampling(share=0.0001))
    assert (snapshot.origin, snapshot.row_count, columns(snapshot)["id"].maximum) == ("exact", 10, 10)


def test_a_sample_that_drew_no_row_leaves_the_last_measurement_as_it_is(shop):
    repository = scanned(shop)
    nothing = Sampling(share=0.0000001)
    run(shop, repository, tables=["orders"], sampling=nothing)
    first = snapshots(repository)["orders"]
    assert (first.columns, first.skipped) == ([], "the sample drew none of its rows")
    run(shop, repository, run_id="2", tables=["orders"])
    before = snapshots(repository)["orders"]
    assert before.columns
    result = run(shop, repository, run_id="3", tables=["orders"], sampling=nothing)
    assert snapshots(repository)["orders"] == before
    (line,) = result.tables
    assert (line.is_kept, line.skipped) == (True, "the sample drew none of its rows: the last measurement stands")


def test_a_sample_of_a_view_is_taken_too(shop):
    snapshot = measured(shop, "recent", sampling=Sampling(share=0.5))
    assert snapshot.sample.method == "random"
    assert snapshot.row_count is None


@pytest.mark.parametrize("rows", [1500, 5000, 40_000])
def test_a_budget_of_rows_is_kept_and_what_it_leaves_says_why(shop, rows):
    result = run(shop, scanned(shop), budget=Budget(rows=rows))
    assert result.bill.rows_read <= rows * 1.1
    assert set(names(result)) == TABLES
    for item in result.tables:
        assert item.origin == "exact" or "budget" in item.skipped


def test_a_budget_of_bytes_is_kept(shop):
    result = run(shop, scanned(shop), budget=Budget(bytes=400_000))
    assert 0 < result.bill.bytes_read <= 400_000 + (1 << 18)


def test_a_budget_of_seconds_that_is_over_leaves_the_rest_to_the_engines_statistics(shop):
    repository = scanned(shop)
    run(shop, repository, budget=Budget(seconds=1e-9))
    orders = snapshots(repository)["orders"]
    assert (orders.origin, orders.bill.rows_read, orders.engine_statistics_at is not None) == ("engine", 0, True)
    assert orders.skipped == "the budget of seconds is used up"
    assert columns(orders)["price"].null_share == pytest.approx(0.2, abs=0.02)


def test_a_statement_is_cut_off_when_the_seconds_are_over(shop, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE VIEW shop.sleepy AS SELECT i, pg_sleep(0.01)::text AS t FROM generate_series(1, 100000) i")
    try:
        repository = scanned(shop)
        result = run(shop, repository, tables=["sleepy"], budget=Budget(seconds=1))
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP VIEW shop.sleepy")
    assert result.failures == []
    assert "the budget of seconds is used up" in snapshots(repository)["sleepy"].skipped


def test_tables_never_measured_come_first_so_that_budgets_reach_all(shop):
    repository = scanned(shop)
    run(shop, repository, tables=["small", "orders"])
    assert names(run(shop, repository, run_id="2")) == ["parted", "customers", "small", "orders"]


def test_the_engines_statistics_alone_read_no_row(shop):
    repository = scanned(shop)
    result = run(shop, repository, tables=["orders"], engine_statistics="only")
    assert result.bill.rows_read == 0
    assert snapshots(repository)["orders"].row_count_is_estimate


def test_a_run_that_was_cancelled_goes_on_at_the_next_table(shop):
    repository = scanned(shop)
    done = []

    def stop_at_the_third():
        if len(done) == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(shop, repository, check_cancelled=stop_at_the_third, on_progress=lambda number, total, name: done.append(name))
    before = set(snapshots(repository))
    assert 0 < len(before) < len(TABLES)
    result = run(shop, repository)
    assert {item.table for item in result.tables if item.resumed} == before
    assert {item.table for item in result.tables} == TABLES
    assert len(repository.query("statistics_snapshot", limit=100).records) == len(TABLES)


def test_a_reading_that_is_cancelled_half_way_ends_at_once_and_leaves_no_statement_behind(shop, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE VIEW shop.slow AS SELECT i, pg_sleep(0.01)::text AS t FROM generate_series(1, 100000) i")
    repository, calls = scanned(shop), []

    def stop_later():
        calls.append(1)
        if len(calls) > 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(shop, repository, tables=["slow"], check_cancelled=stop_later)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SELECT pg_sleep(0.2)")
        running = connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'factbook' AND query LIKE 'COPY%' AND datname = current_database()"
        ).fetchone()
        connection.rollback()
        connection.execute("DROP VIEW shop.slow")
    assert running == (0,)


def test_a_table_without_privilege_fails_alone(shop, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS factbook_profile_reader")
        connection.execute("CREATE ROLE factbook_profile_reader LOGIN PASSWORD 'x'")
        connection.execute("GRANT USAGE ON SCHEMA shop TO factbook_profile_reader")
        connection.execute("GRANT SELECT ON shop.small, shop.orders TO factbook_profile_reader")
    parts = urlsplit(postgres_url)
    url = parts._replace(netloc=f"factbook_profile_reader:x@{parts.hostname}:{parts.port}").geturl()
    try:
        result = run(url, scanned(shop), tables=["small", "customers", "orders"])
        assert names(result) == ["small", "orders"]
        assert [(item.table, item.reason.rpartition(": ")[2]) for item in result.failures] == [
            ("customers", "permission denied for table customers")
        ]
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY factbook_profile_reader; DROP ROLE factbook_profile_reader")


def test_values_of_sensitive_columns_are_in_no_fact_no_statement_and_no_file(shop, postgres_url, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    repository = scanned(shop)
    classify(repository, "customers", "PII", column="ssn")
    classify(repository, "orders", "Restricted", producer="bob")
    seen = []

    def look(*_):
        seen.extend(Path(path).read_bytes() for path in glob.glob(str(tmp_path / "**" / "*"), recursive=True) if Path(path).is_file())

    for number, options in enumerate(({}, {"whole_cells": 10}, {"sampling": Sampling(rows=1000)}, {"engine_statistics": "only"})):
        run(shop, repository, run_id=f"run-{number}", tables=["customers", "orders"], on_progress=look, **options)
    facts = b"".join(str(item.record.payload).encode() for item in repository.tail(limit=1000).records)
    assert SECRET.encode() not in facts
    assert not any(SECRET.encode() in text for text in seen)
    found = columns(snapshots(repository)["customers"])
    assert found["ssn"].is_sensitive
    assert not found["name"].is_sensitive
    assert all(column.is_sensitive for column in snapshots(repository)["orders"].columns)
    assert list(tmp_path.iterdir()) == []


def test_what_was_called_sensitive_counts_nulls_only_and_a_claim_taken_back_ends_that(shop):
    repository = scanned(shop)
    classify(repository, "customers", "secret", column="name")
    run(shop, repository, tables=["customers"])
    hidden = columns(snapshots(repository)["customers"])["name"]
    assert (hidden.null_count, hidden.minimum, hidden.distinct_count, hidden.frequent) == (0, None, None, [])
    classify(repository, "customers", "public", column="name")
    run(shop, repository, run_id="2", tables=["customers"])
    assert columns(snapshots(repository)["customers"])["name"].distinct_count == 50


def test_excluded_columns_are_left_out(shop):
    found = columns(measured(shop, "customers", exclude_columns=["ssn", "customers.b*"]))
    assert list(found) == ["id", "name"]


def test_two_runs_at_once_disturb_each_other_in_nothing(shop):
    repository, results = scanned(shop), {}

    def measure(number):
        results[number] = run(shop, repository, run_id=f"run-{number}")

    threads = [threading.Thread(target=measure, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(results[number].tables) for number in range(2)] == [4, 4]
    assert len(repository.query("statistics_snapshot", limit=100).records) == 8


def test_memory_is_bounded_by_spilling(shop, postgres_url, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE shop.wide AS SELECT i, md5(i::text) || md5((i + 1)::text) AS a FROM generate_series(1, 300000) i")
    try:
        found = columns(measured(shop, "wide", memory_bytes=40 << 20))
        assert (found["a"].distinct_count, found["i"].distinct_count, found["i"].quantiles[2].value) == (300_000, 300_000, 150_000)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP TABLE shop.wide")
    assert list(tmp_path.iterdir()) == []


def test_rows_that_stop_half_way_leave_a_connection_that_goes_on(shop):
    with connector_for(shop).open_session() as session:
        pieces = session.copy_out("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 200000)) TO STDOUT")
        assert len(next(pieces)) >= 1 << 18
        pieces.close()
        assert session.rows("SELECT 1") == [(1,)]


def test_a_view_s_column_that_lineage_says_is_made_from_a_sensitive_one_is_only_counted(shop):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE VIEW shop.numbers AS SELECT id, upper(ssn) AS number FROM shop.customers")
    repository = scanned(shop)
    classify(repository, "customers", "pii", column="ssn")
    edges = [{"output": "number", "input": "ssn"}, {"output": "id", "input": "id"}]
    inputs = [{"table": {"source_id": SOURCE, "schema": "shop", "table": "customers"}, "columns": edges}]
    payload = {"origin": "view", "inputs": inputs}
    repository.store(MetadataRecord(MetadataTarget(SOURCE, "shop", "numbers"), "lineage", payload, datetime.now(UTC), "views"))
    run(shop, repository, tables=["numbers"])
    found = columns(snapshots(repository)["numbers"])
    assert SECRET.upper() not in str(found)
    assert found["number"].skipped == "sensitive (it holds values of shop.customers.ssn): only counted, its values were not read"
    assert (found["number"].null_count, found["id"].maximum) == (0, 2000)


def test_a_column_that_may_be_a_sensitive_one_under_a_new_name_is_only_counted(shop):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE shop.renamed AS SELECT i AS id, '{SECRET}' || i AS ssn FROM generate_series(1, 9) i")
    repository = scanned(shop)
    classify(repository, "renamed", "pii", column="ssn")
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("ALTER TABLE shop.renamed RENAME ssn TO number")
    scan(connector_for(shop), repository, ScanRequest(SOURCE))
    run(shop, repository, tables=["renamed"])
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("DROP TABLE shop.renamed; DROP VIEW IF EXISTS shop.numbers")
    found = columns(snapshots(repository)["renamed"])
    assert SECRET not in str(found)
    assert "it appeared when the sensitive column ssn went" in found["number"].skipped
