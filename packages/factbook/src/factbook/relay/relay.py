"""The relay: publish the log to a bus, in order, at least once.

The log is the outbox. A record is in it or it is not, in one transaction, so nothing can be lost between store and bus: the relay follows
the log (:mod:`factbook.relay.log_follower`), and its place moves only when the bus has accepted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from factbook.events.cloudevents import NO_DATA, Event, encode_event, event_of
from factbook.events.contract import Bus, DeadLetter
from factbook.relay.log_follower import LogFollower
from factbook.repository.sql import SqlRepository
from factbook_sdk.repository.contract import StoredRecord

log = structlog.get_logger(__name__)

_COUNT_DEAD_SECONDS = 15.0


class Counters(msgspec.Struct):
    """What this process has done: events the bus accepted, calls that failed, records too large for the bus."""

    published: int = 0
    failures: int = 0
    too_large: int = 0
    dead_letters: int | None = None


class Relay(LogFollower):
    """Publishes every tenant's records to one bus. Of all processes that relay under one name, one does at a time.

    ``source`` is the CloudEvents source of the events; ``name`` is what the place is remembered by.
    """

    def __init__(self, repository: SqlRepository, bus: Bus, *, name: str, source: str, owner: str, lease_seconds: float = 30.0) -> None:
        super().__init__(repository, name=name, owner=owner, lease_seconds=lease_seconds)
        self.counters = Counters()
        self._bus = bus
        self._source = source
        self._counted_at = 0.0
        self._max_bytes: int | None = None

    def _read(self, after_offset: int, limit: int) -> tuple[list[StoredRecord], int]:
        return self._repository.everything(after_offset, limit)

    def _handle(self, batch: Sequence[StoredRecord], replays: int) -> None:
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

    def _handled(self, count: int) -> None:
        self.counters.published += count

    def _failed(self, error: Exception) -> None:
        self.counters.failures += 1
        self._max_bytes = None
        super()._failed(error)

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

    def _tick(self) -> None:
        if self.counters.dead_letters is None or time.monotonic() - self._counted_at > _COUNT_DEAD_SECONDS:
            self.counters.dead_letters = self._bus.dead_count()
            self._counted_at = time.monotonic()
