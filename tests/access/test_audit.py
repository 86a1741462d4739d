"""The audit trail: what is noted becomes facts, in bounded memory, and what could not be kept is counted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.access.conftest import holder

from factbook.access import Action, Grant
from factbook.access.audit import MAX_REQUEST_IDS, AuditTrail, Deed, Tally
from factbook.access.clerk import Clerk
from factbook.access.doorkeeper import Doorkeeper
from factbook.access.tokens import Tokens
from factbook.errors import StoreBusy
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.kinds.audit import Audit
from factbook_sdk.repository.contract import BulkReport
from factbook_sdk.repository.memory import MemoryRepository


class Store:
    """A store that can be away."""

    def __init__(self) -> None:
        self.repository = MemoryRepository()
        self.is_away = False

    def __call__(self, facts: Sequence[MetadataRecord]) -> BulkReport:
        if self.is_away:
            raise StoreBusy("The store is locked")
        return self.repository.bulk_store(facts)

    def facts(self, tenant: str = "acme") -> list[Any]:
        import msgspec

        return [
            msgspec.convert(item.record.payload, Audit)
            for item in self.repository.tail(tenant=tenant, kinds=["audit"], limit=10_000).records
        ]


def deed(subject: str | None = None, **changes: Any) -> Deed:
    base: dict[str, Any] = {
        "tenant": "acme",
        "principal": holder(Grant(Action.WRITE, "acme")),
        "action": Action.WRITE,
        "outcome": "done",
        "route": "POST /records",
        "subject": subject,
    }
    return Deed(**base | changes)


def test_what_is_done_over_and_over_becomes_one_fact_that_counts() -> None:
    store = Store()
    trail = AuditTrail(store)
    for number in range(50):
        trail.note(deed(), request_id=f"r{number}", counts={"stored": 10, "duplicate": 1})
    trail.note(deed(outcome="refused"), request_id="r50")
    trail.note(deed(tenant="mill"))
    trail.flush()
    done, refused = store.facts()
    assert (done.actor.who, done.actor.name, done.actor.token_id) == ("token", "loader", "token-1")
    assert (done.action, done.outcome, done.route, done.requests) == ("write", "done", "POST /records", 50)
    assert done.counts == {"stored": 500, "duplicate": 50}
    assert done.request_ids == [f"r{number}" for number in range(MAX_REQUEST_IDS)]
    assert done.since <= done.until
    assert (refused.outcome, refused.requests, refused.request_ids) == ("refused", 1, ["r50"])
    assert len(store.facts("mill")) == 1
    trail.flush()
    assert len(store.facts()) == 2


def test_a_store_that_is_away_loses_nothing_until_there_is_no_room_and_then_it_is_counted() -> None:
    store = Store()
    trail = AuditTrail(store, most=5)
    store.is_away = True
    for number in range(4):
        trail.note(deed(f"s{number}"), request_id="r")
    with pytest.raises(StoreBusy):
        trail.flush()
    for number in range(8):
        trail.note(deed(f"s{number}"), request_id="r")
    assert trail.lost == 3
    with pytest.raises(StoreBusy):
        trail.flush()
    assert trail.lost == 3
    store.is_away = False
    trail.flush()
    facts = store.facts()
    assert {fact.subject: fact.requests for fact in facts} == {"s0": 2, "s1": 2, "s2": 2, "s3": 2, "s4": 1}
    assert sorted(fact.lost for fact in facts) == [0, 0, 0, 0, 3]
    assert trail.lost == 0


@given(st.lists(st.tuples(st.sampled_from(["note", "flush", "away", "back"]), st.integers(0, 7)), max_size=60), st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_every_deed_is_stored_or_counted_as_lost(steps: list[tuple[str, int]], most: int) -> None:
    store = Store()
    trail = AuditTrail(store, most=most)
    noted = 0
    for step, number in [*steps, ("back", 0), ("note", 0), ("flush", 0)]:
        if step == "note":
            trail.note(deed(f"s{number}"))
            noted += 1
        elif step != "flush":
            store.is_away = step == "away"
        elif store.is_away:
            try:
                trail.flush()
            except StoreBusy:
                continue
        else:
            trail.flush()
    facts = store.facts()
    assert sum(fact.requests for fact in facts) + sum(fact.lost for fact in facts) + trail.lost == noted


def test_many_threads_note_while_one_stores() -> None:
    store = Store()
    trail = AuditTrail(store)

    def work(number: int) -> None:
        for _ in range(500):
            trail.note(deed(f"s{number % 3}"), counts={"stored": 1})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        trail.flush()
    trail.flush()
    assert sum(fact.requests for fact in store.facts()) == sum(fact.counts["stored"] for fact in store.facts()) == 3000


def test_the_clerk_writes_what_is_left_when_it_stops(tokens: Tokens) -> None:
    store = Store()
    trail, doorkeeper = AuditTrail(store), Doorkeeper(tokens)
    made = tokens.create("loader", [Grant(Action.READ, "acme")], created_by="test")
    clerk = Clerk(trail, doorkeeper, tokens, every_seconds=3600)
    clerk.start()
    clerk.start()
    doorkeeper.look_up(made.value)
    trail.note(deed())
    clerk.stop()
    clerk.stop()
    assert len(store.facts()) == 1
    assert tokens.get(made.token.token_id).last_used_at is not None


def test_the_clerk_goes_on_after_the_store_was_away(tokens: Tokens) -> None:
    store = Store()
    store.is_away = True
    trail = AuditTrail(store)
    clerk = Clerk(trail, Doorkeeper(tokens), tokens, every_seconds=0.01)
    trail.note(deed())
    clerk.start()
    threading.Event().wait(0.1)
    store.is_away = False
    clerk.stop()
    assert len(store.facts()) == 1


def test_a_tally_counts_by_tenant() -> None:
    from factbook_sdk.repository.contract import Outcome, Rejection, Stored

    tally = Tally()
    tally.add(["a", "b", "a"], [Stored(1, Outcome.STORED, "x"), Rejection(1, "no"), Stored(1, Outcome.DUPLICATE, "x")])
    tally.add(["a"], [Stored(2, Outcome.STORED, "y")])
    assert tally.by_tenant == {"a": {"stored": 2, "duplicate": 1}, "b": {"rejected": 1}}
