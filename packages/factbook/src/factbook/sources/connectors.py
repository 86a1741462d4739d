"""Which connector serves a URL: ours by scheme, others' by entry point, and the generic reader for any SQLAlchemy dialect."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from factbook.errors import ConfigurationError, MissingExtra
from factbook.sources.contract import Connector
from factbook.sources.urls import is_url

GROUP = "factbook.connectors"

_OURS = {
    "postgresql": "factbook.sources.postgres:PostgresConnector",
    "postgres": "factbook.sources.postgres:PostgresConnector",
    "mysql": "factbook.sources.mysql:MySQLConnector",
    "mariadb": "factbook.sources.mysql:MySQLConnector",
    "sqlite": "factbook.sources.sqlite:SQLiteConnector",
    "duckdb": "factbook.sources.duckdb:DuckDBConnector",
}
_OUR_DRIVERS = {"psycopg", "pymysql", "pysqlite", ""}
_GENERIC = "factbook.sources.generic:GenericConnector"
_EXTRAS = {"psycopg": "postgres", "pymysql": "mysql", "duckdb": "duckdb"}


def schemes() -> list[str]:
    """Return the URL schemes that have a connector of their own."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def connector_for(url: str) -> Connector:
    """Return the connector for a URL with its secrets resolved; raises :class:`ConfigurationError` naming what there is."""
    if not is_url(url):
        raise ConfigurationError("A source is named by a URL", fix=f"Write SCHEME://…, with one of {', '.join(schemes())}")
    connector_class = _load(url.split("://", 1)[0].lower())
    return connector_class(url)


def _load(scheme: str) -> type[Connector]:
    engine, _, driver = scheme.partition("+")
    others = {point.name: point for point in entry_points(group=GROUP)}
    try:
        if engine in _OURS and driver in _OUR_DRIVERS:
            return _resolve(_OURS[engine])
        if engine in others:
            loaded: type[Connector] = others[engine].load()
            return loaded
        return _resolve(_GENERIC)
    except ModuleNotFoundError as error:
        if error.name in _EXTRAS:
            raise MissingExtra(f"{engine} cannot be read", _EXTRAS[error.name]) from error
        raise


def _resolve(path: str) -> type[Connector]:
    loaded: type[Connector] = EntryPoint("connector", path, GROUP).load()
    return loaded
