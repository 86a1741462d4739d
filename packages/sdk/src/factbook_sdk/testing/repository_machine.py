"""A Hypothesis state machine: whatever sequence of calls, a repository answers as the one in memory does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, Within
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import at, event, state

_TABLES = ["orders", "lines", 'o"dd']
_PRODUCERS = ["scan.v1", "person.v1"]
_TENANTS = ["default", "other"]

facts = st.one_of(
    st.builds(
        state,
        st.sampled_from([None, 1, 2]),
        st.integers(0, 5),
        table=st.sampled_from(_TABLES),
        producer_id=st.sampled_from(_PRODUCERS),
        tenant=st.sampled_from(_TENANTS),
    ),
    st.builds(event, st.integers(0, 3), st.integers(0, 5), tenant=st.sampled_from(_TENANTS)),
    st.builds(lambda: msgspec.structs.replace(event(1), payload={})),
)


def repository_machine(make: Callable[[], MetadataRepository]) -> type[RuleBasedStateMachine]:
    """Return a machine whose ``TestCase`` drives an empty repository from ``make`` beside the model; it is closed at the end."""

    class RepositoryMachine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.model = MemoryRepository()
            self.repository = make()

        def teardown(self) -> None:
            self.repository.close()

        def both(self, call: Callable[[MetadataRepository], Any]) -> None:
            assert call(self.repository) == call(self.model)

        @rule(batch=st.lists(facts, max_size=8))
        def bulk_store(self, batch: list[MetadataRecord]) -> None:
            self.both(lambda repository: repository.bulk_store(batch))

        @rule(fact=facts.filter(lambda fact: bool(fact.payload) or fact.kind == "table_observation"))
        def store(self, fact: MetadataRecord) -> None:
            self.both(lambda repository: repository.store(fact))

        @rule(
            table=st.sampled_from(_TABLES),
            producer_id=st.sampled_from([None, *_PRODUCERS]),
            tenant=st.sampled_from(_TENANTS),
            seconds=st.one_of(st.none(), st.integers(-1, 6)),
        )
        def latest(self, table: str, producer_id: str | None, tenant: str, seconds: int | None) -> None:
            as_of = None if seconds is None else at(seconds)
            target = MetadataTarget("shop", "sales", table)
            options: dict[str, Any] = {"producer_id": producer_id, "tenant": tenant, "as_of": as_of}
            self.both(lambda repository: repository.latest(target, "table_observation", **options))
            self.both(lambda repository: dict(repository.latest_many(Within("shop"), "table_observation", **options)))

        @rule(tenant=st.sampled_from(_TENANTS), limit=st.integers(1, 5), order=st.sampled_from(["asc", "desc"]), since=st.integers(0, 5))
        def query(self, tenant: str, limit: int, order: Any, since: int) -> None:
            options: dict[str, Any] = {"tenant": tenant, "limit": limit, "order": order, "since": at(since)}
            page = self.model.query("table_observation", **options)
            self.both(lambda repository: repository.query("table_observation", **options))
            if page.next_cursor is not None:
                self.both(lambda repository: repository.query("table_observation", cursor=page.next_cursor, **options))

        @invariant()
        def the_logs_are_equal(self) -> None:
            for tenant in _TENANTS:
                assert self.repository.tail(tenant=tenant, limit=1000) == self.model.tail(tenant=tenant, limit=1000)

    return RepositoryMachine
