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
_CHOSEN = 1000
"""Up to so many relations are read by OID; more of them cost less with everything beside them."""

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
            yield from _read(connection, schemas, scope, known)
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


def _read(
    connection: psycopg.Connection[Any], schemas: list[str], scope: ScanScope, known: Mapping[TableName, str]
) -> Iterator[CatalogItem]:
    """Ask for fingerprints first, then read the documents of the relations that differ."""
    differing: dict[TableName, TableUnchanged] = {}
    oids: list[int] = []
    query = catalog_query(connection.info.server_version, documents=False)
    with connection.cursor(name="fingerprints") as cursor:
        cursor.itersize = _ROWS_PER_FETCH * 4
        for schema, table, tuples, pages, oid, digest in cursor.execute(query, {"schemas": schemas}):
            name = TableName(schema, table)
            if not covers_table(scope, name):
                continue
            seen = TableUnchanged(name, f"{_FORMULA}:{digest}", _rows(tuples), pages * _PAGE_BYTES)
            if known.get(name) == seen.fingerprint:
                yield seen
            else:
                differing[name] = seen
                oids.append(oid)
    if differing:
        yield from _documents(connection, schemas, differing, oids if len(oids) <= _CHOSEN else None)


def _documents(
    connection: psycopg.Connection[Any], schemas: list[str], differing: Mapping[TableName, TableUnchanged], oids: list[int] | None
) -> Iterator[TableSnapshot]:
    query = catalog_query(connection.info.server_version, documents=True, chosen=oids is not None)
    with connection.cursor(name="documents") as cursor:
        cursor.itersize = _ROWS_PER_FETCH
        for schema, table, document in cursor.execute(query, {"schemas": schemas, "oids": oids}):
            seen = differing.get(TableName(schema, table))
            if seen is not None:
                snapshot = snapshot_of(msgspec.json.decode(document))
                yield TableSnapshot(seen.name, snapshot, seen.fingerprint, seen.row_estimate, seen.size_bytes)


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
