"""The connector for MySQL (8 and later) and MariaDB (10.5 and later), over PyMySQL. A database is a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
from pymysql.cursors import SSCursor

from factbook.errors import FactbookError, SourceRefused, SourceUnavailable
from factbook.sources.contract import (
    CatalogEnd,
    CatalogItem,
    Connector,
    Known,
    Probe,
    ScanScope,
    SchemaReading,
    TableFailure,
    TableName,
    covers_schema,
    covers_table,
)
from factbook.sources.documents import compared
from factbook.sources.mysql_catalog import Catalog, read_catalog_rows
from factbook.sources.mysql_privileges import visible_completely
from factbook.sources.mysql_session import MySQLSession

_FORMULA = "mysql1"
_SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")
_SCHEMAS = "SELECT schema_name FROM information_schema.schemata ORDER BY schema_name"

# Error numbers of the server's manual: wrong user or password, no such database, no privilege.
_REFUSALS = frozenset({1044, 1045, 1049, 1142, 1143, 1227, 1698, 3118, 3159})


class MySQLConnector(Connector):
    """Reads ``information_schema`` with one query per view of it and schema."""

    schemes: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")

    def probe(self) -> Probe:
        with self._reading() as connection:
            version = _version(connection)
            return Probe(_engine(version), version, self._namespace(), self._schemas(connection))

    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        with self._reading() as connection:
            version = _version(connection)
            everything, complete = visible_completely(connection)
            readings: dict[str, SchemaReading] = {}
            for schema in self._schemas(connection):
                if not covers_schema(scope, schema):
                    continue
                yield from _read_schema(read_catalog_rows(connection, schema, _engine(version)), schema, scope, known)
                readings[schema] = _reading(everything or schema in complete)
            yield CatalogEnd(_engine(version), version, readings, schemas_complete=everything)

    @contextmanager
    def open_session(self) -> Iterator[MySQLSession]:
        with self._reading() as connection:
            limit = self.statement_timeout_seconds
            is_mariadb = _engine(_version(connection)) == "mariadb"
            yield MySQLSession(connection, self._connect, self._namespace(), is_mariadb=is_mariadb, limit_seconds=limit)

    def _schemas(self, connection: Any) -> list[str]:
        """Return the database of the URL, or all of the server's but its own."""
        database = self._parts()["database"]
        with connection.cursor() as cursor:
            cursor.execute(_SCHEMAS)
            return [name for (name,) in cursor if (name == database if database else name.lower() not in _SYSTEM)]

    def _parts(self) -> dict[str, Any]:
        parts = urlsplit(self.url)
        return {
            "host": unquote(parts.hostname or "localhost"),
            "port": parts.port or 3306,
            "user": unquote(parts.username or "") or None,
            "password": unquote(parts.password or ""),
            "database": unquote(parts.path.strip("/")) or None,
        }

    def _namespace(self) -> str:
        parts = self._parts()
        return f"mysql://{parts['host']}:{parts['port']}"

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        try:
            with closing(self._connect()) as connection:
                yield connection
        except (pymysql.MySQLError, RuntimeError) as error:
            raise _translate(error, self._namespace()) from error

    def _connect(self) -> Any:
        parts = self._parts()
        options = {name: values[-1] for name, values in parse_qs(urlsplit(self.url).query).items()}
        if "unix_socket" in options:
            parts["unix_socket"] = options["unix_socket"]
        if "ssl_ca" in options:
            parts["ssl_ca"] = options["ssl_ca"]
        parts["connect_timeout"] = max(1, int(self.connect_timeout_seconds))
        parts["read_timeout"] = self.statement_timeout_seconds
        return pymysql.connect(**parts, charset="utf8mb4", autocommit=True, cursorclass=SSCursor)


def _read_schema(catalog: Catalog, schema: str, scope: ScanScope, known: Mapping[TableName, str]) -> Iterator[CatalogItem]:
    for table in catalog.tables():
        name = TableName(schema, table)
        if not covers_table(scope, name):
            continue
        reason = catalog.unreadable(table)
        if reason is not None:
            yield TableFailure(name, reason)
            continue
        rows, size = catalog.estimates(table)
        yield compared(_FORMULA, name, catalog.snapshot(table), known, row_estimate=rows, size_bytes=size)


def _reading(complete: bool) -> SchemaReading:
    if complete:
        return SchemaReading(complete=True)
    return SchemaReading(complete=False, reason="the user has no privilege on the whole database, and sees only tables granted one by one")


def _version(connection: Any) -> str:
    # MariaDB puts 5.5.5- before its version for the sake of old replication clients.
    return str(connection.get_server_info()).removeprefix("5.5.5-")


def _engine(version: str) -> str:
    return "mariadb" if "mariadb" in version.lower() else "mysql"


def _translate(error: Exception, namespace: str) -> FactbookError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = re.sub(r"\s+", " ", str(error.args[-1] if error.args else error))
    if number in _REFUSALS:
        return SourceRefused(
            f"{namespace} refuses us", why=text, fix="Check the user, its password and privileges, and the database's name"
        )
    return SourceUnavailable(f"{namespace} does not answer", why=text, fix="Check that it runs and can be reached, then try again")
