"""Bulk writes below SQLAlchemy: ``executemany`` of the SQLite driver, and COPY on PostgreSQL.

SQLAlchemy's own executemany is three times slower on both engines (bench/repository.py shows the ratio to the bare driver).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table


def bulk_insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; ``columns`` names what each row holds, in order."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert(table.name, columns), list(rows))
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
        connection.exec_driver_sql(f"{_insert(table.name, columns)} {conflict}", list(rows))
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


def _insert(table: str, columns: Sequence[str]) -> str:
    return f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608 - our own names


def _copy(connection: Connection, name: str, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY rows in; the text form, which measured as fast as the binary one and needs no types spelled out."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{name}" ({_names(columns)}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)
