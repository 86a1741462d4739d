"""The transitions of a job, as values: the last ``job_run`` payload goes in, the next one comes out. No I/O."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec

from factbook.errors import FactbookError
from factbook.jobs.model import Submission
from factbook_sdk.facts.kinds.job_run import JobError, JobRun, JobState

_BACKOFF_SECONDS = 2.0
_MAX_BACKOFF_SECONDS = 300.0
_SPREAD = random.Random()  # noqa: S311 - spreads retries, guards nothing
"""Dice of our own: whoever embeds Factbook and seeds theirs gets the numbers they expect."""


def queued(submission: Submission, job_id: str) -> JobRun:
    """Return a job's first transition."""
    return JobRun(
        job_id=job_id,
        job_type=submission.job_type,
        state=JobState.QUEUED,
        max_attempts=submission.max_attempts,
        trigger=submission.trigger,
        parameters=submission.parameters,
        retry_of=submission.retry_of,
    )


def started(run: JobRun, worker_id: str) -> JobRun:
    """Return the begin of the next attempt."""
    return msgspec.structs.replace(
        run, state=JobState.RUNNING, attempt=run.attempt + 1, worker_id=worker_id, error=None, result=None, run_after=None
    )


def waiting(run: JobRun, run_after: datetime, error: JobError | None) -> JobRun:
    """Return the way back to the queue after an attempt that failed."""
    return msgspec.structs.replace(run, state=JobState.QUEUED, worker_id=None, error=error, run_after=run_after.isoformat())


def returned(run: JobRun, now: datetime) -> JobRun:
    """Return the way back to the queue from a worker that stops: the attempt was broken off by us and does not count."""
    return msgspec.structs.replace(waiting(run, now, None), attempt=run.attempt - 1)


def ended(run: JobRun, state: JobState, *, error: JobError | None = None, result: dict[str, object] | None = None) -> JobRun:
    """Return the job's last transition."""
    return msgspec.structs.replace(run, state=state, error=error, result=result, run_after=None)


def after_failure(run: JobRun, now: datetime, error: JobError) -> JobRun:
    """Return what follows a failure that may pass: another attempt after a pause while there are any left, else the end."""
    if run.attempt < run.max_attempts:
        return waiting(run, now + backoff(run.attempt), error)
    return ended(run, JobState.FAILED, error=error)


def after_loss(run: JobRun, now: datetime, lease_seconds: float) -> JobRun:
    """Return what follows when a worker was lost in the middle of an attempt."""
    error = JobError("worker_lost", f"Worker lost: {run.worker_id} was not heard of for {lease_seconds:g} s")
    return after_failure(run, now, error)


def backoff(attempt: int) -> timedelta:
    """Return the pause after an attempt: doubling from 2 s to 5 min, shortened at random by up to half so that retries spread."""
    seconds = min(_BACKOFF_SECONDS * 2 ** min(attempt - 1, 30), _MAX_BACKOFF_SECONDS)
    return timedelta(seconds=seconds * _SPREAD.uniform(0.5, 1.0))


def describe(error: BaseException) -> JobError:
    """Return an error as a fact may keep it.

    The text of an exception that is not ours may hold anything, secrets included; it goes to the log and only its type into the fact.
    """
    if not isinstance(error, FactbookError):
        return JobError("internal", f"The job broke ({type(error).__name__}); the log has the traceback")
    cause = error.__cause__
    shown = None if cause is None else str(cause) if isinstance(cause, FactbookError) else type(cause).__name__
    return JobError(error.code, _storable(str(error)), None if shown is None else _storable(shown))


def _storable(text: str) -> str:
    """Replace lone surrogates, which no record can carry: an error must not be lost for a name it quotes."""
    return text.encode("utf-8", "replace").decode()
