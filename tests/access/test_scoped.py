"""The scoped repository: the contract suite for who may do all, an oracle for who may do some, and nothing looked up for who may not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.access.conftest import START, fact, holder, reader
from tests.repository.stores import open_empty

from factbook.access import Action, Grant, Principal
from factbook.access.audit import Tally
from factbook.access.scoped import ScopedRepository
from factbook.access.scopes import of_key
from factbook.access.writing import refusals
from factbook.errors import InvalidRecord, InvalidRequest, NotAllowed
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, Rejection, StoredRecord, Within
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.repository.paging import sort_key
from factbook_sdk.testing.repository_suite import RepositoryContract

TENANTS = ["acme", "mill"]
NAMESPACES = [None, "sales", "sales.eu", "hr"]
KINDS = ["job_run", "table_observation"]
SOURCES = ["shop", "yard"]
RECORDS = [
    fact(
        number,
        tenant=TENANTS[number % 7 == 0],
        namespace=NAMESPACES[number % 4],
        kind=KINDS[number % 3 == 0],
        source=SOURCES[number % 5 == 0],
    )
    for number in range(90)
]

patterns = st.sampled_from(["*", "sales", "sales*", "hr", "s*u"])
kinds = st.sampled_from([("*",), ("job_run",), ("table_*",), ("job_run", "table_observation"), ("none",)])
tenants = st.sampled_from(["acme", "*", "m*"])
readers = st.lists(st.builds(Grant, st.sampled_from(Action), tenants, patterns, kinds), min_size=1, max_size=3).map(
    lambda found: holder(*found)
)
writers = readers
limits = st.sampled_from([1, 2, 5, 30, 200])


class TestWhoMayDoAll(RepositoryContract):
    @pytest.fixture
    def repository(self) -> MetadataRepository:
        return ScopedRepository(MemoryRepository(), of_key())


class TestWhoMayDoAllPieceByPiece(RepositoryContract):
    """Grants that together are everything, and none of which is: every verb takes the long way."""

    @pytest.fixture
    def repository(self) -> MetadataRepository:
        grants = [Grant(action, "*", namespace) for action in (Action.READ, Action.WRITE) for namespace in ("*a*", "*e*", "**")]
        return ScopedRepository(MemoryRepository(), holder(*grants), step_records=2)


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetadataRepository]:
    """Give a repository that holds everybody's records."""
    if request.param == "memory":
        repository: MetadataRepository = MemoryRepository()
    else:
        folder: Path = tmp_path_factory.mktemp("full")
        repository = open_empty(f"sqlite:///{folder}/store.sqlite")
    assert repository.bulk_store(RECORDS).counts["stored"] == len(RECORDS)
    yield repository
    repository.close()


def seen(full: MetadataRepository, who: Principal, tenant: str, kind: str | None = None) -> list[StoredRecord]:
    """Return what may be seen, in log order, by looking at all there is."""
    everything = full.tail(tenant=tenant, limit=10_000).records
    return [
        item
        for item in everything
        if who.may(Action.READ, tenant, item.record.context.namespace, item.record.kind) and kind in (None, item.record.kind)
    ]


def may_read_some(who: Principal, tenant: str, kind: str) -> bool:
    return any(who.may(Action.READ, tenant, namespace, kind) for namespace in [*NAMESPACES, "sxu"])


@given(who=readers, tenant=st.sampled_from(TENANTS), kind=st.sampled_from(KINDS), limit=limits, order=st.sampled_from(["asc", "desc"]))
@settings(max_examples=150, deadline=None)
def test_a_query_is_one_of_a_log_that_holds_nothing_else(full: MetadataRepository, who: Principal, tenant, kind, limit, order) -> None:
    scoped = ScopedRepository(full, who, step_records=3)
    if not may_read_some(who, tenant, kind):
        with pytest.raises(NotAllowed):
            scoped.query(kind, tenant=tenant)
        return
    expected = sorted(seen(full, who, tenant, kind), key=sort_key, reverse=order == "desc")
    found: list[StoredRecord] = []
    cursor = None
    while True:
        page = scoped.query(kind, tenant=tenant, limit=limit, order=order, cursor=cursor)
        found += page.records
        cursor = page.next_cursor
        assert len(page.records) == limit or cursor is None
        if cursor is None:
            break
        assert len(found) < len(expected), "a cursor promised more than there is to be had"
    assert found == expected


@given(who=readers, tenant=st.sampled_from(TENANTS), kind=st.sampled_from(KINDS), source=st.sampled_from(SOURCES), limit=limits)
@settings(max_examples=100, deadline=None)
def test_a_history_is_one_of_a_log_that_holds_nothing_else(full: MetadataRepository, who: Principal, tenant, kind, source, limit) -> None:
    scoped, target = ScopedRepository(full, who, step_records=3), MetadataTarget(source, "s", "t")
    if not may_read_some(who, tenant, kind):
        with pytest.raises(NotAllowed):
            scoped.history(target, kind, tenant=tenant)
        return
    expected = sorted((item for item in seen(full, who, tenant, kind) if item.record.target == target), key=sort_key)
    found: list[StoredRecord] = []
    while page := scoped.history(target, kind, tenant=tenant, limit=limit, after_offset=found[-1].offset if found else None):
        assert len(page) <= limit
        found += page
    assert found == expected
    hidden = {item.offset for item in full.tail(tenant=tenant, limit=1000).records} - {item.offset for item in expected}
    answers = set()
    for offset in [*sorted(hidden)[:3], 10_000]:
        with pytest.raises(InvalidRequest, match="not in this history") as caught:
            scoped.history(target, kind, tenant=tenant, after_offset=offset)
        answers.add(str(caught.value).replace(str(offset), ""))
    assert len(answers) == 1


@given(who=readers, tenant=st.sampled_from(TENANTS), wanted=st.sampled_from([None, ["job_run"], KINDS]), limit=limits)
@settings(max_examples=150, deadline=None)
def test_a_tail_skips_and_repeats_nothing_that_may_be_seen(full: MetadataRepository, who: Principal, tenant, wanted, limit) -> None:
    scoped = ScopedRepository(full, who, step_records=3)
    refused = not who.may_some(Action.READ, tenant) if wanted is None else not all(may_read_some(who, tenant, kind) for kind in wanted)
    if refused:
        with pytest.raises(NotAllowed):
            scoped.tail(tenant=tenant, kinds=wanted)
        return
    found: list[StoredRecord] = []
    offset = 0
    while True:
        page = scoped.tail(offset, tenant=tenant, kinds=wanted, limit=limit)
        assert len(page.records) <= limit
        assert page.next_offset >= (page.records[-1].offset if page.records else offset)
        found += page.records
        offset = page.next_offset
        if not page.records:
            break
    assert found == [item for item in seen(full, who, tenant) if wanted is None or item.record.kind in wanted]
    assert offset == len(RECORDS)


@given(
    who=readers,
    tenant=st.sampled_from(TENANTS),
    kind=st.sampled_from(KINDS),
    as_of=st.none() | st.integers(-1, 91).map(lambda second: START + timedelta(seconds=second)) | st.just(datetime.max.replace(tzinfo=UTC)),
)
@settings(max_examples=150, deadline=None)
def test_the_latest_is_the_last_that_may_be_seen(full: MetadataRepository, who: Principal, tenant, kind, as_of) -> None:
    scoped = ScopedRepository(full, who, step_records=3)
    targets = [MetadataTarget(source, "s", "t") for source in [*SOURCES, "nowhere"]]
    if not may_read_some(who, tenant, kind):
        for ask in (lambda: scoped.latest(targets[0], kind, tenant=tenant), lambda: scoped.latest_many(targets, kind, tenant=tenant)):
            with pytest.raises(NotAllowed):
                ask()
        return
    expected: dict[MetadataTarget, StoredRecord] = {}
    for item in sorted(seen(full, who, tenant, kind), key=sort_key):
        if as_of is None or item.record.produced_at <= as_of:
            expected[item.record.target] = item
    assert scoped.latest_many(targets, kind, tenant=tenant, as_of=as_of) == expected
    for target in targets:
        assert scoped.latest(target, kind, tenant=tenant, as_of=as_of) == expected.get(target)
    within = {target: item for target, item in expected.items() if target.source_id == "shop"}
    assert scoped.latest_many(Within("shop"), kind, tenant=tenant, as_of=as_of) == within


@given(who=writers, picked=st.lists(st.integers(0, 89), min_size=1, max_size=12, unique=True))
@settings(max_examples=150, deadline=None)
def test_a_bulk_stores_what_may_be_written_and_says_why_not_the_rest(who: Principal, picked: list[int]) -> None:
    inner, tally = MemoryRepository(), Tally()
    scoped = ScopedRepository(inner, who, tally=tally)
    sent = [RECORDS[number] for number in picked]
    allowed = [who.may(Action.WRITE, item.context.tenant, item.context.namespace, item.kind) for item in sent]
    report = scoped.bulk_store(iter(sent))
    assert [not isinstance(result, Rejection) for result in report.results] == allowed
    assert all(
        item.field and item.reason and item.index == place for place, item in enumerate(report.results) if isinstance(item, Rejection)
    )
    stored = [item.record for tenant in TENANTS for item in inner.tail(tenant=tenant).records]
    granted = [item for item, may in zip(sent, allowed, strict=True) if may]
    assert sorted(stored, key=lambda item: item.produced_at) == sorted(granted, key=lambda item: item.produced_at)
    assert sum(sum(counts.values()) for counts in tally.by_tenant.values()) == sum(allowed)
    places = [(item.context.tenant, item.kind, item.context.namespace) for item in sent]
    assert [refusal is None for refusal in refusals(who, places)] == allowed


@given(who=writers, picked=st.lists(st.integers(0, 89), min_size=1, max_size=6, unique=True))
@settings(max_examples=100, deadline=None)
def test_all_or_none_is_none_if_one_may_not_be_written(who: Principal, picked: list[int]) -> None:
    inner = MemoryRepository()
    scoped = ScopedRepository(inner, who)
    sent = [RECORDS[number] for number in picked]
    first = next(
        (place for place, item in enumerate(sent) if refusals(who, [(item.context.tenant, item.kind, item.context.namespace)])[0]), None
    )
    if first is None:
        assert len(scoped.bulk_store(sent, atomic=True).results) == len(sent)
        return
    with pytest.raises(InvalidRecord, match=f"Record {first}:"):
        scoped.bulk_store(sent, atomic=True)
    assert all(not inner.tail(tenant=tenant).records for tenant in TENANTS)


def test_a_bulk_names_the_places_as_they_were_sent() -> None:
    scoped = ScopedRepository(MemoryRepository(), holder(Grant(Action.WRITE, "acme")))
    broken = fact(4, kind="table_observation")
    report = scoped.bulk_store(
        [fact(1, tenant="mill"), fact(2), fact(3, kind="job_run", tenant="mill"), _without_fingerprint(broken), fact(5)]
    )
    assert [getattr(item, "index", None) for item in report.results] == [0, None, 2, 3, None]
    assert [item.field for item in report.rejections] == ["context.tenant", "context.tenant", "payload"]


def _without_fingerprint(record: MetadataRecord) -> MetadataRecord:
    return msgspec.structs.replace(record, payload={})


def test_a_refusal_names_what_is_not_granted_from_the_outside_in() -> None:
    who = holder(Grant(Action.WRITE, "acme", "sales", ("job_run",)), Grant(Action.READ, "mill"))
    [tenant, kind, namespace, none, fine] = refusals(
        who,
        [
            ("mill", "job_run", "sales"),
            ("acme", "alert", "sales"),
            ("acme", "job_run", "hr"),
            ("acme", "job_run", None),
            ("acme", "job_run", "sales"),
        ],
    )
    assert [refusal and refusal.field for refusal in (tenant, kind, namespace, none, fine)] == [
        "context.tenant",
        "kind",
        "context.namespace",
        "context.namespace",
        None,
    ]


class Listening(MemoryRepository):
    """Notes every verb that reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in ("store", "bulk_store", "latest", "latest_many", "history", "query", "tail"):
            object.__getattribute__(self, "heard").append(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    "who",
    [holder(), reader("mill"), reader("acme", "*", "alert"), holder(Grant(Action.WRITE, "mill"))],
    ids=["nothing", "another tenant", "another kind", "writes elsewhere"],
)
def test_a_refused_question_looks_nothing_up(who: Principal) -> None:
    inner, target = Listening(), MetadataTarget("shop", "s", "t")
    scoped = ScopedRepository(inner, who)
    ask = {"tenant": "acme"}
    for refused in (
        lambda: scoped.latest(target, "job_run", **ask),
        lambda: scoped.latest_many([target], "job_run", **ask),
        lambda: scoped.history(target, "job_run", **ask),
        lambda: scoped.history(target, "job_run", after_offset=1, **ask),
        lambda: scoped.query("job_run", **ask),
        lambda: scoped.tail(kinds=["job_run"], wait_seconds=30, **ask),
    ):
        with pytest.raises(NotAllowed):
            refused()
    for refused in (lambda: scoped.store(fact(1)), lambda: scoped.bulk_store([fact(1)], atomic=True)):
        with pytest.raises(InvalidRecord):
            refused()
    assert inner.heard == []


def test_a_waiting_tail_wakes_for_what_may_be_seen_and_sleeps_on_for_what_may_not() -> None:
    inner = MemoryRepository()
    scoped = ScopedRepository(inner, reader("acme", "sales"))

    def write() -> None:
        for number, namespace in enumerate(("hr", None, "hr", "sales")):
            time.sleep(0.05)
            inner.store(fact(number, namespace=namespace))

    thread = threading.Thread(target=write)
    thread.start()
    page = scoped.tail(tenant="acme", wait_seconds=20)
    thread.join()
    assert [item.record.context.namespace for item in page.records] == ["sales"]
    assert page.next_offset == 4
    assert scoped.tail(4, tenant="acme", wait_seconds=0.05).records == []


def test_closing_it_closes_nothing_of_others(full: MetadataRepository) -> None:
    ScopedRepository(full, of_key()).close()
    assert full.tail(tenant="acme").records
