"""The real server in a process of its own: the walkthrough as it is printed, its logs, and how it stops."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.api.serving import SETTINGS, free_port, running, uvicorn


def finished_jobs(client: httpx2.Client, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        jobs: list[dict[str, Any]] = client.get("/jobs?limit=10").json()["items"]
        if len(jobs) == count and all(job["state"] == "succeeded" for job in jobs):
            return jobs
        assert not [job for job in jobs if job["state"] in ("failed", "cancelled")], jobs
        time.sleep(0.05)
    raise AssertionError("the jobs are not over after 60 s")


def test_the_walkthrough_works_as_printed(tmp_path: Path) -> None:
    with uvicorn(tmp_path) as server:
        client = server.client
        assert client.get("/health").json()["status"] == "ok"

        triggered = client.post("/scan/trigger")
        assert triggered.status_code == 202
        [job] = finished_jobs(client, 1)
        assert job["job_id"] == triggered.json()["job_id"]
        assert job["result"]["counts"]["added"] == 11

        rows = client.get("/dictionary?limit=20").json()
        assert len(rows["items"]) == 20
        assert rows["next_cursor"]
        assert (rows["items"][0]["table"], rows["items"][0]["column"]) == ("Album", "AlbumId")

        client.post("/scan/trigger")
        again = finished_jobs(client, 2)[0]
        assert again["result"]["counts"] == {"tables": 11, "added": 0, "changed": 0, "removed": 0, "unchanged": 11, "failed": 0}
        everything = client.get("/dictionary?limit=1000").json()["items"]
        assert len(everything) == len({row["key"] for row in everything}) == 64
        assert "Swagger" in client.get("/docs").text
        assert (tmp_path / ".metadb" / "metadb.sqlite").exists()
        assert (tmp_path / ".metadb" / "source_demo.sqlite").exists()
        server.stop()
        logs = server.logs()
    requests = [line for line in logs if line["event"] == "request"]
    assert {"request_id", "method", "path", "status", "duration_ms", "timestamp", "level"} <= requests[0].keys()
    [trigger, _] = [line for line in requests if line["path"] == "/scan/trigger"]
    assert trigger["job_id"] == job["job_id"]
    assert any(line["event"] == "job_started" and line["job_id"] == job["job_id"] for line in logs)


def test_a_stopped_server_leaves_nothing_open_and_takes_up_where_it_was(tmp_path: Path) -> None:
    with uvicorn(tmp_path) as server:
        server.client.post("/scan/trigger")
        server.stop(signal.SIGINT)
        assert any(line["event"] == "Application shutdown complete." for line in server.logs())
    with uvicorn(tmp_path) as server:
        [job] = finished_jobs(server.client, 1)
        assert job["result"]["counts"]["tables"] == 11


def test_a_killed_server_leaves_no_job_stuck(tmp_path: Path) -> None:
    with uvicorn(tmp_path) as server:
        server.client.post("/scan/trigger")
        server.stop(signal.SIGKILL)
    with uvicorn(tmp_path, JOB_LEASE_SECONDS="1") as server:
        finished_jobs(server.client, 1)


def test_log_level_is_respected(tmp_path: Path) -> None:
    with uvicorn(tmp_path, LOG_LEVEL="WARNING") as server:
        server.client.get("/jobs")
        server.stop()
        assert server.logs() == []


def test_serve_runs_the_same_and_ends_long_polls_when_it_is_stopped(tmp_path: Path) -> None:
    port = free_port()
    program = (
        "from factbook.web.server import serve; from factbook.app import Factbook; from factbook.settings import load_settings; "
        f"serve(Factbook(load_settings(port={port})))"
    )
    with running(tmp_path, ["-c", program], port) as server:
        assert "server" not in server.client.get("/health").headers
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            waiting.sendall(b"GET /records/tail?wait_seconds=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.client.get("/health")
            server.stop()
        assert any(line["event"] == "Application shutdown complete." for line in server.logs())


@pytest.mark.parametrize("how", ["serve", "uvicorn"])
def test_the_server_does_not_start_beyond_loopback_without_a_key(tmp_path: Path, how: str) -> None:
    program = {
        "serve": ["-c", "from factbook.web.server import serve; from factbook.app import Factbook; serve(Factbook())"],
        "uvicorn": ["-m", "uvicorn", "factbook.api.app:app", "--port", str(free_port())],
    }[how]
    environment = {name: value for name, value in os.environ.items() if name.removeprefix("FACTBOOK_") not in SETTINGS}
    ended = subprocess.run(
        [sys.executable, *program],
        cwd=tmp_path,
        env=environment | {"HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "does not listen on 0.0.0.0 without API_KEY" in ended.stderr
    assert not (tmp_path / ".metadb").exists()


def test_importing_the_application_does_nothing(tmp_path: Path) -> None:
    program = "import os, factbook.api.app as module, factbook.web.server; assert not os.listdir(); assert 'app' not in vars(module)"
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, check=True, timeout=60)


def test_a_body_in_chunks_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    with uvicorn(tmp_path, MAX_BODY_BYTES="100000") as server:
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(10_000):
                sent += 1
                yield b" " * 10_000

        headers = {"Content-Type": "application/x-ndjson"}
        try:
            answer = server.client.post("/records", content=endless(), headers=headers)
        except httpx2.TransportError:
            # The server answered and hung up while we still sent; which of the two we see is the network's choice.
            pass
        else:
            assert answer.status_code == 413
        assert sent < 10_000
        assert server.client.get("/health").status_code == 200
        assert any(line.get("status") == 413 for line in server.logs())
