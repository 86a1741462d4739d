"""Scan generated databases into an SQLite store, beside the floor in the same run: one process that reads the same catalogue in bulk
with the engine's driver and writes JSON lines (``bench/floor_*.py``).

``python -m bench.scan [ENGINE:TABLES ...]`` writes ``bench/results/scan.json``. Each reading is a process of its own, so that peak memory
means something; times are of the reading inside it, without starting Python. The collector looks for cycles as rarely as in the command
``factbook``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from urllib.parse import urlsplit

import psycopg
import pymysql

from bench.generate import generate
from bench.report import machine, write

POSTGRES = os.environ.get("FACTBOOK_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
MYSQL = os.environ.get("FACTBOOK_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306")
RUNS = ("postgresql:100", "postgresql:1000", "postgresql:10000", "mysql:1000", "sqlite:1000")
REPEATS = 3

_SCAN = """
import gc, json, sys, time
from bench.memory import peak_mib
gc.set_threshold(100_000, 20, 20)
from factbook.app import Factbook
from factbook.scan import run
from factbook.settings import load_settings
from factbook.sources.connectors import connector_for
factbook = Factbook(load_settings({"DATA_DIR": sys.argv[2]}))
factbook.repository, factbook.jobs, factbook.scans, connector_for(sys.argv[1])
import jsonschema_rs
started = time.perf_counter()
outcome = factbook.run_scan(sys.argv[1], source_id="bench")
seconds = time.perf_counter() - started
counts = outcome.result.counts
factbook.close()
peak = peak_mib()
print(json.dumps([seconds, peak, counts.tables, counts.added, counts.changed, counts.unchanged]))
"""
_FLOOR = """
import json, sys, time
from importlib import import_module
from pathlib import Path
read = import_module(sys.argv[3]).read
started = time.perf_counter()
count = read(sys.argv[1], Path(sys.argv[2]) / "floor.jsonl")
print(json.dumps([time.perf_counter() - started, count]))
"""


def run(script: str, *arguments: str) -> list[float]:
    """Run a script in a process of its own and return the numbers it prints."""
    finished = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return json.loads(finished.stdout.splitlines()[-1])


def measure(engine: str, tables: int) -> list[object]:
    """Return one row: medians of three floors, first scans, unchanged re-scans, and re-scans after one table changed; peak memory."""
    with database(engine) as url:
        print(f"{engine}: generating {tables:,} tables …", flush=True)
        generate(url, tables)
        floors, firsts, agains, changes, peaks = [], [], [], [], []
        for number in range(REPEATS):
            with tempfile.TemporaryDirectory() as folder:
                seconds, count = run(_FLOOR, url, folder, f"bench.floor_{'postgres' if engine == 'postgresql' else engine}")
                assert count == tables, count
                floors.append(seconds)
                for expected, times in (([tables, 0, 0], firsts), ([0, 0, tables], agains), ([0, 1, tables - 1], changes)):
                    if times is changes:
                        change(url, number)
                    seconds, peak, _, *counts = run(_SCAN, url, folder)
                    assert counts == expected, (counts, expected)
                    times.append(seconds)
                    peaks.append(peak)
    floor, first, again, changed = (median(times) for times in (floors, firsts, agains, changes))
    times = (round(seconds, 2) for seconds in (again, changed))
    return [_NAMES[engine], tables, round(floor, 2), round(first, 2), round(first / floor, 1), *times, round(max(peaks))]


_NAMES = {"postgresql": "PostgreSQL", "mysql": "MariaDB", "sqlite": "SQLite"}


@contextmanager
def database(engine: str) -> Iterator[str]:
    """Give the URL of an empty database of an engine, and drop it afterwards."""
    name = f"factbook_bench_{uuid.uuid4().hex[:8]}"
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/{name}.sqlite"
        return
    server = POSTGRES if engine == "postgresql" else MYSQL
    _execute(server, f"CREATE DATABASE {name}" + (" TEMPLATE template0" if engine == "postgresql" else " CHARACTER SET utf8mb4"))
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        _execute(server, f"DROP DATABASE {name}" + (" WITH (FORCE)" if engine == "postgresql" else ""))


def change(url: str, number: int) -> None:
    """Change the structure of one table."""
    schema = "area_00." if url.startswith("postgresql") else ""
    _execute(url, f"ALTER TABLE {schema}item_00001 ADD COLUMN added_{number} integer")


def _execute(url: str, statement: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "postgresql":
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())
    elif parts.scheme == "mysql":
        where = {"host": parts.hostname, "port": parts.port or 3306, "user": parts.username, "password": parts.password or ""}
        with pymysql.connect(**where, database=parts.path[1:] or None) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
    else:
        import sqlite3

        connection = sqlite3.connect(parts.path[1:])
        connection.execute(statement)
        connection.close()


def main() -> None:
    wanted = [run.split(":") for run in sys.argv[1:] or RUNS]
    rows = [measure(engine, int(tables)) for engine, tables in wanted]
    columns = "engine|tables|floor, s|first scan, s|first scan / floor|unchanged re-scan, s|re-scan, one table changed, s|peak memory, MiB"
    note = f"`python -m bench.scan`, {machine()} Into an SQLite store, 20 columns a table, medians of {REPEATS}."
    write("scan", columns.split("|"), rows, note)


if __name__ == "__main__":
    main()
