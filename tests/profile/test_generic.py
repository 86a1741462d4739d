"""Sessions and rows of databases that only SQLAlchemy knows, here with its dialects for SQLite and PostgreSQL."""

import sqlite3
from contextlib import closing
from decimal import Decimal

import psycopg
import pytest
from tests.profile.feeding import not_cancelled

from factbook.errors import SourceRefused, StatementFailed, StatementTimeout
from factbook.profile.computing import measure
from factbook.profile.feeding import Extent, Wanted
from factbook.profile.feeds.generic import GenericFeed
from factbook.profile.model import ColumnPlan, Sampling
from factbook.profile.workshop import opened
from factbook.sources.contract import Known, ScanScope, TableName, TableSnapshot
from factbook.sources.generic import GenericConnector
from factbook.sources.testing import SECRET, ConnectorContract, KnownDatabase
from factbook_sdk.facts.kinds.schema_snapshot import Column

SMALL = (
    "CREATE TABLE people (id integer NOT NULL PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'nobody', born date)",
    "CREATE TABLE orders (id integer NOT NULL PRIMARY KEY, person_id integer NOT NULL)",
)


def postgres(url):
    def execute(statement):
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return execute


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """Give the same small database in two engines, reached through SQLAlchemy."""
    if request.param == "sqlite":
        path = tmp_path / "small.sqlite"

        def execute(statement):
            with closing(sqlite3.connect(path)) as connection, connection:
                return connection.execute(statement).fetchall()

        url, schema, refused = f"sqlite:///{path}", "main", f"sqlite:///{tmp_path}/none/none.sqlite"
    else:
        url = request.getfixturevalue("postgres_url")
        execute, schema, refused = postgres(url), "public", url.rsplit("/", 1)[0] + "/no_such_database"
        execute("DROP SCHEMA IF EXISTS public CASCADE")
        execute("CREATE SCHEMA public")
        url, refused = (text.replace("postgresql://", "postgresql+psycopg://") for text in (url, refused))
    for statement in SMALL:
        execute(statement)
    return KnownDatabase(lambda: GenericConnector(url), schema, frozenset({"people", "orders"}), execute, GenericConnector(refused))


class TestSession:
    """What the contract asks of a session, as far as it can be kept without knowing the engine."""

    odd_names = ConnectorContract.odd_names
    test_a_session_answers_with_rows_and_in_chunks = ConnectorContract.test_a_session_answers_with_rows_and_in_chunks
    test_a_session_reads_tables_of_odd_names = ConnectorContract.test_a_session_reads_tables_of_odd_names
    test_a_session_goes_on_after_a_statement_that_was_refused = ConnectorContract.test_a_session_goes_on_after_a_statement_that_was_refused
    test_a_statement_over_its_time_is_cut_off_and_the_session_goes_on = (
        ConnectorContract.test_a_statement_over_its_time_is_cut_off_and_the_session_goes_on
    )

    def test_what_a_session_wrote_is_rolled_back(self, database):
        with database.connect().open_session() as session:
            table = session.table(TableName(database.schema, "people"))
            with pytest.raises(StatementFailed):
                session.rows(f"INSERT INTO {table} (id, name) VALUES (1, 'x')")
            assert session.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        assert database.execute("SELECT count(*) FROM people") == [(0,)]

    def test_a_session_that_was_left_by_an_error_has_written_nothing(self, database):
        database.execute("INSERT INTO people (id, name) VALUES (1, 'x')")

        def deletes_and_fails():
            with database.connect().open_session() as session:
                session.rows("SELECT no_such_column FROM people" if session.rows("DELETE FROM people") else "SELECT")

        with pytest.raises(StatementFailed):
            deletes_and_fails()
        assert database.execute("SELECT count(*) FROM people") == [(1,)]


def test_a_session_that_cannot_be_opened_says_why_without_the_secret(postgres_url):
    parts = postgres_url.split("://")[1].split("@")[-1]
    connector = GenericConnector(f"postgresql+psycopg://nobody_here:{SECRET.replace('@', '%40').replace('/', '%2F')}@{parts}_none")
    with pytest.raises(SourceRefused) as caught, connector.open_session():
        pass
    assert SECRET not in str(caught.value)


def plans_of(connector, name, feed):
    snapshot = next(
        item.snapshot for item in connector.read_catalog(ScanScope(), Known()) if isinstance(item, TableSnapshot) and item.name == name
    )
    return [
        ColumnPlan(f"c{place}", column.name, column.data_type, feed.family_of(column), precision=column.precision, scale=column.scale)
        for place, column in enumerate(snapshot.columns)
    ]


def profiled(database, table, **wanted):
    feed, name, connector = GenericFeed(), TableName(database.schema, table), database.connect()
    plans = plans_of(connector, name, feed)
    with opened(256 << 20) as workshop, connector.open_session() as session:
        found = feed.bring(session, Wanted(name, plans, **wanted), workshop, check_cancelled=not_cancelled)
        return found, {item.name: item for item in measure(found, plans, rows_of_table=None)}


def test_every_exact_figure_is_what_sql_says(database):
    database.execute("DROP TABLE IF EXISTS figures")
    database.execute("CREATE TABLE figures (i integer, d numeric(10,2), r double precision, t varchar(20), day date)")
    rows = ", ".join(
        f"({number}, {number}.25, {number / 3!r}, 'name {number % 7}', '2020-01-{1 + number % 28:02d}')" if number % 10 else
        "(NULL, NULL, NULL, NULL, NULL)" for number in range(1, 301)
    )  # fmt: skip
    database.execute(f"INSERT INTO figures VALUES {rows}")
    found, statistics = profiled(database, "figures")
    assert found.rows == 300
    for name in ("i", "d", "r"):
        count, distinct, least, most, mean = database.execute(
            f"SELECT count({name}), count(DISTINCT {name}), min({name}), max({name}), avg({name}) FROM figures"
        )[0]
        item = statistics[name]
        assert (300 - item.null_count, item.distinct_count) == (count, distinct)
        assert (Decimal(str(item.minimum)), Decimal(str(item.maximum))) == (Decimal(str(least)), Decimal(str(most)))
        assert item.mean == pytest.approx(float(mean), rel=1e-12)
    assert (statistics["t"].distinct_count, statistics["t"].maximum_length) == (7, 6)
    assert statistics["day"].minimum == "2020-01-01"


def test_types_that_a_driver_makes_come_as_what_they_are(postgres_url):
    execute = postgres(postgres_url)
    execute("DROP TABLE IF EXISTS kinds")
    execute("CREATE TABLE kinds (b boolean, at timestamptz, n numeric, u uuid, a integer[], j jsonb, raw bytea, big bigint, t time)")
    execute(
        "INSERT INTO kinds VALUES (true, '2020-01-01 12:00+02', 1e30, '123e4567-e89b-12d3-a456-426614174000', '{1,2}', "
        """'{"k": "it''s"}', '\\x00ff', 9223372036854775807, '23:59:59.5'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"""
    )
    plans = {
        "b": "boolean", "at": "timestamp with time zone", "n": "numeric", "u": "uuid", "a": "integer[]", "j": "jsonb", "raw": "bytea",
        "big": "bigint", "t": "time without time zone",
    }  # fmt: skip
    feed = GenericFeed()
    columns = [
        ColumnPlan(f"c{place}", name, kind, feed.family_of(Column(name, 1, kind))) for place, (name, kind) in enumerate(plans.items())
    ]
    connector = GenericConnector(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with opened(256 << 20) as workshop, connector.open_session() as session:
        found = feed.bring(session, Wanted(TableName("public", "kinds"), columns, Extent()), workshop, check_cancelled=not_cancelled)
        assert workshop.ask(f"SELECT COLUMNS(*)::VARCHAR FROM {found.relation} WHERE c0 IS NOT NULL") == [
            ("true", "2020-01-01 10:00:00", "1e+30", "123e4567-e89b-12d3-a456-426614174000", "[1,2]", '{"k":"it\'s"}', "00ff",
             "9223372036854775807", "23:59:59.5")
        ]  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_value_of_another_type_makes_its_column_one_of_text(database):
    database.execute("CREATE TABLE mixed (i integer, d numeric(10,2))")
    database.execute("INSERT INTO mixed VALUES (1, 0.125), ('two', 2)")
    _, statistics = profiled(database, "mixed")
    assert (statistics["i"].distinct_count, statistics["i"].skipped) == (2, "declared INTEGER, it holds values of another type")
    assert statistics["d"].mean == 1.0625


def test_a_sample_says_that_every_row_was_read_and_is_drawn_again_alike(database):
    database.execute("DROP TABLE IF EXISTS many")
    database.execute("CREATE TABLE many (i integer)")
    database.execute(f"INSERT INTO many VALUES {', '.join(f'({number})' for number in range(2000))}")
    first, statistics = profiled(database, "many", sampling=Sampling(share=0.25))
    assert first.sample.method == "every row read, drawn here"
    assert 400 < first.rows < 600
    assert profiled(database, "many", sampling=Sampling(share=0.25))[1] == statistics


@pytest.mark.parametrize("wanted", [1, 100, 1999])
def test_a_sample_of_so_many_rows_has_so_many_and_is_drawn_from_all_of_them(database, wanted):
    database.execute("DROP TABLE IF EXISTS many")
    database.execute("CREATE TABLE many (i integer)")
    database.execute(f"INSERT INTO many VALUES {', '.join(f'({number})' for number in range(2000))}")
    found, statistics = profiled(database, "many", sampling=Sampling(rows=wanted, seed=3))
    assert (found.rows, found.sample.rows, found.sample.share, found.statements) == (wanted, wanted, wanted / 2000, 2)
    assert profiled(database, "many", sampling=Sampling(rows=wanted, seed=3))[1] == statistics
    if wanted == 100:
        assert 800 < statistics["i"].mean < 1200
        assert statistics["i"].maximum > 1800


@pytest.mark.parametrize("rows", [0, 3])
def test_a_table_that_has_no_more_rows_than_wanted_is_read_whole_and_called_no_sample(database, rows):
    database.execute("DROP TABLE IF EXISTS many")
    database.execute("CREATE TABLE many (i integer)")
    if rows:
        database.execute(f"INSERT INTO many VALUES {', '.join(f'({number})' for number in range(rows))}")
    found, _ = profiled(database, "many", sampling=Sampling(rows=3))
    assert (found.rows, found.sample) == (rows, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_value_of_another_type_does_not_change_how_many_rows_are_drawn(database):
    database.execute("CREATE TABLE mixed (i integer)")
    rows = ", ".join(f"('n{number}')" for number in range(500))
    database.execute(f"INSERT INTO mixed VALUES {rows}")
    found, _ = profiled(database, "mixed", sampling=Sampling(rows=50))
    assert found.rows == 50


def test_a_reading_over_its_time_is_cut_off(database):
    database.execute("DROP VIEW IF EXISTS slow")
    database.execute("DROP TABLE IF EXISTS many")
    database.execute("CREATE TABLE many (i integer)")
    database.execute(f"INSERT INTO many VALUES {', '.join(f'({number})' for number in range(2000))}")
    database.execute("CREATE VIEW slow AS SELECT count(*) AS i FROM many a, many b, many c")
    with pytest.raises(StatementTimeout):
        profiled(database, "slow", limit_seconds=0.3)
