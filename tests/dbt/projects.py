"""Artefacts of dbt, made as the versions of dbt write them."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from factbook.dbt import Artefacts

WRITTEN = "2026-03-01T12:00:00.000000Z"


def url(name: str, version: int) -> str:
    return f"https://schemas.getdbt.com/dbt/{name}/v{version}.json"


_EMPTY = (
    "macros",
    "docs",
    "selectors",
    "disabled",
    "parent_map",
    "child_map",
    "group_map",
    "saved_queries",
    "semantic_models",
    "unit_tests",
)
"""What a manifest of today must have, and is of no interest here."""


def place(name: str) -> dict[str, Any]:
    """Return where something stands in the project: what every version of dbt says of everything."""
    return {"path": f"{name}.sql", "original_file_path": f"models/{name}.sql", "fqn": ["shop", name], "package_name": "shop"}


class Project:
    """A project ``shop`` on PostgreSQL, whose manifest is written as of one version."""

    def __init__(self, *, version: int = 12, written: str = WRITTEN, adapter: str = "postgres", database: str = "shop") -> None:
        self.version = version
        self.written = written
        self.adapter = adapter
        self.database = database
        self.nodes: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.exposures: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.results: list[dict[str, Any]] = []
        self.fresh: list[dict[str, Any]] = []
        self.found: dict[str, Any] = {}
        self.command = "build"

    def model(self, name: str, *parents: str, materialized: str = "table", schema: str = "marts", kind: str = "model", **more: Any) -> str:
        unique_id = f"{kind}.shop.{name}"
        code = "compiled_code" if self.version >= 7 else "compiled_sql"
        self.nodes[unique_id] = {
            "unique_id": unique_id,
            "name": name,
            "alias": name,
            "resource_type": kind,
            **place(name),
            "checksum": {"name": "none", "checksum": ""},
            "database": self.database,
            "schema": schema,
            "config": {"materialized": materialized},
            "depends_on": {"macros": [], "nodes": list(parents)},
            code: f"select * from {name}_input",
            **more,
        }
        return unique_id

    def source(self, name: str, *, schema: str = "raw", **more: Any) -> str:
        unique_id = f"source.shop.lake.{name}"
        self.sources[unique_id] = {
            "unique_id": unique_id,
            "name": name,
            "identifier": name,
            "source_name": "lake",
            "resource_type": "source",
            "source_description": "All that was loaded",
            "loader": "",
            **place(name),
            "database": self.database,
            "schema": schema,
            **more,
        }
        return unique_id

    def test(self, check: str, *tested: str, column: str | None = None, severity: str = "ERROR", **more: Any) -> str:
        """Add a generic test of the first of ``tested``; before v10 a manifest does not say which one it is."""
        unique_id = f"test.shop.{check}_{tested[0].rpartition('.')[2]}"
        about = tested[0].rpartition(".")[2]
        kwargs = {"model": "{{ get_where_subquery(ref('" + about + "')) }}", "column_name": column}
        self.nodes[unique_id] = {
            "unique_id": unique_id,
            "name": unique_id.rpartition(".")[2],
            "resource_type": "test",
            "alias": check,
            **place(check),
            "checksum": {"name": "none", "checksum": ""},
            "database": self.database,
            "schema": "audit",
            "column_name": column,
            "config": {"severity": severity, "error_if": "!= 0", "warn_if": "!= 0"},
            # dbt lists what a test is held against before what it is about.
            "depends_on": {"nodes": list(reversed(tested))},
            "test_metadata": {"name": check, "kwargs": kwargs},
            **({"attached_node": tested[0]} if self.version >= 10 else {}),
            **more,
        }
        return unique_id

    def exposure(self, name: str, *parents: str, **more: Any) -> str:
        unique_id = f"exposure.shop.{name}"
        owner = {"name": "Ada", "email": "ada@example.org"}
        self.exposures[unique_id] = {
            "unique_id": unique_id,
            "name": name,
            "resource_type": "exposure",
            "type": "dashboard",
            "owner": owner,
            **place(name),
            "depends_on": {"nodes": list(parents)},
            **more,
        }
        return unique_id

    def ran(self, unique_id: str, status: str, *, failures: int | None = None, seconds: float = 1.5, message: str | None = None) -> None:
        timing = [{"name": "execute", "started_at": "2026-03-01T11:59:00Z", "completed_at": "2026-03-01T11:59:01.500000Z"}]
        self.results.append(
            {
                "unique_id": unique_id,
                "status": status,
                "failures": failures,
                "execution_time": seconds,
                "message": message,
                "timing": timing,
                "thread_id": "t",
                "adapter_response": {"rows_affected": 42},
                "compiled": True,
                "compiled_code": "select 1",
                "relation_name": None,
            }
        )

    def artefacts(self) -> Artefacts:
        return Artefacts(*(None if one is None else json.dumps(one).encode() for one in self.documents().values()))

    def documents(self) -> dict[str, Any]:
        """Return the documents by the names they have in a request."""
        head: dict[str, Any] = {"generated_at": self.written, "invocation_id": "11111111-2222-3333-4444-555555555555"}
        manifest = {**head, "dbt_schema_version": url("manifest", self.version), "adapter_type": self.adapter}
        if self.version >= 10:
            manifest["project_name"] = "shop"
        others = {"exposures": self.exposures, "metrics": self.metrics, "groups": self.groups, **{name: {} for name in _EMPTY}}
        catalog = {"metadata": {**head, "dbt_schema_version": url("catalog", 1)}, "nodes": self.found, "sources": {}}
        fresh = {"metadata": {**head, "dbt_schema_version": url("sources", 3)}, "results": self.fresh, "elapsed_time": 0.2}
        results = {"metadata": {**head, "dbt_schema_version": url("run-results", 6)}, "args": {"which": self.command}, "elapsed_time": 3.0}
        return deepcopy(
            {
                "manifest": {"metadata": manifest, "nodes": self.nodes, "sources": self.sources, **others},
                "catalog": catalog if self.found else None,
                "run_results": {**results, "results": self.results} if self.results else None,
                "sources": fresh if self.fresh else None,
            }
        )
