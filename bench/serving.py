"""Rows through a domain data API against the same SQL run directly: rows a second of large pages, p50 and p99 of small ones.

    python -m bench.serving [--rows 200000] [--requests 500] [--postgres postgresql://postgres@127.0.0.1:5432]

The API answers over HTTP on this machine; the direct run uses the connector's session and makes JSON of the rows.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import uvicorn

from bench.report import machine, write
from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.products import NewProduct
from factbook.products.model import NewPort, TablePlace
from factbook.settings import load_settings
from factbook.sources.connectors import connector_for

TABLE = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount DECIMAL(10, 2), placed DATE, note VARCHAR(40))"
SMALL = 100
LARGE = 10_000


def order(number: int) -> tuple[Any, ...]:
    return number, number % 1000, number % 10_000 / 100, f"2023-{number % 12 + 1:02}-{number % 28 + 1:02}", f"note {number:030}"


def fill_sqlite(file: Path, rows: int) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(TABLE)
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", map(order, range(rows)))


@contextmanager
def postgres_with(server: str, rows: int) -> Iterator[str]:
    import psycopg

    name = f"bench_serving_{time.time_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = f"{server.rstrip('/')}/{name}"
    try:
        with psycopg.connect(url) as connection:
            connection.execute(TABLE)
            with connection.cursor().copy("COPY orders FROM STDIN") as copy:
                for number in range(rows):
                    copy.write_row(order(number))
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def serving(url: str, schema: str, folder: Path) -> Iterator[str]:
    """Give the address of a server that serves the table at /sales/orders."""
    house = Factbook(load_settings({}, data_dir=str(folder), source_db_url=url, serve_per_minute=10_000_000, log_level="CRITICAL"))
    house.run_scan(url, source_id="shop")
    port = NewPort("orders", TablePlace("shop", "orders", schema))
    house.own.product_registry.register(NewProduct(name="orders", domain="sales", owner="bench", ports=[port]), by="bench")
    server = uvicorn.Server(uvicorn.Config(create_app(house), log_config=None, access_log=False))
    socket = server.config.bind_socket()
    socket.listen()
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def measured(ask: Callable[[int], int], times: int) -> tuple[float, float, float]:
    """Return rows a second, and p50 and p99 in milliseconds."""
    ask(0)
    took, rows = [], 0
    for number in range(times):
        started = time.perf_counter()
        rows += ask(number)
        took.append(time.perf_counter() - started)
    took.sort()
    return rows / sum(took), took[len(took) // 2] * 1000, took[min(len(took) - 1, int(len(took) * 0.99))] * 1000


def compare(engine: str, url: str, schema: str, rows: int, requests: int) -> Iterator[list[Any]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(url, schema, Path(folder)) as base,
        httpx2.Client(base_url=base) as client,
        connector_for(url).open_session() as session,
    ):
        names = ("id", "customer", "amount", "placed", "note")
        encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        mark = session.placeholder

        def direct(size: int) -> Callable[[int], int]:
            statement = f"SELECT {', '.join(names)} FROM {schema}.orders WHERE id > {mark} ORDER BY id LIMIT {mark}"

            def ask(number: int) -> int:
                found = session.rows(statement, [number * 97 % (rows - size), size])
                encoder.encode([dict(zip(names, row, strict=True)) for row in found])
                return len(found)

            return ask

        def served(size: int, form: str) -> Callable[[int], int]:
            def ask(number: int) -> int:
                parameters = {"id__gt": number * 97 % (rows - size), "limit": size, "format": form}
                client.get("/sales/orders", params=parameters).raise_for_status()
                return size

            return ask

        for size, times in ((SMALL, requests), (LARGE, max(5, requests // 50))):
            for what, ask in (
                ("direct", direct(size)),
                ("API, JSON", served(size, "json")),
                ("API, CSV", served(size, "csv")),
                ("API, Parquet", served(size, "parquet")),
            ):
                rate, p50, p99 = measured(ask, times)
                yield [engine, what, f"{size:,}", f"{rate:,.0f}", f"{p50:.2f}", f"{p99:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--postgres", default="postgresql://postgres@127.0.0.1:5432")
    asked = parser.parse_args()
    results: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.sqlite"
        fill_sqlite(file, asked.rows)
        results += compare("SQLite", f"sqlite:///{file}", "main", asked.rows, asked.requests)
    with postgres_with(asked.postgres, asked.rows) as url:
        results += compare("PostgreSQL", url, "public", asked.rows, asked.requests)
    columns = ("source", "how", "rows a page", "rows/s", "p50 ms", "p99 ms")
    write("serving", columns, results, f"{asked.rows:,} rows of five columns, pages at changing places by key. {machine()}")


if __name__ == "__main__":
    main()
