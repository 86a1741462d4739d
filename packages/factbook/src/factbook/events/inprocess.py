"""The bus inside one process: publishing hands the events to every subscriber and returns when they are done.

Nothing is kept. That is enough to lose nothing: whoever follows the log advances only after :meth:`publish`, so what a crash
interrupted is published again. Dead letters live as long as the process; the log has their records.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from factbook.errors import InvalidRecord, InvalidRequest
from factbook.events.cloudevents import Event, decode_event, encode_event
from factbook.events.contract import Bus, DeadLetter, Delivery, Handler, Subscription, check_subscriber
from factbook.events.handing import Arrival, hand_out

_MAX_DEAD_LETTERS = 1000


class InProcessBus(Bus):
    """Subscribers of this process, one batch at a time."""

    keeps_events: ClassVar[bool] = False

    def __init__(self) -> None:
        self._publishing = threading.RLock()
        self._subscriptions: dict[str, _Listener] = {}
        self._dead: deque[DeadLetter] = deque(maxlen=_MAX_DEAD_LETTERS)

    def max_event_bytes(self) -> int:
        return 2**62

    def publish(self, events: Sequence[Event]) -> None:
        arrivals = [Arrival(encode_event(event)) for event in events]
        with self._publishing:
            for listener in list(self._subscriptions.values()):
                listener.receive(arrivals)

    def subscribe(self, name: str, handler: Handler, delivery: Delivery = Delivery()) -> Subscription:  # noqa: B008 - frozen
        with self._publishing:
            if check_subscriber(name) in self._subscriptions:
                raise InvalidRequest(f"{name} listens already", why="in one process each name is taken once", field="name")
            listener = _Listener(self, name, handler, delivery)
            self._subscriptions[name] = listener
            return listener

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self._dead.extend(letters)

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        return list(self._dead)[:limit]

    def replay_dead_letters(self) -> int:
        with self._publishing:
            letters, self._dead = self._dead, deque(maxlen=_MAX_DEAD_LETTERS)
            for letter in letters:
                try:
                    self.publish([decode_event(letter.body)])
                except InvalidRecord:
                    continue  # it never was an event
            return len(letters)

    def lag(self, name: str) -> int | None:
        return 0 if name in self._subscriptions else None

    def dead_count(self) -> int:
        return len(self._dead)

    def close(self) -> None:
        for listener in list(self._subscriptions.values()):
            listener.close()

    def leave(self, name: str) -> None:
        """Forget a listener."""
        self._subscriptions.pop(name, None)


class _Listener(Subscription):
    def __init__(self, bus: InProcessBus, name: str, handler: Handler, delivery: Delivery) -> None:
        self._bus = bus
        self._name = name
        self._handler = handler
        self._delivery = delivery
        self._closed = threading.Event()

    def receive(self, arrivals: Sequence[Arrival]) -> None:
        for start in range(0, len(arrivals), self._delivery.batch):
            part = arrivals[start : start + self._delivery.batch]
            settled = hand_out(self._name, self._handler, part, self._delivery, lambda seconds: not self._closed.wait(seconds))
            self._bus.bury(settled.letters)
            if self._closed.is_set():
                return

    def failure(self) -> str | None:
        return None

    def close(self) -> None:
        self._closed.set()
        self._bus.leave(self._name)
