"""The PostgreSQL connector (12 and later), over psycopg."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from factbook.errors import FactbookError, SourceRefused, SourceUnavailable
from factbook.sources.contract import (
    CatalogEnd,
    CatalogItem,
    Connector,
    Probe,
    ScanScope,
    SchemaReading,
    TableName,
    TableSnapshot,
    TableUnchanged,
    covers_schema,
    covers_table,
)
from factbook.sources.postgres_catalog import SCHEMAS, catalog_query
from factbook.sources.postgres_documents import snapshot_of

_FORMULA = "pg1"
_PAGE_BYTES = 8192
_ROWS_PER_FETCH = 500
_CHOSEN_PER_QUERY = 2000
_REFUSALS = ("28", "3D", "42501")
_REFUSAL_WORDS = ("authentication failed", "does not exist", "no password supplied", "permission denied", "no pg_hba.conf entry")


class PostgresConnector(Connector):
    """Reads ``pg_catalog`` in bulk, inside one read-only snapshot."""

    schemes: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")

    def probe(self) -> Probe:
        with self._reading() as connection:
            schemas = [row[0] for row in connection.execute(SCHEMAS)]
            return Probe("postgresql", _version(connection), self._namespace(), schemas)

    def read_catalog(self, scope: ScanScope, known: Mapping[TableName, str]) -> Iterator[CatalogItem]:
        with self._reading() as connection:
            schemas = [row[0] for row in connection.execute(SCHEMAS) if covers_schema(scope, row[0])]
            read = _unchanged_first if known else _everything
            yield from read(connection, schemas, scope, known)
            # pg_catalog shows every object to every user, so what was not seen is not there.
            yield CatalogEnd("postgresql", _version(connection), {schema: SchemaReading(complete=True) for schema in schemas})

    def _namespace(self) -> str:
        parts = urlsplit(self._conninfo())
        return f"postgres://{parts.hostname or 'localhost'}:{parts.port or 5432}"

    def _conninfo(self) -> str:
        return re.sub(r"^postgres(ql)?(\+psycopg)?:", "postgresql:", self.url)

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection in one read-only snapshot where names print qualified; errors in our words."""
        try:
            # A URL that libpq cannot parse is quoted in its error, password and all; so it is parsed first and the error cut off.
            conninfo = conninfo_to_dict(self._conninfo())
        except psycopg.ProgrammingError:
            raise SourceRefused("The URL of the source is no PostgreSQL URL", fix="postgresql://USER@HOST:PORT/DATABASE") from None
        try:
            options: Any = {**conninfo, "connect_timeout": int(self.connect_timeout_seconds), "application_name": "factbook"}
            with psycopg.connect(**options) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                connection.execute("SET LOCAL search_path = pg_catalog")
                connection.execute(f"SET LOCAL statement_timeout = {int(self.statement_timeout_seconds * 1000)}")
                # Planning for fast first rows or compiling expressions costs more than reading the whole catalogue.
                connection.execute("SET LOCAL cursor_tuple_fraction = 1.0")
                connection.execute("SET LOCAL jit = off")
                connection.execute("SET LOCAL work_mem = '64MB'")
                yield connection
        except psycopg.Error as error:
            raise _translate(error, self._namespace()) from error


def _everything(
    connection: psycopg.Connection[Any], schemas: list[str], scope: ScanScope, known: Mapping[TableName, str]
) -> Iterator[CatalogItem]:
    yield from _documents(connection, schemas, scope, None)


def _unchanged_first(
    connection: psycopg.Connection[Any], schemas: list[str], scope: ScanScope, known: Mapping[TableName, str]
) -> Iterator[CatalogItem]:
    """Ask for fingerprints only, then read the documents of the relations that differ."""
    changed: list[int] = []
    query = catalog_query(connection.info.server_version, documents=False, chosen=False)
    with connection.cursor(name="fingerprints") as cursor:
        cursor.itersize = _ROWS_PER_FETCH * 10
        for schema, table, tuples, pages, digest, oid in cursor.execute(query, {"schemas": schemas}):
            name, fingerprint = TableName(schema, table), f"{_FORMULA}:{digest}"
            if not covers_table(scope, name):
                continue
            if known.get(name) == fingerprint:
                yield TableUnchanged(name, fingerprint, _rows(tuples), pages * _PAGE_BYTES)
            else:
                changed.append(oid)
    for start in range(0, len(changed), _CHOSEN_PER_QUERY):
        yield from _documents(connection, schemas, scope, changed[start : start + _CHOSEN_PER_QUERY])


def _documents(
    connection: psycopg.Connection[Any], schemas: list[str], scope: ScanScope, oids: list[int] | None
) -> Iterator[TableSnapshot]:
    query = catalog_query(connection.info.server_version, documents=True, chosen=oids is not None)
    with connection.cursor(name="documents") as cursor:
        cursor.itersize = _ROWS_PER_FETCH
        for schema, table, tuples, pages, digest, document in cursor.execute(query, {"schemas": schemas, "oids": oids}):
            name = TableName(schema, table)
            if covers_table(scope, name):
                snapshot = snapshot_of(msgspec.json.decode(document))
                yield TableSnapshot(name, snapshot, f"{_FORMULA}:{digest}", _rows(tuples), pages * _PAGE_BYTES)


def _rows(tuples: float) -> int | None:
    """Return the planner's estimate; it is negative before the first ANALYZE."""
    return int(tuples) if tuples >= 0 else None


def _version(connection: psycopg.Connection[Any]) -> str:
    return str(connection.info.parameter_status("server_version"))


def _translate(error: psycopg.Error, namespace: str) -> FactbookError:
    text = str(error).strip()
    refused = (error.sqlstate or "").startswith(_REFUSALS) or any(word in text for word in _REFUSAL_WORDS)
    if refused:
        return SourceRefused(
            f"{namespace} refuses us", why=text, fix="Check the user, its password and privileges, and the database's name"
        )
    if isinstance(error, psycopg.errors.QueryCanceled):
        return SourceUnavailable(f"{namespace} took too long", why=text, fix="Try again when it is less busy, or with a narrower scope")
    return SourceUnavailable(f"{namespace} does not answer", why=text, fix="Check that it runs and can be reached, then try again")
