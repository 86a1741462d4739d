"""What sessions of several engines have in common: one statement at a time, and a watch that cuts it off."""

import sqlite3
import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from structlog.testing import capture_logs

from factbook.errors import StatementFailed
from factbook.sources.duckdb import DuckDBConnector
from factbook.sources.generic import GenericConnector
from factbook.sources.postgres import PostgresConnector
from factbook.sources.session import cut_off
from factbook.sources.sqlite import SQLiteConnector


@pytest.fixture
def postgres(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS id")
        connection.execute("CREATE OR REPLACE FUNCTION empties() RETURNS int LANGUAGE sql AS 'DELETE FROM kept; SELECT 1'")
        yield connection


def rows_kept(connection):
    return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


@pytest.mark.parametrize("generic", [False, True])
def test_a_text_that_leaves_its_brackets_empties_no_table(postgres, postgres_url, generic):
    rest = "COMMIT; BEGIN READ WRITE; DELETE FROM kept; COMMIT; SELECT count(*) FROM (SELECT 1"
    made = GenericConnector("postgresql+psycopg://" + postgres_url.split("://")[1]) if generic else PostgresConnector(postgres_url)
    for text in (f"SELECT 1) AS q; {rest}", rf"SELECT '\') AS q; {rest} --'" + "\n"):
        with made.open_session() as session, pytest.raises(StatementFailed):
            session.rows(f"SELECT * FROM ({text}) AS metric LIMIT 2")
    assert rows_kept(postgres) == 1


def test_a_copy_is_one_statement(postgres, postgres_url):
    text = "COPY (SELECT 1) TO STDOUT; COMMIT; BEGIN READ WRITE; DELETE FROM kept; COMMIT"
    with PostgresConnector(postgres_url).open_session() as session:
        with pytest.raises(StatementFailed):
            list(session.copy_out(text))
        assert b"".join(session.copy_out("COPY (SELECT 1) TO STDOUT")) == b"1\n"
    assert rows_kept(postgres) == 1


@pytest.mark.parametrize(
    "text", ["DO $$ BEGIN COMMIT; SET TRANSACTION READ WRITE; DELETE FROM kept; COMMIT; END $$", "SELECT empties()", "DELETE FROM kept"]
)
def test_no_single_statement_writes_even_after_the_sessions_setting_was_changed(postgres, postgres_url, text):
    with PostgresConnector(postgres_url).open_session() as session:
        session.rows("SELECT set_config('default_transaction_read_only', 'off', false)")
        with pytest.raises(StatementFailed):
            session.rows(text)
        assert session.rows("SELECT 1") == [(1,)]
    assert rows_kept(postgres) == 1


def test_statements_without_parameters_keep_their_percent_signs_and_types(postgres_url):
    with PostgresConnector(postgres_url).open_session() as session:
        assert session.rows("SELECT '%s %% %(a)s', 1.50::numeric, true, date '2024-01-01'::text, E'\\\\x00'::bytea") == [
            ("%s %% %(a)s", Decimal("1.50"), True, "2024-01-01", b"\x00")
        ]


@pytest.mark.parametrize(
    ("text", "runs"), [("SELECT ';'", True), ('SELECT 1 AS ";"', True), ("SELECT 1; ", True), (r"SELECT '\'; COMMIT --'", False)]
)
def test_any_engine_runs_one_statement_by_whichever_rule_it_reads(postgres_url, text, runs):
    with GenericConnector("postgresql+psycopg://" + postgres_url.split("://")[1]).open_session() as session:
        if runs:
            assert len(session.rows(text)) == 1
        else:
            with pytest.raises(StatementFailed, match="more than one statement"):
                session.rows(text)


def test_a_statement_is_cut_off_again_where_the_first_call_failed():
    calls, done = [], threading.Event()

    def cancel():
        calls.append(1)
        if len(calls) == 4:
            done.set()
        raise ConnectionResetError("nobody there")

    with capture_logs() as logs, cut_off(cancel, 0.01) as fired:
        assert done.wait(30)
    assert fired.is_set()
    assert [entry["event"] for entry in logs] == ["statement_not_cut_off"]


@pytest.fixture
def duck(tmp_path):
    import duckdb

    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        (tmp_path / "secret.csv").write_text("a\n1\n")
        connection.execute(f"CREATE TABLE t AS SELECT 1 AS id; CREATE VIEW v AS SELECT * FROM '{tmp_path}/secret.csv'")
    return f"duckdb:///{tmp_path}/shop.duckdb"


@pytest.mark.parametrize(
    "text",
    [
        "COPY t TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TEMP TABLE x AS SELECT 1",
        "SET threads = 1",
        "PRAGMA enable_profiling",
        "PREPARE q AS COPY t TO '{folder}/out.csv'",
        "SELECT * FROM read_text('{folder}/secret.csv')",
        "SELECT * FROM v",
    ],
)
def test_a_duckdb_session_runs_queries_of_its_own_file_alone(duck, tmp_path, text):
    with DuckDBConnector(duck).open_session() as session:
        before = sorted(tmp_path.iterdir())
        with pytest.raises(StatementFailed):
            session.rows(text.format(folder=tmp_path))
        assert session.rows("WITH q AS (FROM t) SELECT id FROM q") == [(1,)]
        assert sorted(tmp_path.iterdir()) == before


def test_views_over_other_files_are_read_where_the_url_says_so(duck):
    with DuckDBConnector(f"{duck}?external_access=true").open_session() as session:
        assert session.rows("SELECT * FROM v") == [(1,)]
        with pytest.raises(StatementFailed, match="no query"):
            session.rows("COPY t TO '/tmp/out.csv'")


def test_two_sessions_of_one_duckdb_file_do_not_disturb_each_other(duck):
    with DuckDBConnector(duck).open_session() as one, DuckDBConnector(duck).open_session() as other:
        assert (one.rows("SELECT id FROM t"), other.rows("SELECT id FROM t")) == ([(1,)], [(1,)])


def test_a_sqlite_session_attaches_no_other_file(tmp_path):
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    with SQLiteConnector(f"sqlite:///{tmp_path}/shop.sqlite").open_session() as session:
        with pytest.raises(StatementFailed):
            session.rows(f"ATTACH '{tmp_path}/other.sqlite' AS other")
        assert session.rows("SELECT id FROM t") == [(1,)]


PRINTED = [
    ("infinity", "date"),
    ("10000-01-01", "date"),
    ("0044-03-15 BC", "date"),
    ("24:00:00", "time"),
    ("24:00:00+00", "timetz"),
    ("-infinity", "timestamp"),
    ("10000-01-01 00:00:00", "timestamp"),
    ("10000-01-01 00:00:00+00", "timestamptz"),
]


@pytest.mark.parametrize(("printed", "type_"), PRINTED)
def test_a_moment_that_python_has_no_value_for_takes_no_other_row_with_it(postgres_url, printed, type_):
    statement = f"SELECT * FROM (VALUES (1, '{printed}'::{type_}), (2, NULL)) AS two"
    with PostgresConnector(postgres_url).open_session() as session:
        assert session.rows(statement) == [(1, printed), (2, None)]
        assert [row for chunk in session.chunks(statement) for row in chunk] == [(1, printed), (2, None)]
        assert session.rows("SELECT date '2023-07-01', timestamptz '2023-07-01T12:00Z'") == [
            (date(2023, 7, 1), datetime(2023, 7, 1, 12, tzinfo=UTC))
        ]
