"""Jobs as they are shown, and what a handler gets to work with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from factbook_sdk.facts.kinds.job_run import JobError, JobState


class Progress(msgspec.Struct, frozen=True):
    """How far a running job is. ``total`` is ``None`` while nobody knows."""

    done: int
    total: int | None = None
    text: str = ""


class Job(msgspec.Struct, frozen=True):
    """One job: queued → running → succeeded | failed | cancelled."""

    job_id: str
    job_type: str
    state: JobState
    source_id: str
    trigger: str | None
    parameters: dict[str, Any]
    attempt: int
    max_attempts: int
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    run_after: datetime | None
    error: JobError | None
    result: dict[str, Any] | None
    retry_of: str | None
    progress: Progress | None = None
    cancel_requested: bool = False


class JobPage(msgspec.Struct, frozen=True):
    """Jobs, newest first."""

    items: list[Job]
    next_cursor: str | None


OnProgress = Callable[[Progress], None]


class JobControl(msgspec.Struct, frozen=True):
    """What a handler gets: its job, and two calls to make often."""

    job: Job
    report_progress: OnProgress
    check_cancelled: Callable[[], None]
    """Raises :class:`~factbook.errors.Cancelled` once somebody asked for it, or when the job is no longer this worker's."""

    @property
    def parameters(self) -> dict[str, Any]:
        return self.job.parameters

    def report(self, done: int, total: int | None, text: str) -> None:
        """Say how far the work is."""
        self.report_progress(Progress(done, total, text))


Handler = Callable[[JobControl], dict[str, Any] | None]
"""Does a job's work and returns its result as JSON values. Errors it raises decide the job's end (``factbook.jobs.running``)."""
