"""Compare two scans of a source with 10,000 tables, of which nothing, one in a hundred, or each has changed: reading from the log, and
with storing what was found. Beside the floor in the same run: both catalogues read whole with bare SQL and compared as text.

``python -m bench.diff [TABLES]`` (10,000 unless given) writes ``bench/results/diff.json``. Judging is part of it, proposals of renames too.
The collector looks for cycles as rarely as in the command ``factbook``.
"""

from __future__ import annotations

import gc
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import psycopg

from bench import report
from bench.floor_repository import Ground, postgres, sqlite
from factbook.diff import Diffs
from factbook.diff.verdict import judge
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds

TABLES = 10_000
COLUMNS = 20
REPEATS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = (("nothing", None), ("1 %", 100), ("100 %", 1))
"""What changed, and every how manieth table that is."""

# The state in force of each stream at a moment, without anything of ours: one index step a stream.
FLOOR = """
    SELECT s.target_key, r.body FROM streams s JOIN records r ON r."offset" = (
        SELECT h."offset" FROM records h WHERE h.stream_id = s.stream_id AND h.produced_at <= {moment}
        ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
    ) WHERE s.channel_no = (SELECT channel_no FROM channels WHERE kind = 'schema_snapshot') AND s.source_id = '{source}'
"""


def snapshot(number: int, *, is_changed: bool) -> dict[str, Any]:
    """Return a table; a changed one has a narrower column, a renamed one and one more."""
    columns = [
        {"name": f"column_{place:02d}", "position": place, "data_type": "character varying(40)", "length": 40, "comment": "What it is."}
        for place in range(1, COLUMNS + 1)
    ]
    if is_changed:
        columns[3] |= {"data_type": "character varying(20)", "length": 20}
        columns[5] |= {"name": "renamed_06"}
        columns.append({"name": "added", "position": COLUMNS + 1, "data_type": "integer"})
    key = {"type": "primary_key", "name": f"item_{number:05d}_pkey", "columns": ["column_01"]}
    return {"object_type": "table", "columns": columns, "constraints": [key]}


def scan_facts(source: str, moment: datetime, tables: int, *, every: int | None, first: bool) -> list[MetadataRecord]:
    """Return what a scan stores: the first one every structure, the second one those that changed."""
    context = MetadataContext(run_id=f"{source}-{moment:%H}")
    wanted = range(tables) if first else range(0, tables, every) if every else range(0)
    facts = [
        MetadataRecord(
            MetadataTarget(source, f"area_{number % 20:02d}", f"item_{number:05d}"),
            "schema_snapshot",
            snapshot(number, is_changed=not first),
            moment,
            "scan.v1",
            context,
        )
        for number in wanted
    ]
    schemas = {f"area_{number:02d}": {"complete": True} for number in range(20)}
    counts = {"tables": tables, "added": 0, "changed": len(facts), "unchanged": tables - len(facts), "removed": 0, "failed": 0}
    said = {
        "engine": "postgresql", "engine_version": "15", "scope": {}, "schemas": schemas, "schemas_complete": True, "counts": counts,
        "duration_seconds": 1.0,
    }  # fmt: skip
    return [*facts, MetadataRecord(MetadataTarget(source), "catalog_scan", said, moment, "scan.v1", context)]


def timed(act: Callable[[], object]) -> float:
    """Return the median seconds of a few times."""
    times = []
    for _ in range(REPEATS):
        gc.collect()
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return median(times)


def floor(ground: Ground, source: str, moments: tuple[datetime, datetime]) -> int:
    """Read both catalogues whole and return how many tables differ as text."""
    statements = [FLOOR.format(moment=int(moment.timestamp() * 1_000_000), source=source) for moment in moments]
    if ground.url.startswith("sqlite"):
        connection = sqlite3.connect(ground.url.removeprefix("sqlite:///"))
        found = [dict(connection.execute(statement).fetchall()) for statement in statements]
        connection.close()
    else:
        with psycopg.connect(ground.url) as connection:
            found = [dict(connection.execute(statement.encode()).fetchall()) for statement in statements]
    return sum(found[1].get(key) != body for key, body in found[0].items())


def measure(ground: Ground, tables: int) -> list[list[Any]]:
    """Return the rows of one store."""
    repository = open_repository(ground.url, admission=Admission(builtin_kinds()), projections=[])
    assert isinstance(repository, SqlRepository)
    moments = START, START + timedelta(hours=1)
    rows = []
    try:
        for name, every in SHARES:
            source = f"bench_{every or 0}"
            for first, moment in zip((True, False), moments, strict=True):
                repository.bulk_store(scan_facts(source, moment, tables, every=every, first=first))
            changed = len(range(0, tables, every)) if every else 0
            diffs = Diffs(repository, tenant="default", judge_for=lambda source_id, engine: judge)
            assert floor(ground, source, moments) == changed
            found = diffs.compare(source, "previous", "latest")
            assert len(found.judged) == 4 * changed, len(found.judged)
            assert len(found.renames) == changed
            bare = timed(partial(floor, ground, source, moments))
            reading = timed(partial(diffs.compare, source, "previous", "latest"))
            record = repository.latest(MetadataTarget(source), "catalog_scan")
            assert record is not None
            begun = time.perf_counter()
            stored = diffs.on_scan(record.record)
            storing = time.perf_counter() - begun
            rows.append([ground.name, name, changed, *(round(seconds, 3) for seconds in (bare, reading, storing)), len(stored)])
    finally:
        repository.close()
    return rows


def main() -> None:
    gc.set_threshold(100_000, 20, 20)
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    rows = []
    for ground in (sqlite(), postgres()):
        with ground as place:
            rows += measure(place, tables)
    columns = ["store", "changed", "tables changed", "floor, s", "compared, s", "compared and stored, s", "facts"]
    note = f"`python -m bench.diff`, {report.machine()} {tables:,} tables of {COLUMNS} columns; four changes in each that changed."
    report.write("diff", columns, rows, f"{note} Medians of {REPEATS}; storing is done once.")


if __name__ == "__main__":
    main()
