"""The job list as it is read: the view of the log, with the live progress of the queue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, and_, func, or_, select

from factbook.database.control_tables import job_queue
from factbook.errors import InvalidRequest
from factbook.jobs.model import Job, JobPage, Progress
from factbook.jobs.projection import jobs
from factbook.repository.rows import microseconds, moment
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobRun, JobState

_LIVE = (job_queue.c.progress_done, job_queue.c.progress_total, job_queue.c.progress_text, job_queue.c.cancel_requested)


def find(connection: Connection, tenant: str, job_id: str) -> Job | None:
    """Return a job, if there is one of that id."""
    row = connection.execute(_jobs(tenant).where(jobs.c.job_id == job_id)).mappings().first()
    return None if row is None else _job(row)


def page(
    connection: Connection,
    tenant: str,
    *,
    limit: int,
    cursor: str | None = None,
    state: JobState | None = None,
    source_id: str | None = None,
    job_type: str | None = None,
    finished_since: datetime | None = None,
) -> JobPage:
    """Return jobs, newest first, without those that finished before ``finished_since``."""
    statement = _jobs(tenant).order_by(jobs.c.submitted_at.desc(), jobs.c.job_id.desc()).limit(limit + 1)
    if state is not None:
        statement = statement.where(jobs.c.state == state.value)
    if source_id is not None:
        statement = statement.where(jobs.c.source_id == source_id)
    if job_type is not None:
        statement = statement.where(jobs.c.job_type == job_type)
    if finished_since is not None:
        statement = statement.where(or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= microseconds(finished_since)))
    if cursor is not None:
        submitted_at, job_id = _parse_cursor(cursor)
        same = and_(jobs.c.submitted_at == submitted_at, jobs.c.job_id < job_id)
        statement = statement.where(or_(jobs.c.submitted_at < submitted_at, same))
    found = [_job(row) for row in connection.execute(statement).mappings()]
    items = found[:limit]
    return JobPage(items, f"{microseconds(items[-1].submitted_at)}~{items[-1].job_id}" if len(found) > limit else None)


def live(connection: Connection, tenant: str, limit: int) -> list[Job]:
    """Return jobs that run, and then those that wait, the longest first."""
    # The queue is short and the list of jobs is long, which not every planner finds out by itself.
    queued = select(job_queue.c.job_id).where(job_queue.c.tenant == tenant)
    ordered = queued.order_by(job_queue.c.state.desc(), job_queue.c.moved_at, job_queue.c.job_id).limit(limit)
    job_ids = list(connection.scalars(ordered))
    found = {row["job_id"]: _job(row) for row in connection.execute(_jobs(tenant).where(jobs.c.job_id.in_(job_ids))).mappings()}
    return [found[job_id] for job_id in job_ids if job_id in found]


def last_of_sources(connection: Connection, tenant: str, source_ids: Collection[str], job_type: str) -> dict[str, Job]:
    """Return the job of a type that was submitted last for each of these sources, where there is one."""
    of_type = (jobs.c.tenant == tenant, jobs.c.job_type == job_type, jobs.c.source_id.in_(source_ids))
    newest = select(jobs.c.source_id, func.max(jobs.c.submitted_at)).where(*of_type).group_by(jobs.c.source_id)
    last = {row[0]: row[1] for row in connection.execute(newest)}
    rows = connection.execute(_jobs(tenant).where(*of_type, jobs.c.submitted_at.in_(set(last.values()))).order_by(jobs.c.job_id))
    return {row["source_id"]: _job(row) for row in rows.mappings() if last[row["source_id"]] == row["submitted_at"]}


def retries(connection: Connection, tenant: str, job_id: str) -> list[Job]:
    """Return the jobs that repeat one, in order."""
    statement = _jobs(tenant).where(jobs.c.retry_of == job_id).order_by(jobs.c.submitted_at, jobs.c.job_id)
    return [_job(row) for row in connection.execute(statement).mappings()]


def parse_state(state: JobState | str) -> JobState:
    """Return the state of that name; raises :class:`InvalidRequest` with those there are."""
    try:
        return JobState(state)
    except ValueError as error:
        raise InvalidRequest(f"{state!r} is no job state", fix=f"Choose {', '.join(JobState)}", field="state") from error


def _jobs(tenant: str) -> Select[Any]:
    in_queue = and_(job_queue.c.tenant == jobs.c.tenant, job_queue.c.job_id == jobs.c.job_id)
    return select(jobs, *_LIVE).outerjoin(job_queue, in_queue).where(jobs.c.tenant == tenant)


def _job(row: RowMapping) -> Job:
    run = msgspec.json.decode(row["run"], type=JobRun)
    progress = None
    if row["progress_done"] is not None:
        progress = Progress(row["progress_done"], row["progress_total"], row["progress_text"] or "")
    return Job(
        job_id=run.job_id,
        job_type=run.job_type,
        state=run.state,
        source_id=row["source_id"],
        target=msgspec.json.decode(row["target"], type=MetadataTarget),
        trigger=run.trigger,
        parameters=run.parameters,
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        submitted_at=moment(row["submitted_at"]),
        started_at=_moment(row["started_at"]),
        finished_at=_moment(row["finished_at"]),
        run_after=None if run.run_after is None else datetime.fromisoformat(run.run_after),
        worker_id=run.worker_id,
        error=run.error,
        result=run.result,
        retry_of=run.retry_of,
        progress=progress,
        cancel_requested=bool(row["cancel_requested"]),
    )


def _moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)


def _parse_cursor(cursor: str) -> tuple[int, str]:
    submitted_at, _, job_id = cursor.partition("~")
    if not (submitted_at.isascii() and submitted_at.isdigit() and len(submitted_at) < 19 and job_id):
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor")
    return int(submitted_at), job_id
