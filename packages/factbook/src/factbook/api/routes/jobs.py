"""``/jobs``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, AnySource, Cursor, House, Limit, PathName
from factbook.jobs import Job, JobPage
from factbook_sdk.facts.kinds.job_run import JobState

router = APIRouter(tags=["jobs"])


@router.get("/jobs", responses=described(JobPage, "Jobs, newest first."))
def list_jobs(
    house: House,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    source_id: AnySource = None,
) -> Response:
    """List jobs with their states, times, progress and errors."""
    return answers.json(house.jobs.page(limit=limit, cursor=cursor, state=state, source_id=source_id))


@router.get("/jobs/{job_id}", responses=described(Job, "The job.", errors=(404,)))
def show_job(house: House, job_id: PathName) -> Response:
    """Show one job."""
    return answers.json(house.jobs.get(job_id))


@router.post("/jobs/{job_id}/cancel", responses=described(Job, "The job: cancelled, or running and asked to stop.", errors=(404, 415)))
def cancel_job(house: House, job_id: PathName) -> Response:
    """Cancel a queued job at once; ask a running one to stop."""
    return answers.json(house.jobs.cancel(job_id))


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    responses=described(Job, "The new job, queued. `Location` leads to it.", status=202, errors=(404, 415)),
)
def retry_job(request: Request, house: House, job_id: PathName) -> Response:
    """Submit a failed or cancelled job again, as a new job."""
    job = house.jobs.retry(job_id, trigger="api")
    request.state.job_id = job.job_id
    return answers.json(job, status=202, location=answers.under_same_prefix(request, f"/jobs/{job.job_id}"))
