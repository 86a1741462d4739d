"""The contract of :class:`~factbook_sdk.repository.contract.MetadataRepository`, sentence by sentence.

Bind it: subclass :class:`RepositoryContract` in a test module and give it a fixture ``repository`` with an empty repository.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
import pytest

from factbook_sdk.errors import InvalidRecord, InvalidRequest, UnknownKind
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Outcome, Rejection, Within
from factbook_sdk.repository.filters import parse_condition
from factbook_sdk.testing.records import START, at, event, state

ORDERS = MetadataTarget("shop", "sales", "orders")
SHOP = MetadataTarget("shop")
ODD_NAMES = ['a"b', "a'b", "a.b", "ä ß 漢", "<script>alert(1)</script>", "%_", "a\nb", "\\", " ", "x" * 512]


def values(found: Iterable[Any]) -> list[Any]:
    return [item.record.payload and item.record.payload.get("row_estimate", item.record.payload.get("attempt")) for item in found]


class RepositoryContract:
    """Subclass me with a ``repository`` fixture."""

    def test_a_stored_record_comes_back_as_it_went_in(self, repository: MetadataRepository) -> None:
        record = state(7, extras={"window": [1, 2.5, None]}, quality={"score": 0.5})
        answer = repository.store(record)
        assert answer.outcome is Outcome.STORED
        found = repository.latest(ORDERS, "table_observation")
        assert found is not None
        assert (found.offset, found.id, found.record) == (answer.offset, answer.id, record)

    def test_the_same_event_again_is_a_duplicate(self, repository: MetadataRepository) -> None:
        first, second = repository.store(event(1)), repository.store(event(1))
        assert (second.outcome, second.offset, second.id) == (Outcome.DUPLICATE, first.offset, first.id)
        assert len(repository.history(SHOP, "job_run")) == 1

    def test_events_that_differ_in_time_alone_are_both_kept(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(1, 0), event(1, 1)])
        assert len(repository.history(SHOP, "job_run")) == 2

    def test_a_state_said_again_is_unchanged(self, repository: MetadataRepository) -> None:
        first = repository.store(state(7, 0))
        again = repository.store(state(7, 5, run_id="other", extras={"note": "differs"}))
        assert (again.outcome, again.offset) == (Outcome.UNCHANGED, first.offset)
        assert len(repository.history(ORDERS, "table_observation")) == 1

    def test_a_state_that_returns_to_an_earlier_value_is_stored(self, repository: MetadataRepository) -> None:
        report = repository.bulk_store([state(1, 0), state(2, 1), state(1, 2)])
        assert report.counts == {"stored": 3, "duplicate": 0, "unchanged": 0, "rejected": 0}

    def test_a_back_dated_state_is_compared_with_the_one_in_force_then(self, repository: MetadataRepository) -> None:
        repository.bulk_store([state(1, 0), state(2, 10)])
        assert repository.store(state(1, 5)).outcome is Outcome.UNCHANGED
        assert repository.store(state(2, 5)).outcome is Outcome.STORED
        assert repository.store(state(9, -5)).outcome is Outcome.STORED
        assert values(repository.history(ORDERS, "table_observation")) == [9, 1, 2, 2]
        latest = repository.latest(ORDERS, "table_observation")
        assert latest is not None
        assert latest.record.produced_at == at(10)

    def test_producers_have_streams_of_their_own(self, repository: MetadataRepository) -> None:
        repository.store(state(1, 0, producer_id="scan.v1"))
        assert repository.store(state(1, 1, producer_id="person.v1")).outcome is Outcome.STORED
        assert values(repository.history(ORDERS, "table_observation", producer_id="person.v1")) == [1]
        assert len(repository.history(ORDERS, "table_observation")) == 2

    def test_a_tombstone_closes_a_state_and_is_what_latest_shows(self, repository: MetadataRepository) -> None:
        repository.store(state(1, 0))
        assert repository.store(state(None, 1)).outcome is Outcome.STORED
        assert repository.store(state(None, 2)).outcome is Outcome.UNCHANGED
        found = repository.latest(ORDERS, "table_observation")
        assert found is not None
        assert found.record.is_tombstone
        assert repository.store(state(1, 3)).outcome is Outcome.STORED

    def test_a_tombstone_where_nothing_is_in_force_is_unchanged(self, repository: MetadataRepository) -> None:
        answer = repository.store(state(None))
        assert (answer.outcome, answer.offset) == (Outcome.UNCHANGED, None)
        assert repository.latest(ORDERS, "table_observation") is None

    def test_equal_times_are_ordered_by_offset(self, repository: MetadataRepository) -> None:
        repository.bulk_store([state(1, 0), state(2, 0), state(3, 0)])
        assert values([repository.latest(ORDERS, "table_observation")]) == [3]
        assert values(repository.history(ORDERS, "table_observation")) == [1, 2, 3]

    def test_one_batch_and_many_single_stores_end_the_same(self, repository: MetadataRepository) -> None:
        facts = [state(1, 0), state(1, 1), state(2, 2), state(2, 1), state(None, 3), state(None, 4), event(1), event(1)]
        outcomes = [repository.store(fact).outcome for fact in facts]
        expected = [
            state(1, 0, table="b"),
            *(msgspec.structs.replace(fact, target=MetadataTarget("shop", "sales", "b")) for fact in facts[1:6]),
        ]
        report = repository.bulk_store(expected)
        assert [item.outcome for item in report.results if not isinstance(item, Rejection)] == outcomes[:6]

    def test_as_of_shows_what_was_so_then(self, repository: MetadataRepository) -> None:
        repository.bulk_store([state(1, 0), state(2, 10), state(None, 20)])

        def known(seconds: float) -> object:
            found = repository.latest(ORDERS, "table_observation", as_of=at(seconds))
            return found and (found.record.payload or {}).get("row_estimate", "closed")

        assert [known(seconds) for seconds in (-1, 0, 9.999999, 10, 20, 99)] == [None, 1, 1, 2, "closed", "closed"]

    def test_latest_many_answers_for_targets_and_for_everything_within(self, repository: MetadataRepository) -> None:
        repository.bulk_store([state(n, 0, table=f"t{n}") for n in range(20)])
        repository.store(state(99, 5, table="t3"))
        targets = [MetadataTarget("shop", "sales", f"t{n}") for n in (3, 5, 77)]
        found = repository.latest_many(targets, "table_observation")
        assert {target.table: item.record.payload["row_estimate"] for target, item in found.items() if item.record.payload} == {
            "t3": 99,
            "t5": 5,
        }
        assert len(repository.latest_many(Within("shop"), "table_observation")) == 20
        assert len(repository.latest_many(Within("shop", "sales"), "table_observation", as_of=at(1))) == 20
        assert repository.latest_many(Within("shop", "other"), "table_observation") == {}
        assert repository.latest_many([], "table_observation") == {}

    def test_target_extras_tell_targets_apart(self, repository: MetadataRepository) -> None:
        column = MetadataTarget("shop", "sales", "orders", {"column": "id"})
        repository.store(msgspec.structs.replace(state(1), target=column))
        assert repository.latest(ORDERS, "table_observation") is None
        assert repository.latest(column, "table_observation") is not None

    def test_history_pages_are_stable_while_older_facts_arrive(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n * 10) for n in range(6)])
        first = repository.history(SHOP, "job_run", limit=3)
        repository.bulk_store([event(100, 5), event(101, 35)])
        second = repository.history(SHOP, "job_run", limit=10, after_offset=first[-1].offset)
        assert values(first) == [0, 1, 2]
        assert values(second) == [3, 101, 4, 5]

    def test_history_refuses_to_continue_after_a_stranger(self, repository: MetadataRepository) -> None:
        repository.store(event(1))
        with pytest.raises(InvalidRequest) as caught:
            repository.history(SHOP, "job_run", after_offset=4711)
        assert caught.value.field == "after_offset"

    def test_since_is_inclusive_and_until_exclusive(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n) for n in range(5)])
        assert values(repository.history(SHOP, "job_run", since=at(1), until=at(3))) == [1, 2]
        assert values(repository.query("job_run", since=at(1), until=at(3), order="desc").records) == [2, 1]

    def test_query_pages_through_everything_once_in_both_directions(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n // 4) for n in range(23)])
        orders: tuple[Literal["asc", "desc"], ...] = ("asc", "desc")
        for order in orders:
            found: list[Any] = []
            cursor = None
            while True:
                page = repository.query("job_run", order=order, limit=5, cursor=cursor)
                found.extend(values(page.records))
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert sorted(found) == list(range(23))
            keys = [n // 4 for n in found]
            assert keys == sorted(keys, reverse=order == "desc")

    def test_query_picks_by_conditions_targets_and_producer(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n, source_id="shop" if n % 2 else "mill") for n in range(10)])
        repository.store(event(50, 50, producer_id="other.v1"))
        big = [parse_condition("payload.attempt>=5")]
        assert values(repository.query("job_run", where=big, targets=Within("shop")).records) == [5, 7, 9, 50]
        assert values(repository.query("job_run", where=big, targets=[MetadataTarget("mill")], limit=1).records) == [6]
        assert values(repository.query("job_run", producer_id="other.v1").records) == [50]
        assert values(repository.query("job_run", where=[parse_condition("payload.job_id in job-1,job-3")]).records) == [1, 3]
        assert values(repository.query("job_run", where=[parse_condition("payload.job_id like %-5%")]).records) == [5, 50]
        assert repository.query("job_run", where=[parse_condition("payload.error exists")]).records == []

    def test_tail_gives_every_record_once_in_log_order(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, -n) for n in range(10)])
        found: list[Any] = []
        after = 0
        while True:
            page = repository.tail(after, limit=3)
            found.extend(page.records)
            if not page.records:
                break
            after = page.next_offset
        assert values(found) == list(range(10))
        assert [item.offset for item in found] == sorted({item.offset for item in found})

    def test_tail_picks_kinds_and_still_moves_on(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(1), state(1), event(2)])
        page = repository.tail(kinds=["table_observation"])
        assert values(page.records) == [1]
        end = repository.tail(page.next_offset, kinds=["table_observation"])
        assert end.records == []
        assert end.next_offset >= page.next_offset
        assert repository.tail(end.next_offset).records == []

    def test_tail_waits_for_what_comes(self, repository: MetadataRepository) -> None:
        late = threading.Timer(0.1, repository.store, [event(1)])
        late.start()
        page = repository.tail(wait_seconds=30)
        late.join()
        assert values(page.records) == [1]
        started = time.monotonic()
        assert repository.tail(page.next_offset, wait_seconds=0.05).records == []
        assert time.monotonic() - started >= 0.05

    def test_tenants_see_nothing_of_each_other(self, repository: MetadataRepository) -> None:
        repository.bulk_store([state(1, tenant="a"), event(1, tenant="a"), state(1, 1, tenant="b")])
        assert repository.latest(ORDERS, "table_observation") is None
        assert repository.latest_many(Within("shop"), "table_observation", tenant="c") == {}
        assert repository.history(SHOP, "job_run", tenant="b") == []
        assert repository.query("job_run", tenant="b").records == []
        assert len(repository.tail(tenant="b").records) == 1
        other = repository.history(SHOP, "job_run", tenant="a")[0].offset
        with pytest.raises(InvalidRequest):
            repository.history(SHOP, "job_run", tenant="b", after_offset=other)

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_survive(self, repository: MetadataRepository, name: str) -> None:
        target = MetadataTarget(name, name, name)
        repository.store(msgspec.structs.replace(state(1), target=target))
        found = repository.latest(target, "table_observation")
        assert found is not None
        assert found.record.target == target
        assert list(repository.latest_many(Within(name, name), "table_observation")) == [target]

    def test_a_bulk_keeps_the_good_and_names_the_bad(self, repository: MetadataRepository) -> None:
        bad = msgspec.structs.replace(state(2), payload={"fingerprint": "suite:00", "row_estimate": -1})
        report = repository.bulk_store([state(1), bad, event(1)])
        assert report.counts == {"stored": 2, "duplicate": 0, "unchanged": 0, "rejected": 1}
        assert (report.rejections[0].index, report.rejections[0].field) == (1, "payload.row_estimate")

    def test_an_atomic_bulk_stores_all_or_nothing(self, repository: MetadataRepository) -> None:
        bad = msgspec.structs.replace(event(2), payload={})
        with pytest.raises(InvalidRecord, match="Record 1"):
            repository.bulk_store([event(1), bad], atomic=True)
        assert repository.tail().records == []
        assert repository.bulk_store([event(1), event(2)], atomic=True).count(Outcome.STORED) == 2

    def test_what_no_record_may_be_is_refused_with_its_field(self, repository: MetadataRepository) -> None:
        with pytest.raises(UnknownKind):
            repository.store(msgspec.structs.replace(event(1), kind="nonsense"))
        with pytest.raises(InvalidRecord) as caught:
            repository.store(msgspec.structs.replace(event(1), payload=None))
        assert caught.value.field == "payload"
        assert repository.tail().records == []

    def test_limits_and_moments_out_of_bounds_are_refused(self, repository: MetadataRepository) -> None:
        for limit in (0, -1, MAX_LIMIT + 1):
            with pytest.raises(InvalidRequest):
                repository.tail(limit=limit)
            with pytest.raises(InvalidRequest):
                repository.query("job_run", limit=limit)
        with pytest.raises(InvalidRequest):
            repository.tail(wait_seconds=-1)
        with pytest.raises(InvalidRequest) as caught:
            repository.latest(SHOP, "job_run", as_of=datetime(2026, 1, 1))  # noqa: DTZ001 - the naive one is the point
        assert caught.value.field == "as_of"
        with pytest.raises(InvalidRequest):
            repository.query("job_run", cursor="made up")

    def test_many_threads_store_and_each_record_is_there_once(self, repository: MetadataRepository) -> None:
        def work(worker: int) -> None:
            for number in range(20):
                repository.store(event(worker * 1000 + number))

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = values(repository.tail(limit=1000).records)
        assert sorted(found) == sorted(worker * 1000 + number for worker in range(8) for number in range(20))

    def test_times_keep_their_microseconds_over_all_of_history(self, repository: MetadataRepository) -> None:
        early = msgspec.structs.replace(event(1), produced_at=START.replace(year=1, microsecond=1))
        late = msgspec.structs.replace(event(2), produced_at=START.replace(year=9999, microsecond=999999))
        repository.bulk_store([late, early])
        found: list[MetadataRecord] = [item.record for item in repository.history(SHOP, "job_run")]
        assert found == [early, late]
