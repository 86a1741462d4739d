"""A whole backfill: it can be done again, tried dry, stopped by a bad row, and says what it is worth."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.backfill.workshop import ADMISSION, BY_RUN, ORDERS, VOLUME, Workshop, lines, slice_done

from factbook.backfill import Options
from factbook.errors import InvalidRequest
from factbook.repository.urls import open_repository
from factbook_sdk.facts import builtin_kinds
from factbook_sdk.facts.admission import Admission
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.ingestion_volume import IngestionVolume
from factbook_sdk.facts.record import MetadataContext
from factbook_sdk.repository.memory import MemoryRepository

RUNS = VOLUME | {"merge": BY_RUN}
START = datetime(2024, 1, 1, tzinfo=UTC)


def daily(days: range, table: str = "sales.orders") -> str:
    return lines(slice_done(f"r{day:02}", 1, day, table=table, ts=f"{START + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}") for day in days)


def test_running_again_changes_nothing(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(20)))
    first = shop.run(RUNS)
    before = shop.stored()
    again = shop.run(RUNS)
    assert first.stored == {"stored": 20, "duplicate": 0, "unchanged": 0, "rejected": 0}
    assert again.stored == {"stored": 0, "duplicate": 20, "unchanged": 0, "rejected": 0}
    assert shop.stored() == before
    assert (again.revised, again.tables) == ([], first.tables)


def test_where_the_folder_stands_and_how_it_was_filled_makes_no_difference(shop: Workshop, tmp_path: Path) -> None:
    names = [f"{number}.jsonl" for number in range(9)]
    for name in names:
        shop.write(name, daily(range(int(name[0]), int(name[0]) + 3)) + lines([slice_done("all", int(name[0]))]))
    shop.run(RUNS)
    other = Workshop(tmp_path / "elsewhere" / "and deeper")
    for name in reversed(names):
        other.write(name, (shop.folder / name).read_bytes())
    other.run(RUNS)
    assert [item.id for item in other.stored()] == [item.id for item in shop.stored()]


def test_a_dry_run_says_the_same_and_stores_nothing(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(20)) + "torn\n")
    dry = shop.run(RUNS, options=Options(dry_run=True))
    assert shop.stored() == []
    real = shop.run(RUNS)
    assert (dry.dry_run, dry.stored) == (True, None)
    assert (dry.rows, dry.inputs, dry.rejects, dry.tables) == (real.rows, real.inputs, real.rejects, real.tables)


def test_strict_stores_nothing_for_one_bad_row_and_lists_it(shop: Workshop, tmp_path: Path) -> None:
    shop.write("a.jsonl", daily(range(3)) + "torn\n" + lines([slice_done("r9", 1, "x")]))
    with pytest.raises(InvalidRequest) as refused:
        shop.run(RUNS, options=Options(strict=True, rejects=tmp_path / "rejects.jsonl"))
    assert refused.value.what == "2 rows were rejected, so nothing was stored"
    assert refused.value.why.startswith("a.jsonl:4: it is no JSON")
    assert shop.stored() == []
    assert [json.loads(line)["place"] for line in (tmp_path / "rejects.jsonl").read_text().splitlines()] == ["a.jsonl:4", "a.jsonl:5"]


def test_a_log_that_grows_leaves_the_records_of_its_earlier_rows_as_they_were(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(5)))
    shop.run(RUNS)
    shop.write("a.jsonl", daily(range(8)))
    report = shop.run(RUNS)
    assert report.stored == {"stored": 3, "duplicate": 5, "unchanged": 0, "rejected": 0}
    assert report.revised == []


def test_a_row_that_comes_late_makes_a_new_record_of_its_run_which_then_counts(shop: Workshop) -> None:
    shop.write("a.jsonl", lines([slice_done("r1", 1), slice_done("r1", 2), slice_done("r2", 1)]))
    shop.run(RUNS)
    shop.write("late.jsonl", lines([slice_done("r1", 0)]))
    report = shop.run(RUNS)
    assert report.stored == {"stored": 1, "duplicate": 1, "unchanged": 0, "rejected": 0}
    assert [(item.run_id, item.records) for item in report.revised] == [("r1", 2)]
    latest = shop.repository.latest(ORDERS, "ingestion_volume")
    assert latest is not None
    assert latest.record.payload == {"row_count": 30}
    assert shop.run(RUNS).revised == []


def test_a_run_that_was_emitted_live_is_named(shop: Workshop) -> None:
    live = record_of(IngestionVolume(row_count=1), ORDERS, producer_id="ingestion.v1", context=MetadataContext(run_id="r03"))
    shop.repository.store(live)
    shop.write("a.jsonl", daily(range(5)))
    assert [item.run_id for item in shop.run(RUNS).revised] == ["r03"]


def test_states_are_stored_in_the_order_in_which_they_were_true(shop: Workshop) -> None:
    rows = [{"ts": f"2024-01-{day:02}T00:00:00Z", "table": "a.b", "cron": cron} for day, cron in ((3, "x"), (1, "x"), (2, "x"), (4, "y"))]
    shop.write("a.jsonl", lines(rows))
    report = shop.run(VOLUME | {"kind": "schedule", "payload": {"cron": "$.cron", "job_type": "load"}, "context": {}})
    assert report.rejects == []
    assert report.stored == {"stored": 2, "duplicate": 0, "unchanged": 2, "rejected": 0}


def test_tables_without_enough_history_are_named_with_what_they_lack(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(14)) + daily(range(3), "sales.items") + daily(range(0, 60, 4), "sales.weekly"))
    report = shop.run(RUNS)
    assert {table.target.table: table.lacks for table in report.tables} == {
        "items": "3 of 14 runs and 2.0 of 7 days",
        "orders": None,
        "weekly": None,
    }
    assert (report.table_count, report.thin_count) == (3, 1)
    orders = next(table for table in report.tables if table.target.table == "orders")
    assert (orders.runs, orders.records, orders.first, orders.last, orders.days) == (14, 14, START, START + timedelta(days=13), 13)
    assert shop.run(options=Options(min_runs=15, min_days=60)).thin_count == 3
    assert shop.run(RUNS, baseline={"runs": 3, "days": 2}).thin_count == 0


def test_gaps_are_pauses_much_longer_than_usual(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(5)) + daily(range(10, 15)) + daily(range(18, 20)))
    [table] = shop.run(RUNS).tables
    assert table.gap_count == 2
    assert [(gap.after, gap.before) for gap in table.gaps] == [
        (START + timedelta(days=4), START + timedelta(days=10)),
        (START + timedelta(days=14), START + timedelta(days=18)),
    ]


def test_expectations_are_held_against_the_records(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(10)) + daily(range(3), "sales.items"))
    about = {"kind": "ingestion_volume", "source_id": "warehouse"}
    expect: list[dict[str, Any]] = [
        about | {"table": "orders", "records": 10, "field": "payload.row_count", "sum": 45},
        about | {"records": 12},
        about | {"schema": "sales", "since": "2024-01-02T00:00:00Z", "until": "2024-01-04T00:00:00Z", "records": 4},
        about | {"table": "orders", "field": "payload.row_count", "sum": 46, "tolerance": 0.05},
        {"kind": "recon_result", "records": 1},
    ]
    report = shop.run(RUNS, expect=expect)
    assert [(each.found, each.agrees) for each in report.expectations] == [
        (10, True),
        (45, True),
        (13, False),
        (4, True),
        (45, True),
        (0, False),
    ]
    assert report.expectations[3].of == "ingestion_volume of warehouse.sales.* since 2024-01-02T00:00:00Z until 2024-01-04T00:00:00Z"
    assert report.has_failures


def test_what_the_repository_refuses_is_rejected_in_the_report_too(shop: Workshop) -> None:
    shop.repository = MemoryRepository(Admission(builtin_kinds(), max_payload_bytes=16))
    shop.write("a.jsonl", lines([slice_done("r1", 1, 5), slice_done("r2", 1, 123_456), slice_done("r2", 2, 1)]))
    report = shop.run(RUNS, expect=[{"kind": "ingestion_volume", "records": 1}])
    assert (report.rows.merged, report.rows.rejected) == (1, 2)
    assert report.stored == {"stored": 1, "duplicate": 0, "unchanged": 0, "rejected": 1}
    [rejected] = report.rejects
    assert (rejected.place, rejected.rows) == ("a.jsonl:2", 2)
    assert rejected.reason.startswith("the repository refused its record: payload has 20 bytes")
    assert report.expectations[0].agrees


def test_a_rejects_file_that_cannot_be_written_stops_before_anything_is_stored(shop: Workshop, tmp_path: Path) -> None:
    shop.write("a.jsonl", daily(range(3)))
    with pytest.raises(InvalidRequest, match="cannot be written"):
        shop.run(RUNS, options=Options(rejects=tmp_path / "no" / "rejects.jsonl"))
    assert shop.stored() == []


def test_a_field_that_no_row_has_is_named_as_its_path_may_be_misspelt(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(3)))
    misspelt = {"context": {"run_id": "$.run_id"}, "extras": {"rows": {"merge": "count"}, "slice": "$.slice", "up": "^.run"}}
    assert shop.run(RUNS | misspelt).inputs[0].unseen == ["context.run_id", "extras.up"]
    assert shop.run(RUNS).inputs[0].unseen == []


def test_the_mapping_and_the_list_of_rejects_are_no_raw_files(shop: Workshop) -> None:
    shop.write("a.jsonl", daily(range(3)) + "torn\n")
    options = Options(rejects=shop.folder / "rejects.jsonl")
    reports = [shop.run(RUNS | {"files": ["*.json*"]}, options=options) for _ in range(2)]
    assert [[file.file for file in report.inputs[0].files] for report in reports] == [["a.jsonl"], ["a.jsonl"]]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_stores_of_factbook_end_in_the_same_state(shop: Workshop, tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> None:
    shop.write("a.jsonl", daily(range(20)))
    shop.run(RUNS)
    expected = [item.id for item in shop.stored()]
    url = f"sqlite:///{tmp_path}/store.sqlite" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    repository = open_repository(url, admission=ADMISSION)
    shop.repository = repository
    try:
        assert [shop.run().stored, shop.run().stored] == [
            {"stored": 20, "duplicate": 0, "unchanged": 0, "rejected": 0},
            {"stored": 0, "duplicate": 20, "unchanged": 0, "rejected": 0},
        ]
        assert [item.id for item in shop.stored()] == expected
    finally:
        repository.close()


def test_real_feeds_can_be_taken_in(shop: Workshop, test_data: Path) -> None:
    for name in ("earthquakes.json", "seattle-weather.csv"):
        shutil.copy(test_data / "feeds" / name, shop.write(name, ""))
    quakes = VOLUME | {
        "name": "quakes",
        "files": ["earthquakes.json"],
        "format": "json",
        "each": "$.features[*]",
        "produced_at": {"path": "$.properties.time", "format": "epoch_milliseconds"},
        "target": {"source_id": "quakes", "table": "$.properties.net"},
        "context": {},
        "payload": {"row_count": 1},
        "extras": {"title": "$.properties.title"},
    }
    weather = VOLUME | {
        "name": "weather",
        "files": ["seattle-weather.csv"],
        "format": "csv",
        "produced_at": {"path": "$.date", "format": "%Y-%m-%d", "zone": "America/Los_Angeles"},
        "target": {"source_id": "seattle", "table": "weather"},
        "context": {"run_id": {"path": "$.date", "match": "^(\\d+-\\d+)"}},
        "payload": {"row_count": {"merge": "count"}},
        "merge": {"by": ["context.run_id"]},
    }
    report = shop.run(weather, quakes)
    assert report.rejects == []
    assert [(each.rows.read, each.rows.records) for each in report.inputs] == [(1461, 48), (1707, 1707)]
