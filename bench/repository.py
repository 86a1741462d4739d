"""What the log costs: records in by the hundred thousand and one by one, the latest one out, the whole log in order, on both engines.

``python -m bench.repository [RECORDS ...]`` measures with so many records in the store already (100,000 and 2,000,000 unless given; the
last is what storing one by one and reading is measured at), beside the floor in the same run (``bench/floor_repository.py``), and writes
three tables to ``bench/results``. The views (dictionary, jobs) are left out: they follow kinds of their own and have their own benches.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import msgspec

from bench import report
from bench.floor_repository import COLUMNS, Floor, Ground, postgres, sqlite
from bench.generate_records import EVENT, STATE, TABLES, kinds, records, target
from bench.timing import rate
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission
from factbook_sdk.repository.contract import Outcome

SIZES = (100_000, 2_000_000)
ROUNDS = 3
THREADS = (1, 8, 64)
STORE_SECONDS = 4.0
READS = 20_000
PAGE = 1_000

BULK_COLUMNS = ["store", "records in it", "bulk_store of", "records/s", "floor: rows/s", "time / floor"]
SINGLE_COLUMNS = ["store", "floor: commits/s", *(f"store from {threads}: records/s" for threads in THREADS)]
READ_COLUMNS = ["store", "what", "factbook", "floor", "factbook / floor"]


class Bench:
    """The measurements of one engine; each returns rows of its table."""

    def __init__(self, ground: Ground, bulk: int) -> None:
        self.ground = ground
        self.bulk = bulk
        self._held = 0
        self._runs = count(1)

    def fill(self, size: int) -> None:
        """Store runs of events and of states in turn until the store holds ``size`` records."""
        with self._opened() as repository:
            while self._held < size:
                missing = min(self.bulk, (size - self._held + 1) // 2)
                self._store(repository, EVENT, next(self._runs), missing)
                self._store(repository, STATE, next(self._runs), missing)

    def measure_bulk(self) -> list[list[Any]]:
        """Time new events, the same again, new states, and states that say nothing new; the median of the rounds."""
        held = self._held
        with self.ground.floor() as floor, self._opened() as repository:
            first = self._store(repository, EVENT, next(self._runs), self.bulk), self._insert(repository, floor)
            self._store(repository, STATE, next(self._runs), self.bulk)
            self._insert(repository, floor)
            rounds = [self._round(repository, floor) for _ in range(ROUNDS)]
        seconds = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        times = [
            ("new events, store just opened", *first),
            ("new events", seconds["events"], seconds["floor of events"]),
            ("the same events again", seconds["events again"], seconds["floor of events"]),
            ("new states", seconds["states"], seconds["floor of states"]),
            ("unchanged states", seconds["states again"], seconds["floor of states"]),
        ]
        return [
            [self.ground.name, held, what, round(self.bulk / ours), round(self.bulk / bare), round(ours / bare, 2)]
            for what, ours, bare in times
        ]

    def _round(self, repository: SqlRepository, floor: Floor) -> dict[str, float]:
        """Return seconds by what was done; the floor inserts what the store has just made."""
        run = next(self._runs)
        return {
            "events": self._store(repository, EVENT, run, self.bulk),
            "floor of events": self._insert(repository, floor),
            "events again": self._store(repository, EVENT, run, self.bulk, expect=Outcome.DUPLICATE),
            "states": self._store(repository, STATE, run, self.bulk),
            "floor of states": self._insert(repository, floor),
            "states again": self._store(repository, STATE, next(self._runs), self.bulk, content=run, expect=Outcome.UNCHANGED),
        }

    def _store(
        self, repository: SqlRepository, kind: str, run: int, number: int, *, content: int | None = None, expect: Outcome = Outcome.STORED
    ) -> float:
        facts = records(kind, run, number, content=content)
        begun = time.perf_counter()
        outcome = repository.bulk_store(facts)
        seconds = time.perf_counter() - begun
        if outcome.count(expect) != number:
            raise AssertionError(f"{number} records should all be {expect}, but: {outcome.counts}")
        self._held += number if expect is Outcome.STORED else 0
        return seconds

    def _insert(self, repository: SqlRepository, floor: Floor) -> float:
        with repository.reading() as connection:
            found = connection.exec_driver_sql(f'SELECT {COLUMNS} FROM records WHERE "offset" > {self._held - self.bulk} ORDER BY "offset"')
            rows = [tuple(row) for row in found]
        begun = time.perf_counter()
        floor.insert(rows)
        return time.perf_counter() - begun

    def measure_single(self) -> list[Any]:
        """Time ``store`` from more and more threads; the floor inserts and commits one row after another."""
        with self.ground.floor() as floor, self._opened() as repository:
            _, _, body = floor.tail(0, 1)[0]
            rows = ((self._held + number, 1, 1, number, os.urandom(16), None, body) for number in count(1))
            commits = rate(lambda: floor.insert_batch([next(rows)]), threads=1, seconds=STORE_SECONDS)
            template, moments = records(EVENT, next(self._runs), 1)[0], count(1)

            def store() -> None:
                produced_at = template.produced_at + timedelta(microseconds=next(moments))
                repository.store(msgspec.structs.replace(template, produced_at=produced_at))

            rates = [rate(store, threads=threads, seconds=STORE_SECONDS) for threads in THREADS]
            self._held = repository.last_offset()
        return [self.ground.name, round(commits), *map(round, rates)]

    def measure_reading(self) -> list[list[Any]]:
        """Time ``latest`` of targets at random, in turn with the floor, and ``tail`` page by page."""
        with self.ground.floor() as floor, self._opened() as repository:
            latest, bare = self._latest(repository, floor)
            paging, paging_bare = self._tail(repository), self._tail_floor(floor)
        figures = [
            ("latest, p50, µs", _percentile(latest, 50), _percentile(bare, 50)),
            ("latest, p99, µs", _percentile(latest, 99), _percentile(bare, 99)),
            (f"tail, records/s in pages of {PAGE:,}", paging, paging_bare),
        ]
        return [[self.ground.name, what, round(ours), round(floor), round(ours / floor, 2)] for what, ours, floor in figures]

    def _latest(self, repository: SqlRepository, floor: Floor) -> tuple[list[float], list[float]]:
        """Return microseconds of each call, of the store and of the floor."""
        with repository.reading() as connection:
            streams = "SELECT s.channel_no, s.target_key FROM streams s JOIN channels c ON c.channel_no = s.channel_no WHERE c.kind = "
            keys = [tuple(row) for row in connection.exec_driver_sql(f"{streams}'{STATE}'")]
        chance = random.Random(20260101)
        ours, bare = [], []
        for _ in range(READS):
            key, about = chance.choice(keys), target(chance.randrange(len(keys)))
            begun = time.perf_counter()
            floor.latest(*key)
            between = time.perf_counter()
            found = repository.latest(about, STATE)
            ended = time.perf_counter()
            if found is None:
                raise AssertionError(f"{about} has no latest record")
            bare.append(1e6 * (between - begun))
            ours.append(1e6 * (ended - between))
        return ours, bare

    def _tail(self, repository: SqlRepository) -> float:
        begun, seen, offset = time.perf_counter(), 0, 0
        while seen < 2 * self.bulk and (page := repository.tail(offset, limit=PAGE)).records:
            seen, offset = seen + len(page.records), page.next_offset
        return seen / (time.perf_counter() - begun)

    def _tail_floor(self, floor: Floor) -> float:
        begun, seen, offset = time.perf_counter(), 0, 0
        while seen < 2 * self.bulk and (page := floor.tail(offset, PAGE)):
            seen, offset = seen + len(page), page[-1][0]
        return seen / (time.perf_counter() - begun)

    @contextmanager
    def _opened(self) -> Iterator[SqlRepository]:
        """Open the store as a new process would, and close it: an open SQLite file cannot be copied."""
        repository = open_repository(self.ground.url, admission=Admission(kinds()))
        try:
            yield repository
        finally:
            repository.close()


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def main() -> None:
    # As the command line does (factbook/cli/main.py).
    gc.set_threshold(100_000, 20, 20)
    sizes = [int(text) for text in sys.argv[1:]] or list(SIZES)
    bulk = min(TABLES, *sizes)
    bulks: list[list[Any]] = []
    singles: list[list[Any]] = []
    reads: list[list[Any]] = []
    for ground_of in (sqlite, postgres):
        with ground_of() as ground:
            bench = Bench(ground, bulk)
            for size in sizes:
                print(f"{ground.name}: filling up to {size:,} records …", flush=True)
                bench.fill(size)
                bulks += bench.measure_bulk()
            singles.append(bench.measure_single())
            reads += bench.measure_reading()
    note = f"`python -m bench.repository`, {report.machine()}"
    body = len(Admission(kinds()).admit(records(EVENT, 1, 1)[0]).body)
    report.write(
        "repository",
        BULK_COLUMNS,
        bulks,
        f"{note} {bulk:,} records of {body} bytes, each about another table, all of one moment; median of {ROUNDS} rounds, each of which "
        f"adds {2 * bulk:,}. A store just opened has to find the number of every table first, once. The floor is the bare driver "
        "inserting the same finished rows into a copy of the same database, 10,000 a commit as the store does. The garbage collector runs "
        "as seldom as on the command line.",
    )
    report.write(
        "repository-single",
        SINGLE_COLUMNS,
        singles,
        f"{note} {sizes[-1]:,} records in the store, every commit forced to disk. The floor is the bare driver, which inserts and commits "
        "one finished row after another.",
    )
    report.write(
        "repository-reading",
        READ_COLUMNS,
        reads,
        f"{note} {sizes[-1]:,} records in the store; `latest` of {READS:,} tables at random, in turn with the floor: the bare driver "
        "reading the same by the same indexed statement, with the target's key ready and the record left as text. Likewise `tail`.",
    )


if __name__ == "__main__":
    main()
