"""What the service costs: one server process, load from another over loopback, beside an empty handler and the bare store.

``python -m bench.http [SECONDS]`` starts the server as ``factbook serve`` does (its log goes to a file), with one more route that answers
nothing: what HTTP itself costs here, middleware and log included. Then the same store is opened in this process and given the same
records by the same batches: what the store costs without a service. The table goes to ``bench/results/http.json``.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from bench import load, report
from bench.floor_repository import Ground, postgres, sqlite
from bench.generate_records import EVENT, TABLES, kinds, records, target
from factbook.app import Factbook
from factbook.kinds import GovernedKinds
from factbook.settings import load_settings
from factbook_sdk.facts import KindRegistry, MetadataRecord, builtin_kinds

SECONDS = 5.0
BATCH = 1_000
BATCHES = 100
COLUMNS = ["store", "request", "connections", "a second", "p50, ms", "p99, ms", "share of the empty handler", "share of the bare store"]


class Bench:
    """The measurements of one store behind one server."""

    def __init__(self, ground: Ground, port: int, seconds: float) -> None:
        self.ground = ground
        self.port = port
        self.seconds = seconds
        self.rows: list[list[Any]] = []
        self._runs = itertools.count(1)

    def measure(self) -> None:
        """Time every kind of request."""
        body = msgspec.json.encode(records(EVENT, 0, 1)[0])
        empty = {
            connections: self._timed("empty handler", itertools.repeat(load.request("POST", "/empty", body)), connections).rate
            for connections in (1, 64)
        }
        # The first batches are about tables that the store does not know yet; what follows is about tables that it does.
        for connections in (1, 4):
            self._row_of_batches(self._batches(), connections)
        for connections in (1, 64):
            self._timed("POST /records, one record, durable", self._singles(), connections, empty=empty[connections])
        self._timed("GET /records/latest", self._latest(), 1, empty=empty[1])
        self._latest_under_load()
        self._stream()

    def measure_bare(self, folder: str) -> None:
        """Time the store itself, in this process, with the same views and batches as large."""
        house = opened(self.ground.url, folder)
        repository = house.repository
        batches = [records(EVENT, next(self._runs), TABLES)[: BATCH * BATCHES]]
        repository.bulk_store(records(EVENT, next(self._runs), BATCH))
        begun = time.perf_counter()
        for start in range(0, BATCH * BATCHES, BATCH):
            repository.bulk_store(batches[0][start : start + BATCH])
        rate = BATCH * BATCHES / (time.perf_counter() - begun)
        begun, seen, offset = time.perf_counter(), 0, 0
        while seen < BATCH * BATCHES and (page := repository.tail(offset, limit=BATCH)).records:
            seen, offset = seen + len(page.records), page.next_offset
        tail = seen / (time.perf_counter() - begun)
        house.close()
        self._compare("NDJSON", rate)
        self._compare("tail", tail)
        self.rows.append([self.ground.name, f"bare store: bulk_store of {BATCH:,}, records", None, round(rate), None, None, None, None])
        self.rows.append([self.ground.name, f"bare store: tail by {BATCH:,}, records", None, round(tail), None, None, None, None])

    def _timed(self, name: str, requests: Iterator[bytes], connections: int, *, empty: float | None = None) -> load.Run:
        run = load.run(self.port, requests, connections=connections, seconds=self.seconds)
        _expect_success(name, run)
        self._add(name, connections, run, run.rate, empty)
        return run

    def _row_of_batches(self, requests: list[bytes], connections: int) -> None:
        run = load.run(self.port, iter(requests), connections=connections)
        _expect_success("NDJSON", run)
        self._add(f"POST /records, NDJSON of {BATCH:,}, records", connections, run, BATCH * run.rate, None)

    def _add(self, name: str, connections: int, run: load.Run, rate: float, empty: float | None) -> None:
        share = None if empty is None else round(run.rate / empty, 2)
        latencies = [round(1e3 * run.percentile(part), 2) for part in (0.5, 0.99)]
        self.rows.append([self.ground.name, name, connections, round(rate), *latencies, share, None])
        print(self.rows[-1], flush=True)

    def _compare(self, part: str, bare: float) -> None:
        for row in self.rows:
            if part in row[1] and row[0] == self.ground.name:
                row[-1] = round(row[3] / bare, 2)

    def _latest_under_load(self) -> None:
        """Time ``latest`` on one connection while 64 others store records."""
        posts = self._singles()
        background = threading.Thread(target=lambda: load.run(self.port, posts, connections=64, seconds=self.seconds + 1))
        background.start()
        time.sleep(0.5)
        self._timed("GET /records/latest, while 64 others store", self._latest(), 1)
        background.join()

    def _stream(self) -> None:
        """Time how fast a stream gives what is in the log."""
        wanted = BATCH * BATCHES
        with socket.create_connection(("127.0.0.1", self.port)) as stream:
            stream.sendall(load.request("GET", "/records/tail?follow=true"))
            begun, seen = time.perf_counter(), 0
            while seen < wanted:
                piece = stream.recv(1 << 20)
                if not piece:
                    raise AssertionError("The stream ended")
                seen += piece.count(b'{"offset":')
            rate = seen / (time.perf_counter() - begun)
        self.rows.append([self.ground.name, "GET /records/tail?follow=true, records", 1, round(rate), None, None, None, None])
        print(self.rows[-1], flush=True)

    def _singles(self) -> Iterator[bytes]:
        facts: list[MetadataRecord] = []
        for _ in range(max(1, round(self.seconds * 8_000 / TABLES) + 1)):
            facts += records(EVENT, next(self._runs), min(TABLES, round(self.seconds * 8_000)))
        return iter([load.request("POST", "/records", msgspec.json.encode(fact)) for fact in facts])

    def _batches(self) -> list[bytes]:
        facts = records(EVENT, next(self._runs), TABLES)
        lines = msgspec.json.Encoder()
        return [
            load.request("POST", "/records", lines.encode_lines(facts[start : start + BATCH]), "application/x-ndjson")
            for start in range(0, BATCH * BATCHES, BATCH)
        ]

    def _latest(self) -> Iterator[bytes]:
        chance = random.Random(20260101)
        while True:
            about = target(chance.randrange(BATCH * BATCHES))
            asked = {"source_id": about.source_id, "schema": about.schema, "table": about.table, "kind": EVENT}
            yield load.request("GET", f"/records/latest?{urlencode(asked)}")


def _expect_success(name: str, run: load.Run) -> None:
    if set(run.statuses) != {200}:
        raise AssertionError(f"{name} was answered with {run.statuses}")


@contextmanager
def served(url: str, folder: Path) -> Iterator[int]:
    """Run the server in a process of its own; give its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "bench.http", "--serve", url, str(folder), str(port)], stderr=log)
    try:
        _wait_until_up(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("The server did not start")


def opened(url: str, folder: str, **settings: Any) -> Factbook:
    """Open the store as the server does, with the kinds of the bench beside the built-in ones."""
    house = Factbook(load_settings(meta_db_url=url, data_dir=folder, **settings))
    house.governed_kinds = GovernedKinds(KindRegistry([*builtin_kinds(), *kinds()]))
    return house


def serve(url: str, folder: str, port: str) -> None:
    """Be the server: the application with one more route."""
    from fastapi import APIRouter
    from starlette.responses import Response

    from factbook.api import app as application
    from factbook.web.server import serve as run

    gc.set_threshold(100_000, 20, 20)
    empty = APIRouter()

    @empty.post("/empty")
    async def answer_nothing() -> Response:
        return Response()

    application.ROUTERS = (empty, *application.ROUTERS)  # type: ignore[assignment]
    house = opened(url, folder, port=int(port))
    run(house)


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
        return
    # As the command line does (factbook/cli/main.py).
    gc.set_threshold(100_000, 20, 20)
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    rows: list[list[Any]] = []
    for ground_of in (sqlite, postgres):
        with ground_of() as ground, tempfile.TemporaryDirectory() as folder:
            with served(ground.url, Path(folder)) as port:
                bench = Bench(ground, port, seconds)
                bench.measure()
            bench.measure_bare(folder)
            rows += bench.rows
    body = len(msgspec.json.encode(records(EVENT, 0, 1)[0]))
    note = (
        f"`python -m bench.http`, {report.machine()} One server process, the load from another over loopback, {seconds:g} s each. "
        f"Records of {body} bytes; every answer came after its commit was forced to disk. The empty handler is a route of the same "
        "server, with middleware and log. The bare store is given the same batches in one process."
    )
    report.write("http", COLUMNS, rows, note)


if __name__ == "__main__":
    os.environ.setdefault("LOG_LEVEL", "INFO")
    main()
