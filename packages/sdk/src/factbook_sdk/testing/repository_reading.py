"""The reading half of the repository contract: moments, pages, picks, and following the log."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any, Literal

import msgspec
import pytest

from factbook_sdk.errors import InvalidRequest
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MAX_LIMIT, MAX_WAIT_SECONDS, MetadataRepository, Within
from factbook_sdk.repository.filters import parse_condition
from factbook_sdk.testing.records import START, at, event, state, values

ORDERS = MetadataTarget("shop", "sales", "orders")
SHOP = MetadataTarget("shop")
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - the naive one is the point


class ReadingContract:
    """Part of :class:`~factbook_sdk.testing.repository_suite.RepositoryContract`."""

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

    def test_limits_and_moments_out_of_bounds_are_refused(self, repository: MetadataRepository) -> None:
        for limit in (0, -1, MAX_LIMIT + 1):
            with pytest.raises(InvalidRequest):
                repository.tail(limit=limit)
            with pytest.raises(InvalidRequest):
                repository.query("job_run", limit=limit)
        with pytest.raises(InvalidRequest):
            repository.tail(wait_seconds=-1)
        with pytest.raises(InvalidRequest):
            repository.tail(wait_seconds=MAX_WAIT_SECONDS + 1)
        with pytest.raises(InvalidRequest):
            repository.query("job_run", cursor="made up")

    def test_times_keep_their_microseconds_over_all_of_history(self, repository: MetadataRepository) -> None:
        early = msgspec.structs.replace(event(1), produced_at=START.replace(year=1, microsecond=1))
        late = msgspec.structs.replace(event(2), produced_at=START.replace(year=9999, microsecond=999999))
        repository.bulk_store([late, early])
        found: list[MetadataRecord] = [item.record for item in repository.history(SHOP, "job_run")]
        assert found == [early, late]

    def test_naive_moments_are_refused_by_name(self, repository: MetadataRepository) -> None:
        calls: list[tuple[str, Any]] = [
            ("as_of", lambda: repository.latest(SHOP, "job_run", as_of=NAIVE)),
            ("as_of", lambda: repository.latest_many(Within("shop"), "job_run", as_of=NAIVE)),
            ("since", lambda: repository.history(SHOP, "job_run", since=NAIVE)),
            ("until", lambda: repository.history(SHOP, "job_run", until=NAIVE)),
            ("since", lambda: repository.query("job_run", since=NAIVE)),
            ("until", lambda: repository.query("job_run", until=NAIVE)),
        ]
        repository.store(event(1))
        for field, call in calls:
            with pytest.raises(InvalidRequest) as caught:
                call()
            assert caught.value.field == field

    def test_latest_is_the_last_by_its_own_time_whoever_said_it(self, repository: MetadataRepository) -> None:
        repository.bulk_store(
            [state(1, 10, producer_id="scan.v1"), state(2, 5, producer_id="person.v1"), state(3, 1, producer_id="scan.v1")]
        )
        assert values([repository.latest(ORDERS, "table_observation")]) == [1]
        assert values([repository.latest(ORDERS, "table_observation", producer_id="person.v1")]) == [2]
        assert values([repository.latest(ORDERS, "table_observation", as_of=at(5))]) == [2]
        assert repository.latest(ORDERS, "table_observation", producer_id="nobody") is None
        assert repository.latest(ORDERS, "schema_snapshot") is None

    def test_latest_many_agrees_with_latest(self, repository: MetadataRepository) -> None:
        for place, producer in enumerate(("scan.v1", "person.v1")):
            repository.bulk_store([state(n, n % 3 + place, table=f"t{n % 7}", producer_id=producer) for n in range(20)])
        repository.store(state(None, 9, table="t1"))
        targets = [MetadataTarget("shop", "sales", f"t{n}") for n in range(8)]
        for as_of in (None, at(0), at(1), at(2), at(9)):
            for producer_id in (None, "scan.v1"):
                options: dict[str, Any] = {"as_of": as_of, "producer_id": producer_id}
                each = {target: repository.latest(target, "table_observation", **options) for target in targets}
                known = {target: item for target, item in each.items() if item is not None}
                assert repository.latest_many(targets, "table_observation", **options) == known
                assert repository.latest_many(Within("shop", "sales"), "table_observation", **options) == known

    def test_history_bounds_and_pages_combine(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n) for n in range(10)])
        first = repository.history(SHOP, "job_run", since=at(2), until=at(8), limit=4)
        rest = repository.history(SHOP, "job_run", since=at(2), until=at(8), after_offset=first[-1].offset)
        assert (values(first), values(rest)) == ([2, 3, 4, 5], [6, 7])
        assert repository.history(MetadataTarget("nowhere"), "job_run") == []

    def test_query_pages_are_stable_while_older_facts_arrive(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n * 10) for n in range(6)])
        first = repository.query("job_run", limit=3)
        repository.bulk_store([event(100, 5), event(101, 35)])
        assert values(repository.query("job_run", cursor=first.next_cursor).records) == [3, 101, 4, 5]
        last = repository.query("job_run", limit=2, order="desc")
        repository.bulk_store([event(102, 99), event(103, 1)])
        assert values(repository.query("job_run", cursor=last.next_cursor, order="desc", limit=4).records) == [101, 3, 2, 1]

    def test_a_page_that_ends_with_the_last_record_has_no_cursor(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n) for n in range(4)])
        assert repository.query("job_run", limit=4).next_cursor is None
        assert repository.query("job_run", limit=3).next_cursor is not None
        assert repository.query("schema_snapshot").next_cursor is None

    def test_conditions_reach_into_every_part_of_a_record(self, repository: MetadataRepository) -> None:
        plain = event(1)
        rich = msgspec.structs.replace(
            event(2),
            context=MetadataContext(run_id="r7"),
            quality={"score": 0.5},
            extras={"window_start": "2026-01-02", "tags": ["a", "b"]},
        )
        repository.bulk_store([plain, rich])
        for condition, expected in (
            ("target.source_id=shop", [1, 2]),
            ("context.run_id=r7", [2]),
            ("quality.score<1", [2]),
            ("extras.window_start>=2026-01-01", [2]),
            ("extras.tags.1=b", [2]),
            ("payload.state!=failed", [1, 2]),
            ("context.run_id!=r7", [1]),
            ("payload.attempt=true", []),
        ):
            assert values(repository.query("job_run", where=[parse_condition(condition)]).records) == expected, condition

    def test_a_query_of_a_few_among_many_finds_them_all(self, repository: MetadataRepository) -> None:
        repository.bulk_store([event(n, n % 10) for n in range(2_500)])
        rare = [parse_condition("payload.attempt in 3,1700,2499")]
        assert sorted(values(repository.query("job_run", where=rare).records)) == [3, 1700, 2499]
        assert len(repository.query("job_run", where=rare, limit=2).records) == 2
