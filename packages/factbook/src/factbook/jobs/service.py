"""Jobs of one tenant: submit, run here, look at, cancel, retry."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import RowMapping, and_, or_, select

from factbook.database.control_tables import job_queue
from factbook.errors import InternalError, InvalidRequest, NotFound
from factbook.jobs.model import Handler, Job, JobPage, OnProgress, Progress
from factbook.jobs.projection import jobs
from factbook.jobs.queue import JobQueue, Lease
from factbook.jobs.running import Run
from factbook.repository.rows import microseconds, moment
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobRun, JobState
from factbook_sdk.repository.contract import check_limit


class Jobs:
    """The jobs of one tenant. ``handlers`` maps a job type to what does its work."""

    def __init__(
        self,
        repository: SqlRepository,
        *,
        tenant: str,
        handlers: Mapping[str, Handler],
        lease_seconds: float = 30.0,
        max_attempts: int = 3,
        retention_days: int = 0,
    ) -> None:
        self._repository = repository
        self._tenant = tenant
        self._handlers = handlers
        self._max_attempts = max_attempts
        self._retention_days = retention_days
        self.lease_seconds = lease_seconds
        self.queue = JobQueue(repository, tenant=tenant, lease_seconds=lease_seconds)
        self.submitted = threading.Event()

    def submit(
        self, job_type: str, parameters: dict[str, Any], *, target: MetadataTarget, trigger: str, retry_of: str | None = None
    ) -> Job:
        """Queue a job for a worker."""
        run = self._new_run(job_type, parameters, trigger, retry_of)
        self.queue.enter(run, target.source_id)
        self.submitted.set()
        return self.get(run.job_id)

    def run_here(
        self,
        job_type: str,
        parameters: dict[str, Any],
        *,
        target: MetadataTarget,
        trigger: str,
        on_progress: OnProgress | None = None,
    ) -> Job:
        """Run a job in this thread, one attempt, leaving the same trace; raises what ended it."""
        queued = msgspec.structs.replace(self._new_run(job_type, parameters, trigger, None), max_attempts=1)
        worker_id = new_worker_id()
        running = msgspec.structs.replace(queued, state=JobState.RUNNING, attempt=1, worker_id=worker_id)
        self.queue.enter(queued, target.source_id)
        self.queue.start(running, target.source_id)
        error = self.perform(Lease(running, target.source_id, worker_id, cancel_requested=False), on_progress)
        if error is not None:
            raise error
        return self.get(queued.job_id)

    def perform(
        self, lease: Lease, on_progress: OnProgress | None = None, on_start: Callable[[Run], None] | None = None
    ) -> Exception | None:
        """Run a leased job to its end; return the error that ended it."""
        run = Run(self.queue, lease, self.get(lease.run.job_id), lease_seconds=self.lease_seconds, on_progress=on_progress)
        if on_start is not None:
            on_start(run)
        return run.perform(self._handler(lease.run.job_type))

    def get(self, job_id: str) -> Job:
        """Return a job; raises :class:`NotFound`."""
        with self._repository.reading() as connection:
            row = connection.execute(_select(self._tenant).where(jobs.c.job_id == job_id)).mappings().first()
        if row is None:
            raise NotFound(f"There is no job {job_id!r}", fix="`factbook jobs` lists what there is", field="job_id")
        return _job(row)

    def page(
        self, *, limit: int = 50, cursor: str | None = None, state: JobState | str | None = None, source_id: str | None = None
    ) -> JobPage:
        """Return jobs, newest first; finished ones older than the retention are left out (their facts stay)."""
        check_limit(limit)
        statement = _select(self._tenant).order_by(jobs.c.submitted_at.desc(), jobs.c.job_id.desc()).limit(limit + 1)
        if state is not None:
            statement = statement.where(jobs.c.state == _state(state).value)
        if source_id is not None:
            statement = statement.where(jobs.c.source_id == source_id)
        if self._retention_days:
            oldest = microseconds(datetime.now(UTC) - timedelta(days=self._retention_days))
            statement = statement.where(or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= oldest))
        if cursor is not None:
            submitted_at, job_id = _parse_cursor(cursor)
            same = and_(jobs.c.submitted_at == submitted_at, jobs.c.job_id < job_id)
            statement = statement.where(or_(jobs.c.submitted_at < submitted_at, same))
        with self._repository.reading() as connection:
            found = [_job(row) for row in connection.execute(statement).mappings()]
        more = len(found) > limit
        return JobPage(found[:limit], f"{microseconds(found[limit - 1].submitted_at)}~{found[limit - 1].job_id}" if more else None)

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued job, ask a running one to stop; raises :class:`InvalidRequest` if it is over."""
        job = self.get(job_id)
        if not self.queue.request_cancel(job_id):
            raise InvalidRequest(f"The job {job_id} is over", why=f"it has {self.get(job_id).state.value}", field="job_id")
        return self.get(job.job_id)

    def retry(self, job_id: str, *, trigger: str = "retry") -> Job:
        """Submit a failed or cancelled job again, as a new job that names the old one."""
        job = self.get(job_id)
        if job.state not in (JobState.FAILED, JobState.CANCELLED):
            raise InvalidRequest(
                f"The job {job_id} cannot be retried",
                why=f"it is {job.state.value}",
                fix="Only failed and cancelled jobs can",
                field="job_id",
            )
        return self.submit(job.job_type, job.parameters, target=MetadataTarget(job.source_id), trigger=trigger, retry_of=job_id)

    def counts(self) -> dict[str, int]:
        """Return how many jobs are queued and running."""
        with self._repository.reading() as connection:
            states = connection.scalars(select(job_queue.c.state).where(job_queue.c.tenant == self._tenant)).all()
        return {state: states.count(state) for state in (JobState.QUEUED.value, JobState.RUNNING.value)}

    def _new_run(self, job_type: str, parameters: dict[str, Any], trigger: str, retry_of: str | None) -> JobRun:
        self._handler(job_type)
        return JobRun(
            job_id=f"{job_type}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            job_type=job_type,
            state=JobState.QUEUED,
            max_attempts=self._max_attempts,
            trigger=trigger,
            parameters=parameters,
            retry_of=retry_of,
        )

    def _handler(self, job_type: str) -> Handler:
        if job_type not in self._handlers:
            raise InternalError(f"Nobody here does jobs of type {job_type!r}", why=f"known are {', '.join(sorted(self._handlers))}")
        return self._handlers[job_type]


def new_worker_id() -> str:
    """Return a name for a worker that no other has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def _select(tenant: str) -> Any:
    live = (job_queue.c.progress_done, job_queue.c.progress_total, job_queue.c.progress_text, job_queue.c.cancel_requested)
    return select(jobs, *live).outerjoin(job_queue, job_queue.c.job_id == jobs.c.job_id).where(jobs.c.tenant == tenant)


def _job(row: RowMapping) -> Job:
    run = msgspec.json.decode(row["run"], type=JobRun)
    progress = None
    if row["progress_done"] is not None:
        progress = Progress(row["progress_done"], row["progress_total"], row["progress_text"] or "")
    times = {name: None if row[name] is None else moment(row[name]) for name in ("started_at", "finished_at")}
    return Job(
        job_id=run.job_id,
        job_type=run.job_type,
        state=run.state,
        source_id=row["source_id"],
        trigger=run.trigger,
        parameters=msgspec.json.decode(row["parameters"]),
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        submitted_at=moment(row["submitted_at"]),
        run_after=None if run.run_after is None else datetime.fromisoformat(run.run_after),
        error=run.error,
        result=run.result,
        retry_of=run.retry_of,
        progress=progress,
        cancel_requested=bool(row["cancel_requested"]),
        **times,
    )


def _state(state: JobState | str) -> JobState:
    try:
        return JobState(state)
    except ValueError as error:
        raise InvalidRequest(f"{state!r} is no job state", fix=f"Choose {', '.join(JobState)}", field="state") from error


def _parse_cursor(cursor: str) -> tuple[int, str]:
    submitted_at, _, job_id = cursor.partition("~")
    if not submitted_at.lstrip("-").isdigit() or not job_id:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor")
    return int(submitted_at), job_id
