"""``factbook jobs`` and ``factbook job``: what ran, runs and waits."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, Cursor, Json

job = typer.Typer(help="Look at one job, cancel it, or run it again.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id, as `factbook jobs` shows it.", show_default=False)]


def jobs(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most jobs to show.")] = 20,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only queued, running, succeeded, failed or cancelled ones.")
    ] = None,
    source_id: Annotated[str | None, typer.Option("--source", metavar="ID", help="Only those of this source.")] = None,
    job_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only those of this type, as scan or profile.")] = None,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    from factbook.cli import job_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        page = factbook.jobs.page(limit=limit, cursor=cursor, state=state, source_id=source_id, job_type=job_type)
    narrowed = any((state, source_id, job_type, cursor))
    show_json(page) if as_json else job_rows.show_page(page, narrowed=narrowed)


@job.command()
def show(job_id: JobId, as_json: Json = False) -> None:
    """Show one job with its parameters, progress, error and result."""
    from factbook.cli import job_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.jobs.get(job_id)
    show_json(found) if as_json else job_rows.show_one(found)


@job.command()
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """Cancel a waiting job; ask a running one to stop."""
    from factbook.cli import job_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.jobs.cancel(job_id)
    show_json(found) if as_json else job_rows.show_cancelled(found)


@job.command()
def retry(job_id: JobId, as_json: Json = False) -> None:
    """Queue a failed or cancelled job again, as a new job; the server runs it."""
    from factbook.cli import job_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.jobs.retry(job_id)
    show_json(found) if as_json else job_rows.show_retried(found)
