"""Which connector serves a URL: ours by scheme, others' by entry point, and the generic reader for any SQLAlchemy dialect."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from factbook.errors import ConfigurationError, MissingExtra
from factbook.sources.contract import Connector
from factbook.sources.urls import canonical_engine, expand, scheme_of

GROUP = "factbook.connectors"

_OURS = {
    "postgresql": "factbook.sources.postgres:PostgresConnector",
    "mysql": "factbook.sources.mysql:MySQLConnector",
    "mariadb": "factbook.sources.mysql:MySQLConnector",
    "sqlite": "factbook.sources.sqlite:SQLiteConnector",
    "duckdb": "factbook.sources.duckdb:DuckDBConnector",
}
_OUR_DRIVERS = {
    "postgresql": ("", "psycopg", "psycopg2", "asyncpg", "psycopg_async"),
    "mysql": ("", "pymysql", "mysqldb", "mysqlconnector", "aiomysql", "asyncmy"),
    "mariadb": ("", "pymysql", "mysqldb", "mariadbconnector", "aiomysql", "asyncmy"),
    "sqlite": ("", "pysqlite", "aiosqlite"),
    "duckdb": ("",),
}
"""Drivers that reach what ours reaches; it is used in their place. Others (``sqlite+pysqlcipher``) can do more than it."""

_GENERIC = "factbook.sources.generic:GenericConnector"
_EXTRAS = {"psycopg": "postgres", "pymysql": "mysql", "duckdb": "duckdb"}


def schemes() -> list[str]:
    """Return the URL schemes that have a connector of their own."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def connector_for(url: str) -> Connector:
    """Return the connector for a URL, its ``${NAME}`` references replaced.

    Raises :class:`ConfigurationError` with the schemes there are, :class:`MissingExtra` with the line that installs what is missing.
    """
    resolved = expand(url)
    scheme = scheme_of(resolved)
    engine, driver = canonical_engine(scheme), scheme.partition("+")[2]
    if engine in _OURS and driver in _OUR_DRIVERS[engine]:
        return _load(EntryPoint(engine, _OURS[engine], GROUP))(f"{engine}://{resolved[len(scheme) + 3 :]}")
    for point in entry_points(group=GROUP):
        if point.name in (scheme, engine) and point.name not in _OURS:
            return _load(point)(resolved)
    _require_dialect(scheme, engine, driver)
    return _load(EntryPoint(engine, _GENERIC, GROUP))(resolved)


def _load(point: EntryPoint) -> type[Connector]:
    try:
        loaded: type[Connector] = point.load()
    except ImportError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra is not None:
            raise MissingExtra(f"{point.name} cannot be read", extra) from error
        raise ConfigurationError(
            f"The connector for {point.name} cannot be loaded", why=str(error), fix=f"Mend or remove the package that brings {point.value}"
        ) from error
    return loaded


def _require_dialect(scheme: str, engine: str, driver: str) -> None:
    from sqlalchemy.dialects import registry
    from sqlalchemy.exc import NoSuchModuleError

    try:
        registry.load(f"{engine}.{driver}" if driver else engine)
    except NoSuchModuleError as error:
        raise ConfigurationError(
            f"There is no connector for {scheme}://",
            why=f"there are {', '.join(schemes())}, and whatever SQLAlchemy has a dialect for",
            fix=f"Correct the scheme, or install a SQLAlchemy dialect called {engine!r}",
        ) from error
