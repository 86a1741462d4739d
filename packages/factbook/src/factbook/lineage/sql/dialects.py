"""Which dialect of SQL an engine speaks, and what of its names sqlglot must be told."""

from __future__ import annotations

from factbook.errors import InvalidRequest

_OF_ENGINES = {
    "cockroachdb": "postgres",
    "greenplum": "postgres",
    "mariadb": "mysql",
    "mssql": "tsql",
    "postgresql": "postgres",
    "spark2": "spark",
    "sparksql": "spark",
    "sqlserver": "tsql",
}

DIALECTS = (
    "athena", "bigquery", "clickhouse", "databricks", "doris", "drill", "druid", "duckdb", "dune", "exasol", "fabric",
    "hive", "materialize", "mysql", "oracle", "postgres", "presto", "redshift", "risingwave", "snowflake", "spark",
    "sqlite", "starrocks", "tableau", "teradata", "trino", "tsql",
)  # fmt: skip
"""The dialects that can be named, as sqlglot calls them."""

_ANY_CASE = frozenset({"mysql", "doris", "starrocks"})
"""Dialects in which a column may be written in any case, quoted or not, while sqlglot takes names as they are written."""

SYSTEM_SCHEMAS = frozenset({"information_schema", "mysql", "performance_schema", "pg_catalog", "pg_toast", "sys", "system"})
SYSTEM_TABLES = frozenset({"dual", "sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"})
"""Schemas and tables that an engine fills itself: no data comes from them."""


def dialect_of(engine: str | None, named: str | None = None) -> str:
    """Return the dialect somebody named, or else the one an engine speaks; raises :class:`InvalidRequest` where neither can be told."""
    wanted = (named or engine or "").lower()
    dialect = _OF_ENGINES.get(wanted, wanted)
    if dialect in DIALECTS:
        return dialect
    what = f"No dialect is called {named!r}" if named else f"The dialect of {engine or 'the source'} is not known"
    raise InvalidRequest(what, fix=f"Name one of {', '.join(DIALECTS)}", field="dialect")


def speaks(engine: str | None) -> bool:
    """Return whether the dialect of an engine is known."""
    return engine is not None and _OF_ENGINES.get(engine.lower(), engine.lower()) in DIALECTS


def for_sqlglot(dialect: str) -> str:
    """Return a dialect with the settings under which sqlglot compares names of columns as the engine does."""
    return f"{dialect},normalization_strategy=case_insensitive" if dialect in _ANY_CASE else dialect


def is_system(parts: tuple[str, ...]) -> bool:
    """Return whether a name is one of the engine's own."""
    plain = [part.strip('"').lower() for part in parts]
    return plain[-1] in SYSTEM_TABLES or (len(plain) > 1 and plain[-2] in SYSTEM_SCHEMAS)
