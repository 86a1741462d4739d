"""A worker: threads that claim queued jobs and run them, in the server or in a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from factbook.errors import FactbookError
from factbook.jobs.queue import Lease
from factbook.jobs.running import Run
from factbook.jobs.service import new_worker_id
from factbook.jobs.transitions import describe

log = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0
_HOUR_SECONDS = 3600.0


class Workload(Protocol):
    """Where a worker gets jobs: those of one tenant (:class:`Jobs`) or of all (:class:`~factbook.jobs.tenants.JobsOfTenants`)."""

    @property
    def submitted(self) -> threading.Event: ...
    def claim(self, worker_id: str) -> Lease | None: ...
    def perform(self, lease: Lease, *, on_begin: Callable[[Run], None] | None = None) -> FactbookError | None: ...


class Worker:
    """Runs ``concurrency`` jobs at a time between :meth:`start` and :meth:`stop`. A job submitted in this process starts at once, one of
    another process within a second. ``hourly`` is called each hour by whichever thread waits for jobs: a small chore of the store."""

    def __init__(self, jobs: Workload, *, concurrency: int = 2, hourly: Callable[[], None] | None = None) -> None:
        self._jobs = jobs
        self._concurrency = concurrency
        self._hourly = hourly
        self._hour_ends = time.monotonic() + _HOUR_SECONDS
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._runs: set[Run] = set()
        self._lock = threading.Lock()
        self._lookout = threading.Lock()

    def start(self) -> None:
        """Begin to take jobs, those of lost workers included; harmless when it runs already."""
        if self._threads:
            return
        self._stopping = False
        # Daemons: a handler that never checks must not keep the process from ending; its lease runs out instead.
        self._threads = [threading.Thread(target=self._work, name=f"worker-{number}", daemon=True) for number in range(self._concurrency)]
        for thread in self._threads:
            thread.start()

    def stop(self, *, timeout_seconds: float = 10.0) -> None:
        """Take no more jobs and ask running ones to stop at their next check; they go back to the queue.

        A job that does not stop in time is abandoned: its lease runs out and another worker takes it over.
        """
        with self._lock:
            self._stopping = True
            for run in self._runs:
                run.stop()
        self._jobs.submitted.set()
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            for run in self._runs:
                run.abandon()
        self._threads = []

    def _work(self) -> None:
        worker_id = new_worker_id()
        while (lease := self._next(worker_id)) is not None:
            log.info("job_started", job_id=lease.run.job_id, attempt=lease.run.attempt)
            try:
                error = self._perform(lease)
            except Exception as error:  # the store failed us; the lease runs out and the job is taken over
                log.error("job_not_settled", job_id=lease.run.job_id, exc_info=error)
                continue
            log.info("job_ended", job_id=lease.run.job_id, error=None if error is None else str(error))

    def _next(self, worker_id: str) -> Lease | None:
        """Wait for a job; ``None`` when the worker stops. One thread is on the lookout, the others wait for their turn at no cost."""
        with self._lookout:
            while not self._stopping:
                self._jobs.submitted.clear()
                try:
                    lease = self._jobs.claim(worker_id)
                except Exception as error:  # noqa: BLE001 - the store may be back at the next look
                    log.warning("queue_not_reachable", reason=describe(error).message)
                    lease = None
                if lease is not None:
                    return lease
                self._do_chore()
                if not self._stopping:
                    self._jobs.submitted.wait(_POLL_SECONDS)
            return None

    def _do_chore(self) -> None:
        if self._hourly is None or time.monotonic() < self._hour_ends:
            return
        self._hour_ends = time.monotonic() + _HOUR_SECONDS
        try:
            self._hourly()
        except Exception as error:  # the next hour is soon enough
            log.error("chore_failed", exc_info=error)

    def _perform(self, lease: Lease) -> Exception | None:
        begun: list[Run] = []

        def begin(run: Run) -> None:
            begun.append(run)
            with self._lock:
                self._runs.add(run)
                if self._stopping:
                    run.stop()

        try:
            return self._jobs.perform(lease, on_begin=begin)
        finally:
            with self._lock:
                self._runs.difference_update(begun)
