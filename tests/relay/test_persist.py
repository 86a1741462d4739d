"""A repository fed from the bus alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from tests.api.conftest import make_shop
from tests.relay.conftest import make_relay

from factbook.app import Factbook
from factbook.dictionary.projection import DictionaryProjection
from factbook.errors import ConfigurationError
from factbook.events import Bus, Event, open_bus
from factbook.events.cloudevents import NO_DATA, decode_event, encode_event, event_of
from factbook.events.testing import QUICK, eventually
from factbook.relay.following import follow
from factbook.relay.persist import Persist
from factbook.repository.sql import SqlRepository
from factbook.settings import load_settings
from factbook_sdk.facts import record_id
from factbook_sdk.repository.contract import StoredRecord
from factbook_sdk.testing.records import state


@pytest.fixture
def scanned(tmp_path: Path) -> Iterator[Factbook]:
    """Give a Factbook that has scanned a source twice, with a change in between."""
    url = make_shop(tmp_path)
    factbook = Factbook(load_settings({}, data_dir=str(tmp_path / "origin")))
    with closing(factbook):
        factbook.run_scan(url)
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript("ALTER TABLE customer ADD COLUMN phone TEXT; DROP VIEW big_invoice; CREATE TABLE note (id INTEGER)")
        factbook.run_scan(url, accept_removals=True)
        yield factbook


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Factbook]:
    factbook = Factbook(load_settings({}, data_dir=str(tmp_path / "copy")))
    with closing(factbook):
        yield factbook


def ids(repository: SqlRepository) -> set[str]:
    return {item.id for item in repository.everything(0, 100_000)[0]}


def views(repository: SqlRepository) -> dict[str, set[Any]]:
    """Return the rows of every table of the dictionary, without the offsets, which are each store's own."""
    with repository.reading() as connection:
        return {
            table.name: {
                tuple((name, value) for name, value in row._mapping.items() if "offset" not in name and not name.endswith("_id"))
                for row in connection.execute(select(table))
            }
            for table in DictionaryProjection.tables
        }


def test_a_store_fed_from_the_bus_has_the_same_records_and_views(scanned: Factbook, copy: Factbook, nats_bus: Bus, bus_url: str) -> None:
    make_relay(scanned.sql, nats_bus).run_to_the_end()
    follow(nats_bus, "persist", Persist(copy.repository), once=True, delivery=QUICK)
    assert ids(copy.sql) == ids(scanned.sql)
    assert views(copy.sql) == views(scanned.sql)
    assert any(rows for rows in views(copy.sql).values())
    assert nats_bus.dead_letters() == []


def test_storing_a_replay_again_changes_nothing(scanned: Factbook, copy: Factbook, nats_bus: Bus) -> None:
    relay = make_relay(scanned.sql, nats_bus)
    relay.run_to_the_end()
    follow(nats_bus, "persist", Persist(copy.repository), once=True, delivery=QUICK)
    end = copy.sql.last_offset()
    scanned.subscriptions.replay("relay", after_offset=0)
    assert relay.run_to_the_end() == scanned.sql.last_offset()
    again = Persist(copy.repository)
    follow(nats_bus, "persist", again, once=True, delivery=QUICK)
    assert (again.stored, copy.sql.last_offset()) == (0, end)


def test_what_is_no_record_or_refused_goes_to_the_dead_letters_and_the_rest_is_kept(copy: Factbook, bus_url: str) -> None:
    def an_event(number: int, **changes: Any) -> Event:
        record = state(number, number, **changes)
        return event_of(StoredRecord(number, record_id(record), record), "urn:elsewhere")

    unknown = an_event(2)
    unknown = decode_event(encode_event(unknown).replace(b'"table_observation"', b'"never_heard_of"'))
    empty = msgspec.structs.replace(an_event(3), data=NO_DATA)
    with closing(open_bus(bus_url)) as bus:
        bus.publish([an_event(1), unknown, empty, an_event(4)])
        subscription = bus.subscribe("persist", Persist(copy.repository), QUICK)
        eventually(lambda: bus.dead_count() == 2)
        eventually(lambda: bus.lag("persist") == 0)
        subscription.close()
        assert len(ids(copy.sql)) == 2
        reasons = sorted(letter.reason for letter in bus.dead_letters())
    assert reasons[0].startswith("The event ")
    assert "carries no record" in reasons[0]
    assert "never_heard_of" in reasons[1]


def test_without_a_bus_there_is_nothing_to_persist_from(copy: Factbook) -> None:
    with pytest.raises(ConfigurationError, match="No bus is named"):
        copy.persist("persist", once=True)
