"""Servers in processes of their own: they share tokens, listen beyond loopback with one, and lose nothing when killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.api.conftest import a_record
from tests.api.serving import free_port, running

from factbook.access import Action, Grant
from factbook.app import Factbook
from factbook.settings import load_settings

_FOREIGN = {"X-Forwarded-For": "192.0.2.7"}
"""As a proxy would send it: such a request is not a local one."""


def bearer(value: str) -> dict[str, str]:
    return _FOREIGN | {"Authorization": f"Bearer {value}"}


def make_token(url: str, *grants: Grant) -> str:
    with closing(Factbook(load_settings({}, meta_db_url=url))) as house:
        return house.tokens.create("t", grants, created_by="test").value


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shared.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


def serving(folder: Path, url: str, **environment: str) -> Any:
    folder.mkdir(exist_ok=True)
    port = free_port()
    arguments = ["-m", "uvicorn", "factbook.api.app:app", "--port", str(port)]
    return running(folder, arguments, port, META_DB_URL=url, **environment)


def test_two_servers_share_tokens_and_a_revoked_one_ends_in_both_within_two_seconds(store_url: str, tmp_path: Path) -> None:
    admin = make_token(store_url, Grant(Action.ADMIN, "*"))
    with serving(tmp_path / "one", store_url) as one, serving(tmp_path / "two", store_url) as two:
        wish = {"name": "loader", "grants": [{"action": "read", "tenant": "acme"}]}
        made = one.client.post("/tokens?tenant=acme", json=wish, headers=bearer(admin)).json()
        for server in (one, two):
            assert server.client.get("/records/tail", headers=bearer(made["value"])).status_code == 200
        assert one.client.delete(f"/tokens/{made['token']['token_id']}", headers=bearer(admin)).status_code == 204
        revoked_at = time.monotonic()
        for server in (one, two):
            while server.client.get("/records/tail", headers=bearer(made["value"])).status_code == 200:
                assert time.monotonic() - revoked_at < 30
                time.sleep(0.05)
        [listed] = two.client.get("/tokens?tenant=acme", headers=bearer(admin)).json()["items"]
        assert listed["revoked_at"]
        one.stop()
        two.stop()
        for server in (one, two):
            lines = json.dumps(server.logs())
            assert made["value"] not in lines
            assert admin not in lines
    with closing(Factbook(load_settings({}, meta_db_url=store_url))) as house:
        audited = [item.record.payload for item in house.repository.tail(tenant="acme", kinds=["audit"]).records]
        [token] = house.tokens.list("acme")
    assert {(fact["action"], fact["outcome"], fact["route"]) for fact in audited if fact} >= {
        ("admin", "done", "POST /tokens"),
        ("admin", "done", "DELETE /tokens/{token_id}"),
    }
    assert token.last_used_at is not None


def test_a_server_starts_beyond_loopback_with_an_admin_token_and_not_with_a_readers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.sqlite"
    make_token(url, Grant(Action.READ, "*"))
    program = ["-m", "uvicorn", "factbook.api.app:app", "--port", str(free_port())]
    ended = subprocess.run(
        [sys.executable, *program],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), "HOST": "0.0.0.0", "META_DB_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "without API_KEY or an admin token" in ended.stderr
    admin = make_token(url, Grant(Action.ADMIN, "acme"))
    with serving(tmp_path / "server", url, HOST="0.0.0.0") as server:
        assert server.client.get("/jobs", headers=_FOREIGN).status_code == 401
        assert server.client.get("/health", headers=_FOREIGN).json() == {"status": "ok"}
        assert server.client.get("/jobs", headers=bearer(admin)).json()["items"] == []


def test_a_killed_server_has_every_record_it_acknowledged(store_url: str, tmp_path: Path) -> None:
    writer = make_token(store_url, Grant(Action.WRITE, "acme"))
    acknowledged: list[str] = []

    def write(url: str, number: int) -> None:
        with httpx2.Client(base_url=url, timeout=10) as client:
            for count in range(10_000):
                record = a_record(1, context={"tenant": "acme"}, extras={"writer": number, "count": count})
                try:
                    answer = client.post("/records", json=record, headers=bearer(writer))
                except httpx2.TransportError:
                    return
                acknowledged.append(answer.json()["results"][0]["id"])

    with serving(tmp_path / "server", store_url) as server:
        threads = [threading.Thread(target=write, args=(str(server.client.base_url), number)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 200:
            assert any(thread.is_alive() for thread in threads)
            time.sleep(0.01)
        server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
    with closing(Factbook(load_settings({}, meta_db_url=store_url))) as house:
        kept = [item.id for item in house.repository.tail(tenant="acme", kinds=["job_run"], limit=10_000).records]
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)


def test_a_stream_shows_its_tenants_records_alone_and_ends_when_its_token_is_revoked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.sqlite"
    admin, reader = make_token(url, Grant(Action.ADMIN, "*")), make_token(url, Grant(Action.READ, "acme", "sales"))
    mine, theirs, other = ({"tenant": "acme", "namespace": "sales"}, {"tenant": "acme", "namespace": "hr"}, {"tenant": "mill"})

    def store(number: int, context: dict[str, str]) -> None:
        server.client.post("/records", json=a_record(number, context=context), headers=bearer(admin))

    with serving(tmp_path / "server", url, AUDIT_WRITES="false") as server:
        for query in ({"follow": "true", "tenant": "mill"}, {"follow": "true", "tenant": "nobody"}):
            assert server.client.get("/records/tail", params=query, headers=bearer(reader)).status_code == 403
        with server.client.stream("GET", "/records/tail", params={"follow": "true"}, headers=bearer(reader)) as answer:
            lines = (json.loads(line) for line in answer.iter_lines() if line)
            for number, context in enumerate((other, theirs, mine, theirs, other, mine)):
                store(number, context)
            seen = [next(lines)["record"]["context"] for _ in range(2)]
            assert seen == [mine, mine]
            [token] = server.client.get("/tokens?tenant=acme", headers=bearer(admin)).json()["items"]
            server.client.delete(f"/tokens/{token['token_id']}", headers=bearer(admin))
            while server.client.get("/records/tail", headers=bearer(reader)).status_code == 200:
                time.sleep(0.05)
            store(7, mine)
            assert list(lines) == []
