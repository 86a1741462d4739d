"""dbt's own sample project, as dbt 1.12 writes it, over real databases that hold its tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.dbt.conftest import Store

from factbook.dbt.reading import read_paths
from factbook.scan import ScanRequest, scan
from factbook.sources.connectors import connector_for
from factbook.sources.duckdb import DuckDBConnector

MODELS = 13
EDGES = 17
"""Between models, and from sources to models, counted in ``depends_on`` of the manifest."""


@pytest.fixture(scope="module")
def folder(test_data: Path) -> Path:
    return test_data.parent / "standards" / "dbt" / "jaffle_shop"


def statements(folder: Path) -> list[str]:
    """Return what makes the tables of the catalogue, columns and types as it says, and the seeds as sources."""
    catalog = msgspec.json.decode((folder / "catalog.json").read_bytes())
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    made = ['CREATE SCHEMA IF NOT EXISTS "main"', 'CREATE SCHEMA "raw"']
    tables = {(node["metadata"]["schema"], node["metadata"]["name"]): node["columns"] for node in catalog["nodes"].values()}
    for node in (*manifest["sources"].values(), *manifest["nodes"].values()):
        if node["resource_type"] in ("model", "source"):
            tables.setdefault((node["schema"], node.get("identifier") or node["alias"]), node["columns"] or {"id": {"name": "id"}})
    for (schema, table), columns in tables.items():
        named = ", ".join(f'"{name}" text' for name in columns)
        made.append(f'CREATE TABLE "{schema}"."{table}" ({named})')
    return made


def in_duckdb(folder: Path, place: Path) -> Any:
    import duckdb

    file = place / "jaffle_shop.duckdb"
    with duckdb.connect(str(file)) as connection:
        for statement in statements(folder):
            connection.execute(statement)
    return DuckDBConnector(f"duckdb:///{file}")


def in_postgresql(folder: Path, url: str) -> Any:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements(folder):
            connection.execute(statement)
    return connector_for(url)


def test_all_of_it_resolves_over_duckdb(store: Store, folder: Path, tmp_path: Path) -> None:
    scan(in_duckdb(folder, tmp_path), store.repository, ScanRequest("jaffle"))
    check(store, folder, lambda: store.dbt.ingest(read_paths([folder])))


def test_all_of_it_resolves_over_postgresql_as_the_source_that_is_named(store: Store, folder: Path, postgres_url: str) -> None:
    connector = in_postgresql(folder, postgres_url)
    scan(connector, store.repository, ScanRequest("jaffle"))
    # The project was run on DuckDB, in a database of another name: by itself nothing of it is here.
    assert store.dbt.ingest(read_paths([folder])).resolved == 0
    artefacts = read_paths([folder])
    renamed = artefacts.manifest.replace(b'"database": "jaffle_shop"', f'"database": "{connector.probe().database}"'.encode())
    check(store, folder, lambda: store.dbt.ingest(msgspec.structs.replace(artefacts, manifest=renamed), source_id="jaffle"))


def check(store: Store, folder: Path, ingest: Callable[[], Any]) -> None:
    report = ingest()
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    datasets = [*(node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")), *manifest["sources"]]
    assert (report.project, report.adapter, report.manifest_version) == ("jaffle_shop", "duckdb", "v12")
    assert (report.models, report.edges, report.resolved) == (MODELS, EDGES, len(datasets))
    expected = {
        f"jaffle.{_place(manifest, parent)} > jaffle.{_place(manifest, node['unique_id'])}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        for parent in node["depends_on"]["nodes"]
    }
    assert set(store.edges()) == expected
    assert len(expected) == EDGES
    assert "customer_id description The unique key of the orders mart." in store.notes("jaffle.main.customers", "dbt:jaffle_shop")
    assert all(payload["statement"] for payload in store.standing("lineage").values())
    assert ingest().stored == 0
    assert report.unresolved == 0


def _place(manifest: dict[str, Any], unique_id: str) -> str:
    node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
    return f"{node['schema']}.{node.get('identifier') or node['alias']}"


def test_without_a_scan_everything_is_foreign_and_waits_to_be_settled(store: Store, folder: Path) -> None:
    from factbook.names.ledger import NameLedger

    report = store.dbt.ingest(read_paths([folder]))
    assert (report.edges, report.resolved, report.unresolved) == (EDGES, 0, 25)
    found = NameLedger(store.repository, tenant="default").unresolved()
    assert {item.namespace for item in found.items} == {"dbt://jaffle_shop"}
    # Sources and seeds are the same six tables.
    assert len(found.items) == 19
    assert "BIGINT" in " ".join(store.notes("dbt://jaffle_shop.jaffle_shop.main.customers", "dbt:jaffle_shop"))


def test_settling_the_projects_namespace_as_a_source_resolves_it(store: Store, folder: Path, tmp_path: Path) -> None:
    from factbook.names.ledger import NameLedger

    for name in ("jaffle", "copy"):
        (tmp_path / name).mkdir()
        scan(in_duckdb(folder, tmp_path / name), store.repository, ScanRequest(name))
    assert store.dbt.ingest(read_paths([folder])).resolved == 0
    NameLedger(store.repository, tenant="default").settle("dbt://jaffle_shop", meant="copy", by="ada")
    report = store.dbt.ingest(read_paths([folder]))
    assert (report.unresolved, report.edges) == (0, EDGES)
    assert all(edge.startswith("copy.") for edge in store.edges())
