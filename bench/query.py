"""What an index of values is worth: a selective filter over one kind with it and without, and what filling it costs those who store.

``python -m bench.query [RECORDS]`` (200,000 unless given) stores the same loads under two kinds, one with six indexed paths, on both
engines, and writes two tables to ``bench/results``.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import report
from bench.floor_repository import Ground, postgres, sqlite
from factbook.repository.indexing import IndexProjection
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, Category, Kind, KindRegistry, MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.ingestion_volume import KIND as VOLUME
from factbook_sdk.repository.filters import parse_condition

RECORDS = 200_000
ROUNDS = 5
START = datetime(2026, 1, 1, tzinfo=UTC)
INDEXED = Kind("bench_indexed", Category.EVENT, "A load, indexed.", VOLUME.schemas, indexed=VOLUME.indexed)
PLAIN = Kind("bench_plain", Category.EVENT, "The same load.", VOLUME.schemas)

FILTERS = (
    ("one run", "context.run_id=run-77777"),
    ("a window", "extras.window_start>=2026-01-02T00:00:00Z", "extras.window_start<2026-01-02T00:10:00Z"),
    ("few rows", "payload.row_count<50"),
    ("half of all", "payload.row_count<50000"),
)
QUERY_COLUMNS = ["store", "filter", "matches", "without, ms", "with, ms", "times as quick"]
STORE_COLUMNS = ["store", "bulk_store of", "records/s"]


def load(kind: str, number: int) -> MetadataRecord:
    moment = START + timedelta(seconds=number)
    window = {"window_start": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "window_end": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    payload = {"row_count": number * 7919 % 100_000, "window": {"start": window["window_start"], "end": window["window_end"]}}
    target = MetadataTarget("warehouse", "sales", f"item_{number % 1_000:04d}")
    return MetadataRecord(target, kind, payload, moment, "ingestion.v1", MetadataContext(run_id=f"run-{number}"), extras=window)


def fill(repository: SqlRepository, kind: str, size: int) -> float:
    """Return the records stored a second."""
    facts = [load(kind, number) for number in range(size)]
    begun = time.perf_counter()
    repository.bulk_store(facts)
    return size / (time.perf_counter() - begun)


def ask(repository: SqlRepository, kind: str, conditions: tuple[str, ...]) -> tuple[int, float]:
    """Return how many records the first page holds, and the median milliseconds it takes."""
    where = [parse_condition(text) for text in conditions]
    times: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = repository.query(kind, where=where, limit=1_000).records
        times.append(1e3 * (time.perf_counter() - begun))
    return len(found), statistics.median(times)


def measure(ground: Ground, size: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return the rows of both tables for an engine."""
    repository = open_repository(
        ground.url, admission=Admission(KindRegistry([INDEXED, PLAIN])), projections=[IndexProjection([INDEXED, PLAIN])]
    )
    try:
        stores = [
            [ground.name, "a kind without indexed paths", round(fill(repository, PLAIN.name, size))],
            [ground.name, f"a kind with {len(INDEXED.indexed)} indexed paths", round(fill(repository, INDEXED.name, size))],
        ]
        queries = []
        for name, *conditions in FILTERS:
            (matches, bare), (again, ours) = (ask(repository, kind.name, tuple(conditions)) for kind in (PLAIN, INDEXED))
            if matches != again:
                raise AssertionError(f"{conditions}: {matches} records without the index and {again} with it")
            queries.append([ground.name, name, matches, round(bare, 2), round(ours, 2), round(bare / ours, 1)])
    finally:
        repository.close()
    return queries, stores


def main() -> None:
    gc.set_threshold(100_000, 20, 20)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    queries: list[list[Any]] = []
    stores: list[list[Any]] = []
    for ground_of in (sqlite, postgres):
        with ground_of() as ground:
            print(f"{ground.name}: {size:,} records of each kind …", flush=True)
            of_queries, of_stores = measure(ground, size)
            queries += of_queries
            stores += of_stores
    note = f"`python -m bench.query`, {report.machine()} {size:,} records of each kind about 1,000 tables."
    report.write("query", QUERY_COLUMNS, queries, f"{note} The first page of at most 1,000 records; median of {ROUNDS}.")
    report.write("query-storing", STORE_COLUMNS, stores, f"{note} Each path is a row more per record.")


if __name__ == "__main__":
    main()
