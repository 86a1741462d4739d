"""Gate a source of many tables of which some broke, with lineage around it: the whole answer, and the judging alone.

``python -m bench.gate [TABLES:CHANGED:LINEAGE ...]`` writes ``bench/results/gate.json``. The log is an SQLite store; scans are told to it
as a scan would tell them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.report import machine, write
from factbook.app import Factbook
from factbook.diff.gate_model import GateRequest
from factbook.diff.verdict import judge
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, ScanScope, SchemaReading
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

RUNS = ("10000:100:20000", "10000:10000:20000")
REPEATS = 5
COLUMNS = 10
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    rows = [measure(*map(int, run.split(":"))) for run in sys.argv[1:] or RUNS]
    columns = "tables|changed|lineage facts|changes that fail|tables hit|gate, s|judge one, µs"
    note = f"`python -m bench.gate`, {machine()} SQLite store, {COLUMNS} columns a table, medians of {REPEATS}."
    write("gate", columns.split("|"), rows, note)


def measure(tables: int, changed: int, lineage: int) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        house = Factbook(load_settings({}, data_dir=Path(folder)))
        house.repository.bulk_store(facts(tables, changed, lineage))
        request = GateRequest(source_id="bench", before="previous", after="latest")
        gated = [timed(lambda: house.check_gate(request)) for _ in range(REPEATS)]
        result = house.check_gate(request)
        differences = [item.difference for item in house.own.diffs.compare("bench", "previous", "latest").judged]
        judged = [timed(lambda: [judge(difference) for difference in differences]) for _ in range(REPEATS)]
        house.close()
    each = round(median(judged) / len(differences) * 1e6, 1)
    return [tables, changed, lineage, result.failing, len(result.impact.tables), round(median(gated), 2), each]


def facts(tables: int, changed: int, lineage: int) -> Iterator[MetadataRecord]:
    """Yield two scans, the second of which finds a column gone and one narrowed in the first ``changed`` tables, and chains of lineage."""
    for scan in range(2):
        moment = START + timedelta(days=scan)
        for place in range(tables if scan == 0 else changed):
            target = MetadataTarget("bench", "public", f"t{place}")
            yield MetadataRecord(target, "schema_snapshot", snapshot(broken=scan == 1).to_payload(), moment, "scan.v1")
            yield MetadataRecord(target, "table_observation", {"fingerprint": f"bench1:{scan}"}, moment, "scan.v1")
        counts = ScanCounts(tables=tables, added=0, changed=changed, unchanged=tables - changed, removed=0, failed=0)
        said = CatalogScan("postgresql", "15", ScanScope(), {"public": SchemaReading(True)}, True, counts, 1.0)
        yield MetadataRecord(MetadataTarget("bench"), "catalog_scan", msgspec.to_builtins(said), moment, "scan.v1")
    for place in range(lineage):
        depth, start = divmod(place, tables)
        read = {"source_id": "bench" if depth == 0 else f"lake{depth}", "schema": "public", "table": f"t{start}"}
        edge = {"table": read, "columns": [{"input": "c1", "output": "c1"}]}
        target = MetadataTarget(f"lake{depth + 1}", "public", f"t{start}")
        yield MetadataRecord(target, "lineage", {"origin": "manual", "inputs": [edge]}, START, "bench.v1")


def snapshot(*, broken: bool) -> SchemaSnapshot:
    names = [f"c{place}" for place in range(COLUMNS) if not (broken and place == 1)]
    data_type = "integer" if broken else "bigint"
    return SchemaSnapshot("table", [Column(name, place, data_type if name == "c2" else "text") for place, name in enumerate(names, 1)])


def timed(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
