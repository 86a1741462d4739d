"""Jobs of one tenant: submit, run here, look at, cancel, retry."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from factbook.errors import FactbookError, InvalidRequest, NotFound
from factbook.jobs import listing
from factbook.jobs.model import Handler, Job, JobPage, OnProgress, Step, Submission, Written
from factbook.jobs.projection import PRODUCER_ID
from factbook.jobs.queue import JobQueue, Lease
from factbook.jobs.running import Run
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobRun, JobState
from factbook_sdk.repository.contract import StoredRecord, Within, check_limit
from factbook_sdk.repository.filters import Condition, Operator

MAX_STEPS = 200
MAX_WRITTEN = 100


class Jobs:
    """The jobs of one tenant. ``handlers`` maps a job type to what does its work.

    With ``retention_days`` the list leaves out jobs that finished longer ago. They are neither deleted from the view, which must stay what
    replaying the log gives, nor from the log; :meth:`get` still finds them.
    """

    def __init__(
        self,
        repository: SqlRepository,
        *,
        tenant: str,
        handlers: Mapping[str, Handler],
        lease_seconds: float = 30.0,
        max_attempts: int = 3,
        retention_days: int = 0,
        submitted: threading.Event | None = None,
    ) -> None:
        self._repository = repository
        self._tenant = tenant
        self._handlers = handlers
        self._max_attempts = max_attempts
        self._retention_days = retention_days
        self._lease_seconds = lease_seconds
        self._queue = JobQueue(repository, tenant=tenant, lease_seconds=lease_seconds)
        self._runs: dict[str, Run] = {}
        self.submitted = submitted or threading.Event()
        """Set when a job is queued in this process; a worker waits for it. Tenants that share a worker share it."""

    def submit(
        self, job_type: str, parameters: dict[str, Any], *, target: MetadataTarget, trigger: str, retry_of: str | None = None
    ) -> Job:
        """Queue a job for a worker."""
        self._handler(job_type)
        run = self._queue.enter(Submission(job_type, target, parameters, self._max_attempts, trigger, retry_of))
        self.submitted.set()
        return self._find(run.job_id)

    def run_here(
        self,
        job_type: str,
        parameters: dict[str, Any],
        *,
        target: MetadataTarget,
        trigger: str,
        on_progress: OnProgress | None = None,
    ) -> Job:
        """Run a job in this thread, leaving the same trace; raises what ended it.

        Somebody waits for the answer, so there is one attempt only. If this process dies, whoever looks next records the job as failed.
        """
        self._handler(job_type)
        lease = self._queue.enter_and_start(Submission(job_type, target, parameters, 1, trigger), new_worker_id())
        error = self.perform(lease, on_progress=on_progress)
        if error is not None:
            raise error
        return self._find(lease.run.job_id)

    @property
    def job_types(self) -> frozenset[str]:
        """The types of jobs that can be done here."""
        return frozenset(self._handlers)

    def claim(self, worker_id: str) -> Lease | None:
        """Take the next job that one of our handlers can do, those of lost workers included; ``None`` if none may run now."""
        if not self._queue.has_work(self._handlers.keys()):
            return None
        return self._queue.claim(worker_id, self._handlers.keys())

    def perform(
        self, lease: Lease, *, on_progress: OnProgress | None = None, on_begin: Callable[[Run], None] | None = None
    ) -> FactbookError | None:
        """Run a leased job to its end; return the error that ended the attempt."""
        job_id = lease.run.job_id
        run = Run(self._queue, lease, self._find(job_id), lease_seconds=self._lease_seconds, on_progress=on_progress)
        self._runs[job_id] = run
        if on_begin is not None:
            on_begin(run)
        try:
            return run.perform(self._handler(lease.run.job_type))
        finally:
            self._runs.pop(job_id, None)

    def get(self, job_id: str) -> Job:
        """Return a job; raises :class:`NotFound`."""
        self._settle_lost()
        return self._find(job_id)

    def page(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: JobState | str | None = None,
        source_id: str | None = None,
        job_type: str | None = None,
    ) -> JobPage:
        """Return jobs, newest first; finished ones older than the retention are left out (their facts stay)."""
        self._settle_lost()
        with self._repository.reading() as connection:
            return listing.page(
                connection,
                self._tenant,
                limit=check_limit(limit),
                cursor=cursor,
                state=None if state is None else listing.parse_state(state),
                source_id=source_id,
                job_type=job_type,
                finished_since=datetime.now(UTC) - timedelta(days=self._retention_days) if self._retention_days else None,
            )

    def live(self, *, limit: int = 50) -> list[Job]:
        """Return jobs that run, and then those that wait, the longest first."""
        self._settle_lost()
        with self._repository.reading() as connection:
            return listing.live(connection, self._tenant, check_limit(limit))

    def last_of_sources(self, source_ids: Collection[str], job_type: str) -> dict[str, Job]:
        """Return the last job of a type for each of these sources that has one."""
        self._settle_lost()
        with self._repository.reading() as connection:
            return listing.last_of_sources(connection, self._tenant, source_ids, job_type)

    def retries(self, job_id: str) -> list[Job]:
        """Return the jobs that repeat one, in order."""
        with self._repository.reading() as connection:
            return listing.retries(connection, self._tenant, job_id)

    def steps(self, job: Job) -> list[Step]:
        """Return a job's own way through its states, as the log tells it; at most :data:`MAX_STEPS`."""
        found = self._repository.query(
            "job_run",
            targets=[job.target],
            where=[Condition("payload.job_id", Operator.EQ, job.job_id)],
            producer_id=PRODUCER_ID,
            tenant=self._tenant,
            since=job.submitted_at,
            until=None if job.finished_at is None else job.finished_at + timedelta(microseconds=1),
            limit=MAX_STEPS,
        )
        return [_step(item) for item in found.records]

    def wrote(self, job: Job, kinds: Iterable[str]) -> list[Written]:
        """Return of which of these kinds a job stored facts about its source, and how many, up to :data:`MAX_WRITTEN`."""
        found = []
        for kind in kinds:
            page = self._repository.query(
                kind,
                targets=Within(job.source_id),
                where=[Condition("context.run_id", Operator.EQ, job.job_id)],
                tenant=self._tenant,
                since=job.submitted_at,
                until=None if job.finished_at is None else job.finished_at + timedelta(microseconds=1),
                limit=MAX_WRITTEN,
            )
            if page.records:
                found.append(Written(kind, len(page.records), page.next_cursor is not None))
        return found

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued job, ask a running one to stop; harmless if it is cancelled already.

        Raises :class:`InvalidRequest` if it has come to another end.
        """
        job = self.get(job_id)
        if not job.state.is_final:
            try:
                self._queue.request_cancel(job_id)
            except NotFound:  # it came to its end between the two looks
                job = self.get(job_id)
        if job.state in (JobState.SUCCEEDED, JobState.FAILED):
            raise InvalidRequest(f"The job {job_id} cannot be cancelled", why=f"it has {job.state.value} already", field="job_id")
        run = self._runs.get(job_id)
        if run is not None:
            run.wake()
        return self.get(job_id)

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
        return self.submit(job.job_type, job.parameters, target=job.target, trigger=trigger, retry_of=job_id)

    def counts(self) -> dict[str, int]:
        """Return how many jobs are queued and running."""
        self._settle_lost()
        return self._queue.counts()

    def _find(self, job_id: str) -> Job:
        with self._repository.reading() as connection:
            job = listing.find(connection, self._tenant, job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}", fix="`factbook jobs` lists what there is", field="job_id")
        return job

    def _settle_lost(self) -> None:
        """Take jobs from lost workers before anybody reads: also where no worker runs, none may be seen running that is not."""
        if self._queue.has_work(()):
            self._queue.reap()

    def _handler(self, job_type: str) -> Handler:
        handler = self._handlers.get(job_type)
        if handler is None:
            known = ", ".join(sorted(self._handlers)) or "none"
            raise InvalidRequest(f"Nobody here does jobs of type {job_type!r}", why=f"known are {known}", field="job_type")
        return handler


def _step(item: StoredRecord) -> Step:
    run = msgspec.convert(item.record.payload, JobRun)
    run_after = None if run.run_after is None else datetime.fromisoformat(run.run_after)
    return Step(item.record.produced_at, run.state, run.attempt, run.worker_id, run.error, run_after)


def new_worker_id() -> str:
    """Return a name for a worker that no other has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
