"""A job from its submission to its end, each transition a fact."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.jobs.conftest import TARGET, MakeJobs, end_pauses, eventually, queue_length, states, wait_to_be_stopped

from factbook.errors import Cancelled, ConfigurationError, InternalError, InvalidRequest, NotFound, SourceUnavailable
from factbook.jobs import JobControl, Progress
from factbook.jobs.worker import Worker
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.kinds.job_run import JobState


def greet(control: JobControl) -> dict[str, Any]:
    return {"greeting": f"Hello {control.parameters['name']}"}


def claim_and_perform(jobs: Any, worker_id: str = "w1") -> Exception | None:
    lease = jobs.claim(worker_id)
    assert lease is not None
    error: Exception | None = jobs.perform(lease)
    return error


def test_a_submitted_job_is_run_by_a_worker_and_keeps_its_result(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(greet)
    submitted = jobs.submit("work", {"name": "Ada"}, target=TARGET, trigger="api")
    assert (submitted.state, submitted.attempt, submitted.started_at) == (JobState.QUEUED, 0, None)
    worker = Worker(jobs, concurrency=1)
    worker.start()
    try:
        eventually(lambda: jobs.get(submitted.job_id).state.is_final)
    finally:
        worker.stop()
    job = jobs.get(submitted.job_id)
    assert (job.state, job.result, job.attempt) == (JobState.SUCCEEDED, {"greeting": "Hello Ada"}, 1)
    assert job.finished_at is not None
    assert job.started_at is not None
    assert job.submitted_at <= job.started_at <= job.finished_at <= datetime.now(UTC)
    assert states(repository, tenant, job.job_id) == [("queued", 0), ("running", 1), ("succeeded", 1)]
    assert queue_length(repository, tenant) == 0


def test_every_transition_is_a_fact_about_the_jobs_target(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(greet)
    job = jobs.run_here("work", {"name": "Ada"}, target=TARGET, trigger="cli")
    facts = repository.history(TARGET, "job_run", tenant=tenant)
    assert [fact.record.payload["state"] for fact in facts if fact.record.payload] == ["queued", "running", "succeeded"]
    assert {(f.record.producer_id, f.record.context.job_id, f.record.context.run_id) for f in facts} == {
        ("jobs.v1", job.job_id, job.job_id)
    }
    assert (job.target, job.source_id, job.trigger, job.parameters) == (TARGET, "shop", "cli", {"name": "Ada"})


def test_a_job_id_is_readable_and_sorts_by_time(make_jobs: MakeJobs) -> None:
    job = make_jobs(greet).submit("work", {"name": "Ada"}, target=TARGET, trigger="api")
    assert re.fullmatch(r"work-\d{8}T\d{6}Z-[0-9a-f]{6}", job.job_id)
    assert f"{job.submitted_at:%Y%m%dT%H%M%SZ}" in job.job_id


def test_a_job_run_here_reports_its_progress(make_jobs: MakeJobs) -> None:
    def count(control: JobControl) -> None:
        for done in range(3):
            control.report(done, 3, f"step {done}")

    seen: list[Progress] = []
    make_jobs(count).run_here("work", {}, target=TARGET, trigger="cli", on_progress=seen.append)
    assert seen == [Progress(0, 3, "step 0"), Progress(1, 3, "step 1"), Progress(2, 3, "step 2")]


def test_progress_of_a_running_job_is_seen_by_others(make_jobs: MakeJobs) -> None:
    seen = threading.Event()

    def work(control: JobControl) -> None:
        control.report(7, 10, "orders")
        seen.wait(60)

    jobs = make_jobs(work)
    job = jobs.submit("work", {}, target=TARGET, trigger="api")
    worker = Worker(jobs)
    worker.start()
    try:
        eventually(lambda: jobs.get(job.job_id).progress == Progress(7, 10, "orders"))
        seen.set()
        eventually(lambda: jobs.get(job.job_id).state is JobState.SUCCEEDED)
    finally:
        seen.set()
        worker.stop()
    assert jobs.get(job.job_id).progress is None


def test_a_job_run_here_raises_what_ended_it_and_is_recorded_as_failed(make_jobs: MakeJobs) -> None:
    def refuse(_: JobControl) -> None:
        raise ConfigurationError("The password is wrong", why="the server said so") from ValueError("secret detail")

    jobs = make_jobs(refuse)
    with pytest.raises(ConfigurationError, match="The password is wrong"):
        jobs.run_here("work", {}, target=TARGET, trigger="cli")
    job = jobs.page().items[0]
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message, job.error.cause) == (
        "configuration",
        "The password is wrong: the server said so",
        "ValueError",
    )


def test_a_job_run_here_has_one_attempt(make_jobs: MakeJobs) -> None:
    def unreachable(_: JobControl) -> None:
        raise SourceUnavailable("The source does not answer")

    jobs = make_jobs(unreachable, max_attempts=5)
    with pytest.raises(SourceUnavailable):
        jobs.run_here("work", {}, target=TARGET, trigger="cli")
    job = jobs.page().items[0]
    assert (job.state, job.attempt, job.max_attempts) == (JobState.FAILED, 1, 1)


def test_ctrl_c_leaves_a_cancelled_job(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    def interrupted(_: JobControl) -> None:
        raise KeyboardInterrupt

    jobs = make_jobs(interrupted)
    with pytest.raises(KeyboardInterrupt):
        jobs.run_here("work", {}, target=TARGET, trigger="cli")
    assert jobs.page().items[0].state is JobState.CANCELLED
    assert queue_length(repository, tenant) == 0


def test_a_passing_failure_is_tried_again_after_a_growing_pause(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    def unreachable(_: JobControl) -> None:
        raise SourceUnavailable("The source does not answer")

    jobs = make_jobs(unreachable, max_attempts=3)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    pauses = []
    for attempt in (1, 2):
        claim_and_perform(jobs)
        job = jobs.get(job_id)
        assert (job.state, job.attempt) == (JobState.QUEUED, attempt)
        assert job.error is not None
        assert job.error.code == "source_unavailable"
        assert jobs.claim("w1") is None, "the pause is not over"
        assert job.run_after is not None
        last = repository.query("job_run", tenant=tenant, order="desc", limit=1).records[0].record.produced_at
        pauses.append((job.run_after - last).total_seconds())
        end_pauses(repository, tenant)
    claim_and_perform(jobs)
    assert jobs.get(job_id).state is JobState.FAILED
    assert 1.0 <= pauses[0] <= 2.0 <= pauses[1] <= 4.0
    expected = [("queued", 0), ("running", 1), ("queued", 1), ("running", 2), ("queued", 2), ("running", 3), ("failed", 3)]
    assert states(repository, tenant, job_id) == expected


def test_an_attempt_that_succeeds_after_a_failure_leaves_no_error(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    def second_time_lucky(control: JobControl) -> None:
        if control.job.attempt == 1:
            raise SourceUnavailable("The source does not answer")

    jobs = make_jobs(second_time_lucky)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    claim_and_perform(jobs)
    end_pauses(repository, tenant)
    claim_and_perform(jobs)
    job = jobs.get(job_id)
    assert (job.state, job.attempt, job.error) == (JobState.SUCCEEDED, 2, None)


def test_a_lasting_failure_is_not_tried_again(make_jobs: MakeJobs) -> None:
    def refuse(_: JobControl) -> None:
        raise ConfigurationError("The password is wrong")

    jobs = make_jobs(refuse, max_attempts=3)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    claim_and_perform(jobs)
    assert (jobs.get(job_id).state, jobs.get(job_id).attempt) == (JobState.FAILED, 1)


@pytest.mark.parametrize("error", [ZeroDivisionError("password=tiger"), SystemExit(3)])
def test_an_unknown_error_fails_the_job_and_the_worker_goes_on(make_jobs: MakeJobs, error: BaseException) -> None:
    def broken(control: JobControl) -> None:
        if control.parameters["broken"]:
            raise error

    jobs = make_jobs(broken)
    worker = Worker(jobs, concurrency=1)
    worker.start()
    try:
        bad = jobs.submit("work", {"broken": True}, target=TARGET, trigger="api").job_id
        good = jobs.submit("work", {"broken": False}, target=TARGET, trigger="api").job_id
        eventually(lambda: jobs.get(good).state is JobState.SUCCEEDED)
    finally:
        worker.stop()
    failed = jobs.get(bad)
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error.code == "internal"
    assert type(error).__name__ in failed.error.message
    assert "tiger" not in str(failed)


def test_an_unknown_error_of_a_job_run_here_becomes_an_internal_error(make_jobs: MakeJobs) -> None:
    def broken(_: JobControl) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(InternalError, match="ZeroDivisionError") as raised:
        make_jobs(broken).run_here("work", {}, target=TARGET, trigger="cli")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_result_that_no_fact_can_carry_fails_the_job(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(lambda control: {"share": float("nan")})
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    claim_and_perform(jobs)
    error = jobs.get(job_id).error
    assert error is not None
    assert error.code == "internal"
    assert queue_length(repository, tenant) == 0


def test_an_error_that_quotes_an_unwritable_name_is_kept_all_the_same(make_jobs: MakeJobs) -> None:
    def refuse(_: JobControl) -> None:
        raise ConfigurationError("No table \ud800")

    jobs = make_jobs(refuse)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    claim_and_perform(jobs)
    assert jobs.get(job_id).error is not None


def test_a_job_of_unknown_type_is_refused(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(greet)
    with pytest.raises(InvalidRequest, match="known are work"):
        jobs.submit("polish", {}, target=TARGET, trigger="api")
    assert jobs.page().items == []


def test_a_worker_leaves_jobs_of_other_types_to_those_who_know_them(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    from factbook.jobs import Jobs

    others = Jobs(repository, tenant=tenant, handlers={"polish": greet})
    job_id = others.submit("polish", {"name": "Ada"}, target=TARGET, trigger="api").job_id
    assert make_jobs(greet).claim("w1") is None
    claim_and_perform(others)
    assert others.get(job_id).state is JobState.SUCCEEDED


def test_a_queued_job_is_cancelled_at_once(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(greet)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    assert jobs.cancel(job_id).state is JobState.CANCELLED
    assert jobs.claim("w1") is None
    assert states(repository, tenant, job_id) == [("queued", 0), ("cancelled", 0)]
    assert jobs.cancel(job_id).state is JobState.CANCELLED


def test_a_running_job_is_cancelled_at_its_next_check(make_jobs: MakeJobs) -> None:
    running = threading.Event()

    def work(control: JobControl) -> None:
        running.set()
        wait_to_be_stopped(control)

    jobs = make_jobs(work)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    worker = Worker(jobs)
    worker.start()
    try:
        running.wait(60)
        asked = jobs.cancel(job_id)
        assert asked.cancel_requested or asked.state is JobState.CANCELLED
        eventually(lambda: jobs.get(job_id).state is JobState.CANCELLED)
    finally:
        worker.stop()


def test_a_job_cancelled_in_its_last_moment_has_still_succeeded(make_jobs: MakeJobs) -> None:
    def cancelled_too_late(control: JobControl) -> None:
        assert jobs.cancel(control.job.job_id).cancel_requested

    jobs = make_jobs(cancelled_too_late)
    assert jobs.run_here("work", {}, target=TARGET, trigger="cli").state is JobState.SUCCEEDED


def test_a_failing_job_that_is_to_be_cancelled_is_not_tried_again(make_jobs: MakeJobs) -> None:
    def unreachable(control: JobControl) -> None:
        jobs.cancel(control.job.job_id)
        raise SourceUnavailable("The source does not answer")

    jobs = make_jobs(unreachable, max_attempts=3)
    job_id = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    claim_and_perform(jobs)
    assert jobs.get(job_id).state is JobState.CANCELLED


def test_a_handler_may_cancel_its_own_job(make_jobs: MakeJobs) -> None:
    def give_up(_: JobControl) -> None:
        raise Cancelled("There is nothing to do")

    jobs = make_jobs(give_up)
    with pytest.raises(Cancelled, match="nothing to do"):
        jobs.run_here("work", {}, target=TARGET, trigger="cli")
    assert jobs.page().items[0].state is JobState.CANCELLED


def test_a_job_that_is_over_cannot_be_cancelled(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(greet)
    job = jobs.run_here("work", {"name": "Ada"}, target=TARGET, trigger="cli")
    with pytest.raises(InvalidRequest, match="succeeded already"):
        jobs.cancel(job.job_id)


def test_a_failed_job_is_retried_as_a_new_one_that_names_it(make_jobs: MakeJobs) -> None:
    fails = True

    def work(_: JobControl) -> None:
        if fails:
            raise ConfigurationError("The password is wrong")

    jobs = make_jobs(work)
    first = jobs.submit("work", {"n": 1}, target=TARGET, trigger="api")
    claim_and_perform(jobs)
    fails = False
    second = jobs.retry(first.job_id)
    assert (second.retry_of, second.parameters, second.target, second.state) == (first.job_id, {"n": 1}, TARGET, JobState.QUEUED)
    claim_and_perform(jobs)
    assert jobs.get(second.job_id).state is JobState.SUCCEEDED
    assert jobs.get(first.job_id).state is JobState.FAILED


def test_a_job_that_did_not_fail_cannot_be_retried(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(greet)
    job = jobs.submit("work", {"name": "Ada"}, target=TARGET, trigger="api")
    with pytest.raises(InvalidRequest, match="it is queued"):
        jobs.retry(job.job_id)


def test_an_unknown_job_is_not_found(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(greet)
    for ask in (jobs.get, jobs.cancel, jobs.retry):
        with pytest.raises(NotFound, match="no job 'work-nope'"):
            ask("work-nope")


def test_a_clock_set_back_does_not_turn_a_jobs_history_around(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    from sqlalchemy import update

    from factbook.database.control_tables import job_queue
    from factbook.repository.rows import microseconds

    jobs = make_jobs(greet)
    job_id = jobs.submit("work", {"name": "Ada"}, target=TARGET, trigger="api").job_id
    ahead = datetime(2100, 1, 1, tzinfo=UTC)
    with repository.transaction() as transaction:
        transaction.connection.execute(update(job_queue).where(job_queue.c.tenant == tenant).values(moved_at=microseconds(ahead)))
    claim_and_perform(jobs)
    started_at, finished_at = jobs.get(job_id).started_at, jobs.get(job_id).finished_at
    assert started_at is not None
    assert finished_at is not None
    assert ahead < started_at < finished_at
