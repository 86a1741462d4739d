"""The relay beside a bus in the same process: order, leases, replays, failures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.jobs.conftest import open_store
from tests.relay.conftest import LEASE_SECONDS, make_relay, some_records
from tests.repository.stores import open_empty

from factbook.errors import BusUnavailable, InvalidRequest, NotFound
from factbook.events import Event
from factbook.events.inprocess import InProcessBus
from factbook.events.testing import Collector, eventually
from factbook.relay import Subscriptions
from factbook.relay.log_follower import BATCH_RECORDS
from factbook.repository.sql import SqlRepository
from factbook_sdk.testing.records import state


@pytest.fixture(params=["sqlite", "postgresql"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRepository]:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = open_empty(url)
    with opened.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM subscriptions")
    yield opened
    opened.close()


class Broken(InProcessBus):
    """A bus that is away until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = True

    def publish(self, events: Sequence[Event]) -> None:
        if self.is_away:
            raise BusUnavailable("The bus is away", why="somebody pulled the plug", fix="Wait")
        super().publish(events)


def test_every_record_of_every_tenant_is_published_in_the_order_of_the_log(repository: SqlRepository, bus: InProcessBus) -> None:
    records = some_records(BATCH_RECORDS + 100)
    repository.bulk_store(records)
    got = Collector()
    bus.subscribe("one", got)
    relay = make_relay(repository, bus)
    assert relay.run_to_the_end() == len(records)
    assert [int(event.offset) for event in got.events] == list(range(1, len(records) + 1))
    assert [event.record() for event in got.events] == records
    assert {event.tenant for event in got.events} == {"tenant0", "tenant1"}
    assert {event.source for event in got.events} == {"urn:factbook:test"}
    status = Subscriptions(repository, lease_seconds=1).status("relay")
    assert (status.position, status.lag, status.served_by, status.last_error) == (len(records), 0, None, None)


def test_a_relay_goes_on_where_the_one_before_it_stopped(repository: SqlRepository, bus: InProcessBus) -> None:
    got = Collector()
    bus.subscribe("one", got)
    repository.bulk_store(some_records(10))
    make_relay(repository, bus).run_to_the_end()
    repository.bulk_store(some_records(10, first=10))
    assert make_relay(repository, bus, "two").run_to_the_end() == 10
    assert len(got.events) == 20


def test_records_are_relayed_as_they_are_stored(repository: SqlRepository, bus: InProcessBus) -> None:
    got = Collector()
    bus.subscribe("one", got)
    relay = make_relay(repository, bus)
    relay.start()
    relay.start()
    try:
        for number in range(5):
            repository.store(state(number, number))
            eventually(lambda number=number: len(got.events) == number + 1)  # type: ignore[misc]
    finally:
        relay.stop()
    repository.store(state(99, 99))
    assert len(got.events) == 5


def test_one_relay_serves_and_another_takes_over_when_it_is_gone(repository: SqlRepository, bus: InProcessBus) -> None:
    got = Collector()
    bus.subscribe("one", got)
    repository.bulk_store(some_records(10))
    first, second = make_relay(repository, bus, "one"), make_relay(repository, bus, "two")
    assert first.step() == 10
    repository.bulk_store(some_records(10, first=10))
    assert second.step() is None
    assert Subscriptions(repository, lease_seconds=1).status("relay").served_by == "one"
    time.sleep(LEASE_SECONDS + 0.2)  # the first one is silent
    assert second.step() == 10
    # What the first one does after it was replaced moves nothing back.
    repository.bulk_store(some_records(10, first=20))
    assert first.step() in (None, 10)
    assert Subscriptions(repository, lease_seconds=1).status("relay").position == 20
    assert {int(event.offset) for event in got.events} >= set(range(1, 21))


def test_a_relay_that_is_not_the_one_to_serve_ends_when_the_other_is_through(repository: SqlRepository, bus: InProcessBus) -> None:
    repository.bulk_store(some_records(10))
    first = make_relay(repository, bus, "one")
    assert first.step() == 10
    assert make_relay(repository, bus, "two").run_to_the_end() == 0


def test_a_bus_that_is_away_is_waited_for_and_nothing_is_lost(repository: SqlRepository) -> None:
    bus, got = Broken(), Collector()
    bus.subscribe("one", got)
    repository.bulk_store(some_records(30))
    relay = make_relay(repository, bus)
    subscriptions = Subscriptions(repository, lease_seconds=1)
    relay.start()
    try:
        eventually(lambda: relay.counters.failures >= 2)
        status = subscriptions.status("relay")
        assert (status.position, status.lag) == (0, 30)
        assert status.last_error == "The bus is away: somebody pulled the plug. Wait"
        bus.is_away = False
        eventually(lambda: subscriptions.status("relay").lag == 0)
    finally:
        relay.stop()
        bus.close()
    assert [int(event.offset) for event in got.events] == list(range(1, 31))
    assert subscriptions.status("relay").last_error is None


def test_a_replay_publishes_the_log_again_from_an_offset(repository: SqlRepository, bus: InProcessBus) -> None:
    repository.bulk_store(some_records(20))
    relay = make_relay(repository, bus)
    relay.run_to_the_end()
    got = Collector()
    bus.subscribe("late", got)
    assert Subscriptions(repository, lease_seconds=1).replay("relay", after_offset=14).lag == 6
    relay.run_to_the_end()
    assert [(int(event.offset), event.replay) for event in got.events] == [(offset, 1) for offset in range(15, 21)]
    assert all(event.message_id == f"{event.id}.1" for event in got.events)


def test_a_replay_asked_for_while_a_batch_is_on_its_way_is_not_forgotten(repository: SqlRepository, bus: InProcessBus) -> None:
    subscriptions = Subscriptions(repository, lease_seconds=1)
    asked = []

    def ask(_events: Sequence[Event]) -> None:
        if not asked:
            asked.append(subscriptions.replay("relay", after_offset=0))

    bus.subscribe("one", ask)
    got = Collector()
    bus.subscribe("two", got)
    repository.bulk_store(some_records(10))
    make_relay(repository, bus).run_to_the_end()
    assert [int(event.offset) for event in got.events] == [*range(1, 11), *range(1, 11)]


def test_what_cannot_be_replayed_is_said(repository: SqlRepository) -> None:
    subscriptions = Subscriptions(repository, lease_seconds=1)
    with pytest.raises(InvalidRequest, match="no offset 7"):
        subscriptions.replay("relay", after_offset=7)
    with pytest.raises(NotFound):
        subscriptions.status("relay")


def test_a_store_opened_twice_gives_a_name_once(repository: SqlRepository, bus: InProcessBus) -> None:
    other = open_store(repository.database.engine.url.render_as_string(hide_password=False))
    try:
        one, two = Subscriptions(repository, lease_seconds=5), Subscriptions(other, lease_seconds=5)
        assert (one.take("relay", "one") is None, two.take("relay", "two")) == (False, None)
        one.release("relay", "one")
        assert two.take("relay", "two") is not None
    finally:
        other.close()
