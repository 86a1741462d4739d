"""``/ui/jobs`` and ``/ui/job/ID``: what runs, ran and failed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import JobReader, JobRunner, asking, check_may_run
from factbook.api.parameters import AnySource, Cursor
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part, lead_to
from factbook_sdk.facts.kinds.job_run import JobState

router = Pages()

JOBS = 50


@router.page("/jobs")
def jobs(
    request: Request,
    rooms: JobReader,
    state: Annotated[JobState | None, Query()] = None,
    source_id: AnySource = None,
    cursor: Cursor = None,
) -> Response:
    """Show jobs, newest first."""
    return page(request, "jobs.html", Page("Jobs"), rooms.jobs.page(limit=JOBS, cursor=cursor, state=state, source_id=source_id))


@router.page("/job/{job_id}")
def job(request: Request, rooms: JobReader, job_id: Part) -> Response:
    """Show one job; a script asks for its state again while it runs."""
    found = rooms.jobs.get(job_id)
    about = Page(f"{found.job_type} of {found.source_id}", [Crumb("Jobs", "/ui/jobs")])
    return page(request, "job.html", about, found, part="job_state.html")


@router.action("/job/{job_id}/cancel")
def cancel(request: Request, rooms: JobRunner, job_id: Part) -> Response:
    """Cancel a queued job; ask a running one to stop."""
    asking(request).subject = job_id
    check_may_run(request, rooms.jobs.get(job_id))
    rooms.jobs.cancel(job_id)
    return lead_to("job", job_id)


@router.action("/job/{job_id}/retry")
def retry(request: Request, rooms: JobRunner, job_id: Part) -> Response:
    """Submit a failed or cancelled job again."""
    check_may_run(request, rooms.jobs.get(job_id))
    submitted = rooms.jobs.retry(job_id, trigger="web")
    asking(request).subject = submitted.job_id
    return lead_to("job", submitted.job_id)
