"""An index of words: FTS5 on SQLite, a tsvector with a GIN index on PostgreSQL. Neither trigrams nor any extension is needed.

It knows which numbers have which words, and nothing of what they mean: words are cut, folded and led by the letter of their field in
:mod:`factbook.words`, so that both engines find the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, TextClause, text

from factbook.words import Condition


class WordIndex:
    """The words of numbered things."""

    def __init__(self, table: str) -> None:
        self.table = table

    def create(self, connection: Connection) -> None:
        """Make the index table. The tokenizer ``ascii`` takes every character beyond ASCII for a part of a word and leaves it as it is."""
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"CREATE VIRTUAL TABLE {self.table} USING fts5(words, tokenize='ascii', columnsize=0, detail=none)")
        else:
            connection.exec_driver_sql(f"CREATE TABLE {self.table} (number bigint PRIMARY KEY, words tsvector NOT NULL)")
            connection.exec_driver_sql(f"CREATE INDEX ix_{self.table}_words ON {self.table} USING gin (words)")

    def drop(self, connection: Connection) -> None:
        """Drop the index table, if it is there."""
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {self.table}")

    def replace(self, connection: Connection, words: Mapping[int, Collection[str]], known: Collection[int]) -> None:
        """Set the words of things; ``known`` are those that may have words already."""
        driver: Any = connection.connection.driver_connection
        rows = [(number, " ".join(found)) for number, found in words.items()]
        if connection.dialect.name == "sqlite":
            old = [(number,) for number in words if number in known]
            driver.executemany(f"DELETE FROM {self.table} WHERE rowid = ?", old)  # noqa: S608 - our own name
            driver.executemany(f"INSERT INTO {self.table} (rowid, words) VALUES (?, ?)", rows)  # noqa: S608 - our own name
            return
        with driver.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {self.table} SELECT i, array_to_tsvector(string_to_array(w, ' ')) "  # noqa: S608 - our own name
                "FROM unnest(%s::bigint[], %s::text[]) AS n (i, w) ON CONFLICT (number) DO UPDATE SET words = excluded.words",
                ([row[0] for row in rows], [row[1] for row in rows]),
            )

    def holding(self, connection: Connection, condition: Condition) -> set[int]:
        """Return the numbers of all that holds a condition."""
        dialect = connection.dialect.name
        rows = connection.execute(statement_of(self.numbers(dialect)), {"words": self.asked(dialect, condition)})
        return set(rows.scalars().all())

    def numbers(self, dialect: str) -> str:
        """Return the query that gives the numbers of what holds the parameter ``:words`` (:meth:`asked`)."""
        if dialect == "sqlite":
            return f"SELECT rowid FROM {self.table} WHERE {self.table} MATCH :words"  # noqa: S608 - our own name
        return f"SELECT number FROM {self.table} WHERE words @@ CAST(:words AS tsquery)"  # noqa: S608 - our own name

    def joined(self, dialect: str, table: str, key: str) -> str:
        """Return FROM and WHERE of a query of a table's rows whose ``key`` is the number of what holds ``:words``.

        SQLite begins with the index and takes its numbers in order, so that a limit ends the work; left to itself it reads the table.
        """
        if dialect == "sqlite":
            return f"FROM {self.table} CROSS JOIN {table} ON {table}.{key} = {self.table}.rowid WHERE {self.table} MATCH :words"
        return f"FROM {self.table} JOIN {table} ON {table}.{key} = {self.table}.number WHERE {self.table}.words @@ CAST(:words AS tsquery)"

    def in_order(self, dialect: str) -> str:
        """Return the column that rows of :meth:`joined` are ordered by."""
        return f"{self.table}.{'rowid' if dialect == 'sqlite' else 'number'}"

    @staticmethod
    def asked(dialect: str, condition: Condition, *, without: Sequence[Condition] = ()) -> str:
        """Return a condition in the words of the engine; what fits one of ``without`` does not count."""
        is_sqlite = dialect == "sqlite"
        text = _all_of(is_sqlite, condition)
        if without:
            others = (" OR " if is_sqlite else " | ").join(_all_of(is_sqlite, other) for other in without)
            text = f"{text} NOT ({others})" if is_sqlite else f"{text} & !({others})"
        return text


def _all_of(is_sqlite: bool, condition: Condition) -> str:
    groups = []
    for group in condition:
        if is_sqlite:
            groups.append(" OR ".join(f'"{word}"{" *" if goes_on else ""}' for word, goes_on in group))
        else:
            groups.append(" | ".join(f"'{word}'{':*' if goes_on else ''}" for word, goes_on in group))
    return "(" + (" AND " if is_sqlite else " & ").join(f"({group})" for group in groups) + ")"


@contextmanager
def by_index(connection: Connection) -> Iterator[None]:
    """Let PostgreSQL answer by its indexes: it thinks that comparing words costs nothing, and would rather compare those of every row."""
    if connection.dialect.name == "sqlite":
        yield
        return
    connection.exec_driver_sql("BEGIN; SET LOCAL enable_seqscan = off")
    try:
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")


@lru_cache(maxsize=256)
def statement_of(sql: str) -> TextClause:
    """Return a statement of a text, the same one each time."""
    return text(sql)


def numbers_in(dialect: str) -> str:
    """Return the query of the parameter ``:numbers`` (:func:`as_numbers`): a thousand parameters take longer to bind than rows to find."""
    return "(SELECT value FROM json_each(:numbers))" if dialect == "sqlite" else "(SELECT unnest(CAST(:numbers AS bigint[])))"


def as_numbers(dialect: str, numbers: Collection[int]) -> str | list[int]:
    """Return numbers as one parameter."""
    return msgspec.json.encode(list(numbers)).decode() if dialect == "sqlite" else list(numbers)


def texts_in(dialect: str) -> str:
    """Return the query of the parameter ``:texts`` (:func:`as_texts`)."""
    return "(SELECT value FROM json_each(:texts))" if dialect == "sqlite" else "(SELECT unnest(CAST(:texts AS text[])))"


def as_texts(dialect: str, texts: Collection[str]) -> str | list[str]:
    """Return texts as one parameter."""
    return msgspec.json.encode(list(texts)).decode() if dialect == "sqlite" else list(texts)
