"""Leases: who holds a job, who has lost it, and what becomes of it then."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from tests.jobs.conftest import TARGET, MakeJobs, end_leases, end_pauses, eventually, open_store, queue_length, states, wait_to_be_stopped

from factbook.database.control_tables import job_queue
from factbook.errors import Cancelled, FactbookError
from factbook.jobs import JobControl, Jobs
from factbook.jobs.queue import Lease
from factbook.jobs.worker import Worker
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.kinds.job_run import JobState


def nothing(_: JobControl) -> None:
    return None


def take(jobs: Jobs, worker_id: str) -> Lease:
    lease = jobs.claim(worker_id)
    assert lease is not None
    return lease


def test_workers_with_connections_of_their_own_never_claim_the_same_job(make_jobs: MakeJobs, store_url: str, tenant: str) -> None:
    jobs = make_jobs(nothing)
    submitted = [jobs.submit("work", {}, target=TARGET, trigger="api").job_id for _ in range(20)]
    stores = [open_store(store_url) for _ in range(4)]

    def claim_all(store: SqlRepository) -> list[str]:
        mine = Jobs(store, tenant=tenant, handlers={"work": nothing})
        return [lease.run.job_id for lease in iter(lambda: mine.claim("w"), None)]

    with ThreadPoolExecutor(len(stores)) as pool:
        claimed = [job_id for ids in pool.map(claim_all, stores) for job_id in ids]
    for store in stores:
        store.close()
    assert sorted(claimed) == sorted(submitted)


def test_jobs_are_claimed_in_the_order_of_their_submission(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(nothing)
    submitted = [jobs.submit("work", {"n": n}, target=TARGET, trigger="api").job_id for n in range(5)]
    assert [take(jobs, "w1").run.job_id for _ in range(5)] == submitted


def test_the_job_of_a_lost_worker_is_tried_again(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(nothing)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    take(jobs, "lost")
    end_leases(repository, tenant)
    waiting = jobs.get(job_id)
    assert waiting.state is JobState.QUEUED
    assert waiting.error is not None
    assert waiting.error.message.startswith("Worker lost: lost was not heard of")
    end_pauses(repository, tenant)
    assert jobs.perform(take(jobs, "next")) is None
    assert states(repository, tenant, job_id) == [("queued", 0), ("running", 1), ("queued", 1), ("running", 2), ("succeeded", 2)]


def test_a_worker_that_looks_for_work_takes_the_jobs_of_lost_ones(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(nothing)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    take(jobs, "lost")
    end_leases(repository, tenant)
    assert jobs.claim("next") is None, "the next attempt comes after a pause"
    assert states(repository, tenant, job_id) == [("queued", 0), ("running", 1), ("queued", 1)]


def test_the_job_of_a_lost_worker_fails_when_no_attempt_remains(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(nothing, max_attempts=1)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    take(jobs, "lost")
    end_leases(repository, tenant)
    job = jobs.page().items[0]
    assert (job.job_id, job.state) == (job_id, JobState.FAILED)
    assert job.error is not None
    assert job.error.code == "worker_lost"
    assert queue_length(repository, tenant) == 0


def test_the_job_of_a_lost_worker_that_was_to_be_cancelled_is_cancelled(
    make_jobs: MakeJobs, repository: SqlRepository, tenant: str
) -> None:
    jobs = make_jobs(nothing)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    take(jobs, "lost")
    jobs.cancel(job_id)
    end_leases(repository, tenant)
    assert jobs.get(job_id).state is JobState.CANCELLED


def test_no_job_is_counted_as_running_that_is_not(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(nothing)
    jobs.submit("work", {}, target=TARGET, trigger="api")
    take(jobs, "lost")
    assert jobs.counts() == {"queued": 0, "running": 1}
    end_leases(repository, tenant)
    assert jobs.counts() == {"queued": 1, "running": 0}


def test_a_worker_that_lost_its_job_stops_at_its_next_check_and_writes_nothing(
    make_jobs: MakeJobs, repository: SqlRepository, tenant: str
) -> None:
    def outlive_the_lease(control: JobControl) -> None:
        end_leases(repository, tenant)
        jobs.get(control.job.job_id)
        end_pauses(repository, tenant)
        taken.append(take(jobs, "other"))
        wait_to_be_stopped(control)

    taken: list[Lease] = []
    jobs = make_jobs(outlive_the_lease)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    error = jobs.perform(take(jobs, "slow"))
    assert isinstance(error, Cancelled)
    assert "another worker's by now" in str(error)
    job = jobs.get(job_id)
    assert (job.state, job.worker_id, job.attempt) == (JobState.RUNNING, "other", 2)


@pytest.mark.parametrize("end", [None, ValueError("broken")])
def test_a_worker_that_lost_its_job_cannot_end_it(
    make_jobs: MakeJobs, repository: SqlRepository, tenant: str, end: Exception | None
) -> None:
    def outlive_the_lease(control: JobControl) -> None:
        if control.job.worker_id == "slow":
            end_leases(repository, tenant)
            jobs.get(control.job.job_id)
            end_pauses(repository, tenant)
            taken.append(take(jobs, "other"))
            if end is not None:
                raise end

    taken: list[Lease] = []
    jobs = make_jobs(outlive_the_lease)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    assert isinstance(jobs.perform(take(jobs, "slow")), Cancelled)
    assert jobs.get(job_id).state is JobState.RUNNING
    assert jobs.perform(taken[0]) is None
    assert jobs.get(job_id).state is JobState.SUCCEEDED
    assert [state for state, _ in states(repository, tenant, job_id)].count("succeeded") == 1


def test_a_job_whose_lease_ran_out_unnoticed_still_ends_well(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(lambda control: end_leases(repository, tenant))
    assert jobs.run_here("work", {}, target=TARGET, trigger="cli").state is JobState.SUCCEEDED


def test_a_long_job_keeps_its_lease(make_jobs: MakeJobs, repository: SqlRepository) -> None:
    def lease_until(job_id: str) -> int:
        with repository.reading() as connection:
            found: int = connection.scalars(select(job_queue.c.lease_until).where(job_queue.c.job_id == job_id)).one()
            return found

    def work_longer_than_the_lease(control: JobControl) -> None:
        first = lease_until(control.job.job_id)
        eventually(lambda: lease_until(control.job.job_id) > first + 2 * 500_000)
        control.check_cancelled()

    jobs = make_jobs(work_longer_than_the_lease, lease_seconds=0.5)
    assert jobs.run_here("work", {}, target=TARGET, trigger="cli").state is JobState.SUCCEEDED


def test_a_stopping_worker_gives_its_job_back_without_losing_an_attempt(
    make_jobs: MakeJobs, repository: SqlRepository, tenant: str
) -> None:
    running = threading.Event()

    def work(control: JobControl) -> None:
        running.set()
        if control.parameters["endless"]:
            wait_to_be_stopped(control)

    jobs = make_jobs(work, max_attempts=1)
    job_id = jobs.submit("work", {"endless": True}, target=TARGET, trigger="api").job_id
    worker = Worker(jobs)
    worker.start()
    running.wait(60)
    worker.stop()
    job = jobs.get(job_id)
    assert (job.state, job.attempt, job.error) == (JobState.QUEUED, 0, None)
    assert states(repository, tenant, job_id) == [("queued", 0), ("running", 1), ("queued", 0)]
    assert take(jobs, "next").run.attempt == 1


def test_a_worker_does_not_wait_for_a_handler_that_never_checks(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    running, release = threading.Event(), threading.Event()

    def work(_: JobControl) -> None:
        running.set()
        release.wait(60)

    jobs = make_jobs(work)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    worker = Worker(jobs, concurrency=1)
    worker.start()
    running.wait(60)
    worker.stop(timeout_seconds=0.1)
    end_leases(repository, tenant)
    assert jobs.get(job_id).state is JobState.QUEUED
    release.set()
    eventually(lambda: all(thread.name != "worker-0" for thread in threading.enumerate()))


def test_a_stopped_worker_can_be_started_again(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(nothing)
    worker = Worker(jobs)
    for _ in range(2):
        worker.start()
        job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
        eventually(lambda job_id=job_id: jobs.get(job_id).state is JobState.SUCCEEDED)  # type: ignore[misc]
        worker.stop()


def test_two_workers_run_each_of_fifty_jobs_once(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    ran: list[int] = []
    jobs = make_jobs(lambda control: ran.append(control.parameters["n"]))
    others = make_jobs(lambda control: ran.append(control.parameters["n"]))
    workers = [Worker(jobs, concurrency=2), Worker(others, concurrency=2)]
    for worker in workers:
        worker.start()
    try:
        ids = [jobs.submit("work", {"n": n}, target=TARGET, trigger="api").job_id for n in range(50)]
        eventually(lambda: queue_length(repository, tenant) == 0)
    finally:
        for worker in workers:
            worker.stop()
    assert sorted(ran) == list(range(50))
    assert all(jobs.get(job_id).state is JobState.SUCCEEDED for job_id in ids)


def test_a_store_that_is_away_for_a_moment_does_not_end_the_worker(make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = make_jobs(nothing)
    asked = threading.Event()
    claim = jobs.claim

    def away(worker_id: str) -> Lease | None:
        if not asked.is_set():
            asked.set()
            raise FactbookError("The store does not answer")
        return claim(worker_id)

    monkeypatch.setattr(jobs, "claim", away)
    worker = Worker(jobs, concurrency=1)
    worker.start()
    try:
        asked.wait(60)
        job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
        eventually(lambda: jobs.get(job_id).state is JobState.SUCCEEDED)
    finally:
        worker.stop()
