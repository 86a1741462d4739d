"""Every connector keeps the contract."""

import pytest
from databases import SMALL, SMALL_TABLES, on_duckdb, on_mysql, on_postgres, on_sqlite

from factbook.errors import FactbookError, RemovalsHeld
from factbook.scan import ScanRequest, scan
from factbook.sources.duckdb import DuckDBConnector
from factbook.sources.mysql import MySQLConnector
from factbook.sources.postgres import PostgresConnector
from factbook.sources.sqlite import SQLiteConnector
from factbook.sources.testing import SECRET, ConnectorContract, HostileConnector, KnownDatabase
from factbook.sources.urls import with_password
from factbook_sdk.repository.contract import Within
from factbook_sdk.repository.memory import MemoryRepository


class TestPostgres(ConnectorContract):
    @pytest.fixture
    def database(self, postgres_url):
        execute = on_postgres(postgres_url)
        execute("DROP SCHEMA public CASCADE")
        execute("CREATE SCHEMA public")
        for statement in SMALL:
            execute(statement)
        missing = postgres_url.rsplit("/", 1)[0] + "/no_such_database"
        unreachable = PostgresConnector(f"postgresql://who:{SECRET.replace('@', '%40').replace('/', '%2F')}@127.0.0.1:1/x")
        refused = PostgresConnector(with_password(missing, SECRET) if "@" in missing else missing)
        return KnownDatabase(lambda: PostgresConnector(postgres_url), "public", SMALL_TABLES, execute, refused, unreachable)


class TestMySQL(ConnectorContract):
    @pytest.fixture
    def database(self, mysql_url):
        execute = on_mysql(mysql_url)
        schema = mysql_url.rsplit("/", 1)[1]
        execute(f"DROP DATABASE {schema}; CREATE DATABASE {schema} CHARACTER SET utf8mb4")
        for statement in SMALL:
            execute(statement)
        refused = MySQLConnector(with_password(mysql_url, SECRET).replace("://root:", "://nobody_here:"))
        unreachable = MySQLConnector("mysql://who:" + SECRET.replace("@", "%40").replace("/", "%2F") + "@127.0.0.1:1/x")
        return KnownDatabase(lambda: MySQLConnector(mysql_url), schema, SMALL_TABLES, execute, refused, unreachable, "`")


class TestSQLite(ConnectorContract):
    @pytest.fixture
    def database(self, tmp_path):
        execute = on_sqlite(tmp_path / "small.sqlite")
        for statement in SMALL:
            execute(statement)
        url = f"sqlite:///{tmp_path}/small.sqlite"
        return KnownDatabase(
            lambda: SQLiteConnector(url), "main", SMALL_TABLES, execute, SQLiteConnector(f"sqlite:///{tmp_path}/none.sqlite")
        )


class TestDuckDB(ConnectorContract):
    @pytest.fixture
    def database(self, tmp_path):
        execute = on_duckdb(tmp_path / "small.duckdb")
        for statement in SMALL:
            execute(statement)
        url = f"duckdb:///{tmp_path}/small.duckdb"
        return KnownDatabase(
            lambda: DuckDBConnector(url), "main", SMALL_TABLES, execute, DuckDBConnector(f"duckdb:///{tmp_path}/none.duckdb")
        )


@pytest.mark.parametrize("mood", ["half", "slow", "silent", "foreign", "twice", "odd"])
def test_a_hostile_connector_removes_nothing_and_the_rest_is_kept(mood):
    repository = MemoryRepository()
    scan(HostileConnector("calm"), repository, ScanRequest("src"))
    try:
        scan(HostileConnector(mood), repository, ScanRequest("src"))
    except RemovalsHeld:
        raise
    except FactbookError:
        assert mood in ("half", "slow", "silent", "foreign")
    live = [item for item in repository.latest_many(Within("src"), "schema_snapshot").values() if item.record.payload is not None]
    assert {f"t{number}" for number in range(10)} <= {item.record.target.table for item in live}
    assert scan(HostileConnector("calm"), repository, ScanRequest("src", accept_removals=True)).counts.tables == 10
