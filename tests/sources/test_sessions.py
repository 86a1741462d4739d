"""What sessions of several engines have in common: one statement at a time, and a watch that cuts it off."""

import threading
from decimal import Decimal

import psycopg
import pytest
from structlog.testing import capture_logs

from factbook.errors import StatementFailed
from factbook.sources.generic import GenericConnector
from factbook.sources.postgres import PostgresConnector
from factbook.sources.session import cut_off


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
