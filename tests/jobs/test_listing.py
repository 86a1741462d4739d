"""The job list: a view of the log that can be dropped and rebuilt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from tests.jobs.conftest import TARGET, MakeJobs, end_leases

from factbook.errors import ConfigurationError, FactbookError, InvalidRequest, SourceUnavailable
from factbook.jobs import JobControl, Jobs
from factbook.jobs.projection import jobs as view
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobState


def work(control: JobControl) -> dict[str, int] | None:
    fate = control.parameters.get("fate")
    if fate == "refused":
        raise ConfigurationError("The password is wrong")
    if fate == "away":
        raise SourceUnavailable("It does not answer")
    return {"n": 1}


def fill(jobs: Jobs, repository: SqlRepository, tenant: str) -> None:
    """Make jobs of every fate."""
    for fate in ("well", "refused", "away", "lost", "waiting", "cancelled"):
        job_id = jobs.submit("work", {"fate": fate}, target=MetadataTarget(f"source-{fate}"), trigger="api").job_id
        if fate == "cancelled":
            jobs.cancel(job_id)
        elif fate != "waiting":
            lease = jobs.claim("w1")
            assert lease is not None
            if fate == "lost":
                end_leases(repository, tenant)
                jobs.get(job_id)
            else:
                jobs.perform(lease)


def test_the_newest_jobs_come_first_and_pages_follow_each_other(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(work)
    submitted = [jobs.submit("work", {}, target=TARGET, trigger="api").job_id for _ in range(7)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = jobs.page(limit=3, cursor=cursor)
        seen += [job.job_id for job in page.items]
        cursor = page.next_cursor
    assert seen == submitted[::-1]
    assert cursor is None


def test_jobs_are_found_by_state_and_source(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(work)
    fill(jobs, repository, tenant)
    assert {job.source_id for job in jobs.page(state="queued").items} == {"source-away", "source-lost", "source-waiting"}
    assert {job.source_id for job in jobs.page(state=JobState.FAILED).items} == {"source-refused"}
    assert [job.state for job in jobs.page(source_id="source-well").items] == [JobState.SUCCEEDED]
    assert jobs.page(source_id="nowhere").items == []


@pytest.mark.parametrize("wrong", [{"state": "sleeping"}, {"cursor": "x"}, {"cursor": "12~"}, {"cursor": "9" * 40 + "~a"}, {"limit": 0}])
def test_a_question_that_makes_no_sense_is_refused(make_jobs: MakeJobs, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        make_jobs(work).page(**wrong)  # type: ignore[arg-type]


def test_a_rebuilt_list_is_the_same(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(work)
    fill(jobs, repository, tenant)

    def rows() -> list[object]:
        with repository.reading() as connection:
            return [tuple(row) for row in connection.execute(select(view).order_by(view.c.tenant, view.c.job_id))]

    before, shown = rows(), jobs.page()
    repository.rebuild()
    assert rows() == before
    assert jobs.page() == shown
    assert len(shown.items) == 6


def test_old_finished_jobs_leave_the_list_and_stay_facts(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=100)
    for number, state in enumerate(("queued", "succeeded")):
        payload = {"job_id": "work-old", "job_type": "work", "state": state}
        context = MetadataContext(tenant=tenant, job_id="work-old")
        repository.store(MetadataRecord(TARGET, "job_run", payload, long_ago + timedelta(seconds=number), "jobs.v1", context))
    keeping, forgetting = make_jobs(work), make_jobs(work, retention_days=90)
    recent = keeping.run_here("work", {}, target=TARGET, trigger="cli").job_id
    assert [job.job_id for job in keeping.page().items] == [recent, "work-old"]
    assert [job.job_id for job in forgetting.page().items] == [recent]
    assert forgetting.get("work-old").state is JobState.SUCCEEDED
    assert len(repository.query("job_run", tenant=tenant).records) == 5


def test_what_others_say_of_their_jobs_is_a_fact_and_not_our_queue(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(work)
    ours = jobs.submit("work", {}, target=TARGET, trigger="api")
    payload = {"job_id": ours.job_id, "job_type": "work", "state": "succeeded"}
    repository.store(
        MetadataRecord(TARGET, "job_run", payload, datetime.now(UTC), "pipeline", MetadataContext(tenant=tenant, job_id=ours.job_id))
    )
    assert jobs.get(ours.job_id) == ours


def test_tenants_see_and_run_their_own_jobs_only(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    ours = make_jobs(work)
    job_id = ours.submit("work", {}, target=TARGET, trigger="api").job_id
    theirs = Jobs(repository, tenant=f"{tenant}-other", handlers={"work": work})
    assert theirs.claim("w1") is None
    assert theirs.page().items == []
    assert theirs.counts() == {"queued": 0, "running": 0}
    with pytest.raises(FactbookError):
        theirs.cancel(job_id)
    assert ours.get(job_id).state is JobState.QUEUED


def test_what_runs_and_waits_is_told_apart_from_what_is_over(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(work)
    fill(jobs, repository, tenant)
    running = jobs.submit("work", {}, target=TARGET, trigger="api").job_id
    while (lease := jobs.claim("w2")) is not None and lease.run.job_id != running:
        jobs.perform(lease)
    live = jobs.live()
    assert live[0].job_id == running
    assert [job.state for job in live] == ["running", *["queued"] * (len(live) - 1)]
    assert {job.job_id for job in live} == {job.job_id for job in jobs.page().items if not job.state.is_final}
    assert len(jobs.live(limit=1)) == 1


def test_each_source_has_its_last_job_of_a_type(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(work)
    last = {}
    for _ in range(2):
        for name in ("a", "b"):
            last[name] = jobs.submit("work", {}, target=MetadataTarget(name), trigger="api").job_id
    assert {name: job.job_id for name, job in jobs.last_of_sources(["a", "b", "c"], "work").items()} == last
    assert jobs.last_of_sources(["a"], "other") == {}
    assert jobs.last_of_sources([], "work") == {}
    assert {job.job_id for job in jobs.page(job_type="work", source_id="a").items} >= {last["a"]}
    assert jobs.page(job_type="other").items == []


def test_a_job_knows_its_steps_its_repetitions_and_what_it_wrote(make_jobs: MakeJobs, repository: SqlRepository, tenant: str) -> None:
    jobs = make_jobs(work)
    job_id = jobs.submit("work", {"fate": "refused"}, target=TARGET, trigger="api").job_id
    lease = jobs.claim("w1")
    assert lease is not None
    context = MetadataContext(tenant=tenant, run_id=job_id)
    repository.store(MetadataRecord(TARGET, "ingestion_volume", {"row_count": 1}, datetime.now(UTC), "w", context))
    jobs.perform(lease)
    again = jobs.retry(job_id)
    found = jobs.get(job_id)
    steps = jobs.steps(found)
    assert [(step.state, step.attempt) for step in steps] == [("queued", 0), ("running", 1), ("failed", 1)]
    assert steps[-1].error is not None
    assert [job.job_id for job in jobs.retries(job_id)] == [again.job_id]
    assert jobs.retries(again.job_id) == []
    assert [(item.kind, item.count, item.is_more) for item in jobs.wrote(found, ["ingestion_volume", "lineage"])] == [
        ("ingestion_volume", 1, False)
    ]
