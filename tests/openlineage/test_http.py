"""The client of the OpenLineage project against a real server: single, packed, and again after a 503."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Dataset, DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset
from openlineage.client.serde import Serde
from openlineage.client.transport.http import HttpConfig, HttpTransport
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem, make_client, source_url
from tests.api.serving import Server, uvicorn
from tests.log.conftest import logging_as_it_was
from tests.openlineage.shelf import RUN, dataset, event

__all__ = ["logging_as_it_was", "make_client", "source_url"]

KEY = "key-of-the-tests-0123456789"
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with uvicorn(folder, API_KEY=KEY, DATA_DIR=str(folder)) as started:
        yield started


def client_of(url: str, **more: Any) -> OpenLineageClient:
    config = {"type": "http", "url": url, "auth": {"type": "api_key", "apiKey": KEY}} | more
    return OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict(config)))


def a_run(job: str, state: RunState, minute: int = 0) -> RunEvent:
    columns = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            "total": column_lineage_dataset.Fields(
                inputFields=[
                    column_lineage_dataset.InputField(
                        "s3://lake", "orders", "amount", [column_lineage_dataset.Transformation("DIRECT", "AGGREGATION")]
                    )
                ]
            )
        }
    )
    schema = schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields("total", "decimal")])
    return RunEvent(
        eventTime=f"2026-01-01T00:{minute:02}:00Z",
        eventType=state,
        run=Run(RUN),
        job=Job("etl", job),
        inputs=[InputDataset("s3://lake", "orders")],
        outputs=[OutputDataset("s3://lake", "report", facets={"columnLineage": columns, "schema": schema})],
        producer="https://example.com/tests",
    )


def kept(server: Server, job: str) -> list[dict[str, Any]]:
    answer = server.client.get("/api/v1/openlineage/events", params={"job": f"etl/{job}"}, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize("more", [{}, {"compression": "gzip"}], ids=["plain", "gzip"])
def test_the_client_sends_run_events(server: Server, more: dict[str, Any], request: pytest.FixtureRequest) -> None:
    job = f"single-{len(more)}"
    sent = [a_run(job, RunState.START), a_run(job, RunState.COMPLETE, 1)]
    client = client_of(str(server.client.base_url), **more)
    for one in sent:
        client.emit(one)
    assert kept(server, job) == [json.loads(Serde.to_json(one)) for one in sent]
    asked = {"kind": "lineage", "source_id": "s3://lake", "table": "report", "producer_id": f"openlineage:etl/{job}"}
    (given,) = server.client.get("/records/latest", params=asked, headers=HEADERS).json()["record"]["payload"]["inputs"]
    assert given["columns"] == [{"output": "total", "input": "amount", "subtype": "AGGREGATION"}]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_batches_of_the_clients_events_are_taken(server: Server, pack: Callable[[bytes], bytes]) -> None:
    """The Python client writes the events; it has no call for the batch itself (1.54)."""
    job = f"batch-{pack.__name__}"
    stated = JobEvent(
        eventTime="2026-01-01T00:02:00Z", job=Job("etl", job), inputs=[InputDataset("a", "b")], producer="https://example.com/tests"
    )
    sent = [json.loads(Serde.to_json(one)) for one in (a_run(job, RunState.START), a_run(job, RunState.COMPLETE, 1), stated)]
    packed = {"Content-Type": "application/json"} | ({} if pack is bytes else {"Content-Encoding": "gzip"})
    for _ in range(2):
        answer = server.client.post("/api/v1/lineage/batch", content=pack(json.dumps(sent).encode()), headers=HEADERS | packed)
        assert answer.status_code == 204, answer.text
    assert kept(server, job) == sent


def test_the_client_sends_events_of_jobs_and_datasets(server: Server) -> None:
    client = client_of(str(server.client.base_url))
    stated = JobEvent(eventTime="2026-01-01T00:02:00Z", job=Job("etl", "stated"), producer="https://example.com/tests")
    told = DatasetEvent(eventTime="2026-01-01T00:00:00Z", dataset=Dataset("s3://lake", "orders"), producer="https://example.com/tests")
    client.emit(stated)
    client.emit(told)
    assert kept(server, "stated") == [json.loads(Serde.to_json(stated))]
    asked = {"kind": "openlineage_event", "source_id": "s3://lake", "table": "orders"}
    found = server.client.get("/records/latest", params=asked, headers=HEADERS).json()
    assert found["record"]["payload"]["event"] == json.loads(Serde.to_json(told))


class Stumbling(BaseHTTPRequestHandler):
    """A proxy that passes a request on and answers 503 all the same the first two times, as one that loses an answer does."""

    target = ""
    seen: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(body)
        headers = {name: self.headers[name] for name in ("authorization", "content-type", "content-encoding") if self.headers[name]}
        passed = httpx2.post(f"{self.target}{self.path}", content=body, headers=headers)
        status = 503 if len(self.seen) < 3 else passed.status_code
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_an_event_that_is_sent_again_after_a_503_is_stored_once(server: Server) -> None:
    handler = type("Once", (Stumbling,), {"target": str(server.client.base_url).rstrip("/"), "seen": []})
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        retry = {"total": 5, "backoff_factor": 0.01, "status_forcelist": [503], "allowed_methods": ["POST"]}
        client_of(f"http://127.0.0.1:{proxy.server_port}", retry=retry).emit(a_run("again", RunState.COMPLETE))
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
    assert len(handler.seen) == 3
    assert len(kept(server, "again")) == 1
    runs = server.client.get("/records/history", params={"kind": "lineage_run", "source_id": "etl", "table": "again"}, headers=HEADERS)
    assert len(runs.json()["items"]) == 1


def test_a_key_is_needed(server: Server) -> None:
    check_problem(server.client.post("/api/v1/lineage", json=event()), 401, "key_required")


def test_answers_are_those_of_the_standard(make_client: MakeClient) -> None:
    client = make_client()
    came = event(inputs=[dataset("orders")], outputs=[dataset("report")])
    first = client.post("/api/v1/lineage", json=came)
    assert first.status_code == 201
    assert first.json()["facts"] == {"lineage": 1, "lineage_run": 1}
    again = client.post("/lineage", json=came)
    assert again.status_code == 201
    assert again.json() == {"status": "success", "id": first.json()["id"], "duplicate": True}
    whole = client.post("/api/v1/lineage/batch", json=[came, event(minute=1)])
    assert (whole.status_code, whole.content) == (204, b"")
    part = client.post("/lineage/batch", json=[came, {"eventTime": "no"}])
    assert part.status_code == 200
    assert part.json() == {
        "status": "partial_success",
        "summary": {"received": 2, "successful": 1, "failed": 1, "retriable": 0, "non_retriable": 1},
        "failed_events": [{"index": 1, "reason": part.json()["failed_events"][0]["reason"], "retriable": False}],
    }
    wrong = check_problem(client.post("/lineage", json=came | {"job": {"namespace": "etl"}}), 422)
    assert wrong["field"] == "job.name"
    check_problem(client.post("/lineage/batch", json=came), 422)


def test_an_event_that_is_too_large_is_a_problem_that_says_how_large_it_may_be(make_client: MakeClient) -> None:
    client = make_client()
    answer = client.post("/lineage", json=event(run_facets={"plan": {"text": "x" * 5_000_000}}))
    assert "at most 4,194,304 are taken" in check_problem(answer, 422)["detail"]
    check_problem(make_client(max_body_bytes=1000).post("/lineage", json=event(run_facets={"plan": {"text": "x" * 2000}})), 413)


def test_a_server_that_is_busy_says_503_because_clients_send_that_again(make_client: MakeClient) -> None:
    client = make_client(max_pending_bytes=10)
    writing = client.app.state.writing  # type: ignore[attr-defined]
    with writing.pressure.admit(5):
        busy = client.post("/lineage", json=event())
    check_problem(busy, 503)
    assert int(busy.headers["retry-after"]) > 0
    assert client.post("/lineage", json=event()).status_code == 201


def test_events_are_listed_by_page_run_and_time_and_as_lines(make_client: MakeClient) -> None:
    client: TestClient = make_client()
    sent = [event(minute=minute, run=RUN if minute % 2 else "other") for minute in range(6)]
    client.post("/lineage/batch", json=sent)
    first = client.get("/openlineage/events", params={"limit": 4}).json()
    rest = client.get("/openlineage/events", params={"limit": 4, "cursor": first["next_cursor"]}).json()
    assert first["items"] + rest["items"] == sent
    assert rest["next_cursor"] is None
    assert client.get("/openlineage/events", params={"run": "other"}).json()["items"] == sent[::2]
    between = {"since": sent[2]["eventTime"], "until": sent[4]["eventTime"]}
    assert client.get("/openlineage/events", params=between).json()["items"] == sent[2:4]
    lines = client.get("/api/v1/openlineage/events", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == sent


def test_a_scanned_table_is_found_by_the_name_its_engine_goes_by(make_client: MakeClient, tmp_path: Path) -> None:
    from tests.api.conftest import scan

    client = make_client()
    scan(client)
    known = client.get("/records/latest", params={"source_id": "shop", "kind": "catalog_scan"}).json()["record"]
    namespace = known["payload"].get("namespace") or known["context"]["namespace"]
    written = dataset("main.invoice", namespace=namespace)
    answer = client.post("/lineage", json=event(inputs=[dataset("orders")], outputs=[written]))
    assert answer.status_code == 201
    asked = {"kind": "lineage", "source_id": "shop", "schema": "main", "table": "invoice"}
    assert client.get("/records/latest", params=asked).status_code == 200


def test_a_table_that_is_scanned_later_is_found_from_then_on(make_client: MakeClient) -> None:
    from tests.api.conftest import scan

    client = make_client()
    written = dataset("main.invoice", namespace="shop")
    client.post("/lineage", json=event(inputs=[dataset("orders")], outputs=[written]))
    scan(client)
    client.post("/lineage", json=event(minute=1, inputs=[dataset("orders")], outputs=[written]))
    found = client.get("/records/query", params={"kind": "lineage"}).json()["items"]
    assert [(item["record"]["target"].get("schema"), item["record"]["target"]["table"]) for item in found] == [
        (None, "main.invoice"),
        ("main", "invoice"),
    ]
