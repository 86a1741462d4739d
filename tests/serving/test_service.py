"""What is served to whom, how often, and that every use is counted."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem, make_client
from tests.api.serving import uvicorn

from factbook.access import Action, Grant
from factbook.app import Factbook
from factbook.errors import RateLimited, StatementTimeout, StoreBusy
from factbook.serving import UsageCounter
from factbook.serving.rate import RateLimit
from factbook.serving.usage import Use
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

__all__ = ["make_client"]

SCHEMA = """
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer TEXT, amount DECIMAL(10, 2), order_date DATE);
CREATE TABLE campaigns (id INTEGER PRIMARY KEY, name TEXT, status TEXT, starts DATE, ends DATE);
CREATE VIEW big AS SELECT order_id, amount FROM orders WHERE amount > 40;
CREATE VIEW slow AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n WHERE x < 0;
"""


@pytest.fixture
def source_url(tmp_path: Path) -> str:
    return make_shop(tmp_path)


def make_shop(folder: Path) -> str:
    file = folder / "shop.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(SCHEMA)
        orders = [(number, f"c{number % 3}", number, f"2023-{6 + number % 3:02}-{number % 28 + 1:02}") for number in range(1, 61)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", orders)
        campaigns = [(number, f"n{number}", "active" if number % 2 else "ended", None, None) for number in range(1, 9)]
        connection.executemany("INSERT INTO campaigns VALUES (?, ?, ?, ?, ?)", campaigns)
    return f"sqlite:///{file}"


def product(name: str, domain: str, table: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "domain": domain, "owner": "o", "ports": [{"name": table, "table": f"shop.main.{table}"}], **more}


def settled(client: TestClient) -> Factbook:
    house: Factbook = client.app.state.factbook  # type: ignore[attr-defined]
    house.run_scan(source_id="shop")
    for body in (product("orders", "sales", "orders"), product("email-campaigns", "marketing", "campaigns")):
        assert client.post("/register_product", json=body).status_code == 200
    return house


def test_both_printed_addresses_work(make_client: MakeClient) -> None:
    client = make_client()
    settled(client)
    orders = client.get("/sales/orders?limit=100&start_date=2023-07-01&end_date=2023-07-31")
    assert orders.status_code == 200
    assert orders.json()["count"] == 20
    assert {item["order_date"][:7] for item in orders.json()["items"]} == {"2023-07"}
    campaigns = client.get("/marketing/campaigns?active_only=true&limit=50").json()
    assert (campaigns["product"], [item["id"] for item in campaigns["items"]]) == ("email-campaigns", [1, 3, 5, 7])
    assert client.get("/api/v1/sales/orders?limit=1").json()["items"][0]["order_id"] == 1


def test_forms_are_chosen_by_name_or_by_header(make_client: MakeClient) -> None:
    client = make_client()
    settled(client)
    for ask, media_type in (
        (client.get("/sales/orders?format=csv&limit=2"), "text/csv"),
        (client.get("/sales/orders?limit=2", headers={"Accept": "text/csv"}), "text/csv"),
        (client.get("/sales/orders?limit=2", headers={"Accept": "application/vnd.apache.parquet"}), "application/vnd.apache.parquet"),
        (client.get("/sales/orders?limit=2&format=ndjson", headers={"Accept": "text/csv"}), "application/x-ndjson"),
    ):
        assert ask.headers["content-type"].partition(";")[0] == media_type
        on = client.get("/sales/orders", params={"limit": 2, "cursor": ask.headers["next-cursor"]})
        assert [item["order_id"] for item in on.json()["items"]] == [3, 4]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=ten", "limit"),
        ("colour=red", "colour"),
        ("order_id=ten", "order_id"),
        ("order_id=9223372036854775808", "order_id"),
        ("amount=nan", "amount"),
        ("order_date=yesterday", "order_date"),
        ("order_id__like=1", "order_id__like"),
        ("customer__is_null=perhaps", "customer__is_null"),
        ("order=colour", "order"),
        ("order=order_id,order_id", "order"),
        ("fields=", "fields"),
        ("format=xml", "format"),
        ("start_date=soon", "start_date"),
        ("active_only=true", "active_only"),
        ("order_id=1&order_id=2", "order_id"),
        ("cursor=ff", "cursor"),
        ("customer=%00", "customer"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(served: TestClient, query: str, field: str) -> None:
    problem = check_problem(served.get(f"/sales/orders?{query}"), 422, "invalid_parameter")
    assert problem["field"] == field
    assert problem.get("why") or problem.get("fix")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from factbook.api.app import create_app
    from factbook.settings import load_settings

    folder = tmp_path_factory.mktemp("served")
    app = create_app(Factbook(load_settings({}, data_dir=str(folder / "data"), source_db_url=make_shop(folder))))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        settled(client)
        yield client


def test_several_columns_of_dates_ask_for_one(served: TestClient) -> None:
    problem = check_problem(served.get("/marketing/campaigns?start_date=2023-07-01"), 422)
    assert problem["why"] == "several hold dates: starts, ends"


def test_what_is_not_served_is_not_there_and_nothing_is_shadowed(served: TestClient) -> None:
    for path in ("/sales/nothing", "/nothing/orders", "/email-campaigns/campaigns", "/api/v1/nothing/here"):
        check_problem(served.get(path), 404, "path_not_found")
    served.post("/register_product", json=product("domains", "analytics", "orders"))
    assert "total_products" in served.get("/analytics/domains").json()
    assert served.get("/product/orders").json()["name"] == "orders"
    assert served.get("/static/nothing").status_code == 404
    assert "openapi" in served.get("/openapi.json").json()
    check_problem(served.post("/sales/orders", json={}), 405, "method_not_allowed")


def test_only_what_is_published_is_served(served: TestClient) -> None:
    served.post("/register_product", json=product("draft", "ops", "big", status="draft"))
    assert "is draft" in check_problem(served.get("/ops/draft"), 404)["detail"]
    served.post("/register_product", json=product("unscanned", "ops", "nothing"))
    assert "never scanned" in check_problem(served.get("/ops/unscanned"), 404)["detail"]
    served.post("/register_product", json=product("nowhere", "ops", "big", schema={"colour": "text"}))
    assert "no column" in check_problem(served.get("/ops/nowhere"), 404)["detail"]
    served.post("/register_product", json=product("less", "ops", "orders", schema={"ORDER_ID": "integer", "colour": "text"}))
    less = served.get("/ops/less?limit=1").json()
    assert (less["items"], less["missing"], less["paging"]) == ([{"ORDER_ID": 1}], ["colour"], "key")
    served.post("/register_product", json=product("view", "ops", "big"))
    view = served.get("/ops/view?limit=7").json()
    assert view["paging"] == "offset"
    assert len(served.get("/ops/view", params={"cursor": view["next_cursor"], "limit": 50}).json()["items"]) == 13
    for name in ("one", "two"):
        served.post("/register_product", json=product(name, "twice", "orders"))
    assert "one, two" in check_problem(served.get("/twice/orders"), 400)["detail"]


def test_who_classifies_a_column_takes_it_out_with_the_next_request(served: TestClient) -> None:
    house: Factbook = served.app.state.factbook  # type: ignore[attr-defined]
    served.post("/register_product", json=product("private", "hr", "orders"))
    assert "customer" in served.get("/hr/private?limit=1").json()["items"][0]
    note = {"property": "classification", "value": "Restricted", "column": "customer"}
    target = MetadataTarget("data_products", table="private")
    said = MetadataRecord(target, "annotation", {"author_type": "person", "notes": [note]}, datetime.now(UTC), "ada", MetadataContext())
    house.repository.store(said)
    assert "customer" not in served.get("/hr/private?limit=1").json()["items"][0]
    check_problem(served.get("/hr/private?customer=c1"), 422)
    assert "customer" in served.get("/sales/orders?limit=1").json()["items"][0]


def test_what_is_made_from_a_sensitive_column_or_is_a_part_of_its_table_is_sensitive(served: TestClient) -> None:
    house: Factbook = served.app.state.factbook  # type: ignore[attr-defined]
    view, table = MetadataTarget("shop", "main", "big"), MetadataTarget("shop", "main", "orders")

    def say(kind: str, target: MetadataTarget, payload: dict[str, Any] | None, by: str = "ada") -> None:
        house.repository.store(MetadataRecord(target, kind, payload, datetime.now(UTC), by, MetadataContext()))

    def classified(column: str, value: str) -> dict[str, Any]:
        return {"author_type": "person", "notes": [{"property": "classification", "value": value, "column": column}]}

    def fields() -> set[str]:
        return set(served.get("/legal/bigger?limit=1").json()["items"][0])

    served.post("/register_product", json=product("bigger", "legal", "big"))
    assert fields() == {"order_id", "amount"}
    columns = [{"output": "amount", "input": "amount"}, {"output": "order_id", "input": "amount", "type": "indirect"}]
    source = {"table": {"source_id": "shop", "schema": "main", "table": "orders"}, "columns": columns}
    say("lineage", view, {"origin": "view", "inputs": [source]}, "lineage.view")
    say("annotation", table, classified("amount", "confidential"))
    assert fields() == {"order_id"}
    say("annotation", view, classified("amount", "public"))
    assert fields() == {"order_id", "amount"}
    say("annotation", view, None)
    assert fields() == {"order_id"}
    # A table that says of itself what it is made from makes no circle.
    circle = {"table": {"source_id": "shop", "schema": "main", "table": "big"}, "columns": [{"output": "order_id", "input": "order_id"}]}
    say("lineage", view, {"origin": "view", "inputs": [source, circle]}, "lineage.view")
    assert fields() == {"order_id"}
    say("annotation", table, None)
    partition = {
        "object_type": "table",
        "columns": [{"name": "id", "position": 1, "data_type": "INTEGER"}, {"name": "k", "position": 2, "data_type": "TEXT"}],
    }
    part = MetadataTarget("shop", "main", "part")
    say("schema_snapshot", part, partition | {"partition_of": {"table": "whole"}}, "scan.v1")
    say("annotation", MetadataTarget("shop", "main", "whole"), classified("k", "pii"))
    served.post("/register_product", json=product("parted", "legal", "part"))
    found = house.own.serving.dataset("legal", "parted")
    assert found is not None
    assert list(found.fields) == ["id"]
    # A column that came when a sensitive one went may be that one.
    renamed = [partition["columns"][0], partition["columns"][1] | {"name": "key"}]
    alone = MetadataTarget("shop", "main", "alone")
    say("schema_snapshot", alone, partition, "scan.v1")
    say("annotation", alone, classified("k", "pii"))
    say("schema_snapshot", alone, partition | {"columns": renamed}, "scan.v1")
    served.post("/register_product", json=product("lonely", "legal", "alone"))
    found = house.own.serving.dataset("legal", "lonely")
    assert found is not None
    assert list(found.fields) == ["id"]


def test_a_view_shows_nothing_sensitive_though_nobody_asked_to_read_its_lineage(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client()
    house: Factbook = client.app.state.factbook  # type: ignore[attr-defined]
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.execute("CREATE VIEW named AS SELECT order_id, upper(customer) AS who FROM orders")
        connection.execute("CREATE VIEW again AS SELECT order_id, who AS whom, length(who) AS long FROM named")
    house.run_scan(source_id="shop")
    note = {"notes": [{"property": "classification", "value": "pii"}]}
    assert client.put("/notes/shop/main/orders/customer", json=note).status_code == 200
    for view in ("named", "again"):
        assert client.post("/register_product", json=product(view, "sales", view)).status_code == 200
        assert client.get(f"/sales/{view}?limit=1").json()["items"] == [{"order_id": 1}]
    assert client.get("/sales/again?whom=C1").status_code == 422
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.execute("DROP VIEW again")
        connection.execute("CREATE VIEW again AS SELECT order_id, amount, lower(customer) AS long FROM orders")
    house.run_scan(source_id="shop")
    assert client.get("/sales/again?limit=1").json()["items"] == [{"order_id": 1, "amount": 1}]


def test_rows_need_a_grant_of_their_own(make_client: MakeClient) -> None:
    client = make_client(api_key="the-key", client=("192.0.2.7", 1), base_url="https://factbook.example")
    client.headers["Authorization"] = "Bearer the-key"
    house = settled(client)
    grants = {
        "metadata": ("data_product", "data_usage", "schema_snapshot", "catalog_scan"),
        "rows": ("data_product", "data_rows"),
        "all": ("*",),
    }
    seen = {}
    for name, kinds in grants.items():
        token = house.tokens.create(name, [Grant(Action.READ, "default", "*", kinds)], created_by="t").value
        seen[name] = client.get("/sales/orders?limit=1", headers={"Authorization": f"Bearer {token}"}).status_code
    assert seen == {"metadata": 403, "rows": 200, "all": 200}
    assert client.get("/sales/orders", headers={"Authorization": ""}).status_code == 401


def test_who_asks_too_often_is_told_when_to_come_again(make_client: MakeClient) -> None:
    client = make_client(serve_per_minute=2)
    settled(client)
    answers = [client.get("/sales/orders?limit=1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    check_problem(answers[2], 429, "rate_limited")
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30


def test_a_rate_fills_evenly_and_is_of_one_principal() -> None:
    now = 0.0
    rate = RateLimit(60, lambda: now)
    for _ in range(60):
        rate.take("t", "ada")
    with pytest.raises(RateLimited) as caught:
        rate.take("t", "ada")
    assert caught.value.retry_after_seconds == pytest.approx(1.0)
    rate.take("t", "bob")
    rate.take("other", "ada")
    now = 1.0
    rate.take("t", "ada")
    with pytest.raises(RateLimited):
        rate.take("t", "ada")


def test_a_statement_that_takes_too_long_is_cut_off(make_client: MakeClient) -> None:
    client = make_client(serve_seconds=0.2)
    settled(client)
    client.post("/register_product", json=product("endless", "ops", "slow"))
    assert check_problem(client.get("/ops/endless"), 503)["code"] == StatementTimeout.code


def test_a_page_ends_before_it_is_too_large(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()
    settled(client)
    monkeypatch.setattr("factbook.serving.service.MAX_PAGE_BYTES", 200)
    first = client.get("/sales/orders").json()
    assert 1 <= first["count"] < 10
    rest = client.get("/sales/orders", params={"cursor": first["next_cursor"]}).json()
    assert rest["items"][0]["order_id"] == first["count"] + 1


def counted(facts: list[MetadataRecord]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for fact in facts:
        payload = fact.payload or {}
        requests, rows = found.get(payload["principal"], (0, 0))
        found[payload["principal"]] = requests + payload["requests"], rows + payload["rows"]
    return found


def test_nothing_that_was_counted_is_lost_when_it_stops_or_the_store_is_away() -> None:
    facts: list[MetadataRecord] = []
    is_away = True

    def store(found: Sequence[MetadataRecord]) -> None:
        if is_away:
            raise StoreBusy("It is away")
        facts.extend(found)

    counter = UsageCounter(store, run_id="r1")
    threads = [
        threading.Thread(target=lambda name=name: [counter.count(Use("t", "orders", "p", name, "json"), 2) for _ in range(500)])
        for name in ("ada", "bob")
    ]
    for thread in threads:
        thread.start()
    with pytest.raises(StoreBusy):
        counter.flush()
    for thread in threads:
        thread.join()
    is_away = False
    counter.stop()
    counter.stop()
    assert counted(facts) == {"ada": (500, 1000), "bob": (500, 1000)}
    assert {fact.context.run_id for fact in facts} == {"r1"}


def test_use_is_stored_on_a_normal_stop_of_the_server(tmp_path: Path) -> None:
    url = make_shop(tmp_path)
    with uvicorn(tmp_path, DATA_DIR="./data", SOURCE_DB_URL=url, API_KEY="k") as server:
        client, headers = server.client, {"Authorization": "Bearer k"}
        job = client.post("/scan/trigger", headers=headers).json()
        while client.get(f"/jobs/{job['job_id']}").json()["state"] not in ("succeeded", "failed"):
            pass
        assert client.post("/register_product", json=product("orders", "sales", "orders"), headers=headers).status_code == 200
        # As printed: reads need no key on this machine.
        for _ in range(3):
            assert client.get("/sales/orders?limit=10&start_date=2023-07-01&end_date=2023-07-31").json()["count"] == 10
        assert client.get("/sales/orders?limit=5&format=csv", headers=headers).status_code == 200
        server.stop()
    from factbook.settings import load_settings

    with closing(Factbook(load_settings({}, data_dir=str(tmp_path / "data")))) as house:
        report = house.own.product_analytics.usage()
    assert (report.requests, report.rows) == (4, 35)
    assert report.products[0].principals == ["A request without key or token", "The API key"]
