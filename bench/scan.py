"""Scan generated PostgreSQL databases into an SQLite store, beside the floor in the same run: one process that reads the same catalogue in
bulk with psycopg and writes JSON lines.

``python -m bench.scan [TABLES ...]`` writes ``bench/results/scan.json``. Each reading is a process of its own, so that peak memory means
something; times are of the reading inside it, without starting Python.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.generate import generate

SERVER = os.environ.get("FACTBOOK_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
RESULTS = Path(__file__).parent / "results" / "scan.json"
SIZES = (100, 1000, 10000)

_SCAN = """
import json, resource, sys, time
from factbook.app import Factbook
from factbook.settings import load_settings
factbook = Factbook(load_settings({"DATA_DIR": sys.argv[2]}))
factbook.repository
started = time.perf_counter()
outcome = factbook.run_scan(sys.argv[1], source_id="bench")
seconds = time.perf_counter() - started
counts = outcome.result.counts
factbook.close()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, peak, counts.tables, counts.added, counts.unchanged]))
"""
_FLOOR = """
import json, sys, time
from pathlib import Path
from bench.floor_postgres import read
started = time.perf_counter()
read(sys.argv[1], Path(sys.argv[2]) / "floor.jsonl")
print(json.dumps([time.perf_counter() - started]))
"""


def run(script: str, *arguments: str) -> list[float]:
    """Run a script in a process of its own and return the numbers it prints."""
    finished = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return json.loads(finished.stdout.splitlines()[-1])


def measure(tables: int) -> list[object]:
    """Return one row: the median floor of three, a first scan, the median re-scan of three, and peak memory."""
    name = f"factbook_bench_{uuid.uuid4().hex[:8]}"
    url = urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        print(f"generating {tables:,} tables …", flush=True)
        generate(url, tables)
        with tempfile.TemporaryDirectory() as folder:
            floor = sorted(run(_FLOOR, url, folder)[0] for _ in range(3))[1]
            first, peak, seen, added, _ = run(_SCAN, url, folder)
            assert seen == added == tables, (seen, added)
            again = sorted((run(_SCAN, url, folder) for _ in range(3)), key=lambda numbers: numbers[0])[1]
            assert again[4] == tables, again
        return [tables, round(floor, 2), round(first, 2), round(first / floor, 2), round(again[0], 2), round(max(peak, again[1]))]
    finally:
        with psycopg.connect(SERVER, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    sizes = [int(text) for text in sys.argv[1:]] or list(SIZES)
    rows = [measure(tables) for tables in sizes]
    columns = ["tables", "floor, s", "first scan, s", "first scan / floor", "unchanged re-scan, s", "peak memory, MiB"]
    note = (
        f"PostgreSQL into SQLite, 20 columns a table; {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; `python -m bench.scan`."
    )
    load = os.getloadavg()[0]
    if load > (os.cpu_count() or 1):
        note += f" The machine was busy (load {load:.1f}): compare within the run only."
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"columns": columns, "rows": rows, "note": note}, indent=1) + "\n")
    for row in [columns, *rows]:
        print(*row, sep="\t")


if __name__ == "__main__":
    main()
