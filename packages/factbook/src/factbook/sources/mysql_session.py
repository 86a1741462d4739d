"""Statements in MySQL and MariaDB, in a session that reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, ClassVar

import pymysql

from factbook.errors import SourceUnavailable, StatementFailed, StatementTimeout
from factbook.sources.session import ROWS_PER_CHUNK, Row, Session

_CUT_OFF = frozenset({1317, 1969, 3024})
"""Interrupted, MariaDB's and MySQL's limit of time."""
_GONE = frozenset({2006, 2013, 2055, 1053, 1080, 1152, 1158, 1159, 1160, 1161})
_SETTINGS = ("SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+00:00'", "SET SESSION group_concat_max_len = 1048576")


class MySQLSession(Session):
    """Rows are fetched as they come, so that none but a chunk is in memory. Every statement is a read-only transaction of its own.

    The driver asks the server for no more than one statement a text, and the server refuses more.
    """

    engine = "mysql"
    quotation: ClassVar[str] = "`"

    def __init__(self, connection: Any, connect: Callable[[], Any], namespace: str, *, is_mariadb: bool, limit_seconds: float) -> None:
        self.connection = connection
        self._connect = connect
        self._namespace = namespace
        self._limit_seconds = limit_seconds
        # MariaDB counts seconds, MySQL milliseconds.
        self._limit = "SET SESSION max_statement_time = {:.3f}" if is_mariadb else "SET SESSION max_execution_time = {:.0f}"
        self._limit_unit = 1 if is_mariadb else 1000
        for setting in _SETTINGS:
            self._execute(setting)

    def chunks(
        self, statement: str, parameters: Sequence[Any] = (), *, size: int = ROWS_PER_CHUNK, limit_seconds: float | None = None
    ) -> Iterator[list[Row]]:
        seconds = min(self._limit_seconds, limit_seconds) if limit_seconds is not None else self._limit_seconds
        try:
            self._execute(self._limit.format(max(0.001, seconds) * self._limit_unit))
            # A transaction once begun cannot be made to write; a session's setting can.
            self._execute("START TRANSACTION READ ONLY")
            with closing(self.connection.cursor()) as cursor:
                cursor.execute(statement, tuple(parameters) or None)
                while rows := cursor.fetchmany(size):
                    yield list(rows)
        except pymysql.MySQLError as error:
            raise self._translated(error) from error
        finally:
            with suppress(pymysql.MySQLError):  # where the server is gone, so is the transaction
                self.connection.rollback()

    def cancel(self) -> None:
        with closing(self._connect()) as other, closing(other.cursor()) as cursor:
            cursor.execute(f"KILL QUERY {int(self.connection.thread_id())}")

    def _execute(self, statement: str) -> None:
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(statement)

    def _translated(self, error: pymysql.MySQLError) -> Exception:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        text = " ".join(str(error.args[-1] if error.args else error).split())
        if number in _CUT_OFF:
            return StatementTimeout("A statement was cut off", why=text, fix="Allow it more time, or measure less")
        if number in _GONE or isinstance(error, pymysql.err.InterfaceError):
            return SourceUnavailable(f"{self._namespace} does not answer", why=text, fix="Check that it runs, then try again")
        return StatementFailed(f"{self._namespace} refused a statement", why=text)
