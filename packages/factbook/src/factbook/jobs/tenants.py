"""The jobs of all tenants, for a worker: each tenant in its turn, so that one with a long queue does not keep the others waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable

from factbook.errors import FactbookError
from factbook.jobs.queue import Lease, tenants_with_work
from factbook.jobs.running import Run
from factbook.jobs.service import Jobs
from factbook.repository.sql import SqlRepository

_MAX_REMEMBERED = 10_000


class JobsOfTenants:
    """What there is to do for any tenant. ``jobs_of`` gives a tenant's jobs, which share ``submitted``; ``own`` is the server's own."""

    def __init__(self, repository: SqlRepository, jobs_of: Callable[[str], Jobs], *, own: Jobs) -> None:
        self._repository = repository
        self._jobs_of = jobs_of
        self._job_types = own.job_types
        self._turn = 0
        self._served: dict[str, int] = {}
        self.submitted: threading.Event = own.submitted

    def claim(self, worker_id: str) -> Lease | None:
        """Take the next job of the tenant that was served longest ago; ``None`` if none may run now."""
        waiting = tenants_with_work(self._repository, self._job_types)
        for tenant in sorted(waiting, key=lambda name: self._served.get(name, 0)):
            lease = self._jobs_of(tenant).claim(worker_id)
            if lease is not None:
                self._note(tenant)
                return lease
        return None

    def perform(self, lease: Lease, *, on_begin: Callable[[Run], None] | None = None) -> FactbookError | None:
        """Run a leased job to its end; return the error that ended the attempt."""
        return self._jobs_of(lease.tenant).perform(lease, on_begin=on_begin)

    def _note(self, tenant: str) -> None:
        if len(self._served) >= _MAX_REMEMBERED:
            self._served = {}
        self._turn += 1
        self._served[tenant] = self._turn
