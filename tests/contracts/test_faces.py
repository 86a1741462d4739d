"""The command line and the API: the same contracts, the same refusals."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from tests.api.conftest import client, logging_as_it_was, make_client
from tests.cli.conftest import cli, data_dir
from tests.contracts.houses import ORDERS, PRODUCT, changed

from factbook.contracts.reading import read_document
from factbook.contracts.writing import text_of

__all__ = ["cli", "client", "data_dir", "logging_as_it_was", "make_client"]

SHOP = """
CREATE TABLE orders (id integer PRIMARY KEY, email text NOT NULL, total numeric(10,2) NOT NULL, at text);
INSERT INTO orders VALUES (1, 'a@x', 5, '2020-01-01 00:00:00'), (2, 'b@x', 7, '2020-01-02 00:00:00');
"""
QUALITY = [
    {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 1},
    {"type": "sql", "query": "SELECT count(*) FROM ${table}", "mustBe": 2},
]
CONTRACT = changed(
    ORDERS,
    schema=[
        {
            "name": "orders",
            "properties": [
                {"name": "id", "primaryKey": True},
                {"name": "email", "required": True, "quality": [{"type": "library", "metric": "nullValues", "mustBe": 0}]},
                {"name": "at", "logicalType": "timestamp"},
            ],
            "quality": QUALITY,
        }
    ],
    servers=[{"server": "shop", "type": "custom", "schema": "main"}],
    slaProperties=[{"property": "latency", "value": 1, "unit": "d", "element": "orders.at"}],
)


@pytest.fixture
def source_url(tmp_path):
    file = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(SHOP)
    return f"sqlite:///{file}"


@pytest.fixture
def write(tmp_path):
    def written(document, name="contract.yaml"):
        file = tmp_path / name
        file.write_text(document if isinstance(document, str) else text_of(document, "yaml"))
        return str(file)

    return written


def test_a_contract_is_imported_shown_exported_and_ended(cli, source_url, write):
    cli("scan", source_url, "--source-id", "shop")
    done = cli("contracts", "import", write(CONTRACT), write(PRODUCT, "product.yaml"))
    assert done.code == 0, done.err
    assert "orders-daily 1.2.0 is stored" in done.out
    assert "Sales orders 1.0.0 is stored" in done.out
    elsewhere = CONTRACT | {"id": "elsewhere", "servers": []}
    assert "--bind orders=SOURCE.SCHEMA.TABLE" in cli("contracts", "import", write(elsewhere, "elsewhere.yaml")).err
    assert cli("contracts", "remove", "elsewhere").code == 0
    assert "shop.main.orders" in cli("contracts", "list").out
    assert read_document(cli("contracts", "export", "orders-daily").out).root == CONTRACT
    assert cli("contracts", "export", "orders-daily", "--json").json == CONTRACT
    assert read_document(cli("contracts", "export", "Sales orders", "--product").out).root == PRODUCT
    assert "shop.main.orders: 3 columns, 3 quality rules" in cli("contracts", "show", "orders-daily").out
    assert cli("contracts", "edit", "orders-daily", "--status", "nonsense").code == 2
    assert cli("contracts", "edit", "orders-daily", "--status", "retired", "--json").json["contract"]["status"] == "retired"
    assert [item["status"] for item in cli("contracts", "show", "orders-daily", "--history", "--json").json["items"]] == [
        "active",
        "retired",
    ]
    assert cli("contracts", "remove", "orders-daily").code == 0
    assert cli("contracts", "show", "orders-daily").code == 2


def test_a_check_ends_with_1_where_a_promise_is_broken(cli, source_url, write):
    cli("scan", source_url, "--source-id", "shop")
    fresh = changed(CONTRACT, slaProperties=[])
    cli("contracts", "import", write(fresh))
    kept = cli("contracts", "check", "orders-daily", "--json")
    (left,) = kept.json[0]["data"][0]["noted"]
    assert left["result"]["reason"] == "SQL of a contract is run with --allow-sql alone"
    assert (kept.code, kept.json[0]["passed"], kept.json[0]["data"][0]["outcomes"]["skipped"]) == (0, True, 1)
    assert cli("contracts", "check", "--allow-sql", "--json").json[0]["data"][0]["outcomes"] == {
        "passed": 3,
        "warned": 0,
        "failed": 0,
        "error": 0,
        "skipped": 0,
    }
    # Scores are of the rules of the source; a contract's do not take their place.
    assert cli("quality", "show", "shop").code == 2
    cli("contracts", "import", write(changed(CONTRACT, version="2.0.0")))
    late = cli("contracts", "check")
    assert (late.code, "missed" in late.out) == (1, True)
    narrow = changed(fresh, version="3.0.0", schema=[{"name": "orders", "properties": [{"name": "gone"}]}])
    cli("contracts", "import", write(narrow))
    broken = cli("contracts", "check", "--structure-only")
    assert (broken.code, "the column is not there" in broken.out) == (1, True)


def test_a_rule_about_the_data_that_fails_breaks_the_contract(cli, source_url, write):
    cli("scan", source_url, "--source-id", "shop")
    many = {
        "name": "orders",
        "quality": [{"type": "library", "metric": "rowCount", "mustBeGreaterThan": 5}],
        "properties": [{"name": "id"}],
    }
    cli("contracts", "import", write(changed(CONTRACT, slaProperties=[], schema=[many])))
    answer = cli("contracts", "check", "--json")
    assert (answer.code, answer.json[0]["structure"]["passed"], answer.json[0]["data"][0]["outcomes"]["failed"]) == (1, True, 1)


def test_what_nobody_scanned_cannot_be_judged(cli, write):
    cli("contracts", "import", write(CONTRACT))
    assert cli("contracts", "check").code == 5


def test_refusals_of_the_command_line(cli, write, tmp_path):
    assert cli("contracts", "import", str(tmp_path / "no-such-file.yaml")).code == 2
    assert "line 1" in cli("contracts", "import", write("kind: DataContract\n")).err
    cli("contracts", "import", write(CONTRACT))
    taken = cli("contracts", "import", write(changed(CONTRACT, domain="x")))
    assert (taken.code, "domain is new" in taken.err) == (2, True)
    assert cli("contracts", "import", write(changed(CONTRACT, domain="x")), "--replace").code == 0
    assert cli("contracts", "import", write(CONTRACT), "--bind", "orders").code == 2
    assert cli("contracts", "draft", "shop.main.nothing").code == 2


def test_a_draft_can_be_imported(cli, source_url, tmp_path):
    cli("scan", source_url, "--source-id", "shop")
    file = tmp_path / "draft.yaml"
    assert cli("contracts", "draft", "shop.main.orders", "-o", str(file)).code == 0
    assert cli("contracts", "import", str(file)).code == 0
    assert cli("contracts", "check", "shop.main.orders", "--structure-only").code == 0


def post(client, document, path="/contracts", form="yaml", **parameters):
    body = document if isinstance(document, str | bytes) else text_of(document, form)
    return client.post(path, content=body, params=parameters, headers={"Content-Type": f"application/{form}"})


def test_the_api_imports_shows_and_exports(client, source_url):
    client.app.state.factbook.run_scan(source_url, source_id="shop")
    for form in ("yaml", "json"):
        done = post(client, CONTRACT, form=form)
        assert done.status_code == 200, done.text
    assert done.json()["outcome"] == "unchanged"
    assert [item["id"] for item in client.get("/api/v1/contracts").json()["items"]] == ["orders-daily"]
    view = client.get("/contracts/orders-daily").json()
    assert (view["document"], view["promises"][0]["table"]["table"]) == (CONTRACT, "orders")
    assert client.get("/contracts/orders-daily", params={"format": "json"}).json() == CONTRACT
    sent = client.get("/contracts/orders-daily", params={"format": "yaml"})
    assert (read_document(sent.content).root, sent.headers["content-type"]) == (CONTRACT, "application/yaml")
    edited = client.patch("/contracts/orders-daily", json={"status": "deprecated"})
    assert edited.json()["document"]["status"] == "deprecated"
    history = client.get("/contracts/orders-daily/history").json()
    assert [item["status"] for item in history["items"]] == ["active", "deprecated"]
    assert client.get("/contracts/orders-daily", params={"format": "json", "as_of": history["items"][0]["at"]}).json() == CONTRACT
    assert client.delete("/contracts/orders-daily").status_code == 204
    assert client.get("/contracts/orders-daily").status_code == 404


def test_the_api_checks_structure_at_once_and_data_by_jobs(client, source_url):
    client.app.state.factbook.run_scan(source_url, source_id="shop")
    post(client, CONTRACT)
    found = client.post("/contracts/orders-daily/check", params={"data": "true"}).json()
    assert (found["passed"], len(found["job_ids"])) == (True, 1)
    job = client.get(f"/jobs/{found['job_ids'][0]}").json()
    assert (job["job_type"], job["trigger"]) == ("quality", "contract")


def test_the_api_takes_products(client):
    done = post(client, PRODUCT, "/products/odps")
    assert (done.status_code, done.json()["id"]) == (200, "Sales orders")
    assert client.get("/product/Sales orders/odps").json() == PRODUCT
    assert read_document(client.get("/product/Sales orders/odps", params={"format": "yaml"}).content).root == PRODUCT
    assert client.get("/product/nobody/odps").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("kind: DataContract\n", 400, "invalid_request"),
        (PRODUCT, 400, "invalid_request"),
        (b"\xff", 400, "invalid_request"),
        ("", 400, "invalid_request"),
        ("x" * 1_100_000, 400, "invalid_request"),
        (changed(CONTRACT, domain="x"), 409, "contract_taken"),
        (changed(CONTRACT, version="0.1.0"), 409, "contract_taken"),
    ],
)
def test_what_cannot_be_taken_is_a_problem_and_leaves_all_as_it_was(client, body, status, code):
    post(client, CONTRACT)
    answer = post(client, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get("/contracts/orders-daily", params={"format": "json"}).json() == CONTRACT


def test_ndjson_is_no_document(client):
    assert client.post("/contracts", content=json.dumps(CONTRACT), headers={"Content-Type": "application/x-ndjson"}).status_code == 415
