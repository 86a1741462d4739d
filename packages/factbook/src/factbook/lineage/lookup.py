"""Look up many numbers in an index, on both engines, whatever their planners know of the table.

Freshly filled tables have no statistics. PostgreSQL then takes some hundred numbers for most of the table and reads all of it, which made a
bulk load slower by the square of its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection


def look_up(
    connection: Connection,
    numbers: Sequence[int],
    chosen: str,
    table: str,
    column: str,
    conditions: str = "",
    *,
    limit: int | None = None,
) -> list[tuple[Any, ...]]:
    """Return rows of a table (with an alias) whose column is one of the numbers, each looked up in the column's index.

    All texts are ours; ``chosen`` are columns, ``conditions`` hold as well.
    """
    where = f"{column} = f.value" + (f" AND {conditions}" if conditions else "")
    bound = "" if limit is None else f" LIMIT {limit}"
    if connection.dialect.name == "sqlite":
        statement = f"SELECT {chosen} FROM json_each(?) f CROSS JOIN {table} WHERE {where}{bound}"
        return rows_of(connection, statement, (msgspec.json.encode(numbers).decode(),))
    inner = f"SELECT {chosen} FROM {table} WHERE {where} OFFSET 0"
    return rows_of(connection, f"SELECT e.* FROM unnest(%s::bigint[]) f(value) CROSS JOIN LATERAL ({inner}) e{bound}", (list(numbers),))


def rows_of(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return rows as the driver makes them: wrapped by SQLAlchemy, tens of thousands take a third longer."""
    result = connection.exec_driver_sql(statement, parameters)
    cursor: Any = result.cursor
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    result.close()
    return rows
