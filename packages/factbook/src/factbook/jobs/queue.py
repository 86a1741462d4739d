"""The queue: rows for jobs that are not over, leased to whoever works on them.

Every transition changes the row and appends its ``job_run`` fact in one transaction, so queue and log never disagree. A lease that runs
out means that its worker is lost; the next one to look takes the job over.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, insert, or_, select, update

from factbook.database.control_tables import job_queue
from factbook.repository.rows import microseconds
from factbook.repository.sql import Appending, SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobError, JobRun, JobState

PRODUCER_ID = "jobs.v1"


class Lease(msgspec.Struct, frozen=True):
    """A job that a worker holds: the last transition, and what it is about."""

    run: JobRun
    source_id: str
    worker_id: str
    cancel_requested: bool


class JobQueue:
    """Transitions of one tenant's jobs."""

    def __init__(self, repository: SqlRepository, *, tenant: str, lease_seconds: float) -> None:
        self._repository = repository
        self._tenant = tenant
        self._lease = timedelta(seconds=lease_seconds)

    def enter(self, run: JobRun, source_id: str) -> None:
        """Queue a job."""
        with self._repository.transaction() as transaction:
            now = self._say(transaction, run, source_id)
            transaction.connection.execute(
                insert(job_queue).values(
                    job_id=run.job_id,
                    tenant=self._tenant,
                    job_type=run.job_type,
                    source_id=source_id,
                    cancel_requested=False,
                    run_after=microseconds(now),
                    **self._held(run, now),
                )
            )

    def start(self, run: JobRun, source_id: str) -> None:
        """Record that a job just entered is being worked on by whoever entered it."""
        with self._repository.transaction() as transaction:
            self._move(transaction, run, source_id)

    def has_waiting(self) -> bool:
        """Return whether a job may run now: a read, so that idle workers write nothing."""
        waiting = (
            job_queue.c.tenant == self._tenant,
            job_queue.c.state == JobState.QUEUED.value,
            job_queue.c.run_after <= microseconds(datetime.now(UTC)),
        )
        with self._repository.reading() as connection:
            return connection.scalar(select(job_queue.c.job_id).where(*waiting).limit(1)) is not None

    def claim(self, worker_id: str) -> Lease | None:
        """Take the job that has waited longest; ``None`` if none may run now. Several workers never get the same one."""
        with self._repository.transaction() as transaction:
            statement = (
                select(job_queue)
                .where(
                    job_queue.c.tenant == self._tenant,
                    job_queue.c.state == JobState.QUEUED.value,
                    job_queue.c.run_after <= microseconds(datetime.now(UTC)),
                )
                .order_by(job_queue.c.run_after, job_queue.c.job_id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = transaction.connection.execute(statement).first()
            if row is None:
                return None
            waiting = _run(row)
            run = msgspec.structs.replace(
                waiting, state=JobState.RUNNING, attempt=waiting.attempt + 1, worker_id=worker_id, error=None, run_after=None
            )
            self._move(transaction, run, row.source_id)
            return Lease(run, row.source_id, worker_id, bool(row.cancel_requested))

    def renew(self, job_id: str, worker_id: str, progress: tuple[int, int | None, str] | None) -> bool | None:
        """Prolong a lease and publish progress; return whether cancelling was asked for, ``None`` if the lease is lost."""
        values: dict[str, Any] = {"lease_until": microseconds(datetime.now(UTC) + self._lease)}
        if progress is not None:
            values |= {"progress_done": progress[0], "progress_total": progress[1], "progress_text": progress[2]}
        mine = (job_queue.c.job_id == job_id, job_queue.c.worker_id == worker_id)
        with self._repository.database.writing() as connection:
            if not connection.execute(update(job_queue).where(*mine).values(**values)).rowcount:
                return None
            return bool(connection.scalar(select(job_queue.c.cancel_requested).where(*mine)))

    def leave(self, lease: Lease, state: JobState, *, error: JobError | None = None, result: dict[str, Any] | None = None) -> bool:
        """End a job; return ``False`` and change nothing if another worker holds it by now."""
        run = msgspec.structs.replace(lease.run, state=state, error=error, result=result)
        with self._repository.transaction() as transaction:
            if not self._is_held(transaction, lease):
                return False
            self._say(transaction, run, lease.source_id)
            transaction.connection.execute(delete(job_queue).where(job_queue.c.job_id == run.job_id))
            return True

    def requeue(self, lease: Lease, delay: timedelta, *, error: JobError | None = None, counts: bool = True) -> bool:
        """Give a job back to run again after ``delay``; without ``counts`` this attempt is forgotten."""
        run = self._waiting(lease.run, delay, error, counts)
        with self._repository.transaction() as transaction:
            if not self._is_held(transaction, lease):
                return False
            self._move(transaction, run, lease.source_id)
            return True

    def reap(self) -> int:
        """Take jobs from workers that are lost: retry them while attempts remain, else fail them. Return how many."""
        now = datetime.now(UTC)
        lost = (
            job_queue.c.tenant == self._tenant,
            job_queue.c.state == JobState.RUNNING.value,
            or_(job_queue.c.lease_until.is_(None), job_queue.c.lease_until < microseconds(now)),
        )
        with self._repository.reading() as connection:
            if connection.scalar(select(job_queue.c.job_id).where(*lost).limit(1)) is None:
                return 0
        with self._repository.transaction() as transaction:
            rows = transaction.connection.execute(select(job_queue).where(*lost).with_for_update(skip_locked=True)).all()
            for row in rows:
                self._take_from_lost(transaction, _run(row), row.source_id, cancelled=bool(row.cancel_requested))
            return len(rows)

    def request_cancel(self, job_id: str) -> bool:
        """Cancel a queued job at once, ask a running one to stop; return ``False`` if the job is over or unknown."""
        with self._repository.transaction() as transaction:
            mine = (job_queue.c.job_id == job_id, job_queue.c.tenant == self._tenant)
            row = transaction.connection.execute(select(job_queue).where(*mine).with_for_update()).first()
            if row is None:
                return False
            if row.state == JobState.QUEUED.value:
                self._say(transaction, msgspec.structs.replace(_run(row), state=JobState.CANCELLED, run_after=None), row.source_id)
                transaction.connection.execute(delete(job_queue).where(*mine))
            else:
                transaction.connection.execute(update(job_queue).where(*mine).values(cancel_requested=True))
            return True

    def _take_from_lost(self, transaction: Appending, run: JobRun, source_id: str, *, cancelled: bool) -> None:
        error = JobError("worker_lost", f"The worker {run.worker_id} was not heard of for {self._lease.total_seconds():g} s")
        if not cancelled and run.attempt < run.max_attempts:
            self._move(transaction, self._waiting(run, timedelta(0), error, counts=True), source_id)
            return
        state = JobState.CANCELLED if cancelled else JobState.FAILED
        self._say(transaction, msgspec.structs.replace(run, state=state, error=error), source_id)
        transaction.connection.execute(delete(job_queue).where(job_queue.c.job_id == run.job_id))

    @staticmethod
    def _waiting(run: JobRun, delay: timedelta, error: JobError | None, counts: bool) -> JobRun:
        return msgspec.structs.replace(
            run,
            state=JobState.QUEUED,
            error=error,
            worker_id=None,
            attempt=run.attempt if counts else run.attempt - 1,
            run_after=(datetime.now(UTC) + delay).isoformat(),
        )

    def _is_held(self, transaction: Appending, lease: Lease) -> bool:
        statement = select(job_queue.c.worker_id, job_queue.c.attempt).where(job_queue.c.job_id == lease.run.job_id).with_for_update()
        return transaction.connection.execute(statement).first() == (lease.worker_id, lease.run.attempt)

    def _move(self, transaction: Appending, run: JobRun, source_id: str) -> None:
        now = self._say(transaction, run, source_id)
        values = self._held(run, now)
        if run.run_after is not None:
            values["run_after"] = microseconds(datetime.fromisoformat(run.run_after))
        transaction.connection.execute(update(job_queue).where(job_queue.c.job_id == run.job_id).values(**values))

    def _held(self, run: JobRun, now: datetime) -> dict[str, Any]:
        running = run.state is JobState.RUNNING
        return {
            "state": run.state.value,
            "run": msgspec.json.encode(run).decode(),
            "attempt": run.attempt,
            "worker_id": run.worker_id if running else None,
            "lease_until": microseconds(now + self._lease) if running else None,
            "progress_done": None,
            "progress_total": None,
            "progress_text": None,
        }

    def _say(self, transaction: Appending, run: JobRun, source_id: str) -> datetime:
        """Append the transition as a fact; return its time."""
        now = datetime.now(UTC)
        context = MetadataContext(job_id=run.job_id, run_id=run.job_id, tenant=self._tenant)
        payload = msgspec.to_builtins(run)
        transaction.append([MetadataRecord(MetadataTarget(source_id), "job_run", payload, now, PRODUCER_ID, context)])
        return now


def _run(row: Any) -> JobRun:
    return msgspec.json.decode(row.run, type=JobRun)
