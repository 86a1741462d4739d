"""How many jobs a store takes and finishes per second, and what a worker costs that has nothing to do.

Jobs do nothing, so what is measured is the queue: its transactions, the facts of each transition and the view that follows them. The
floor is the store's own: transactions per second that insert one row of the same size. Run with ``python -m bench.jobs``.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import structlog

from bench import report
from factbook.jobs import Jobs
from factbook.jobs.projection import JobsProjection
from factbook.jobs.worker import Worker
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataTarget, builtin_kinds

JOBS = 500
IDLE_SECONDS = 20.0
POSTGRES_URL = os.environ.get("FACTBOOK_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")

COLUMNS = ["store", "floor: commits/s", "submit: jobs/s", "claim, run, finish: jobs/s", "idle worker: CPU ms per s"]


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rows.append(["SQLite", *_measure(f"sqlite:///{folder}/store.sqlite")])
    with _postgres_database() as url:
        rows.append(["PostgreSQL", *_measure(url)])
    note = f"`python -m bench.jobs`, {report.machine()} {JOBS} jobs that do nothing, one worker thread, every commit forced to disk."
    report.write("jobs", COLUMNS, rows, note)


def _measure(url: str) -> list[Any]:
    repository = open_repository(url, admission=Admission(builtin_kinds()), projections=(JobsProjection(),))
    jobs = Jobs(repository, tenant="bench", handlers={"work": lambda control: {"done": True}})
    try:
        _submit_and_run(jobs, 20)
        floor = _commits_per_second(repository)
        submitted, finished = _submit_and_run(jobs, JOBS)
        return [round(floor), round(submitted), round(finished), round(_idle_cost(jobs), 1)]
    finally:
        repository.close()


def _submit_and_run(jobs: Jobs, count: int) -> tuple[float, float]:
    """Return jobs submitted per second, then jobs claimed, run and finished per second."""
    target = MetadataTarget("shop")
    begun = time.perf_counter()
    for number in range(count):
        jobs.submit("work", {"n": number}, target=target, trigger="bench")
    submitted = time.perf_counter()
    while (lease := jobs.claim("bench")) is not None:
        jobs.perform(lease)
    return count / (submitted - begun), count / (time.perf_counter() - submitted)


def _commits_per_second(repository: SqlRepository) -> float:
    with repository.database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE floor (body TEXT)")
    body = "x" * 400
    begun = time.perf_counter()
    for _ in range(JOBS):
        with repository.database.writing() as connection:
            connection.exec_driver_sql(f"INSERT INTO floor VALUES ('{body}')")
    return JOBS / (time.perf_counter() - begun)


def _idle_cost(jobs: Jobs) -> float:
    worker = Worker(jobs, concurrency=2)
    worker.start()
    begun, cpu = time.perf_counter(), time.process_time()
    time.sleep(IDLE_SECONDS)
    cost = (time.process_time() - cpu) / (time.perf_counter() - begun) * 1000
    worker.stop()
    return cost


@contextmanager
def _postgres_database() -> Iterator[str]:
    import psycopg

    name = f"factbook_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    main()
