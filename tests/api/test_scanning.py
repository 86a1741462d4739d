"""Sources, scans, jobs and the dictionary over HTTP."""

import json
import sqlite3
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem, scan, wait_for_job

from factbook.log import configure_logging

SECRETS = ("s3cr3t-inline", "s3cr3t-beside", "s3cr3t@quoted", "s3cr3t%40quoted", "s3cr3t-query")


def columns(client: TestClient, **parameters: Any) -> list[str]:
    items = client.get("/dictionary", params=parameters).json()["items"]
    return [f"{item['table']}.{item['column']}" for item in items]


def test_a_scan_fills_the_dictionary_and_a_second_one_changes_nothing(client: TestClient) -> None:
    triggered = client.post("/scan/trigger")
    assert triggered.status_code == 202
    location = triggered.headers["location"]
    assert location == f"/jobs/{triggered.json()['job_id']}"
    assert triggered.json()["state"] == "queued"
    job = wait_for_job(client, triggered.json()["job_id"])
    assert client.get(location).json() == job
    assert (job["state"], job["trigger"], job["source_id"]) == ("succeeded", "api", "shop")
    assert job["result"]["counts"]["added"] == 3
    first = client.get("/dictionary").json()["items"]
    assert len(first) == 9

    again = scan(client)
    assert again["result"]["counts"] == {"tables": 3, "added": 0, "changed": 0, "unchanged": 3, "removed": 0, "failed": 0}
    second = client.get("/dictionary").json()["items"]
    assert [item | {"last_seen": None} for item in second] == [item | {"last_seen": None} for item in first]


def test_a_scan_may_name_a_url_and_its_scope(client: TestClient, source_url: str) -> None:
    job = scan(client, {"url": source_url, "source_id": "market", "schemas": ["main.c*", "main.i*"], "exclude": ["main.invoice"]})
    assert job["state"] == "succeeded", job
    assert job["result"]["scope"] == {"include": ["main.c*", "main.i*"], "exclude": ["main.invoice"]}
    assert columns(client) == ["customer.id", "customer.name", "customer.email"]
    assert [source["source_id"] for source in client.get("/sources").json()["items"]] == ["market"]


def test_removals_are_held_until_they_are_accepted(client: TestClient, source_url: str) -> None:
    scan(client)
    with sqlite3.connect(source_url.removeprefix("sqlite:///")) as connection:
        connection.executescript("DROP VIEW big_invoice; DROP TABLE invoice")
    connection.close()
    held = scan(client, {})
    assert held["state"] == "failed" or held["result"]["held"]
    assert "invoice.id" in columns(client)
    accepted = scan(client, {"accept_removals": True})
    assert accepted["state"] == "succeeded"
    assert set(accepted["result"]["removed"]) == {"main.big_invoice", "main.invoice"}
    assert columns(client) == ["customer.id", "customer.name", "customer.email"]
    assert "invoice.id" in columns(client, include_removed=True)


def test_the_dictionary_is_filtered_searched_and_paged(client: TestClient) -> None:
    scan(client)
    assert columns(client, table="customer", primary_key=True) == ["customer.id"]
    assert columns(client, table="*invoice", type="num") == ["big_invoice.total", "invoice.total"]
    assert columns(client, object_type="view") == ["big_invoice.id", "big_invoice.customer_id", "big_invoice.total"]
    assert columns(client, foreign_key=True) == ["invoice.customer_id"]
    assert columns(client, nullable=False, schema="main", table="customer") == ["customer.name"] or columns(client, nullable=False)
    assert columns(client, search="customer ema") == ["customer.email"]
    assert columns(client, source_id="nobody") == []
    everything = columns(client)
    seen: list[str] = []
    parameters: dict[str, Any] = {"limit": 4}
    while True:
        page = client.get("/dictionary", params=parameters).json()
        assert len(page["items"]) <= 4
        seen += [f"{item['table']}.{item['column']}" for item in page["items"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == everything


def test_the_dictionary_shows_a_moment_of_the_past(client: TestClient, source_url: str) -> None:
    first = scan(client)
    with sqlite3.connect(source_url.removeprefix("sqlite:///")) as connection:
        connection.execute("ALTER TABLE customer ADD COLUMN loyalty TEXT")
    connection.close()
    scan(client)
    assert "customer.loyalty" in columns(client)
    assert "customer.loyalty" not in columns(client, as_of=first["finished_at"])
    assert columns(client, as_of="2020-01-01T00:00:00Z") == []
    assert client.get("/dictionary", params={"as_of": "2020-01-01T01:00:00+01:00"}).json()["as_of"] == "2020-01-01T00:00:00Z"


def test_jobs_are_listed_newest_first_and_filtered(client: TestClient) -> None:
    ids = [scan(client)["job_id"] for _ in range(3)]
    listed = client.get("/jobs", params={"limit": 2}).json()
    assert [job["job_id"] for job in listed["items"]] == [ids[2], ids[1]]
    rest = client.get("/jobs", params={"limit": 2, "cursor": listed["next_cursor"]}).json()
    assert [job["job_id"] for job in rest["items"]] == [ids[0]]
    assert rest["next_cursor"] is None
    assert len(client.get("/jobs", params={"state": "succeeded", "source_id": "shop"}).json()["items"]) == 3
    assert client.get("/jobs", params={"state": "failed"}).json()["items"] == []


def test_a_failed_job_says_why_and_can_be_retried_but_not_cancelled(client: TestClient, tmp_path: Any) -> None:
    nowhere = tmp_path / "later.sqlite"
    job = scan(client, {"url": f"sqlite:///{nowhere}", "source_id": "later"})
    assert job["state"] == "failed"
    assert job["error"]["message"]
    check_problem(client.post(f"/jobs/{job['job_id']}/cancel"), 400)
    sqlite3.connect(nowhere).executescript("CREATE TABLE t (id INTEGER)").connection.close()
    retried = client.post(f"/api/v1/jobs/{job['job_id']}/retry")
    assert retried.status_code == 202
    assert retried.headers["location"] == f"/api/v1/jobs/{retried.json()['job_id']}"
    assert retried.json()["retry_of"] == job["job_id"]
    assert wait_for_job(client, retried.json()["job_id"])["state"] == "succeeded"
    check_problem(client.post(f"/jobs/{retried.json()['job_id']}/retry"), 400)


def test_sources_are_added_listed_tested_and_removed(client: TestClient, source_url: str) -> None:
    added = client.post("/sources", json={"source_id": "market", "url": source_url})
    assert added.status_code == 201
    assert added.headers["location"] == "/sources/market"
    assert client.get("/sources/market").json() == added.json()
    client.post("/sources", json={"source_id": "zoo", "url": "postgresql://bob@127.0.0.1:1/zoo"})
    page = client.get("/sources", params={"limit": 1}).json()
    assert ([item["source_id"] for item in page["items"]], page["next_cursor"]) == (["market"], "market")
    assert [item["source_id"] for item in client.get("/sources", params={"cursor": "market"}).json()["items"]] == ["zoo"]
    assert client.post("/sources/market/test").json()["engine"] == "sqlite"
    check_problem(client.post("/sources/zoo/test"), 504, "source_unavailable")
    removed = client.delete("/sources/market")
    assert (removed.status_code, removed.content) == (204, b"")
    check_problem(client.get("/sources/market"), 404)
    assert scan(client, {"source_id": "shop"})["state"] == "succeeded"


def test_a_source_that_refuses_is_502(client: TestClient, postgres_url: str) -> None:
    url = postgres_url.rpartition("/")[0] + "/no_such_database_at_all"
    client.post("/sources", json={"source_id": "pg", "url": url})
    check_problem(client.post("/sources/pg/test"), 502, "source_refused")


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_secret_is_in_any_answer_or_log(make_client: MakeClient, capfd: pytest.CaptureFixture[str], level: str) -> None:
    configure_logging(level)
    client = make_client(api_key="s3cr3t-key")
    client.headers["Authorization"] = "Bearer s3cr3t-key"
    client.headers["Cookie"] = "session=s3cr3t-cookie"
    said: list[str] = []

    def tell(method: str, path: str, **options: Any) -> Any:
        answer = client.request(method, path, **options)
        said.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    urls = {
        "inline": ("postgresql://bob:s3cr3t-inline@127.0.0.1:1/db", None),
        "beside": ("mysql://bob@127.0.0.1:1/db", "s3cr3t-beside"),
        "quoted": ("postgresql://bob:s3cr3t%40quoted@127.0.0.1:1/db", None),
        "unquoted": ("postgresql://bob:s3cr3t@quoted@127.0.0.1:1/db", None),
        "query": ("postgresql://bob@127.0.0.1:1/db?password=s3cr3t-query", None),
        "odd": ("gopher://bob:s3cr3t-inline@127.0.0.1:1/db", None),
        "broken": ("postgresql://bob:s3cr3t-inline@[::1", None),
    }
    for source_id, (url, password) in urls.items():
        tell("POST", "/sources", json={"source_id": source_id, "url": url, "password": password})
        tell("POST", f"/sources/{source_id}/test")
        tell("POST", "/sources", json={"source_id": f"{source_id} bad id", "url": url, "password": password})
        tell("POST", "/sources", json={"source_id": source_id, "url": url, "passwort": password or "s3cr3t-beside"})
        triggered = tell("POST", "/scan/trigger", json={"url": url, "source_id": f"{source_id}2"})
        if triggered.status_code == 202:
            tell("POST", f"/jobs/{triggered.json()['job_id']}/cancel")
            wait_for_job(client, triggered.json()["job_id"])
            tell("GET", f"/jobs/{triggered.json()['job_id']}")
    for path in ("/sources", "/jobs", "/health", "/records/tail", "/dictionary", "/openapi.json", "/nowhere?password=s3cr3t-query"):
        tell("GET", path)
    tell("GET", "/jobs", headers={"Authorization": "Bearer s3cr3t-wrong"})
    output = capfd.readouterr()
    everything = "\n".join([*said, output.out, output.err])
    assert '"event": "request"' in output.err
    assert all(json.loads(line) for line in output.err.splitlines())
    assert "s3cr3t" not in everything


def test_the_store_itself_holds_no_password_in_clear(make_client: MakeClient, tmp_path: Any) -> None:
    client = make_client()
    client.post("/sources", json={"source_id": "pg", "url": "postgresql://bob:s3cr3t-inline@127.0.0.1:1/db"})
    triggered = client.post("/scan/trigger", json={"url": "postgresql://bob:s3cr3t-beside@127.0.0.1:1/db2"})
    client.post(f"/jobs/{triggered.json()['job_id']}/cancel")
    wait_for_job(client, triggered.json()["job_id"])
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"s3cr3t" not in kept
