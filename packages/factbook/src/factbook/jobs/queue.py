"""The queue: rows for jobs that are not over, leased to whoever works on them.

Every transition changes the row and appends its ``job_run`` fact in one transaction, so queue and log never disagree. A lease that runs
out means that its worker is lost; whoever looks next takes the job from it. A lease is known by its worker and its attempt: what a lost
worker writes afterwards finds another pair in the row and changes nothing.

Locks are taken in one order, row before log, so that no two transactions wait for each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from factbook.database.control_tables import job_queue
from factbook.errors import NotFound
from factbook.jobs.model import Progress, Submission
from factbook.jobs.projection import PRODUCER_ID, jobs
from factbook.jobs.transitions import after_failure, after_loss, ended, queued, returned, started
from factbook.repository.appending import lock_head
from factbook.repository.rows import microseconds, moment
from factbook.repository.sql import Appending, SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobError, JobRun, JobState

_TICK = timedelta(microseconds=1)


class Lease(msgspec.Struct, frozen=True):
    """An attempt at a job of ``tenant``, held by ``run.worker_id``."""

    run: JobRun
    target: MetadataTarget
    tenant: str
    cancel_requested: bool = False


class JobQueue:
    """The transitions of one tenant's jobs."""

    def __init__(self, repository: SqlRepository, *, tenant: str, lease_seconds: float) -> None:
        self._repository = repository
        self._tenant = tenant
        self._lease_seconds = lease_seconds

    def enter(self, submission: Submission) -> JobRun:
        """Queue a job under a new id."""
        with self._repository.transaction() as transaction:
            return self._enter(transaction, submission)[0]

    def enter_and_start(self, submission: Submission, worker_id: str) -> Lease:
        """Queue a job and start it in the same transaction, so that no other worker can take it."""
        with self._repository.transaction() as transaction:
            run, now = self._enter(transaction, submission)
            running = started(run, worker_id)
            self._move(transaction, running, submission.target, now + _TICK)
            return Lease(running, submission.target, self._tenant)

    def has_work(self, job_types: Collection[str]) -> bool:
        """Return whether there is anything to claim or to reap: one read, so that idle workers write nothing."""
        with self._repository.reading() as connection:
            now = _now(connection)
            found = or_(and_(*self._waits(now, job_types)), and_(*self._is_lost(now)))
            return connection.scalar(select(job_queue.c.job_id).where(found).limit(1)) is not None

    def claim(self, worker_id: str, job_types: Collection[str]) -> Lease | None:
        """Take the job that has waited longest, jobs of lost workers included; ``None`` if none may run now.

        Several workers never get the same one.
        """
        with self._repository.transaction() as transaction:
            connection = transaction.connection
            now = _now(connection)
            self._reap(transaction, now)
            statement = select(job_queue).where(*self._waits(now, job_types)).order_by(job_queue.c.run_after, job_queue.c.job_id)
            row = connection.execute(statement.limit(1).with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            run = started(_run(row), worker_id)
            self._move(transaction, run, _target(row), _after(row, now))
            return Lease(run, _target(row), self._tenant, bool(row.cancel_requested))

    def renew(self, lease: Lease, progress: Progress | None) -> bool | None:
        """Prolong a lease and publish progress; return whether cancelling was asked for, ``None`` if the lease is lost."""
        with self._repository.database.writing() as connection:
            values: dict[str, Any] = {"lease_until": microseconds(_now(connection)) + self._lease_microseconds}
            if progress is not None:
                values |= {"progress_done": progress.done, "progress_total": progress.total, "progress_text": progress.text}
            statement = update(job_queue).where(*self._is_held(lease)).values(**values).returning(job_queue.c.cancel_requested)
            return _flag(connection.scalar(statement))

    def look(self, lease: Lease) -> bool | None:
        """Answer as :meth:`renew` does, without writing."""
        with self._repository.reading() as connection:
            return _flag(connection.scalar(select(job_queue.c.cancel_requested).where(*self._is_held(lease))))

    def succeed(self, lease: Lease, result: dict[str, Any] | None) -> bool:
        """End a job well. Like every way out of a lease: ``False``, and nothing changes, if the lease is lost by now."""
        return self._leave(lease, lambda now: ended(lease.run, JobState.SUCCEEDED, result=result))

    def fail(self, lease: Lease, error: JobError) -> bool:
        """End a job that another attempt would not help."""
        return self._leave(lease, lambda now: ended(lease.run, JobState.FAILED, error=error))

    def cancel(self, lease: Lease, error: JobError | None = None) -> bool:
        """End a job whose handler stopped when asked to."""
        return self._leave(lease, lambda now: ended(lease.run, JobState.CANCELLED, error=error))

    def try_again(self, lease: Lease, error: JobError) -> bool:
        """Queue the next attempt after a pause, or fail the job when there is none left."""
        return self._leave(lease, lambda now: after_failure(lease.run, now, error))

    def give_back(self, lease: Lease) -> bool:
        """Queue a job again that a stopping worker broke off."""
        return self._leave(lease, lambda now: returned(lease.run, now))

    def give_up(self, lease: Lease) -> bool:
        """Do to our own job what whoever finds its lease run out would do."""
        return self._leave(lease, lambda now: after_loss(lease.run, now, self._lease_seconds))

    def reap(self) -> None:
        """Take jobs from workers that are lost: try again while attempts remain, else fail."""
        with self._repository.transaction() as transaction:
            self._reap(transaction, _now(transaction.connection))

    def request_cancel(self, job_id: str) -> None:
        """Cancel a queued job at once, ask a running one to stop; raises :class:`NotFound` if it is not in the queue."""
        with self._repository.transaction() as transaction:
            row = self._lock(transaction.connection, job_id)
            if row is None:
                raise NotFound(f"The job {job_id} is not waiting and not running", field="job_id")
            if row.state == JobState.QUEUED.value:
                run = ended(_run(row), JobState.CANCELLED, error=_run(row).error)
                self._settle(transaction, row, run, _now(transaction.connection))
            else:
                transaction.connection.execute(update(job_queue).where(*self._is(job_id)).values(cancel_requested=True))

    def counts(self) -> dict[str, int]:
        """Return how many jobs are queued and running."""
        statement = select(job_queue.c.state, func.count()).where(job_queue.c.tenant == self._tenant).group_by(job_queue.c.state)
        with self._repository.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(statement)}
        return {state.value: found.get(state.value, 0) for state in (JobState.QUEUED, JobState.RUNNING)}

    @property
    def _lease_microseconds(self) -> int:
        return round(self._lease_seconds * 1_000_000)

    def _enter(self, transaction: Appending, submission: Submission) -> tuple[JobRun, datetime]:
        connection = transaction.connection
        lock_head(connection)  # whoever holds it alone gives ids, so an id found free stays free
        now = _now(connection)
        run = queued(submission, self._new_id(connection, submission.job_type, now))
        place = {"job_id": run.job_id, "tenant": self._tenant, "job_type": run.job_type, "target": _json(submission.target)}
        connection.execute(insert(job_queue).values(**place, cancel_requested=False, **self._columns(run, now)))
        self._say(transaction, run, submission.target, now)
        return run, now

    def _new_id(self, connection: Connection, job_type: str, now: datetime) -> str:
        """Return a readable id that sorts by time: ``scan-20260131T120000Z-3f9a2c``."""
        while True:
            job_id = f"{job_type}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
            taken = select(jobs.c.job_id).where(jobs.c.tenant == self._tenant, jobs.c.job_id == job_id)
            if connection.scalar(taken) is None:
                return job_id

    def _reap(self, transaction: Appending, now: datetime) -> None:
        lost = select(job_queue).where(*self._is_lost(now)).with_for_update(skip_locked=True)
        for row in transaction.connection.execute(lost).all():
            self._settle(transaction, row, after_loss(_run(row), now, self._lease_seconds), now)

    def _leave(self, lease: Lease, transition: Callable[[datetime], JobRun]) -> bool:
        with self._repository.transaction() as transaction:
            row = self._lock(transaction.connection, lease.run.job_id)
            if row is None or (row.worker_id, row.attempt, row.state) != (lease.run.worker_id, lease.run.attempt, JobState.RUNNING.value):
                return False
            now = _now(transaction.connection)
            self._settle(transaction, row, transition(now), now)
            return True

    def _settle(self, transaction: Appending, row: Any, run: JobRun, now: datetime) -> None:
        """Move a job on, or end it. A job that would wait again although somebody asked to cancel it is cancelled."""
        if run.state is JobState.QUEUED and row.cancel_requested:
            run = ended(run, JobState.CANCELLED, error=run.error)
        if run.state.is_final:
            self._say(transaction, run, _target(row), _after(row, now))
            transaction.connection.execute(delete(job_queue).where(*self._is(run.job_id)))
        else:
            self._move(transaction, run, _target(row), _after(row, now))

    def _move(self, transaction: Appending, run: JobRun, target: MetadataTarget, now: datetime) -> None:
        transaction.connection.execute(update(job_queue).where(*self._is(run.job_id)).values(**self._columns(run, now)))
        self._say(transaction, run, target, now)

    def _columns(self, run: JobRun, now: datetime) -> dict[str, Any]:
        is_running = run.state is JobState.RUNNING
        run_after = now if run.run_after is None else datetime.fromisoformat(run.run_after)
        return {
            "state": run.state.value,
            "run": _json(run),
            "attempt": run.attempt,
            "moved_at": microseconds(now),
            "run_after": microseconds(run_after),
            "worker_id": run.worker_id,
            "lease_until": microseconds(now) + self._lease_microseconds if is_running else None,
            "progress_done": None,
            "progress_total": None,
            "progress_text": None,
        }

    def _say(self, transaction: Appending, run: JobRun, target: MetadataTarget, now: datetime) -> None:
        context = MetadataContext(job_id=run.job_id, run_id=run.job_id, tenant=self._tenant)
        transaction.append([MetadataRecord(target, "job_run", msgspec.to_builtins(run), now, PRODUCER_ID, context)])

    def _lock(self, connection: Connection, job_id: str) -> Any:
        return connection.execute(select(job_queue).where(*self._is(job_id)).with_for_update()).first()

    def _is(self, job_id: str) -> tuple[ColumnElement[bool], ...]:
        return job_queue.c.tenant == self._tenant, job_queue.c.job_id == job_id

    def _is_held(self, lease: Lease) -> tuple[ColumnElement[bool], ...]:
        run = lease.run
        return *self._is(run.job_id), job_queue.c.worker_id == run.worker_id, job_queue.c.attempt == run.attempt

    def _waits(self, now: datetime, job_types: Collection[str]) -> tuple[ColumnElement[bool], ...]:
        return job_queue.c.tenant == self._tenant, *_waits(now, job_types)

    def _is_lost(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return job_queue.c.tenant == self._tenant, *_is_lost(now)


def tenants_with_work(repository: SqlRepository, job_types: Collection[str]) -> list[str]:
    """Return the tenants of whose jobs there is one to claim or to reap, by one read."""
    with repository.reading() as connection:
        now = _now(connection)
        found = or_(and_(*_waits(now, job_types)), and_(*_is_lost(now)))
        return list(connection.scalars(select(job_queue.c.tenant).where(found).distinct().order_by(job_queue.c.tenant)))


def _waits(now: datetime, job_types: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        job_queue.c.state == JobState.QUEUED.value,
        job_queue.c.run_after <= microseconds(now),
        job_queue.c.job_type.in_(sorted(job_types)),
    )


def _is_lost(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return job_queue.c.state == JobState.RUNNING.value, job_queue.c.lease_until < microseconds(now)


def _now(connection: Connection) -> datetime:
    """Return the time all workers share: the server's clock on PostgreSQL, since workers on several machines judge each other's leases."""
    if connection.dialect.name == "postgresql":
        shared: datetime = connection.scalars(select(func.clock_timestamp())).one()
        return shared.astimezone(UTC)
    return datetime.now(UTC)


def _after(row: Any, now: datetime) -> datetime:
    """Return ``now``, or just after the job's last transition where a clock was set back in between."""
    return max(now, moment(row.moved_at) + _TICK)


def _run(row: Any) -> JobRun:
    return msgspec.json.decode(row.run, type=JobRun)


def _target(row: Any) -> MetadataTarget:
    return msgspec.json.decode(row.target, type=MetadataTarget)


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)
