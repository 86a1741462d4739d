"""Run one leased job to its end: keep the lease alive, pass on progress, and turn the handler's outcome into the job's.

What a handler raises decides: :class:`TemporaryError` is tried again, :class:`Cancelled` ends the job as cancelled if somebody asked for
it and gives it back to the queue if the worker is stopping, any other error fails it at once. Errors that are not ours become
:class:`InternalError`, with the traceback in the log.
"""

from __future__ import annotations

import threading
import time
from enum import Enum

import structlog

from factbook.errors import Cancelled, FactbookError, InternalError, InvalidRecord, TemporaryError
from factbook.jobs.model import Handler, Job, JobControl, OnProgress, Progress
from factbook.jobs.queue import JobQueue, Lease
from factbook.jobs.transitions import describe
from factbook_sdk.facts.kinds.job_run import JobError

log = structlog.get_logger(__name__)

_BEAT_SECONDS = 1.0
"""How often, at most, progress is published and a request of another process to cancel is looked for."""


class _Reason(Enum):
    """Why a handler is to stop, the strongest first."""

    LOST = "it is another worker's by now: this one was not heard of for too long"
    CANCELLED = "somebody asked to cancel it"
    STOPPING = "its worker is stopping; the job goes back to the queue"


class Run:
    """One attempt at a job by this worker. :meth:`wake`, :meth:`stop` and :meth:`abandon` may be called from other threads."""

    def __init__(self, queue: JobQueue, lease: Lease, job: Job, *, lease_seconds: float, on_progress: OnProgress | None = None) -> None:
        self._queue = queue
        self._lease = lease
        self._job = job
        self._lease_seconds = lease_seconds
        self._on_progress = on_progress
        self._progress: Progress | None = None
        self._renewed_at = time.monotonic()
        self._over = False
        self._stopping = False
        self._is_lost = False
        self._cancel_requested = lease.cancel_requested
        self._awake = threading.Event()

    def wake(self) -> None:
        """Look for news at once instead of at the next beat."""
        self._awake.set()

    def stop(self) -> None:
        """Ask the handler to stop at its next check; the job goes back to the queue."""
        self._stopping = True

    def abandon(self) -> None:
        """Let the lease run out: the handler does not stop, so somebody else shall take the job."""
        self._over = True
        self.wake()

    def perform(self, handler: Handler) -> FactbookError | None:
        """Run the handler; return the error that ended the attempt, ``None`` after success.

        Ctrl-C ends the job as cancelled and is passed on. An error of the store is raised; the lease then runs out and the job is
        taken over.
        """
        heart = threading.Thread(target=self._beat, name=f"lease-{self._job.job_id}", daemon=True)
        heart.start()
        try:
            result = handler(JobControl(self._job, self._report, self._check))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a handler raises ends its job, never the worker
            self._end(heart)
            return self._settle(error)
        except BaseException:
            self._end(heart)
            self._queue.cancel(self._lease, JobError("cancelled", "The run was interrupted"))
            raise
        self._end(heart)
        return self._succeed(result)

    def _end(self, heart: threading.Thread) -> None:
        self._over = True
        self.wake()
        heart.join()

    def _beat(self) -> None:
        published = self._progress
        while not self._over:
            self._awake.wait(min(_BEAT_SECONDS, self._lease_seconds / 3))
            self._awake.clear()
            if self._over:
                return
            progress = self._progress
            is_due = time.monotonic() >= self._renewed_at + self._lease_seconds / 3
            try:
                self._renew(progress) if is_due or progress != published else self._take(self._queue.look(self._lease))
                published = progress
            except Exception as error:  # noqa: BLE001 - the store may be back at the next beat, before the lease has run out
                log.warning("lease_not_renewed", job_id=self._job.job_id, reason=describe(error).message)

    def _renew(self, progress: Progress | None) -> None:
        begun_at = time.monotonic()
        self._take(self._queue.renew(self._lease, progress))
        self._renewed_at = begun_at

    def _take(self, answer: bool | None) -> None:
        if answer is None:
            self._is_lost = True
        elif answer:
            self._cancel_requested = True

    def _report(self, progress: Progress) -> None:
        self._progress = progress
        if self._on_progress is not None:
            self._on_progress(progress)

    def _check(self) -> None:
        reason = self._reason()
        if reason is not None:
            raise Cancelled(f"The job {self._job.job_id} was stopped", why=reason.value)

    def _reason(self) -> _Reason | None:
        # The heart may hang in the store for longer than the lease lasts: the clock tells what it cannot.
        if self._is_lost or time.monotonic() > self._renewed_at + self._lease_seconds:
            return _Reason.LOST
        if self._cancel_requested:
            return _Reason.CANCELLED
        return _Reason.STOPPING if self._stopping else None

    def _succeed(self, result: dict[str, object] | None) -> FactbookError | None:
        try:
            is_ours = self._queue.succeed(self._lease, result)
        except InvalidRecord as error:
            return self._settle(InternalError(f"The result of {self._job.job_id} cannot be kept", why=str(error)))
        return None if is_ours else self._lost()

    def _settle(self, error: BaseException) -> FactbookError:
        """End the job or queue it again, by what its handler raised; return the error in our words."""
        reason = self._reason()
        described = describe(error)
        if isinstance(error, Cancelled) and reason is _Reason.LOST:
            is_ours = self._queue.give_up(self._lease)
        elif isinstance(error, Cancelled) and reason is _Reason.STOPPING:
            is_ours = self._queue.give_back(self._lease)
        elif isinstance(error, Cancelled):
            is_ours = self._queue.cancel(self._lease)
        elif isinstance(error, TemporaryError):
            is_ours = self._queue.try_again(self._lease, described)
        else:
            if not isinstance(error, FactbookError) or isinstance(error, InternalError):
                log.error("job_broke", job_id=self._job.job_id, exc_info=error)
            is_ours = self._queue.fail(self._lease, described)
        if not is_ours:
            return self._lost()
        return error if isinstance(error, FactbookError) else _as_internal(error)

    def _lost(self) -> Cancelled:
        log.warning("job_lost", job_id=self._job.job_id)
        return Cancelled(f"The job {self._job.job_id} was stopped", why=_Reason.LOST.value)


def _as_internal(error: BaseException) -> InternalError:
    wrapped = InternalError(f"The job broke ({type(error).__name__})", why=str(error), fix="Please report it with the traceback in the log")
    wrapped.__cause__ = error
    return wrapped
