"""Statements in the engines that run in this process, SQLite and DuckDB, on a file opened for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from factbook.errors import StatementFailed, StatementTimeout
from factbook.sources.session import ROWS_PER_CHUNK, Row, Session, cut_off


class EmbeddedSession(Session):
    """One file. ``cursor`` gives what runs a statement, ``failure`` is the driver's error class.

    ``split`` returns the statements of a text, for a driver that would run them all; ``reads`` says of one of them whether it only reads.
    ``lock`` is called once, before the first statement: what was set up until then stays as it is.
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
        reads: Callable[[Any], bool] = lambda statement: True,
        lock: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = engine
        self.connection = connection
        self._cursor = cursor
        self._failure = failure
        self._path = path
        self._limit_seconds = limit_seconds
        self._split = split
        self._reads = reads
        self._lock = lock
        self._is_locked = False

    def chunks(
        self, statement: str, parameters: Sequence[Any] = (), *, size: int = ROWS_PER_CHUNK, limit_seconds: float | None = None
    ) -> Iterator[list[Row]]:
        yield from self._chunks(statement, parameters, size, limit_seconds, may_write=False)

    def own_rows(self, statement: str, *, limit_seconds: float | None = None) -> list[Row]:
        """Run a statement of ours, which may make temporary tables, and return its rows. Never a text that somebody handed in."""
        return [row for chunk in self._chunks(statement, (), ROWS_PER_CHUNK, limit_seconds, may_write=True) for row in chunk]

    def _chunks(
        self, statement: str, parameters: Sequence[Any], size: int, limit_seconds: float | None, *, may_write: bool
    ) -> Iterator[list[Row]]:
        seconds = min(self._limit_seconds, limit_seconds) if limit_seconds is not None else self._limit_seconds
        with cut_off(self.cancel, seconds) as was_cut:
            try:
                if not self._is_locked:
                    self._lock()
                    self._is_locked = True
                cursor = self._cursor()
                cursor.execute(self._only(statement, may_write=may_write), list(parameters))
                while rows := cursor.fetchmany(size):
                    yield rows
            except self._failure as error:
                text = str(error).splitlines()[0] if str(error) else type(error).__name__
                if was_cut.is_set() or "interrupt" in text.lower():
                    raise StatementTimeout("A statement was cut off", why=text, fix="Allow it more time, or measure less") from error
                raise StatementFailed(f"{self._path} refused a statement", why=text) from error

    def _only(self, statement: str, *, may_write: bool) -> Any:
        parts = [statement] if self._split is None else self._split(statement)
        if len(parts) != 1:
            raise StatementFailed(f"{self._path} was asked nothing", why=f"the text holds {len(parts)} statements and has to be one")
        if not may_write and not self._reads(parts[0]):
            raise StatementFailed(f"{self._path} refused a statement", why="it is no query", fix="Write one SELECT")
        return parts[0]

    def cancel(self) -> None:
        self.connection.interrupt()
