"""Processes that are killed in the middle, and processes that race."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.jobs.child import LEASE_SECONDS, work
from tests.jobs.conftest import TARGET, eventually, queue_length, states

from factbook.jobs import Jobs, Progress
from factbook.jobs.worker import Worker
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.kinds.job_run import JobState

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(store_url: str, tenant: str, repository: SqlRepository) -> Iterator[Start]:
    """Start ``child.py`` in a role; whatever still runs at the end is killed."""
    children: list[subprocess.Popen[bytes]] = []

    def start_child(role: str, *rest: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, str(Path(__file__).with_name("child.py")), role, store_url, tenant, *rest])
        children.append(child)
        return child

    yield start_child
    for child in children:
        child.kill()
        child.wait()


@pytest.fixture
def jobs(repository: SqlRepository, tenant: str) -> Jobs:
    return Jobs(repository, tenant=tenant, handlers={"work": work}, lease_seconds=LEASE_SECONDS)


def kill(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_a_job_whose_worker_is_killed_is_finished_by_another(
    start: Start, jobs: Jobs, repository: SqlRepository, tenant: str, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    job_id = jobs.submit("work", {"slow": str(reached)}, target=TARGET, trigger="test").job_id
    child = start("worker")
    eventually(reached.exists)
    assert jobs.get(job_id).state is JobState.RUNNING
    kill(child)
    worker = Worker(jobs)
    worker.start()
    try:
        eventually(lambda: jobs.get(job_id).state is JobState.SUCCEEDED)
    finally:
        worker.stop()
    assert states(repository, tenant, job_id) == [("queued", 0), ("running", 1), ("queued", 1), ("running", 2), ("succeeded", 2)]
    assert queue_length(repository, tenant) == 0


def test_a_job_run_in_a_killed_foreground_process_is_found_failed_though_no_worker_runs(
    start: Start, jobs: Jobs, repository: SqlRepository, tenant: str, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    child = start("here", str(reached))
    eventually(reached.exists)
    job_id = jobs.page().items[0].job_id
    kill(child)
    eventually(lambda: jobs.get(job_id).state is JobState.FAILED)
    error = jobs.get(job_id).error
    assert error is not None
    assert error.code == "worker_lost"
    assert states(repository, tenant, job_id) == [("queued", 0), ("running", 1), ("failed", 1)]


def test_a_job_of_another_process_shows_its_progress_and_can_be_cancelled(start: Start, jobs: Jobs, tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    child = start("here", str(reached))
    eventually(reached.exists)
    job_id = jobs.page().items[0].job_id
    eventually(lambda: jobs.get(job_id).progress == Progress(1, 2, "half-way"))
    assert jobs.cancel(job_id).cancel_requested
    eventually(lambda: jobs.get(job_id).state is JobState.CANCELLED)
    assert child.wait() == 1


def test_worker_processes_run_each_of_fifty_jobs_once(
    start: Start, jobs: Jobs, repository: SqlRepository, tenant: str, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    start("worker")
    start("worker")
    assert start("submit", str(ran)).wait() == 0
    eventually(lambda: queue_length(repository, tenant) == 0)
    assert sorted(map(int, ran.read_text().split())) == list(range(50))
    assert {job.state for job in jobs.page(limit=100).items} == {JobState.SUCCEEDED}
    assert len(repository.query("job_run", tenant=tenant, limit=1000).records) == 150
