"""Where a bench leaves its numbers: ``bench/results/NAME.json``, in the form ``tools/bench_table.py`` reads."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.bench_table import render

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Say when and on what was measured, and whether something else ran beside it."""
    text = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    load = os.getloadavg()[0]
    busy = f" The machine was busy (load {load:.1f}): compare within the run only." if load > 1.5 * (os.cpu_count() or 1) else ""
    return f"{text}.{busy}"


def write(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str) -> None:
    """Keep a table and print it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"columns": columns, "rows": rows, "note": note}, indent=1) + "\n")
    print(f"\n{name}\n{render(name)}", flush=True)


def tables_of(bench: str) -> list[str]:
    """Return the names of the results a bench wrote: its own and those that add a dash and a word to it."""
    return sorted(path.stem for path in RESULTS.glob("*.json") if path.stem.partition("-")[0] == bench)
