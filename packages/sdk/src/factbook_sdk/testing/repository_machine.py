"""A Hypothesis state machine: whatever sequence of calls, a repository answers as the one in memory does."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord, Targets, Within
from factbook_sdk.repository.filters import parse_condition
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


moments = st.one_of(st.none(), st.integers(-1, 6).map(at))
producers = st.sampled_from([None, *_PRODUCERS])
tenants = st.sampled_from(_TENANTS)

_SELECTIONS: list[Targets | None] = [
    None,
    [],
    [MetadataTarget("shop", "sales", "orders"), MetadataTarget("shop"), MetadataTarget("shop", "sales", "nowhere")],
    Within("shop"),
    Within("shop", "sales"),
    Within("nowhere"),
]
_CONDITIONS = [
    [],
    [parse_condition("payload.row_estimate>=2")],
    [parse_condition("payload.attempt!=1"), parse_condition("target.table exists")],
]


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
            self.both(methodcaller("bulk_store", batch))

        @rule(fact=facts.filter(lambda fact: bool(fact.payload) or fact.kind == "table_observation"))
        def store(self, fact: MetadataRecord) -> None:
            self.both(methodcaller("store", fact))

        @rule(batch=st.lists(facts, max_size=4))
        def bulk_store_all_or_nothing(self, batch: list[MetadataRecord]) -> None:
            def attempt(repository: MetadataRepository) -> Any:
                try:
                    return repository.bulk_store(batch, atomic=True)
                except InvalidRecord as error:
                    return str(error), error.field

            self.both(attempt)

        @rule(tables=st.lists(st.sampled_from(_TABLES), max_size=4), producer_id=producers, tenant=tenants, as_of=moments)
        def latest(self, tables: list[str], **options: Any) -> None:
            targets = [MetadataTarget("shop", "sales", table) for table in tables]
            for target in targets:
                self.both(methodcaller("latest", target, "table_observation", **options))
            self.both(lambda repository: dict(repository.latest_many(targets, "table_observation", **options)))
            self.both(lambda repository: dict(repository.latest_many(Within("shop"), "table_observation", **options)))

        @rule(table=st.sampled_from(_TABLES), producer_id=producers, tenant=tenants, since=moments, until=moments, limit=st.integers(1, 4))
        def history(self, table: str, **options: Any) -> None:
            target = MetadataTarget("shop", "sales", table)
            page = self.model.history(target, "table_observation", **options)
            self.both(methodcaller("history", target, "table_observation", **options))
            if page:
                options["after_offset"] = page[-1].offset
                self.both(methodcaller("history", target, "table_observation", **options))

        @rule(
            kind=st.sampled_from(["table_observation", "job_run"]),
            picked=st.sampled_from(_SELECTIONS),
            where=st.sampled_from(_CONDITIONS),
            producer_id=producers,
            tenant=tenants,
            since=moments,
            order=st.sampled_from(["asc", "desc"]),
            limit=st.integers(1, 5),
        )
        def query(self, kind: str, picked: Targets | None, **options: Any) -> None:
            options["targets"] = picked
            cursor: str | None = None
            while True:
                page = self.model.query(kind, cursor=cursor, **options)
                self.both(methodcaller("query", kind, cursor=cursor, **options))
                cursor = page.next_cursor
                if cursor is None:
                    return

        @rule(tenant=tenants, kinds=st.sampled_from([None, ["job_run"], ["table_observation", "nothing"], []]), limit=st.integers(1, 6))
        def tail(self, **options: Any) -> None:
            def followed(repository: MetadataRepository) -> list[StoredRecord]:
                found: list[StoredRecord] = []
                after = 0
                while (page := repository.tail(after, **options)).records:
                    found.extend(page.records)
                    after = page.next_offset
                return found

            self.both(followed)

        @invariant()
        def the_logs_are_equal(self) -> None:
            for tenant in _TENANTS:
                self.both(methodcaller("tail", tenant=tenant, limit=1000))

    return RepositoryMachine
