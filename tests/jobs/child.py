"""A process of its own that runs jobs, started and killed by ``test_processes.py``: ``child.py ROLE STORE_URL TENANT``.

Roles: ``worker`` runs jobs until it is ended, ``submit`` queues fifty, ``here`` runs one in the foreground. A job with the parameter
``slow`` says so by making that file and then works for ever.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

from factbook.jobs import JobControl, Jobs
from factbook.jobs.projection import JobsProjection
from factbook.jobs.worker import Worker
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataTarget, builtin_kinds

LEASE_SECONDS = 2.0


def work(control: JobControl) -> dict[str, Any]:
    slow = control.parameters.get("slow")
    if slow and not Path(slow).exists():
        control.report(1, 2, "half-way")
        Path(slow).write_text(control.job.job_id)
        while True:
            control.check_cancelled()
            time.sleep(0.02)
    ran = control.parameters.get("ran")
    if ran:
        with Path(ran).open("a") as file:
            file.write(f"{control.parameters['n']}\n")
    return {}


def main(role: str, store_url: str, tenant: str, *rest: str) -> None:
    repository = open_repository(store_url, admission=Admission(builtin_kinds()), projections=(JobsProjection(),))
    jobs = Jobs(repository, tenant=tenant, handlers={"work": work}, lease_seconds=LEASE_SECONDS)
    target = MetadataTarget("shop")
    if role == "worker":
        Worker(jobs, concurrency=2).start()
        threading.Event().wait()
    elif role == "submit":
        for number in range(50):
            jobs.submit("work", {"n": number, "ran": rest[0]}, target=target, trigger="test")
    else:
        jobs.run_here("work", {"slow": rest[0]}, target=target, trigger="cli")


if __name__ == "__main__":
    main(*sys.argv[1:])
