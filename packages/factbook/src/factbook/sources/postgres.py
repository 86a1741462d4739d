"""The PostgreSQL connector (12 and later), over psycopg."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

import psycopg
from psycopg import conninfo

from factbook.errors import SourceRefused
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
    TableSnapshot,
    TableUnchanged,
    covers_schema,
    covers_table,
)
from factbook.sources.postgres_catalog import RELATIONS, SCHEMAS, SESSION, catalog_query
from factbook.sources.postgres_documents import snapshot_of
from factbook.sources.postgres_errors import ends_the_reading, reason_of, translated
from factbook.sources.postgres_revision import REVISION
from factbook.sources.postgres_session import PostgresSession

_FORMULA = "pg2"
_ROWS_PER_FETCH = 512
_LOCK_TIMEOUT_SECONDS = 2
"""Printing a view waits for whoever changes its tables. A relation that stays locked for longer is reported, the rest is read."""

_DEFAULTS = {"application_name": "factbook", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


class PostgresConnector(Connector):
    """Reads ``pg_catalog`` in bulk, inside one read-only snapshot."""

    schemes: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")

    def probe(self) -> Probe:
        with self._reading() as connection:
            schemas = [name for _, name in connection.execute(SCHEMAS)]
            namespace = _namespace(connection.info.host, connection.info.port)
            return Probe("postgresql", _version(connection), namespace, schemas, connection.info.dbname)

    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        with self._reading() as connection:
            schemas = {oid: name for oid, name in connection.execute(SCHEMAS) if covers_schema(scope, name)}
            reading = _Reading(connection, list(schemas), scope, known)
            yield from reading.items()
            # pg_catalog shows every object to every user, so what was not seen is not there.
            complete = {schema: SchemaReading(complete=True) for schema in schemas.values()}
            yield CatalogEnd("postgresql", _version(connection), complete, revision=reading.revision)

    @contextmanager
    def open_session(self) -> Iterator[PostgresSession]:
        options = self._options()
        namespace = _namespace(str(options.get("host", "")), options.get("port", ""))
        try:
            with psycopg.connect(**options, autocommit=True) as connection:
                yield PostgresSession(connection, namespace, limit_seconds=self.statement_timeout_seconds)
        except psycopg.Error as error:
            raise translated(error, namespace) from error

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection in one read-only snapshot where names and constants print the same everywhere; errors in our words."""
        options = self._options()
        namespace = _namespace(str(options.get("host", "")), options.get("port", ""))
        try:
            with psycopg.connect(**options) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                connection.prepare_threshold = None
                connection.execute(SESSION)
                for name, seconds in (("statement_timeout", self.statement_timeout_seconds), ("lock_timeout", _LOCK_TIMEOUT_SECONDS)):
                    connection.execute("SELECT set_config(%s, %s, true)", (name, str(int(seconds * 1000))))
                yield connection
        except psycopg.Error as error:
            raise translated(error, namespace) from error

    def _options(self) -> dict[str, Any]:
        return connection_options(self.url, connect_timeout_seconds=self.connect_timeout_seconds)


def connection_options(url: str, *, connect_timeout_seconds: float) -> dict[str, Any]:
    """Return what psycopg connects with; raises :class:`SourceRefused` for what is no PostgreSQL URL, and never shows it."""
    scheme, _, rest = url.partition("://")
    try:
        given = conninfo.conninfo_to_dict(f"postgresql://{rest}" if scheme else "")
    except psycopg.ProgrammingError:
        given = {"port": "unreadable"}
    # The driver quotes what it cannot read, and takes a piece of a password for the port where a / in it is not escaped.
    if not all(port.isdigit() or not port for port in str(given.get("port", "")).split(",")):
        raise SourceRefused("The URL of the source is no PostgreSQL URL", fix="postgresql://USER@HOST:PORT/DATABASE")
    return {"connect_timeout": str(max(2, round(connect_timeout_seconds))), **_DEFAULTS, **given, "client_encoding": "UTF8"}


class _Reading:
    """One pass over the catalogue. It holds names, fingerprints and OIDs, never the catalogue."""

    def __init__(self, connection: psycopg.Connection[Any], schemas: Sequence[int], scope: ScanScope, known: Known) -> None:
        self.connection = connection
        self.schemas = schemas
        self.scope = scope
        self.known = known
        self.page_bytes = next(int(size) for (size,) in connection.execute("SELECT current_setting('block_size')"))
        self.done: set[int] = set()

    @cached_property
    def revision(self) -> str | None:
        """Return the catalogue's revision, or ``None`` where the server does not let us ask what cluster it is."""
        try:
            with self.connection.transaction():
                return next(f"{_FORMULA}:{digest}" for (digest,) in self.connection.execute(REVISION))
        except psycopg.Error as error:
            if ends_the_reading(error) and not isinstance(error, psycopg.errors.InsufficientPrivilege):
                raise
            return None

    def items(self) -> Iterator[CatalogItem]:
        """Yield everything in bulk; where a single relation spoils that, the rest of them in ever smaller groups."""
        try:
            # The savepoint keeps the snapshot when a statement fails.
            with self.connection.transaction():
                yield from self._chosen()
        except psycopg.Error as error:
            if ends_the_reading(error):
                raise
            left = {oid: name for oid, name in self._relations().items() if oid not in self.done}
            yield from self._in_groups(left)

    def _chosen(self) -> Iterator[CatalogItem]:
        """Read as little as what is known allows."""
        if not self.known:
            return self._documents(self._chosen_by_name())
        if self.revision is not None and self.revision == self.known.revision:
            return self._unchanged()
        return self._unchanged_then_documents()

    def _relations(self) -> dict[int, TableName]:
        return {oid: name for oid, name, *_ in self._estimates()}

    def _estimates(self) -> Iterator[tuple[int, TableName, str, float, int]]:
        for oid, schema, table, kind, tuples, pages in self.connection.execute(RELATIONS, {"schemas": self.schemas}):
            name = TableName(schema, table)
            if covers_table(self.scope, name):
                yield oid, name, kind, tuples, pages

    def _chosen_by_name(self) -> list[int] | None:
        """Return the relations to read where the scope names tables; ``None`` means all of the schemas."""
        return list(self._relations()) if any("." in pattern for pattern in (*self.scope.include, *self.scope.exclude)) else None

    def _unchanged(self) -> Iterator[CatalogItem]:
        """Take every structure for what it was known to be; read the documents of those that were not known."""
        new: list[int] = []
        for oid, name, kind, tuples, pages in self._estimates():
            if name not in self.known:
                new.append(oid)
                continue
            self.done.add(oid)
            yield TableUnchanged(name, self.known[name], _row_estimate(kind, tuples, pages), self._size(kind, pages))
        if new:
            yield from self._documents(new)

    def _unchanged_then_documents(self) -> Iterator[CatalogItem]:
        """Ask for fingerprints only, then read the documents of the relations that differ."""
        changed: list[int] = []
        for oid, schema, table, kind, tuples, pages, digest in self._rows("fingerprints", None):
            name, fingerprint = TableName(schema, table), f"{_FORMULA}:{digest}"
            if self.known.get(name) != fingerprint:
                changed += [oid] if covers_table(self.scope, name) else []
            elif covers_table(self.scope, name):
                self.done.add(oid)
                yield TableUnchanged(name, fingerprint, _row_estimate(kind, tuples, pages), self._size(kind, pages))
        if changed:
            yield from self._documents(changed)

    def _documents(self, oids: Sequence[int] | None) -> Iterator[CatalogItem]:
        for row in self._rows("documents", oids):
            self.done.add(row[0])
            yield self._item(*row)

    def _rows(self, shown: str, oids: Sequence[int] | None) -> Iterator[tuple[Any, ...]]:
        query = catalog_query(self.connection.info.server_version, documents=shown == "documents", chosen=oids is not None)
        with self.connection.cursor(name=shown) as cursor, ThreadPoolExecutor(1, "factbook-fetch") as fetching:
            cursor.execute(query, {"schemas": self.schemas, "oids": oids})
            # The server composes the next rows while we take in these.
            page = fetching.submit(cursor.fetchmany, _ROWS_PER_FETCH)
            while rows := page.result():
                page = fetching.submit(self._next_page, cursor, len(rows))
                yield from rows

    def _next_page(self, cursor: psycopg.ServerCursor[Any], before: int) -> list[tuple[Any, ...]]:
        """Fetch what follows a page of ``before`` rows; after the last one the server may as well digest the revision."""
        if before == _ROWS_PER_FETCH:
            return cursor.fetchmany(_ROWS_PER_FETCH)
        self.revision  # noqa: B018 - the property keeps it
        return []

    def _in_groups(self, names: Mapping[int, TableName]) -> Iterator[CatalogItem]:
        """Read what is left, halving a group that fails until the relation that spoils it stands alone."""
        waiting = [list(names)]
        while waiting:
            oids = waiting.pop()
            try:
                with self.connection.transaction():
                    rows = list(self._rows("documents", oids[:_ROWS_PER_FETCH]))
            except psycopg.Error as error:
                if ends_the_reading(error):
                    raise
                if len(oids) == 1:
                    yield TableFailure(names[oids[0]], reason_of(error))
                else:
                    half = min(len(oids), _ROWS_PER_FETCH) // 2
                    waiting += [oids[half:], oids[:half]]
                continue
            yield from (self._item(*row) for row in rows)
            waiting += [oids[_ROWS_PER_FETCH:]] if len(oids) > _ROWS_PER_FETCH else []

    def _item(self, oid: int, schema: str, table: str, kind: str, tuples: float, pages: int, digest: str, document: str) -> CatalogItem:
        name, fingerprint = TableName(schema, table), f"{_FORMULA}:{digest}"
        rows, size = _row_estimate(kind, tuples, pages), self._size(kind, pages)
        if self.known.get(name) == fingerprint:
            return TableUnchanged(name, fingerprint, rows, size)
        return TableSnapshot(name, snapshot_of(document), fingerprint, rows, size)

    def _size(self, kind: str, pages: int) -> int | None:
        return pages * self.page_bytes if kind in ("r", "m") else None


def _row_estimate(kind: str, tuples: float, pages: int) -> int | None:
    """Return the planner's estimate. Before the first ANALYZE there is none: -1, and up to version 13 nothing on no pages."""
    if kind == "v" or tuples < 0 or (tuples == 0 and pages == 0):
        return None
    return int(tuples)


def _version(connection: psycopg.Connection[Any]) -> str:
    return str(connection.info.parameter_status("server_version"))


def _namespace(host: str, port: str | int) -> str:
    """Return the OpenLineage namespace. A socket's folder is this machine; of several hosts the first stands for all."""
    first = host.split(",")[0]
    return f"postgres://{first if first and not first.startswith(('/', '@')) else 'localhost'}:{str(port).split(',')[0] or 5432}"
