"""Read lineage from SQL: how much of it is right, and how long it takes.

``python -m bench.sql_lineage [FOLDER]`` writes ``bench/results/sql_lineage.json``. FOLDER holds ``lineage/column_lineage_cases.json``; by
default it is the one FACTBOOK_TEST_DATA names, or ``../shared/data``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import machine, write
from factbook.lineage.sql import SqlReader
from factbook.lineage.sql.model import DIRECT, Parsed, Refused, Traced

REPEATS = 5
TABLES, WIDTH = 30, 100
OF_THE_COLUMN = {*DIRECT, "CONDITIONAL", "WINDOW"}

Statement = tuple[str, str, dict[str, list[str]]]
"""SQL, its dialect, and the columns of tables by their bare names."""


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FACTBOOK_TEST_DATA", "../shared/data"))
    document = json.loads((folder / "lineage" / "column_lineage_cases.json").read_text())
    reader = SqlReader()
    cases = [statement_of(case, document["schemas"]) for case in document["cases"]]
    read(reader, cases[0])
    answers = [read(reader, case) for case in cases]
    right, wrong, missing = judged(document["cases"], answers)
    wide = generated()
    answer = read(reader, wide)
    all_cases = timed(lambda: [read(reader, case) for case in cases], len(cases))
    rows = [
        [f"{len(cases)} real statements", edges(answers), f"{right} / {wrong} / {missing}", *all_cases],
        [f"{TABLES} common table expressions, {WIDTH} columns", edges([answer]), "", *timed(lambda: [read(reader, wide)], 1)],
    ]
    reader.close()
    columns = "statements|column edges|columns right / wrong / missing|s|statements/s"
    note = f"`python -m bench.sql_lineage`, {machine()} Through the process that reads SQL, started before; medians of {REPEATS}."
    write("sql_lineage", columns.split("|"), rows, note)


def statement_of(case: dict[str, Any], schemas: dict[str, dict[str, list[str]]]) -> Statement:
    return case["sql"], case["dialect"], {name.rpartition(".")[2]: columns for name, columns in schemas[case["schema"]].items()}


def generated() -> Statement:
    """Return a statement in which each expression adds two columns of the one before it."""
    names = [f"c{number}" for number in range(WIDTH)]
    tables = ["w0 AS (SELECT * FROM base WHERE c0 > 1)"]
    for number in range(1, TABLES):
        outputs = ", ".join(f"{name} + {names[place - 1]} AS {name}" if place % 2 else name for place, name in enumerate(names))
        tables.append(f"w{number} AS (SELECT {outputs} FROM w{number - 1})")
    return f"WITH {', '.join(tables)} SELECT * FROM w{TABLES - 1}", "postgres", {"base": names}


def read(reader: SqlReader, statement: Statement) -> tuple[Parsed, Traced]:
    sql, dialect, tables = statement
    parsed, traced = reader.read(sql, dialect, lambda mentions: [tables.get(parts[-1]) for parts in mentions])
    if parsed is None or isinstance(traced, Refused):
        raise SystemExit(f"{sql[:80]}: {traced}")
    return parsed, traced


def judged(cases: list[dict[str, Any]], answers: list[tuple[Parsed, Traced]]) -> tuple[int, int, int]:
    """Return how many of the columns on which all agree are right, have a source too many, or lack one."""
    right = wrong = missing = 0
    for case, (parsed, traced) in zip(cases, answers, strict=True):
        found = {
            item.name: {f"{parsed.mentions[edge.mention][-1]}.{edge.column}" for edge in item.edges if edge.subtype in OF_THE_COLUMN}
            for item in traced.outputs
        }
        for name, truth in case["columns"].items():
            if truth["agreement"] == "3of3":
                told, true = found.get(name, set()), set(truth["sources"])
                right += told == true
                wrong += bool(told - true)
                missing += bool(true - told)
    return right, wrong, missing


def edges(answers: list[tuple[Parsed, Traced]]) -> int:
    return sum(len(output.edges) for _, traced in answers for output in traced.outputs)


def timed(work: Callable[[], Any], number: int) -> tuple[float, float]:
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return round(median(seconds), 3), round(number / median(seconds), 1)


if __name__ == "__main__":
    main()
