"""COPY … TO STDOUT as large pieces of bytes.

psycopg's own iteration costs 1.6 µs a row, which for five million rows is as much as PostgreSQL needs to print them; asking libpq
directly costs half of it (docs/decisions).
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

PIECE_BYTES = 1 << 18
_WAIT_SECONDS = 0.5


def copy_out(connection: psycopg.Connection[Any], statement: str) -> Iterator[bytes]:
    """Yield what a COPY statement prints, in whole rows; an empty piece where nothing came for a while, so that a caller can look up.

    Whoever stops early leaves a connection that can be used again. Errors are psycopg's.
    """
    # Without parameters, and yet by the extended protocol: the simple one runs many statements.
    connection.pgconn.send_query_params(statement.encode(), None)
    is_over = False
    try:
        # The server says that it begins together with its first rows, which may take long.
        yield from _waited(connection.pgconn)
        result = connection.pgconn.get_result()
        if result is not None and result.status == ExecStatus.COPY_OUT:
            yield from _pieces(connection.pgconn)
            result = None
        is_over = True
        _finish(connection, result)
    finally:
        if not is_over:
            with suppress(psycopg.Error):
                connection.cancel_safe()
                _finish(connection)


def _waited(pgconn: Any) -> Iterator[bytes]:
    """Wait for an answer, yielding an empty piece every now and then."""
    while pgconn.is_busy():
        if _is_ready(pgconn):
            pgconn.consume_input()
        else:
            yield b""


def _pieces(pgconn: Any) -> Iterator[bytes]:
    rows: list[bytes] = []
    size, take, add = 0, pgconn.get_copy_data, rows.append
    while True:
        length, row = take(1)
        if length > 0:
            add(row)
            size += length
            if size < PIECE_BYTES:
                continue
        elif length == 0 and _is_ready(pgconn):
            pgconn.consume_input()
            continue
        yield b"".join(rows)
        rows.clear()
        size = 0
        if length < 0:
            return


def _is_ready(pgconn: Any) -> bool:
    # A descriptor may be larger than select() takes in a process that has many files open.
    poller = select.poll()
    poller.register(pgconn.socket, select.POLLIN)
    return bool(poller.poll(_WAIT_SECONDS * 1000))


def _finish(connection: psycopg.Connection[Any], result: PGresult | None = None) -> None:
    """Take what is left of the answer; raises the error that ended the statement."""
    failed = None
    while result is not None or (result := connection.pgconn.get_result()) is not None:
        if result.status == ExecStatus.COPY_OUT:
            for _ in _pieces(connection.pgconn):
                pass
        if result.status == ExecStatus.FATAL_ERROR:
            failed = result
        result = None
    if failed is not None:
        raise error_from_result(failed)
