"""Servers, workers and pipelines killed at random while all of them work: what was promised is there, once, and the views are true.

Forty kills; ``KILLS=200`` for more. The seed is printed and may be given as ``KILL_SEED``.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import Counter
from pathlib import Path

import httpx2
from tests.cluster.victims import Caller, Pipeline, Victim, check_log, check_views, whole_log
from tools.cluster import Cluster

from factbook import demo

KILLS = int(os.environ.get("KILLS", "40"))
EMITTERS = 8


def test_kills_at_random_lose_nothing_repeat_nothing_and_leave_the_views_true(postgres_url: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED") or secrets.randbits(32))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    source = demo.ensure_source(tmp_path / "shop.sqlite")
    settings = {"SOURCE_DB_URL": f"sqlite:///{source}", "JOB_LEASE_SECONDS": "2", "LOG_LEVEL": "WARNING"}
    cluster = Cluster(postgres_url, tmp_path, servers=2, workers=1, **settings)
    pipelines = [Pipeline(number, cluster.urls[number % 2], tmp_path / "spools", pause_seconds=0.5) for number in range(1, EMITTERS + 1)]
    with cluster:
        with Caller(cluster.urls) as caller:
            for pipeline in pipelines:
                pipeline.start()
            killed = kill_at_random([*cluster.members, *pipelines], chance, cluster)
            for pipeline in pipelines:
                pipeline.kill()
            for server in cluster.servers:
                server.wait_until_up()
        for pipeline in pipelines:
            pipeline.deliver()
        settle_jobs(cluster)
        promised = caller.acknowledged.union(*(pipeline.safe for pipeline in pipelines))
        length = check_log(cluster.urls, promised)
        jobs = finished_once(cluster)
    check_views(postgres_url, tmp_path)
    print(f"{sum(killed.values())} kills {dict(killed)}: {length:,} records, {len(promised):,} of them promised, {jobs} jobs")
    assert sum(killed.values()) == KILLS
    assert caller.acknowledged
    assert all(pipeline.safe for pipeline in pipelines)


def kill_at_random(victims: list[Victim], chance: random.Random, cluster: Cluster) -> Counter[str]:
    """Kill one victim after another and start it again, now and then asking for a scan; return how often each was killed."""
    killed: Counter[str] = Counter()
    for _ in range(KILLS):
        time.sleep(chance.random() * 0.4)
        if chance.random() < 0.5:
            ask_for_scan(cluster, chance)
        victim = chance.choice(victims)
        assert victim.exit_code is None, f"{victim.name} ended by itself"
        victim.kill()
        killed[victim.name.partition("-")[0]] += 1
        victim.start()
    return killed


def ask_for_scan(cluster: Cluster, chance: random.Random) -> None:
    try:
        httpx2.post(f"{chance.choice(cluster.urls)}/scan/trigger", timeout=5)
    except httpx2.TransportError:
        # Killed just now; whether it queued the job first, the log says.
        return


def settle_jobs(cluster: Cluster) -> None:
    """Wait until no job waits or runs; lost workers' jobs are taken over meanwhile."""
    deadline = time.monotonic() + 60
    while True:
        health = httpx2.get(f"{cluster.urls[0]}/health", timeout=30).json()["jobs"]
        if health["queued"] + health["running"] == 0:
            return
        assert time.monotonic() < deadline, health
        time.sleep(0.1)


def finished_once(cluster: Cluster) -> int:
    """Check that every job the cluster was given came to one end, and return how many there were."""
    ends: Counter[str] = Counter()
    for item in whole_log(cluster.urls[0]):
        run = item.record.payload or {}
        if item.record.kind == "job_run" and str(run.get("job_id", "")).startswith("scan-"):
            ends[run["job_id"]] += run["state"] in ("succeeded", "failed", "cancelled")
    assert set(ends.values()) <= {1}
    return len(ends)
