"""Several servers and workers over one store: one log, each job once, and whoever is left goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg
import pytest
from tests.api.test_server import free_port, running
from tests.cluster.victims import ROOT, whole_log
from tools.cluster import Cluster

from factbook import demo
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.repository.remote import RemoteRepository
from factbook_sdk.testing.records import event


@pytest.fixture
def cluster(postgres_url: str, tmp_path: Path) -> Iterator[Cluster]:
    source = demo.ensure_source(tmp_path / "shop.sqlite")
    settings = {"SOURCE_DB_URL": f"sqlite:///{source}", "JOB_LEASE_SECONDS": "2"}
    with Cluster(postgres_url, tmp_path, servers=2, workers=2, **settings) as cluster:
        yield cluster


def scan(url: str) -> str:
    return str(httpx2.post(f"{url}/scan/trigger", timeout=30).raise_for_status().json()["job_id"])


def finished(url: str, job_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Wait until the jobs are over, and return them."""
    deadline = time.monotonic() + 60
    while True:
        jobs = {job_id: httpx2.get(f"{url}/jobs/{job_id}", timeout=30).json() for job_id in job_ids}
        if all(job["state"] in ("succeeded", "failed", "cancelled") for job in jobs.values()):
            return jobs
        assert time.monotonic() < deadline, jobs
        time.sleep(0.1)


def test_servers_and_workers_share_one_log_and_go_on_when_one_of_them_dies(cluster: Cluster) -> None:
    one, two = cluster.servers
    with closing(RemoteRepository(cluster.urls[0])) as first, closing(RemoteRepository(cluster.urls[1])) as second:
        assert first.store(event(1)).outcome is Outcome.STORED
        # What one has answered, the other shows at once, and knows.
        assert [item.offset for item in second.tail().records] == [1]
        assert second.store(event(1)).outcome is Outcome.DUPLICATE
        job_ids = [scan(url) for url in cluster.urls * 5]
        for number in range(2, 42):
            (first if number % 2 else second).store(event(number))
        jobs = finished(cluster.urls[1], job_ids)
        assert {job["state"] for job in jobs.values()} == {"succeeded"}
        log = whole_log(cluster.urls[0])
        assert log == whole_log(cluster.urls[1])
        transitions = defaultdict(list)
        workers = set()
        for item in log:
            run = item.record.payload or {}
            if item.record.kind == "job_run" and run["job_id"] in jobs:
                transitions[run["job_id"]].append(run["state"])
                workers.add(run.get("worker_id"))
        assert set(map(tuple, transitions.values())) == {("queued", "running", "succeeded")}
        at_work = {int(worker.split("-")[-2]) for worker in workers if worker}
        assert at_work <= {member.process_id for member in cluster.workers}

        one.kill()
        cluster.workers[0].kill()
        assert second.store(event(100)).outcome is Outcome.STORED
        assert finished(cluster.urls[1], [scan(cluster.urls[1])]).popitem()[1]["state"] == "succeeded"
        assert two.exit_code is None
        one.start()
        one.wait_until_up()
        assert whole_log(cluster.urls[0]) == whole_log(cluster.urls[1])


def test_members_that_are_asked_to_stop_end_well(cluster: Cluster) -> None:
    assert [worker.stop() for worker in cluster.workers] == [0, 0]
    # What uvicorn has finished, it ends with the signal that asked for it.
    assert {server.stop() for server in cluster.servers} <= {0, -signal.SIGTERM}


def test_processes_of_one_server_share_its_port_and_a_dead_one_is_replaced(postgres_url: str, tmp_path: Path) -> None:
    port = free_port()
    program = ["-m", "factbook", "serve", "--port", str(port), "--processes", "2"]
    with running(tmp_path, program, port, META_DB_URL=postgres_url) as server:
        parent = psutil.Process(server.process.pid)
        children = eventually_two(parent)
        children[0].kill()
        deadline = time.monotonic() + 30
        while (now := eventually_two(parent)) == children or children[0] in now:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for number in range(20):
            with httpx2.Client(base_url=server.client.base_url, timeout=30) as client:
                assert client.get("/records/tail").status_code == 200, number
        server.stop()
        assert not any(child.is_running() for child in now)


def eventually_two(parent: psutil.Process) -> list[psutil.Process]:
    """Return the two processes that serve, once there are two; what multiprocessing keeps beside them is none."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            children = [child for child in parent.children() if any("spawn_main" in word for word in child.cmdline())]
            if len(children) == 2:
                return children
        time.sleep(0.05)
    raise AssertionError("there are no two processes")


def test_a_worker_without_jobs_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "FACTBOOK_JOB_WORKERS": "0", "FACTBOOK_DATA_DIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-m", "factbook", "worker"], env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, "--jobs" in ended.stderr) == (3, True)


def test_make_cluster_shows_its_members_and_leaves_nothing_behind(postgres_url: str) -> None:
    server = postgres_url.rpartition("/")[0] + "/postgres"
    before = databases(server)
    environment = {**os.environ, "CLUSTER_SECONDS": "0.5", "FACTBOOK_TEST_POSTGRES_URL": server}
    ended = subprocess.run([sys.executable, "-m", "tools.cluster"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.findall(r"^(server|worker)-(\d)", ended.stdout, re.M) == [("server", "1"), ("server", "2"), ("worker", "1"), ("worker", "2")]
    assert databases(server) <= before


def databases(server: str) -> set[str]:
    with psycopg.connect(server) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'factbook_cluster_%'")}
