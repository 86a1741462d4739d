"""Events as the CloudEvents specification wants them, and the way they are handed out."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.errors import InvalidRecord
from factbook.events.cloudevents import Event, decode_event, encode_event
from factbook.events.contract import Delivery
from factbook.events.handing import MAX_LOST_DELIVERIES, Arrival, hand_out
from factbook.events.nats import waves
from factbook.events.testing import an_event
from factbook_sdk.facts import record_id

AT_ONCE = Delivery(max_deliver=3, backoff_seconds=0)


def test_an_event_is_a_cloud_event_with_the_record_as_its_data() -> None:
    event = an_event(7, tenant="acme")
    told = json.loads(encode_event(event))
    assert told.pop("data") == {
        "context": {"tenant": "acme"},
        "kind": "table_observation",
        "payload": {"fingerprint": "suite:00", "row_estimate": 7},
        "produced_at": "2026-01-01T12:00:07Z",
        "producer_id": "scan.v1",
        "target": {"schema": "sales", "source_id": "shop", "table": "orders"},
    }
    assert told == {
        "specversion": "1.0",
        "id": record_id(event.record()),
        "source": "urn:factbook:suite",
        "type": "io.factbook.record.v1",
        "subject": "shop.sales.orders",
        "time": "2026-01-01T12:00:07Z",
        "datacontenttype": "application/json",
        "offset": "7",
        "tenant": "acme",
        "kind": "table_observation",
    }
    # Names of attributes are lower-case letters and digits.
    assert all(name.isalnum() and name == name.lower() for name in told)


def test_an_event_of_somebody_else_may_lack_our_extensions() -> None:
    told = json.loads(encode_event(an_event(7)))
    theirs = {name: told[name] for name in ("specversion", "id", "source", "subject", "time", "data")} | {"type": "theirs", "more": 1}
    assert decode_event(json.dumps(theirs).encode()).record() == an_event(7).record()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff", b'"text"', b"[" * 10_000])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRecord):
        decode_event(body)


def test_an_event_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidRecord, match=r"specversion is '2.0'"):
        decode_event(encode_event(an_event(1)).replace(b'"1.0"', b'"2.0"'))


@given(st.lists(st.integers(0, 5), max_size=60))
def test_waves_hold_each_key_once_and_keep_its_order(tables: list[int]) -> None:
    events = [an_event(number, f"t{table}") for number, table in enumerate(tables)]
    found = waves(events)
    assert sorted(int(event.offset) for wave in found for event in wave) == list(range(len(tables)))
    for wave in found:
        assert len({event.key for event in wave}) == len(wave)
    for key in {event.key for event in events}:
        mine = [int(event.offset) for wave in found for event in wave if event.key == key]
        assert mine == sorted(mine)


@given(st.lists(st.sampled_from(["good", "once", "always", "broken"]), max_size=20))
def test_every_arrival_is_handled_in_order_or_becomes_a_dead_letter(moods: list[str]) -> None:
    handled: list[int] = []
    failed: set[int] = set()

    def handler(events: Sequence[Event]) -> None:
        numbers = [int(event.offset) for event in events]
        for number in numbers:
            if moods[number] == "always" or (moods[number] == "once" and number not in failed and len(numbers) == 1):
                failed.add(number)
                raise ValueError(f"event {number}")
            if moods[number] == "once" and len(numbers) > 1:
                raise ValueError("together")
        handled.extend(numbers)

    arrivals = [Arrival(b"broken" if mood == "broken" else encode_event(an_event(number))) for number, mood in enumerate(moods)]
    settled = hand_out("one", handler, arrivals, AT_ONCE, lambda _seconds: True)
    assert settled.count == len(moods)
    assert handled == [number for number, mood in enumerate(moods) if mood in ("good", "once")]
    assert len(settled.letters) == sum(mood in ("always", "broken") for mood in moods)


def test_stopping_leaves_what_was_not_settled() -> None:
    def handler(events: Sequence[Event]) -> None:
        if any(event.offset == "2" for event in events):
            raise ValueError("not yet")

    arrivals = [Arrival(b"broken"), *(Arrival(encode_event(an_event(number))) for number in (1, 2)), Arrival(b"broken too")]
    settled = hand_out("one", handler, arrivals, AT_ONCE, lambda _seconds: False)
    assert (settled.count, [letter.body for letter in settled.letters]) == (2, [b"broken"])


def test_an_event_that_kills_its_process_again_and_again_is_given_up_and_its_neighbours_are_not() -> None:
    handled: list[str] = []
    often = MAX_LOST_DELIVERIES + 1
    arrivals = [Arrival(encode_event(an_event(number)), often) for number in (1, 2)]
    settled = hand_out("one", lambda events: handled.extend(event.offset for event in events), arrivals, AT_ONCE, lambda _seconds: True)
    assert handled == ["2"]
    (letter,) = settled.letters
    assert letter.attempts == often
    assert "the process may have died of it" in letter.reason


def test_pauses_double_up_to_their_bound() -> None:
    delivery = Delivery(backoff_seconds=0.5, max_backoff_seconds=30)
    assert [delivery.pause(attempt) for attempt in (1, 2, 3, 7, 1000)] == [0.5, 1, 2, 30, 30]
