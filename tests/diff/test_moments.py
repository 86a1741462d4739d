"""Which scans are compared, and what is said where that cannot be told or a scan did not see everything."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "scan"))
from comparing import Log, found
from connectors import Script, names, table

from factbook.errors import InvalidRequest, NotFound, RemovalsHeld, SourceUnavailable
from factbook.sources.contract import ScanScope, SchemaReading
from factbook_sdk.facts import MetadataRecord, MetadataTarget

A, B, C = names("s.a", "s.b", "r.c")


@pytest.fixture
def log():
    return Log()


def changes(log, *moments):
    return {(change, name) for change, _, name, _, _ in found(log.diffs.compare("src", *moments))}


def three_scans(log):
    """Scan an empty schema's two tables, then one more, then the same again."""
    return [
        log.scan(Script({A: table("id")})),
        log.scan(Script({A: table("id"), B: table("id")})),
        log.scan(Script({A: table("id"), B: table("id")})),
    ]


def test_by_default_it_is_the_last_change_however_many_scans_found_none_since(log):
    first, second, _ = three_scans(log)
    comparison = log.diffs.compare("src")
    assert (comparison.before.run_id, comparison.after.run_id) == (first, second)
    assert changes(log) == {("added", "b")}


def test_previous_and_latest_are_the_last_two_scans(log):
    _, second, third = three_scans(log)
    comparison = log.diffs.compare("src", "previous", "latest")
    assert (comparison.before.run_id, comparison.after.run_id, comparison.judged) == (second, third, [])


def test_a_moment_alone_is_compared_with_the_scan_before_it_or_with_the_latest(log):
    first, second, third = three_scans(log)
    to_second, from_first = log.diffs.compare("src", None, second), log.diffs.compare("src", first)
    assert (to_second.before.run_id, to_second.after.run_id) == (first, second)
    assert (from_first.before.run_id, from_first.after.run_id) == (first, third)


def test_a_time_means_the_last_scan_up_to_then(log):
    first, second, _ = three_scans(log)
    moments = [record.produced_at for record in log.facts("catalog_scan")]
    between = (moments[0] + (moments[1] - moments[0]) / 2).isoformat()
    comparison = log.diffs.compare("src", between, moments[1].isoformat())
    assert (comparison.before.run_id, comparison.after.run_id) == (first, second)


def test_time_ago_counts_from_now():
    log = Log(now=lambda: datetime.now(UTC) + timedelta(days=1, minutes=1))
    three_scans(log)
    assert changes(log, "-1d") == set()
    with pytest.raises(InvalidRequest, match="Nothing is known of src"):
        log.diffs.compare("src", "-2w")
    with pytest.raises(InvalidRequest, match="Nothing is known of src"):
        log.diffs.compare("src", "-999999999w")


@pytest.mark.parametrize(
    ("moments", "error", "text"),
    [
        (("nowhere",), NotFound, "'nowhere' is no scan of src"),
        (("2020-01-01",), InvalidRequest, "Nothing is known of src at 2020-01-01"),
        (("2026-01-01T00:00:00",), InvalidRequest, "no time zone"),
        (("0001-01-01T00:00:00+14:00",), InvalidRequest, "outside the years"),
        (("previous", "run-1"), InvalidRequest, "There is no scan of src before"),
        ((None, "run-1"), InvalidRequest, "There is no scan of src before"),
    ],
)
def test_a_moment_that_cannot_be_told_says_why(log, moments, error, text):
    three_scans(log)
    with pytest.raises(error, match=text):
        log.diffs.compare("src", *moments)


def test_a_source_that_was_never_scanned_is_not_found(log):
    with pytest.raises(NotFound, match="No scan of 'src'"):
        log.diffs.compare("src")


def test_one_scan_has_nothing_to_be_compared_with(log):
    log.scan(Script({A: table("id")}))
    with pytest.raises(InvalidRequest, match="There is no scan of src before"):
        log.diffs.compare("src")


def test_there_and_back_between_two_scans_is_no_change(log):
    first = log.scan(Script({A: table("id")}))
    log.scan(Script({A: table("id", "more"), B: table("id")}))
    third = log.scan(Script({A: table("id")}))
    assert changes(log, first, third) == set()


def test_a_schema_comes_and_goes_with_its_tables(log):
    first = log.scan(Script({A: table("id")}))
    second = log.scan(Script({A: table("id"), C: table("id")}))
    assert found(log.diffs.compare("src", first, second)) == {
        ("added", "schema", None, "", "structure"),
        ("added", "table", "c", "", "structure"),
    }
    assert {change for change, *_ in found(log.diffs.compare("src", second, first))} == {"removed"}


def test_a_schema_that_was_outside_the_scope_did_not_come(log):
    first = log.scan(Script({A: table("id"), C: table("id")}), scope=ScanScope(include=["s"]))
    second = log.scan(Script({A: table("id"), C: table("id")}))
    assert found(log.diffs.compare("src", first, second)) == {("added", "table", "c", "", "structure")}


def test_a_scan_of_one_schema_takes_nothing_from_the_others(log):
    first = log.scan(Script({A: table("id"), C: table("id")}))
    second = log.scan(Script({A: table("id", "more"), C: table("id")}), scope=ScanScope(include=["s"]))
    comparison = log.diffs.compare("src", first, second)
    assert {change for change, *_ in found(comparison)} == {"added"}
    assert comparison.summary["schema"].unchanged == 2


def test_schemas_that_were_not_read_completely_are_named_with_the_side(log):
    log.scan(Script({A: table("id"), C: table("id")}))
    schemas = {"s": SchemaReading(True), "r": SchemaReading(False, "permission denied")}
    second = log.scan(Script({A: table("id", "more")}, schemas=schemas))
    (unread,) = log.diffs.compare("src").unread
    assert (unread.side, unread.schema, unread.reason, unread.run_id) == ("after", "r", "permission denied", second)


def test_tables_that_failed_are_counted_by_schema(log):
    log.scan(Script({A: table("id")}))
    log.scan(Script({A: table("id"), B: table("id")}, failing={A: "locked"}))
    (unread,) = log.diffs.compare("src").unread
    assert (unread.schema, unread.tables) == ("s", 1)


def test_a_reading_that_broke_off_is_named(log):
    log.scan(Script({A: table("id"), B: table("id")}))
    with pytest.raises(SourceUnavailable):
        log.scan(Script({A: table("id"), B: table("id")}, fail_after=1))
    (unread,) = log.diffs.compare("src", "previous", "latest").unread
    assert (unread.side, unread.schema) == ("after", "s")


def test_removals_held_back_are_named(log):
    log.scan(Script({A: table("id"), B: table("id")}))
    with pytest.raises(RemovalsHeld):
        log.scan(Script({A: table("id")}), accept_removals=False)
    (unread,) = log.diffs.compare("src", "previous", "latest").unread
    assert (unread.schema, "--accept-removals" in unread.reason) == ("*", True)


def test_what_a_killed_scan_stored_is_found_by_the_next(log):
    first = log.scan(Script({A: table("id")}))
    orphan = MetadataTarget("src", "s", "b")
    moment = log.last_scan().produced_at + timedelta(microseconds=5)
    log.repository.store(MetadataRecord(orphan, "schema_snapshot", table("id").to_payload(), moment, "scan.v1"))
    assert changes(log, first, "latest") == set()
    log.scan(Script({A: table("id"), B: table("id")}))
    assert changes(log) == {("added", "b")}


def test_facts_of_other_producers_are_no_change(log):
    three_scans(log)
    moment = log.last_scan().produced_at
    record = MetadataRecord(MetadataTarget("src", "s", "a"), "schema_snapshot", table("other").to_payload(), moment, "someone.v1")
    log.repository.store(record)
    assert changes(log, "run-1", "latest") == {("added", "b")}


def test_a_fact_stored_late_counts_where_its_time_is(log):
    first, second, third = three_scans(log)
    late = log.facts("catalog_scan")[1].produced_at - timedelta(microseconds=1)
    record = MetadataRecord(MetadataTarget("src", "s", "z"), "schema_snapshot", table("id").to_payload(), late, "scan.v1")
    log.repository.store(record)
    assert changes(log, first, second) == {("added", "b"), ("added", "z")}
    assert changes(log, second, third) == set()
