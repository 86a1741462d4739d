"""Jobs, as tables and facts."""

from __future__ import annotations

import msgspec

from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import note, out, printable, say, seconds, utc
from factbook.jobs import Job, JobPage

_WIDE = 110
_COUNTED = ("added", "changed", "removed", "failed")


def show_page(page: JobPage, *, narrowed: bool) -> None:
    """Print jobs as a table; ``narrowed`` says that not all jobs were asked for."""
    if not page.items:
        note("No job is like that." if narrowed else "No jobs. `factbook scan` runs one.")
        return
    # A job's id begins with the moment it was submitted; where the line is short, that has to do.
    is_wide = out().width >= _WIDE
    show_table(
        ("job", "source", "state", "submitted", "took", "outcome"),
        [
            (job.job_id, job.source_id, job.state.value, job.submitted_at if is_wide else None, _took(job), _outcome(job))
            for job in page.items
        ],
        right=("took",),
        whole=("job", "source", "state", "submitted", "took"),
    )
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_one(job: Job) -> None:
    """Print everything about one job."""
    show_facts(
        [
            ("job", job.job_id),
            ("type", job.job_type),
            ("source", job.source_id),
            ("state", job.state.value + (", asked to stop" if job.cancel_requested else "")),
            ("outcome", _outcome(job)),
            ("trigger", job.trigger),
            ("attempt", f"{job.attempt} of {job.max_attempts}"),
            ("retry of", job.retry_of),
            ("submitted", job.submitted_at),
            ("not before", job.run_after),
            ("started", job.started_at),
            ("finished", job.finished_at),
            ("took", _took(job)),
            ("error", job.error.code if job.error else None),
            ("cause", job.error.cause if job.error else None),
            ("parameters", msgspec.json.encode(job.parameters).decode()),
        ]
    )
    if job.result is not None:
        say("result", style="bold")
        say(msgspec.json.format(msgspec.json.encode(job.result), indent=2).decode())


def show_cancelled(job: Job) -> None:
    """Say what the request to stop came to."""
    say(f"{job.job_id}: " + ("cancelled" if job.state.is_final else "asked to stop; it will at its next step"))


def show_retried(job: Job) -> None:
    """Say where the new job is and who will run it."""
    say(f"{job.job_id}: queued as a retry of {job.retry_of}")
    note("A server takes it as soon as it runs: factbook serve", style="dim")


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return seconds((job.finished_at - job.started_at).total_seconds())


def _outcome(job: Job) -> str:
    if job.error is not None:
        return printable(job.error.message)
    if job.progress is not None and not job.state.is_final:
        of = f"/{job.progress.total:,}" if job.progress.total else ""
        return f"{job.progress.done:,}{of} {job.progress.text}"
    if job.run_after is not None and not job.state.is_final:
        return f"next attempt {utc(job.run_after)}"
    return _counts(job)


def _counts(job: Job) -> str:
    counts = (job.result or {}).get("counts")
    if not isinstance(counts, dict):
        return ""
    changes = ", ".join(f"{counts[name]:,} {name}" for name in _COUNTED if counts.get(name))
    return f"{counts.get('tables', 0):,} tables: {changes or 'unchanged'}"
