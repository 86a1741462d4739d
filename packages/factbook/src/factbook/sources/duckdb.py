"""The DuckDB connector, over DuckDB's own catalogue functions (no SQLAlchemy dialect reads version 2)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from factbook.errors import FactbookError, SourceRefused, SourceUnavailable
from factbook.sources.contract import (
    CatalogEnd,
    CatalogItem,
    Connector,
    Known,
    Probe,
    ScanScope,
    SchemaReading,
    TableName,
    covers_schema,
    covers_table,
)
from factbook.sources.documents import compared
from factbook.sources.embedded_session import EmbeddedSession
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot

_FORMULA = "duckdb1"

# DuckDB calls the schema main internal, and it is where everything is unless somebody says otherwise.
_SCHEMAS = """
    SELECT schema_name FROM duckdb_schemas()
    WHERE (NOT internal OR schema_name = 'main') AND database_name = current_database() ORDER BY 1
"""
_TABLES = """
    SELECT schema_name, table_name, comment, estimated_size FROM duckdb_tables()
    WHERE NOT internal AND NOT temporary AND database_name = current_database() ORDER BY 1, 2
"""
_VIEWS = """
    SELECT schema_name, view_name, comment, sql FROM duckdb_views()
    WHERE NOT internal AND NOT temporary AND database_name = current_database() ORDER BY 1, 2
"""
_COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type, is_nullable, column_default, comment, numeric_precision, numeric_scale
    FROM duckdb_columns() WHERE NOT internal AND database_name = current_database() ORDER BY 1, 2, column_index
"""
_CONSTRAINTS = """
    SELECT schema_name, table_name, constraint_type, constraint_name, constraint_column_names, expression, referenced_table,
           referenced_column_names
    FROM duckdb_constraints() WHERE database_name = current_database() ORDER BY 1, 2, constraint_index
"""
_INDEXES = """
    SELECT schema_name, table_name, index_name, is_unique, is_primary, expressions, comment
    FROM duckdb_indexes() WHERE database_name = current_database() ORDER BY 1, 2, 3
"""
_KINDS: dict[str, Any] = {"PRIMARY KEY": "primary_key", "UNIQUE": "unique", "FOREIGN KEY": "foreign_key", "CHECK": "check"}
_ENUM = re.compile(r"^ENUM\((.*)\)$", re.S)
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_ARRAY = re.compile(r"(?:\[\d*\])+$")
_PLAIN = re.compile(r'^(?:[A-Za-z_]\w*|"(?:[^"]|"")+")$')


class DuckDBConnector(Connector):
    """Reads one database file, read-only; the file is one source."""

    schemes: ClassVar[tuple[str, ...]] = ("duckdb",)

    def probe(self) -> Probe:
        with self._reading() as connection:
            schemas = [row[0] for row in connection.execute(_SCHEMAS).fetchall()]
            database = connection.execute("SELECT current_database()").fetchone()
            name = None if database is None else str(database[0])
            return Probe("duckdb", duckdb.__version__, f"duckdb://{self._path().resolve()}", schemas, name)

    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        with self._reading() as connection:
            connection.execute("BEGIN TRANSACTION READ ONLY")
            schemas = [row[0] for row in connection.execute(_SCHEMAS).fetchall() if covers_schema(scope, row[0])]
            catalog = _Catalog(connection)
            for name, estimate, snapshot in catalog.snapshots():
                if name.schema in schemas and covers_table(scope, name):
                    yield compared(_FORMULA, name, snapshot, known, row_estimate=estimate)
        yield CatalogEnd("duckdb", duckdb.__version__, {schema: SchemaReading(complete=True) for schema in schemas})

    @contextmanager
    def open_session(self) -> Iterator[EmbeddedSession]:
        with self._reading() as connection:
            limit = self.statement_timeout_seconds
            split = connection.extract_statements
            yield EmbeddedSession(
                "duckdb", connection, lambda: connection, duckdb.Error, str(self._path()), limit_seconds=limit, split=split
            )

    def _path(self) -> Path:
        path = re.sub(r"^duckdb:(///?)?", "", self.url).split("?", 1)[0]
        if not path or path == ":memory:":
            raise SourceRefused("The URL names no DuckDB file", fix="Write duckdb:///PATH (four slashes for an absolute path)")
        return Path(path)

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        path = self._path()
        if not path.is_file():
            raise SourceRefused(f"There is no DuckDB file {path}", fix="Check the path; it is taken from where the command runs")
        try:
            with closing(duckdb.connect(str(path), read_only=True)) as connection:
                yield connection
        except duckdb.Error as error:
            raise _translate(error, path) from error


class _Catalog:
    """The rows of the bulk queries, by table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._tables = connection.execute(_TABLES).fetchall()
        self._views = connection.execute(_VIEWS).fetchall()
        self._columns = _grouped(connection.execute(_COLUMNS).fetchall())
        self._constraints = _grouped(connection.execute(_CONSTRAINTS).fetchall())
        self._indexes = _grouped(connection.execute(_INDEXES).fetchall())

    def snapshots(self) -> Iterator[tuple[TableName, int | None, SchemaSnapshot]]:
        for schema, table, comment, estimate in self._tables:
            name = TableName(schema, table)
            columns = self._columns_of(name)
            constraints = [_constraint(schema, row) for row in self._constraints[name] if row[2] in _KINDS]
            indexes = [_index(row) for row in self._indexes[name]]
            yield name, estimate, SchemaSnapshot("table", columns, constraints, indexes, comment=comment)
        for schema, view, comment, sql in self._views:
            name = TableName(schema, view)
            definition = re.sub(r"^CREATE VIEW .*? AS ", "", sql, count=1, flags=re.S).rstrip().rstrip(";")
            yield name, None, SchemaSnapshot("view", self._columns_of(name), definition=definition, comment=comment)

    def _columns_of(self, name: TableName) -> list[Column]:
        return [_column(place, row) for place, row in enumerate(self._columns[name], 1)]


def _grouped(rows: list[tuple[Any, ...]]) -> defaultdict[TableName, list[tuple[Any, ...]]]:
    grouped: defaultdict[TableName, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        grouped[TableName(row[0], row[1])].append(row)
    return grouped


def _column(place: int, row: tuple[Any, ...]) -> Column:
    _, _, name, data_type, nullable, default, comment, precision, scale = row
    labels = _ENUM.match(data_type)
    array = _ARRAY.search(data_type)
    is_decimal = data_type.startswith("DECIMAL")
    return Column(
        name=name,
        position=place,
        data_type=data_type,
        nullable=nullable,
        default=default,
        comment=comment,
        precision=precision if is_decimal else None,
        scale=scale if is_decimal else None,
        enum_values=[label.replace("''", "'") for label in _LABEL.findall(labels[1])] if labels else [],
        array_dimensions=array[0].count("[") if array else None,
    )


def _constraint(schema: str, row: tuple[Any, ...]) -> Constraint:
    _, _, kind, name, columns, expression, table, theirs = row
    reference = Reference(table, schema, list(theirs or ())) if kind == "FOREIGN KEY" else None
    return Constraint(_KINDS[kind], name, list(columns or ()), expression if kind == "CHECK" else None, reference)


def _index(row: tuple[Any, ...]) -> Index:
    _, _, name, unique, primary, expressions, comment = row
    parts = [_part(text.strip()) for text in _split(str(expressions).strip().removeprefix("[").removesuffix("]"))]
    return Index(name, parts, unique=unique, primary=primary, method="art", comment=comment)


def _part(text: str) -> IndexPart:
    bare = text[1:-1].replace("''", "'") if text.startswith("'") and text.endswith("'") else text
    if _PLAIN.match(bare):
        return IndexPart(column=bare.strip('"').replace('""', '"'))
    return IndexPart(expression=bare)


def _split(text: str) -> Iterator[str]:
    """Yield the items between commas outside parentheses and quotes."""
    depth, quote, start = 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _translate(error: duckdb.Error, path: Path) -> FactbookError:
    if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
        return SourceUnavailable(f"{path} is locked", why="another process has it open for writing", fix="Try again when that one is done")
    return SourceRefused(
        f"{path} cannot be read", why=str(error).splitlines()[0], fix="Check that it is a DuckDB file of a version we can read"
    )
