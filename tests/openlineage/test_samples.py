"""The samples of the OpenLineage and Marquez projects: what they tell, and that they come back as they came."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.openlineage.shelf import SAMPLES, Desk, event, sample, sequence

from factbook_sdk.facts import MetadataTarget

FACETS = sorted((SAMPLES / "facet-samples").rglob("*.json"))
EVENTS = sorted(file for file in (SAMPLES / "events").rglob("*.json") if file.name != "config.json")


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: str(file.relative_to(SAMPLES / "events")))
def test_an_event_of_the_samples_is_taken_and_comes_back_unchanged(file: Path) -> None:
    desk = Desk()
    came = sample(str(file.relative_to(SAMPLES)))
    (answer,) = desk.send(came)
    assert answer.warnings == []
    assert desk.events() == [came]


@pytest.mark.parametrize("file", FACETS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_facet_of_the_samples_is_taken_wherever_it_stands_and_comes_back_unchanged(file: Path) -> None:
    facets = sample(str(file.relative_to(SAMPLES)))
    if file.name == "example_full_event.json":
        came = facets
    else:
        used = {"namespace": "s3://lake", "name": "orders", "facets": facets}
        came = event(inputs=[used | {"inputFacets": facets}], outputs=[used | {"outputFacets": facets}], run_facets=facets)
        came["job"]["facets"] = facets
    desk = Desk()
    (answer,) = desk.send(came)
    assert answer.warnings == []
    assert desk.events() == [came]


def test_nine_events_of_spark_state_forty_column_pairs_and_leave_ten_in_force() -> None:
    desk = Desk()
    events = sequence("column_lineage")
    assert len(events) == 9
    assert sum(map(pairs_stated, events)) == 40
    desk.send(*events)
    job = "open_lineage_integration_create_table"
    assert {record.payload["job"]["name"] for record in desk.all("openlineage_event")} == {
        job,
        f"{job}.execute_create_table_command.cll_test_cll_source1",
        f"{job}.execute_create_table_command.cll_test_cll_source2",
        f"{job}.execute_create_hive_table_as_select_command.default_tbl1",
    }
    ((target, _), lineage) = next(iter(desk.in_force().items()))
    assert len(desk.in_force()) == 1
    assert target == "file./tmp/cll_test/tbl1"
    inputs = {given["table"]["table"]: given for given in lineage["inputs"]}
    assert inputs.keys() == {"/tmp/cll_test/cll_source1", "/tmp/cll_test/cll_source2"}
    assert inputs["/tmp/cll_test/cll_source2"]["type"] == "aggregated"
    pairs = {(edge["output"], name, edge["input"]) for name, given in inputs.items() for edge in given["columns"]}
    assert len(pairs) == 10
    # Each way in which a column depends on another is an edge of its own.
    assert sum(len(given["columns"]) for given in lineage["inputs"]) == 21
    assert {"output": "agg", "input": "c", "subtype": "AGGREGATION"} in inputs["/tmp/cll_test/cll_source2"]["columns"]
    # Both RUNNING events and the COMPLETE of the job confirm it, each with its ten pairs.
    told = [record.payload["column_edges"] for record in desk.all("lineage_run") if record.payload["edges"]]
    assert told == [10, 10, 10]
    datasets = {record.target.table for record in desk.all("dataset_facet") if record.payload["facet"] == "schema"}
    assert datasets == {"/tmp/cll_test/cll_source1", "/tmp/cll_test/cll_source2", "/tmp/cll_test/tbl1"}


def pairs_stated(came: dict) -> int:
    fields = [field for output in came["outputs"] for field in output["facets"].get("columnLineage", {}).get("fields", {}).values()]
    return sum(len(field["inputFields"]) for field in fields)


def test_two_events_of_one_run_are_one_statement() -> None:
    desk = Desk()
    desk.send(*sequence("marquez/listener"))
    for name in ("out_file1", "out_file2"):
        target = MetadataTarget("file.localhost", None, f"file://localhost/{name}.txt")
        found = desk.repository.latest(target, "lineage")
        assert found is not None
        read = [given["table"]["table"] for given in found.record.payload["inputs"]]
        assert read == [f"file://localhost/in_file{number}.txt" for number in (1, 2, 3)]


def test_the_simple_event_is_an_edge() -> None:
    desk = Desk()
    (answer,) = desk.send(*sequence("simple_run_event"))
    assert desk.lineage("test.table.output", namespace="bigquery", producer="openlineage:job_namespace/job_name") == ["test.table.input"]
    assert answer.notes == ("run.runId run_id is no UUID",)
