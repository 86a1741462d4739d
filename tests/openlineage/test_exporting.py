"""Our own lineage in OpenLineage's form: valid by its schemas and by its client's classes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openlineage.client.event_v2 import InputDataset, Job, JobEvent, OutputDataset
from openlineage.client.facet_v2 import column_lineage_dataset, sql_job
from openlineage.client.serde import Serde
from tests.openlineage.shelf import SAMPLES, Desk, Known, dataset, event

from factbook.openlineage import Exports
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.lineage import ColumnEdge, Lineage, LineageInput, LineageJob
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.memory import MemoryRepository

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = TableRef("shop", "orders", "public")
REPORT = MetadataTarget("shop", "public", "report")


def validator(file: str, part: str) -> Any:
    """Return the validator of a part of the specification, with the core schema at hand."""
    core = json.loads((SAMPLES / "OpenLineage.json").read_text())
    schema = json.loads((SAMPLES / file).read_text())
    registry = jsonschema_rs.Registry([(core["$id"], core), (schema["$id"], schema)])
    return jsonschema_rs.Draft202012Validator({"$ref": f"{schema['$id']}{part}"}, registry=registry, validate_formats=True)


def a_log() -> MemoryRepository:
    repository = MemoryRepository()
    for name in ("orders", "report"):
        snapshot = SchemaSnapshot("table", [Column("id", 1, "int"), Column("total", 2, "numeric")])
        repository.store(record_of(snapshot, MetadataTarget("shop", "public", name), producer_id="scan.v1", produced_at=START))
    edges = [ColumnEdge("total", "amount", subtype="AGGREGATION", transformation="sum"), ColumnEdge("total", "day", "indirect", "GROUP_BY")]
    view = Lineage("view", [LineageInput(ORDERS, edges, "aggregated")], statement="SELECT sum(amount) AS total FROM orders GROUP BY day")
    model = Lineage("dbt", [LineageInput(ORDERS)], LineageJob("dbt", "model.shop.report"))
    by_hand = Lineage("manual", [LineageInput(TableRef("s3://lake", "raw"))])
    facts = [
        record_of(view, REPORT, producer_id="lineage.view", produced_at=START),
        record_of(model, REPORT, producer_id="dbt:shop:model.shop.report", produced_at=START),
        record_of(by_hand, MetadataTarget("shop", "public", "orders"), producer_id="manual:ada:x", produced_at=START),
        record_of(by_hand, MetadataTarget("shop", "public", "gone"), producer_id="manual:ada:x", produced_at=START),
        closing(Lineage, MetadataTarget("shop", "public", "gone"), producer_id="manual:ada:x", produced_at=START + timedelta(1)),
    ]
    assert not repository.bulk_store(facts).rejections
    return repository


def exported(repository: MemoryRepository) -> list[dict[str, Any]]:
    return list(Exports(repository, tenant="default").lineage())


def test_each_lineage_in_force_is_a_valid_job_event() -> None:
    events = exported(a_log())
    assert [one["job"]["name"] for one in events] == [
        "manual:ada:x:shop.public.orders",
        "model.shop.report",
        "lineage.view:shop.public.report",
    ]
    core, columns, sql = (
        validator("OpenLineage.json", "#/$defs/JobEvent"),
        validator("facets/ColumnLineageDatasetFacet.json", "#/$defs/ColumnLineageDatasetFacet"),
        validator("facets/SQLJobFacet.json", "#/$defs/SQLJobFacet"),
    )
    for one in events:
        core.validate(one)
    view = events[-1]
    columns.validate(view["outputs"][0]["facets"]["columnLineage"])
    sql.validate(view["job"]["facets"]["sql"])


def test_the_classes_of_the_client_make_the_same_event() -> None:
    view = exported(a_log())[-1]
    column = view["outputs"][0]["facets"]["columnLineage"]["fields"]["total"]
    built = JobEvent(
        eventTime=view["eventTime"],
        producer=view["producer"],
        job=Job(view["job"]["namespace"], view["job"]["name"], facets={"sql": sql_job.SQLJobFacet(view["job"]["facets"]["sql"]["query"])}),
        inputs=[InputDataset(view["inputs"][0]["namespace"], view["inputs"][0]["name"])],
        outputs=[
            OutputDataset(
                view["outputs"][0]["namespace"],
                view["outputs"][0]["name"],
                facets={
                    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(
                        fields={
                            "total": column_lineage_dataset.Fields(
                                inputFields=[
                                    column_lineage_dataset.InputField(
                                        given["namespace"],
                                        given["name"],
                                        given["field"],
                                        [column_lineage_dataset.Transformation(**way) for way in given["transformations"]],
                                    )
                                    for given in column["inputFields"]
                                ]
                            )
                        }
                    )
                },
            )
        ],
    )
    theirs = json.loads(Serde.to_json(built))
    assert without_marks(theirs) == without_marks(view)


def without_marks(value: Any) -> Any:
    """Return an event without who made each facet by which schema, and without what is empty."""
    if isinstance(value, dict):
        kept = {
            name: without_marks(item) for name, item in value.items() if name not in ("_producer", "_schemaURL", "schemaURL", "masking")
        }
        return {name: item for name, item in kept.items() if item not in ({}, [], None)}
    return [without_marks(item) for item in value] if isinstance(value, list) else value


def test_what_came_in_openlineage_is_not_told_again() -> None:
    desk = Desk()
    desk.send(event(inputs=[dataset("orders")], outputs=[dataset("report")]))
    assert isinstance(desk.repository, MemoryRepository)
    assert exported(desk.repository) == []


def test_what_is_exported_can_be_taken_in_and_tells_the_same_edges() -> None:
    view = exported(a_log())[-1]
    names = Known({("shop", "public.orders"): ORDERS, ("shop", "public.report"): TableRef("shop", "report", "public")})
    desk = Desk(names=names)
    desk.send(view)
    (fact,) = desk.all("lineage")
    assert fact.target == REPORT
    (given,) = fact.payload["inputs"]
    assert given["columns"] == [
        {"output": "total", "input": "amount", "subtype": "AGGREGATION", "transformation": "sum"},
        {"output": "total", "input": "day", "type": "indirect", "subtype": "GROUP_BY"},
    ]


@pytest.mark.parametrize("form", ["lines", "list", "pretty"])
def test_files_are_taken_in_and_written_out(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from factbook.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    events = [event(minute=minute, inputs=[dataset("orders")], outputs=[dataset("report")]) for minute in range(3)]
    if form == "lines":
        text = "\n".join(json.dumps(one) for one in [*events, {"eventTime": 1}])
    else:
        text = json.dumps(events, indent=None if form == "list" else 2)
    (tmp_path / "in.json").write_text(text)
    assert main(["openlineage", "ingest", "in.json", "--json"]) == (5 if form == "lines" else 0)
    report = json.loads(capsys.readouterr().out)
    assert report["successful"] == 3
    assert [item["place"] for item in report["failed"]] == ([4] if form == "lines" else [])
    assert main(["openlineage", "ingest", "in.json"]) == (5 if form == "lines" else 0)
    assert main(["openlineage", "export", "-o", "out.ndjson"]) == 0
    assert [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()] == events
    capsys.readouterr()
    assert main(["openlineage", "export", "--since", "2026-01-01T00:02:00Z", "--job", "etl/load"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == events[2:]
    assert main(["openlineage", "export", "--what", "lineage", "-o", "lineage.ndjson", "--quiet"]) == 0
    assert (tmp_path / "lineage.ndjson").read_text() == ""
    assert main(["openlineage", "export", "--what", "lineage", "--run", "x"]) == 2
    assert main(["openlineage", "ingest", "missing.json"]) == 2
