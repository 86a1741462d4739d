"""What /health tells, and when it says that something is wrong."""

from typing import Any

import pytest
from tests.api.conftest import MakeClient, a_record, scan

from factbook.app import Factbook
from factbook.errors import TemporaryError
from factbook.health import examine, health
from factbook.settings import load_settings


def test_health_tells_about_everything_that_can_be_ill(make_client: MakeClient) -> None:
    client = make_client(job_workers=3)
    client.post("/records", json=a_record())
    client.post("/sources", json={"source_id": "x", "url": "sqlite:///x.sqlite"})
    answer = client.get("/health")
    assert answer.status_code == 200
    found = answer.json()
    assert found["status"] == "ok"
    assert found["warnings"] == []
    assert found["database"]["reachable"] is True
    assert found["database"]["dialect"] == "sqlite"
    assert found["database"]["last_offset"] == 1
    assert found["database"]["latency_ms"] > 0
    assert found["sources"] == 1
    assert found["jobs"] == {"workers": 3, "queued": 0, "running": 0}
    assert found["disk"]["free_bytes"] > 0
    assert 10_000_000 < found["memory_bytes"] < 10_000_000_000
    assert found["version"]


def test_too_little_disk_is_degraded_and_still_200(make_client: MakeClient) -> None:
    answer = make_client(disk_free_min_bytes=2**60).get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert "DISK_FREE_MIN_BYTES" in answer.json()["warnings"][0]


def test_a_store_that_does_not_answer_is_503(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()

    def gone(*_arguments: Any) -> None:
        raise TemporaryError("The store does not answer", fix="Start it")

    monkeypatch.setattr(client.app.state.factbook.repository, "last_offset", gone)  # type: ignore[attr-defined]
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["database"] == {"reachable": False, "dialect": None, "latency_ms": None, "last_offset": None}
    assert answer.json()["warnings"] == ["The store does not answer. Start it"]


def test_health_is_told_even_of_a_store_that_cannot_be_opened(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    settings = load_settings({}, data_dir=str(tmp_path / "file" / "data"), source_db_url="sqlite:///x")
    found = health(Factbook(settings))
    assert found.status == "unavailable"
    assert found.warnings
    assert any(check.verdict == "fail" for check in examine(Factbook(settings)))


def test_counts_of_jobs_go_back_to_zero_when_they_are_over(make_client: MakeClient) -> None:
    client = make_client()
    scan(client)
    assert client.get("/health").json()["jobs"] == {"workers": 2, "queued": 0, "running": 0}
