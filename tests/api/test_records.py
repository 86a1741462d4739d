"""Storing and reading records over HTTP."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem

from factbook.api import waiting

NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


def lines(*records: Any) -> bytes:
    return b"\n".join(record if isinstance(record, bytes) else json.dumps(record).encode() for record in records)


def outcomes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [result["outcome"] for result in answer.json()["results"]]


def test_a_record_is_stored_once(client: TestClient) -> None:
    first = client.post("/records", json=a_record()).json()
    assert first["counts"] == {"stored": 1, "duplicate": 0, "unchanged": 0, "rejected": 0}
    [stored] = first["results"]
    assert stored == {"index": 0, "outcome": "stored", "offset": 1, "id": stored["id"]}
    assert client.post("/api/v1/records", json=a_record()).json()["results"] == [stored | {"outcome": "duplicate"}]


def test_an_equal_state_is_unchanged(client: TestClient) -> None:
    column = {"name": "id", "position": 1, "data_type": "INTEGER", "nullable": False}
    state = a_record(
        kind="schema_snapshot",
        target={"source_id": "shop", "schema": "main", "table": "t"},
        payload={"object_type": "table", "columns": [column]},
    )
    assert outcomes(client.post("/records", json=state)) == ["stored"]
    later = state | {"produced_at": "2026-02-01T00:00:00Z"}
    assert outcomes(client.post("/records", json=later)) == ["unchanged"]
    closed = later | {"produced_at": "2026-03-01T00:00:00Z", "payload": None}
    assert outcomes(client.post("/records", json=closed)) == ["stored"]
    latest = client.get("/records/latest", params={"source_id": "shop", "schema": "main", "table": "t", "kind": "schema_snapshot"})
    assert latest.json()["record"]["payload"] is None
    before = client.get(
        "/records/latest",
        params={"source_id": "shop", "schema": "main", "table": "t", "kind": "schema_snapshot", "as_of": "2026-02-15T00:00:00+00:00"},
    )
    assert before.json()["record"]["payload"]["columns"] == [column]


def test_one_bad_record_of_a_list_does_not_hold_back_the_others(client: TestClient) -> None:
    answer = client.post("/records", json=[a_record(1), a_record(2, produced_at="2026-01-01T00:00:00"), 7, a_record(3), a_record(1)])
    assert outcomes(answer) == ["stored", "rejected", "rejected", "stored", "duplicate"]
    results = answer.json()["results"]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert results[1]["field"] == "produced_at"
    assert "naive" in results[1]["reason"]
    assert answer.json()["counts"] == {"stored": 2, "duplicate": 1, "unchanged": 0, "rejected": 2}


def test_ndjson_with_bad_lines_keeps_the_good_ones(client: TestClient) -> None:
    body = lines(
        a_record(1),
        b"{broken",
        b"",
        b"\xff\xfe",
        b"[" * 5000,
        b'"text"',
        a_record(2, kind="nothing"),
        a_record(3, payload={"job_id": "x"}),
        a_record(4, payload={**a_record()["payload"], "deep": json.loads("[" * 250 + "]" * 250)}),
        b'{"target": {"source_id": "s"}, "kind": "job_run", "payload": NaN}',
        a_record(5, extra="field"),
        a_record(6, target={"source_id": ""}),
        a_record(7),
    )
    answer = client.post("/records", content=body, headers=NDJSON)
    assert outcomes(answer) == ["stored", *["rejected"] * 10, "stored"]
    rejected = [result for result in answer.json()["results"] if result["outcome"] == "rejected"]
    assert all(result["reason"] for result in rejected)
    assert [result.get("field") for result in rejected][4:6] == ["kind", "payload"]
    assert client.get("/records/query", params={"kind": "job_run"}).json()["items"][1]["record"]["payload"]["job_id"] == "job-7"


def test_ndjson_may_end_with_a_line_end_and_use_carriage_returns(client: TestClient) -> None:
    body = lines(a_record(1), a_record(2)).replace(b"\n", b"\r\n") + b"\r\n"
    assert outcomes(client.post("/records", content=body, headers=NDJSON)) == ["stored", "stored"]


@pytest.mark.parametrize("content_type", [JSON, NDJSON])
def test_atomic_stores_all_or_nothing(client: TestClient, content_type: dict[str, str]) -> None:
    bad = a_record(2, kind="nothing")
    body = json.dumps([a_record(1), bad]).encode() if content_type is JSON else lines(a_record(1), bad)
    problem = check_problem(client.post("/records?atomic=true", content=body, headers=content_type), 422)
    assert problem["field"] == "kind"
    assert "Record 1" in problem["detail"]
    assert client.get("/records/tail").json() == {"items": [], "next_after_offset": 0}
    good = lines(a_record(1), a_record(2))
    assert outcomes(client.post("/records?atomic=true", content=good, headers=NDJSON)) == ["stored", "stored"]


@pytest.mark.parametrize("body", [b"", b" ", b"[]", b"\n\n"])
def test_a_body_without_records_is_refused(idle_client: TestClient, body: bytes) -> None:
    for content_type in (JSON, NDJSON):
        check_problem(idle_client.post("/records", content=body, headers=content_type), 422, "invalid_record")


@pytest.mark.parametrize("body", [b"{", b"[{]", b"[" * 100_000, b"\xff", b"null", b"7", b'"x"', b"[1,", b"\x00", b"{}{}"])
def test_garbage_is_refused_and_stores_nothing(idle_client: TestClient, body: bytes) -> None:
    check_problem(idle_client.post("/records", content=body, headers=JSON), 422)
    assert idle_client.get("/records/tail").json()["items"] == []


def test_a_payload_over_the_limit_is_rejected(make_client: MakeClient) -> None:
    client = make_client(max_payload_bytes=1000)
    big = a_record(1, payload={**a_record()["payload"], "parameters": {"x": "y" * 1000}})
    assert check_problem(client.post("/records", json=big), 422)["field"] == "payload"


def test_a_tenant_sees_and_writes_only_its_own(make_client: MakeClient) -> None:
    acme, other = make_client(tenant="acme"), make_client(tenant="other")
    of_acme, of_other = ({"context": {"tenant": tenant}} for tenant in ("acme", "other"))
    assert outcomes(acme.post("/records", json=[a_record(1, **of_acme), a_record(2, **of_other), a_record(3)])) == [
        "stored",
        "rejected",
        "rejected",
    ]
    assert outcomes(other.post("/records", json=a_record(4, **of_other))) == ["stored"]
    for client, job_id in ((acme, "job-1"), (other, "job-4")):
        for path in ("tail", "query?kind=job_run", "history?kind=job_run&source_id=shop"):
            items = client.get(f"/records/{path}").json()["items"]
            assert [item["record"]["payload"]["job_id"] for item in items] == [job_id]
        latest = client.get("/records/latest?kind=job_run&source_id=shop").json()
        assert latest["record"]["payload"]["job_id"] == job_id
    acme.post("/sources", json={"source_id": "mine", "url": "sqlite:///mine.sqlite"})
    assert other.get("/sources").json()["items"] == []
    check_problem(other.get("/sources/mine"), 404)


def test_lists_page_through_everything_once(client: TestClient) -> None:
    client.post("/records", json=[a_record(number) for number in range(25)])
    for path, parameter, key in (
        ("/records/query?kind=job_run", "cursor", "next_cursor"),
        ("/records/query?kind=job_run&order=desc", "cursor", "next_cursor"),
        ("/records/history?kind=job_run&source_id=shop", "after_offset", "next_after_offset"),
        ("/records/tail?kind=job_run", "after_offset", "next_after_offset"),
    ):
        seen: list[int] = []
        page = client.get(f"{path}&limit=10").json()
        while page["items"]:
            assert len(page["items"]) <= 10
            seen += [item["offset"] for item in page["items"]]
            if page[key] is None:
                break
            page = client.get(f"{path}&limit=10&{parameter}={quote(str(page[key]))}").json()
        assert seen == (list(range(25, 0, -1)) if "desc" in path else list(range(1, 26)))


@pytest.mark.parametrize(
    ("path", "header", "way_on"),
    [
        ("/records/query?kind=job_run&limit=2", "next-cursor", True),
        ("/records/query?kind=job_run&limit=3", "next-cursor", False),
        ("/records/history?kind=job_run&source_id=shop&limit=2", "next-after-offset", True),
        ("/records/tail?limit=2", "next-after-offset", True),
    ],
)
def test_lists_come_as_ndjson_to_those_who_accept_it(client: TestClient, path: str, header: str, way_on: bool) -> None:
    client.post("/records", json=[a_record(number) for number in range(3)])
    answer = client.get(path, headers={"Accept": "text/html, application/x-ndjson;q=0.9"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    items = [json.loads(line) for line in answer.text.splitlines()]
    assert items == client.get(path).json()["items"]
    assert (header in answer.headers) is way_on


def test_a_query_filters_by_conditions_and_targets(client: TestClient) -> None:
    records = [a_record(number, target={"source_id": "ab"[number % 2], "schema": "s"}) for number in range(10)]
    client.post("/records", json=records)

    def found(**parameters: Any) -> list[str]:
        items = client.get("/records/query", params={"kind": "job_run"} | parameters).json()["items"]
        return [item["record"]["payload"]["job_id"] for item in items]

    assert found(where=["payload.job_id in job-1,job-2", "target.source_id=a"]) == ["job-2"]
    assert found(source_id="b", where="payload.job_id like job-%", limit=2) == ["job-1", "job-3"]
    assert found(source_id="a", schema="s", since="2026-01-01T00:00:06Z") == ["job-6", "job-8"]
    assert found(source_id="a", table="t") == []
    assert found(producer_id="nobody") == []
    assert found(until="2026-01-01T00:00:01Z") == ["job-0"]


def test_what_is_stored_comes_back_as_it_was_sent(client: TestClient) -> None:
    record = a_record(
        1,
        target={"source_id": "größe", "schema": "a.b", "table": "x\ty '\""},
        payload={**a_record()["payload"], "parameters": {"n": 10**30, "f": 1e21, "s": "\u0001\U0001f600", "none": None}},
        extras={"a": [1, 2.5, "x"]},
        quality={"ok": True},
        context={"run_id": "r"},
    )
    assert outcomes(client.post("/records", json=record)) == ["stored"]
    [item] = client.get("/records/tail").json()["items"]
    assert item["record"] == record


def test_tail_waits_for_what_is_to_come_while_others_are_served(client: TestClient) -> None:
    waiters = 8
    with ThreadPoolExecutor(waiters) as pool:
        pending = [pool.submit(client.get, "/records/tail", params={"wait_seconds": 30}) for _ in range(waiters)]
        for _ in range(50):
            assert client.get("/health").status_code == 200
        assert not any(future.done() for future in pending)
        client.post("/records", json=a_record())
        answers = [future.result(timeout=30) for future in pending]
    assert all(len(answer.json()["items"]) == 1 for answer in answers)


def test_an_empty_tail_ends_after_its_time_and_says_how_far_it_is(client: TestClient) -> None:
    client.post("/records", json=a_record())
    page = client.get("/records/tail", params={"after_offset": 1, "wait_seconds": 0.05}).json()
    assert page == {"items": [], "next_after_offset": 1}
    other_kinds = client.get("/records/tail", params={"kind": ["catalog_scan", "schema_snapshot"], "wait_seconds": 0.05}).json()
    assert other_kinds == {"items": [], "next_after_offset": 1}


def test_too_many_followers_are_sent_away_with_429(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_FOLLOWERS", 2)
    with ThreadPoolExecutor(2) as pool:
        pending = [pool.submit(client.get, "/records/tail", params={"wait_seconds": 30}) for _ in range(2)]
        while client.app.state.followers.count < 2:
            time.sleep(0.01)
        for path in ("/records/tail?wait_seconds=1", "/records/tail?follow=true"):
            answer = client.get(path)
            check_problem(answer, 429, "overloaded")
            assert answer.headers["retry-after"]
        client.post("/records", json=a_record())
        assert [future.result(timeout=30).status_code for future in pending] == [200, 200]
    assert client.app.state.followers.count == 0


def test_many_clients_write_at_the_same_time_and_nothing_is_lost(client: TestClient) -> None:
    def write(number: int) -> str:
        return outcomes(client.post("/records", json=a_record(number)))[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(100))) == {"stored"}
    items = client.get("/records/tail", params={"limit": 1000}).json()["items"]
    assert [item["offset"] for item in items] == list(range(1, 101))


def test_kinds_are_listed_and_shown_with_their_schemas(idle_client: TestClient) -> None:
    names = [kind["name"] for kind in idle_client.get("/kinds").json()["items"]]
    assert names == sorted(names)
    assert {"schema_snapshot", "catalog_scan", "job_run"} <= set(names)
    page = idle_client.get("/kinds", params={"limit": 1}).json()
    assert page["next_cursor"] == names[0]
    assert idle_client.get("/kinds", params={"cursor": names[0], "limit": 1}).json()["items"][0]["name"] == names[1]
    kind = idle_client.get("/kinds/job_run").json()
    assert kind["category"] == "event"
    assert kind["schemas"]["1"]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_bulk_of_many_records_is_taken_in_one_request(client: TestClient) -> None:
    body = b"\n".join(msgspec.json.encode(a_record(number, produced_at=f"2026-01-01T00:00:00.{number:06}Z")) for number in range(20_000))
    answer = client.post("/records", content=body, headers=NDJSON)
    assert answer.json()["counts"] == {"stored": 20_000, "duplicate": 0, "unchanged": 0, "rejected": 0}
    assert client.post("/records", content=body, headers=NDJSON).json()["counts"]["duplicate"] == 20_000
