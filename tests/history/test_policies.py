"""Policies are facts; what they make due, who applies them, and when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.history.archiving import bodies_left
from tests.repository.stores import ADMISSION

from factbook.app import Factbook
from factbook.errors import ConfigurationError, InvalidRequest, UnknownKind
from factbook.health import examine
from factbook.history import KindPolicy, PlannedStep
from factbook.history.nightly import Nightly, next_due
from factbook.history.policies import drop_of, rule_of
from factbook.kinds import GovernedKinds, Kinds
from factbook.repository.dropping import Channel
from factbook.repository.rows import microseconds
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.ingestion_volume import IngestionVolume
from factbook_sdk.facts.kinds.retention_policy import RetentionPolicy
from factbook_sdk.facts.kinds.table_observation import TableObservation
from factbook_sdk.repository.memory import MemoryRepository

NOW = datetime.now(UTC)
ORDERS = MetadataTarget("shop", "sales", "orders")


@pytest.fixture
def factbook(tmp_path: Path) -> Iterator[Factbook]:
    opened = Factbook(load_settings({}, data_dir=str(tmp_path / "data")))
    yield opened
    opened.close()


def volume(rows: int, days_ago: float) -> MetadataRecord:
    return record_of(IngestionVolume(row_count=rows), ORDERS, producer_id="load.v1", produced_at=NOW - timedelta(days=days_ago))


def observation(rows: int, days_ago: float) -> MetadataRecord:
    fact = TableObservation(fingerprint=f"test:{rows}", row_estimate=rows)
    return record_of(fact, ORDERS, producer_id="scan.v1", produced_at=NOW - timedelta(days=days_ago))


def rows_of(factbook: Factbook, kind: str) -> list[Any]:
    found = factbook.repository.history(ORDERS, kind, limit=1000)
    return [(item.record.payload or {}).get("row_count", (item.record.payload or {}).get("row_estimate")) for item in found]


def of(factbook: Factbook, kind: str) -> KindPolicy:
    return next(policy for policy in factbook.history.policies("default") if policy.kind == kind)


def test_a_policy_is_a_fact_and_going_back_closes_it(factbook: Factbook) -> None:
    assert of(factbook, "ingestion_volume").policy == RetentionPolicy(keep_days=90)
    assert of(factbook, "schema_snapshot").policy == RetentionPolicy()
    stated = factbook.history.set_policy("default", "ingestion_volume", RetentionPolicy(30, None, "drop"))
    assert (stated.policy.keep_days, stated.set_by, stated.drops) == (30, "retention.v1", True)
    assert of(factbook, "ingestion_volume") == stated
    assert factbook.history.policies("other")[0].set_at is None
    assert factbook.history.set_policy("default", "ingestion_volume", None).set_at is None
    assert len(factbook.repository.history(MetadataTarget("ingestion_volume"), "retention_policy")) == 2


def test_what_views_are_built_from_is_never_dropped_whoever_says_so(factbook: Factbook) -> None:
    with pytest.raises(InvalidRequest, match="views are built from them"):
        factbook.history.set_policy("default", "job_run", RetentionPolicy(1, None, "drop"))
    smuggled = RetentionPolicy(1, None, "drop")
    factbook.repository.store(record_of(smuggled, MetadataTarget("schema_snapshot"), producer_id="somebody"))
    found = of(factbook, "schema_snapshot")
    assert (found.drops, found.why_kept) == (False, "views are built from it")
    with pytest.raises(UnknownKind):
        factbook.history.set_policy("default", "nothing", None)


KINDS = Kinds(MemoryRepository(ADMISSION), GovernedKinds(builtin_kinds()), tenant="acme")
CHANNEL = Channel(3, "acme", "ingestion_volume")
STATES = Channel(4, "acme", "table_observation")


@pytest.mark.parametrize(
    ("channel", "policy", "days", "newest"),
    [
        (CHANNEL, RetentionPolicy(), 50, 0),
        (STATES, RetentionPolicy(), 50, 1),
        (CHANNEL, RetentionPolicy(keep_days=7), 7, 0),
        (STATES, RetentionPolicy(keep_days=7, keep_count=5), 7, 5),
        (CHANNEL, RetentionPolicy(keep_count=5), 0, 5),
        (CHANNEL, RetentionPolicy(keep_days=7, then="drop"), 50, 0),
        (CHANNEL, RetentionPolicy(keep_days=4_000_000), None, 0),
    ],
)
def test_a_policy_says_what_goes_to_the_archive(channel: Channel, policy: RetentionPolicy, days: int | None, newest: int) -> None:
    rule = rule_of(channel, KindPolicy(channel.kind, policy), KINDS, NOW, 50)
    before = datetime(1, 1, 1, tzinfo=UTC) if days is None else NOW - timedelta(days=days)
    assert (rule.before, rule.newest, rule.tenant) == (microseconds(before), newest, "acme")


def test_a_policy_says_what_is_dropped() -> None:
    assert drop_of(CHANNEL, KindPolicy("ingestion_volume", RetentionPolicy(7)), KINDS, NOW) is None
    dropped = drop_of(STATES, KindPolicy("table_observation", RetentionPolicy(7, 3, "drop")), KINDS, NOW)
    assert dropped is not None
    assert (dropped.before, dropped.newest, dropped.keeps_state) == (microseconds(NOW - timedelta(days=7)), 3, True)
    counted = drop_of(CHANNEL, KindPolicy("ingestion_volume", RetentionPolicy(None, 3, "drop")), KINDS, NOW)
    assert counted is not None
    assert (counted.before, counted.newest, counted.keeps_state) == (None, 3, False)


def test_a_plan_says_what_a_run_then_does_for_every_tenant(factbook: Factbook) -> None:
    factbook.repository.bulk_store([volume(number, 200.5 - number) for number in range(10)] + [volume(99, 1)])
    factbook.repository.bulk_store([observation(number, 300 - number) for number in range(3)])
    factbook.history.set_policy("default", "ingestion_volume", RetentionPolicy(195, None, "drop"))
    plan = factbook.history.plan("default")
    assert plan.steps[0] == PlannedStep("drop", "default", "ingestion_volume", 6)
    archived = {(step.kind, step.action) for step in plan.steps[1:]}
    assert archived == {("ingestion_volume", "archive"), ("table_observation", "archive")}
    assert factbook.history.plan("other").steps == []
    outcome = factbook.history.run(factbook.jobs, "retention", trigger="test")
    assert (outcome.report.dropped_records, outcome.report.archived_records) == (6, 6)
    # The job is the server's own tenant's, and what was done is every tenant's.
    assert not outcome.job.result
    assert rows_of(factbook, "ingestion_volume") == [6, 7, 8, 9, 99]
    assert rows_of(factbook, "table_observation") == [0, 1, 2]
    assert factbook.history.plan("default").steps == []
    assert factbook.history.run(factbook.jobs, "compact", trigger="test").report.archived_records == 0


def test_compacting_alone_drops_nothing(factbook: Factbook) -> None:
    factbook.repository.bulk_store([volume(number, 200) for number in range(3)])
    factbook.history.set_policy("default", "ingestion_volume", RetentionPolicy(100, None, "drop"))
    assert [step.action for step in factbook.history.plan("default", drop=False).steps] == ["archive"]
    assert factbook.history.run(factbook.jobs, "compact", trigger="test").report.archived_records == 3
    assert rows_of(factbook, "ingestion_volume") == [0, 1, 2]
    assert factbook.history.run(factbook.jobs, "retention", trigger="test").report.dropped_records == 3


def test_of_many_servers_one_does_the_nightly_run(factbook: Factbook, tmp_path: Path) -> None:
    factbook.repository.bulk_store([volume(number, 200) for number in range(3)])
    bodies_before = bodies_left(factbook.sql) + 4
    other = Factbook(load_settings({}, data_dir=str(tmp_path / "data")))
    due = datetime.now(UTC)
    done: list[bool] = []
    threads = [threading.Thread(target=lambda each=each: done.append(nightly(each).run_once(due))) for each in (factbook, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]
    assert not nightly(other).run_once(due)
    states = [
        item.record.payload["state"] for item in factbook.repository.history(MetadataTarget("retention"), "job_run") if item.record.payload
    ]
    assert states == ["queued"]
    worker = factbook.worker()
    worker.start()
    deadline = monotonic() + 30
    while factbook.jobs.page(limit=1).items[0].state != "succeeded" and monotonic() < deadline:
        sleep(0.05)
    worker.stop()
    assert bodies_left(factbook.sql) < bodies_before
    assert nightly(other).run_once(datetime.now(UTC))
    other.close()


def nightly(factbook: Factbook) -> Nightly:
    found = factbook.nightly()
    assert found is not None
    return found


def test_the_thread_runs_when_its_time_comes_and_stops_when_told(factbook: Factbook) -> None:
    ran = threading.Event()
    at = (datetime.now(UTC) + timedelta(seconds=0.5)).time()
    thread = Nightly(factbook.repository, factbook.history, factbook.jobs, tenant="default", at=at)
    factbook.repository.bulk_store([volume(1, 200)])
    thread.start()
    for _ in range(200):
        if bodies_left(factbook.repository) < 4 and factbook.repository.latest(MetadataTarget("retention"), "job_run") is not None:
            ran.set()
            break
        ran.wait(0.05)
    thread.stop()
    assert ran.is_set()


def test_the_next_run_is_today_or_tomorrow() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert next_due(noon, time(13)) == datetime(2026, 1, 31, 13, tzinfo=UTC)
    assert next_due(noon, time(12)) == datetime(2026, 2, 1, 12, tzinfo=UTC)


def test_the_time_is_a_setting_that_may_be_off() -> None:
    assert load_settings({"COMPACT_AT": "23:15"}).compact_at == time(23, 15)
    assert load_settings({"COMPACT_AT": "off"}).compact_at is None
    for wrong in ("25:00", "3 am", "03:00+01:00"):
        with pytest.raises(ConfigurationError, match="COMPACT_AT is wrong"):
            load_settings({"COMPACT_AT": wrong})


def test_the_api_lists_policies_plans_and_queues_runs(tmp_path: Path) -> None:
    from factbook.api.app import create_app

    app = create_app(Factbook(load_settings({}, data_dir=str(tmp_path / "data"))))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        app.state.factbook.repository.bulk_store([volume(number, 200) for number in range(3)])
        policies = {item["kind"]: item["policy"] for item in client.get("/retention").json()["items"]}
        assert policies["ingestion_volume"] == {"keep_days": 90}
        steps = client.get("/retention/plan").json()["steps"]
        assert [(step["action"], step["kind"], step["records"]) for step in steps] == [("archive", "ingestion_volume", 3)]
        for path in ("/compact", "/retention/apply"):
            answer = client.post(path)
            assert answer.status_code == 202
            job = finished(client, answer.headers["Location"])
            assert job["state"] == "succeeded"
        assert client.get("/retention/plan").json() == {"steps": []}
        assert client.get("/retention/plan", params={"tenant": "other"}).status_code == 403


def finished(client: TestClient, path: str) -> dict[str, Any]:
    waited = threading.Event()
    while True:
        job: dict[str, Any] = client.get(path).json()
        if job["finished_at"] is not None:
            return job
        waited.wait(0.05)


def test_the_doctor_says_when_the_archive_is_not_the_one_that_was_written(factbook: Factbook, tmp_path: Path) -> None:
    def found(house: Factbook) -> list[tuple[str, str]]:
        return [(check.verdict, check.found) for check in examine(house) if check.name == "archive"]

    assert [status for status, _ in found(factbook)] == ["ok"]
    factbook.repository.bulk_store([volume(number, 200) for number in range(3)])
    factbook.history.run(factbook.jobs, "compact", trigger="test")
    assert [status for status, _ in found(factbook)] == ["ok"]
    elsewhere = Factbook(load_settings({}, data_dir=str(tmp_path / "data"), archive_url=f"file://{tmp_path}/elsewhere"))
    [(status, text)] = found(elsewhere)
    elsewhere.close()
    assert status == "fail"
    assert "elsewhere" in text
