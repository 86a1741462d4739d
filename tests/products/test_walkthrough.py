"""The walkthrough of data products against a real server with a key, as it is printed."""

from __future__ import annotations

from pathlib import Path

from tests.api.serving import uvicorn

KEY = "your-secure-api-key-here"
HEADERS = {"Authorization": f"Bearer {KEY}"}

CUSTOMER_ORDERS = {
    "name": "customer-orders",
    "domain": "sales",
    "owner": "sales-team@company.com",
    "description": "Customer order data with transaction details",
    "schema": {"order_id": "integer", "customer_id": "integer", "amount": "decimal", "order_date": "date"},
    "tags": ["orders", "transactions", "sales"],
}
CUSTOMER_ANALYTICS = {
    "name": "customer-analytics",
    "domain": "marketing",
    "owner": "data-team@company.com",
    "description": "Customer behavior analytics dataset",
    "schema": {"customer_id": "string", "event_type": "string", "timestamp": "datetime", "properties": "json"},
    "tags": ["analytics", "customer", "behavior"],
}


def test_the_walkthrough_of_products_works_as_printed(tmp_path: Path) -> None:
    with uvicorn(tmp_path, API_KEY=KEY, MAX_PRODUCTS="1000", DATA_DIR="./data", LOG_LEVEL="INFO") as server:
        client = server.client
        assert client.get("/health").json()["status"] == "ok"
        assert client.post("/register_product", json=CUSTOMER_ORDERS).status_code == 401
        made = client.post("/register_product", json=CUSTOMER_ORDERS, headers=HEADERS)
        assert made.status_code == 200
        assert made.json() | CUSTOMER_ORDERS == made.json()

        listed = client.get("/products?domain=sales&status=active&limit=50&offset=0").json()
        assert [item["name"] for item in listed["items"]] == ["customer-orders"]
        shown = client.get("/product/customer-orders").json()
        fields = {"name", "domain", "owner", "description", "schema", "status", "version", "tags", "created_at", "updated_at"}
        assert fields <= shown.keys()

        update = {"description": "Updated description", "status": "active", "tags": ["orders", "sales", "updated"]}
        assert client.put("/product/customer-orders", json=update).status_code == 401
        changed = client.put("/product/customer-orders", json=update, headers=HEADERS)
        assert changed.status_code == 200
        assert changed.json() | update == changed.json()
        assert changed.json()["updated_at"] > changed.json()["created_at"] == made.json()["created_at"]

        # The Python example.
        response = client.post("/register_product", json=CUSTOMER_ANALYTICS, headers=HEADERS)
        assert response.json()["name"] == "customer-analytics"

        found = client.get("/analytics/domains").json()
        assert [(domain["domain"], domain["products"]) for domain in found["domains"]] == [("marketing", 1), ("sales", 1)]

        assert client.delete("/product/customer-orders").status_code == 401
        assert client.delete("/product/customer-orders", headers=HEADERS).status_code == 200
        assert client.get("/product/customer-orders").status_code == 404
        # The example of a test.
        response = client.post(
            "/register_product",
            json={
                "name": "test-product",
                "domain": "test",
                "owner": "test@example.com",
                "description": "Test product",
                "schema": {"field": "string"},
            },
            headers=HEADERS,
        )
        assert response.status_code == 200
