"""The bus contract: publish durably, subscribe at least once.

To write a bus for another system: subclass :class:`Bus`, add its scheme to :mod:`factbook.events.urls`, and bind
``factbook.events.testing.BusContract`` to it.

**Order.** Events of one key (tenant and target) are handed to a subscriber in the order in which they were published; a repeat may come
later. An event that a handler fails at is tried again before anything behind it is handed out, so patience costs time and never order.

**At least once.** What :meth:`Bus.publish` returned from reaches every subscription that exists, also after crashes, as long as the bus
keeps it. Handlers must take repeats as harmless; a record's content id makes that easy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from factbook.errors import InvalidRequest
from factbook.events.cloudevents import Event

SUBJECT = "metadata.events"
"""Where events go unless a URL says otherwise; dead letters go to ``metadata.events.dead``."""

Handler = Callable[[Sequence[Event]], None]
"""Handles events, all or none: if it raises, all of them are handed to it again, one by one.

A :class:`TemporaryError` says that nothing is wrong with the event, but with the world: it is tried again until the world is well.
"""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How events are handed to one handler.

    An event that fails is tried ``max_deliver`` times and then goes to the dead letters; the pauses between double from ``backoff_seconds``
    to ``max_backoff_seconds``. A process that is silent for ``lease_seconds`` is taken for dead, and another of the same name goes on.
    """

    batch: int = 200
    max_deliver: int = 5
    backoff_seconds: float = 0.5
    max_backoff_seconds: float = 30.0
    lease_seconds: float = 10.0

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after the failed ``attempt`` (1, 2 …)."""
        return min(self.max_backoff_seconds, self.backoff_seconds * 2.0 ** min(attempt - 1, 30))


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a subscriber gave up on, and why. ``body`` is the event as it came, be it an event or not."""

    subscriber: str
    reason: str
    attempts: int
    failed_at: datetime
    body: bytes


class Subscription(ABC):
    """A handler at work, in a thread of its own or of the publisher."""

    @abstractmethod
    def failure(self) -> str | None:
        """Return what keeps it from receiving just now, ``None`` if nothing does."""

    @abstractmethod
    def close(self) -> None:
        """Hand out nothing more, once the batch at hand is settled. Closing twice is harmless."""


class Bus(ABC):
    """A place to publish to. Instances are safe to use from many threads and open nothing before they are used."""

    keeps_events: ClassVar[bool]
    """Whether events wait for subscribers that are away; without, only those that listen get them."""

    @abstractmethod
    def max_event_bytes(self) -> int:
        """Return how long an encoded event may be. Raises :class:`BusUnavailable`."""

    @abstractmethod
    def publish(self, events: Sequence[Event]) -> None:
        """Publish in order per key; when this returns, all are accepted durably.

        If it raises (:class:`BusUnavailable`), some may have been: publish all of them again.
        """

    @abstractmethod
    def subscribe(self, name: str, handler: Handler, delivery: Delivery = Delivery()) -> Subscription:  # noqa: B008 - frozen
        """Hand every event to the handler from where this name left off, on a new name from the first that is kept.

        Processes that subscribe under one name share the events; of one key all go to the same process.
        """

    @abstractmethod
    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters; when this returns, they are durable."""

    @abstractmethod
    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Return dead letters that were not replayed, oldest first."""

    @abstractmethod
    def replay_dead_letters(self) -> int:
        """Publish again what lies dead, for every subscriber, and forget the letters; return how many. What is no event is forgotten."""

    @abstractmethod
    def lag(self, name: str) -> int | None:
        """Return how many events a subscriber has not handled, ``None`` if there never was one of this name."""

    @abstractmethod
    def dead_count(self) -> int:
        """Return how many dead letters there are."""

    @abstractmethod
    def close(self) -> None:
        """End all subscriptions and release connections. Closing twice is harmless."""


def check_subscriber(name: str) -> str:
    """Refuse a subscriber's name that one of the buses could not carry."""
    if not (0 < len(name) <= 64 and name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        raise InvalidRequest(
            f"{name!r} is no name for a subscriber", why="it takes 1 to 64 ASCII letters, digits, dashes and underscores", field="name"
        )
    return name
