"""``/names`` and ``factbook names``: what nobody knows is shown, settled, listed and taken back."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient
from tests.api.conftest import check_problem, make_client, source_url
from tests.cli.conftest import Cli, chinook, cli, data_dir, scanned
from tests.log.conftest import logging_as_it_was

__all__ = ["chinook", "cli", "data_dir", "logging_as_it_was", "make_client", "scanned", "source_url"]

FOREIGN = {"origin": "sql", "inputs": [{"table": {"source_id": "hive://h:10000", "table": "dwh.invoices"}}]}


def lineage(source_id: str, table: str) -> dict[str, Any]:
    target = {"source_id": source_id, "schema": "main", "table": table}
    return {"target": target, "kind": "lineage", "payload": FOREIGN, "produced_at": "2026-01-01T00:00:00Z", "producer_id": "sql:a.sql"}


@pytest.fixture
def client(make_client) -> TestClient:
    client = make_client()
    client.app.state.factbook.run_scan()
    assert client.post("/records", json=lineage("shop", "customer")).status_code in (200, 201)
    return client


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_name_is_shown_settled_and_taken_back_over_http(client: TestClient, prefix: str) -> None:
    def unresolved() -> list[dict[str, Any]]:
        return client.get(f"{prefix}/names/unresolved").json()["items"]

    assert unresolved() == [
        {
            "namespace": "hive://h:10000",
            "name": "dwh.invoices",
            "times": 1,
            "last_seen": "2026-01-01T00:00:00Z",
            "producers": ["sql:a.sql"],
            "producer_count": 1,
            "reason": "no source has the namespace hive://h:10000",
            "suggestions": ["shop.main.invoice", "shop.main.big_invoice"],
        }
    ]
    body = {"namespace": "hive://h", "name": "dwh.invoices", "as": "shop.main.invoice", "reason": "the same rows"}
    settled = client.post(f"{prefix}/names/bindings", json=body)
    assert (settled.status_code, settled.headers["location"]) == (201, f"{prefix}/names/bindings")
    assert unresolved() == []
    (listed,) = client.get(f"{prefix}/names/bindings", params={"namespace": "hive://h"}).json()["items"]
    assert listed == settled.json()
    assert (listed["table"], listed["reason"]) == ("invoice", "the same rows")
    assert listed["settled_by"]
    place = {"namespace": "hive://h:10000", "name": "dwh.invoices"}
    assert client.delete(f"{prefix}/names/bindings", params=place).status_code == 204
    check_problem(client.delete(f"{prefix}/names/bindings", params=place), 404, "not_found")
    assert len(unresolved()) == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"namespace": "x", "name": "y"}, 400, "as"),
        ({"namespace": "x", "name": "y", "as": "shop.main.invoice", "ignore": True}, 400, "as"),
        ({"namespace": "x", "name": "y", "as": "shop.main.invoces"}, 404, "as"),
        ({"namespace": "x", "as": "nobody"}, 404, "as"),
        ({"namespace": "", "ignore": True}, 400, "namespace"),
        ({"namespace": "x", "ignore": True, "also": 1}, 400, None),
    ],
)
def test_what_cannot_be_settled_says_why(client: TestClient, body: dict[str, Any], status: int, field: str | None) -> None:
    answer = client.post("/names/bindings", json=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert client.get("/names/bindings").json()["items"] == []


def test_cursors_of_somebody_else_are_refused(client: TestClient) -> None:
    for path in ("/names/unresolved", "/names/bindings"):
        check_problem(client.get(path, params={"cursor": "zz"}), 400, "invalid_request")


def test_what_is_answered_fits_what_is_documented(client: TestClient) -> None:
    client.post("/names/bindings", json={"namespace": "file", "ignore": True})
    document = client.get("/openapi.json").json()
    for path in ("/names/unresolved", "/names/bindings"):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        validator = jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]}, validate_formats=True)
        page = client.get(path).json()
        assert page["items"]
        assert [str(error) for error in validator.iter_errors(page)] == []


def test_the_command_shows_settles_lists_and_forgets(scanned: Cli) -> None:
    import json

    assert scanned("names", "unresolved").err == "Every name is known.\n"
    assert scanned("names", "list").err == "Nothing is settled.\n"
    assert scanned("records", "store", "-", stdin=json.dumps(lineage("chinook", "Album"))).code == 0
    shown = scanned("names", "unresolved")
    assert "dwh.invoices" in shown.out
    assert "chinook.main.Invoice" in shown.out
    assert "factbook names settle" in shown.err
    wrong = scanned("names", "settle", "hive://h", "dwh.invoices", "--as", "chinook.main.Invoces")
    assert wrong.code != 0
    assert "Did you mean chinook.main.Invoice" in wrong.err
    settled = scanned("names", "settle", "hive://h", "dwh.invoices", "--as", "chinook.main.Invoice")
    assert (settled.code, settled.out) == (0, "hive://h dwh.invoices means chinook.main.Invoice\n")
    assert scanned("names", "unresolved", "--json").json == {"items": [], "next_cursor": None}
    assert scanned("names", "settle", "file", "--ignore", "--reason", "scratch").out == "file is ignored\n"
    listed = scanned("names", "list", "--json").json["items"]
    assert [(item["namespace"], item.get("table")) for item in listed] == [("file", None), ("hive://h", "Invoice")]
    assert "(ignored)" in scanned("names", "list").out
    assert scanned("names", "forget", "hive://h:10000", "dwh.invoices").out == "hive://h:10000 dwh.invoices is no longer settled\n"
    assert scanned("names", "forget", "hive://h:10000", "dwh.invoices").code != 0


def test_scans_tell_their_namespace_and_their_database(scanned: Cli, chinook) -> None:
    (found,) = [item["record"] for item in scanned("records", "query", "catalog_scan", "--json").lines]
    assert found["payload"]["namespace"] == f"sqlite://{chinook.resolve()}"
    assert "database" not in found["payload"]
