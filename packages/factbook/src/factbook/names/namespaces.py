"""OpenLineage namespaces, written alike: ``postgresql://Db:5432/`` and ``postgres://db`` are one server.

The forms are those of OpenLineage's naming conventions (openlineage.io/docs/spec/naming). They have none for a database that is one file:
here it is ``sqlite://`` or ``duckdb://`` and the file's absolute path. See docs/decisions/0028-names-resolve-from-the-log.md.
"""

from __future__ import annotations

import posixpath
from typing import Literal

import msgspec

_ALIASES = {
    "awsathena": "athena",
    "azuresql": "sqlserver",
    "gcs": "gs",
    "mariadb": "mysql",
    "mssql": "sqlserver",
    "pgsql": "postgres",
    "postgresql": "postgres",
    "s3a": "s3",
    "s3n": "s3",
}
_PORTS = {
    "cassandra": "9042",
    "db2": "50000",
    "hive": "10000",
    "mysql": "3306",
    "oracle": "1521",
    "postgres": "5432",
    "redshift": "5439",
    "sqlserver": "1433",
    "trino": "8080",
}
_FILES = frozenset({"duckdb", "sqlite"})
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - nothing is bound here
_NO_DATABASE = frozenset({"clickhouse", "hive", "mariadb", "mysql", "sqlite", "teradatasql"})
_CASES: dict[str, Case] = {
    "bigquery": "exact",
    "db2": "upper",
    "oracle": "upper",
    "postgresql": "lower",
    "redshift": "lower",
    "snowflake": "upper",
    "trino": "lower",
}

Case = Literal["exact", "lower", "upper", "any"]
"""What an engine does to a name without quotes: keep it, fold it down or up, or take any case for the same."""


class Space(msgspec.Struct, frozen=True):
    """A namespace. ``key`` is equal for equal ones; ``database`` is the database that some producers write into it."""

    key: str
    database: str | None = None


def space_of(namespace: str) -> Space:
    """Return the namespace in one form: no driver, no user, scheme and host in lower case, this machine ``localhost``, a port always."""
    scheme, separator, rest = namespace.strip().removeprefix("jdbc:").partition("://")
    if not separator:
        return Space(namespace.strip().rstrip("/") or namespace)
    scheme = scheme.lower().partition("+")[0]
    scheme = _ALIASES.get(scheme, scheme)
    if scheme in _FILES:
        return Space(f"{scheme}://{posixpath.normpath('/' + rest.split('?', 1)[0].lstrip('/'))}")
    authority, _, path = rest.partition("?")[0].partition("/")
    if scheme == "bigquery":
        # A project is a part of the name there, and SQLAlchemy's URL has it for a host.
        return Space("bigquery", authority or None)
    path = path.strip("/")
    if scheme not in _PORTS and scheme != "snowflake":
        return Space(f"{scheme}://{authority}/{path}".rstrip("/"))
    host = _host(authority.rpartition("@")[2].lower(), _PORTS.get(scheme))
    return Space(f"{scheme}://{host}", path.partition("/")[0] or None)


def _host(address: str, port: str | None) -> str:
    host, given = address, ""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        given = rest.removeprefix(":")
    elif address.count(":") == 1:
        host, _, given = address.partition(":")
    number = given or port
    host = "localhost" if host in _THIS_MACHINE or not host else host
    return f"{host}:{number}" if number else host


def has_database(engine: str | None) -> bool:
    """Return whether a table's full name has a database before the schema. Where the engine is not known, it may have."""
    return engine not in _NO_DATABASE


def case_of(engine: str | None) -> Case:
    """Return what an engine does to names without quotes. MySQL keeps or ignores their case by a setting of the server, and what ignores it
    takes both; where two tables differ in nothing else, the exact one is meant."""
    return _CASES.get(engine or "", "any")


def identifiers(text: str) -> tuple[str, ...]:
    """Cut a name at its dots, outside of quotes; quoted parts keep their quotes."""
    closing = {'"': '"', "`": "`", "[": "]"}
    parts, start, end_quote = [], 0, ""
    for place, char in enumerate(text):
        if end_quote:
            end_quote = "" if char == end_quote else end_quote
        elif char in closing and place == start:
            end_quote = closing[char]
        elif char == ".":
            parts.append(text[start:place])
            start = place + 1
    return (*parts, text[start:])


def unquoted(identifier: str) -> str | None:
    """Return what stands in the quotes of an identifier, or ``None`` if it has none."""
    for opening, closing in ('""', "``", "[]"):
        if len(identifier) > 2 and identifier[0] == opening and identifier[-1] == closing:
            return identifier[1:-1].replace(closing * 2, closing)
    return None
