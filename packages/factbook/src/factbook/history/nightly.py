"""The nightly run: a thread in each server process, of which one queues the job that a worker does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time, timedelta

import structlog

from factbook.errors import StoreBusy
from factbook.history.service import History
from factbook.jobs import Jobs
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository

log = structlog.get_logger(__name__)


class Nightly:
    """Has retention applied and old records compacted every day at a time in UTC, between :meth:`start` and :meth:`stop`."""

    def __init__(self, repository: MetadataRepository, history: History, jobs: Jobs, *, tenant: str, at: time) -> None:
        self._repository = repository
        self._history = history
        self._jobs = jobs
        self._tenant = tenant
        self._at = at
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to wait for the time; harmless when it does already."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._wait, name="nightly", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Wait for the time no longer."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run_once(self, due: datetime) -> bool:
        """Queue a run unless somebody has since ``due``, or is at it; return whether we did."""
        try:
            with self._history.exclusive.hold():
                last = self._repository.latest(MetadataTarget("retention"), "job_run", tenant=self._tenant)
                if last is not None and last.record.produced_at >= due:
                    return False
                job = self._history.submit(self._jobs, "retention", trigger="schedule")
        except StoreBusy:
            return False
        log.info("nightly_run_queued", job_id=job.job_id)
        return True

    def _wait(self) -> None:
        due = next_due(datetime.now(UTC), self._at)
        while not self._stopping.wait(max(0.0, (due - datetime.now(UTC)).total_seconds())):
            try:
                self.run_once(due)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next night is another day
                log.error("nightly_run_failed", reason=str(error))
            due = next_due(datetime.now(UTC), self._at)


def next_due(now: datetime, at: time) -> datetime:
    """Return the next moment after ``now`` at this time of day in UTC."""
    today = datetime.combine(now.date(), at, UTC)
    return today if today > now else today + timedelta(days=1)
