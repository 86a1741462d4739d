"""The OpenAPI document is complete, and /docs shows it without internet."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient
from tests.api.conftest import a_record, check_problem, scan

from factbook.api.openapi import TYPES

NOTE_FORMS = ("", "/{schema}", "/{schema}/{table}", "/{schema}/{table}/{column}")
PROMISED = {
    ("get", "/health"),
    ("get", "/metrics"),
    ("post", "/gate"),
    ("post", "/lineage/sql"),
    ("post", "/scan/trigger"),
    ("get", "/search"),
    ("post", "/quality/run"),
    ("get", "/quality/{source_id}"),
    ("get", "/quality/{source_id}/anomalies"),
    ("get", "/jobs"),
    ("get", "/jobs/{job_id}"),
    ("post", "/jobs/{job_id}/cancel"),
    ("post", "/jobs/{job_id}/retry"),
    ("get", "/dictionary"),
    ("get", "/export"),
    ("get", "/export/{format}"),
    ("post", "/register_lineage"),
    ("get", "/lineage"),
    ("delete", "/lineage"),
    ("get", "/lineage/upstream/{name}"),
    ("get", "/lineage/downstream/{name}"),
    ("get", "/lineage/neighbours/{name}"),
    ("get", "/lineage/paths"),
    ("get", "/lineage/breaks/{name}"),
    ("get", "/analytics/lineage-stats"),
    ("get", "/lint/{source_id}"),
    ("get", "/diff/{source_id}"),
    ("post", "/diff"),
    ("post", "/profile/trigger"),
    ("get", "/profile/{source_id}"),
    ("get", "/profile/{source_id}/{schema}/{table}"),
    ("get", "/profile/{source_id}/{schema}/{table}/history"),
    ("post", "/dbt"),
    ("get", "/names/unresolved"),
    ("get", "/names/bindings"),
    ("post", "/names/bindings"),
    ("delete", "/names/bindings"),
    ("get", "/sources"),
    ("post", "/sources"),
    ("get", "/sources/{source_id}"),
    ("delete", "/sources/{source_id}"),
    ("post", "/sources/{source_id}/test"),
    ("post", "/records"),
    ("get", "/products"),
    ("post", "/register_product"),
    ("get", "/product/{name}"),
    ("put", "/product/{name}"),
    ("delete", "/product/{name}"),
    ("put", "/product/{name}/ports"),
    ("get", "/product/{name}/history"),
    ("get", "/product/{name}/check"),
    ("get", "/analytics/domains"),
    ("get", "/analytics/coverage"),
    ("get", "/analytics/products"),
    ("get", "/analytics/usage"),
    ("get", "/{domain}/{dataset}"),
    ("get", "/records/latest"),
    ("post", "/records/latest"),
    ("get", "/records/history"),
    ("get", "/records/query"),
    ("post", "/records/query"),
    ("get", "/records/tail"),
    ("get", "/kinds"),
    ("get", "/kinds/{name}"),
    ("post", "/kinds"),
    ("post", "/kinds/check"),
    ("patch", "/kinds/{name}"),
    ("post", "/kinds/{name}/versions"),
    ("post", "/kinds/{name}/deprecate"),
    ("post", "/kinds/{name}/restore"),
    ("get", "/tokens"),
    ("post", "/tokens"),
    ("get", "/tokens/{token_id}"),
    ("delete", "/tokens/{token_id}"),
    ("get", "/alerts"),
    ("get", "/alerts/{alert_id}"),
    ("post", "/alerts/{alert_id}/acknowledge"),
    ("get", "/contracts"),
    ("post", "/contracts"),
    ("get", "/contracts/{contract_id}"),
    ("patch", "/contracts/{contract_id}"),
    ("delete", "/contracts/{contract_id}"),
    ("get", "/contracts/{contract_id}/history"),
    ("post", "/contracts/{contract_id}/check"),
    ("get", "/product/{name}/odps"),
    ("post", "/products/odps"),
    *((method, f"/notes/{{source_id}}{rest}") for method in ("get", "put", "patch", "delete") for rest in NOTE_FORMS),
    ("get", "/notes/search"),
    ("get", "/notes/history"),
    ("get", "/suggestions/{source_id}"),
    ("post", "/suggestions/{source_id}/{suggestion_id}/accept"),
    ("post", "/suggestions/{source_id}/{suggestion_id}/reject"),
    ("get", "/glossary"),
    ("post", "/glossary"),
    ("get", "/glossary/tree"),
    ("get", "/glossary/{key}"),
    ("put", "/glossary/{key}"),
    ("delete", "/glossary/{key}"),
    ("get", "/retention"),
    ("get", "/retention/plan"),
    ("post", "/retention/apply"),
    ("post", "/compact"),
    ("post", "/lineage"),
    ("post", "/lineage/batch"),
    ("get", "/openlineage/events"),
}
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.fixture(scope="module")
def document(idle_client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = idle_client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (item for key, item in value.items() if key == "$ref")
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_promised_route_is_there_and_no_other(document: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == PROMISED


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {reference.removeprefix("#/components/schemas/") for reference in references(document)} <= schemas.keys()
    assert {struct.__name__ for struct in TYPES} <= schemas.keys()


REFUSES_RECORDS = ("/records", "/kinds", "/product", "/register_product", "/register_lineage", "/names/bindings", "/lineage", "/{domain}")
"""Where a body can be well-formed and still break a rule of what it says."""


def test_every_operation_describes_what_it_takes_and_answers(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        successes = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
        # Only a batch of OpenLineage has two: everything is kept, or the answer names what is not.
        assert len(successes) == 1 or (successes.keys() == {"200", "204"} and path == "/lineage/batch"), where
        code, success = next(iter(successes.items()))
        media_type = {"/metrics": "text/plain", "/export/{format}": "*/*"}.get(path, "application/json")
        assert (code == "204") or success["content"][media_type]["schema"], where
        failures = {code: answer for code, answer in operation["responses"].items() if code not in (*successes, "503")}
        assert {"400", "401", "403", "500", "default"} <= failures.keys(), where
        assert all(answer["content"] == PROBLEM for answer in failures.values()), where
        assert ("{" in path) <= ("404" in failures), where
        assert "422" not in failures or path.startswith(REFUSES_RECORDS), where
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], where
    for path in ("/scan/trigger", "/sources", "/records"):
        assert document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_both_prefixes_and_the_key_are_named(document: dict[str, Any]) -> None:
    assert [server["url"] for server in document["servers"]] == ["/", "/api/v1"]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_what_is_answered_fits_what_is_documented(client: TestClient, document: dict[str, Any], prefix: str) -> None:
    job = scan(client)
    client.post("/records", json=a_record())
    client.post("/sources", json={"source_id": "x", "url": "sqlite:///x.sqlite"})
    for path, query in (
        ("/health", ""),
        ("/jobs", ""),
        ("/jobs/{job_id}", ""),
        ("/dictionary", ""),
        ("/dictionary", "?as_of=2030-01-01T00:00:00Z"),
        ("/sources", ""),
        ("/sources/{source_id}", ""),
        ("/kinds", ""),
        ("/kinds/{name}", ""),
        ("/records/latest", "?source_id=shop&kind=job_run"),
        ("/records/history", "?source_id=shop&kind=job_run"),
        ("/records/query", "?kind=job_run"),
        ("/records/tail", ""),
    ):
        answer = client.get(prefix + path.format(job_id=job["job_id"], source_id="x", name="job_run") + query)
        assert answer.status_code == 200, answer.text
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        validator = jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]}, validate_formats=True)
        validator.validate(answer.json())
    problem = check_problem(client.get(f"{prefix}/jobs/none"), 404)
    validator = jsonschema_rs.Draft202012Validator({"$ref": "#/components/schemas/Problem", "components": document["components"]})
    validator.validate(problem)


def test_docs_load_nothing_from_elsewhere(idle_client: TestClient) -> None:
    page = idle_client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert loaded
    for address in loaded:
        assert address.startswith("/static/swagger-ui/")
        assert idle_client.get(address).status_code == 200
    assert "'/openapi.json'" in page.text or '"/openapi.json"' in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_the_licence_of_the_docs_lies_beside_them(idle_client: TestClient) -> None:
    assert "Apache License" in idle_client.get("/static/swagger-ui/LICENSE").text


@pytest.mark.parametrize("path", ["/", "/redoc"])
def test_other_ways_to_the_docs_lead_there(idle_client: TestClient, path: str) -> None:
    answer = idle_client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
