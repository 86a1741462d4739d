"""``factbook dbt`` and ``POST /dbt``: a folder, files or bodies in, what came of it out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import check_problem, make_client, source_url
from tests.cli.conftest import Cli, chinook, cli, data_dir, scanned
from tests.dbt.projects import Project
from tests.log.conftest import logging_as_it_was

__all__ = ["chinook", "cli", "data_dir", "logging_as_it_was", "make_client", "scanned", "source_url"]


def project() -> Project:
    made = Project(adapter="sqlite", database="database")
    made.model("Invoice", made.source("Customer", schema="main"), schema="main", description="What was sold")
    made.ran(made.test("not_null", "model.shop.Invoice", column="InvoiceId"), "pass", failures=0)
    return made


def written(folder: Path) -> Path:
    """Write the artefacts as dbt does; return the project's folder."""
    (folder / "target").mkdir()
    for name, document in project().documents().items():
        if document is not None:
            (folder / "target" / f"{name}.json").write_text(json.dumps(document))
    return folder


def test_the_projects_folder_its_target_and_its_files_say_the_same(scanned: Cli, tmp_path: Path) -> None:
    folder = written(tmp_path)
    target = folder / "target"
    first = scanned("dbt", str(folder))
    assert first.code == 0
    assert "1 with 1 edge" in first.out
    assert "2 of 2 are tables of scanned sources" in first.out
    assert scanned("dbt", str(target), "--json").json["stored"] == 0
    (target / "manifest.json").rename(target / "other.json")
    by_files = scanned("dbt", str(target / "other.json"), str(target / "run_results.json"), "--source", "chinook", "--json").json
    assert (by_files["stored"], by_files["resolved"]) == (0, 2)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "run_results.json",
            '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}}',
            "There is no manifest.json",
        ),
        ("semantic_manifest.json", "{}", "is not of use here"),
        ("manifest.json", "{", "is no artefact of dbt"),
        ("manifest.json", "{}", "names no project"),
        (None, "", "cannot be read"),
    ],
)
def test_a_file_that_is_of_no_use_is_refused_by_name(cli: Cli, tmp_path: Path, name: str | None, text: str, said: str) -> None:
    file = tmp_path / (name or "missing.json")
    if name is not None:
        file.write_text(text)
    answer = cli("dbt", str(file))
    assert answer.code != 0
    assert said in answer.err


def test_a_folder_without_artefacts_says_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "There is no manifest.json" in cli("dbt", str(tmp_path / "empty")).err


@pytest.fixture
def client(make_client) -> TestClient:
    return make_client()


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_bodies_are_taken_and_answered_as_documented(client: TestClient, prefix: str) -> None:
    sent = {name: document for name, document in project().documents().items() if name != "sources"} | {"catalog": None}
    first = client.post(f"{prefix}/dbt", json=sent)
    assert first.status_code == 200, first.text
    assert (first.json()["edges"], first.json()["facts"]) == (1, {"annotation": 1, "lineage": 1, "lineage_run": 1, "quality_result": 1})
    assert client.post(f"{prefix}/dbt", json=sent).json()["stored"] == 0


def test_wrong_bodies_name_what_is_wrong(client: TestClient) -> None:
    good = project().documents()["manifest"]
    check_problem(client.post("/dbt", json={}), 400, "invalid_request")
    check_problem(client.post("/dbt", json={"manifest": 3}), 400, "invalid_request")
    check_problem(client.post("/dbt", json={"manifest": good, "source_id": "nobody"}), 404, "not_found")
    answer = client.post("/dbt", json={"manifest": good, "run_results": {"results": 3}})
    assert (answer.status_code, answer.json()["field"]) == (400, "run_results")
    assert client.get("/records/query", params={"kind": "lineage"}).json()["items"] == []
