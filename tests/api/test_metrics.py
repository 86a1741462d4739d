"""What Prometheus reads, and who may."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem
from tests.relay.conftest import forget_streams

from factbook.errors import TemporaryError


def numbers(client: TestClient) -> dict[str, float]:
    """Return every sample by its name with its labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_records_are_counted_by_kind_and_what_became_of_them(client: TestClient) -> None:
    for record in (a_record(1), a_record(1), a_record(2)):
        assert client.post("/records", json=record).status_code == 200
    found = numbers(client)
    assert found["factbook_records_total kind=job_run outcome=stored"] == 2
    assert found["factbook_records_total kind=job_run outcome=duplicate"] == 1
    assert found["factbook_log_last_offset"] == 2
    assert found["factbook_projection_position view=jobs"] == 2
    assert found["factbook_store_up"] == 1
    assert (found["factbook_jobs state=queued"], found["factbook_jobs state=running"]) == (0, 0)


def test_requests_are_counted_by_route_and_not_by_path(client: TestClient) -> None:
    for number in range(3):
        client.get(f"/jobs/scan-{number}")
    client.get("/health")
    client.get("/api/v1/health")
    client.get("/no/such/page")
    client.request("BREW", "/jobs")
    found = numbers(client)
    assert found["factbook_http_request_seconds_count method=GET route=/jobs/{job_id} status=404"] == 3
    assert found["factbook_http_request_seconds_count method=GET route=/health status=200"] == 2
    assert found["factbook_http_request_seconds_count method=GET route=other status=404"] == 1
    assert not any("scan-1" in name or "no/such" in name or "BREW" in name for name in found)


def test_refused_requests_are_counted_too(make_client: MakeClient) -> None:
    stranger = make_client(api_key="k", client=("192.0.2.7", 1), base_url="http://factbook.example")
    assert stranger.get("/jobs").status_code == 401
    stranger.headers["Authorization"] = "Bearer k"
    assert numbers(stranger)["factbook_http_request_seconds_count method=GET route=other status=401"] == 1


def test_only_local_requests_and_those_with_the_key_are_answered(make_client: MakeClient) -> None:
    elsewhere = {"client": ("192.0.2.7", 1), "base_url": "http://factbook.example"}
    check_problem(make_client(**elsewhere).get("/metrics"), 403)
    with_a_key = make_client(api_key="k", **elsewhere)
    check_problem(with_a_key.get("/metrics"), 401)
    assert with_a_key.get("/metrics", headers={"Authorization": "Bearer k"}).status_code == 200
    assert make_client(api_key="k").get("/api/v1/metrics").status_code == 200


def test_a_store_that_does_not_answer_leaves_the_other_numbers(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> int:
        raise TemporaryError("The store does not answer")

    monkeypatch.setattr(client.app.state.factbook.repository, "last_offset", gone)  # type: ignore[attr-defined]
    found = numbers(client)
    assert found["factbook_store_up"] == 0
    assert found["factbook_memory_bytes"] > 0
    assert not any(name.startswith("factbook_log") for name in found)


def test_a_store_of_files_is_not_called_down(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client(meta_db_url=f"file://{tmp_path / 'facts'}")
    assert client.post("/records", json=a_record()).status_code == 200
    found = numbers(client)
    assert (found["factbook_store_up"], found["factbook_log_last_offset"]) == (1, 1)


def test_no_label_names_a_tenant_or_a_target(make_client: MakeClient) -> None:
    client = make_client(tenants=frozenset({"acme"}))
    client.post("/records", json=a_record(target={"source_id": "sourcename"}, context={"tenant": "acme"}))
    text = client.get("/metrics").text
    assert "acme" not in text
    assert "sourcename" not in text


def test_what_the_relay_does_is_told(make_client: MakeClient, nats_url: str) -> None:
    subject = f"test.{uuid.uuid4().hex}"
    client = make_client(bus_url=f"{nats_url}/?subject={subject}&max_bytes=67108864")
    client.post("/records", json=a_record())
    deadline = time.monotonic() + 30
    while not (found := numbers(client)).get("factbook_bus_published_total"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found["factbook_bus_published_total"] == 1
    assert found["factbook_bus_failures_total"] == 0
    assert found["factbook_bus_dead_letters"] == 0
    bus = f" bus=nats:{subject}"
    assert (found[f"factbook_relay_position{bus}"], found[f"factbook_relay_lag_records{bus}"]) == (1, 0)
    client.app.state.factbook.close()  # type: ignore[attr-defined]
    forget_streams(nats_url, subject)


def test_names_follow_the_conventions(client: TestClient) -> None:
    assert all(re.fullmatch(r"factbook_[a-z_]+", name.partition(" ")[0]) for name in numbers(client))
