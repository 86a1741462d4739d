"""What it costs to seed history: a progress log of a million lines, merged into runs of ten slices, and a fifth of it line by line.

``python -m bench.backfill [LINES]`` runs each in a process of its own and writes ``bench/results/backfill.json``. The floor, measured in
the same run, decodes the same lines as JSON and stores the same records by ``bulk_store``: what nobody can do without.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from bench import report
from bench.memory import peak_mib
from factbook.app import Factbook
from factbook.backfill import Options
from factbook.repository.sql import SqlRepository
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataRecord

LINES = 1_000_000
SLICES = {10: 1, 1: 5}
"""Slices of a run, and what part of the lines is measured so: a record for each line costs ten times as much storing."""

COLUMNS = ["lines", "slices of a run", "what", "lines/s", "floor: lines/s", "time / floor", "peak memory, MiB"]
_BATCH = 10_000
_START = datetime(2024, 1, 1, tzinfo=UTC)


def write_log(file: Path, lines: int, slices: int) -> None:
    """Write a progress log over a thousand tables, the same for every run."""
    chance = random.Random(20240101)
    with file.open("w") as stream:
        for number in range(lines):
            run, part = divmod(number, slices)
            row = {
                "event": "slice_done",
                "run_id": f"load-{run:07d}",
                "table": f"area_{run % 20:02d}.item_{run % 1_000:04d}",
                "slice": part,
                "rows": chance.randrange(10_000),
                "bytes": chance.randrange(1_000_000),
                "ts": (_START + timedelta(seconds=60 * run + part)).isoformat().replace("+00:00", "Z"),
            }
            stream.write(json.dumps(row) + "\n")


def write_mapping(file: Path, log: Path, slices: int) -> None:
    source: dict[str, Any] = {
        "name": "progress",
        "files": [log.name],
        "format": "jsonl",
        "where": [{"path": "$.event", "equals": "slice_done"}],
        "kind": "ingestion_volume",
        "producer_id": "ingestion.v1",
        "produced_at": "$.ts",
        "target": {"source_id": "warehouse", "name": "$.table"},
        "context": {"run_id": "$.run_id"},
        "payload": {
            "row_count": {"path": "$.rows", "type": "integer", "merge": "sum"},
            "byte_count": {"path": "$.bytes", "type": "integer", "merge": "sum"},
        },
    }
    if slices > 1:
        source["merge"] = {"by": ["$.run_id", "$.table"]}
    file.write_text(json.dumps({"input": [source]}))


def run_backfill(folder: Path, mapping: Path) -> dict[str, Any]:
    """Backfill, and return seconds and outcome; for a process of its own."""
    begun = time.perf_counter()
    with closing(_opened(folder)) as factbook:
        outcome = factbook.run_backfill(mapping, into=None, options=Options(), on_progress=lambda done, total, text: None)
    return {"seconds": time.perf_counter() - begun, "stored": outcome.stored}


def run_floor(folder: Path, log: Path) -> dict[str, Any]:
    """Decode the lines of the log, and store the records that the backfill in ``folder`` made into a store of its own."""
    decode = msgspec.json.Decoder().decode
    with closing(_opened(folder)) as source, closing(_opened(folder / "floor")) as target:
        target.repository.last_offset()
        begun = time.perf_counter()
        with log.open("rb") as stream:
            for line in stream:
                decode(line)
        seconds = time.perf_counter() - begun
        records = _records(source.repository)
        while batch := list(islice(records, _BATCH)):
            begun = time.perf_counter()
            target.repository.bulk_store(batch)
            seconds += time.perf_counter() - begun
    return {"seconds": seconds}


def _records(repository: SqlRepository) -> Iterator[MetadataRecord]:
    after = 0
    while (page := repository.tail(after, limit=_BATCH)).records:
        yield from (item.record for item in page.records)
        after = page.next_offset


def _opened(folder: Path) -> Factbook:
    return Factbook(load_settings({}, data_dir=str(folder)))


def _in_a_process(what: str, *arguments: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "bench.backfill", what, *map(str, arguments)], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measure(folder: Path, lines: int, slices: int) -> Iterator[list[Any]]:
    """Yield the rows of the table for one log."""
    log, mapping, store = folder / f"by-{slices}.jsonl", folder / f"by-{slices}.json", folder / f"store-{slices}"
    write_log(log, lines, slices)
    write_mapping(mapping, log, slices)
    runs = [(what, _in_a_process("backfill", store, mapping)) for what in ("first time", "again")]
    floor = _in_a_process("floor", store, log)["seconds"]
    for what, run in runs:
        expected = lines // slices
        if run["stored"]["stored" if what == "first time" else "duplicate"] != expected:
            raise AssertionError(f"{expected} records were expected, but: {run['stored']}")
        peak = round(run["peak_mib"])
        yield [lines, slices, what, round(lines / run["seconds"]), round(lines / floor), round(run["seconds"] / floor, 2), peak]


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] in (["backfill"], ["floor"]):
        # As seldom as on the command line.
        gc.set_threshold(100_000, 20, 20)
        answer = (run_backfill if arguments[0] == "backfill" else run_floor)(Path(arguments[1]), Path(arguments[2]))
        print(json.dumps(answer | {"peak_mib": peak_mib()}))
        return
    lines = int(arguments[0]) if arguments else LINES
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for slices, part in SLICES.items() for row in measure(Path(folder), lines // part, slices)]
    note = (
        f"{report.machine()} JSON lines into an SQLite store, `python -m bench.backfill`. The floor decodes the same lines and stores "
        "the same records by `bulk_store`."
    )
    report.write("backfill", COLUMNS, rows, note)


if __name__ == "__main__":
    main()
