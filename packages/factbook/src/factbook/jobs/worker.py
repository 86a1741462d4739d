"""A worker: threads that claim queued jobs and run them, in the server or in a process of its own."""

from __future__ import annotations

import threading

import structlog

from factbook.errors import FactbookError
from factbook.jobs.running import Run
from factbook.jobs.service import Jobs, new_worker_id

log = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0


class Worker:
    """Runs ``concurrency`` jobs at a time between :meth:`start` and :meth:`stop`."""

    def __init__(self, jobs: Jobs, *, concurrency: int = 2) -> None:
        self._jobs = jobs
        self._concurrency = concurrency
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._runs: set[Run] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to take jobs, those of lost workers included."""
        for number in range(self._concurrency):
            thread = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Take no more jobs and ask running ones to stop at their next check; they go back to the queue. Returns when all have."""
        self._stopping.set()
        self._jobs.submitted.set()
        with self._lock:
            for run in self._runs:
                run.stop()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _work(self) -> None:
        worker_id = new_worker_id()
        while not self._stopping.is_set():
            try:
                busy = self._work_once(worker_id)
            except FactbookError as error:
                log.warning("queue_not_reachable", reason=str(error))
                busy = False
            if not busy:
                # Jobs submitted here wake us at once; those of other processes and pauses that end are found by looking.
                self._jobs.submitted.wait(_POLL_SECONDS)
                if not self._stopping.is_set():
                    self._jobs.submitted.clear()

    def _work_once(self, worker_id: str) -> bool:
        self._jobs.queue.reap()
        if not self._jobs.queue.has_waiting():
            return False
        lease = self._jobs.queue.claim(worker_id)
        if lease is None:
            return False
        log.info("job_started", job_id=lease.run.job_id, attempt=lease.run.attempt)
        mine: list[Run] = []

        def begin(run: Run) -> None:
            mine.append(run)
            with self._lock:
                self._runs.add(run)
            if self._stopping.is_set():
                run.stop()

        try:
            error = self._jobs.perform(lease, on_start=begin)
        finally:
            with self._lock:
                self._runs.difference_update(mine)
        log.info("job_ended", job_id=lease.run.job_id, error=None if error is None else str(error))
        return True
