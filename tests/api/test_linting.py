"""``/lint``: what the command says, in pages."""

from __future__ import annotations

import jsonschema_rs
import pytest
from starlette.testclient import TestClient
from tests.api.conftest import check_problem


@pytest.fixture
def client(make_client) -> TestClient:
    client = make_client()
    client.app.state.factbook.run_scan()
    return client


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_pages_joined_are_the_whole(client: TestClient, prefix: str) -> None:
    whole = client.get(f"{prefix}/lint/shop").json()
    found, cursor = [], {}
    while cursor is not None:
        page = client.get(f"{prefix}/lint/shop", params={"limit": 2, **cursor}).json()
        found += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert found == whole["items"]
    assert len(found) == sum(whole["counts"].values()) > 4
    assert whole["coverage"][0]["schema"] is None


def test_it_says_what_was_documented_then(client: TestClient) -> None:
    page = client.get("/lint/shop", params={"since": "2020-01-01T00:00:00Z"}).json()
    assert page["since_coverage"]["tables"] == {"documented": 0, "total": 0}


def test_what_is_answered_fits_what_is_documented(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    schema = document["paths"]["/lint/{source_id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]}, validate_formats=True)
    page = client.get("/lint/shop", params={"as_of": "2030-01-01T00:00:00Z", "since": "2029-01-01T00:00:00Z"}).json()
    assert page["items"]
    assert [str(error) for error in validator.iter_errors(page)] == []


def test_a_source_that_nobody_scanned_is_not_found(client: TestClient) -> None:
    check_problem(client.get("/lint/nowhere"), 404, "not_found")


def test_a_cursor_of_somebody_else_is_refused(client: TestClient) -> None:
    check_problem(client.get("/lint/shop", params={"cursor": "zz"}), 400, "invalid_request")
