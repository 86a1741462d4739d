"""Questions about many targets, in a body: who may ask them, and what they answer."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem

LATEST, QUERY = "/records/latest", "/records/query"
SOURCES = ["shop", "mill", "yard"]


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    client = make_client()
    records = [a_record(number, target={"source_id": SOURCES[number % 3]}) for number in range(9)]
    records.append(a_record(9, target={"source_id": "shop", "extras": {"column": "id"}}))
    assert client.post("/records", json=records).json()["counts"]["stored"] == 10
    return client


def jobs(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["record"]["payload"]["job_id"] for item in answer.json()["items"]]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_latest_of_many_targets_is_answered_at_once(client: TestClient, prefix: str) -> None:
    targets = [{"source_id": source} for source in (*SOURCES, "nowhere")]
    assert sorted(jobs(client.post(prefix + LATEST, json={"kind": "job_run", "targets": targets}))) == ["job-6", "job-7", "job-8"]
    assert jobs(client.post(prefix + LATEST, json={"kind": "job_run", "targets": []})) == []
    within = {"kind": "job_run", "within": {"source_id": "shop"}}
    assert sorted(jobs(client.post(prefix + LATEST, json=within))) == ["job-6", "job-9"]
    assert jobs(client.post(prefix + LATEST, json={**within, "as_of": "2026-01-01T00:00:04Z"})) == ["job-3"]


def test_the_latest_of_many_comes_in_pages(client: TestClient) -> None:
    asked: dict[str, Any] = {"kind": "job_run", "targets": [{"source_id": source} for source in SOURCES], "limit": 2}
    first = client.post(LATEST, json=asked)
    second = client.post(LATEST, json={**asked, "cursor": first.json()["next_cursor"]})
    assert sorted(jobs(first) + jobs(second)) == ["job-6", "job-7", "job-8"]
    assert second.json()["next_cursor"] is None


def test_a_question_may_hold_many_targets_and_any_condition(client: TestClient) -> None:
    targets = [{"source_id": f"none{number}"} for number in range(2000)] + [{"source_id": "mill"}]
    asked: dict[str, Any] = {"kind": "job_run", "targets": targets, "order": "desc", "limit": 2}
    first = client.post(QUERY, json=asked)
    assert jobs(first) == ["job-7", "job-4"]
    assert jobs(client.post(QUERY, json={**asked, "cursor": first.json()["next_cursor"]})) == ["job-1"]
    where = [{"path": "payload.job_id", "operator": "in", "value": ["a,b", "job-5"]}]
    assert jobs(client.post(QUERY, json={"kind": "job_run", "where": where})) == ["job-5"]
    assert jobs(client.post(QUERY, json={"kind": "job_run", "targets": []})) == []
    assert len(jobs(client.post(QUERY, json={"kind": "job_run", "within": {"source_id": "shop"}}))) == 4


def test_a_target_is_narrowed_in_the_url(client: TestClient) -> None:
    named = {"source_id": "shop", "kind": "job_run", "target_extras": '{"column":"id"}'}
    assert client.get(LATEST, params=named).json()["record"]["payload"]["job_id"] == "job-9"
    assert jobs(client.get("/records/history", params=named)) == ["job-9"]
    for wrong in ("{", "7", "[]"):
        problem = check_problem(client.get(LATEST, params=named | {"target_extras": wrong}), 400)
        assert "target_extras" in problem["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "job_run", "targets": [{"source_id": "a"}], "within": {"source_id": "a"}},
        {"kind": "job_run", "targets": [{"source_id": "a\x00"}]},
        {"kind": "job_run", "targets": [{"schema": "a"}]},
        {"kind": "job_run", "within": {"source_id": "a\x00"}},
        {"kind": "job_\x00run", "targets": []},
        {"kind": "job_run", "targets": [], "limit": 10_001},
        {"kind": "job_run", "targets": [], "colour": "red"},
        {"kind": "job_run", "targets": [], "as_of": "2026-01-01T00:00:00", "since": "2026-01-01T00:00:00"},
        {"kind": "job_run", "targets": [], "as_of": "0001-01-01T00:00:00+14:00"},
        {"kind": "job_run", "targets": [{"source_id": "a"}] * 10_001},
    ],
)
def test_a_wrong_question_is_refused_with_400(client: TestClient, wrong: dict[str, Any]) -> None:
    check_problem(client.post(LATEST, json=wrong), 400)
    check_problem(client.post(QUERY, json=wrong), 400)


def test_a_condition_must_lead_into_the_record(client: TestClient) -> None:
    for where in ([{"path": "x", "operator": "=", "value": 1}], [{"path": "payload.x", "operator": "in", "value": 1}]):
        assert check_problem(client.post(QUERY, json={"kind": "job_run", "where": where}), 400)["field"] == "where"


def test_a_question_is_a_read(make_client: MakeClient) -> None:
    here, there = make_client(api_key="k"), make_client(api_key="k", base_url="http://factbook.example", client=("192.0.2.7", 1))
    for path in (LATEST, QUERY):
        asked = {"kind": "job_run", "targets": [{"source_id": "shop"}]}
        assert jobs(here.post(path, json=asked)) == []
        check_problem(there.post(path, json=asked), 401)
        check_problem(here.post(path, content=b"{}", headers={"Content-Type": "text/plain"}), 415)
    check_problem(here.post("/records", json=a_record()), 401)
    check_problem(here.post("/records", content=b"  ", headers={"Content-Type": "application/x-ndjson", "Authorization": "Bearer k"}), 422)
