"""The bench of profiles: its floors compute the same, and what is no bench is run as none."""

import sqlite3
from pathlib import Path

import duckdb
import pytest
from bench import profile
from bench.__main__ import HERE, NOT_BENCHES
from bench.profile_engines import NUMBERS, figures


def test_every_module_that_is_run_as_a_bench_is_one():
    names = [path for path in sorted(Path(HERE).glob("*.py")) if path.stem not in NOT_BENCHES and not path.stem.startswith("floor_")]
    assert names
    assert [path.stem for path in names if "__name__" not in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_a_floor_counts_every_column_and_adds_up_those_of_numbers(engine, tmp_path):
    url = f"{engine}:///{tmp_path}/bench"
    profile._FILLS[engine](url, 5_000)
    assert profile._FLOORS[engine](url) > 0
    with {"duckdb": duckdb, "sqlite": sqlite3}[engine].connect(str(tmp_path / "bench")) as connection:
        names = list(profile._COLUMNS)
        statement = f"SELECT {figures(names, add='total' if engine == 'sqlite' else 'sum')} FROM orders"
        row = connection.execute(statement).fetchone()
    assert len(row) == len(names) + 4 * len(NUMBERS)
    assert (row[0], float(row[len(names)])) == (5_000, 5_000 * 5_001 / 2)
