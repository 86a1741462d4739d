"""Follow the log from a stored place: read behind it, handle, and only then move it.

Whatever moment a follower dies at, the next one begins at a place up to which everything was handled. So each record is handled at least
once, and a handler must take a repeat as harmless. Of all processes that follow under one name, one does at a time (a lease).
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec
import structlog

from factbook.errors import FactbookError
from factbook.relay.subscription import Place, Subscriptions
from factbook.repository.sql import SqlRepository
from factbook_sdk.repository.contract import StoredRecord

log = structlog.get_logger(__name__)

BATCH_RECORDS = 500
_IDLE_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_LONGEST_ASKED_SECONDS = 300.0
"""How long we are willing to be asked to wait: somebody's clock may be wrong."""


class LogFollower(ABC):
    """What follows the log under ``name``. Subclasses say what they read (:meth:`_read`) and what they do with it (:meth:`_handle`).

    With ``linger_seconds`` it waits so long before it reads, so that a busy log costs few places moved instead of many.
    """

    def __init__(
        self, repository: SqlRepository, *, name: str, owner: str, lease_seconds: float = 30.0, linger_seconds: float = 0.0
    ) -> None:
        self.name = name
        self._repository = repository
        self._owner = owner
        self._subscriptions = Subscriptions(repository, lease_seconds=lease_seconds)
        self._renew_seconds = lease_seconds / 3
        self._linger_seconds = linger_seconds
        self._place: Place | None = None
        self._seen = 0
        self._renewed_at = 0.0
        self._batch = BATCH_RECORDS
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _read(self, after_offset: int, limit: int) -> tuple[list[StoredRecord], int]:
        """Return what to handle of what stands behind an offset, and the offset reached; nothing found may reach far."""

    @abstractmethod
    def _handle(self, batch: Sequence[StoredRecord], replays: int) -> None:
        """Handle a batch. If it raises, the batch comes again, after the seconds in the error's ``retry_after_seconds`` if it has them."""

    def _handled(self, count: int) -> None:  # noqa: B027 - most have nothing to count
        """Note that so many records were handled."""

    def _tick(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what is to be done now and then while it is us who follow."""

    def start(self) -> None:
        """Follow in a thread of its own until :meth:`stop`; harmless when it does already."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self.run, name=self.name.replace(":", "-"), daemon=True)
            self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin to end; :meth:`stop` waits for it."""
        self._stopping.set()

    def stop(self, *, timeout_seconds: float = 30.0) -> None:
        """Finish the batch at hand and give the lease back. What is not done in time is left to whoever takes over."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            self._thread = None

    def run(self) -> None:
        """Follow in this thread until :meth:`stop`; what fails for now is tried again."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    count = self.step()
                except Exception as error:  # noqa: BLE001 - whatever it is, records wait behind it, and nobody else would try again
                    self._failed(error)
                    self._stopping.wait(max(pause, min(_asked(error), _LONGEST_ASKED_SECONDS)))
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    continue
                pause = _FIRST_PAUSE_SECONDS
                if count is None:
                    self._stopping.wait(min(_IDLE_SECONDS, self._renew_seconds))
        finally:
            self._release()

    def run_to_the_end(self) -> int:
        """Handle what the log holds by now and return how many records that were; raises what keeps it from doing so."""
        handled, end = 0, self._repository.last_offset()
        try:
            while self._position() < end:
                count = self.step()
                handled += count or 0
                if count is None:
                    time.sleep(min(_IDLE_SECONDS, self._renew_seconds))
            return handled
        finally:
            self._release()

    def run_while_ours(self) -> bool:
        """Handle what the log holds by now; ``False`` if another process serves. Raises what keeps it from doing so."""
        end = self._repository.last_offset()
        try:
            while (place := self._take()) is not None:
                if max(place.position, self._seen) >= end:
                    return True
                self.step()
            return False
        except FactbookError as error:
            self._failed(error)
            raise
        finally:
            self._release()

    def step(self) -> int | None:
        """Handle the next batch and return its length, 0 if nothing came for a second; ``None`` if another process serves."""
        place = self._take()
        if place is None:
            return None
        self._tick()
        after = max(place.position, self._seen)
        if self._repository.wait_beyond(after, min(_IDLE_SECONDS, self._renew_seconds)) <= after:
            return 0
        if self._linger_seconds:
            self._stopping.wait(self._linger_seconds)
        batch, position = self._read(after, self._batch)
        if not batch:
            self._seen = position  # written down when the lease is renewed: a log full of others' records must not cost a write each
            return 0
        self._handle(batch, place.replays)
        moved = self._advance(place, position)
        # A batch that outlasted the lease would be handled by the next process as long, and so for ever; a smaller one ends in time.
        self._batch = min(2 * self._batch, BATCH_RECORDS) if moved else max(1, self._batch // 2)
        self._handled(len(batch))
        return len(batch)

    def _position(self) -> int:
        """Return how far it has come, whoever brings it there."""
        place = self._take()
        return self._subscriptions.status(self.name).position if place is None else max(place.position, self._seen)

    def _take(self) -> Place | None:
        """Return our place, renewing the lease in time; ``None`` while another process holds it."""
        if self._place is None or time.monotonic() - self._renewed_at > self._renew_seconds:
            if self._place is not None and self._seen > self._place.position:
                self._advance(self._place, self._seen)
            self._place = self._subscriptions.take(self.name, self._owner)
            self._seen = 0 if self._place is None else self._place.position
            self._renewed_at = time.monotonic()
        return self._place

    def _advance(self, place: Place, position: int) -> bool:
        moved = self._subscriptions.advance(self.name, self._owner, place, position)
        self._place = msgspec.structs.replace(place, position=position) if moved else None
        self._renewed_at = time.monotonic()
        return moved

    def _failed(self, error: Exception) -> None:
        self._place = None
        log.warning("following_interrupted", name=self.name, reason=str(error))
        try:
            self._subscriptions.note_failure(self.name, str(error))
        except FactbookError as second:
            log.warning("failure_not_noted", name=self.name, reason=str(second))

    def _release(self) -> None:
        place, self._place = self._place, None
        try:
            if place is not None and self._seen > place.position:
                self._subscriptions.advance(self.name, self._owner, place, self._seen)
            self._subscriptions.release(self.name, self._owner)
        except FactbookError as error:  # it runs out by itself
            log.warning("lease_not_released", name=self.name, reason=str(error))


def _asked(error: Exception) -> float:
    """Return the seconds that whoever failed asked us to wait."""
    return float(getattr(error, "retry_after_seconds", None) or 0.0)
