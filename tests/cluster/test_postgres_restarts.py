"""PostgreSQL crashes again and again under load: nothing acknowledged is lost, nothing doubled, and everybody goes on by himself."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import httpx2
from tests.cluster.own_postgres import own_postgres
from tests.cluster.test_killed import ask_for_scan, finished_once, settle_jobs
from tests.cluster.victims import Caller, Pipeline, check_log, check_views
from tools.cluster import Cluster

from factbook import demo

CRASHES = int(os.environ.get("CRASHES", "3"))


def test_crashes_of_postgresql_lose_nothing_and_servers_recover_by_themselves(tmp_path: Path) -> None:
    chance = random.Random(20260131)
    source = demo.ensure_source(tmp_path / "shop.sqlite")
    settings = {"SOURCE_DB_URL": f"sqlite:///{source}", "JOB_LEASE_SECONDS": "2", "LOG_LEVEL": "WARNING"}
    with own_postgres() as postgres, Cluster(postgres.url, tmp_path, servers=2, workers=1, **settings) as cluster:
        pipelines = [Pipeline(number, cluster.urls[number % 2], tmp_path / "spools", pause_seconds=1.0) for number in (1, 2, 3)]
        with Caller(cluster.urls) as caller:
            for pipeline in pipelines:
                pipeline.start()
            for _ in range(CRASHES):
                wait_for_more(caller)
                ask_for_scan(cluster, chance)
                postgres.crash()
                assert {httpx2.get(f"{url}/health", timeout=30).json()["status"] for url in cluster.urls} == {"unavailable"}
                time.sleep(chance.random() * 0.5)
                postgres.start()
            wait_for_more(caller)
            for pipeline in pipelines:
                pipeline.kill()
        for pipeline in pipelines:
            pipeline.deliver()
        settle_jobs(cluster)
        # The same processes as in the beginning: nobody had to start one again.
        assert [member.exit_code for member in cluster.members] == [None] * 3
        promised = caller.acknowledged.union(*(pipeline.safe for pipeline in pipelines))
        length = check_log(cluster.urls, promised)
        jobs = finished_once(cluster)
        check_views(postgres.url, tmp_path)
    print(f"{CRASHES} crashes: {length:,} records, {len(promised):,} of them promised, {jobs} jobs")
    assert all(pipeline.safe for pipeline in pipelines)


def wait_for_more(caller: Caller) -> None:
    """Wait until records are acknowledged (again)."""
    before, deadline = len(caller.acknowledged), time.monotonic() + 60
    while len(caller.acknowledged) < before + 50:
        assert time.monotonic() < deadline, "nothing is acknowledged any more"
        time.sleep(0.02)
