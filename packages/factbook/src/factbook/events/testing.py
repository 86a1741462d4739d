"""The contract of :class:`~factbook.events.contract.Bus`.

Bind it: subclass :class:`BusContract` and give it a fixture ``connect`` that returns a function; each call of it gives a bus onto the same
place, which was empty before the test. ``unreachable`` is a bus to where nobody listens, ``None`` where there is no such thing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from factbook.errors import BusUnavailable, InvalidRequest, TemporaryError
from factbook.events.cloudevents import Event, event_of
from factbook.events.contract import Bus, Delivery
from factbook_sdk.facts import record_id
from factbook_sdk.repository.contract import StoredRecord
from factbook_sdk.testing.records import state

PATIENCE_SECONDS = 60.0
SECRET = "s3cret"  # noqa: S105 - must never appear anywhere
QUICK = Delivery(max_deliver=3, backoff_seconds=0.01, lease_seconds=2.0, batch=50)

Connect = Callable[[], Bus]


def an_event(number: int, table: str = "orders", *, tenant: str = "default") -> Event:
    """Return the event of a small record."""
    record = state(number, number, table=table, tenant=tenant)
    return event_of(StoredRecord(number, record_id(record), record), "urn:factbook:suite")


def eventually(is_so: Callable[[], bool], what: str = "it did not come about") -> None:
    """Wait until it is so; how long it takes is not what is tested."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Collector:
    """A handler that remembers what it was given; ``fail`` is asked before each batch and may raise."""

    def __init__(self, fail: Callable[[Sequence[Event]], None] | None = None) -> None:
        self.events: list[Event] = []
        self._fail = fail
        self._lock = threading.Lock()

    def __call__(self, events: Sequence[Event]) -> None:
        with self._lock:
            if self._fail is not None:
                self._fail(events)
            self.events.extend(events)

    @property
    def ids(self) -> set[str]:
        return {event.id for event in self.events}

    def firsts(self, key: str) -> list[str]:
        """Return the ids of a key's events in the order in which each came for the first time."""
        return list(dict.fromkeys(event.id for event in list(self.events) if event.key == key))


def ids(events: Sequence[Event]) -> set[str]:
    """Return the ids of events."""
    return {event.id for event in events}


class BusContract:
    """Subclass me with the fixtures ``connect`` and ``unreachable``."""

    @pytest.fixture
    def unreachable(self) -> Bus | None:
        return None

    def test_an_event_arrives_as_it_was_published(self, connect: Connect) -> None:
        bus, got = connect(), Collector()
        bus.subscribe("one", got, QUICK)
        sent = an_event(7, "tbl ä.漢", tenant="t/1")
        bus.publish([sent])
        eventually(lambda: bool(got.events))
        assert got.events[0] == sent
        assert got.events[0].record() == sent.record()

    def test_every_subscriber_gets_every_event_in_the_order_of_its_key(self, connect: Connect) -> None:
        bus, one, two = connect(), Collector(), Collector()
        bus.subscribe("one", one, QUICK)
        bus.subscribe("two", two, QUICK)
        sent = [an_event(number, f"t{number % 5}") for number in range(300)]
        for start in range(0, 300, 60):
            bus.publish(sent[start : start + 60])
        for got in (one, two):
            eventually(lambda got=got: got.ids == ids(sent))  # type: ignore[misc]
            for key in {event.key for event in sent}:
                assert got.firsts(key) == [event.id for event in sent if event.key == key]

    def test_publishing_again_loses_and_harms_nothing(self, connect: Connect) -> None:
        bus, got = connect(), Collector()
        bus.subscribe("one", got, QUICK)
        sent = [an_event(number) for number in range(10)]
        bus.publish(sent)
        bus.publish(sent)
        eventually(lambda: got.ids == ids(sent))
        assert got.firsts(sent[0].key) == [event.id for event in sent]

    def test_a_failing_event_is_tried_again_and_not_overtaken(self, connect: Connect) -> None:
        failures = iter([True, True])

        def fail(events: Sequence[Event]) -> None:
            if any(event.offset == "3" for event in events) and next(failures, False):
                raise OSError("the disk is away")

        bus, got = connect(), Collector(fail)
        bus.subscribe("one", got, QUICK)
        sent = [an_event(number) for number in range(8)]
        bus.publish(sent)
        eventually(lambda: got.ids == ids(sent))
        assert got.firsts(sent[0].key) == [event.id for event in sent]
        assert bus.dead_letters() == []

    def test_a_handler_that_says_try_again_later_is_waited_for(self, connect: Connect) -> None:
        failures = iter(range(2 * QUICK.max_deliver))

        def fail(_events: Sequence[Event]) -> None:
            if next(failures, None) is not None:
                raise TemporaryError("the store is away")

        bus, got = connect(), Collector(fail)
        bus.subscribe("one", got, QUICK)
        sent = [an_event(number) for number in range(4)]
        bus.publish(sent)
        eventually(lambda: got.ids == ids(sent))
        assert bus.dead_letters() == []

    def test_a_poison_event_goes_to_the_dead_letters_and_can_be_replayed(self, connect: Connect) -> None:
        ill = [True]

        def fail(events: Sequence[Event]) -> None:
            if ill and any(event.offset == "3" for event in events):
                raise ValueError("no such\ncolumn: größe")

        bus, got = connect(), Collector(fail)
        bus.subscribe("one", got, QUICK)
        sent = [an_event(number) for number in range(8)]
        bus.publish(sent)
        eventually(lambda: got.ids == ids(sent) - {sent[3].id})
        eventually(lambda: bus.dead_count() == 1)
        (letter,) = bus.dead_letters()
        assert (letter.subscriber, letter.reason, letter.attempts) == ("one", "no such column: größe", 3)
        assert sent[3].id.encode() in letter.body
        ill.clear()
        assert bus.replay_dead_letters() == 1
        eventually(lambda: got.ids == ids(sent))
        assert (bus.dead_count(), bus.dead_letters(), bus.replay_dead_letters()) == (0, [], 0)

    def test_the_lag_is_what_was_not_handled(self, connect: Connect) -> None:
        bus, gate, got = connect(), threading.Event(), Collector()

        def wait(events: Sequence[Event]) -> None:
            assert gate.wait(PATIENCE_SECONDS)
            got(events)

        assert bus.lag("one") is None
        bus.subscribe("one", wait, QUICK)
        publisher = threading.Thread(target=bus.publish, args=([an_event(number) for number in range(5)],))
        publisher.start()
        if bus.keeps_events:
            eventually(lambda: bus.lag("one") in (5, None))
        gate.set()
        publisher.join()
        eventually(lambda: bus.lag("one") == 0)
        assert len(got.ids) == 5

    def test_a_closed_subscription_goes_on_where_it_was(self, connect: Connect) -> None:
        bus, before, after = connect(), Collector(), Collector()
        subscription = bus.subscribe("one", before, QUICK)
        first, missed, last = ([an_event(number) for number in range(start, start + 5)] for start in (0, 10, 20))
        bus.publish(first)
        eventually(lambda: before.ids == ids(first))
        subscription.close()
        subscription.close()
        bus.publish(missed)
        bus.subscribe("one", after, QUICK)
        bus.publish(last)
        eventually(lambda: after.ids >= ids(last))
        if bus.keeps_events:
            assert after.firsts(first[0].key) == [event.id for event in (*missed, *last)]

    def test_processes_under_one_name_share_the_events_and_keep_the_order(self, connect: Connect) -> None:
        one, two, everything = connect(), connect(), Collector()
        if not one.keeps_events:
            one.subscribe("one", everything, QUICK)
            with pytest.raises(InvalidRequest):
                two.subscribe("one", everything, QUICK)
            return
        first = one.subscribe("one", everything, QUICK)
        two.subscribe("one", everything, QUICK)
        sent = [an_event(number, f"t{number % 3}") for number in range(120)]
        one.publish(sent[:60])
        eventually(lambda: everything.ids == ids(sent[:60]))
        first.close()
        one.publish(sent[60:])
        eventually(lambda: everything.ids == ids(sent))
        for key in {event.key for event in sent}:
            assert everything.firsts(key) == [event.id for event in sent if event.key == key]

    def test_a_name_that_a_bus_cannot_carry_is_refused(self, connect: Connect) -> None:
        for name in ("", "a.b", "a b", "ä", "x" * 65, "*"):
            with pytest.raises(InvalidRequest):
                connect().subscribe(name, Collector())

    def test_what_does_not_answer_says_so_without_the_secret(self, unreachable: Bus | None) -> None:
        if unreachable is not None:
            with pytest.raises(BusUnavailable) as caught:
                unreachable.publish([an_event(1)])
            assert SECRET not in str(caught.value) + repr(unreachable)
            assert caught.value.fix
            unreachable.close()
