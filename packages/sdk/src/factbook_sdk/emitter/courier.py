"""The threads behind an emitter: one writes records to the spool, one sends the spool. Without a spool there is only the second one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from factbook_sdk.emitter.delivery import Delivery
from factbook_sdk.emitter.options import EmitterOptions
from factbook_sdk.emitter.queueing import Queue
from factbook_sdk.emitter.spool import Spool
from factbook_sdk.errors import FactbookError, InvalidRequest
from factbook_sdk.repository.retrying import pause_seconds

log = logging.getLogger("factbook_sdk.emitter")

_LOOK_AROUND_SECONDS = 5.0
"""How often segments that another process left behind are looked for."""

_TROUBLE_SECONDS = 1.0
"""How long a spool that could not be written is left alone; what is due is sent from memory meanwhile."""

_LAST_REQUEST_SECONDS = 1.0
_ENOUGH_FAILURES = 3


class Courier:
    """Brings what :meth:`put` takes to the service. One process's own: a fork needs another one."""

    def __init__(self, delivery: Delivery, spool: Spool | None, options: EmitterOptions, *, on_end: Callable[[], None]) -> None:
        self.delivery = delivery
        self._spool = spool
        self._options = options
        self._on_end = on_end
        self._changed = threading.Condition()
        # Held by the thread that deals with the oldest records in memory; never while waiting for something else than disk or service.
        self._handling = threading.Lock()
        self._queue = Queue(options.max_memory_bytes)
        self._first_at = 0.0
        self._written: dict[Path, int] = {}
        self._trouble: Exception | None = None
        self._failure: Exception | None = None
        self._failures = 0
        self._not_before = 0.0
        # When to look for segments next; 0 is at once.
        self._look_at = 0.0
        self._hurrying = 0
        self._is_shut = False
        self._is_stopping = False
        self._sending: threading.Thread | None = None
        self._writing: threading.Thread | None = None

    @property
    def numbers(self) -> tuple[int, int, int, Exception | None]:
        """Records taken, refused and in memory, and what fails now."""
        with self._changed:
            return self._queue.taken, self._queue.refused, len(self._queue), self._trouble or self._failure

    def start(self) -> None:
        """Start the threads; once they run this does nothing."""
        with self._changed:
            if self._sending is not None:
                return
            self._sending = threading.Thread(target=self._send_until_stopped, name="factbook-emitter-send", daemon=True)
            self._sending.start()
            if self._spool is not None:
                self._writing = threading.Thread(target=self._write_until_stopped, name="factbook-emitter-write", daemon=True)
                self._writing.start()

    def put(self, line: bytes) -> None:
        """Take a record; raises :class:`EmitterFull`, and :class:`InvalidRequest` once the courier is shut."""
        with self._changed:
            if self._is_shut:
                raise InvalidRequest("The emitter is closed", fix="Emit before close(), or make another")
            was_full = self._is_batch_full()
            self._queue.put(line, self._trouble or self._failure)
            if len(self._queue) == 1:
                self._first_at = time.monotonic()
            if len(self._queue) == 1 or was_full != self._is_batch_full():
                self._changed.notify_all()

    def flush(self, timeout_seconds: float, *, is_leaving: bool = False) -> bool:
        """Hurry; return whether the service has answered all that was taken before the call when the time is over.

        Who is leaving, and has all on disk, does not wait for a service that has failed several times in a row.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            goal = self._queue.taken
            self._hurrying += 1
            self._changed.notify_all()
            try:
                while not self._has_arrived(goal):
                    remaining = deadline - time.monotonic()
                    is_hopeless = is_leaving and not self._queue and self._failures >= _ENOUGH_FAILURES
                    if remaining <= 0 or is_hopeless:
                        return False
                    # Another process may send what is ours, and does not tell.
                    self._changed.wait(min(remaining, 0.1))
            finally:
                self._hurrying -= 1
        return True

    def shut(self) -> None:
        """Take no more."""
        with self._changed:
            self._is_shut = True

    def stop(self) -> int:
        """End the threads; return how many records are lost because they are neither sent nor on disk."""
        with self._changed:
            self._is_shut = self._is_stopping = True
            self._changed.notify_all()
        if self._sending is None:
            self._on_end()
        if self._writing is not None:
            self._writing.join()
        if self._sending is not None:
            # A request under way may take its time. It ends by itself, and what it was about lies in the spool until then.
            self._sending.join(_LAST_REQUEST_SECONDS)
        with self._changed:
            return len(self._queue)

    def _has_arrived(self, goal: int) -> bool:
        self._forget_sent()
        return self._queue.passed_on >= goal and all(first > goal for first in self._written.values())

    def _forget_sent(self) -> None:
        self._written = {path: first for path, first in self._written.items() if path.exists()}

    def _is_batch_full(self) -> bool:
        return len(self._queue) >= self._options.batch_records or self._queue.size_bytes >= self._options.batch_bytes

    def _write_until_stopped(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._is_stopping)
                if not self._queue:
                    return
                # What comes within a moment shares one write to the disk.
                self._changed.wait_for(self._is_urgent, self._options.spool_seconds)
            try:
                self._write_batch()
            except Exception as error:  # noqa: BLE001 - a thread that died would lose records in silence; this one tells, and goes on
                with self._changed:
                    if self._trouble is None:
                        log.warning("records cannot be spooled and stay in memory: %s", error)
                    self._trouble = error
                    self._changed.notify_all()
                    if self._is_stopping:
                        return
                    self._changed.wait_for(lambda: self._is_stopping, _TROUBLE_SECONDS)

    def _is_urgent(self) -> bool:
        return bool(self._hurrying) or self._is_stopping or self._is_batch_full()

    def _write_batch(self) -> None:
        assert self._spool is not None  # noqa: S101 - for the type checker: without a spool this thread is not started
        with self._handling:
            with self._changed:
                lines = self._queue.first(self._options.batch_records, self._options.batch_bytes)
                first = self._queue.passed_on + 1
            if not lines:
                return
            path = self._spool.append(lines)
            is_full = self._spool.open_records >= self._options.batch_records or self._spool.open_bytes >= self._options.batch_bytes
            if is_full:
                self._spool.seal()
            with self._changed:
                self._queue.drop(len(lines))
                self._written.setdefault(path, first)
                self._trouble = None
                self._look_at = 0.0 if is_full else self._look_at
                self._changed.notify_all()

    def _send_until_stopped(self) -> None:
        try:
            while True:
                with self._changed:
                    while not self._is_stopping and (seconds := self._seconds_until_due()) > 0:
                        self._changed.wait(seconds)
                    if self._is_stopping:
                        return
                self._send_what_is_due()
        finally:
            self._on_end()

    def _seconds_until_due(self) -> float:
        now = time.monotonic()
        due = now + _LOOK_AROUND_SECONDS
        if self._spool is not None:
            due = self._look_at
            if self._spool.open_records:
                due = min(due, now if self._hurrying else self._spool.opened_at + self._options.batch_seconds)
        if self._queue and self._sends_from_memory:
            due = min(due, now if self._hurrying or self._is_batch_full() else self._first_at + self._options.batch_seconds)
        return max(due, self._not_before) - now

    @property
    def _sends_from_memory(self) -> bool:
        return self._spool is None or self._trouble is not None

    def _send_what_is_due(self) -> None:
        try:
            if self._spool is not None:
                self._look_at = time.monotonic() + _LOOK_AROUND_SECONDS
                self._spool.seal()
                self.delivery.send_spool(until=lambda: self._is_stopping)
            if self._sends_from_memory:
                self._send_batch()
        except Exception as error:  # noqa: BLE001 - a thread that died would lose records in silence; this one tells, and tries again
            self._note_failure(error)
        else:
            self._note_success()

    def _send_batch(self) -> None:
        with self._handling:
            with self._changed:
                lines = self._queue.first(self._options.batch_records, self._options.batch_bytes)
            if not lines:
                return
            self.delivery.send_lines(lines)
            with self._changed:
                self._queue.drop(len(lines))
                self._first_at = time.monotonic()

    def _note_failure(self, error: Exception) -> None:
        with self._changed:
            self._failures += 1
            self._failure = error
            # What waits in the spool is looked at again after the pause, not when something new has come.
            self._look_at = 0.0
            self._not_before = time.monotonic() + pause_seconds(error, self._failures, most=self._options.max_pause_seconds)
        if self._failures == 1:
            log.warning("records wait, and are sent again later: %s", error, exc_info=not isinstance(error, FactbookError))

    def _note_success(self) -> None:
        with self._changed:
            if self._failures:
                log.info("records are on their way again")
            self._failures = 0
            self._failure = None
            self._forget_sent()
            self._changed.notify_all()
