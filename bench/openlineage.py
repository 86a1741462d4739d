"""What it costs to take in OpenLineage: events a second over HTTP, one by one and in batches, beside the bare store.

``python -m bench.openlineage [RUNS]`` sends the START and the COMPLETE of so many runs, each with two inputs and one output whose columns
are named, first singly on 1 and on 16 connections, then in batches of 100, to a server as ``factbook serve`` runs it. The bare store is
given the events' own records alone by the same batches: what is left of the time is understanding them, and the facts they tell.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bench import load, report
from bench.floor_repository import Ground, postgres, sqlite
from bench.http import opened, served
from factbook.openlineage.deriving import raw_record
from factbook.openlineage.reading import read_event

RUNS = 500
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 100
COLUMNS = ["store", "how", "connections", "events a second", "p50, ms", "p99, ms", "share of the bare store"]


def events(first: int, runs: int) -> Iterator[dict[str, Any]]:
    """Yield the START and the COMPLETE of each run; fifty jobs take turns."""
    for number in range(first, first + runs):
        job = f"load_{number % 50}"
        inputs = [{"namespace": "s3://lake", "name": f"{job}/{name}", "facets": _schema(20)} for name in ("orders", "customers")]
        fields = {
            f"c{place}": {"inputFields": [{"namespace": "s3://lake", "name": f"{job}/orders", "field": f"c{place}"}]} for place in range(20)
        }
        written = {"columnLineage": {"_producer": "bench", "_schemaURL": "bench", "fields": fields}} | _schema(20)
        output = {"namespace": "s3://lake", "name": f"{job}/report", "facets": written}
        begun = START + timedelta(minutes=number)
        for state, second in (("START", 0), ("COMPLETE", 30)):
            yield {
                "eventType": state,
                "eventTime": (begun + timedelta(seconds=second)).isoformat(),
                "run": {"runId": f"019127df-0850-72bc-b214-{number:012}"},
                "job": {"namespace": "bench", "name": job},
                "inputs": inputs,
                "outputs": [output],
                "producer": "https://example.com/bench",
                "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            }


def _schema(columns: int) -> dict[str, Any]:
    fields = [{"name": f"c{place}", "type": "bigint"} for place in range(columns)]
    return {"schema": {"_producer": "bench", "_schemaURL": "bench", "fields": fields}}


def measure(ground: Ground, runs: int) -> list[list[Any]]:
    """Return the rows of one store."""
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        with served(ground.url, Path(folder)) as port:
            for place, connections in enumerate((1, 16)):
                bodies = [msgspec.json.encode(event) for event in events(place * runs, runs)]
                done = load.run(port, iter([load.request("POST", "/api/v1/lineage", body) for body in bodies]), connections=connections)
                rows.append(_row(ground, "one by one", connections, done, done.rate, {201}))
            bodies = [msgspec.json.encode(batch) for batch in batches(2 * runs, runs)]
            done = load.run(port, iter([load.request("POST", "/api/v1/lineage/batch", body) for body in bodies]), connections=1)
            rows.append(_row(ground, f"batches of {BATCH}", 1, done, done.rate * BATCH, {204}))
        bare = _bare(ground, folder, runs)
    rows.append([ground.name, f"bare store, {BATCH} records at once", None, round(bare), None, None, None])
    for row in rows[:-1]:
        row[-1] = round(row[3] / bare, 2)
    return rows


def batches(first: int, runs: int) -> Sequence[list[dict[str, Any]]]:
    """Return the events of runs in batches."""
    every = list(events(first, runs))
    return [every[start : start + BATCH] for start in range(0, len(every), BATCH)]


def _row(ground: Ground, how: str, connections: int, done: load.Run, rate: float, expected: set[int]) -> list[Any]:
    if set(done.statuses) != expected:
        raise AssertionError(f"{how} was answered with {done.statuses}")
    row = [ground.name, how, connections, round(rate), *(round(1e3 * done.percentile(part), 2) for part in (0.5, 0.99)), None]
    print(row, flush=True)
    return row


def _bare(ground: Ground, folder: str, runs: int) -> float:
    house = opened(ground.url, folder)
    pieces = [[raw_record(read_event(event), "default") for event in batch] for batch in batches(3 * runs, runs)]
    house.repository.last_offset()
    begun = time.perf_counter()
    for piece in pieces:
        house.repository.bulk_store(piece)
    rate = 2 * runs / (time.perf_counter() - begun)
    house.close()
    return rate


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    rows: list[list[Any]] = []
    for ground_of in (sqlite, postgres):
        with ground_of() as ground:
            rows += measure(ground, runs)
    size = len(msgspec.json.encode(next(events(0, 1))))
    note = (
        f"`python -m bench.openlineage`, {report.machine()} {2 * runs:,} events of {size:,} bytes each way, with three datasets and twenty "
        "column edges; one server process, the load from another over loopback. Each answer came after its commit was forced to disk."
    )
    report.write("openlineage", COLUMNS, rows, note)


if __name__ == "__main__":
    main()
