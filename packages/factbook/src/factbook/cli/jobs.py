"""``factbook jobs`` and ``factbook job show|cancel|retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.output import note, print_json, print_table, say, show, verb
from factbook.cli.session import Json, opened

if TYPE_CHECKING:
    from factbook.jobs import Job

group = typer.Typer(help="Look at one job, cancel it, or try it again.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The job's id, as `factbook jobs` shows it.")]


def register(app: typer.Typer) -> None:
    app.command(name="jobs")(jobs)


@verb
def jobs(
    limit: Annotated[int, typer.Option(help="Jobs at most.")] = 20,
    state: Annotated[str | None, typer.Option(help="queued, running, succeeded, failed or cancelled.")] = None,
    source_id: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Continue after the page before.")] = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    with opened() as factbook:
        page = factbook.jobs.page(limit=limit, state=state, source_id=source_id, cursor=cursor)
    if as_json:
        print_json(page)
        return
    print_table(
        ["job", "source", "state", "attempt", "submitted", "finished", "error"],
        [
            [job.job_id, job.source_id, job.state.value, job.attempt, job.submitted_at, job.finished_at, job.error and job.error.code]
            for job in page.items
        ],
    )
    if page.next_cursor:
        note(f"There is more: add --cursor {page.next_cursor}")


@group.command(name="show")
@verb
def show_job(job_id: JobId, as_json: Json = False) -> None:
    """Show one job."""
    with opened() as factbook:
        _print(factbook.jobs.get(job_id), as_json)


@group.command(name="cancel")
@verb
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """Cancel a queued job; ask a running one to stop."""
    with opened() as factbook:
        _print(factbook.jobs.cancel(job_id), as_json)


@group.command(name="retry")
@verb
def retry(job_id: JobId, as_json: Json = False) -> None:
    """Queue a failed or cancelled job again; a running server takes it."""
    with opened() as factbook:
        _print(factbook.jobs.retry(job_id), as_json)


def _print(job: Job, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    for field in job.__struct_fields__:
        value = getattr(job, field)
        if value not in (None, False, {}):
            say(f"{field:16} {show(getattr(value, 'value', value))}")
