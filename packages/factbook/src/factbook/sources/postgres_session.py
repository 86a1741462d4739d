"""Statements in PostgreSQL, in a session that reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from factbook.errors import StatementFailed, StatementTimeout
from factbook.sources.postgres_copy import copy_out
from factbook.sources.postgres_dates import keep_as_text
from factbook.sources.postgres_errors import ends_the_reading, reason_of, translated
from factbook.sources.session import ROWS_PER_CHUNK, Row, Session

_SETTINGS = (
    "SET default_transaction_read_only = on",
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'postgres'",
    "SET bytea_output = 'hex'",
    "SET extra_float_digits = 1",
    "SET standard_conforming_strings = on",
)


class PostgresSession(Session):
    """Every statement is a transaction of its own, so that a long measurement holds back no VACUUM.

    The transaction is read-only and has a snapshot before the statement comes, so that no statement can make it one that writes. Statements
    go by the extended protocol, in which the server refuses a text that holds more than one.
    """

    engine = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any], namespace: str, *, limit_seconds: float) -> None:
        self.connection = connection
        self._namespace = namespace
        self._limit_seconds = limit_seconds
        connection.prepare_threshold = None
        connection.read_only = True
        keep_as_text(connection)
        for setting in _SETTINGS:
            connection.execute(setting)

    def rows(self, statement: str, parameters: Sequence[Any] = (), *, limit_seconds: float | None = None) -> list[Row]:
        # No cursor on the server: PostgreSQL plans no parallel scan for one.
        with self._limited(limit_seconds):
            cursor = self._executed(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def chunks(
        self, statement: str, parameters: Sequence[Any] = (), *, size: int = ROWS_PER_CHUNK, limit_seconds: float | None = None
    ) -> Iterator[list[Row]]:
        with self._limited(limit_seconds), self.connection.cursor(name="factbook") as cursor:
            cursor.execute(statement.encode(), parameters or None)
            while rows := cursor.fetchmany(size):
                yield rows

    def copy_out(self, statement: str, *, limit_seconds: float | None = None) -> Iterator[bytes]:
        """Yield what ``COPY (…) TO STDOUT`` prints, in pieces of whole rows, now and then an empty one. One statement at a time."""
        with self._limited(limit_seconds):
            yield from copy_out(self.connection, statement)

    def cancel(self) -> None:
        self.connection.cancel_safe()

    def _executed(self, statement: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        if parameters:
            return self.connection.execute(statement.encode(), parameters)
        # psycopg sends what has no parameters by the simple protocol, which runs many statements. One that nothing refers to changes that.
        return psycopg.RawCursor(self.connection).execute(statement.encode(), [0])

    @contextmanager
    def _limited(self, limit_seconds: float | None) -> Iterator[None]:
        """Give a transaction that reads and has the server's own time limit, and put its refusals in our words."""
        seconds = min(self._limit_seconds, limit_seconds) if limit_seconds is not None else self._limit_seconds
        try:
            with self.connection.transaction():
                self.connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(max(1, int(seconds * 1000)))])
                yield
        except psycopg.errors.QueryCanceled as error:
            raise StatementTimeout("A statement was cut off", why=reason_of(error), fix="Allow it more time, or measure less") from error
        except psycopg.Error as error:
            if ends_the_reading(error) and not isinstance(error, _ONE_STATEMENT):
                raise translated(error, self._namespace) from error
            raise StatementFailed(f"{self._namespace} refused a statement", why=reason_of(error)) from error


_ONE_STATEMENT = (
    psycopg.DataError,
    psycopg.errors.ActiveSqlTransaction,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.NoActiveSqlTransaction,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""Errors of classes that end a reading, and which yet concern one statement only."""
