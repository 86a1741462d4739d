"""PostgreSQL: normalised tables, statistics and differences in a schema of their own, with views of the latest.

One transaction by COPY: readers see the export before or the one after. What the same scan, measurement or difference has left there is
replaced, so that exporting again makes no doubles; what earlier ones have left stays, unless ``history=latest``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

from factbook.errors import InvalidRequest, MissingExtra
from factbook.export import postgresql_rows as rows
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import Destination, Exporter, ExportReport, OnProgress, Option, Tally, Writes
from factbook.export.postgresql_tables import COUNTED, INDEXES, KEYS, LAYOUT, LEADERS, MARK, TABLES, VIEWS
from factbook.export.quality import results_of, scores_of
from factbook_sdk.facts.codec import canonical_json

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

_BUFFERED = 2_000
_INDEXED = 3
"""Columns of a key that its index holds: the names after them may be longer than an entry of an index."""
_NUL = "NUL characters, which PostgreSQL cannot store, became U+FFFD"


class PostgresExporter(Exporter):
    """Tables are described in the how-to on exports and in :mod:`factbook.export.postgresql_tables`."""

    name: ClassVar[str] = "postgresql"
    description: ClassVar[str] = "Normalised tables, statistics and differences in a PostgreSQL schema, with latest_* views"
    writes: ClassVar[Writes] = "database"
    options: ClassVar[tuple[Option, ...]] = (
        Option("schema", "The schema to write to", "factbook_export"),
        Option("history", "Keep what earlier exports wrote of a source, or only the latest scan", "keep", ("keep", "latest")),
    )

    def export(self, catalog: Catalog, destination: Destination, options: Mapping[str, str], on_progress: OnProgress) -> ExportReport:
        tally = Tally()
        sources = catalog.sources()
        with _connected(destination.database_url()) as connection:
            place = _Place(connection, options["schema"], tally)
            place.prepare(force=destination.may_replace)
            total = catalog.table_count()
            for source_id in sources:
                sync = rows.sync_of(catalog.tenant, source_id, catalog.scan_record(source_id))
                for entry in _write_source(place, sync, catalog.tables(source_id), tally):
                    on_progress(tally.counts["tables"], total, entry.qualified_name)
                for item, result in results_of(catalog, source_id, tally):
                    place.add(rows.result_rows(item, result))
                for item, score in scores_of(catalog, source_id, tally):
                    place.add(rows.score_rows(item, score))
                for item in catalog.diffs(source_id):
                    place.add(rows.diff_rows(item))
                    tally.add("diffs")
            place.finish(only_latest=options["history"] == "latest")
        return tally.report(self, destination)


def _write_source(place: _Place, sync: rows.Sync, tables: Iterator[TableEntry], tally: Tally) -> Iterator[TableEntry]:
    """Write one source and yield each table that was written."""
    written = columns = 0
    for schema, entries in groupby(tables, key=lambda entry: entry.schema):
        before = written
        for entry in entries:
            place.add(rows.table_rows(sync, entry))
            place.add(rows.quality_rows(entry))
            written += 1
            columns += len(entry.snapshot.columns)
            tally.add("tables")
            tally.add("columns", len(entry.snapshot.columns))
            yield entry
        place.add(rows.schema_rows(sync, schema, tables=written - before))
        tally.add("schemas")
    place.add(rows.sync_rows(sync, tables=written, columns=columns))


class _Place:
    """The schema that is written to, inside one transaction. Rows go by COPY into drafts, and from there in the place of their like."""

    def __init__(self, connection: psycopg.Connection[Any], schema: str, tally: Tally) -> None:
        self._connection = connection
        self._name = schema
        self._tally = tally
        self._waiting: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def prepare(self, *, force: bool) -> None:
        """Make the schema, its tables and views where they are missing. Raises :class:`InvalidRequest` for a schema that is not ours."""
        if not self._name or "\0" in self._name:
            raise InvalidRequest("The schema has no name", why="a name is neither empty nor holds a NUL", field="schema")
        # One export into a schema at a time: two could each delete what both then write.
        self._run("SELECT pg_advisory_xact_lock(hashtextextended({lock}, 0))", lock=_literal(f"factbook export {self._name}"))
        self._claim(force=force)
        self._run("SET LOCAL search_path TO {schema}", schema=self._name)
        # That a table is there already is nothing to tell.
        self._run("SET LOCAL client_min_messages TO warning")
        for table, columns in TABLES.items():
            self._run("CREATE TABLE IF NOT EXISTS {schema}.{table} ({columns})", schema=self._name, table=table, columns=_text(columns))
            self._run("CREATE TEMPORARY TABLE {draft} (LIKE {table}) ON COMMIT DROP", draft=_draft(table), table=table)
        for table, key in KEYS.items():
            self._index(table, "key", ", ".join(key[:_INDEXED]))
        for table, names in INDEXES.items():
            self._index(table, "name", names)
        for view, query in VIEWS.items():
            self._run("CREATE OR REPLACE VIEW {schema}.{view} AS {query}", schema=self._name, view=view, query=_text(query))

    def _index(self, table: str, what: str, columns: str) -> None:
        statement = "CREATE INDEX IF NOT EXISTS {index} ON {table} ({columns})"
        self._run(statement, index=f"{table}_by_{what}", table=table, columns=_text(columns))

    def _claim(self, *, force: bool) -> None:
        found = self._run(
            "SELECT obj_description(oid, 'pg_namespace'), EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid)"
            " FROM pg_namespace AS n WHERE nspname = {name}",
            name=_literal(self._name),
        ).fetchone()
        ours = f"{MARK} {LAYOUT}"
        if found is None:
            self._run("CREATE SCHEMA {schema}", schema=self._name)
        elif found[0] == ours:
            return
        elif (found[0] or "").startswith(MARK):
            raise InvalidRequest(
                f"The schema {self._name} holds an export of another version",
                why="its tables have other columns",
                fix=f"Drop it (DROP SCHEMA {self._name} CASCADE), or name another by --option schema=NAME",
                field="schema",
            )
        elif found[1] and not force:
            raise InvalidRequest(
                f"The schema {self._name} is somebody else's",
                why="it holds tables, and no comment says that an export made them",
                fix="Name another by --option schema=NAME, or add --force",
                field="schema",
            )
        self._run("COMMENT ON SCHEMA {schema} IS {ours}", schema=self._name, ours=_literal(ours))

    def add(self, made: Iterator[rows.Row]) -> None:
        """Take rows; they go to the server some thousand at a time."""
        for table, row in made:
            waiting = self._waiting[table]
            waiting.append(row)
            if len(waiting) >= _BUFFERED:
                self._send(table)

    def finish(self, *, only_latest: bool) -> None:
        """Put the drafts in the place of their like, and count what is counted."""
        for table in list(self._waiting):
            self._send(table)
        for table, key in KEYS.items():
            draft = _draft(LEADERS[key])
            self._run("DELETE FROM {table} AS old USING {draft} AS new WHERE {same}", table=table, draft=draft, same=_text(_same(key)))
        if only_latest:
            for table in (table for table, key in KEYS.items() if "sync_id" in key):
                same = _text(_same(("tenant_id", "connection_name")))
                self._run("DELETE FROM {table} AS old USING {draft} AS new WHERE {same}", table=table, draft=_draft("sync_runs"), same=same)
        for table in KEYS:
            self._run("INSERT INTO {table} SELECT * FROM {draft}", table=table, draft=_draft(table))
        for table, query in COUNTED.items():
            self._run("DELETE FROM {table}", table=table)
            self._run("INSERT INTO {table} {query}", table=table, query=_text(query))

    def _send(self, table: str) -> None:
        waiting = self._waiting[table]
        with self._connection.cursor() as cursor, cursor.copy(_composed("COPY {draft} FROM STDIN", draft=_draft(table))) as copy:
            for row in waiting:
                copy.write_row([self._storable(value) if isinstance(value, str) else value for value in row])
        waiting.clear()

    def _storable(self, text: str) -> str:
        """Return the text without NUL, as it is or as JSON writes it."""
        if "\0" in text:
            self._tally.lose(_NUL)
            return text.replace("\0", "\ufffd")
        if "\\u0000" in text and text[0] in '{["':
            import msgspec

            self._tally.lose(_NUL)
            return canonical_json(_without_nul(msgspec.json.decode(text))).decode()
        return text

    def _run(self, statement: LiteralString, **parts: str | sql.Composable) -> psycopg.Cursor[Any]:
        return self._connection.execute(_composed(statement, **parts))


def _draft(table: str) -> sql.Identifier:
    """Return the name of a draft, by its schema: nobody else's table of that name is meant."""
    from psycopg import sql

    return sql.Identifier("pg_temp", f"draft_{table}")


def _same(key: tuple[str, ...]) -> str:
    return " AND ".join(f"old.{column} = new.{column}" for column in key)


def _composed(statement: LiteralString, **parts: str | sql.Composable) -> sql.Composed:
    """Return the statement with its parts: texts are names, and quoted."""
    from psycopg import sql

    return sql.SQL(statement).format(**{name: sql.Identifier(part) if isinstance(part, str) else part for name, part in parts.items()})


def _literal(value: str) -> sql.Literal:
    from psycopg import sql

    return sql.Literal(value)


def _text(text: str) -> sql.SQL:
    """Return text of ours that is SQL already."""
    from psycopg import sql

    return sql.SQL(text)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return {_without_nul(key): _without_nul(item) for key, item in value.items()} if isinstance(value, dict) else value


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in one transaction that commits at the end; errors in our words."""
    try:
        import psycopg

        from factbook.sources.postgres import connection_options
        from factbook.sources.postgres_errors import translated
    except ImportError as error:
        raise MissingExtra("PostgreSQL cannot be written to", "postgres") from error
    from factbook.sources.urls import canonical_engine, scheme_of

    if canonical_engine(scheme_of(url)) != "postgresql":
        raise InvalidRequest("The export goes to PostgreSQL only", fix="Write -o postgresql://USER@HOST/DATABASE", field="destination")
    options = connection_options(url, connect_timeout_seconds=10)
    try:
        with psycopg.connect(**options) as connection:
            yield connection
    except psycopg.Error as error:
        raise translated(error, f"postgresql://{options.get('host', '')}") from error
