"""What two scans make is stored once: by whoever looks first, however often, whole or not at all, and never cut off in silence."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "scan"))
from comparing import Log, judge
from connectors import Script, names, table

from factbook.diff import Wanted
from factbook.diff.payload import MAX_VALUE_LENGTH, PART_BYTES, PART_CHANGES
from factbook.diff.service import Diffs
from factbook.errors import InvalidRequest
from factbook.repository.urls import open_repository
from factbook.sources.contract import TableName
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.facts.kinds.catalog_diff import CatalogDiff
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

A, B = names("s.a", "s.b")


@pytest.fixture
def log():
    return Log()


def two_scans(log, before=None, after=None):
    first = log.scan(Script(before or {A: table("id")}))
    return first, log.scan(Script(after or {A: table("id", "more"), B: table("id")}))


def stored(log):
    return [msgspec.convert(record.payload, CatalogDiff) for record in log.facts("catalog_diff")]


def test_a_scan_that_changed_something_leaves_one_fact(log):
    first, second = two_scans(log)
    log.diffs.on_scan(log.last_scan())
    (record,) = log.facts("catalog_diff")
    (said,) = stored(log)
    assert (str(record.target), record.producer_id, record.context.run_id) == ("src", "diff.v1", second)
    assert record.produced_at == log.last_scan().produced_at == said.after.moment
    assert (said.before.run_id, said.after.run_id) == (first, second)
    assert {(change.change, change.table, change.path, change.severity, change.rule) for change in said.changes} == {
        ("added", "a", "columns.more", "compatible", "column_added"),
        ("added", "b", "", "compatible", "table_added"),
    }
    assert said.counts == {"compatible": 2}
    assert (said.summary["table"].added, said.summary["table"].modified, said.summary["column"].added) == (1, 1, 1)


def test_a_first_scan_and_one_without_change_leave_none(log):
    log.scan(Script({A: table("id")}))
    assert log.diffs.on_scan(log.last_scan()) == []
    log.scan(Script({A: table("id")}))
    assert log.diffs.on_scan(log.last_scan()) == []
    assert stored(log) == []


def test_twice_stores_nothing_new(log):
    two_scans(log)
    scan = log.last_scan()
    assert len(log.diffs.on_scan(scan)) == 1
    assert log.diffs.on_scan(scan) == []
    settled = log.diffs.compare("src", settled=True)
    assert [item.outcome for item in log.diffs.store(settled)] == ["duplicate"]
    assert len(stored(log)) == 1


def test_what_was_judged_then_stands_when_rules_change(log):
    two_scans(log)
    log.diffs.on_scan(log.last_scan())
    stricter = lambda difference: msgspec.structs.replace(judge(difference), severity="breaking")  # noqa: E731
    later = Diffs(log.repository, tenant="default", judge_for=lambda source_id, engine: stricter)
    assert later.on_scan(log.last_scan()) == []
    assert [said.counts for said in stored(log)] == [{"compatible": 2}]


def test_scans_told_late_and_out_of_order_leave_the_same_facts(log):
    two_scans(log)
    log.scan(Script({A: table("id")}))
    scans = log.facts("catalog_scan")
    for scan in reversed(scans):
        log.diffs.on_scan(scan)
    assert [(said.before.run_id, said.after.run_id) for said in stored(log)] == [("run-2", "run-3"), ("run-1", "run-2")]


def test_the_scan_of_another_producer_is_not_compared(log):
    two_scans(log)
    assert log.diffs.on_scan(msgspec.structs.replace(log.last_scan(), producer_id="someone.v1")) == []


def test_a_comparison_that_is_no_whole_is_not_stored(log):
    two_scans(log)
    with pytest.raises(InvalidRequest, match="whole"):
        log.diffs.store(log.diffs.compare("src", wanted=Wanted(tables=("a",)), settled=True))
    with pytest.raises(InvalidRequest, match="whole"):
        log.diffs.store(log.diffs.compare("src"))


def many(count, prefix="t"):
    return {TableName("s", f"{prefix}{number}"): table("id") for number in range(count)}


def test_a_long_list_goes_on_in_further_facts_and_nothing_is_lost(log):
    count = 2 * PART_CHANGES + 300
    two_scans(log, {A: table("id")}, {A: table("id")} | many(count))
    log.diffs.on_scan(log.last_scan())
    parts = stored(log)
    assert [said.part for said in parts] == list(range(len(parts), 0, -1))
    assert all(said.parts == len(parts) and not said.truncated for said in parts)
    assert sum(len(said.changes) for said in parts) == count
    assert len({change.table for said in parts for change in said.changes}) == count
    assert [bool(said.counts) for said in parts] == [False] * (len(parts) - 1) + [True]
    assert all(len(msgspec.json.encode(said.changes)) <= PART_BYTES + PART_CHANGES for said in parts)
    newest = log.repository.latest(log.facts("catalog_diff")[0].target, "catalog_diff")
    assert newest.record.payload.get("part", 1) == 1
    assert newest.record.payload["counts"] == {"compatible": count}


def test_a_long_definition_is_shortened_and_says_so(log):
    before, after = (SchemaSnapshot("view", [Column("id", 1, "int")], definition=f"SELECT {number}" + " " * 20_000) for number in (1, 2))
    two_scans(log, {A: before}, {A: after})
    log.diffs.on_scan(log.last_scan())
    (change,) = stored(log)[0].changes
    assert change.shortened
    assert (len(change.before), len(change.after)) == (MAX_VALUE_LENGTH, MAX_VALUE_LENGTH)


def test_two_threads_at_once_store_one_fact(tmp_path):
    repository = open_repository(f"sqlite:///{tmp_path}/log.sqlite", admission=Admission(builtin_kinds()), projections=())
    log = Log(repository)
    two_scans(log)
    scan, start = log.last_scan(), threading.Barrier(4)

    def look():
        start.wait()
        log.diffs.on_scan(scan)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored(log)) == 1
    repository.close()


_LOOK = """
import os, sys
sys.path[:0] = sys.argv[2:4]
from comparing import Log
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
repository = open_repository(sys.argv[1], admission=Admission(builtin_kinds()), projections=())
log = Log(repository)
if sys.argv[4] == "die":
    whole = repository.bulk_store
    def dies(records, **options):
        list(repository.admission.admit(record) for record in records)
        os._exit(9)
    repository.bulk_store = dies
log.diffs.on_scan(log.last_scan())
repository.close()
"""


def look(url, how):
    here = Path(__file__).parent
    return subprocess.Popen([sys.executable, "-c", _LOOK, url, str(here), str(here.parent / "scan"), how], env=os.environ.copy())


def test_two_processes_at_once_and_one_that_died_before_leave_one_whole_comparison(tmp_path):
    url = f"sqlite:///{tmp_path}/log.sqlite"
    repository = open_repository(url, admission=Admission(builtin_kinds()), projections=())
    log = Log(repository)
    count = PART_CHANGES + 50
    two_scans(log, {A: table("id")}, {A: table("id")} | many(count))
    assert look(url, "die").wait() == 9
    assert stored(log) == []
    processes = [look(url, "live") for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    parts = stored(log)
    assert sorted(said.part for said in parts) == list(range(1, parts[0].parts + 1))
    assert sum(len(said.changes) for said in parts) == count
    repository.close()
