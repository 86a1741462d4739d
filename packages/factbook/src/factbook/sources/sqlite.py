"""The SQLite connector, over the standard library. A file is one source; its schema is ``main``."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

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
from factbook.sources.embedded_session import EmbeddedSession
from factbook.sources.sqlite_ddl import NamedConstraint, TableText, read_index, read_table, read_view
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot

_FORMULA = "sqlite1"
_SCHEMA = "main"

_OBJECTS = """
    SELECT m.name, m.sql, l.type, l.wr, l.strict
    FROM sqlite_schema AS m JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = m.name
    WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND l.type <> 'shadow' ORDER BY m.name
"""
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_COLUMNS = f"""
    SELECT t.name, x.cid, x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden
    FROM ({_TABLES}) AS t JOIN pragma_table_xinfo(t.name) AS x ORDER BY t.name, x.cid
"""  # noqa: S608 - our own text
_VIEW_COLUMNS = 'SELECT ?, cid, name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid'
_FOREIGN_KEYS = f"""
    SELECT t.name, f.id, f.seq, f."table", f."from", f."to", f.on_update, f.on_delete, f."match"
    FROM ({_TABLES}) AS t JOIN pragma_foreign_key_list(t.name) AS f ORDER BY t.name, f.id, f.seq
"""  # noqa: S608 - our own text
_INDEXES = f"""
    SELECT t.name, i.name, i."unique", i.origin, i.partial, x.seqno, x.cid, x.name, x."desc", x.coll, s.sql
    FROM ({_TABLES}) AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_xinfo(i.name) AS x
    LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = i.name
    WHERE x.key = 1 ORDER BY t.name, i.name, x.seqno
"""  # noqa: S608 - our own text
_ESTIMATES = "SELECT tbl, max(CAST(substr(stat, 1, instr(stat || ' ', ' ') - 1) AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl"
_SIZE = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


class SQLiteConnector(Connector):
    """Reads the schema through pragmas joined in bulk, and from the text of CREATE statements what pragmas do not say."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite",)

    def probe(self) -> Probe:
        with self._reading() as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return Probe("sqlite", sqlite3.sqlite_version, f"sqlite://{self._path().resolve()}", [_SCHEMA])

    def read_catalog(self, scope: ScanScope, known: Known) -> Iterator[CatalogItem]:
        if not covers_schema(scope, _SCHEMA):
            yield CatalogEnd("sqlite", sqlite3.sqlite_version, {})
            return
        with self._reading() as connection:
            catalog = _Catalog(connection)
            for name, sql, kind, without_rowid, strict in connection.execute(_OBJECTS).fetchall():
                table = TableName(_SCHEMA, name)
                if not covers_table(scope, table):
                    continue
                try:
                    snapshot = catalog.snapshot(name, sql or "", kind, bool(without_rowid), bool(strict))
                except sqlite3.OperationalError as error:
                    # A view whose tables are gone cannot be described; everything else can.
                    yield TableFailure(table, str(error))
                else:
                    yield compared(_FORMULA, table, snapshot, known, row_estimate=catalog.estimates.get(name))
        yield CatalogEnd("sqlite", sqlite3.sqlite_version, {_SCHEMA: SchemaReading(complete=True)})

    @contextmanager
    def open_session(self) -> Iterator[EmbeddedSession]:
        with self._reading() as connection:
            connection.execute("ROLLBACK")
            limit = self.statement_timeout_seconds
            # Opened for reading is this file alone: another one could be attached, made and written.
            connection.set_authorizer(_allowed)
            yield EmbeddedSession("sqlite", connection, connection.cursor, sqlite3.Error, str(self._path()), limit_seconds=limit)

    def _path(self) -> Path:
        path = re.sub(r"^sqlite(\+pysqlite)?:(///?)?", "", self.url).split("?", 1)[0]
        if not path or path == ":memory:":
            raise SourceRefused("The URL names no SQLite file", fix="Write sqlite:///PATH (four slashes for an absolute path)")
        return Path(path)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        path = self._path()
        if not path.is_file():
            raise SourceRefused(f"There is no SQLite file {path}", fix="Check the path; it is taken from where the command runs")
        try:
            uri = f"file:{quote(str(path.resolve()))}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=self.connect_timeout_seconds, check_same_thread=False)) as connection:
                connection.execute("BEGIN")
                yield connection
        except sqlite3.Error as error:
            raise _translate(error, path) from error


def _allowed(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH) else sqlite3.SQLITE_OK


class _Catalog:
    """The rows of the bulk queries, by table, and the snapshots built from them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns = _grouped(connection.execute(_COLUMNS))
        self._foreign_keys = _grouped(connection.execute(_FOREIGN_KEYS))
        self._indexes = _grouped(connection.execute(_INDEXES))
        analysed = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone()
        self.estimates: dict[str, int] = dict(connection.execute(_ESTIMATES)) if analysed else {}

    def snapshot(self, name: str, sql: str, kind: str, without_rowid: bool, strict: bool) -> SchemaSnapshot:
        if kind == "view":
            rows = self._connection.execute(_VIEW_COLUMNS, (name, name)).fetchall()
            return SchemaSnapshot("view", [_column(row, place, _NO_TEXT) for place, row in enumerate(rows, 1)], definition=read_view(sql))
        text = read_table(sql)
        rows = [row for row in self._columns[name] if row[7] != 1 or kind != "virtual"]
        options: dict[str, Any] = {}
        if without_rowid:
            options["without_rowid"] = True
        if strict:
            options["strict"] = True
        if text.autoincrement:
            options["autoincrement"] = True
        if kind == "virtual":
            options["module"] = " ".join(sql.split())
        return SchemaSnapshot(
            "virtual_table" if kind == "virtual" else "table",
            [_column(row, place, text) for place, row in enumerate(rows, 1)],
            constraints=_constraints(rows, self._foreign_keys[name], self._indexes[name], text),
            indexes=_indexes(self._indexes[name]),
            options=options,
        )


_NO_TEXT = TableText([], {}, {}, False)


def _grouped(rows: Iterator[tuple[Any, ...]] | sqlite3.Cursor) -> defaultdict[str, list[tuple[Any, ...]]]:
    grouped: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped


def _column(row: tuple[Any, ...], place: int, text: TableText) -> Column:
    _, _, name, declared, required, default, key, hidden = row
    size = _SIZE.search(declared or "")
    first, second = (int(value) if value else None for value in size.groups()) if size else (None, None)
    is_text = bool(re.search(r"char|text|clob|binary|bit", declared or "", re.I))
    whole = text.autoincrement and key and (declared or "").upper() == "INTEGER"
    return Column(
        name=name,
        position=place,
        data_type=declared or "",
        nullable=not required,
        default=default if hidden not in (2, 3) else None,
        length=first if is_text else None,
        precision=None if is_text else first,
        scale=None if is_text else second,
        collation=text.collations.get(name.lower()),
        identity="auto increment" if whole else None,
        generated={2: "virtual", 3: "stored"}.get(hidden),  # type: ignore[arg-type]  # the map's values are the literals
        generation_expression=text.generated.get(name.lower()),
        invisible=hidden == 1,
    )


def _constraints(
    columns: list[tuple[Any, ...]], foreign_keys: list[tuple[Any, ...]], indexes: list[tuple[Any, ...]], text: TableText
) -> list[Constraint]:
    found: list[Constraint] = []
    primary = [row[2] for row in sorted(columns, key=lambda row: row[6]) if row[6]]
    if primary:
        found.append(Constraint("primary_key", _name(text, "primary_key", primary), primary))
    unique: dict[str, list[str]] = defaultdict(list)
    for row in indexes:
        if row[3] == "u":
            unique[row[1]].append(row[7])
    found.extend(Constraint("unique", _name(text, "unique", keys), keys) for keys in unique.values())
    found.extend(_foreign_keys(foreign_keys, text))
    found.extend(Constraint("check", item.name, list(item.columns), item.expression) for item in text.constraints if item.type == "check")
    return found


def _foreign_keys(rows: list[tuple[Any, ...]], text: TableText) -> Iterator[Constraint]:
    keys: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        keys[row[1]].append(row)
    for parts in keys.values():
        _, _, _, table, _, _, on_update, on_delete, match = parts[0]
        ours = [part[4] for part in parts]
        theirs = [part[5] for part in parts if part[5] is not None]
        reference = Reference(table, None, theirs, on_update, on_delete, None if match == "NONE" else match)
        said = _said(text, "foreign_key", ours)
        deferred = said is not None and said.deferred
        yield Constraint(
            "foreign_key", said.name if said else None, ours, references=reference, deferrable=deferred, initially_deferred=deferred
        )


def _said(text: TableText, kind: str, columns: list[str]) -> NamedConstraint | None:
    wanted = [column.lower() for column in columns]
    return next((item for item in text.constraints if item.type == kind and [column.lower() for column in item.columns] == wanted), None)


def _name(text: TableText, kind: str, columns: list[str]) -> str | None:
    said = _said(text, kind, columns)
    return said.name if said else None


def _indexes(rows: list[tuple[Any, ...]]) -> list[Index]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(row)
    return [_index(name, parts) for name, parts in found.items()]


def _index(name: str, rows: list[tuple[Any, ...]]) -> Index:
    sql = rows[0][10]
    written, predicate = read_index(sql) if sql else ([], None)
    parts = []
    for row in rows:
        _, _, _, _, _, place, column_id, column, descending, collation, _ = row
        expression = written[place] if column_id == -2 and place < len(written) else None
        parts.append(IndexPart(column, expression, bool(descending), collation=None if collation == "BINARY" else collation))
    return Index(name, parts, unique=bool(rows[0][2]), primary=rows[0][3] == "pk", predicate=predicate)


def _translate(error: sqlite3.Error, path: Path) -> FactbookError:
    if "locked" in str(error) or "busy" in str(error):
        return SourceUnavailable(f"{path} is locked", why=str(error), fix="Try again when its writer is done")
    return SourceRefused(f"{path} cannot be read", why=str(error), fix="Check that it is an SQLite database this user may read")
