"""What facets become: each one fact of its kind, about the table that the dataset is."""

from __future__ import annotations

from typing import Any

from tests.openlineage.shelf import PRODUCER, RUN, Desk, Known, dataset, event, sample

from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.parts import TableRef

ORDERS = ("s3://lake", "orders")
SCANNED = TableRef("shop", "orders", "public")


def told(kind: str, *events: dict[str, Any], names: Known | None = None) -> list[MetadataRecord]:
    """Return the facts of a kind that events tell."""
    desk = Desk(names=names)
    for answer in desk.send(*events):
        assert answer.warnings == []
    return desk.all(kind)


def facet(name: str, **fields: Any) -> dict[str, Any]:
    return {name: {"_producer": PRODUCER, "_schemaURL": "https://openlineage.io/spec/x"} | fields}


def test_an_output_is_made_of_the_inputs_and_of_what_its_columns_name() -> None:
    columns = sample("facet-samples/ColumnLineageDatasetFacet/2.json")
    (fact,) = told("lineage", event(inputs=[dataset("orders")], outputs=[dataset("people", **columns)]))
    by_table = {given["table"]["table"]: given for given in fact.payload["inputs"]}
    assert by_table.keys() == {"orders", "/iceberg_warehouse/some-database/people"}
    assert "columns" not in by_table["orders"]
    edges = by_table["/iceberg_warehouse/some-database/people"]["columns"]
    assert {"output": "firstName", "input": "first_name", "subtype": "IDENTITY"} in edges
    # What the whole dataset depends on, each of its columns does.
    sorted_by = {edge["output"] for edge in edges if edge.get("subtype") == "SORT"}
    assert sorted_by == {"id", "firstName", "lastName", "ageNextYear"}


def test_the_older_form_of_column_lineage_is_understood() -> None:
    fields = {"total": {"inputFields": [{"namespace": "s3://lake", "name": "orders", "field": "amount"}], "transformationType": "MASKED"}}
    (fact,) = told("lineage", event(outputs=[dataset("report", **facet("columnLineage", fields=fields))]))
    assert fact.payload["inputs"][0]["columns"] == [{"output": "total", "input": "amount", "subtype": "MASKED"}]


def test_a_symlink_leads_to_the_scanned_table_in_inputs_and_in_columns() -> None:
    link = facet("symlinks", identifiers=[{"namespace": "hive://x", "name": "shop.orders", "type": "TABLE"}])
    fields = {"total": {"inputFields": [{"namespace": "hive://x", "name": "shop.orders", "field": "amount"}]}}
    names = Known({("hive://x", "shop.orders"): SCANNED})
    (fact,) = told(
        "lineage",
        event(inputs=[dataset("orders", **link)], outputs=[dataset("report", **facet("columnLineage", fields=fields))]),
        names=names,
    )
    (given,) = fact.payload["inputs"]
    assert given["table"] == {"source_id": "shop", "table": "orders", "schema": "public"}
    assert given["columns"] == [{"output": "total", "input": "amount"}]


def test_a_symlink_of_a_foreign_dataset_is_the_same_dataset() -> None:
    link = facet("symlinks", identifiers=[{"namespace": "hive://x", "name": "shop.orders", "type": "TABLE"}])
    fields = {"total": {"inputFields": [{"namespace": "hive://x", "name": "shop.orders", "field": "amount"}]}}
    (fact,) = told(
        "lineage", event(inputs=[dataset("orders", **link)], outputs=[dataset("report", **facet("columnLineage", fields=fields))])
    )
    assert [given["table"]["table"] for given in fact.payload["inputs"]] == ["orders"]


def test_an_ignored_dataset_is_left_out() -> None:
    names = Known(ignored=["tmp"])
    facts = told("lineage", event(inputs=[dataset("orders"), dataset("tmp")], outputs=[dataset("report"), dataset("tmp")]), names=names)
    assert [(str(fact.target), len(fact.payload["inputs"])) for fact in facts] == [("s3://lake.report", 1)]


def test_a_run_says_which_names_nobody_knows() -> None:
    names = Known({ORDERS: SCANNED})
    (run,) = told("lineage_run", event(inputs=[dataset("orders")], outputs=[dataset("report")]), names=names)
    assert run.payload["unknown"] == [{"name": "report", "reason": "nobody knows it", "namespace": "s3://lake"}]
    assert (run.producer_id, run.target) == ("openlineage:etl/load", MetadataTarget("etl", None, "load"))


def test_a_schema_stands_beside_what_a_scan_saw() -> None:
    names = Known({ORDERS: SCANNED})
    desk = Desk(names=names)
    schema = sample("facet-samples/SchemaDatasetFacet/1.json")
    desk.send(event(outputs=[dataset("orders", **schema)]))
    assert desk.all("schema_snapshot") == []
    (fact,) = desk.all("dataset_facet")
    assert fact.target == MetadataTarget("shop", "public", "orders")
    assert fact.payload == {"facet": "schema", "value": schema["schema"]}
    (said,) = desk.all("annotation")
    assert {"property": "description", "value": "List of phone numbers", "column": "phones"} in said.payload["notes"]


def test_a_facet_that_is_deleted_takes_back_what_it_said() -> None:
    desk = Desk()
    desk.send(
        event(outputs=[dataset("orders", **facet("documentation", description="All orders"))]),
        event(minute=1, outputs=[dataset("orders")]),
    )
    target = MetadataTarget(*[ORDERS[0], None, ORDERS[1]])
    still = desk.repository.latest(target, "annotation")
    assert still is not None
    assert still.record.payload is not None
    desk.send(event(minute=2, outputs=[dataset("orders", documentation={"_deleted": True})]))
    gone = desk.repository.latest(target, "annotation")
    assert gone is not None
    assert gone.record.payload is None


def test_words_are_annotations_by_the_producer() -> None:
    facets = (
        facet("documentation", description="All orders")
        | facet("ownership", owners=[{"name": "team:sales", "type": "MAINTAINER"}, {"name": "ada", "type": "DATA_STEWARD"}])
        | facet("tags", tags=[{"key": "pii", "value": "true", "field": "email"}, {"key": "tier", "value": "gold"}])
    )
    facts = told("annotation", event(inputs=[dataset("orders", **facets)], job_facets=facet("documentation", description="Loads orders")))
    assert {fact.payload["author_type"] for fact in facts} == {"rule"}
    assert {fact.producer_id for fact in facts} == {f"openlineage:etl/load#{name}" for name in ("documentation", "ownership", "tags")}
    notes = [note for fact in facts if fact.target.source_id == "s3://lake" for note in fact.payload["notes"]]
    assert notes == [
        {"property": "description", "value": "All orders"},
        {"property": "owner", "value": "team:sales", "name": "MAINTAINER"},
        {"property": "steward", "value": "ada", "name": "DATA_STEWARD"},
        {"property": "tag", "value": "pii", "column": "email", "name": "pii"},
        {"property": "tag", "value": "tier: gold", "name": "tier"},
    ]
    assert [fact.payload["notes"][0]["value"] for fact in facts if fact.target.source_id == "etl"] == ["Loads orders"]


def test_rows_written_are_a_volume_once_a_run() -> None:
    written = {"outputFacets": facet("outputStatistics", rowCount=2000, size=2_097_152, fileCount=5)}
    read = {"inputFacets": facet("inputStatistics", rowCount=2100)}
    nominal = facet("nominalTime", nominalStartTime="2026-01-01T00:00:00Z", nominalEndTime="2026-01-02T00:00:00Z")
    states = [
        event(state, minute=minute, inputs=[dataset("orders", own=read)], outputs=[dataset("report", own=written)], run_facets=nominal)
        for minute, state in enumerate(("START", "RUNNING", "COMPLETE"))
    ]
    (fact,) = told("ingestion_volume", *states)
    assert str(fact.target) == "s3://lake.report"
    assert fact.payload == {
        "row_count": 2000,
        "byte_count": 2_097_152,
        "file_count": 5,
        "read_count": 2100,
        "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
    }
    assert fact.context.run_id == RUN


def test_metrics_are_statistics_of_a_foreign_dataset() -> None:
    metrics = {"inputFacets": sample("facet-samples/DataQualityMetricsInputDatasetFacet/1.json")}
    (fact,) = told("statistics_snapshot", event(inputs=[dataset("orders", own=metrics)]))
    columns = {column["name"]: column for column in fact.payload["columns"]}
    assert fact.payload["row_count"] == 10
    assert columns["amount"] == {"name": "amount", "minimum": 100, "maximum": 1500, "total": 6600}
    assert columns["user_id"] == {"name": "user_id", "null_count": 0, "distinct_count": 3}


def test_metrics_of_a_scanned_table_do_not_stand_in_for_its_profile() -> None:
    desk = Desk(names=Known({ORDERS: SCANNED}))
    desk.send(event(inputs=[dataset("orders", own={"inputFacets": sample("facet-samples/DataQualityMetricsInputDatasetFacet/1.json")})]))
    assert desk.all("statistics_snapshot") == []
    assert [fact.payload["facet"] for fact in desk.all("dataset_facet")] == ["dataQualityMetrics"]


def test_assertions_are_results() -> None:
    tests = [
        {"assertion": "not_null", "column": "email", "success": True},
        {"assertion": "unique", "column": "id", "success": False},
        {"assertion": "row_count", "success": False, "severity": "warn", "expected": "1000", "actual": "999", "name": "enough_rows"},
        {"assertion": "unique", "success": "perhaps"},
    ]
    checked = {"inputFacets": facet("dataQualityAssertions", assertions=tests)}
    facts = told("quality_result", event("FAIL", inputs=[dataset("orders", own=checked)]))
    assert [(fact.payload["rule"], fact.payload["outcome"], fact.payload["dimension"]) for fact in facts] == [
        ("not_null.email", "passed", "completeness"),
        ("unique.id", "failed", "uniqueness"),
        ("enough_rows", "warned", "volume"),
    ]
    assert facts[2].payload["observed"] == 999.0


def test_a_failed_run_says_how_long_it_took_and_why_it_failed_without_secrets() -> None:
    error = facet("errorMessage", message="cannot reach postgres://ada:hunter2@db/shop", programmingLanguage="PYTHON")
    facts = told("ingestion_runtime", event("START"), event("FAIL", minute=3, outputs=[dataset("report")], run_facets=error))
    (fact,) = facts
    assert str(fact.target) == "s3://lake.report"
    assert (fact.payload["outcome"], fact.payload["duration_seconds"]) == ("failed", 180.0)
    assert "cannot reach" in fact.payload["error"]["message"]
    assert "hunter2" not in fact.payload["error"]["message"]


def test_a_run_without_outputs_is_timed_at_its_job() -> None:
    (fact,) = told("ingestion_runtime", event("START"), event("ABORT", minute=1))
    assert (str(fact.target), fact.payload["outcome"]) == ("etl.load", "cancelled")


def test_how_long_a_run_took_is_not_guessed() -> None:
    assert told("ingestion_runtime", event("COMPLETE", outputs=[dataset("report")])) == []


def test_the_parent_of_a_run_stands_in_the_record() -> None:
    (fact,) = told("openlineage_event", event(run_facets=sample("facet-samples/ParentRunFacet/2.json")))
    assert fact.extras == {
        "parent": {"run_id": "f99310b4-3c3c-1a1a-2b2b-c1b95c24ff11", "namespace": "airflow", "name": "my_dag.my_task"},
        "root": {"run_id": "a0000000-3c3c-1a1a-2b2b-c1b95c24ff11", "namespace": "airflow", "name": "my_dag"},
    }


def test_a_dataset_event_tells_of_the_dataset_alone() -> None:
    desk = Desk()
    came = sample("events/marquez/event_dataset_event.json")
    desk.send(came)
    (kept,) = desk.all("openlineage_event")
    assert (kept.payload["about"], str(kept.target)) == ("dataset", "my-dataset-namespace.my-dataset-name")
    assert kept.producer_id == "openlineage:https://github.com/OpenLineage/OpenLineage/client"
    assert [fact.payload["facet"] for fact in desk.all("dataset_facet")] == ["schema"]


def test_a_job_event_states_all_there_is() -> None:
    desk = Desk()
    desk.send(sample("events/marquez/event_job_event.json"))
    read = desk.lineage(
        "instance.schema.output-1", namespace="my-datasource-namespace", producer="openlineage:my-scheduler-namespace/myjob"
    )
    assert read == ["instance.schema.input-1"]


def test_the_statement_is_kept() -> None:
    (fact,) = told(
        "lineage", event(inputs=[dataset("orders")], outputs=[dataset("report")], job_facets=facet("sql", query="INSERT INTO report"))
    )
    assert fact.payload["statement"] == "INSERT INTO report"
