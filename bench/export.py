"""Export a dictionary of generated tables to every format there is, beside the floor: the same snapshots read from the store with bare SQL
and written as JSON lines.

``python -m bench.export [TABLES]`` writes ``bench/results/export.json``. Each export is a process of its own, so that peak memory means
something; times are of the export inside it, without starting Python. Beside its first size each format is measured at a tenth of it, to
show whether memory grows with the catalogue.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import machine, write
from bench.scan import database
from factbook.app import Factbook
from factbook.export.service import formats
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot

TABLES = 10_000
COLUMNS = 20
REPEATS = 3
_SCHEMAS = 20
_MEASURED_EVERY = 10
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_TYPES = ("bigint", "character varying(80)", "numeric(12,2)", "timestamp with time zone", "boolean", "jsonb", "text[]", "date")

# In a process of its own, so that what fills the store is not counted.
_FILL = """
import json, sys
from bench.export import fill
print(json.dumps([fill(sys.argv[1], int(sys.argv[2]))]))
"""
_EXPORT = """
import gc, json, sys
from bench.memory import peak_mib
from pathlib import Path
gc.set_threshold(100_000, 20, 20)
from factbook.app import Factbook
from factbook.export.service import ExportWish
from factbook.settings import load_settings
factbook = Factbook(load_settings({}, data_dir=sys.argv[1]))
factbook.repository
report = factbook.own.exports.write(ExportWish(format=sys.argv[2]), sys.argv[3])
factbook.close()
peak = peak_mib()
print(json.dumps([report.duration_seconds, report.size_bytes, peak, report.counts["tables"]]))
"""
_FLOOR = '''
import json, sqlite3, sys, time
from bench.memory import peak_mib
connection = sqlite3.connect(sys.argv[1] + "/" + sys.argv[4])
started = time.perf_counter()
count = 0
with open(sys.argv[3], "w") as out:
    for (body,) in connection.execute("""
        SELECT r.body FROM channels AS c JOIN streams AS s USING (channel_no) JOIN records AS r ON r."offset" = (
            SELECT h."offset" FROM records AS h WHERE h.stream_id = s.stream_id ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
        ) WHERE c.kind = 'schema_snapshot' ORDER BY s.source_id, s.schema_name, s.table_name
    """):
        out.write(body + "\\n")
        count += 1
    size = out.tell()
seconds = time.perf_counter() - started
print(json.dumps([seconds, size, peak_mib(), count]))
'''


def facts(tables: int) -> Iterator[MetadataRecord]:
    """Yield what a scan and a profile say of generated tables, the same each time."""
    context = MetadataContext(run_id="scan-1", namespace="postgresql://warehouse.example:5432")
    counts = dict.fromkeys(("tables", "added", "changed", "unchanged", "removed", "failed"), tables)
    scan = {
        "engine": "postgresql",
        "engine_version": "16.1",
        "scope": {},
        "schemas": {f"area_{number:02}": {"complete": True} for number in range(_SCHEMAS)},
        "schemas_complete": True,
        "counts": counts,
        "duration_seconds": 1.0,
    }
    yield MetadataRecord(MetadataTarget("warehouse"), "catalog_scan", scan, _MOMENT, "scan.v1", context)
    for number in range(tables):
        target = MetadataTarget("warehouse", f"area_{number % _SCHEMAS:02}", f"item_{number:06}")
        yield MetadataRecord(target, "schema_snapshot", _snapshot(number), _MOMENT, "scan.v1", context)
        observation = {"fingerprint": f"bench1:{number:032x}", "row_estimate": 1_000 * number, "size_bytes": 8_192 * number}
        yield MetadataRecord(target, "table_observation", observation, _MOMENT, "scan.v1", context)
        if number % _MEASURED_EVERY == 0:
            yield MetadataRecord(target, "statistics_snapshot", _statistics(number), _MOMENT, "profile.v1", context)


def _snapshot(number: int) -> dict[str, Any]:
    columns = [
        Column(
            f"column_{place:02}",
            place,
            _TYPES[place % len(_TYPES)],
            nullable=place > 1,
            comment=f"What column {place} of {number} means",
        )
        for place in range(1, COLUMNS + 1)
    ]
    constraints = [Constraint("primary_key", f"item_{number:06}_pkey", ["column_01"])]
    if number >= _SCHEMAS:
        other = Reference(f"item_{number - _SCHEMAS:06}", f"area_{number % _SCHEMAS:02}", ["column_01"])
        constraints.append(Constraint("foreign_key", f"item_{number:06}_parent", ["column_08"], references=other))
    indexes = [Index(f"item_{number:06}_by_day", [IndexPart("column_03")])]
    return SchemaSnapshot("table", columns, constraints, indexes, comment=f"Generated table {number}", owner="bench").to_payload()


def _statistics(number: int) -> dict[str, Any]:
    columns = [
        {
            "name": f"column_{place:02}",
            "null_count": place,
            "distinct_count": number + place,
            "minimum": f"value {place}",
            "maximum": f"value {number}",
            "frequent": [{"value": f"value {rank}", "count": 1_000 - rank} for rank in range(5)],
        }
        for place in range(1, COLUMNS + 1)
    ]
    return {"origin": "exact", "row_count": 1_000 * number, "columns": columns}


def fill(folder: str, tables: int) -> str:
    """Make a store with the facts; return the name of its file."""
    factbook = Factbook(load_settings({}, data_dir=folder))
    report = factbook.repository.bulk_store(facts(tables))
    assert not report.rejections, report.rejections[:3]
    file = factbook.repository.database.file
    factbook.close()
    return file.relative_to(folder).as_posix()


def run(script: str, *arguments: str) -> list[Any]:
    """Run a script in a process of its own and return what it prints."""
    finished = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def measure(script: str, folder: str, name: str, tables: int, *more: str, writes: str = "file") -> tuple[float, float | None, float]:
    """Return the median of seconds, the bytes, and the highest memory of an export."""
    seconds, peaks, size = [], [], None
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as out:
            if writes == "database":
                with database("postgresql") as url:
                    took, size, peak, count = run(script, folder, name, url, *more)
            else:
                took, size, peak, count = run(script, folder, name, str(Path(out) / "out"), *more)
        assert count == tables, (name, count)
        seconds.append(took)
        peaks.append(peak)
    return median(seconds), size, max(peaks)


def main() -> None:
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    small = tables // 10
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as small_folder:
        print(f"storing the facts of {tables:,} and {small:,} tables …", flush=True)
        file, small_file = (run(_FILL, where, str(count))[0] for where, count in ((folder, tables), (small_folder, small)))
        floor, size, peak = measure(_FLOOR, folder, "floor", tables, file)
        _, _, small_peak = measure(_FLOOR, small_folder, "floor", small, small_file)
        rows.append(["floor: bare SQL, JSON lines", round(floor, 2), 1.0, _mebibytes(size), round(small_peak), round(peak)])
        for each in formats().items:
            print(f"{each.name} …", flush=True)
            took, size, peak = measure(_EXPORT, folder, each.name, tables, writes=each.writes)
            _, _, small_peak = measure(_EXPORT, small_folder, each.name, small, writes=each.writes)
            rows.append([each.name, round(took, 2), round(took / floor, 1), _mebibytes(size), round(small_peak), round(peak)])
    columns = ["format", "seconds", "times the floor", "MiB written", f"peak memory at {small:,} tables, MiB", f"at {tables:,} tables, MiB"]
    note = (
        f"`python -m bench.export`, {machine()} {tables:,} tables of {COLUMNS} columns from an SQLite store, every tenth one with "
        f"statistics; medians of {REPEATS}. Peak memory is of the whole process."
    )
    write("export", columns, rows, note)


def _mebibytes(size: float | None) -> float | None:
    return None if size is None else round(size / 2**20, 1)


if __name__ == "__main__":
    main()
