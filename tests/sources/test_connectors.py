"""Which connector serves a URL."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from factbook.errors import ConfigurationError, InvalidRequest, MissingExtra
from factbook.sources import connectors
from factbook.sources.connectors import connector_for, schemes


@pytest.mark.parametrize(
    ("url", "name", "resolved"),
    [
        ("postgresql://ada@db/shop", "PostgresConnector", "postgresql://ada@db/shop"),
        ("postgres://ada@db/shop", "PostgresConnector", "postgresql://ada@db/shop"),
        ("postgresql+psycopg://ada@db/shop", "PostgresConnector", "postgresql://ada@db/shop"),
        ("postgresql+psycopg2://ada@db/shop", "PostgresConnector", "postgresql://ada@db/shop"),
        ("mysql+pymysql://root@db/shop", "MySQLConnector", "mysql://root@db/shop"),
        ("mariadb://root@db/shop", "MySQLConnector", "mariadb://root@db/shop"),
        ("SQLite:////data/x.db", "SQLiteConnector", "sqlite:////data/x.db"),
        ("duckdb:////data/x.duckdb", "DuckDBConnector", "duckdb:////data/x.duckdb"),
        ("oracle://ada@db/shop", "GenericConnector", "oracle://ada@db/shop"),
        ("mssql+pymssql://ada@db/shop", "GenericConnector", "mssql+pymssql://ada@db/shop"),
        ("sqlite+pysqlcipher:////data/x.db", "GenericConnector", "sqlite+pysqlcipher:////data/x.db"),
    ],
)
def test_the_scheme_chooses_the_connector(url: str, name: str, resolved: str) -> None:
    connector = connector_for(url)
    assert (type(connector).__name__, connector.url) == (name, resolved)


def test_references_are_resolved_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "postgres://ada:tiger@db/shop")
    assert connector_for("${SHOP_URL}").url == "postgresql://ada:tiger@db/shop"


def test_an_unknown_scheme_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match="no connector for postgresq://: there are duckdb, mariadb, mysql, postgresql, sqlite"
    ) as raised:
        connector_for("postgresq://ada:tiger@db/shop")
    assert "tiger" not in str(raised.value)


def test_a_name_is_no_url() -> None:
    with pytest.raises(InvalidRequest, match="no URL"):
        connector_for("shop")


def test_a_connector_of_somebody_else_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("teradata", "factbook.sources.sqlite:SQLiteConnector", connectors.GROUP)
    monkeypatch.setattr(connectors, "entry_points", lambda group: [point])
    assert type(connector_for("teradata://db/shop")).__name__ == "SQLiteConnector"
    assert "teradata" in schemes()


def test_a_connector_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("teradata", "no_such_package:Connector", connectors.GROUP)
    monkeypatch.setattr(connectors, "entry_points", lambda group: [point])
    with pytest.raises(ConfigurationError, match=r"teradata cannot be loaded.*no_such_package"):
        connector_for("teradata://db/shop")


@pytest.mark.parametrize(
    ("url", "library", "module", "extra"),
    [
        ("postgresql://db/x", "psycopg", "postgres", "postgres"),
        ("mysql://db/x", "pymysql", "mysql", "mysql"),
        ("duckdb:///x", "duckdb", "duckdb", "duckdb"),
    ],
)
def test_a_missing_driver_is_answered_with_the_line_that_installs_it(
    url: str, library: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"factbook.sources.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'factbook\[{extra}\]'"):
        connector_for(url)


def test_choosing_loads_no_driver_that_is_not_needed() -> None:
    script = (
        "import sys, factbook.sources.connectors as c\n"
        "assert not {'sqlalchemy', 'psycopg', 'pymysql', 'duckdb', 'cryptography'} & sys.modules.keys()\n"
        "c.connector_for('sqlite:////data/x.db')\n"
        "assert not {'psycopg', 'pymysql', 'duckdb'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
