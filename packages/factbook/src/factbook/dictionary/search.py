"""Full-text search over objects: FTS5 on SQLite, a tsvector with a GIN index on PostgreSQL.

The index finds objects in which every term begins some word; the reader then keeps the columns that hold the terms. Neither
trigrams nor any extension is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

TABLE = "dictionary_words"


def create(connection: Connection) -> None:
    """Make the index table."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"CREATE VIRTUAL TABLE {TABLE} USING fts5(words, tokenize='unicode61 remove_diacritics 0', columnsize=0, detail=none)"
        )
    else:
        connection.exec_driver_sql(f"CREATE TABLE {TABLE} (object_id bigint PRIMARY KEY, words tsvector NOT NULL)")
        connection.exec_driver_sql(f"CREATE INDEX ix_{TABLE}_words ON {TABLE} USING gin (words)")


def drop(connection: Connection) -> None:
    """Drop the index table, if it is there."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {TABLE}")


def replace(connection: Connection, words: Mapping[int, set[str]], known: set[int]) -> None:
    """Set the words of objects; ``known`` are those that may have words already."""
    driver: Any = connection.connection.driver_connection
    rows = [(object_id, " ".join(sorted(found))) for object_id, found in words.items()]
    old = [(object_id,) for object_id in words if object_id in known]
    if connection.dialect.name == "sqlite":
        driver.executemany(f"DELETE FROM {TABLE} WHERE rowid = ?", old)  # noqa: S608 - our own name
        driver.executemany(f"INSERT INTO {TABLE} (rowid, words) VALUES (?, ?)", rows)  # noqa: S608 - our own name
        return
    with driver.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} SELECT i, array_to_tsvector(string_to_array(w, ' ')) FROM unnest(%s::bigint[], %s::text[]) AS n (i, w) "  # noqa: S608 - our own name
            "ON CONFLICT (object_id) DO UPDATE SET words = excluded.words",
            ([row[0] for row in rows], [row[1] for row in rows]),
        )


def condition(dialect: str, terms: Sequence[str]) -> tuple[str, str]:
    """Return an SQL condition on ``object_id`` with one parameter ``:terms``, and that parameter's value."""
    if dialect == "sqlite":
        value = " AND ".join(f'"{term}"*' for term in terms)
        return f"object_id IN (SELECT rowid FROM {TABLE} WHERE {TABLE} MATCH :terms)", value  # noqa: S608 - our own name
    value = " & ".join(f"'{term}':*" for term in terms)
    return f"object_id IN (SELECT object_id FROM {TABLE} WHERE words @@ CAST(:terms AS tsquery))", value  # noqa: S608 - our own name
