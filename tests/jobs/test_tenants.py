"""A worker that serves every tenant: each in its turn, and none the other's jobs."""

from __future__ import annotations

import threading

import pytest
from tests.jobs.conftest import TARGET, eventually, open_store, states

from factbook.jobs import JobControl, Jobs
from factbook.jobs.tenants import JobsOfTenants
from factbook.jobs.worker import Worker
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.kinds.job_run import JobState

_TENANTS = ("busy", "quiet", "calm")


@pytest.fixture
def repository(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield opened
    opened.close()


class Office:
    """The jobs of several tenants, and what was done in which order."""

    def __init__(self, repository: SqlRepository) -> None:
        self.done: list[str] = []
        submitted = threading.Event()

        def make(tenant: str) -> Jobs:
            def work(_control: JobControl) -> None:
                self.done.append(tenant)

            return Jobs(repository, tenant=tenant, handlers={"work": work}, submitted=submitted)

        self.jobs = {tenant: make(tenant) for tenant in _TENANTS}
        self.all = JobsOfTenants(repository, self.jobs.__getitem__, own=self.jobs["busy"])


def test_a_tenant_with_a_long_queue_does_not_keep_others_waiting(repository: SqlRepository) -> None:
    office = Office(repository)
    for tenant, count in (("busy", 6), ("quiet", 1), ("calm", 2)):
        for _ in range(count):
            office.jobs[tenant].submit("work", {}, target=TARGET, trigger="api")
    while (lease := office.all.claim("w1")) is not None:
        assert office.all.perform(lease) is None
    assert sorted(office.done[:3]) == sorted(_TENANTS)
    assert office.done[3:5].count("calm") == 1
    assert [office.done.count(tenant) for tenant in _TENANTS] == [6, 1, 2]
    assert office.all.claim("w1") is None


def test_one_worker_runs_the_jobs_of_all_and_each_sees_its_own(repository: SqlRepository) -> None:
    office = Office(repository)
    worker = Worker(office.all, concurrency=2)
    worker.start()
    ids = {tenant: office.jobs[tenant].submit("work", {}, target=TARGET, trigger="api").job_id for tenant in _TENANTS}
    eventually(lambda: len(office.done) == 3 and all(not office.jobs[tenant].counts()["running"] for tenant in _TENANTS))
    worker.stop()
    for tenant, job_id in ids.items():
        assert office.jobs[tenant].get(job_id).state is JobState.SUCCEEDED
        assert states(repository, tenant, job_id) == [("queued", 0), ("running", 1), ("succeeded", 1)]
        assert [job.job_id for job in office.jobs[tenant].page().items] == [job_id]
