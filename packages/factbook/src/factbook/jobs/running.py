"""Run one leased job to its end: keep the lease alive, pass on progress, and turn the handler's outcome into the job's."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import structlog

from factbook.errors import Cancelled, FactbookError, TemporaryError
from factbook.jobs.model import Handler, Job, JobControl, OnProgress, Progress
from factbook.jobs.queue import JobQueue, Lease
from factbook_sdk.facts.kinds.job_run import JobError, JobState

log = structlog.get_logger(__name__)

_BACKOFF_SECONDS = 2.0
_MAX_BACKOFF_SECONDS = 300.0


class Run:
    """One attempt at a job by this worker."""

    def __init__(self, queue: JobQueue, lease: Lease, job: Job, *, lease_seconds: float, on_progress: OnProgress | None = None) -> None:
        self._queue = queue
        self._lease = lease
        self._job = job
        self._beat_seconds = lease_seconds / 3
        self._on_progress = on_progress
        self._progress: Progress | None = None
        self._over = threading.Event()
        self._stop = threading.Event()
        self._cancel = threading.Event()
        self._lost = threading.Event()
        if lease.cancel_requested:
            self._cancel.set()

    def stop(self) -> None:
        """Ask the handler to stop at its next check; the job goes back to the queue."""
        self._stop.set()

    def perform(self, handler: Handler) -> Exception | None:
        """Run the handler; return the error that ended it, ``None`` after success."""
        heart = threading.Thread(target=self._beat, name=f"lease-{self._job.job_id}", daemon=True)
        heart.start()
        try:
            result = handler(JobControl(self._job, self._report, self._check))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises ends its job as a fact, never the worker
            self._end(heart)
            self._settle(error)
            return error
        except BaseException:
            self._end(heart)
            self._queue.leave(self._lease, JobState.CANCELLED, error=JobError("interrupted", "The run was interrupted"))
            raise
        self._end(heart)
        if not self._queue.leave(self._lease, JobState.SUCCEEDED, result=result):
            log.warning("job_lost", job_id=self._job.job_id)
        return None

    def _end(self, heart: threading.Thread) -> None:
        self._over.set()
        heart.join()

    def _beat(self) -> None:
        while not self._over.wait(self._beat_seconds):
            try:
                self._renew()
            except FactbookError as error:
                log.warning("lease_not_renewed", job_id=self._job.job_id, reason=str(error))

    def _renew(self) -> None:
        progress = self._progress
        shown = (progress.done, progress.total, progress.text) if progress else None
        answer = self._queue.renew(self._job.job_id, self._lease.worker_id, shown)
        if answer is None:
            self._lost.set()
        elif answer:
            self._cancel.set()

    def _report(self, progress: Progress) -> None:
        first = self._progress is None
        self._progress = progress
        if first:
            self._renew()
        if self._on_progress is not None:
            self._on_progress(progress)

    def _check(self) -> None:
        if self._lost.is_set():
            raise Cancelled(f"The job {self._job.job_id} is another worker's by now")
        if self._cancel.is_set():
            raise Cancelled(f"The job {self._job.job_id} was cancelled")
        if self._stop.is_set():
            raise Cancelled(f"The worker of {self._job.job_id} is stopping")

    def _settle(self, error: Exception) -> None:
        """End or requeue the job by what its handler raised."""
        run = self._lease.run
        if isinstance(error, Cancelled) and not self._cancel.is_set() and self._stop.is_set():
            self._queue.requeue(self._lease, timedelta(0), counts=False)
        elif isinstance(error, Cancelled):
            self._queue.leave(self._lease, JobState.CANCELLED)
        elif isinstance(error, TemporaryError) and run.attempt < run.max_attempts:
            self._queue.requeue(self._lease, backoff(run.attempt), error=_describe(error))
        else:
            if not isinstance(error, FactbookError):
                log.error("job_broke", job_id=self._job.job_id, exc_info=error)
            self._queue.leave(self._lease, JobState.FAILED, error=_describe(error))


def backoff(attempt: int) -> timedelta:
    """Return the pause before the next attempt: doubling from 2 s to 5 min, shortened at random by up to half."""
    seconds = min(_BACKOFF_SECONDS * 2 ** (attempt - 1), _MAX_BACKOFF_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, guards nothing


def _describe(error: Exception) -> JobError:
    cause = error.__cause__
    if isinstance(error, FactbookError):
        return JobError(error.code, str(error), type(cause).__name__ if cause is not None else None)
    return JobError("internal", f"The job broke ({type(error).__name__}); the log has the traceback", None)
