"""``/register_lineage`` and ``/lineage…`` as printed in the specification, and what goes beyond it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem

ENTRY = {
    "source": "raw-orders",
    "target": "customer-orders",
    "transformation": "Data cleaning and customer lookup",
    "lineage_type": "derived",
    "confidence": 0.95,
    "metadata": {"transformation_tool": "Apache Spark", "last_run": "2023-07-01T10:00:00Z"},
}
KEY = {"Authorization": "Bearer your-secure-api-key"}


def register(client: TestClient, source: str, target: str, **other: Any) -> dict[str, Any]:
    answer = client.post("/register_lineage", json={"source": source, "target": target, **other}, headers=KEY)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_printed_requests_work(make_client: MakeClient, prefix: str) -> None:
    client = make_client(api_key="your-secure-api-key")
    entry = client.post(f"{prefix}/register_lineage", json=ENTRY, headers=KEY)
    assert entry.status_code == 200
    assert entry.json().items() >= ENTRY.items()
    assert entry.json()["timestamp"].endswith("Z")
    client.headers.update(KEY)
    (listed,) = client.get(f"{prefix}/lineage?source=raw-orders&lineage_type=derived&limit=100").json()["items"]
    assert listed == entry.json()
    (upstream,) = client.get(f"{prefix}/lineage/upstream/customer-orders").json()["items"]
    assert (upstream["node"]["name"], upstream["confidence"], upstream["lineage_type"]) == ("raw-orders", 0.95, "derived")
    (downstream,) = client.get(f"{prefix}/lineage/downstream/raw-orders").json()["items"]
    assert downstream["node"]["name"] == "customer-orders"
    stats = client.get(f"{prefix}/analytics/lineage-stats").json()
    assert (stats["edges"], stats["by_type"], stats["average_confidence"]) == (1, {"derived": 1}, 0.95)


def test_writing_needs_the_key(make_client: MakeClient) -> None:
    client = make_client(api_key="your-secure-api-key")
    check_problem(client.post("/register_lineage", json=ENTRY), 401, "key_required")
    check_problem(client.delete("/lineage", params={"source": "raw-orders", "target": "customer-orders"}), 401, "key_required")


def test_the_same_entry_again_is_the_same_entry_and_a_changed_one_takes_its_place(client: TestClient) -> None:
    first = client.post("/register_lineage", json=ENTRY).json()
    assert client.post("/register_lineage", json=ENTRY).json() == first
    changed = client.post("/register_lineage", json=ENTRY | {"confidence": 0.5}).json()
    assert (changed["confidence"], changed["first_seen"]) == (0.5, first["first_seen"])
    assert client.get("/lineage").json()["items"] == [changed]
    assert len(client.get("/records/query", params={"kind": "lineage"}).json()["items"]) == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"confidence": 1.2}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"lineage_type": "copied"}, "lineage_type"),
        ({"source": ""}, "source"),
        ({"source": " x"}, "source"),
        ({"target": "x" * 241}, "target"),
        ({"target": "raw-orders"}, "target"),
        ({"metadata": [1]}, "metadata"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_field(client: TestClient, wrong: dict[str, Any], field: str) -> None:
    problem = check_problem(client.post("/register_lineage", json=ENTRY | wrong), 400, "invalid_request")
    assert problem["field"] == field
    assert client.get("/lineage").json()["items"] == []


def test_the_limit_holds_and_taking_back_makes_room(make_client: MakeClient) -> None:
    client = make_client(max_lineage_entries=2)
    register(client, "a", "b")
    register(client, "b", "c")
    problem = check_problem(client.post("/register_lineage", json={"source": "c", "target": "d"}), 409, "limit_reached")
    assert "MAX_LINEAGE_ENTRIES" in problem["detail"]
    register(client, "a", "b", confidence=0.5)
    assert client.delete("/lineage", params={"source": "a", "target": "b"}).json() == {"removed": 1}
    register(client, "c", "d")


def test_what_was_taken_back_is_over_and_was(client: TestClient) -> None:
    before = register(client, "a:b", "c")["timestamp"]
    register(client, "b", "c")
    assert client.delete("/lineage", params={"source": "b", "target": "c"}).json() == {"removed": 1}
    assert [item["node"]["name"] for item in client.get("/lineage/upstream/c").json()["items"]] == ["a:b"]
    client.delete("/lineage", params={"source": "a:b", "target": "c"})
    empty = client.get("/lineage/upstream/c").json()
    assert (empty["items"], empty["known"]) == ([], True)
    assert len(client.get("/lineage/upstream/c", params={"as_of": before}).json()["items"]) == 1
    check_problem(client.delete("/lineage", params={"source": "a:b", "target": "c"}), 404, "not_found")


def test_names_may_hold_slashes_and_colons(client: TestClient) -> None:
    lake = "s3://lake/raw/orders.csv"
    fact = {
        "target": {"source_id": "s3://lake", "table": "clean/orders.csv"},
        "kind": "lineage",
        "payload": {"origin": "openlineage", "inputs": [{"table": {"source_id": "s3://lake", "table": "raw/orders.csv"}}]},
        "produced_at": "2026-01-01T00:00:00Z",
        "producer_id": "openlineage:spark/clean",
    }
    assert client.post("/records", json=fact).status_code in (200, 201)
    for path in (lake, quote(lake, safe="")):
        found = client.get(f"/lineage/downstream/{path}", params={"include_gone": "true"}).json()
        assert [item["node"]["name"] for item in found["items"]] == ["s3://lake/clean/orders.csv"]
    paths = client.get("/lineage/paths", params={"source": lake, "target": "s3://lake/clean/orders.csv", "include_gone": "true"}).json()
    assert len(paths["items"]) == 1
    register(client, "s3://lake/clean/orders.csv", "report")
    assert client.get(f"/lineage/breaks/{lake}", params={"include_gone": "true"}).json()["products"] == ["report"]


def test_pages_go_on_by_cursor_and_by_offset(client: TestClient) -> None:
    for number in range(5):
        register(client, "a", f"copy{number}")
    whole = client.get("/lineage").json()["items"]
    assert client.get("/lineage", params={"offset": 3}).json()["items"] == whole[3:]
    first = client.get("/lineage/downstream/a", params={"limit": 3}).json()
    rest = client.get("/lineage/downstream/a", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [item["node"]["name"] for item in first["items"] + rest["items"]] == [f"copy{number}" for number in range(5)]
    assert (first["total"], rest["next_cursor"]) == (5, None)


def test_an_unknown_name_says_what_is_known(client: TestClient) -> None:
    register(client, "raw-orders", "customer-orders")
    problem = check_problem(client.get("/lineage/upstream/orders"), 404, "not_found")
    assert "customer-orders" in problem["fix"]
    check_problem(client.get("/lineage", params={"source": "nowhere"}), 404, "not_found")
    assert client.get("/lineage/neighbours/raw-orders").json()["edges"][0]["target"] == "customer-orders"


def test_a_scanned_table_is_meant_where_its_name_is_given(client: TestClient) -> None:
    snapshot = {"object_type": "table", "columns": [{"name": "id", "position": 1, "data_type": "int"}]}
    target = {"source_id": "erp", "schema": "public", "table": "orders"}
    fact = {
        "target": target,
        "kind": "schema_snapshot",
        "payload": snapshot,
        "produced_at": "2026-01-01T00:00:00Z",
        "producer_id": "scan.v1",
    }
    client.post("/records", json=fact)
    register(client, "erp.public.orders", "report")
    (item,) = client.get("/lineage/upstream/report").json()["items"]
    assert (item["node"]["kind"], item["node"]["schema"]) == ("table", "public")


def test_a_name_of_a_column_is_refused_by_hand_so_that_no_product_hides_it(client: TestClient) -> None:
    client.app.state.factbook.run_scan(source_id="shop")  # type: ignore[attr-defined]
    problem = check_problem(client.post("/register_lineage", json={"source": "shop.main.customer.id", "target": "songs"}), 400)
    assert problem["fix"] == "Name shop.main.customer"
    assert client.get("/lineage/breaks/shop.main.customer.id").json()["node"]["column"] == "id"
    assert register(client, "shop.main.customer", "songs")["source"] == "shop.main.customer"
    assert register(client, "songs", "not.a.known.column")["target"] == "not.a.known.column"
