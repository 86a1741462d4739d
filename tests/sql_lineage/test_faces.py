"""``factbook lineage scan|sql``, ``POST /lineage/sql``, and what follows each scan."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import check_problem
from tests.cli.conftest import Cli, cli, data_dir
from tests.cli.running import assert_golden, settled

from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataTarget

__all__ = ["cli", "data_dir"]

SCHEMA = """
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, amount REAL);
    CREATE TABLE totals (customer TEXT, total REAL);
    CREATE VIEW big AS SELECT id, amount * 1.19 AS gross FROM orders WHERE amount > 100;
"""
LOAD = "INSERT INTO totals SELECT customer, sum(amount) FROM orders GROUP BY customer;\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.executescript(SCHEMA)
    return f"sqlite:///{tmp_path / 'shop.sqlite'}"


@pytest.fixture
def scanned(cli: Cli, url: str) -> Cli:
    assert cli("scan", url).code == 0
    return cli


@pytest.fixture
def factbook(tmp_path: Path, url: str) -> Iterator[Factbook]:
    factbook = Factbook(load_settings({}, data_dir=str(tmp_path / "data"), source_db_url=url))
    yield factbook
    factbook.close()


@pytest.fixture
def client(factbook: Factbook) -> Iterator[TestClient]:
    factbook.run_scan()
    with TestClient(create_app(factbook), base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        yield client


def test_views_are_shown_with_what_they_are_made_from(scanned: Cli, tmp_path: Path) -> None:
    answer = scanned("lineage", "scan", "shop")
    assert (answer.code, answer.err) == (0, "")
    assert_golden("lineage-scan.txt", settled(answer.out, tmp_path))
    assert "kept" in scanned("lineage", "scan", "shop").out


def test_files_are_shown_with_what_was_not_understood(scanned: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("load.sql").write_text(LOAD + "SELECT FROM (;\nINSERT INTO totals SELECT * FROM elsewhere;\n")
    answer = scanned("lineage", "sql", "load.sql", "--source", "shop")
    assert answer.code == 5
    assert_golden("lineage-sql.txt", settled(answer.all, tmp_path))
    document = scanned("lineage", "sql", "load.sql", "--source", "shop", "--json").json
    assert (document["failed"], document["stored"]["unchanged"]) == (1, 1)


def test_nothing_found_is_a_warning(scanned: Cli, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT 1; SELECT 2")
    answer = scanned("lineage", "sql", str(tmp_path / "q.sql"), "--source", "shop", "--dry-run")
    assert (answer.code, "Warning: 0 edges from 2 statements" in answer.err) == (0, True)


@pytest.mark.parametrize("arguments", [["scan", "nowhere"], ["sql", "missing.sql", "--source", "shop"]])
def test_what_is_not_there_is_a_wrong_request(scanned: Cli, arguments: list[str]) -> None:
    assert scanned("lineage", *arguments).code == 2


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_text_is_read_over_the_api(client: TestClient, factbook: Factbook, prefix: str) -> None:
    body: dict[str, Any] = {"source_id": "shop", "sql": LOAD + "SELEC bad", "name": "nightly"}
    dry = client.post(f"{prefix}/lineage/sql", json=body | {"dry_run": True}).json()
    assert (dry["stored"], dry["failures"][0]["at"]) == (None, "nightly:2")
    target = MetadataTarget("shop", "main", "totals")
    assert factbook.repository.latest(target, "lineage") is None
    answer = client.post(f"{prefix}/lineage/sql", json=body).json()
    assert answer["stored"]["stored"] == 1
    [flow] = answer["flows"]
    direct = {(edge["output"], edge["input"]) for edge in flow["inputs"][0]["columns"] if edge.get("type") != "indirect"}
    assert direct == {("customer", "customer"), ("total", "amount")}
    assert factbook.repository.latest(target, "lineage").record.producer_id == "sql:nightly"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source_id": "nowhere", "sql": "SELECT 1"}, 404, "not_found"),
        ({"source_id": "shop"}, 400, "invalid_request"),
        ({"source_id": "shop", "sql": "x" * 1_000_001}, 400, "invalid_request"),
        ({"source_id": "shop", "sql": "SELECT 1", "dialect": "klingon"}, 400, "invalid_request"),
    ],
)
def test_bad_requests_are_problems(client: TestClient, body: dict[str, Any], status: int, code: str) -> None:
    check_problem(client.post("/lineage/sql", json=body), status, code)


def test_each_scan_is_followed_by_the_lineage_of_its_views(factbook: Factbook) -> None:
    factbook.run_scan()
    factbook.watcher.run_once()
    fact = factbook.repository.latest(MetadataTarget("shop", "main", "big"), "lineage")
    assert fact.record.producer_id == "lineage.view"
    factbook.run_scan()
    factbook.watcher.run_once()
    assert len(factbook.repository.history(MetadataTarget("shop", "main", "big"), "lineage")) == 1
    assert len(factbook.repository.history(MetadataTarget("shop"), "lineage_run")) == 2
