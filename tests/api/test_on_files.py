"""The server over facts in files: records, kinds and health; whatever needs a database says so."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem


@pytest.fixture
def client(make_client: MakeClient, tmp_path: Path) -> TestClient:
    return make_client(meta_db_url=f"file://{tmp_path}/facts")


def test_records_are_stored_found_and_followed(client: TestClient, tmp_path: Path) -> None:
    report = client.post("/records", json=[a_record(number) for number in range(3)]).json()
    assert report["counts"]["stored"] == 3
    page = client.get("/records/query", params={"kind": "job_run", "source_id": "shop", "limit": 2, "order": "desc"}).json()
    assert len(page["items"]) == 2
    assert client.get("/records/tail", params={"limit": 1, "wait_seconds": 1}).json()["next_after_offset"] == 1
    assert client.get("/kinds/job_run").status_code == 200
    assert (tmp_path / "facts" / "log" / "00000000000000000001.jsonl").exists()


def test_health_is_ok_and_names_the_store(client: TestClient) -> None:
    found = client.get("/health").json()
    assert (found["database"]["dialect"], found["database"]["last_offset"]) == ("files", 0)
    assert (found["sources"], found["jobs"]) == (None, None)
    assert not any("database" in warning for warning in found["warnings"])


@pytest.mark.parametrize("path", ["/dictionary", "/jobs", "/sources"])
def test_what_needs_a_database_says_so(client: TestClient, path: str) -> None:
    problem = check_problem(client.get(path), 501)
    assert problem["code"] == "needs_database"
    assert "META_DB_URL" in problem["fix"]


def test_a_scan_is_refused_before_anything_is_read(client: TestClient) -> None:
    assert check_problem(client.post("/scan/trigger", json={}), 501)["code"] == "needs_database"
