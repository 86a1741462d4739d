"""The walkthrough of products, lineage, domains and analytics as it is printed, against a fresh real server with a key.

``walkthrough/requests.http`` holds the printed requests letter by letter, in their printed order; ``walkthrough/example.txt`` the printed
script. Only the address is another one, and where a body is printed without its type, the client says that it is JSON, as clients do.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
from tests.api.serving import uvicorn

PRINTED = Path(__file__).parent / "walkthrough"
BASE_URL = "http://localhost:8000"
KEY = {"Authorization": "Bearer your-api-key"}
JSON = {"Content-Type": "application/json"}
SHOP = """
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER, amount DECIMAL(10, 2), order_date DATE);
CREATE TABLE campaigns (campaign_id INTEGER PRIMARY KEY, name TEXT, status TEXT);
INSERT INTO orders VALUES (1, 7, 9.5, '2023-06-30'), (2, 7, 40, '2023-07-01'), (3, 8, 12.25, '2023-07-31'), (4, 8, 5, '2023-08-01');
INSERT INTO campaigns VALUES (1, 'Spring', 'ended'), (2, 'Summer', 'active');
"""
PRODUCT_FIELDS = {"name", "domain", "owner", "description", "schema", "status", "version", "tags", "created_at", "updated_at"}
LINEAGE_FIELDS = {"source", "target", "transformation", "lineage_type", "confidence", "metadata", "timestamp"}


def test_the_whole_walkthrough_works_as_printed(tmp_path: Path) -> None:
    make_shop(tmp_path)
    settings = {
        "API_KEY": "your-api-key",
        "DATA_DIR": "./data",
        "LOG_LEVEL": "INFO",
        "MAX_PRODUCTS": "1000",
        "MAX_LINEAGE_ENTRIES": "10000",
    }
    with uvicorn(tmp_path, SOURCE_DB_URL="sqlite:///shop.sqlite", **settings) as server:
        client = server.client
        assert client.get("/health").json()["status"] == "ok"
        assert {client.get(page, follow_redirects=True).status_code for page in ("/docs", "/redoc")} == {200}
        bind_domains(client)

        answers: dict[str, Any] = {}
        for method, address, headers, body in printed():
            if headers:
                assert client.request(method, address, headers=JSON, content=body).status_code == 401, address
            answer = client.request(method, address, headers=JSON | headers, content=body)
            assert answer.status_code == 200, f"{method} {address}: {answer.text}"
            answers[f"{method} {address.partition('?')[0]}"] = answer.json()
        check_products(answers)
        check_lineage(answers)
        check_domains(answers)

        assert client.get("/product/customer-orders").status_code == 404
        run_example(str(client.base_url).rstrip("/"), tmp_path)
        assert client.get("/product/customer-analytics").json()["domain"] == "marketing"
        (above,) = client.get("/lineage/upstream/customer-analytics").json()["items"]
        assert (above["node"]["name"], above["lineage_type"], above["confidence"]) == ("raw-events", "aggregated", 0.9)

        test = {"name": "test-product", "domain": "test", "owner": "test@example.com", "description": "Test product"}
        response = client.post("/register_product", json=test | {"schema": {"field": "string"}}, headers=KEY)
        assert response.status_code == 200


def make_shop(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.sqlite")) as shop:
        shop.executescript(SHOP)


def bind_domains(client: httpx2.Client) -> None:
    """Scan the source, and register the two products whose rows the walkthrough asks for."""
    job = client.post("/scan/trigger", headers=KEY).json()
    deadline = time.monotonic() + 60
    while client.get(f"/jobs/{job['job_id']}").json()["state"] not in ("succeeded", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for domain, table in (("sales", "orders"), ("marketing", "campaigns")):
        ports = [{"name": table, "table": f"shop.main.{table}"}]
        product = {"name": table, "domain": domain, "owner": f"{domain}-team@company.com", "ports": ports}
        assert client.post("/register_product", json=product, headers=KEY).status_code == 200


def printed() -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Yield method, address, headers and body of each request."""
    for block in (PRINTED / "requests.http").read_text().split("###\n"):
        head, _, body = block.partition("\n\n")
        first, *lines = head.strip().splitlines()
        method, address = first.split(" ", 1)
        yield method, address, dict(line.split(": ", 1) for line in lines), body


def check_products(answers: dict[str, Any]) -> None:
    made, changed = answers["POST /register_product"], answers["PUT /product/customer-orders"]
    assert made.keys() >= PRODUCT_FIELDS
    assert made["schema"] == {"order_id": "integer", "customer_id": "integer", "amount": "decimal", "order_date": "date"}
    assert "customer-orders" in [item["name"] for item in answers["GET /products"]["items"]]
    assert answers["GET /product/customer-orders"]["owner"] == "sales-team@company.com"
    assert (changed["description"], changed["tags"]) == ("Updated description", ["orders", "sales", "updated"])
    assert changed["updated_at"] > changed["created_at"] == made["created_at"]


def check_lineage(answers: dict[str, Any]) -> None:
    entry = answers["POST /register_lineage"]
    assert entry.keys() >= LINEAGE_FIELDS
    assert answers["GET /lineage"]["items"] == [entry]
    assert entry["metadata"] == {"transformation_tool": "Apache Spark", "last_run": "2023-07-01T10:00:00Z"}
    (above,), (below,) = (answers[f"GET /lineage/{way}"]["items"] for way in ("upstream/customer-orders", "downstream/raw-orders"))
    assert (above["node"]["name"], above["confidence"], below["node"]["name"]) == ("raw-orders", 0.95, "customer-orders")
    stats = answers["GET /analytics/lineage-stats"]
    assert (stats["edges"], stats["by_type"], stats["average_confidence"]) == (1, {"derived": 1}, 0.95)


def check_domains(answers: dict[str, Any]) -> None:
    assert [row["order_id"] for row in answers["GET /sales/orders"]["items"]] == [2, 3]
    assert [row["name"] for row in answers["GET /marketing/campaigns"]["items"]] == ["Summer"]
    domains = answers["GET /analytics/domains"]["domains"]
    assert [(domain["domain"], domain["products"]) for domain in domains] == [("marketing", 1), ("sales", 1)]


def run_example(url: str, folder: Path) -> None:
    script = (PRINTED / "example.txt").read_text().replace(BASE_URL, url)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    registered, lineage = done.stdout.splitlines()
    assert registered.startswith("Product registered: {")
    assert "'name': 'customer-analytics'" in registered
    assert lineage.startswith("Lineage registered: {")
    assert "'target': 'customer-analytics'" in lineage
