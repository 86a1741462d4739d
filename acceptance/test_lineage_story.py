"""Where data comes from and whom it serves, on real data: Pagila and Chinook are scanned, views tell lineage, dbt and an OpenLineage run
add theirs, a product is bound with a contract, a column is narrowed, and the gate names the product's owner and who reads it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from tests.cli.running import run_program

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: rentals-daily
version: 1.0.0
status: active
schema:
  - name: rental
    properties:
      - {name: rental_id, logicalType: integer, primaryKey: true}
      - {name: return_date, logicalType: timestamp}
"""
PRODUCT = """
apiVersion: v1.0.0
kind: DataProduct
id: 1d4f2a70
name: rentals
version: 1.0.0
status: active
domain: stores
outputPorts:
  - {name: rentals, version: 1.0.0, contractId: rentals-daily}
team:
  members:
    - {username: desk@stores.example, name: Rental desk, role: owner}
"""


def run_event(namespace: str, database: str) -> str:
    """Return a run that makes a report of another place from Pagila's rentals."""
    source = {"namespace": namespace, "name": f"{database}.public.rental"}
    used = {"fields": {"late": {"inputFields": [source | {"field": "return_date"}]}}}
    schema_url = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    facet = {
        "_producer": "https://example.com/etl",
        "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json",
    }
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": datetime.now(UTC).isoformat(),
            "producer": "https://example.com/etl",
            "schemaURL": schema_url,
            "run": {"runId": "0197c4a0-0000-7000-8000-000000000001"},
            "job": {"namespace": "airflow", "name": "late_returns"},
            "inputs": [source],
            "outputs": [{"namespace": "s3://reports", "name": "late_returns", "facets": {"columnLineage": facet | used}}],
        }
    )


def test_a_narrowed_column_names_the_products_owner_and_who_reads_it(postgres_url: str, test_data: Path, tmp_path: Path) -> None:
    run = partial(run_program, data_dir=tmp_path / "data", cwd=tmp_path)
    samples = Path(__file__).parents[1] / "tests" / "samples"
    shutil.copy(test_data / "databases" / "chinook.sqlite", tmp_path)
    (tmp_path / "rentals.odcs.yaml").write_text(CONTRACT)
    (tmp_path / "rentals.odps.yaml").write_text(PRODUCT)
    address = urlsplit(postgres_url)
    (tmp_path / "run.json").write_text(run_event(f"postgres://{address.hostname}:{address.port or 5432}", address.path.strip("/")))

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute((samples / "pagila-3.1.0-schema.sql").read_bytes())
        connection.execute("SET search_path = public")
        for url, source_id in ((postgres_url, "pagila"), ("sqlite:///chinook.sqlite", "chinook")):
            assert run(["scan", url, "--source-id", source_id, "--quiet"]).code == 0

        views = run(["lineage", "scan", "pagila", "--json"])
        assert views.code == 0, views.all
        assert views.json["failed"] == 0
        assert run(["dbt", str(test_data.parent / "standards" / "dbt" / "jaffle_shop"), "--json"]).code == 0
        taken = run(["openlineage", "ingest", "run.json", "--json"])
        assert taken.code == 0, taken.all
        bound = run(["contracts", "import", "rentals.odcs.yaml", "--bind", "rental=pagila.public.rental", "--json"])
        assert bound.code == 0, bound.all
        assert run(["contracts", "import", "rentals.odps.yaml", "--json"]).code == 0

        made_from = run(["lineage", "show", "pagila.public.sales_by_store", "--up", "--json"]).json
        assert "pagila.public.payment" in str(made_from)
        reached = run(["lineage", "breaks", "pagila.public.rental.return_date", "--json"]).json
        assert "late_returns" in str(reached)
        assert "orders" in str(run(["lineage", "show", "dbt://jaffle_shop/jaffle_shop.main.customers", "--up", "--json"]).json)

        connection.execute("ALTER TABLE public.rental ALTER COLUMN return_date TYPE date")
        assert run(["scan", "pagila", "--quiet"]).code == 0

    gate = run(["gate", "pagila", "--fail-on", "breaking"])
    assert gate.code == 1, gate.all
    for word in ("public.rental columns.return_date.data_type", "rentals-daily", "rentals", "Rental desk", "late_returns"):
        assert word in gate.out, gate.out
