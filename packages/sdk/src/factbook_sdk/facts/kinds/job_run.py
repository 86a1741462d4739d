"""``job_run``: one transition of one job. Target: the source the job works on, or the job type's own name."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="job_run",
    category=Category.EVENT,
    description="A job entered a state: queued, running, succeeded, failed or cancelled.",
    schemas=load_schemas(__package__, "job_run"),
)


class JobState(StrEnum):
    """queued → running → succeeded | failed | cancelled; a failed attempt that will be tried again goes back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class JobError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a job or an attempt failed: the error's stable code, its message, and the message of its cause."""

    code: str
    message: str
    cause: str | None = None


class JobRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``attempt`` counts from 1 (0 before the first); ``parameters`` hold no secrets; ``run_after`` is when a queued
    job may start (ISO 8601); ``result`` is what a succeeded job has to say."""

    job_id: str
    job_type: str
    state: JobState
    attempt: int = 0
    max_attempts: int = 1
    trigger: str | None = None
    parameters: dict[str, Any] = {}
    worker_id: str | None = None
    error: JobError | None = None
    result: dict[str, Any] | None = None
    run_after: str | None = None
    retry_of: str | None = None
