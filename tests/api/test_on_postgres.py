"""The same over a PostgreSQL store: its types and errors are not SQLite's."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem, scan


@pytest.fixture
def client(make_client: MakeClient, postgres_url: str) -> TestClient:
    return make_client(meta_db_url=postgres_url)


def test_the_main_job_works(client: TestClient) -> None:
    assert client.get("/health").json()["database"]["dialect"] == "postgresql"
    first = scan(client)
    assert first["result"]["counts"]["added"] == 3
    assert scan(client)["result"]["counts"]["unchanged"] == 3
    rows = client.get("/dictionary", params={"search": "customer ema"}).json()["items"]
    assert [row["column"] for row in rows] == ["email"]
    assert len(client.get("/dictionary", params={"as_of": first["finished_at"], "table": "c*"}).json()["items"]) == 3
    assert len(client.get("/jobs").json()["items"]) == 2
    client.post("/records", json=[a_record(number) for number in range(3)])
    page = client.get("/records/query", params={"kind": "job_run", "source_id": "shop", "limit": 2, "order": "desc"}).json()
    assert len(page["items"]) == 2
    assert client.get("/records/tail", params={"limit": 1, "wait_seconds": 1}).json()["next_after_offset"] == 1


def test_what_postgres_cannot_hold_is_refused_with_4xx(client: TestClient) -> None:
    nul = "a\x00b"
    for path, parameters in (
        ("/jobs", {"source_id": nul}),
        ("/jobs", {"cursor": f"1~{nul}"}),
        ("/dictionary", {"table": nul}),
        ("/dictionary", {"search": nul}),
        ("/records/latest", {"source_id": nul, "kind": "job_run"}),
        ("/records/query", {"kind": nul}),
        ("/records/query", {"kind": "job_run", "where": f"payload.x={nul}"}),
    ):
        check_problem(client.get(path, params=parameters), 400)
    bodies: list[tuple[str, Any, int]] = [
        ("/sources", {"source_id": nul, "url": "sqlite:///x"}, 400),
        ("/sources", {"source_id": "x", "url": f"sqlite:///{nul}"}, 400),
        ("/records", a_record(target={"source_id": nul}), 422),
        ("/scan/trigger", {"source_id": nul}, 400),
    ]
    for path, body, status in bodies:
        check_problem(client.post(path, json=body), status)


def test_odd_cursors_and_offsets_are_refused_not_passed_on(client: TestClient) -> None:
    for path in (
        "/jobs?cursor=99999999999999999999999~x",
        "/jobs?cursor=%C2%B2~x",
        "/records/query?kind=job_run&cursor=2026-01-01T00:00:00Z~99999999999999999999999",
        "/dictionary?cursor=5b5d",
        "/dictionary?cursor=5b2261222c2262222c2263222c39393939393939393939393939393939393939392c2264225d",
    ):
        assert client.get(path).status_code in (200, 400), path
        assert client.get(path).headers["content-type"] in ("application/json", "application/problem+json")
    client.post("/records", json=a_record())
    for path in (
        "/jobs?cursor=99999999999999999999999~x",
        "/records/query?kind=job_run&cursor=2026-01-01T00:00:00Z~99999999999999999999999",
    ):
        check_problem(client.get(path), 400)
