"""What a project's artefacts become: edges, notes, outcomes; once, as of when dbt wrote them, and ended with what they came from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from tests.dbt.conftest import Store
from tests.dbt.projects import Project, url

from factbook.dbt.lineage import MAX_STATEMENT_CHARACTERS
from factbook.dbt.model import Artefacts
from factbook.errors import InvalidRequest, NotFound


def scanned(store: Store, *tables: str) -> None:
    store.shelf.source("wh", "postgres://db:5432", *tables, database="shop")


def small(**options: Any) -> Project:
    project = Project(**options)
    raw = project.source("raw_orders")
    staging = project.model("stg_orders", raw, materialized="view", schema="staging")
    project.model("orders", staging)
    return project


def test_models_become_edges_between_scanned_tables_and_foreign_datasets(store: Store) -> None:
    scanned(store, "raw.raw_orders", "marts.orders")
    report = store.dbt.ingest(small().artefacts())
    assert store.edges() == [
        "dbt://shop.shop.staging.stg_orders > wh.marts.orders",
        "wh.raw.raw_orders > dbt://shop.shop.staging.stg_orders",
    ]
    assert (report.models, report.edges, report.resolved, report.unresolved, report.ended) == (2, 2, 2, 1, 0)
    payload = store.standing("lineage")["wh.marts.orders < dbt:shop:model.shop.orders"]
    assert payload["statement"] == "select * from orders_input"
    assert payload["job"] == {"namespace": "dbt://shop", "name": "model.shop.orders"}
    assert payload["evidence"] == {"file": "models/orders.sql"}
    (run,) = [payload for _, payload in store.of_kind("lineage_run")]
    assert (run["edges"], run["statements"], run["confirms"]) == (2, 2, ["dbt:shop:*"])
    assert run["unknown"] == [
        {"name": "shop.staging.stg_orders", "reason": "no scanned postgres has a table shop.staging.stg_orders", "namespace": "dbt://shop"}
    ]


def test_everything_is_as_of_when_dbt_wrote_it_and_a_second_time_stores_nothing(store: Store) -> None:
    project = small()
    project.model("stg_orders", "source.shop.lake.raw_orders", materialized="view", schema="staging", description="One row an order")
    project.ran(project.test("unique", "model.shop.orders", column="id"), "pass", failures=0)
    project.ran("model.shop.orders", "success")
    first = store.dbt.ingest(project.artefacts())
    again = store.dbt.ingest(project.artefacts())
    assert first.facts == again.facts == {"annotation": 1, "ingestion_runtime": 1, "lineage": 2, "lineage_run": 1, "quality_result": 1}
    assert (first.stored, again.stored, again.ended) == (6, 0, 0)
    moments = {item.record.kind: item.record.produced_at for item in store.repository.tail(limit=100).records}
    assert moments["lineage"] == moments["annotation"] == moments["lineage_run"] == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert moments["quality_result"] == datetime(2026, 3, 1, 11, 59, 1, 500000, tzinfo=UTC)


def test_what_is_gone_from_the_manifest_is_ended_and_a_second_time_says_so_again(store: Store) -> None:
    old, new = small(), small(written="2026-03-02T12:00:00Z")
    old.model("gone", "model.shop.orders", description="Soon gone")
    old.model("shrinks", "model.shop.orders", description="Was said")
    new.model("shrinks", "model.shop.stg_orders")
    store.dbt.ingest(old.artefacts())
    first, again = store.dbt.ingest(new.artefacts()), store.dbt.ingest(new.artefacts())
    assert store.edges() == [
        "dbt://shop.shop.raw.raw_orders > dbt://shop.shop.staging.stg_orders",
        "dbt://shop.shop.staging.stg_orders > dbt://shop.shop.marts.orders",
        "dbt://shop.shop.staging.stg_orders > dbt://shop.shop.marts.shrinks",
    ]
    assert store.standing("annotation") == {}
    assert (first.ended, again.ended, again.stored) == (3, 3, 0)
    assert len(store.edges(as_of=datetime(2026, 3, 1, 13, tzinfo=UTC))) == 4


def test_an_older_manifest_ends_nothing_that_a_newer_one_said(store: Store) -> None:
    newer, older = small(written="2026-03-02T12:00:00Z"), Project(written="2026-03-01T12:00:00Z")
    older.model("orders", older.source("elsewhere"))
    store.dbt.ingest(newer.artefacts())
    report = store.dbt.ingest(older.artefacts())
    assert report.ended == 0
    assert "dbt://shop.shop.staging.stg_orders > dbt://shop.shop.marts.orders" in store.edges()
    assert store.edges(as_of=datetime(2026, 3, 1, 13, tzinfo=UTC)) == ["dbt://shop.shop.raw.elsewhere > dbt://shop.shop.marts.orders"]


def test_edges_move_to_the_tables_once_they_are_scanned(store: Store) -> None:
    store.dbt.ingest(small().artefacts())
    scanned(store, "raw.raw_orders", "staging.stg_orders", "marts.orders")
    report = store.dbt.ingest(small().artefacts())
    assert store.edges() == ["wh.raw.raw_orders > wh.staging.stg_orders", "wh.staging.stg_orders > wh.marts.orders"]
    assert (report.resolved, report.ended) == (3, 2)


def test_other_projects_and_producers_are_left_alone(store: Store) -> None:
    other = small()
    documents = other.documents()
    documents["manifest"]["metadata"]["project_name"] = "shop2"
    store.dbt.ingest(Artefacts(msgspec.json.encode(documents["manifest"])))
    empty = Project(written="2026-03-05T12:00:00Z")
    empty.model("orders")
    report = store.dbt.ingest(empty.artefacts())
    assert report.warnings == ["0 edges from 1 models"]
    assert [key.partition("< ")[2] for key in store.standing("lineage")] == [
        "dbt:shop2:model.shop.stg_orders",
        "dbt:shop2:model.shop.orders",
    ]


def test_ephemeral_models_and_metrics_are_passed_through(store: Store) -> None:
    project = small()
    middle = project.model("middle", "model.shop.stg_orders", "source.shop.lake.raw_orders", materialized="ephemeral")
    project.model("daily", project.model("more", middle, middle, materialized="ephemeral"))
    project.metrics["metric.shop.m"] = {"unique_id": "metric.shop.m", "name": "m", "depends_on": {"nodes": ["model.shop.daily"]}}
    project.exposure("weekly", "metric.shop.m")
    store.dbt.ingest(project.artefacts())
    assert [edge for edge in store.edges() if "daily" in edge] == [
        "dbt://shop.shop.marts.daily > dbt://shop.exposure.shop.weekly",
        "dbt://shop.shop.raw.raw_orders > dbt://shop.shop.marts.daily",
        "dbt://shop.shop.staging.stg_orders > dbt://shop.shop.marts.daily",
    ]
    inputs = store.standing("lineage")["dbt://shop.shop.marts.daily < dbt:shop:model.shop.daily"]["inputs"]
    assert [one["metadata"]["through"] for one in inputs] == [["model.shop.more", "model.shop.middle"]] * 2
    assert not any("middle" in edge or "more" in edge for edge in store.edges())


def test_circles_end(store: Store) -> None:
    project = Project()
    project.model("a", "model.shop.b", materialized="ephemeral")
    project.model("b", "model.shop.a", "model.shop.c", materialized="ephemeral")
    project.model("c", "model.shop.a", "model.shop.c", project.source("s"))
    store.dbt.ingest(project.artefacts())
    assert store.edges() == ["dbt://shop.shop.raw.s > dbt://shop.shop.marts.c"]


def test_descriptions_tags_owners_and_meta_are_noted(store: Store) -> None:
    scanned(store, "raw.raw_orders")
    store.shelf.table("wh", "marts", "orders", "id", "Email", hours=1)
    project = Project()
    project.groups["group.shop.sales"] = {"name": "sales", "owner": {"name": "Sales", "email": ["s@example.org"]}}
    columns = {
        "id": {"name": "id", "description": "The key", "tags": ["key"]},
        "email": {"name": "email", "config": {"meta": {"contains_pii": True, "owner": "Privacy"}, "tags": ["gdpr"]}},
        "born": {"name": "born", "data_type": "date", "meta": {"classification": "confidential"}},
    }
    project.model("orders", project.source("raw_orders", meta={"owner": "Eve"}), columns=columns, description="Orders", tags="daily")
    project.nodes["model.shop.orders"] |= {"group": "sales", "meta": {"tier": 1, "maturity": {"level": "gold"}}}
    project.nodes["model.shop.orders"]["config"] |= {"tags": ["core", "daily"]}
    project.exposure("weekly", "model.shop.orders", url="https://bi/weekly", description="Sales per week", maturity="high")
    store.dbt.ingest(project.artefacts())
    assert store.notes("wh.marts.orders") == [
        "- description Orders",
        "- tag daily",
        "- tag core",
        "- custom tier=1",
        "- custom maturity={'level': 'gold'}",
        "- owner Sales <s@example.org>",
        "id description The key",
        "id tag key",
        "Email tag gdpr",
        "Email classification pii",
        "Email owner Privacy",
        "born classification confidential",
    ]
    assert store.notes("wh.raw.raw_orders") == ["- owner Eve"]
    assert store.notes("dbt://shop.exposure.shop.weekly") == [
        "- description Sales per week",
        "- owner Ada <ada@example.org>",
        "- link https://bi/weekly",
        "- custom type=dashboard",
        "- custom maturity=high",
    ]
    assert {payload["author_type"] for payload in store.standing("annotation").values()} == {"rule"}


def test_the_catalogue_tells_columns_of_tables_that_no_scan_knows(store: Store) -> None:
    project = Project()
    project.model("orders", project.source("s"), columns={"id": {"name": "id", "description": "The key"}})
    column = {"name": "ID", "type": "NUMBER", "index": 1, "comment": "from the database"}
    project.found["model.shop.orders"] = {
        "columns": {"NOTE": {"name": "NOTE", "type": "TEXT", "index": 2, "comment": "Free text"}, "ID": column}
    }
    store.dbt.ingest(project.artefacts())
    assert store.notes("dbt://shop.shop.marts.orders") == [
        "ID description The key",
        "ID custom data_type=NUMBER",
        "NOTE description Free text",
        "NOTE custom data_type=TEXT",
    ]


def test_outcomes_of_tests_are_results_of_the_table_they_are_about(store: Store) -> None:
    scanned(store, "marts.orders", "staging.stg_orders")
    project = small()
    orders, staging = "model.shop.orders", "model.shop.stg_orders"
    project.ran(project.test("not_null", orders, column="id"), "pass", failures=0)
    project.ran(project.test("relationships", orders, staging, column="parent"), "fail", failures=3, message="Got 3 results")
    project.ran(project.test("accepted_values", staging, column="state", severity="warn"), "warn", failures=2)
    project.ran(project.test("unique", staging), "error", message="Database Error in test unique\n  invalid input: 'secret value'")
    project.ran(project.test("recency", orders), "skipped")
    project.nodes["test.shop.loose"] = {"name": "loose", "resource_type": "test", "depends_on": {"nodes": []}}
    project.ran("test.shop.loose", "pass", failures=0)
    project.ran("test.other.unheard", "pass", failures=0)
    report = store.dbt.ingest(project.artefacts())
    results = {payload["rule"]: (target, payload) for target, payload in store.of_kind("quality_result")}
    shown = {
        rule: (target, found["dimension"], found["outcome"], found.get("observed"), found.get("reason"))
        for rule, (target, found) in results.items()
    }
    assert shown == {
        "not_null_orders": ("wh.marts.orders", "completeness", "passed", 0, None),
        "relationships_orders": ("wh.marts.orders", "consistency", "failed", 3, None),
        "accepted_values_stg_orders": ("wh.staging.stg_orders", "validity", "warned", 2, None),
        "unique_stg_orders": ("wh.staging.stg_orders", "uniqueness", "error", None, "Database Error in test unique"),
        "recency_orders": ("wh.marts.orders", "timeliness", "skipped", None, "dbt says skipped"),
        "loose": ("dbt://shop", "validity", "passed", 0, None),
    }
    assert results["relationships_orders"][1]["columns"] == ["parent"]
    assert results["accepted_values_stg_orders"][1]["severity"] == "warning"
    assert results["not_null_orders"][1]["expected"] == "fails if the number of failures is != 0"
    assert report.warnings == ["run_results.json has 1 results of nodes that the manifest does not hold; they were left out"]


def test_runs_of_models_are_loads(store: Store) -> None:
    scanned(store, "marts.orders")
    project = small()
    project.ran("model.shop.orders", "success")
    project.ran("model.shop.stg_orders", "error", message="Runtime Error in model stg_orders\n  values")
    store.dbt.ingest(project.artefacts())
    assert store.of_kind("ingestion_runtime") == [
        (
            "wh.marts.orders",
            {
                "started_at": "2026-03-01T11:59:00Z",
                "duration_seconds": 1.5,
                "outcome": "succeeded",
                "row_count": 42,
                "phases": [{"name": "execute", "duration_seconds": 1.5}],
            },
        ),
        (
            "dbt://shop.shop.staging.stg_orders",
            {
                "started_at": "2026-03-01T11:59:00Z",
                "duration_seconds": 1.5,
                "outcome": "failed",
                "row_count": 42,
                "phases": [{"name": "execute", "duration_seconds": 1.5}],
                "error": {"message": "Runtime Error in model stg_orders"},
            },
        ),
    ]


def test_a_command_that_only_compiles_says_nothing_of_data(store: Store) -> None:
    project = small()
    project.command = "compile"
    project.ran(project.test("not_null", "model.shop.orders"), "success")
    report = store.dbt.ingest(project.artefacts())
    assert "quality_result" not in report.facts
    assert report.warnings == ["run_results.json is of `dbt compile`, which runs nothing; no outcome was taken from it"]


def test_freshness_is_a_result_and_a_promise(store: Store) -> None:
    scanned(store, "raw.raw_orders")
    project = small()
    criteria = {"warn_after": {"count": 12, "period": "hour"}, "error_after": {"count": 1, "period": "day"}}
    fresh = {"unique_id": "source.shop.lake.raw_orders", "max_loaded_at": "2026-02-28T09:00:00Z", "snapshotted_at": "2026-03-01T12:00:00Z"}
    fresh |= {"max_loaded_at_time_ago_in_s": 97_200.0, "status": "error", "criteria": criteria, "execution_time": 0.1}
    broken = {"unique_id": project.source("broken"), "status": "runtime error", "error": "Database Error\n  relation is missing"}
    project.fresh = [fresh, broken, {"unique_id": "source.x.y.z", "status": "pass"}]
    report = store.dbt.ingest(project.artefacts())
    (_, late), (_, unknown) = store.of_kind("sla_adherence")
    assert late == {
        "name": "freshness of raw_orders",
        "objective": "freshness",
        "outcome": "missed",
        "met_at": "2026-02-28T09:00:00Z",
        "late_seconds": 10_800.0,
        "expected": 86_400.0,
        "observed": 97_200.0,
        "unit": "seconds",
    }
    assert (unknown["outcome"], unknown["name"]) == ("unknown", "freshness of broken")
    (target, failed), (_, error) = store.of_kind("quality_result")
    assert (target, failed["outcome"], failed["observed"], failed["upper"]) == ("wh.raw.raw_orders", "failed", 97_200, 86_400)
    assert (error["outcome"], error["reason"]) == ("error", "Database Error")
    assert report.warnings == ["sources.json tells of source.x.y.z, which the manifest does not hold; it was left out"]


def test_two_sources_with_the_same_tables_need_to_be_told_apart(store: Store) -> None:
    scanned(store, "marts.orders", "raw.raw_orders", "staging.stg_orders")
    store.shelf.source("copy", "postgres://other:5432", "marts.orders", "raw.raw_orders", "staging.stg_orders", database="shop")
    assert store.dbt.ingest(small().artefacts()).unresolved == 3
    assert store.dbt.ingest(small().artefacts(), source_id="copy").resolved == 3
    assert store.edges() == ["copy.raw.raw_orders > copy.staging.stg_orders", "copy.staging.stg_orders > copy.marts.orders"]
    with pytest.raises(NotFound, match="a source nobody"):
        store.dbt.ingest(small().artefacts(), source_id="nobody")


def test_what_is_settled_of_the_project_comes_first(store: Store) -> None:
    scanned(store, "marts.orders", "old.raw_orders")
    store.shelf.bind("dbt://shop", "shop.raw.raw_orders", source_id="wh", schema="old", table="raw_orders")
    store.shelf.bind("dbt://shop", "shop.staging.stg_orders", ignored=True)
    report = store.dbt.ingest(small().artefacts())
    assert store.edges() == []
    assert (report.resolved, report.unresolved) == (2, 0)


@pytest.mark.parametrize("version", range(1, 13))
def test_every_version_of_the_manifest_says_the_same(store: Store, version: int) -> None:
    project = small(version=version)
    project.ran(project.test("relationships", "model.shop.orders", "model.shop.stg_orders", column="id"), "pass", failures=0)
    report = store.dbt.ingest(project.artefacts())
    assert (report.project, report.manifest_version, report.edges, report.warnings) == ("shop", f"v{version}", 2, [])
    assert (
        store.standing("lineage")["dbt://shop.shop.marts.orders < dbt:shop:model.shop.orders"]["statement"] == "select * from orders_input"
    )
    assert [target for target, _ in store.of_kind("quality_result")] == ["dbt://shop.shop.marts.orders"]


def test_a_newer_version_is_read_as_far_as_it_is_understood(store: Store) -> None:
    project = small()
    documents = project.documents()
    documents["manifest"]["metadata"]["dbt_schema_version"] = url("manifest", 15)
    documents["manifest"]["novelty"] = [1]
    documents["manifest"]["nodes"]["model.shop.orders"] |= {"tags": None, "columns": [], "meta": "odd", "description": 3}
    report = store.dbt.ingest(Artefacts(msgspec.json.encode(documents["manifest"])))
    assert report.edges == 2
    assert report.warnings == ["manifest.json is v15, newer than v12; what is new in it was passed over"]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"{", "manifest.json is no JSON"),
        (b"[]", "manifest.json cannot be read"),
        (b'{"nodes": {"a": 1}}', "Expected `object`, got `int` at nodes"),
        (b"{}", "The manifest names no project"),
        (b'{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}', "it says that it is catalog"),
    ],
)
def test_what_is_no_manifest_is_refused_and_nothing_is_stored(store: Store, manifest: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        store.dbt.ingest(Artefacts(manifest))
    assert store.repository.tail().records == []


def test_names_that_no_record_can_hold_are_noted_and_the_rest_goes_on(store: Store) -> None:
    project = small()
    project.model("x" * 600, "model.shop.orders")
    project.model("long", "model.shop.orders", compiled_code="x" * (MAX_STATEMENT_CHARACTERS + 1))
    report = store.dbt.ingest(project.artefacts())
    assert report.edges == 3
    assert any("600" in warning or "has 6" in warning for warning in report.warnings)
    assert any("was left out" in warning for warning in report.warnings)
    assert "statement" not in store.standing("lineage")["dbt://shop.shop.marts.long < dbt:shop:model.shop.long"]


def test_the_artefacts_that_these_tests_make_are_as_dbts_own_schemas_want_them(test_data: Path) -> None:
    project = small()
    project.model("middle", "model.shop.orders", materialized="ephemeral")
    project.model("kept", "model.shop.middle", kind="snapshot")
    project.exposure("weekly", "model.shop.orders")
    project.ran(project.test("not_null", "model.shop.orders", column="id"), "pass", failures=0)
    metadata = {"type": "BASE TABLE", "schema": "marts", "name": "orders"}
    column = {"name": "id", "type": "integer", "index": 1}
    project.found["model.shop.orders"] = {"metadata": metadata, "columns": {"id": column}, "stats": {}}
    fresh = {"unique_id": "source.shop.lake.raw_orders", "max_loaded_at": "2026-03-01T12:00:00Z", "snapshotted_at": "2026-03-01T12:00:00Z"}
    fresh |= {"max_loaded_at_time_ago_in_s": 0.0, "status": "pass", "criteria": {}, "adapter_response": {}, "timing": []}
    project.fresh = [fresh | {"thread_id": "t", "execution_time": 0.1}]
    files = {"manifest": "manifest_v12", "catalog": "catalog_v1", "run_results": "run-results_v6", "sources": "sources_v3"}
    for name, document in project.documents().items():
        schema = msgspec.json.decode((test_data.parent / "standards" / "dbt" / "schemas" / f"{files[name]}.json").read_bytes())
        found = [
            f"{name} {'/'.join(map(str, error.instance_path))}: {error}"[:400]
            for error in jsonschema_rs.validator_for(schema).iter_errors(document)
        ]
        assert found == []
