"""Every route of the application as requests that name what belongs to somebody, or what nobody ever had.

A route, a parameter or a body that stands in no table here has no request, and the matrix fails: whoever adds one says how to ask it for
something of another tenant's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import FastAPI

UNSCOPED = {"/openapi.json", "/static", "/docs", "/redoc", "/", "/mcp"}
"""What shows the API itself and nothing in it; the tools at ``/mcp`` ask the other routes as whoever asks them (``tests/agents``)."""


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a request can name: things of one owner, or things that never were."""

    tenant: str
    source_id: str
    table: str
    namespace: str
    producer_id: str
    job_id: str
    token_id: str
    alert_id: str
    offset: int

    def parameters(self, path: str) -> dict[str, Any]:
        """Return a value for every query and path parameter; the cursors are of the route's own form."""
        place = msgspec.json.encode([self.source_id, "public", self.table, 1, "id"]).hex()
        found = msgspec.json.encode([0, 0, "public", self.table, "id", ""]).hex()
        near = msgspec.json.encode([1, self.table, 1]).hex()
        moments = "2020-01-01T00:00:00+00:00~2040-01-01T00:00:00+00:00"
        cursors = {
            "/alerts": f"1~{self.alert_id}",
            "/anomalies": "0",
            "/dictionary": place,
            "/diff/{source_id}": f"{moments}~{self.offset}",
            "/jobs": f"1~{self.job_id}",
            "/lint/{source_id}": found,
            "/names/bindings": msgspec.json.encode([self.namespace, self.table]).hex(),
            "/names/unresolved": msgspec.json.encode([f"{self.namespace} {self.table}", "00" * 16]).hex(),
            "/lineage": msgspec.json.encode([1, 0, 0]).hex(),
            "/lineage/upstream/{name}": near,
            "/lineage/downstream/{name}": near,
            "/lineage/breaks/{name}": near,
            "/notes/search": msgspec.json.encode([self.source_id, "public", self.table, "", self.producer_id, 0]).hex(),
            "/suggestions/{source_id}": msgspec.json.encode([-1.0, f"{self.source_id}/public/{self.table}", "tag", ""]).hex(),
            "/glossary": self.table,
            "/quality/{source_id}": msgspec.json.encode(["public", self.table]).hex(),
            "/domains": self.table,
            "/products": self.table,
            "/search": "1",
            "/sources": self.source_id,
            "/tokens": self.token_id,
        }
        cursors |= {
            f"/notes/{{source_id}}{rest}": msgspec.json.encode(["public", self.table, 0]).hex()
            for rest in ("", "/{schema}", "/{schema}/{table}", "/{schema}/{table}/{column}")
        }
        return {
            "tenant": self.tenant,
            "source_id": self.source_id,
            "schema": "public",
            "table": self.table,
            "target_extras": '{"column":"id"}',
            "kind": "ingestion_volume",
            "name": self.table,
            "namespace": self.namespace,
            "producer_id": self.producer_id,
            "job": f"{self.namespace}/{self.table}",
            "run": self.job_id,
            "job_id": self.job_id,
            "token_id": self.token_id,
            "alert_id": self.alert_id,
            "contract_id": self.table,
            "bind": [f"{self.table}={self.source_id}.public.{self.table}"],
            "replace": "true",
            "data": "true",
            "column": "id",
            "author": f"agent:{self.producer_id}" if "{" in path else self.producer_id,
            "expected": self.token_id,
            "suggestion_id": self.alert_id,
            "key": self.table,
            "root": self.table,
            "text": self.table,
            "tag": self.table,
            "owner": self.table,
            "contract": self.table,
            "steward": self.table,
            "term": self.table,
            "classification": self.table,
            "domain": self.table,
            "suggested": "false",
            "status": "active" if path.endswith("/products") else "draft",
            "origin": "notes" if "/suggestions" in path else "manual",
            "after_offset": self.offset,
            "cursor": next(
                (cursor for start, cursor in cursors.items() if path.endswith(start)), f"2026-01-01T00:00:00+00:00~{self.offset}"
            ),
            "where": [f"context.namespace={self.namespace}"],
            "search": self.table,
            "found_in": "name",
            "thing": "table",
            "since": "2020-01-01T00:00:00Z",
            "until": "2040-01-01T00:00:00Z",
            "as_of": "2040-01-01T00:00:00Z",
            "order": "desc",
            "limit": 7,
            "job_type": "scan",
            "state": "firing" if path.endswith("/alerts") else "queued",
            "severity": "breaking" if "/diff" in path else "info",
            "change": "added",
            "type": "int",
            "object_type": "table",
            "data_type": "int",
            "primary_key": "true",
            "foreign_key": "false",
            "unique": "true",
            "nullable": "false",
            "include_removed": "true",
            "wait_seconds": 0,
            "atomic": "true",
            "explain": "true",
            "last-event-id": self.offset,
            "from": "latest",
            "to": "latest",
            "with": self.source_id,
            "map_schema": [f"{self.table}=public"],
            "aspect": ["structure"],
            "method": "moving_average",
            "minimum_points": 5,
            # A stream has no end, so that it is only asked for where it must be refused.
            "follow": "false",
            "format": "json",
            "what": "facts",
            "offset": 1,
            "if-match": "1.0.0",
            "dataset": self.table,
            "fields": "id",
            "start_date": "2023-07-01",
            "end_date": "2023-07-31",
            "active_only": "true",
            "option": "kinds=ingestion_volume",
            "source": f"{self.source_id}.public.{self.table}",
            "target": self.table,
            "lineage_type": "derived",
            "depth": 2,
            "columns": "true",
            "include_gone": "true",
            "at": f"{self.source_id}.public.{self.table}",
            "direction": "downstream",
            "level": "column",
            "expand": "0" * 12,
        }

    def record(self, tenant: str | None) -> dict[str, Any]:
        """Return a record about what is named; ``tenant`` is whose it says it is."""
        return {
            "target": {"source_id": self.source_id, "schema": "public", "table": self.table},
            "kind": "ingestion_volume",
            "payload": {"row_count": 1},
            "produced_at": "2026-01-01T00:00:00Z",
            "producer_id": self.producer_id,
            "context": {"tenant": tenant or self.tenant, "namespace": self.namespace},
        }

    @property
    def event(self) -> dict[str, Any]:
        """Return an event of OpenLineage that names what is named."""
        named = {"namespace": self.source_id, "name": f"public.{self.table}"}
        return {
            "eventType": "COMPLETE",
            "eventTime": "2026-01-01T00:00:00Z",
            "run": {"runId": self.job_id},
            "job": {"namespace": self.namespace, "name": self.table},
            "inputs": [named],
            "outputs": [named],
            "producer": self.producer_id,
        }

    @property
    def kind(self) -> dict[str, Any]:
        """Return a kind to register."""
        return {"name": self.table, "category": "event", "description": self.table, "schema": {"type": "object"}}

    def bodies(self, operation: str, home: str) -> list[Any]:
        """Return the bodies to try; ``home`` is the tenant of whoever asks. Raises ``KeyError`` for an operation that is not known."""
        target = {"source_id": self.source_id, "schema": "public", "table": self.table}
        question = {"kind": "ingestion_volume", "targets": [target], "producer_id": self.producer_id}
        within = {"kind": "ingestion_volume", "within": {"source_id": self.source_id}}
        url = "postgresql://u:p@127.0.0.1:1/x"
        contract = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": self.table, "version": "1.0.0", "status": "active"}
        known: dict[str, list[Any]] = {
            "POST /records": [
                self.record(None),
                [self.record(None), self.record(home)],
                [{**self.record(home), "kind": "schema_snapshot"}],
            ],
            "POST /records/latest": [question, within, {**question, "tenant": self.tenant}, {**within, "tenant": self.tenant}],
            "POST /records/query": [
                question,
                within,
                {**question, "tenant": self.tenant},
                {"kind": "ingestion_volume", "tenant": self.tenant},
                {"kind": "ingestion_volume", "cursor": f"2026-01-01T00:00:00+00:00~{self.offset}", "order": "desc"},
            ],
            "POST /scan/trigger": [None, {"source_id": self.source_id}, {"url": url, "source_id": self.source_id}],
            "POST /diff": [
                {"source_id": self.source_id},
                {"source_id": self.source_id, "from": self.job_id, "to": "latest"},
                {"source_id": self.source_id, "with": self.source_id, "map_schemas": {self.table: "public"}},
                {"source_id": self.source_id, "catalog": {"factbook_catalog": 1, "tables": []}, "file": self.table},
            ],
            "POST /gate": [
                {"source_id": self.source_id},
                {"source_id": self.source_id, "from": "2020-01-01", "to": "latest"},
                {"source_id": self.source_id, "with": self.source_id, "reads": [f"public.{self.table}"]},
                {"source_id": self.source_id, "scan": True},
            ],
            "POST /quality/run": [
                {"source_id": self.source_id, "document": "checks:\n  - sql: SELECT 1"},
                {"document": f"source: {self.source_id}\nchecks:\n  - sql: SELECT 1"},
                {"source_id": url, "document": "checks:\n  - sql: SELECT 1"},
                {"source_id": self.source_id},
            ],
            "POST /profile/trigger": [None, {"source_id": self.source_id}, {"url": url, "source_id": self.source_id}],
            "POST /register_product": [
                {"name": self.table, "domain": "d", "owner": "o"},
                {
                    "name": f"{self.table}-p",
                    "domain": "d",
                    "owner": "o",
                    "ports": [{"name": "t", "table": f"{self.source_id}.public.{self.table}"}],
                },
            ],
            "PUT /product/{name}": [{"description": "d"}, {"schema": {"a": "integer"}}],
            "PUT /product/{name}/ports": [{"ports": [{"name": "t", "table": f"{self.source_id}.public.{self.table}"}]}],
            "DELETE /product/{name}": [None],
            "POST /sources": [
                {"source_id": self.source_id, "url": url},
                {"source_id": self.source_id, "url": f"sqlite:///{self.table}.sqlite"},
            ],
            "POST /names/bindings": [
                {"namespace": self.namespace, "name": self.table, "as": f"{self.source_id}.public.{self.table}"},
                {"namespace": self.namespace, "as": self.source_id},
                {"namespace": self.namespace, "name": self.table, "ignore": True},
            ],
            "DELETE /names/bindings": [None],
            "POST /dbt": [
                {"manifest": manifest_of(self.source_id, self.table)},
                {"manifest": manifest_of(self.source_id, self.table), "source_id": self.source_id},
            ],
            "POST /sources/{source_id}/test": [None],
            "DELETE /sources/{source_id}": [None],
            "POST /jobs/{job_id}/cancel": [None],
            "POST /lineage": [self.event],
            "POST /lineage/batch": [[self.event], [self.event, {}]],
            "POST /jobs/{job_id}/retry": [None],
            "POST /alerts/{alert_id}/acknowledge": [None],
            **{
                f"{method} /notes/{{source_id}}{rest}": bodies
                for rest in ("", "/{schema}", "/{schema}/{table}", "/{schema}/{table}/{column}")
                for method, bodies in (
                    ("PUT", [{"notes": [{"property": "tag", "value": self.table}]}]),
                    ("PATCH", [{"add": [{"property": "tag", "value": self.table}]}, {"remove": [{"property": "tag"}]}]),
                    ("DELETE", [None]),
                )
            },
            "POST /suggestions/{source_id}/{suggestion_id}/accept": [None, {"reason": self.table}],
            "POST /suggestions/{source_id}/{suggestion_id}/reject": [None, {"reason": self.table}],
            "POST /glossary": [{"key": self.table, "name": self.table}],
            "PUT /glossary/{key}": [{"name": self.table}],
            "DELETE /glossary/{key}": [None],
            "POST /tokens": [
                {"name": "t", "grants": [{"action": "read", "tenant": self.tenant}]},
                {"name": "t", "grants": [{"action": "read", "tenant": home}, {"action": "read", "tenant": self.tenant}]},
                {"name": "t", "grants": [{"action": "read", "tenant": home, "namespace": self.namespace}]},
                {"name": "t", "grants": [{"action": "admin", "tenant": "*"}]},
            ],
            "DELETE /tokens/{token_id}": [None],
            "POST /contracts": [contract, contract | {"version": "0.0.1", "status": "draft"}],
            "PATCH /contracts/{contract_id}": [{"status": "retired"}, {"owner": self.producer_id}],
            "DELETE /contracts/{contract_id}": [None],
            "POST /contracts/{contract_id}/check": [None],
            "POST /products/odps": [{"apiVersion": "v1.0.0", "kind": "DataProduct", "id": self.table, "status": "draft"}],
            "POST /lineage/sql": [
                {"source_id": self.source_id, "sql": f"INSERT INTO {self.table} SELECT * FROM t"},
                {"source_id": self.source_id, "sql": "SELECT 1", "name": self.table, "dry_run": True, "search_path": [self.table]},
            ],
            "POST /register_lineage": [
                {"source": self.table, "target": self.source_id},
                {"source": f"{self.source_id}.public.{self.table}", "target": self.table, "lineage_type": "derived", "confidence": 0.5},
            ],
            "DELETE /lineage": [None],
            "POST /retention/apply": [None],
            "POST /compact": [None],
            "POST /kinds": [self.kind],
            "POST /kinds/check": [self.kind],
            "PATCH /kinds/{name}": [{"description": self.table}],
            "POST /kinds/{name}/versions": [{"schema": {"type": "object"}}],
            "POST /kinds/{name}/deprecate": [{"reason": self.table}],
            "POST /kinds/{name}/restore": [None, {"version": 1}],
        }
        return [None] if operation.startswith("GET ") else known[operation]


def manifest_of(project: str, table: str) -> dict[str, Any]:
    """Return a manifest of dbt with one model."""
    node = {"name": table, "resource_type": "model", "schema": "public", "package_name": project, "description": table}
    return {"metadata": {"project_name": project, "generated_at": "2026-01-01T00:00:00Z"}, "nodes": {f"model.{project}.{table}": node}}


class Route(msgspec.Struct, frozen=True):
    """One operation, under one prefix."""

    method: str
    path: str
    template: str
    path_parameters: list[str]
    query_parameters: list[str]
    header_parameters: list[str]
    required: list[str]

    @property
    def operation(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def is_read(self) -> bool:
        return self.method == "GET" or self.operation in ("POST /records/latest", "POST /records/query", "POST /gate")


class Ask(msgspec.Struct, frozen=True):
    """A request."""

    method: str
    path: str
    parameters: dict[str, Any]
    body: Any
    headers: dict[str, str] = {}


def routes(app: FastAPI) -> Iterator[Route]:
    """Yield every operation the application has, whichever router it came by."""
    for route in app.routes:
        if hasattr(route, "effective_route_contexts"):
            for context in route.effective_route_contexts():
                yield from _operations(context.path, context.original_route)
        elif getattr(route, "dependant", None) is not None:
            yield from _operations(route.path, route)
        else:
            assert route.path in UNSCOPED, f"{route.path} is a route of a sort that the matrix does not know"


def _operations(path: str, route: Any) -> Iterator[Route]:
    if path in UNSCOPED:
        return
    query = list(_parameters(route.dependant, "query_params"))
    described = [parameter["name"] for parameter in (route.openapi_extra or {}).get("parameters", ())]
    for method in sorted(route.methods - {"HEAD"}):
        yield Route(
            method,
            path,
            route.path,
            [parameter.alias for parameter in _parameters(route.dependant, "path_params")],
            sorted({parameter.alias for parameter in query} | set(described)),
            sorted(parameter.alias for parameter in _parameters(route.dependant, "header_params")),
            sorted({parameter.alias for parameter in query if parameter.field_info.is_required()}),
        )


def _parameters(dependant: Any, of: str) -> Iterator[Any]:
    yield from getattr(dependant, of)
    for inner in dependant.dependencies:
        yield from _parameters(inner, of)


def asks(route: Route, names: Names, home: str) -> Iterator[Ask]:
    """Yield the requests of one operation: as bare as may be, then with each further parameter, each body, and the tenant named."""
    known = names.parameters(route.template)
    missing = {*route.path_parameters, *route.query_parameters, *route.header_parameters} - known.keys()
    assert not missing, f"{route.operation} takes {missing}: teach tests/access/routes.py what to ask for"
    try:
        bodies = names.bodies(route.operation, home)
    except KeyError:
        raise AssertionError(f"{route.operation} is new: teach tests/access/routes.py its bodies") from None
    path = route.path.replace(":path}", "}").format(**{name: quote(str(known[name]), safe="") for name in route.path_parameters})
    base = {name: known[name] for name in route.required}
    optional = [name for name in route.query_parameters if name not in (*route.required, "tenant")]
    by_tenant = [{}, {"tenant": names.tenant}] if "tenant" in route.query_parameters else [{}]
    for tenant in by_tenant:
        for body in bodies:
            yield Ask(route.method, path, base | tenant, body)
        for name in route.header_parameters:
            yield Ask(route.method, path, base | tenant, bodies[0], {name: str(known[name])})
        if tenant and "follow" in optional:
            yield Ask(route.method, path, base | tenant | {"follow": "true"}, bodies[0])
        for name in optional:
            needed = {"source_id": known["source_id"]} if name in ("schema", "table", "target_extras") and "source_id" in optional else {}
            yield Ask(route.method, path, base | tenant | needed | {name: known[name]}, bodies[0])
