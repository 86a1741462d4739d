"""Sessions kept open between requests: connecting to a server takes longer than most questions.

Files of engines that run in this process are opened for each request, so that no lock on them outlives it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from factbook.errors import SourceUnavailable, StatementFailed, StatementTimeout, TemporaryError
from factbook.sources.contract import Connector
from factbook.sources.session import Session

_KEPT_ENGINES = frozenset({"postgresql", "mysql"})
_KEPT = 4
"""Idle sessions of one source."""
_KEPT_SECONDS = 60.0
_AT_ONCE = 8
"""Sessions of one source in use; who comes then waits for one."""
_MAX_SOURCES = 1_000


class _Source:
    def __init__(self) -> None:
        self.idle: list[tuple[float, Session, ExitStack]] = []
        self.places = threading.BoundedSemaphore(_AT_ONCE)


class Pool:
    """Read-only sessions by the address of their source. Safe from any thread; one session serves one request at a time."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def session(self, url: str, connect: Callable[[str], Connector], *, wait_seconds: float) -> Iterator[Session]:
        """Give a session. One that failed otherwise than by a refused or cut off statement is not used again; a kept one that turns out to
        be dead is replaced by a new one before it is given."""
        with self._lock:
            if len(self._sources) >= _MAX_SOURCES:
                self._drop_all()
            source = self._sources.setdefault(url, _Source())
        if not source.places.acquire(timeout=wait_seconds):
            raise TemporaryError("The source is busy", why=f"{_AT_ONCE} requests are reading from it", fix="Try again")
        try:
            session, stack = self._taken(source) or self._opened(url, connect)
            is_good = False
            try:
                yield session
                is_good = True
            except (StatementFailed, StatementTimeout):
                is_good = True
                raise
            finally:
                if is_good and session.engine in _KEPT_ENGINES:
                    self._keep(source, session, stack)
                else:
                    stack.close()
        finally:
            source.places.release()

    def _taken(self, source: _Source) -> tuple[Session, ExitStack] | None:
        while True:
            with self._lock:
                if not source.idle:
                    return None
                since, session, stack = source.idle.pop()
            if time.monotonic() - since < 1.0:
                return session, stack
            try:
                if time.monotonic() - since < _KEPT_SECONDS and session.rows("SELECT 1"):
                    return session, stack
            except (SourceUnavailable, StatementFailed, StatementTimeout):
                pass  # it died while it lay there; the next one, or a new one, tells how the source is
            stack.close()

    @staticmethod
    def _opened(url: str, connect: Callable[[str], Connector]) -> tuple[Session, ExitStack]:
        stack = ExitStack()
        return stack.enter_context(connect(url).open_session()), stack

    def _keep(self, source: _Source, session: Session, stack: ExitStack) -> None:
        now = time.monotonic()
        with self._lock:
            over = [item for item in source.idle if now - item[0] >= _KEPT_SECONDS]
            source.idle = [item for item in source.idle if now - item[0] < _KEPT_SECONDS]
            is_kept = not self._is_closed and len(source.idle) < _KEPT
            if is_kept:
                source.idle.append((now, session, stack))
        for _, _, old in over:
            old.close()
        if not is_kept:
            stack.close()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        with self._lock:
            self._is_closed = True
            self._drop_all()

    def _drop_all(self) -> None:
        for source in self._sources.values():
            while source.idle:
                source.idle.pop()[2].close()
        self._sources = {}
