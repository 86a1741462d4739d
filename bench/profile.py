"""Profile a generated table (mixed types, nulls, skew): by default, in full and sampled, beside the floor in the same run: one sequential
scan by which the engine counts, sums and averages the same columns.

``python -m bench.profile [ENGINE:ROWS ...]`` writes ``bench/results/profile.json``. Each profile is a process of its own, so that peak
memory means something; times are of the profile inside it, without starting Python. Every floor computes the same figures in one thread.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import duckdb
import psycopg

from bench.profile_engines import figures, fill_mysql, fill_sqlite, floor_mysql, floor_sqlite
from bench.report import machine, write
from bench.scan import database
from bench.scan import run as run_script

RUNS = ("postgresql:5000000", "postgresql:1000000", "mysql:1000000", "sqlite:1000000", "duckdb:1000000")
REPEATS = 3
_MODES = {"sampled": "sampling=Sampling(rows=20_000)", "default": "", "full": "full=True"}

_COLUMNS = {
    "id": "i",
    "customer_id": "cast({hash} % 100000 as integer)",
    "product_id": "case when i % 10 = 0 then null else cast(({hash} % 5000) * ({hash} % 4999) / 5000 as integer) end",
    "price": "cast(({hash} % 100000) / 100.0 as decimal(10, 2))",
    "amount": "cast({hash} % 1000003 / 7.0 as decimal(18, 4))",
    "weight": "{hash} * 0.001e0",
    "rating": "case when i % 7 = 0 then null else ({hash} % 1000) / 100.0e0 end",
    "is_gift": "{hash} % 10 = 0",
    "created_at": "{moment_of_row}",
    "updated_at": "{moment_by_chance}",
    "due": "{day}",
    "email": "{text}'user' || {hash} % 1000000 || '@example.com'",
    "token": "md5(cast(i as {char}))",
    "status": "case when {hash} % 100 < 45 then 'new' when {hash} % 100 < 75 then 'paid' else 'sent' end",
    "note": "case when i % 3 = 0 then null else {text}'note ' || {hash} % 100 end",
    "reference": "md5(cast(i * 7 as {char}))",
    "bucket": "cast(i % 97 as integer)",
    "big": "{hash} * 1000003",
    "country": "{text}'C' || ({hash} % 300) * ({hash} % 299) / 300",
    "remark": "case when {hash} % 10 < 9 then null else {text}'text ' || i end",
}
"""Twenty columns over the row's number ``i``, in the SQL that all engines know."""

_POSTGRES = {
    "hash": "((i * 2654435761) % 4294967296)",
    "char": "text",
    "text": "",
    "moment_of_row": "timestamp '2020-01-01' + i * interval '1 second'",
    "moment_by_chance": "timestamptz '2020-01-01 00:00Z' + ((i * 2654435761) % 100000000) * interval '1 second'",
    "day": "date '2020-01-01' + cast((i * 2654435761) % 1500 as integer)",
}
_DUCKDB = _POSTGRES | {"char": "varchar", "moment_by_chance": "timestamp '2020-01-01' + to_seconds((i * 2654435761) % 100000000)"}

_PROFILE = """
import json, sys, time
from bench.memory import peak_mib
from factbook.app import Factbook
from factbook.profile import ProfileOptions, Sampling
from factbook.settings import load_settings
import duckdb, psycopg
factbook = Factbook(load_settings({"DATA_DIR": sys.argv[2]}))
factbook.run_scan(sys.argv[1], source_id="bench")
options = ProfileOptions(**eval(f"dict({sys.argv[3]})"))
started = time.perf_counter()
outcome = factbook.run_profile("bench", options=options)
seconds = time.perf_counter() - started
assert not outcome.result.failures, outcome.result.failures
bill = outcome.result.bill
factbook.close()
peak = peak_mib()
print(json.dumps([seconds, peak, bill.rows_read, bill.bytes_read]))
"""


def fill_postgres(url: str, rows: int) -> None:
    """Make the table inside PostgreSQL."""
    columns = ", ".join(f"{text.format(**_POSTGRES)} AS {name}" for name, text in _COLUMNS.items())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE UNLOGGED TABLE orders AS SELECT {columns} FROM generate_series(1, {rows}::bigint) AS r(i)")
        connection.execute("VACUUM ANALYZE orders")


def floor_postgres(url: str) -> float:
    """Scan the table once, as one process of PostgreSQL does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        return _timed(lambda: connection.execute(f"SELECT {figures(list(_COLUMNS))} FROM orders").fetchall())


def fill_duckdb(url: str, rows: int) -> None:
    """Make the table inside DuckDB."""
    columns = ", ".join(f"{text.format(**_DUCKDB)} AS {name}" for name, text in _COLUMNS.items())
    with duckdb.connect(url.removeprefix("duckdb:///")) as connection:
        connection.execute(f"CREATE TABLE orders AS SELECT {columns} FROM range(1, {rows + 1}) AS r(i)")


def floor_duckdb(url: str) -> float:
    """Scan the table once, in one thread."""
    with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
        connection.execute("SET threads = 1")
        return _timed(lambda: connection.execute(f"SELECT {figures(list(_COLUMNS))} FROM orders").fetchall())


def _made_by_duckdb(rows: int) -> str:
    columns = ", ".join(f"{text.format(**_DUCKDB)} AS {name}" for name, text in _COLUMNS.items())
    return f"SELECT {columns} FROM range(1, {rows + 1}) AS r(i)"


_FILLS: dict[str, Callable[[str, int], None]] = {
    "postgresql": fill_postgres,
    "duckdb": fill_duckdb,
    "mysql": lambda url, rows: fill_mysql(url, _made_by_duckdb(rows)),
    "sqlite": lambda url, rows: fill_sqlite(url, _made_by_duckdb(rows)),
}
_FLOORS: dict[str, Callable[[str], float]] = {
    "postgresql": floor_postgres,
    "duckdb": floor_duckdb,
    "mysql": lambda url: floor_mysql(url, list(_COLUMNS)),
    "sqlite": lambda url: floor_sqlite(url, list(_COLUMNS)),
}
_NAMES = {"postgresql": "PostgreSQL", "mysql": "MariaDB", "sqlite": "SQLite", "duckdb": "DuckDB"}


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def measure(engine: str, rows: int) -> list[list[object]]:
    """Return a row for each way to profile: medians of the floor and the profile, their ratio, peak memory, megabytes that travelled."""
    if engine == "duckdb":
        with tempfile.TemporaryDirectory() as folder:
            return _measured(engine, f"duckdb:///{folder}/bench.duckdb", rows)
    with database(engine) as url:
        return _measured(engine, url, rows)


def _measured(engine: str, url: str, rows: int) -> list[list[object]]:
    print(f"{engine}: generating {rows:,} rows …", flush=True)
    _FILLS[engine](url, rows)
    found = []
    for mode, options in _MODES.items():
        floors, times, peaks, sizes = [], [], [], []
        for _ in range(REPEATS):
            with tempfile.TemporaryDirectory() as folder:
                floors.append(_FLOORS[engine](url))
                seconds, peak, _, size = run_script(_PROFILE, url, folder, options)
                times.append(seconds)
                peaks.append(peak)
                sizes.append(size)
        floor, took = median(floors), median(times)
        numbers = [round(floor, 2), round(took, 2), round(took / floor, 1), round(max(peaks)), round(max(sizes) / 1e6)]
        found.append([_NAMES[engine], rows, mode, *numbers])
    return found


def main() -> None:
    wanted = [run.split(":") for run in sys.argv[1:] or RUNS]
    rows = [row for engine, count in wanted if engine in _FILLS for row in measure(engine, int(count))]
    columns = "engine|rows|profile|floor, s|profile, s|profile / floor|peak memory, MiB|travelled, MB"
    note = f"`python -m bench.profile`, {machine()} 20 columns, medians of {REPEATS}."
    write("profile", columns.split("|"), rows, note)


if __name__ == "__main__":
    main()
