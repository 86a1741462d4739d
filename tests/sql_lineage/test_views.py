"""The lineage of views: what is stored, what is read again, what ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.sql_lineage.asking import House, direct, table

from factbook.errors import InvalidRequest, NotFound
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.record import MetadataRecord


def change(tmp_path: Path, house: House, script: str) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.executescript(script)
    house.scan(f"sqlite:///{tmp_path / 'shop.sqlite'}", "shop")


def outcomes(report) -> dict[str, str | None]:
    return {flow.target.table: flow.outcome for flow in report.flows}


def test_a_view_is_a_fact_with_its_evidence(shop: House) -> None:
    report = shop.sql.scan("shop")
    assert (report.statements, report.edges, report.failed, report.stored["stored"]) == (2, 3, 0, 2)
    spent = shop.lineage("shop", "lineage.view")["spent"]
    assert spent is not None
    assert spent.origin == "view"
    assert direct(spent.inputs) == {("name", "customer", "name"), ("total", "big", "amount")}
    assert [(item.table, item.type) for item in spent.inputs] == [(table("big"), "aggregated"), (table("customer"), "direct")]
    snapshot = shop.repository.latest(MetadataTarget("shop", "main", "spent"), "schema_snapshot")
    assert spent.evidence is not None
    assert spent.evidence.record_id == snapshot.id
    assert "sum(b.amount)" in spent.statement
    assert shop.runs("shop") == [{"origin": "view", "statements": 2, "edges": 3, "column_edges": report.column_edges}]


def test_what_did_not_change_is_not_read_again(shop: House, tmp_path: Path) -> None:
    shop.sql.scan("shop")
    again = shop.sql.scan("shop")
    assert outcomes(again) == {"big": "kept", "spent": "kept"}
    assert (again.edges, again.column_edges) == (shop.runs("shop")[0]["edges"], shop.runs("shop")[0]["column_edges"])
    assert outcomes(shop.sql.scan("shop", again=True)) == {"big": None, "spent": None}


def test_a_star_takes_the_column_that_its_table_got(shop: House, tmp_path: Path) -> None:
    shop.sql.scan("shop")
    change(tmp_path, shop, "ALTER TABLE orders ADD COLUMN note TEXT")
    report = shop.sql.scan("shop")
    # The scan told of another structure of big, which is read anew then, and of spent because it reads big.
    assert outcomes(report) == {"big": None, "spent": None}
    big = shop.lineage("shop")["big"]
    assert big is not None
    assert ("note", "orders", "note") in direct(big.inputs)


def test_the_lineage_of_a_view_that_went_ends(shop: House, tmp_path: Path) -> None:
    shop.sql.scan("shop")
    change(tmp_path, shop, "DROP VIEW spent; DROP VIEW big; CREATE VIEW big AS SELECT id FROM orders")
    report = shop.sql.scan("shop")
    assert report.ended == 1
    lineage = shop.lineage("shop")
    assert lineage["spent"] is None
    assert lineage["big"] is not None
    assert shop.sql.scan("shop").ended == 0


def test_a_view_that_cannot_be_read_is_told_and_keeps_what_was_known(shop: House) -> None:
    shop.sql.scan("shop")
    before = shop.lineage("shop")["big"]
    stored = shop.repository.latest(MetadataTarget("shop", "main", "big"), "schema_snapshot")
    broken = stored.record.payload | {"definition": "SELECT FROM WHERE ("}
    moment = stored.record.produced_at.replace(year=stored.record.produced_at.year + 1)
    shop.repository.store(MetadataRecord(stored.record.target, "schema_snapshot", broken, moment, "scan.v1"))
    for _ in range(2):
        report = shop.sql.scan("shop")
        assert [failure.at for failure in report.failures] == ["main.big"]
        assert report.failed == 1
    assert shop.runs("shop")[-1]["failures"][0]["reason"] == report.failures[0].reason
    assert shop.lineage("shop")["big"] == before


def test_a_name_that_means_something_by_now_is_found(house: House, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.executescript("CREATE TABLE here (id); CREATE VIEW v AS SELECT * FROM here")
    house.scan(f"sqlite:///{tmp_path / 'shop.sqlite'}", "shop")
    target = MetadataTarget("shop", "main", "v")
    stored = house.repository.latest(target, "schema_snapshot")
    waiting = stored.record.payload | {"definition": "SELECT id FROM later"}
    house.repository.store(MetadataRecord(target, "schema_snapshot", waiting, stored.record.produced_at, "scan.v1"))
    report = house.sql.scan("shop")
    assert [(item.name, item.reason) for item in report.unknown] == [("later", "shop has no table later")]
    lineage = house.lineage("shop")["v"]
    assert [(item.name, item.reason) for item in lineage.unresolved] == [("later", "shop has no table later")]
    house.repository.store(
        MetadataRecord(
            MetadataTarget("shop", "main", "later"), "schema_snapshot", stored.record.payload, stored.record.produced_at, "scan.v1"
        )
    )
    assert house.sql.scan("shop").unknown == []
    assert house.lineage("shop")["v"].inputs[0].table == table("later")


def test_a_source_without_views_leaves_nothing(house: House, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bare.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE t (id)")
    house.scan(f"sqlite:///{tmp_path / 'bare.sqlite'}", "bare")
    report = house.sql.scan("bare")
    assert (report.statements, report.warnings, house.runs("bare")) == (0, [], [])


def test_views_without_any_edge_are_a_warning(house: House, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bare.sqlite")) as connection, connection:
        connection.executescript("CREATE TABLE t (id); CREATE VIEW one AS SELECT 1 AS n")
    house.scan(f"sqlite:///{tmp_path / 'bare.sqlite'}", "bare")
    assert house.sql.scan("bare").warnings == ["0 edges from 1 statement"]
    assert house.runs("bare")[0]["warnings"] == ["0 edges from 1 statement"]


def test_a_source_that_nobody_scanned_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        house.sql.scan("nowhere")


def test_after_a_scan_the_views_are_read_once(shop: House) -> None:
    scans = shop.repository.history(MetadataTarget("shop"), "catalog_scan")
    report = shop.sql.on_scan(scans[-1].record)
    assert report is not None
    assert report.stored["stored"] == 2
    assert shop.sql.on_scan(scans[-1].record) is None
    assert len(shop.runs("shop")) == 1
    run = shop.repository.latest(MetadataTarget("shop"), "lineage_run")
    assert run.record.produced_at == scans[-1].record.produced_at


def test_a_scan_of_an_engine_whose_dialect_nobody_knows_is_passed_over(shop: House) -> None:
    scans = shop.repository.history(MetadataTarget("shop"), "catalog_scan")
    record = scans[-1].record
    payload = record.payload | {"engine": "ingres"}
    moment = record.produced_at.replace(year=record.produced_at.year + 1)
    strange = MetadataRecord(record.target, "catalog_scan", payload, moment, record.producer_id, record.context)
    shop.repository.store(strange)
    assert shop.sql.on_scan(strange) is None
    with pytest.raises(InvalidRequest, match="The dialect of ingres is not known"):
        shop.sql.scan("shop")
