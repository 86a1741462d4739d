"""Follow lineage through a graph of 100,000 tables and 300,000 edges: three steps far, to 1,800 tables, to 58,000 tables. Beside the floor
in the same run: a bare recursive query over two integer columns with an index.

``python -m bench.lineage [TABLES]`` (100,000 unless given) writes ``bench/results/lineage.json``: through the repository the numbers of
all that is reached, and through the API, over HTTP in one process, pages of 100 with names, confidence and who says so.
"""

from __future__ import annotations

import gc
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
from starlette.testclient import TestClient

from bench import report
from bench.floor_repository import Ground, postgres, sqlite
from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.lineage.reading import LineageReader
from factbook.lineage.view import View
from factbook.log import configure_logging
from factbook.repository.sql import SqlRepository
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataRecord, MetadataTarget

TABLES = 100_000
EDGES_A_TABLE = 3
LAYERS = 40
REPEATS = 60
SEED = 20260101
START = datetime.now(UTC).replace(microsecond=0)

FLOOR = (
    "WITH RECURSIVE reach(id) AS (SELECT {mark} UNION SELECT e.output_id FROM reach r JOIN bare e ON e.input_id = r.id) "
    "SELECT id FROM reach"
)
FLOOR_DEPTH = (
    "WITH RECURSIVE reach(id, depth) AS (SELECT {mark}, 0 UNION SELECT e.output_id, r.depth + 1 FROM reach r "
    "JOIN bare e ON e.input_id = r.id WHERE r.depth < 3) SELECT DISTINCT id FROM reach"
)


def graph(tables: int) -> list[list[int]]:
    """Return, for each table, the tables it is made from. Tables stand in layers; most edges come from the layer before and from nearby,
    some from anywhere before, so that some tables reach a handful, some thousands, and some more than half of all."""
    choose = random.Random(SEED)
    width = max(tables // LAYERS, 1)
    made_from: list[list[int]] = []
    for number in range(tables):
        found: set[int] = set()
        before = number - number % width
        while before and len(found) < EDGES_A_TABLE:
            near = number - width + choose.randint(-20, 20)
            far = choose.randrange(before)
            found.add(max(0, min(near, before - 1)) if choose.random() < 0.97 else far)
        made_from.append(sorted(found))
    return made_from


def facts(made_from: Sequence[Sequence[int]]) -> Iterator[MetadataRecord]:
    """Yield a fact for each table that is made from others: a quarter of the edges is not sure."""
    for number, found in enumerate(made_from):
        inputs = [
            {
                "table": {"source_id": "bench", "schema": f"area_{one % 20:02d}", "table": f"item_{one:06d}"},
                "confidence": 0.9 if one % 4 == 0 else 1.0,
            }
            for one in found
        ]
        target = MetadataTarget("bench", f"area_{number % 20:02d}", f"item_{number:06d}")
        if inputs:
            yield MetadataRecord(target, "lineage", {"origin": "sql", "inputs": inputs}, START, f"sql:job_{number % 500}.sql")


def name(number: int) -> str:
    return f"bench.area_{number % 20:02d}.item_{number:06d}"


def _spread(readers: defaultdict[int, list[int]], start: int) -> set[int]:
    seen, frontier = {start}, [start]
    while frontier:
        frontier = [reader for node in frontier for reader in readers[node] if reader not in seen]
        seen.update(frontier)
        frontier = list(set(frontier))
    return seen - {start}


def starts(made_from: Sequence[Sequence[int]], wanted: Sequence[int]) -> list[int]:
    """Return tables from which about so many are reached."""
    readers: defaultdict[int, list[int]] = defaultdict(list)
    for number, found in enumerate(made_from):
        for one in found:
            readers[one].append(number)
    choose = random.Random(SEED)
    sizes = {number: len(_spread(readers, number)) for number in choose.sample(range(len(made_from)), 60)}
    return [min(sizes, key=lambda number: abs(sizes[number] - size)) for size in wanted]


def quantiles(act: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    act()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return round(times[len(times) // 2], 2), round(times[min(len(times) - 1, int(len(times) * 0.99))], 2)


@contextmanager
def floor(ground: Ground, made_from: Sequence[Sequence[int]]) -> Iterator[Callable[[str, int], int]]:
    """Give the bare query over a table of two integers with one index."""
    rows = [(one, number) for number, found in enumerate(made_from) for one in found]
    is_sqlite = ground.url.startswith("sqlite")
    connection: Any = sqlite3.connect(ground.url.removeprefix("sqlite:///")) if is_sqlite else psycopg.connect(ground.url, autocommit=True)
    connection.execute("CREATE TABLE bare (input_id BIGINT NOT NULL, output_id BIGINT NOT NULL)")
    if is_sqlite:
        connection.executemany("INSERT INTO bare VALUES (?, ?)", rows)
        connection.commit()
    else:
        with connection.cursor().copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute("CREATE INDEX ix_bare ON bare (input_id, output_id)")
    connection.execute("ANALYZE bare" if is_sqlite else "VACUUM ANALYZE bare")
    mark = "?" if is_sqlite else "%s::bigint"
    yield lambda statement, start: len(connection.execute(statement.format(mark=mark), (start,)).fetchall())
    connection.close()


def measure(ground: Ground, made_from: Sequence[Sequence[int]], chosen: Sequence[int]) -> list[list[Any]]:
    """Return the rows of one store."""
    with tempfile.TemporaryDirectory() as folder:
        house = Factbook(load_settings({}, data_dir=folder, meta_db_url=ground.url))
        assert isinstance(house.repository, SqlRepository)
        begun = time.perf_counter()
        house.repository.bulk_store(facts(made_from), atomic=False)
        print(f"{ground.name}: stored in {time.perf_counter() - begun:.1f} s", flush=True)
        if house.repository.dialect == "postgresql":
            house.repository.database.maintain("VACUUM ANALYZE")
        reader: LineageReader = house.lineage
        rows = []
        with (
            floor(ground, made_from) as bare,
            TestClient(create_app(house), base_url="http://localhost", client=("127.0.0.1", 50000)) as client,
        ):
            for start, depth in [(chosen[-1], 3), *((number, None) for number in chosen)]:
                reached = partial(reader.reached, name(start), "downstream", depth=depth, view=View())
                statement = FLOOR if depth is None else FLOOR_DEPTH
                size = len(reached())
                assert size == bare(statement, start) - 1
                parameters: dict[str, Any] = {"limit": 100, "depth": depth or 100}
                path = f"/lineage/downstream/{name(start)}"
                page = client.get(path, params=parameters)
                cursor = page.json()["next_cursor"]
                second = partial(client.get, path, params=parameters | ({"cursor": cursor} if cursor else {}))
                repeats = REPEATS if size < 10_000 else REPEATS // 3
                rows.append(
                    [
                        ground.name,
                        "3 steps" if depth else "all",
                        size,
                        *quantiles(partial(bare, statement, start), repeats),
                        *quantiles(reached, repeats),
                        *quantiles(partial(client.get, path, params=parameters), repeats),
                        *quantiles(second, repeats),
                    ]
                )
        return rows


def main() -> None:
    configure_logging("CRITICAL")
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    made_from = graph(tables)
    edges = sum(map(len, made_from))
    chosen = starts(made_from, (tables * 18 // 1000, tables * 58 // 100))
    # As the command does; and what the bench itself keeps is none of the server's to look through.
    gc.set_threshold(100_000, 20, 20)
    gc.collect()
    gc.freeze()
    rows: list[list[Any]] = []
    for ground in (sqlite(), postgres()):
        with ground as place:
            rows += measure(place, made_from, chosen)
    columns = [
        "store", "walk", "reached", "floor p50, ms", "p99", "repository p50, ms", "p99", "API, first page p50, ms", "p99",
        "API, next page p50, ms", "p99",
    ]  # fmt: skip
    note = f"`python -m bench.lineage`, {report.machine()} {tables:,} tables, {edges:,} edges, a quarter of them not sure."
    floors = "Floor: a bare recursive query over two integers. The API follows at most 3,000 nodes and says where there are more."
    report.write("lineage", columns, rows, f"{note} {floors}")


if __name__ == "__main__":
    main()
