"""The table of the profile's bench in MariaDB and SQLite: DuckDB makes its rows, they are loaded, and the floor scans them once."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from urllib.parse import urlsplit

import duckdb
import pymysql

NUMBERS = ("id", "customer_id", "product_id", "price", "amount", "weight", "rating", "bucket", "big")
"""The columns that a floor adds up, averages and compares; all others it counts."""

_TYPES = {
    "BIGINT": ("bigint", "INTEGER"),
    "INTEGER": ("int", "INTEGER"),
    "DOUBLE": ("double", "REAL"),
    "BOOLEAN": ("tinyint(1)", "BOOLEAN"),
    "DATE": ("date", "DATE"),
    "TIMESTAMP": ("datetime(6)", "DATETIME"),
    "VARCHAR": ("varchar(80)", "TEXT"),
}
_CHUNK = 10_000


def fill_mysql(url: str, select: str) -> None:
    """Make the table of a DuckDB statement in MariaDB, by a file."""
    with _made(select) as made, tempfile.NamedTemporaryFile(suffix=".tsv") as file, closing(_mysql(url)) as connection:
        columns = [(name, _type(kind, 0)) for name, kind, *_ in made.execute("DESCRIBE rows").fetchall()]
        made.execute(
            f"COPY (SELECT * REPLACE (is_gift::INTEGER AS is_gift) FROM rows) TO '{file.name}' (DELIMITER '\t', HEADER false, NULL '\\N')"
        )
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE orders ({', '.join(f'`{name}` {kind}' for name, kind in columns)}, PRIMARY KEY (id))")
            cursor.execute(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE orders CHARACTER SET utf8mb4")
        connection.commit()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE orders")


def figures(names: Sequence[str], *, add: str = "sum") -> str:
    """Return what every engine computes in its one scan; ``add`` is the function that adds up."""
    return ", ".join([f"count({name})" for name in names] + [f"{add}({name}), avg({name}), min({name}), max({name})" for name in NUMBERS])


def floor_mysql(url: str, names: Sequence[str]) -> float:
    """Scan the table once; MariaDB has no parallel workers."""
    with closing(_mysql(url)) as connection, connection.cursor() as cursor:
        begun = time.perf_counter()
        cursor.execute(f"SELECT {figures(names)} FROM orders")
        cursor.fetchall()
        return time.perf_counter() - begun


def fill_sqlite(url: str, select: str) -> None:
    """Make the table of a DuckDB statement in SQLite."""
    with _made(select) as made, closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        columns = [(name, _type(kind, 1)) for name, kind, *_ in made.execute("DESCRIBE rows").fetchall()]
        keyed = [f"{name} {kind}{' PRIMARY KEY' if name == 'id' else ''}" for name, kind in columns]
        connection.execute(f"CREATE TABLE orders ({', '.join(keyed)})")
        texts = ", ".join(f"{name}::VARCHAR" if kind in ("DATE", "DATETIME") else _plain(name, kind) for name, kind in columns)
        made.execute(f"SELECT {texts} FROM rows")
        connection.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * len(columns))})", _rows(made))
        connection.commit()


def floor_sqlite(url: str, names: Sequence[str]) -> float:
    """Scan the table once, in one thread. A column's sum needs more than 64 bits, which SQLite's ``sum`` refuses; ``total`` adds floats."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        begun = time.perf_counter()
        connection.execute(f"SELECT {figures(names, add='total')} FROM orders").fetchall()
        return time.perf_counter() - begun


def _made(select: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE rows AS {select}")
    return connection


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[Sequence[object]]:
    while rows := connection.fetchmany(_CHUNK):
        yield from rows


def _type(kind: str, place: int) -> str:
    if kind.startswith("DECIMAL"):
        return kind.lower() if place == 0 else kind
    return _TYPES.get(kind, _TYPES["TIMESTAMP"] if kind.startswith("TIMESTAMP") else ("bigint", "INTEGER"))[place]


def _plain(name: str, kind: str) -> str:
    return f"{name}::DOUBLE" if kind.startswith("DECIMAL") else f"{name}::BIGINT" if kind in ("INTEGER", "BOOLEAN") else name


def _mysql(url: str) -> pymysql.Connection:
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:],
        local_infile=True,
    )
