"""Products over the API and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem, client, make_client, scan, source_url
from tests.cli.conftest import Cli, chinook, cli, data_dir

from factbook.access import Action, Grant
from factbook.app import Factbook

__all__ = ["chinook", "cli", "client", "data_dir", "make_client", "source_url"]

ORDERS = {
    "name": "customer-orders",
    "domain": "sales",
    "owner": "sales-team@company.com",
    "description": "Customer order data with transaction details",
    "schema": {"id": "integer", "customer_id": "integer", "total": "decimal"},
    "tags": ["orders", "transactions", "sales"],
}


def test_a_product_lives_its_life_over_the_api(client: TestClient) -> None:
    made = client.post("/register_product", json=ORDERS)
    assert made.status_code == 200
    assert made.json() | ORDERS | {"status": "active", "version": "1.0.0"} == made.json()
    assert check_problem(client.post("/register_product", json=ORDERS), 409, "already_there")["field"] == "name"
    etag = made.headers["etag"]
    assert etag == made.json()["etag"]

    changed = client.put("/product/customer-orders", json={"status": "deprecated", "tags": ["old"]}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["version"], changed.json()["change"]["level"]) == (200, "1.0.1", "patch")
    check_problem(client.put("/product/customer-orders", json={"tags": []}, headers={"If-Match": f"W/{etag}"}), 412, "precondition_failed")
    check_problem(client.put("/product/customer-orders", json={"schema": {}, "version": "1.0.2"}), 422, "version_too_low")
    assert client.put("/product/customer-orders", json={"tags": []}, headers={"If-Match": '"x", "1.0.1"'}).json()["version"] == "1.0.2"

    listed = client.get("/products?domain=sales&status=deprecated&limit=50&offset=0").json()
    assert (listed["total"], [item["name"] for item in listed["items"]]) == (1, ["customer-orders"])
    assert client.get("/api/v1/products?tag=old").json()["items"] == []
    assert client.get("/product/customer-orders", params={"as_of": made.json()["updated_at"]}).json()["tags"] == ORDERS["tags"]
    history = client.get("/product/customer-orders/history").json()["items"]
    assert [event["version"] for event in history] == ["1.0.2", "1.0.1", "1.0.0"]
    assert history[0]["by"] == "A request without key or token"

    gone = client.delete("/product/customer-orders")
    assert (gone.status_code, gone.json()["removed"]) == (200, True)
    for path in ("/product/customer-orders", "/product/customer-orders/check"):
        check_problem(client.get(path), 404, "not_found")
    check_problem(client.delete("/product/customer-orders"), 404)
    assert client.post("/register_product", json=ORDERS).json()["version"] == "1.0.3"


def test_a_product_is_bound_and_checked_against_what_was_scanned(client: TestClient) -> None:
    scan(client)
    client.post("/register_product", json=ORDERS)
    bound = client.put("/product/customer-orders/ports", json={"ports": [{"name": "orders", "table": "shop.main.invoice"}]})
    assert (bound.json()["version"], bound.json()["conformance"]["status"]) == ("1.1.0", "conforms")
    update = {"schema": ORDERS["schema"] | {"paid": "boolean"}}  # type: ignore[operator]
    assert client.put("/product/customer-orders", json=update).json()["version"] == "1.2.0"
    (gap,) = client.get("/product/customer-orders/check").json()["conformance"]["gaps"]
    assert (gap["problem"], gap["column"], gap["breaks"]) == ("missing_column", "paid", True)
    assert client.get("/analytics/coverage").json()["conformance"] == {"differs": 1}
    assert client.get("/analytics/products").json()["observed"] == 1
    domains = client.get("/analytics/domains").json()
    assert domains["domains"][0] | {"domain": "sales", "owners": ["sales-team@company.com"]} == domains["domains"][0]
    assert client.get("/analytics/usage").json()["unused"] == 1


WRONG: list[tuple[dict[str, Any], str]] = [
    ({**ORDERS, "name": ""}, "name"),
    ({**ORDERS, "name": "a/b"}, "name"),
    ({**ORDERS, "name": " a"}, "name"),
    ({**ORDERS, "owner": "nul\x00"}, "owner"),
    ({**ORDERS, "tags": ["nul\x00"]}, "tags[0]"),
    ({**ORDERS, "status": "asleep"}, "status"),
    ({**ORDERS, "version": "1.0"}, "version"),
    ({**ORDERS, "ports": [{"name": "x", "table": "orders"}]}, "ports"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_a_wrong_body_is_refused_with_its_field(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post("/register_product", json=body)
    assert check_problem(answer, 400)["field"] == field
    assert client.get("/products").json()["total"] == 0


def test_what_is_missing_or_unknown_in_a_body_is_named(client: TestClient) -> None:
    assert "domain" in check_problem(client.post("/register_product", json={"name": "x", "owner": "o"}), 400)["detail"]
    assert "colour" in check_problem(client.post("/register_product", json={**ORDERS, "colour": "red"}), 400)["detail"]
    for parameters in ("status=asleep", "offset=-1", "offset=1&cursor=a", "tag=", "limit=0"):
        check_problem(client.get(f"/products?{parameters}"), 400)


def test_the_limit_is_a_setting(make_client: MakeClient) -> None:
    few = make_client(max_products=1)
    assert few.post("/register_product", json=ORDERS).status_code == 200
    check_problem(few.post("/register_product", json={**ORDERS, "name": "more"}), 409, "limit_reached")


def test_each_route_needs_its_grants(make_client: MakeClient) -> None:
    client = make_client(api_key="the-key", client=("192.0.2.7", 1), base_url="https://factbook.example")
    house: Factbook = client.app.state.factbook  # type: ignore[attr-defined]
    seen = ("data_product", "schema_snapshot", "catalog_scan")
    tokens = {
        "reader": [Grant(Action.READ, "default", "*", seen)],
        "keeper": [Grant(Action.READ, "default", "*", seen), Grant(Action.WRITE, "default", "*", ("data_product",))],
        "blind": [Grant(Action.WRITE, "default", "*", ("data_product",))],
        "other": [Grant(Action.READ, "default", "*", ("lineage",))],
    }
    heads = {
        name: {"Authorization": f"Bearer {house.tokens.create(name, grants, created_by='t').value}"} for name, grants in tokens.items()
    }

    def statuses(method: str, path: str, **more: Any) -> dict[str, int]:
        return {name: client.request(method, path, headers=head, **more).status_code for name, head in heads.items()}

    assert statuses("POST", "/register_product", json=ORDERS) == {"reader": 403, "keeper": 200, "blind": 403, "other": 403}
    for path in ("/products", "/product/customer-orders", "/product/customer-orders/history", "/analytics/domains", "/analytics/coverage"):
        assert statuses("GET", path) == {"reader": 200, "keeper": 200, "blind": 403, "other": 403}, path
    for path in ("/analytics/usage", "/analytics/products"):
        assert set(statuses("GET", path).values()) == {403}
    assert statuses("PUT", "/product/customer-orders", json={"tags": []}) == {"reader": 403, "keeper": 200, "blind": 403, "other": 403}
    history = client.get("/product/customer-orders/history", headers=heads["reader"]).json()["items"]
    assert history[0]["by"].startswith("keeper (")
    assert statuses("DELETE", "/product/customer-orders") == {"reader": 403, "keeper": 200, "blind": 403, "other": 403}


YAML = """
name: customer-orders
domain: sales
owner: sales-team@company.com
schema:
  id: integer
  when: {type: datetime, classification: internal}
tags: [orders]
ports:
  - name: orders
    table: shop.main.orders
"""


def test_the_command_line_does_what_the_api_does(cli: Cli, tmp_path: Path) -> None:
    file, change, less = (tmp_path / name for name in ("product.yaml", "change.yaml", "less.yaml"))
    file.write_text(YAML)
    change.write_text("description: More\n")
    less.write_text("schema: {id: integer}\n")
    assert cli("products", "list").err == "No products. Register one: factbook products register FILE.yaml\n"
    assert cli("products", "register", str(file)).out.startswith(
        "customer-orders is registered at version 1.0.0\nunknown: a table was never"
    )
    assert cli("products", "register", str(file)).code == 2
    assert "1.0.0 → 1.0.1, a patch change (description changes)" in cli("products", "update", "customer-orders", str(change)).out
    assert "as it was at version 1.0.1" in cli("products", "update", "customer-orders", str(change)).out
    assert cli("products", "update", "customer-orders", str(less), "--if-version", "1.0.0").code == 2
    made = json.loads(cli("products", "update", "customer-orders", str(less), "--json").out)
    assert (made["version"], made["change"]["reasons"]) == ("2.0.0", ["the field when is removed"])
    listed = cli("products", "list", "--tag", "orders")
    assert "customer-orders" in listed.out
    assert "2.0.0" in listed.out
    assert "sales-team@company.com" in cli("products", "show", "customer-orders").out
    assert "a table was never scanned" in cli("products", "check", "customer-orders").out
    assert "sales" in cli("products", "domains").out
    assert "Removed customer-orders 2.0.0" in cli("products", "remove", "customer-orders").out
    assert cli("products", "show", "customer-orders", "--json").error["code"] == "not_found"
    events = json.loads(cli("products", "history", "customer-orders", "--json").out)["items"]
    assert [event["event"] for event in events] == ["removed", "changed", "changed", "registered"]
    assert "registered" in cli("products", "history", "customer-orders").out


def test_a_check_that_fails_ends_with_1(cli: Cli, tmp_path: Path, chinook: Path) -> None:
    file = tmp_path / "albums.yaml"
    file.write_text(
        "name: albums\ndomain: music\nowner: ada\nschema: {AlbumId: integer, Title: integer}\n"
        "ports: [{name: albums, table: chinook.main.Album}]\n"
    )
    cli("scan", f"sqlite:///{chinook}", "--quiet")
    cli("products", "register", str(file))
    answer = cli("products", "check", "albums")
    assert answer.code == 1
    assert "differs: the tables are not what is declared" in answer.out
    assert "type_differs" in answer.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no product"),
        ("a: [", "is no YAML"),
        ("name: x\ndomain: 3\nowner: o", "is wrong at domain"),
        ("name: x\nowner: o", "is wrong"),
        ("name: x\ndomain: d\nowner: o\ncolour: red", "is wrong"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_place(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "product.yaml"
    file.write_text(text)
    answer = cli("products", "register", str(file))
    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert cli("products", "register", str(tmp_path / "none.yaml")).code == 2
