"""Hand events to a handler: repeat in place, give up at the right time, keep the order. Pure but for the handler, the pauses and the
thread that a bus does it in."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from factbook.errors import InvalidRecord, TemporaryError
from factbook.events.cloudevents import Event, decode_event
from factbook.events.contract import DeadLetter, Delivery, Handler, Subscription

log = structlog.get_logger(__name__)

MAX_LOST_DELIVERIES = 20
"""An event that was handed out so often and never settled is taken for one that kills its handler's process."""

_REASON_CHARACTERS = 500


class Arrival(msgspec.Struct, frozen=True):
    """What came from the bus. ``deliveries`` is how often it was handed out before, where the bus counts that."""

    body: bytes
    deliveries: int = 0


class Settled(msgspec.Struct, frozen=True):
    """The first ``count`` arrivals are done with: handled, or given up as one of ``letters``. Less than all: we were asked to stop."""

    count: int
    letters: list[DeadLetter]


class ThreadedSubscription(Subscription):
    """A subscription with a thread of its own. A bus says in ``_work`` how it receives until ``_stopping`` is set."""

    def __init__(self, name: str, handler: Handler, delivery: Delivery) -> None:
        self._name = name
        self._handler = handler
        self._delivery = delivery
        self._stopping = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._work, name=f"subscriber-{name}", daemon=True)

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def failure(self) -> str | None:
        return self._failure

    def close(self) -> None:
        self._stopping.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    @abstractmethod
    def _work(self) -> None:
        """Receive and hand out until stopped."""


Pause = Callable[[float], bool]
"""Wait so many seconds; ``False`` if it is time to stop instead."""


def hand_out(name: str, handler: Handler, arrivals: Sequence[Arrival], delivery: Delivery, pause: Pause) -> Settled:
    """Hand arrivals to the handler in order, together, and one by one where that fails."""
    read = [_read(name, arrival) for arrival in arrivals]
    good = [event for event in read if isinstance(event, Event)]
    # After a crash one at a time, so that an event which kills the process is the only one that was begun.
    is_first_time = all(arrival.deliveries == 0 for arrival in arrivals)
    if is_first_time and good and _try(handler, good) is None:
        return Settled(len(arrivals), [letter for letter in read if isinstance(letter, DeadLetter)])
    letters: list[DeadLetter] = []
    for index, (arrival, event) in enumerate(zip(arrivals, read, strict=True)):
        if isinstance(event, DeadLetter):
            letters.append(event)
        elif index == 0 and arrival.deliveries > MAX_LOST_DELIVERIES:
            reason = f"handed out {arrival.deliveries} times and never settled: the process may have died of it"
            letters.append(_letter(name, reason, arrival.deliveries, arrival.body))
        else:
            error, attempts = _insist(handler, event, delivery, pause)
            if error is not None and attempts < delivery.max_deliver:
                return Settled(index, letters)
            if error is not None:
                log.warning("event_given_up", subscriber=name, event_id=event.id, attempts=attempts, reason=_reason(error))
                letters.append(_letter(name, _reason(error), attempts, arrival.body))
    return Settled(len(arrivals), letters)


def _read(name: str, arrival: Arrival) -> Event | DeadLetter:
    try:
        return decode_event(arrival.body)
    except InvalidRecord as error:
        return _letter(name, str(error), 0, arrival.body)


def _insist(handler: Handler, event: Event, delivery: Delivery, pause: Pause) -> tuple[Exception | None, int]:
    """Try until it works or there are no attempts left; fewer attempts and an error mean that we were asked to stop.

    What passes by itself is no fault of the event's: it is waited for, and not counted.
    """
    attempts, failures = 0, 0
    while True:
        error = _try(handler, [event])
        attempts += not isinstance(error, TemporaryError)
        failures += 1
        if error is None or attempts == delivery.max_deliver or not pause(delivery.pause(failures)):
            return error, attempts


def _try(handler: Handler, events: Sequence[Event]) -> Exception | None:
    try:
        handler(events)
    except Exception as error:  # noqa: BLE001 - a handler is foreign code: whatever it raises is told in the log and the dead letter
        log.info("handler_failed", events=len(events), first=events[0].id, reason=_reason(error))
        return error
    return None


def _letter(name: str, reason: str, attempts: int, body: bytes) -> DeadLetter:
    return DeadLetter(subscriber=name, reason=reason, attempts=attempts, failed_at=datetime.now(UTC), body=body)


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split())[:_REASON_CHARACTERS]
