"""What a worker does each hour beside its jobs."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from tests.jobs.conftest import TARGET, eventually

from factbook.jobs import Jobs
from factbook.jobs.worker import Worker
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.kinds.job_run import JobState


def test_a_waiting_worker_does_its_chore_each_hour_and_outlives_its_failures(
    repository: SqlRepository, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factbook.jobs.worker._HOUR_SECONDS", 0.01)
    monkeypatch.setattr("factbook.jobs.worker._POLL_SECONDS", 0.01)
    calls = []

    def chore() -> None:
        calls.append(len(calls))
        if len(calls) == 2:
            raise ZeroDivisionError("a chore that breaks")

    jobs = Jobs(repository, tenant=tenant, handlers={"work": lambda _control: {}})
    worker = Worker(jobs, concurrency=2, hourly=chore)
    with capture_logs() as logs:
        worker.start()
        try:
            eventually(lambda: len(calls) >= 4)
            job_id = jobs.submit("work", {}, target=TARGET, trigger="test").job_id
            eventually(lambda: jobs.get(job_id).state is JobState.SUCCEEDED)
        finally:
            worker.stop()
    [broken] = [entry for entry in logs if entry["event"] == "chore_failed"]
    assert str(broken["exc_info"]) == "a chore that breaks"


def test_no_chore_is_due_in_the_first_hour(repository: SqlRepository, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factbook.jobs.worker._POLL_SECONDS", 0.01)
    calls: list[int] = []
    jobs = Jobs(repository, tenant=tenant, handlers={"work": lambda _control: {}})
    worker = Worker(jobs, hourly=lambda: calls.append(1))
    worker.start()
    job_id = jobs.submit("work", {}, target=TARGET, trigger="test").job_id
    eventually(lambda: jobs.get(job_id).state is JobState.SUCCEEDED)
    worker.stop()
    assert calls == []
