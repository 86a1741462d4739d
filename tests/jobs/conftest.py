"""A store on each engine, and jobs of a tenant of the test's own in it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from factbook.database.control_tables import job_queue
from factbook.jobs import Handler, JobControl, Jobs
from factbook.jobs.projection import JobsProjection
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.job_run import JobState

TARGET = MetadataTarget("shop", "public", "orders")
_PATIENCE_SECONDS = 60.0

MakeJobs = Callable[..., Jobs]


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; how long it takes is not what is tested."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def wait_to_be_stopped(control: JobControl) -> None:
    """Work on until the check raises."""
    while True:
        control.check_cancelled()
        time.sleep(0.02)


def open_store(url: str) -> SqlRepository:
    return open_repository(url, admission=Admission(builtin_kinds()), projections=(JobsProjection(),))


def end_pauses(repository: SqlRepository, tenant: str) -> None:
    """Let every waiting job be due now."""
    with repository.transaction() as transaction:
        transaction.connection.execute(update(job_queue).where(job_queue.c.tenant == tenant).values(run_after=0))


def end_leases(repository: SqlRepository, tenant: str) -> None:
    """Let every lease be over, as if its worker had not been heard of for long."""
    with repository.transaction() as transaction:
        running = (job_queue.c.tenant == tenant, job_queue.c.state == JobState.RUNNING.value)
        transaction.connection.execute(update(job_queue).where(*running).values(lease_until=0))


def queue_length(repository: SqlRepository, tenant: str) -> int:
    with repository.reading() as connection:
        return len(connection.execute(select(job_queue.c.job_id).where(job_queue.c.tenant == tenant)).all())


def states(repository: SqlRepository, tenant: str, job_id: str) -> list[tuple[str, int]]:
    """Return (state, attempt) of each transition that the log holds of a job."""
    facts = repository.query("job_run", tenant=tenant, limit=10_000).records
    runs = [fact.record.payload for fact in facts if fact.record.context.job_id == job_id]
    return [(run["state"], run.get("attempt", 0)) for run in runs if run is not None]


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def repository(store_url: str) -> Iterator[SqlRepository]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def tenant() -> str:
    """Name a tenant of the test's own: the tests of a module share a database."""
    return f"tenant-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_jobs(repository: SqlRepository, tenant: str) -> MakeJobs:
    def make(work: Handler, **options: object) -> Jobs:
        return Jobs(repository, tenant=tenant, handlers={"work": work}, **options)  # type: ignore[arg-type]

    return make
