"""Tokens through the running application: who is served what, what is told, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from tests.api.conftest import a_record, check_problem, make_shop

from factbook.access import Action, Grant
from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.settings import load_settings

KEY = "k-3f9"


class Service:
    """A served Factbook with a client elsewhere, and tokens for it."""

    def __init__(self, house: Factbook, client: TestClient) -> None:
        self.house = house
        self.client = client

    def token(self, *grants: Grant, name: str = "t", **options: Any) -> dict[str, str]:
        """Make a token; return the headers that carry it."""
        return bearer(self.house.tokens.create(name, grants, created_by="test", **options).value)

    def audit(self, tenant: str) -> list[dict[str, Any]]:
        self.house.audit_trail.flush()
        return [item.record.payload for item in self.house.repository.tail(tenant=tenant, kinds=["audit"]).records]


Serve = Callable[..., Service]


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def make(*, local: bool = False, **settings: Any) -> Service:
            house = Factbook(load_settings({}, data_dir=str(tmp_path / "data"), source_db_url=make_shop(tmp_path), **settings))
            place = (
                {"base_url": "http://localhost", "client": ("127.0.0.1", 1)}
                if local
                else {"base_url": "https://factbook.example", "client": ("192.0.2.7", 1)}
            )
            return Service(house, stack.enter_context(TestClient(create_app(house), **place)))

        yield make


def outcomes(answer: Any) -> list[str]:
    return [item["outcome"] for item in answer.json()["results"]]


def test_a_good_token_is_served_from_anywhere_also_where_there_is_no_key(serve: Serve) -> None:
    service = serve()
    good = service.token(Grant(Action.READ, "default"))
    assert service.client.get("/jobs", headers=good).status_code == 200
    check_problem(service.client.get("/jobs"), 403, "not_allowed")
    assert service.client.get("/jobs", headers={"Authorization": good["Authorization"].replace("Bearer", "bEARER")}).status_code == 200


@pytest.mark.parametrize("local", [True, False], ids=["here", "elsewhere"])
@pytest.mark.parametrize("key", ["", KEY], ids=["without a key", "with a key"])
def test_a_token_that_is_not_good_is_refused_even_where_none_is_needed(serve: Serve, local: bool, key: str) -> None:
    service = serve(local=local, api_key=key)
    made = service.house.tokens.create("t", [Grant(Action.ADMIN, "*")], created_by="test")
    service.house.tokens.revoke(made.token.token_id)
    late = datetime.now(UTC) + timedelta(seconds=0.3)
    expired = service.token(Grant(Action.ADMIN, "*"), expires_at=late)
    while datetime.now(UTC) < late:
        pass
    for headers in (
        bearer(made.value),
        expired,
        bearer(made.value[:-1]),
        bearer("fbt_"),
        bearer("fbt_ü\udcff".encode("utf-8", "replace").decode()),
    ):
        encoded = {"Authorization": headers["Authorization"].encode()}
        for path in ("/jobs", "/health", "/docs", "/nowhere"):
            refused = service.client.get(path, headers=encoded)
            check_problem(refused, 401, "key_required")
            assert refused.headers["www-authenticate"] == "Bearer"
            assert made.value not in refused.text


def test_the_key_is_an_admin_of_every_tenant(serve: Serve) -> None:
    service = serve(api_key=KEY)
    for tenant in ("default", "acme", "mill"):
        assert service.client.post("/records", json=a_record(1, context={"tenant": tenant}), headers=bearer(KEY)).status_code == 200
        found = service.client.get("/records/tail", params={"tenant": tenant, "kind": "job_run"}, headers=bearer(KEY))
        assert len(found.json()["items"]) == 1
        assert service.client.get("/sources", params={"tenant": tenant}, headers=bearer(KEY)).json()["items"] == []


def test_without_key_and_token_a_local_request_sees_the_servers_own_tenant(serve: Serve) -> None:
    service = serve(local=True, tenant="acme")
    service.client.post("/records", json=[a_record(1, context={"tenant": "acme"})])
    assert len(service.client.get("/records/tail").json()["items"]) == 1
    assert check_problem(service.client.get("/records/tail?tenant=default"), 403)["field"] == "tenant"
    assert check_problem(service.client.post("/records", json=a_record(2)), 422)["field"] == "context.tenant"
    assert outcomes(service.client.post("/records", json=[a_record(2), a_record(3, context={"tenant": "acme"})])) == ["rejected", "stored"]
    assert service.audit("acme") == []


def test_a_token_reads_its_tenant_unless_it_names_another(serve: Serve) -> None:
    service = serve(api_key=KEY)
    for tenant in ("acme", "mill"):
        service.client.post("/records", json=a_record(1, context={"tenant": tenant}), headers=bearer(KEY))
    one = service.token(Grant(Action.READ, "acme"))
    both = service.token(Grant(Action.READ, "acme"), Grant(Action.READ, "mill"))
    query = {"kind": "job_run"}
    for path in ("/records/tail", "/records/query"):
        [item] = service.client.get(path, params=query, headers=one).json()["items"]
        assert item["record"]["context"]["tenant"] == "acme"
        check_problem(service.client.get(path, params=query | {"tenant": "mill"}, headers=one), 403)
        check_problem(service.client.get(path, params=query, headers=both), 400)
        assert len(service.client.get(path, params=query | {"tenant": "mill"}, headers=both).json()["items"]) == 1


def test_each_record_of_a_body_is_judged_by_itself_and_all_of_them_if_asked(serve: Serve) -> None:
    service = serve()
    headers = service.token(Grant(Action.WRITE, "acme", "sales*", ("job_run",)))
    sales, hr = {"tenant": "acme", "namespace": "sales.eu"}, {"tenant": "acme", "namespace": "hr"}
    sent = [a_record(1, context=sales), a_record(2, context=hr), a_record(3), a_record(4, context=sales)]
    answer = service.client.post("/records", json=sent, headers=headers)
    assert outcomes(answer) == ["stored", "rejected", "rejected", "stored"]
    assert [item.get("field") for item in answer.json()["results"]] == [None, "context.namespace", "context.tenant", None]
    refused = service.client.post(
        "/records", json=[a_record(5, context=sales), a_record(6, context=hr)], params={"atomic": True}, headers=headers
    )
    assert "Record 1" in check_problem(refused, 422)["detail"]
    check_problem(service.client.post("/records", json=a_record(7), headers=headers), 422)
    check_problem(service.client.get("/records/tail", headers=headers), 403, "not_allowed")
    check_problem(service.client.post("/records", json=a_record(8), headers=service.token(Grant(Action.READ, "acme"))), 403)
    assert len(service.house.repository.tail(tenant="acme", kinds=["job_run"]).records) == 2


def test_an_admin_of_a_tenant_manages_its_tokens_and_no_others(serve: Serve) -> None:
    service = serve()
    admin = service.token(Grant(Action.ADMIN, "acme"), name="boss")
    wish = {
        "name": "loader",
        "grants": [{"action": "write", "tenant": "acme", "kinds": ["ingestion_*"]}],
        "expires_at": "2099-01-01T00:00:00Z",
    }
    answer = service.client.post("/tokens", json=wish, headers=admin)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["value"].startswith("fbt_")
    assert made["token"]["created_by"].startswith("boss (token-")
    location = answer.headers["location"]
    assert service.client.get(location, headers=admin).json() == made["token"]
    listed = service.client.get("/tokens", headers=admin)
    assert {item["name"] for item in listed.json()["items"]} == {"boss", "loader"}
    assert made["value"] not in listed.text
    for foreign in (
        [{"action": "read", "tenant": "mill"}],
        [{"action": "read", "tenant": "*"}],
        [{"action": "read", "tenant": "acme*"}],
        [{"action": "read", "tenant": "acme"}, {"action": "read", "tenant": "mill"}],
    ):
        check_problem(service.client.post("/tokens", json={"name": "x", "grants": foreign}, headers=admin), 403, "not_allowed")
    for wrong in (
        {"name": "x", "grants": []},
        {"name": "", "grants": wish["grants"]},
        {"name": "x", "grants": [{"action": "fly", "tenant": "acme"}]},
        {"name": "x", "grants": [{"action": "read", "tenant": ""}]},
        {**wish, "expires_at": "2020-01-01T00:00:00Z"},
    ):
        check_problem(service.client.post("/tokens", json=wrong, headers=admin), 400)
    assert service.client.post("/records", json=[a_record()], headers=bearer(made["value"])).status_code == 200
    assert service.client.delete(location, headers=admin).status_code == 204
    assert service.client.get(location, headers=admin).json()["revoked_at"] is not None
    check_problem(service.client.delete("/tokens/token-none", headers=admin), 404)
    writer = service.token(Grant(Action.WRITE, "acme"), Grant(Action.READ, "acme"))
    for method, path in (("GET", "/tokens"), ("GET", location), ("DELETE", location)):
        check_problem(service.client.request(method, path, headers=writer), 403)
    check_problem(service.client.post("/tokens", json=wish, headers=writer), 403)


def test_an_admin_of_every_tenant_sees_all_tokens(serve: Serve) -> None:
    service = serve(api_key=KEY)
    service.token(Grant(Action.READ, "acme"), name="a")
    service.token(Grant(Action.READ, "*"), name="b")
    names = {item["name"] for item in service.client.get("/tokens", headers=bearer(KEY)).json()["items"]}
    assert names == {"a", "b"}
    [acme] = service.client.get("/tokens?tenant=acme", headers=bearer(KEY)).json()["items"]
    [everybodys] = service.client.get("/tokens?tenant=*", headers=bearer(KEY)).json()["items"]
    assert (acme["name"], everybodys["name"]) == ("a", "b")


def test_an_address_in_the_place_of_a_name_is_not_connected_to(serve: Serve, tmp_path: Path) -> None:
    """It used to pass by the question whether whoever names it may name addresses."""
    service = serve()
    writer = service.token(Grant(Action.WRITE, "default"), Grant(Action.READ, "default"))
    bodies = {"/scan/trigger": {}, "/profile/trigger": {}, "/quality/run": {"document": "tables: []"}, "/gate": {"scan": True}}
    for address in (f"sqlite:///{tmp_path}/other.sqlite", "postgresql://u:p@127.0.0.1:1/x", "${SOURCE}"):
        for path, body in bodies.items():
            refused = service.client.post(path, json={"source_id": address, **body}, headers=writer)
            assert refused.status_code in (400, 404), (path, refused.text)
    assert service.house.connections.list() == []
    assert service.client.get("/jobs", headers=writer).json()["items"] == []


def test_the_server_lends_nothing_of_its_own_to_a_tenant(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACTBOOK_SOURCE_PASSWORD", "the-servers-own")
    service = serve()
    admin = service.token(Grant(Action.ADMIN, "acme"))
    for url in (
        f"sqlite:///{tmp_path}/shop.sqlite",
        "postgresql://u:${API_KEY}@evil.example/x",
        "postgresql://u@evil.example/x",
        "postgresql://u:p@evil.example/x?passfile=/root/.pgpass",
        "postgresql:///x",
        "${SOURCE}",
    ):
        for path in ("/sources", "/scan/trigger"):
            refused = service.client.post(path, json={"source_id": "x", "url": url}, headers=admin)
            assert check_problem(refused, 400)["field"] == "url", url
    check_problem(service.client.post("/scan/trigger", headers=admin), 400)
    check_problem(service.client.post("/scan/trigger", json={"source_id": "shop"}, headers=admin), 404)
    assert (
        service.client.post(
            "/sources", json={"source_id": "x", "url": "postgresql://u:p@127.0.0.1:1/x?sslmode=prefer"}, headers=admin
        ).status_code
        == 201
    )
    assert service.house.of("acme").connections.resolve("x") == "postgresql://u:p@127.0.0.1:1/x?sslmode=prefer"
    own = service.token(Grant(Action.ADMIN, "default"))
    check_problem(service.client.post("/sources", json={"source_id": "x", "url": "postgresql://u:p@h/x"}, headers=own), 403)
    check_problem(service.client.post("/scan/trigger", json={"url": "sqlite:////etc/x.db"}, headers=own), 403)
    assert service.client.post("/scan/trigger", headers=own).status_code == 202


def test_health_tells_a_token_the_status_alone_and_who_runs_the_server_all(serve: Serve) -> None:
    service = serve(local=True)
    assert service.client.get("/health", headers=service.token(Grant(Action.ADMIN, "default"))).json() == {"status": "ok"}
    assert "database" in service.client.get("/health", headers=service.token(Grant(Action.ADMIN, "*"))).json()
    assert "database" in service.client.get("/health").json()


def test_a_server_beyond_loopback_with_tokens_asks_strangers_for_one(serve: Serve) -> None:
    service = serve(host="0.0.0.0")
    service.token(Grant(Action.ADMIN, "*"))
    check_problem(service.client.get("/jobs"), 401, "key_required")
    check_problem(service.client.post("/records", json=a_record()), 401, "key_required")
    assert service.client.get("/health").json() == {"status": "ok"}


def test_the_audit_tells_who_did_what_where_it_concerns(serve: Serve) -> None:
    service = serve(api_key=KEY)
    writer = service.token(Grant(Action.WRITE, "acme"), name="loader")
    admin = service.token(Grant(Action.ADMIN, "acme"), name="boss")
    sent = [a_record(1, context={"tenant": "acme"}), a_record(2, context={"tenant": "mill"})]
    service.client.post("/records", json=sent, headers=writer | {"X-Request-ID": "r1"})
    service.client.post("/records", json=sent, headers=bearer(KEY) | {"X-Request-ID": "r2"})
    made = service.client.post("/tokens", json={"name": "x", "grants": [{"action": "read", "tenant": "acme"}]}, headers=admin).json()
    service.client.get("/tokens?tenant=mill", headers=admin)
    service.client.get("/jobs", headers=admin)
    service.client.post("/records", json=sent, headers=bearer("fbt_wrong"))
    acme, mill, own = (service.audit(tenant) for tenant in ("acme", "mill", "default"))
    told = [(item["actor"]["who"], item["action"], item["outcome"], item.get("route"), item.get("counts")) for item in acme]
    assert told == [
        ("token", "write", "done", "POST /records", {"stored": 1}),
        ("key", "write", "done", "POST /records", {"duplicate": 1}),
        ("token", "admin", "done", "POST /tokens", None),
        ("token", "admin", "refused", "GET /tokens", None),
    ]
    assert [item["request_ids"] for item in acme[:2]] == [["r1"], ["r2"]]
    assert acme[2]["subject"] == made["token"]["token_id"]
    assert [(item["actor"]["who"], item.get("counts")) for item in mill] == [("key", {"stored": 1})]
    assert [(item["actor"]["who"], item["outcome"]) for item in own] == [("nobody", "refused")]
    assert made["value"] not in json.dumps([acme, mill, own])


def test_reads_are_noted_where_that_is_switched_on_and_writes_not_where_off(serve: Serve) -> None:
    service = serve(audit_reads=True, audit_writes=False)
    headers = service.token(Grant(Action.ADMIN, "acme"))
    service.client.get("/records/tail", headers=headers)
    service.client.post("/records/query", json={"kind": "job_run"}, headers=headers)
    service.client.post("/records", json=[a_record(1, context={"tenant": "acme"})], headers=headers)
    assert [(item["action"], item["route"]) for item in service.audit("acme")] == [
        ("read", "GET /records/tail"),
        ("read", "POST /records/query"),
    ]


def test_no_value_of_a_token_comes_into_a_log_or_an_answer(serve: Serve) -> None:
    service = serve(api_key=KEY)
    with capture_logs() as logs:
        value = service.token(Grant(Action.READ, "acme"))["Authorization"].removeprefix("Bearer ")
        answers = [
            service.client.get(path, headers=bearer(value))
            for path in (
                "/jobs",
                "/nowhere",
                "/records/tail?tenant=mill",
                f"/jobs/{value}",
                f"/sources/{value}",
                f"/jobs?state={value}",
                f"/{value}",
            )
        ]
        answers.append(service.client.post("/records", json={"x": value}, headers=bearer(value)))
    assert not [answer.text for answer in answers if value in answer.text]
    from factbook.log import redact

    assert value not in str([redact(line) for line in logs])


@pytest.mark.parametrize("kind", ["retention_policy", "audit"])
def test_only_an_admin_of_the_tenant_may_store_what_governs_it(serve: Serve, kind: str) -> None:
    service = serve(api_key=KEY)
    writer = service.token(Grant(Action.WRITE, "acme"))
    payloads = {
        "retention_policy": {"keep_days": 1, "then": "drop"},
        "audit": {"principal": "t", "principal_id": "t", "action": "write", "route": "/records", "outcome": "done", "count": 1},
    }
    sent = a_record(kind=kind, payload=payloads[kind], target={"source_id": "ingestion_runtime"}, context={"tenant": "acme"})
    for body in (sent, [sent]):
        answer = service.client.post("/records", json=body, headers=writer)
        assert "rejected" in answer.text or answer.status_code == 422, answer.text
        assert f"may not write {kind}" in answer.text
    assert service.house.repository.tail(tenant="acme", kinds=[kind]).records == [] or kind == "audit"
    if kind == "retention_policy":
        admin = service.token(Grant(Action.ADMIN, "acme"))
        assert service.client.post("/records", json=sent, headers=admin).json()["counts"]["stored"] == 1


def test_a_job_for_every_tenant_is_cancelled_and_repeated_by_who_runs_the_server_alone(serve: Serve) -> None:
    service = serve(api_key=KEY, job_workers=1)
    runner = service.token(Grant(Action.READ, "default"), Grant(Action.WRITE, "default"))
    job_id = service.client.post("/compact", headers=bearer(KEY)).json()["job_id"]
    for deed in ("cancel", "retry"):
        check_problem(service.client.post(f"/jobs/{job_id}/{deed}", headers=runner), 403, "not_allowed")
    shown = service.client.get(f"/jobs/{job_id}", headers=runner).json()
    assert not shown.get("result")


def test_the_token_that_acknowledges_an_alert_is_named_whatever_it_says(serve: Serve) -> None:
    service = serve(api_key=KEY)
    payload = {"rule": "r", "state": "firing", "severity": "error", "title": "it burns"}
    fact = {"target": {"source_id": "shop"}, "kind": "alert", "payload": payload, "produced_at": "2026-01-01T00:00:00Z", "producer_id": "w"}
    assert service.client.post("/records", json=fact, headers=bearer(KEY)).status_code in (200, 201)
    (found,) = service.client.get("/alerts", headers=bearer(KEY)).json()["items"]
    token = service.token(Grant(Action.ADMIN, "*"), name="night-watch")
    said = service.client.post(f"/alerts/{found['alert_id']}/acknowledge", json={"by": "ada"}, headers=token)
    assert said.status_code == 200, said.text
    assert said.json()["acknowledged_by"].startswith("night-watch (")
