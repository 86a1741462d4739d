"""Statements in any database that SQLAlchemy has a dialect for. Whether the engine would let us write nobody knows: all is rolled back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from factbook.errors import SourceUnavailable, StatementFailed, StatementTimeout
from factbook.log import redact_text
from factbook.sources.session import ROWS_PER_CHUNK, Row, Session, cut_off


class GenericSession(Session):
    """Every statement is a transaction of its own that ends with a rollback; parameters stand as the driver writes them.

    A limit of time holds where the driver can be told to stop (``interrupt``, ``cancel_safe`` or ``cancel``); else the statement runs on to
    its end and is refused then.
    """

    def __init__(self, connection: Connection, name: str, *, limit_seconds: float) -> None:
        self._connection = connection
        self._name = name
        self._limit_seconds = limit_seconds
        dialect = connection.dialect
        self.engine = dialect.name
        self.placeholder = "?" if dialect.paramstyle == "qmark" else "%s"  # type: ignore[misc]  # a dialect's own, not the class's
        self._marks = dialect.identifier_preparer.initial_quote, dialect.identifier_preparer.final_quote

    def quote(self, name: str) -> str:
        # The dialect's own way doubles percent signs, which only statements with parameters want.
        first, last = self._marks
        return f"{first}{name.replace(last, last + last)}{last}"

    def chunks(
        self, statement: str, parameters: Sequence[Any] = (), *, size: int = ROWS_PER_CHUNK, limit_seconds: float | None = None
    ) -> Iterator[list[Row]]:
        if _may_be_many(statement):
            raise StatementFailed(f"{self._name} was asked nothing", why="the text seems to hold more than one statement")
        seconds = min(self._limit_seconds, limit_seconds) if limit_seconds is not None else self._limit_seconds
        with cut_off(self.cancel, seconds) as was_cut:
            try:
                options = {"stream_results": True, "max_row_buffer": size, "no_parameters": not parameters}
                streaming = self._connection.execution_options(**options)
                with streaming.exec_driver_sql(statement, tuple(parameters) or None) as result:
                    while rows := result.fetchmany(size):
                        yield [tuple(row) for row in rows]
            except SQLAlchemyError as error:
                raise self._translated(error, was_cut=was_cut.is_set()) from error
            finally:
                if not self._connection.invalidated:
                    self._connection.rollback()
        if was_cut.is_set():
            raise StatementTimeout(
                "A statement took too long", why="its driver could not be stopped", fix="Allow it more time, or measure less"
            )

    def cancel(self) -> None:
        driver = self._connection.connection.driver_connection
        for name in ("interrupt", "cancel_safe", "cancel"):
            stop = getattr(driver, name, None)
            if stop is not None:
                stop()
                return

    def _translated(self, error: SQLAlchemyError, *, was_cut: bool) -> Exception:
        lines = redact_text(str(getattr(error, "orig", None) or error)).splitlines()
        text = lines[0] if lines else type(error).__name__
        if was_cut or "interrupt" in text.lower():
            return StatementTimeout("A statement was cut off", why=text, fix="Allow it more time, or measure less")
        if self._connection.invalidated:
            return SourceUnavailable(f"{self._name} does not answer", why=text, fix="Check that it runs, then try again")
        return StatementFailed(f"{self._name} refused a statement", why=text)


_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
_READ_DIFFERENTLY = re.compile(r"""[\\$\[#]|--|/\*""")
"""What hides a semicolon in one dialect and not in another: escapes, dollar quotes, brackets, comments."""


def _may_be_many(statement: str) -> bool:
    """Return whether a dialect could see two statements here. Some drivers run them all, and our rollback undoes no COMMIT among them."""
    bare = statement if _READ_DIFFERENTLY.search(statement) else _QUOTED.sub("", statement)
    return ";" in bare.rstrip().removesuffix(";")
