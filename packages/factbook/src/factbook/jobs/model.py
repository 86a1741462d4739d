"""Jobs as they are shown, and what a handler gets to work with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.job_run import JobError, JobState


class Progress(msgspec.Struct, frozen=True):
    """How far a running job is. ``total`` is ``None`` while nobody knows."""

    done: int
    total: int | None = None
    text: str = ""


class Job(msgspec.Struct, frozen=True):
    """One job: queued → running → succeeded | failed | cancelled. ``started_at`` is when its first attempt began."""

    job_id: str
    job_type: str
    state: JobState
    source_id: str
    target: MetadataTarget
    trigger: str | None
    parameters: dict[str, Any]
    attempt: int
    max_attempts: int
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    run_after: datetime | None
    worker_id: str | None
    error: JobError | None
    result: dict[str, Any] | None
    retry_of: str | None
    progress: Progress | None = None
    cancel_requested: bool = False


class JobPage(msgspec.Struct, frozen=True):
    """Jobs, newest first."""

    items: list[Job]
    next_cursor: str | None


class Step(msgspec.Struct, frozen=True):
    """A moment at which a job came into a state, and why, where it went wrong. ``run_after`` is when a queued one may start."""

    at: datetime
    state: JobState
    attempt: int
    worker_id: str | None
    error: JobError | None
    run_after: datetime | None


class Written(msgspec.Struct, frozen=True):
    """Facts of one kind that a job stored; ``is_more`` says that there are more than were counted."""

    kind: str
    count: int
    is_more: bool


class Submission(msgspec.Struct, frozen=True):
    """What somebody wants done. ``parameters`` hold no secrets: they become part of the facts."""

    job_type: str
    target: MetadataTarget
    parameters: dict[str, Any]
    max_attempts: int
    trigger: str | None = None
    retry_of: str | None = None


OnProgress = Callable[[Progress], None]


class JobControl(msgspec.Struct, frozen=True):
    """What a handler gets: its job, and two calls to make often."""

    job: Job
    report_progress: OnProgress
    check_cancelled: Callable[[], None]
    """Raises :class:`~factbook.errors.Cancelled` once somebody asked for it, the worker is stopping, or the job is no longer its own."""

    @property
    def parameters(self) -> dict[str, Any]:
        return self.job.parameters

    def report(self, done: int, total: int | None, text: str) -> None:
        """Say how far the work is."""
        self.report_progress(Progress(done, total, text))


Handler = Callable[[JobControl], dict[str, Any] | None]
"""Does a job's work and returns its result as JSON values. What it raises decides the job's end (``factbook.jobs.running``); it
may be run again after an attempt that died half-way, so it must be idempotent."""
