"""``/jobs``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import JobReader, JobRunner, asking, check_may_run
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AnySource, Cursor, JobType, Limit, PathName
from factbook.jobs import Job, JobPage
from factbook_sdk.facts.kinds.job_run import JobState

router = APIRouter(tags=["jobs"])


@router.get("/jobs", responses=described(JobPage, "Jobs, newest first."))
def list_jobs(
    rooms: JobReader,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    source_id: AnySource = None,
    job_type: JobType = None,
) -> Response:
    """List jobs with their states, times, progress and errors."""
    return answers.json(rooms.jobs.page(limit=limit, cursor=cursor, state=state, source_id=source_id, job_type=job_type))


@router.get("/jobs/{job_id}", responses=described(Job, "The job.", errors=(404,)))
def show_job(rooms: JobReader, job_id: PathName) -> Response:
    """Show one job."""
    return answers.json(rooms.jobs.get(job_id))


@router.post("/jobs/{job_id}/cancel", responses=described(Job, "The job: cancelled, or running and asked to stop.", errors=(404, 415)))
def cancel_job(request: Request, rooms: JobRunner, job_id: PathName) -> Response:
    """Cancel a queued job at once; ask a running one to stop."""
    asking(request).subject = job_id
    check_may_run(request, rooms.jobs.get(job_id))
    return answers.json(rooms.jobs.cancel(job_id))


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    responses=described(Job, "The new job, queued. `Location` leads to it.", status=202, errors=(404, 415)),
)
def retry_job(request: Request, rooms: JobRunner, job_id: PathName) -> Response:
    """Submit a failed or cancelled job again, as a new job."""
    check_may_run(request, rooms.jobs.get(job_id))
    job = rooms.jobs.retry(job_id, trigger="api")
    request.state.job_id = asking(request).subject = job.job_id
    return answers.json(job, status=202, location=answers.under_same_prefix(request, f"/jobs/{job.job_id}"))
