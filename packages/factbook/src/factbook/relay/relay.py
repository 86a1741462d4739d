"""The relay: publish the log to a bus, in order, at least once.

The log is the outbox. A record is in it or it is not, in one transaction, so nothing can be lost between store and bus: the relay reads
behind its place, publishes, and moves its place only when the bus has accepted. Whatever moment it dies at, the next one begins at a place
up to which everything was published.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from factbook.errors import FactbookError
from factbook.events.cloudevents import NO_DATA, Event, encode_event, event_of
from factbook.events.contract import Bus, DeadLetter
from factbook.relay.subscription import Place, Subscriptions
from factbook.repository.sql import SqlRepository
from factbook_sdk.repository.contract import StoredRecord

log = structlog.get_logger(__name__)

BATCH_RECORDS = 500
_IDLE_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_COUNT_DEAD_SECONDS = 15.0


class Counters(msgspec.Struct):
    """What this process has done: events the bus accepted, calls that failed, records too large for the bus."""

    published: int = 0
    failures: int = 0
    too_large: int = 0
    dead_letters: int | None = None


class Relay:
    """Publishes every tenant's records to one bus. Of all processes that relay under one name, one does at a time.

    ``source`` is the CloudEvents source of the events; ``name`` is what the place is remembered by.
    """

    def __init__(self, repository: SqlRepository, bus: Bus, *, name: str, source: str, owner: str, lease_seconds: float = 30.0) -> None:
        self.name = name
        self.counters = Counters()
        self._repository = repository
        self._bus = bus
        self._source = source
        self._owner = owner
        self._subscriptions = Subscriptions(repository, lease_seconds=lease_seconds)
        self._renew_seconds = lease_seconds / 3
        self._place: Place | None = None
        self._renewed_at = 0.0
        self._counted_at = 0.0
        self._max_bytes: int | None = None
        self._batch = BATCH_RECORDS
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Relay in a thread of its own until :meth:`stop`; harmless when it does already."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self.run, name="relay", daemon=True)
            self._thread.start()

    def stop(self, *, timeout_seconds: float = 30.0) -> None:
        """Finish the batch at hand and give the lease back. What is not done in time is left to whoever takes over."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            self._thread = None

    def run(self) -> None:
        """Relay in this thread until :meth:`stop`; a store or a bus that is away is waited for."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    count = self.step()
                except Exception as error:  # noqa: BLE001 - whatever it is, records wait behind it, and nobody else would try again
                    self._note(error)
                    self._stopping.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    continue
                pause = _FIRST_PAUSE_SECONDS
                if count is None:
                    self._stopping.wait(min(_IDLE_SECONDS, self._renew_seconds))
        finally:
            self._release()

    def run_to_the_end(self) -> int:
        """Publish what the log holds by now and return how many records that were; raises what keeps it from doing so."""
        published, end = 0, self._repository.last_offset()
        try:
            while self._position() < end:
                count = self.step()
                published += count or 0
                if count is None:
                    time.sleep(min(_IDLE_SECONDS, self._renew_seconds))
            return published
        finally:
            self._release()

    def _position(self) -> int:
        """Return how far the bus has the log, whoever brings it there."""
        place = self._take()
        return self._subscriptions.status(self.name).position if place is None else place.position

    def step(self) -> int | None:
        """Publish the next batch and return its length, 0 if nothing came for a second; ``None`` if another process serves."""
        place = self._take()
        if place is None:
            return None
        self._count_dead_letters()
        if self._repository.wait_beyond(place.position, min(_IDLE_SECONDS, self._renew_seconds)) <= place.position:
            return 0
        batch, position = self._repository.everything(place.position, self._batch)
        self._publish(batch, place.replays)
        moved = self._subscriptions.advance(self.name, self._owner, place, position)
        self._place = msgspec.structs.replace(place, position=position) if moved else None
        # A batch that outlasted the lease would be published by the next process as long, and so for ever; a smaller one ends in time.
        self._batch = min(2 * self._batch, BATCH_RECORDS) if moved else max(1, self._batch // 2)
        self._renewed_at = time.monotonic()
        self.counters.published += len(batch)
        return len(batch)

    def _take(self) -> Place | None:
        """Return our place, renewing the lease in time; ``None`` while another process holds it."""
        if self._place is None or time.monotonic() - self._renewed_at > self._renew_seconds:
            self._place = self._subscriptions.take(self.name, self._owner)
            self._renewed_at = time.monotonic()
        return self._place

    def _publish(self, batch: Sequence[StoredRecord], replays: int) -> None:
        if self._max_bytes is None:
            self._max_bytes = self._bus.max_event_bytes()
        events = [event_of(item, self._source, replay=replays) for item in batch]
        fitting = [event for event in events if len(event.data) * 2 < self._max_bytes or len(encode_event(event)) <= self._max_bytes]
        if len(fitting) < len(events):
            kept = {event.offset for event in fitting}
            large = [event for event in events if event.offset not in kept]
            self._bus.bury([self._too_large(event) for event in large])
            self.counters.too_large += len(large)
        self._bus.publish(fitting)

    def _too_large(self, event: Event) -> DeadLetter:
        """Return what stands for an event that the bus cannot carry: all of it but its data. To stop at it would hold up everybody else."""
        log.error("record_too_large_for_the_bus", offset=event.offset, size_bytes=len(event.data), max_bytes=self._max_bytes)
        return DeadLetter(
            subscriber=self.name,
            reason=f"too large for the bus: the record has {len(event.data):,} bytes, at most {self._max_bytes:,} are taken",
            attempts=0,
            failed_at=datetime.now(UTC),
            body=encode_event(msgspec.structs.replace(event, data=NO_DATA)),
        )

    def _count_dead_letters(self) -> None:
        if self.counters.dead_letters is None or time.monotonic() - self._counted_at > _COUNT_DEAD_SECONDS:
            self.counters.dead_letters = self._bus.dead_count()
            self._counted_at = time.monotonic()

    def _note(self, error: Exception) -> None:
        self.counters.failures += 1
        self._place = None
        self._max_bytes = None
        log.warning("relay_interrupted", name=self.name, reason=str(error))
        try:
            self._subscriptions.note_failure(self.name, str(error))
        except FactbookError as second:
            log.warning("relay_failure_not_noted", name=self.name, reason=str(second))

    def _release(self) -> None:
        self._place = None
        try:
            self._subscriptions.release(self.name, self._owner)
        except FactbookError as error:  # it runs out by itself
            log.warning("relay_lease_not_released", name=self.name, reason=str(error))
