"""Statements in the engines that run in this process, SQLite and DuckDB, on a file opened for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from factbook.errors import StatementFailed, StatementTimeout
from factbook.sources.session import ROWS_PER_CHUNK, Row, Session, cut_off


class EmbeddedSession(Session):
    """One file. ``cursor`` gives what runs a statement, ``failure`` is the driver's error class.

    ``split`` returns the statements of a text, for a driver that would run them all.
    """

    placeholder: ClassVar[str] = "?"

    def __init__(
        self,
        engine: str,
        connection: Any,
        cursor: Callable[[], Any],
        failure: type[Exception],
        path: str,
        *,
        limit_seconds: float,
        split: Callable[[str], list[Any]] | None = None,
    ) -> None:
        self.engine = engine
        self.connection = connection
        self._cursor = cursor
        self._failure = failure
        self._path = path
        self._limit_seconds = limit_seconds
        self._split = split

    def chunks(
        self, statement: str, parameters: Sequence[Any] = (), *, size: int = ROWS_PER_CHUNK, limit_seconds: float | None = None
    ) -> Iterator[list[Row]]:
        seconds = min(self._limit_seconds, limit_seconds) if limit_seconds is not None else self._limit_seconds
        with cut_off(self.cancel, seconds) as was_cut:
            try:
                cursor = self._cursor()
                cursor.execute(self._only(statement), list(parameters))
                while rows := cursor.fetchmany(size):
                    yield rows
            except self._failure as error:
                text = str(error).splitlines()[0] if str(error) else type(error).__name__
                if was_cut.is_set() or "interrupt" in text.lower():
                    raise StatementTimeout("A statement was cut off", why=text, fix="Allow it more time, or measure less") from error
                raise StatementFailed(f"{self._path} refused a statement", why=text) from error

    def _only(self, statement: str) -> Any:
        parts = [statement] if self._split is None else self._split(statement)
        if len(parts) != 1:
            raise StatementFailed(f"{self._path} was asked nothing", why=f"the text holds {len(parts)} statements and has to be one")
        return parts[0]

    def cancel(self) -> None:
        self.connection.interrupt()
