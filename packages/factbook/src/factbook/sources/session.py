"""A read-only conversation with a source: statements in, rows out. What measures data asks through it.

A connector that can be asked gives one from :meth:`Connector.open_session`. The session reads and never writes: where the engine can
promise that, the connection is opened so; the user it connects as should be able to do nothing else anyway.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from factbook.sources.contract import TableName

Row = tuple[Any, ...]
ROWS_PER_CHUNK = 10_000
_AGAIN_SECONDS = 0.1


class Session(ABC):
    """One connection, used by one thread at a time; only :meth:`cancel` may come from another.

    A statement that the source refuses raises :class:`~factbook.errors.StatementFailed` and the session goes on; one that takes longer than
    its limit raises :class:`~factbook.errors.StatementTimeout`, and the session goes on. Where the source is gone:
    :class:`~factbook.errors.SourceUnavailable`.
    """

    engine: str
    """``postgresql``, ``mysql`` (MariaDB's too), ``sqlite``, ``duckdb``, or the dialect's name."""
    placeholder: ClassVar[str] = "%s"
    """What stands for a parameter. Where it is ``%s``, a percent sign in a statement that has parameters is written twice."""
    quotation: ClassVar[str] = '"'

    def quote(self, name: str) -> str:
        """Return an identifier as it stands in a statement; a ``%`` in it is left alone."""
        mark = self.quotation
        return f"{mark}{name.replace(mark, mark + mark)}{mark}"

    def table(self, name: TableName) -> str:
        """Return a table's name as it stands in a statement."""
        return f"{self.quote(name.schema)}.{self.quote(name.table)}"

    def rows(self, statement: str, parameters: Sequence[Any] = (), *, limit_seconds: float | None = None) -> list[Row]:
        """Run a statement and return all its rows. ``limit_seconds`` cuts it off earlier than the connector's own limit."""
        return [row for chunk in self.chunks(statement, parameters, limit_seconds=limit_seconds) for row in chunk]

    @abstractmethod
    def chunks(
        self, statement: str, parameters: Sequence[Any] = (), *, size: int = ROWS_PER_CHUNK, limit_seconds: float | None = None
    ) -> Iterator[list[Row]]:
        """Run a statement and yield its rows in lists of at most ``size``; memory holds one of them. One statement at a time."""

    @abstractmethod
    def cancel(self) -> None:
        """Make the running statement, if any, end with :class:`~factbook.errors.StatementTimeout`. Safe from any thread."""


@contextmanager
def cut_off(cancel: Callable[[], None], seconds: float | None) -> Iterator[threading.Event]:
    """Call ``cancel`` unless the block ends within ``seconds``, and again until it does; the event says whether that happened.

    For engines that know no limit of their own. A call may come between two steps of a statement, where it stops nothing. One that fails is
    logged, once, and the next is tried all the same.
    """
    fired, over, turn = threading.Event(), threading.Event(), threading.Lock()

    def watch(wait: float) -> None:
        is_logged = False
        while not over.wait(wait):
            with turn:
                if not over.is_set():
                    fired.set()
                    try:
                        cancel()
                    except Exception as error:  # noqa: BLE001 - any driver's; a watch that ends of it never cuts the statement off
                        if not is_logged:
                            import structlog

                            structlog.get_logger(__name__).warning("statement_not_cut_off", error=type(error).__name__)
                        is_logged = True
            wait = _AGAIN_SECONDS

    thread = threading.Thread(target=watch, args=(seconds,), name="factbook-cut-off", daemon=True) if seconds is not None else None
    if thread is not None:
        thread.start()
    try:
        yield fired
    finally:
        with turn:
            over.set()
        if thread is not None:
            thread.join()
