"""The contract of :class:`~factbook_sdk.repository.contract.MetadataRepository`, sentence by sentence.

Bind it: subclass :class:`RepositoryContract` in a test module and give it a fixture ``repository`` with an empty repository.
"""

from __future__ import annotations

import threading

import msgspec
import pytest

from factbook_sdk.errors import InvalidRecord, UnknownKind
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, Outcome, Rejection, Within
from factbook_sdk.testing.records import at, event, state, values
from factbook_sdk.testing.repository_reading import ReadingContract

ORDERS = MetadataTarget("shop", "sales", "orders")
SHOP = MetadataTarget("shop")
ODD_NAMES = ['a"b', "a'b", "a.b", "ä ß 漢", "<script>alert(1)</script>", "%_", "a\nb", "\\", " ", "x" * 512]


class RepositoryContract(ReadingContract):
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

    def test_target_extras_tell_targets_apart(self, repository: MetadataRepository) -> None:
        column = MetadataTarget("shop", "sales", "orders", {"column": "id"})
        repository.store(msgspec.structs.replace(state(1), target=column))
        assert repository.latest(ORDERS, "table_observation") is None
        assert repository.latest(column, "table_observation") is not None

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

    def test_repeats_within_one_bulk_are_told_like_repeats_of_old(self, repository: MetadataRepository) -> None:
        report = repository.bulk_store([event(1), event(1), state(1, 0), state(1, 1), state(2, 2), state(1, 1), state(1, 3)])
        assert [item.outcome for item in report.results if not isinstance(item, Rejection)] == [
            Outcome.STORED,
            Outcome.DUPLICATE,
            Outcome.STORED,
            Outcome.UNCHANGED,
            Outcome.STORED,
            Outcome.UNCHANGED,
            Outcome.STORED,
        ]
        first, again = report.results[0], report.results[1]
        assert isinstance(first, type(again))
        assert first.offset == again.offset  # type: ignore[union-attr]  # neither is a rejection, as just seen

    def test_an_unchanged_answer_names_the_state_in_force(self, repository: MetadataRepository) -> None:
        stored = [repository.store(fact).offset for fact in (state(1, 0), state(2, 10), state(None, 20))]
        assert [repository.store(fact).offset for fact in (state(1, 5), state(2, 15), state(None, 25))] == stored

    def test_a_bulk_larger_than_any_chunk_is_answered_in_order(self, repository: MetadataRepository) -> None:
        bad = msgspec.structs.replace(event(0), payload={})
        count = 12_345
        report = repository.bulk_store(bad if number == 11_111 else event(number, number) for number in range(count))
        assert report.counts == {"stored": count - 1, "duplicate": 0, "unchanged": 0, "rejected": 1}
        assert report.rejections[0].index == 11_111
        assert isinstance(report.results[11_111], Rejection)
        offsets = [item.offset for item in report.results if not isinstance(item, Rejection)]
        assert offsets == sorted(offsets, key=lambda offset: offset or 0)

    def test_an_empty_bulk_is_harmless(self, repository: MetadataRepository) -> None:
        assert repository.bulk_store([]).results == repository.bulk_store(iter(()), atomic=True).results == []

    def test_closing_twice_is_harmless(self, repository: MetadataRepository) -> None:
        repository.close()
        repository.close()
