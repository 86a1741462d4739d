"""The floor an SQLite scan is measured against: one process reads the same catalogue in bulk and writes JSON lines.

Four pragmas joined with the list of tables, rows grouped in dictionaries; the text of CREATE statements is copied, not taken apart.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

_TABLES = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
_PARTS = (
    "SELECT t.name, c.* FROM sqlite_schema AS t JOIN pragma_table_xinfo(t.name) AS c WHERE t.type IN ('table', 'view')",
    "SELECT t.name, f.* FROM sqlite_schema AS t JOIN pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'",
    'SELECT t.name, i.name, i."unique", i.origin, x.* FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i '
    "JOIN pragma_index_xinfo(i.name) AS x WHERE t.type = 'table'",
)


def read(url: str, path: Path) -> int:
    """Write one JSON line per table and return how many there were."""
    with closing(sqlite3.connect(f"file:{urlsplit(url).path[1:]}?mode=ro", uri=True)) as connection:
        groups = [_grouped(connection, query) for query in _PARTS]
        tables = connection.execute(_TABLES).fetchall()
    with path.open("wb") as lines:
        for table in tables:
            lines.write(msgspec.json.encode([table, *(group[table[0]] for group in groups)]) + b"\n")
    return len(tables)


def _grouped(connection: sqlite3.Connection, query: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for name, *rest in connection.execute(query):
        groups[name].append(rest)
    return groups
