"""The floor a MariaDB or MySQL scan is measured against: one process reads the same catalogue in bulk and writes JSON lines.

Five plain queries over ``information_schema``, rows grouped in dictionaries, nothing compared, validated or kept.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pymysql

_TABLES = "SELECT table_name, table_type, engine, table_rows, table_comment FROM information_schema.tables WHERE table_schema = %s"
_PARTS = (
    "SELECT table_name, column_name, column_type, is_nullable, column_default, extra, column_comment, collation_name, "
    "generation_expression FROM information_schema.columns WHERE table_schema = %s ORDER BY table_name, ordinal_position",
    "SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name "
    "FROM information_schema.key_column_usage WHERE table_schema = %s ORDER BY table_name, constraint_name, ordinal_position",
    "SELECT table_name, index_name, non_unique, column_name, collation, index_type "
    "FROM information_schema.statistics WHERE table_schema = %s ORDER BY table_name, index_name, seq_in_index",
    "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = %s",
)


def read(url: str, path: Path) -> int:
    """Write one JSON line per table and return how many there were."""
    parts = urlsplit(url)
    schema = parts.path[1:]
    with pymysql.connect(host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or "") as connection:
        groups = [_grouped(connection, query, schema) for query in _PARTS]
        with connection.cursor() as cursor:
            cursor.execute(_TABLES, (schema,))
            tables = cursor.fetchall()
    with path.open("wb") as lines:
        for table in tables:
            lines.write(msgspec.json.encode([table, *(group[table[0]] for group in groups)]) + b"\n")
    return len(tables)


def _grouped(connection: Any, query: str, schema: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query, (schema,))
        for name, *rest in cursor:
            groups[name].append(rest)
    return groups
