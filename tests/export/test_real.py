"""Real databases on real servers, scanned and exported to every format; what is judged is judged by others' classes and definitions."""

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.export.atlas_types import Types
from tests.sources.databases import SAMPLES, on_mysql, on_postgres

from factbook.app import Factbook
from factbook.export.service import ExportWish
from factbook.settings import load_settings


@pytest.fixture(scope="module")
def factbook(tmp_path_factory, postgres_url, mysql_url):
    """Give a Factbook that has scanned Pagila on PostgreSQL and Sakila on MariaDB."""
    folder = tmp_path_factory.mktemp("real")
    on_postgres(postgres_url)((SAMPLES / "pagila-3.1.0-schema.sql").read_text().encode())
    on_mysql(mysql_url)((SAMPLES / "chinook-mysql-schema.sql").read_text())
    house = Factbook(load_settings({}, data_dir=str(folder)))
    house.run_scan(postgres_url, source_id="pagila")
    house.run_scan(mysql_url, source_id="chinook")
    yield house
    house.close()


@pytest.fixture
def export(factbook, tmp_path):
    def export(name, where=None, **options):
        where = where or str(tmp_path / "out")
        report = factbook.own.exports.write(ExportWish(format=name, options=options), where)
        return report, Path(where)

    return export


@pytest.fixture(scope="module")
def columns(factbook):
    """Give the names of all columns, as the dictionary has them."""
    return {row.qualified_name for row in factbook.dictionary.page(limit=10_000).items}


def test_every_column_is_in_every_format_of_rows(export, columns):
    for name in ("json", "ndjson", "csv", "parquet"):
        report, _ = export(name)
        assert report.counts["columns"] == len(columns)


def test_datahub_takes_all_of_it(export, columns):
    from datahub.ingestion.source.file import _from_obj_for_file

    _, path = export("datahub")
    proposals = [_from_obj_for_file(item) for item in json.loads(path.read_text())]
    assert all(proposal.validate() for proposal in proposals)
    fields = [field for item in proposals if item.aspectName == "schemaMetadata" for field in item.aspect.fields]
    assert len(fields) == len(columns)
    unknown = Counter(field.nativeDataType for field in fields if type(field.type.type).__name__ == "NullTypeClass")
    assert unknown == {}


def test_datahubs_foreign_keys_lead_to_fields_that_are_there(export):
    _, path = export("datahub")
    written = {item["entityUrn"]: item["aspect"]["json"] for item in json.loads(path.read_text()) if item["aspectName"] == "schemaMetadata"}
    there = {f"urn:li:schemaField:({urn},{field['fieldPath']})" for urn, schema in written.items() for field in schema["fields"]}
    keys = [key for schema in written.values() for key in schema.get("foreignKeys", ())]
    assert len(keys) > 30
    assert all(field in there for key in keys for field in [*key["sourceFields"], *key["foreignFields"]])


def test_atlas_type_definitions_find_no_fault(export):
    _, path = export("atlas")
    made = json.loads(path.read_text())
    everything = [*made["entities"], *made["referredEntities"].values()]
    known = {item["guid"]: item["typeName"] for item in everything}
    assert len(known) == len(everything)
    types = Types()
    assert [fault for item in everything for fault in types.faults(item, known)] == []
    found = Counter(item["typeName"] for item in everything)
    assert found["rdbms_instance"] == 2
    assert found["rdbms_foreign_key"] > 30


def test_collibra_gets_an_asset_for_everything(export, columns):
    report, path = export("collibra")
    made = json.loads(path.read_text())
    kinds = Counter(item["type"]["name"] for item in made if item["resourceType"] == "Asset")
    assert kinds["Column"] == len(columns)
    assert kinds["Table"] + kinds["Database View"] == report.counts["tables"]


def test_postgresql_holds_every_column_under_the_run_of_its_scan(factbook, export, columns, postgres_url):
    import psycopg

    report, _ = export("postgresql", postgres_url)
    with psycopg.connect(postgres_url, options="-c search_path=factbook_export") as connection:
        found = {row[0] for row in connection.execute("SELECT qualified_name FROM latest_column_metadata")}
        runs = dict(connection.execute("SELECT connection_name, sync_id FROM sync_runs").fetchall())
    assert found == columns
    assert report.counts["columns"] == len(columns)
    assert runs == {job.source_id: job.job_id for job in factbook.jobs.page(limit=10).items}
