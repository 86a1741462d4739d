"""A Factbook of its own for each test, served in process, and helpers to talk to it."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.log.conftest import logging_as_it_was

from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.settings import load_settings

__all__ = ["logging_as_it_was"]

MakeClient = Callable[..., TestClient]


@pytest.fixture
def source_url(tmp_path: Path) -> str:
    """Give the URL of a small database to scan."""
    return make_shop(tmp_path)


@pytest.fixture
def make_client(tmp_path: Path, source_url: str) -> Iterator[MakeClient]:
    """Give a function that serves a Factbook with some settings and returns a local client of it."""
    with ExitStack() as stack:

        def make(*, client: tuple[str, int] = ("127.0.0.1", 50000), base_url: str = "http://localhost", **settings: Any) -> TestClient:
            chosen = {"data_dir": str(tmp_path / "data"), "source_db_url": source_url} | settings
            app = create_app(Factbook(load_settings({}, **chosen)))
            return stack.enter_context(TestClient(app, base_url=base_url, client=client))

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    """Give a local client of a Factbook without a key."""
    return make_client()


@pytest.fixture(scope="module")
def idle_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Give a local client of a Factbook that many tests share, because they change nothing."""
    folder = tmp_path_factory.mktemp("idle")
    app = create_app(Factbook(load_settings({}, data_dir=str(folder / "data"), source_db_url=make_shop(folder))))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        yield client


def make_shop(folder: Path) -> str:
    """Make a small database; return its URL."""
    file = folder / "shop.sqlite"
    connection = sqlite3.connect(file)
    connection.executescript(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT);"
        "CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id), total NUMERIC(10, 2));"
        "CREATE VIEW big_invoice AS SELECT * FROM invoice WHERE total > 100;"
    )
    connection.close()
    return f"sqlite:///{file}"


def wait_for_job(client: TestClient, job_id: str, *, seconds: float = 30.0) -> dict[str, Any]:
    """Return the job once it is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = client.get(f"/jobs/{job_id}").json()
        if job["state"] in ("succeeded", "failed", "cancelled"):
            return job
        time.sleep(0.02)
    raise AssertionError(f"{job_id} is not over after {seconds} s")


def scan(client: TestClient, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Trigger a scan and return its job once it is over."""
    answer = client.post("/scan/trigger", json=body) if body is not None else client.post("/scan/trigger")
    assert answer.status_code == 202, answer.text
    return wait_for_job(client, answer.json()["job_id"])


def a_record(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a valid record of an event as a client sends it."""
    payload = {"job_id": f"job-{number}", "job_type": "scan", "state": "queued"}
    record = {
        "target": {"source_id": "shop"},
        "kind": "job_run",
        "payload": payload,
        "produced_at": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.{number:06}Z",
        "producer_id": "test.v1",
    }
    return record | changes


def check_problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Assert that an answer is a problem of RFC 9457 in our shape; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem.keys() >= {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert problem.keys() <= {"type", "title", "status", "detail", "instance", "code", "request_id", "why", "field", "fix"}
    assert problem["status"] == status
    assert problem["type"] == f"urn:factbook:problem:{problem['code']}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    if code is not None:
        assert problem["code"] == code
    return problem
