"""The floor a PostgreSQL scan is measured against: one process reads the same catalogue in bulk and writes JSON lines.

Five plain queries, rows grouped in dictionaries, nothing compared, validated or kept. Everything is in memory at once.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import psycopg

_RELATIONS = """
    SELECT c.oid, n.nspname, c.relname, c.relkind::text, pg_get_userbyid(c.relowner), c.reloptions, c.reltuples, c.relpages,
           d.description, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

_COLUMNS = """
    SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text, a.attgenerated::text,
           CASE WHEN a.atthasdef THEN pg_get_expr(f.adbin, f.adrelid) END, d.description
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= 16384
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum
"""

_CONSTRAINTS = """
    SELECT k.conrelid, k.conname, k.contype::text, k.conkey, k.confkey, r.relname, k.confupdtype::text, k.confdeltype::text,
           CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END
    FROM pg_constraint k LEFT JOIN pg_class r ON r.oid = k.confrelid
    WHERE k.conrelid >= 16384
"""

_INDEXES = """
    SELECT i.indrelid, c.relname, m.amname, i.indisunique, i.indisprimary, i.indkey::int2[], i.indoption::int2[],
           pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    WHERE i.indrelid >= 16384 AND c.relkind IN ('i', 'I') AND c.relnamespace <> 'pg_toast'::regnamespace
"""


def read(url: str, path: Path) -> int:
    """Write one JSON line per table and return how many there were."""
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path = pg_catalog")
        parts = [_grouped(connection, query) for query in (_COLUMNS, _CONSTRAINTS, _INDEXES)]
        relations = connection.execute(_RELATIONS).fetchall()
    with path.open("wb") as lines:
        for oid, *relation in relations:
            lines.write(msgspec.json.encode([relation, *(part[oid] for part in parts)]) + b"\n")
    return len(relations)


def _grouped(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> dict[int, list[list[Any]]]:
    groups: dict[int, list[list[Any]]] = defaultdict(list)
    for oid, *rest in connection.execute(query):
        groups[oid].append(rest)
    return groups
