"""The one background thread of this room: once a second it stores the audit trail and notes which tokens are in use."""

from __future__ import annotations

import threading

import structlog

from factbook.access.audit import AuditTrail
from factbook.access.doorkeeper import Doorkeeper
from factbook.access.tokens import Tokens

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 1.0


class Clerk:
    """Writes between :meth:`start` and :meth:`stop`. A process that is killed loses what it noted in its last second, and no record."""

    def __init__(
        self,
        trail: AuditTrail,
        doorkeeper: Doorkeeper | None = None,
        tokens: Tokens | None = None,
        *,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._trail = trail
        self._doorkeeper = doorkeeper
        self._tokens = tokens
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; harmless when it runs already."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._work, name="access-clerk", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Write what is left and end; harmless when it does not run."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            self._write()
        self._write()

    def _write(self) -> None:
        try:
            self._trail.flush()
            if self._doorkeeper is not None and self._tokens is not None and (used := self._doorkeeper.take_used()):
                self._tokens.note_uses(used)
        except Exception as error:  # noqa: BLE001 - the store may be back a second later; the trail keeps what it has
            log.warning("access_notes_not_written", reason=str(error), lost=self._trail.lost)
