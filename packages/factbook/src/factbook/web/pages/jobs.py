"""``/ui/jobs``, ``/ui/jobs/live`` and ``/ui/job/ID``: what runs, ran and failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api.access import JobReader, JobRunner, asking, check_may_run
from factbook.api.parameters import AnySource, Cursor, House, JobType
from factbook.app import Factbook
from factbook.jobs import Job, Step, Written
from factbook.rooms import Rooms
from factbook.web.rendering import Crumb, Page, page
from factbook.web.routing import Pages, Part, lead_to
from factbook_sdk.facts.kinds.job_run import JobState

router = Pages()

JOBS = 50
LIVE = 20


class JobList(msgspec.Struct, frozen=True):
    """Jobs, newest first, and the types one may ask for. ``is_live``: one of them is not over."""

    items: list[Job]
    next_cursor: str | None
    types: list[str]
    is_live: bool


class LiveJobs(msgspec.Struct, frozen=True):
    """Jobs that run, and those that wait, the longest first. ``is_more``: there are more."""

    items: list[Job]
    is_more: bool
    workers: int


class JobPage(msgspec.Struct, frozen=True):
    """A job, its way through its states, and what came of it.

    ``seconds`` is how long it ran, or has been running; ``workers`` how many jobs this server does at the same time; ``wrote`` counts facts
    by kind, those that whoever asks may read, once it is over; ``retries`` are the jobs that repeat this one. ``can_retry`` says whether
    this server knows how.
    """

    job: Job
    steps: list[Step]
    seconds: float | None
    waits_until: datetime | None
    workers: int
    wrote: list[Written]
    retries: list[Job]
    can_retry: bool


@router.page("/jobs")
def jobs(
    request: Request,
    rooms: JobReader,
    state: Annotated[JobState | None, Query()] = None,
    job_type: JobType = None,
    source_id: AnySource = None,
    cursor: Cursor = None,
) -> Response:
    """Show jobs, newest first; a script asks again while one of them is not over."""
    found = rooms.jobs.page(limit=JOBS, cursor=cursor, state=state, source_id=source_id, job_type=job_type)
    is_live = any(not job.state.is_final for job in found.items)
    content = JobList(found.items, found.next_cursor, sorted(rooms.jobs.job_types), is_live)
    return page(request, "jobs.html", Page("Jobs"), content, part="jobs_list.html")


@router.page("/jobs/live")
def live(request: Request, house: House, rooms: JobReader) -> Response:
    """Show what runs and waits now; a script asks again until nothing does."""
    about = Page("Jobs under way", [Crumb("Jobs", "/ui/jobs")])
    return page(request, "jobs_live.html", about, live_jobs(house, rooms), part="jobs_live_list.html")


def live_jobs(house: Factbook, rooms: Rooms) -> LiveJobs:
    """Return what runs and waits."""
    found = rooms.jobs.live(limit=LIVE + 1)
    return LiveJobs(found[:LIVE], len(found) > LIVE, house.settings.job_workers)


@router.page("/job/{job_id}")
def job(request: Request, house: House, rooms: JobReader, job_id: Part) -> Response:
    """Show one job; a script asks for its state again while it runs."""
    found = rooms.jobs.get(job_id)
    about = Page(f"{found.job_type} of {found.source_id}", [Crumb("Jobs", "/ui/jobs")])
    return page(request, "job.html", about, _job_page(request, house, rooms, found), part="job_state.html")


def _job_page(request: Request, house: Factbook, rooms: Rooms, found: Job) -> JobPage:
    now = datetime.now(UTC)
    principal = asking(request).principal
    kinds = [kind.name for kind in house.kinds.listed(rooms.tenant) if principal.may_all(Action.READ, rooms.tenant, (kind.name,))]
    written = [kind for kind in kinds if kind != "job_run"] if found.state.is_final and found.started_at else []
    return JobPage(
        job=found,
        steps=rooms.jobs.steps(found),
        seconds=None if found.started_at is None else ((found.finished_at or now) - found.started_at).total_seconds(),
        waits_until=found.run_after if found.state == "queued" and found.run_after is not None and found.run_after > now else None,
        workers=house.settings.job_workers,
        wrote=rooms.jobs.wrote(found, written),
        retries=rooms.jobs.retries(found.job_id),
        can_retry=found.job_type in rooms.jobs.job_types,
    )


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
