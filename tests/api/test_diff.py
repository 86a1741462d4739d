"""Comparisons over HTTP: paged, of the same two moments whatever is scanned meanwhile, and stored when asked."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import check_problem, scan


def change(source_url: str, script: str) -> None:
    with closing(sqlite3.connect(source_url.removeprefix("sqlite:///"))) as connection:
        connection.executescript(script)


@pytest.fixture
def changed(client: TestClient, source_url: str) -> TestClient:
    """Give a client of a service that scanned a source, a changed customer and three more tables."""
    scan(client)
    change(source_url, "ALTER TABLE customer ADD COLUMN city text; CREATE TABLE a (i int); CREATE TABLE b (i int); CREATE TABLE c (i int)")
    scan(client)
    return client


def names(page: dict[str, Any]) -> list[str]:
    return [item.get("path") or item["table"] for item in page["changes"]]


def test_what_changed_is_told_with_its_severity_and_summary(changed: TestClient) -> None:
    page = changed.get("/diff/shop").json()
    assert sorted(names(page)) == ["a", "b", "c", "columns.city"]
    assert page["counts"] == {"compatible": 4}
    assert page["summary"]["table"] == {"added": 3, "modified": 1, "unchanged": 2}


def test_pages_joined_are_the_whole_and_of_the_same_moments(changed: TestClient, source_url: str) -> None:
    first = changed.get("/diff/shop", params={"limit": 3}).json()
    change(source_url, "DROP TABLE a")
    scan(changed, {"accept_removals": True})
    second = changed.get("/diff/shop", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert sorted(names(first) + names(second)) == ["a", "b", "c", "columns.city"]
    assert (first["after"], second["next_cursor"]) == (second["after"], None)
    assert names(changed.get("/diff/shop").json()) == ["a"]


def test_moments_and_filters_are_parameters(changed: TestClient) -> None:
    assert changed.get("/diff/shop", params={"from": "latest", "to": "latest"}).json()["changes"] == []
    assert names(changed.get("/diff/shop", params={"table": "cust*"}).json()) == ["columns.city"]
    assert names(changed.get("/diff/shop", params={"aspect": ["comment", "order"]}).json()) == []
    assert len(names(changed.get("/diff/shop", params={"aspect": ["comment", "structure"]}).json())) == 4


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"from": "nothing"}, 404),
        ({"from": "2020-01-01"}, 400),
        ({"from": "previous", "to": "previous"}, 400),
        ({"aspect": "colour"}, 400),
        ({"cursor": "x"}, 400),
        ({"cursor": "2026-01-01T00:00:00Z~2026-01-01T00:00:00Z~-1"}, 400),
        ({"cursor": "2026-01-01T00:00:00~2026-01-01T00:00:00~1"}, 400),
        ({"with": "nobody"}, 404),
        ({"map_schema": "x"}, 400),
    ],
)
def test_what_cannot_be_compared_is_a_problem(changed: TestClient, parameters: dict[str, str], status: int) -> None:
    answer = changed.get("/diff/shop", params=parameters)
    check_problem(answer, status)


def test_a_source_that_was_never_scanned_is_not_found(client: TestClient) -> None:
    check_problem(client.get("/diff/nobody"), 404)


def test_posting_stores_once(changed: TestClient) -> None:
    first, again = (changed.post("/diff", json={"source_id": "shop"}).json() for _ in range(2))
    assert (first["stored"], again["stored"]) == ({"stored": 1, "duplicate": 0}, {"stored": 0, "duplicate": 1})
    facts = changed.post("/records/query", json={"kind": "catalog_diff", "within": {"source_id": "shop"}}).json()
    assert [fact["record"]["payload"]["counts"] for fact in facts["items"]] == [{"compatible": 4}]


def test_a_catalogue_that_is_sent_along_is_compared_and_stored_only_if_asked(changed: TestClient) -> None:
    table = {"schema": "main", "table": "a", "snapshot": {"object_type": "table", "columns": []}}
    asked = {"source_id": "shop", "catalog": {"factbook_catalog": 1, "tables": [table]}, "file": "../x/wish.json", "store": False}
    answer = changed.post("/diff", json=asked)
    page = answer.json()
    assert answer.status_code == 200, answer.text
    assert page["after"]["file"] == "wish.json"
    assert page["stored"] is None
    assert {"columns.i", "customer"} <= set(names(page))
    check_problem(changed.post("/diff", json=asked | {"with": "shop"}), 400)
    check_problem(changed.post("/diff", json=asked | {"catalog": {"factbook_catalog": 9}}), 400)
    check_problem(changed.post("/diff", json=asked | {"catalog": []}), 400)
