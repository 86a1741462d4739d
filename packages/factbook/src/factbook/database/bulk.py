"""Bulk statements below SQLAlchemy: many rows a statement on SQLite, and COPY on PostgreSQL.

SQLAlchemy's own executemany is three times slower on both engines (bench/repository.py shows the ratio to the bare driver). The SQLite
driver's is not slower than many rows a statement, but it lets other threads in after every row and then waits for its turn again, which
beside a busy thread takes longer than the insert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

_ROWS_A_STATEMENT = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
"""SQLite prepares each length of a statement once. 512 rows of 16 values stay under its 32,766 parameters."""


def bulk_insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; ``columns`` names what each row holds, in order."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _insert_many(connection, table.name, columns, rows)
    else:
        _copy(connection, table.name, table, columns, rows)


def bulk_upsert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *, key: Sequence[str]
) -> None:
    """Insert rows, or update those whose ``key`` is there already. No key may come twice in one call."""
    if not rows:
        return
    rest = [column for column in columns if column not in key]
    action = ", ".join(f'"{column}" = excluded."{column}"' for column in rest)
    conflict = f"ON CONFLICT ({_names(key)}) DO {'UPDATE SET ' + action if rest else 'NOTHING'}"
    if connection.dialect.name == "sqlite":
        _insert_many(connection, table.name, columns, rows, conflict)
        return
    staging = f"staging_{table.name}"
    connection.exec_driver_sql(
        f'CREATE TEMP TABLE IF NOT EXISTS "{staging}" ON COMMIT DELETE ROWS AS SELECT {_names(columns)} FROM "{table.name}" WITH NO DATA'  # noqa: S608 - our own names
    )
    connection.exec_driver_sql(f'TRUNCATE "{staging}"')
    _copy(connection, staging, table, columns, rows)
    connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({_names(columns)}) SELECT {_names(columns)} FROM "{staging}" {conflict}'  # noqa: S608 - our own names
    )


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def values_of(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Cut rows into pieces for SQLite; yield each as the list after VALUES and its parameters."""
    start = 0
    for count in _ROWS_A_STATEMENT:
        while len(rows) - start >= count:
            piece = rows[start : start + count]
            marks = f"({', '.join('?' * len(piece[0]))})"
            yield ", ".join([marks] * count), list(chain.from_iterable(piece))
            start += count


def _insert_many(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str = "") -> None:
    driver: Any = connection.connection.driver_connection
    for values, parameters in values_of(rows):
        driver.execute(f'INSERT INTO "{table}" ({_names(columns)}) VALUES {values} {conflict}', parameters)  # noqa: S608 - our own names


def _copy(connection: Connection, name: str, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY rows in; the text form, which measured as fast as the binary one and needs no types spelled out."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{name}" ({_names(columns)}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)
