"""What months cost: the verbs of a PostgreSQL store whose records lie in 36 months of their own, beside one that keeps them in one table.

``python -m bench.months [TABLES]`` stores a state and an event about each of so many tables (15,000 unless given) in each of 36 months, in
the same way into both stores, then times the same reads of both in turn and writes ``bench/results/months.json``.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from bench import report
from bench.floor_repository import postgres
from bench.generate_records import EVENT, STATE, kinds, records, target
from factbook.database.engine import Database
from factbook.database.months import Month, make_months
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataRecord
from factbook_sdk.repository.contract import Within

MONTHS = 36
READS = 3_000
PAGES = 300
BULK = 10_000
COLUMNS = ["what", "36 months", "one table", "months / table"]


def first_month() -> Month:
    today = datetime.now(UTC)
    return Month(today.year, today.month).after(1 - MONTHS)


def begin_early(url: str) -> None:
    """Make an empty store as if it had been opened ``MONTHS`` ago and ever since."""
    database = Database(url)
    first, second = first_month(), first_month().after(1)
    with database.writing() as connection:
        for name in connection.scalars(
            text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'records'::regclass")
        ).all():
            connection.execute(text(f"DROP TABLE {name}"))
        for name, bounds in (
            ("records_past", f"(MINVALUE) TO ({first.begins_at})"),
            (first.table, f"({first.begins_at}) TO ({second.begins_at})"),
            ("records_later", f"({second.begins_at}) TO (MAXVALUE)"),
        ):
            connection.execute(text(f"CREATE TABLE {name} PARTITION OF records FOR VALUES FROM {bounds}"))
    make_months(database)
    database.close()


def facts(kind: str, month: int, count: int) -> list[MetadataRecord]:
    """Return one record about each table, spread over the days of a month."""
    begins = datetime(*first_month().after(month), 1, tzinfo=UTC)
    return [
        msgspec.structs.replace(record, produced_at=begins + timedelta(minutes=place % 38_000))
        for place, record in enumerate(records(kind, month + 1, count))
    ]


class Store:
    """One of the two, with what was measured of it."""

    def __init__(self, repository: SqlRepository, tables: int) -> None:
        self.repository = repository
        self.tables = tables
        self.seconds: dict[str, list[float]] = {}

    def timed(self, what: str, act: Callable[[], Any]) -> None:
        begun = time.perf_counter()
        act()
        self.seconds.setdefault(what, []).append(time.perf_counter() - begun)

    def fill(self, month: int) -> None:
        for kind in (EVENT, STATE):
            what = f"bulk_store of {self.tables:,} new {'events' if kind == EVENT else 'states'}, ms"
            new = facts(kind, month, self.tables)
            self.timed(what, lambda new=new: self.repository.bulk_store(new))

    def repeat(self, month: int) -> None:
        again = facts(EVENT, month, self.tables)
        self.timed(f"bulk_store of {self.tables:,} known events, ms", lambda: self.repository.bulk_store(again))

    def read(self, chance: random.Random) -> None:
        about = target(chance.randrange(self.tables))
        repository = self.repository
        moment = datetime(*first_month().after(chance.randrange(MONTHS)), 20, tzinfo=UTC)
        self.timed("latest, µs", lambda: repository.latest(about, STATE))
        self.timed("latest as of some month, µs", lambda: repository.latest(about, STATE, as_of=moment))
        self.timed("history of a table, µs", lambda: repository.history(about, STATE))

    def page(self, chance: random.Random) -> None:
        repository = self.repository
        offset = chance.randrange(2 * MONTHS * self.tables - 1_000)
        since = datetime(*first_month().after(chance.randrange(MONTHS)), 2, tzinfo=UTC)
        schema = Within("warehouse", f"area_{chance.randrange(self.tables // 500):03d}")
        known = msgspec.structs.replace(records(EVENT, 1, 1)[0], produced_at=datetime.now(UTC))
        self.timed("store of one event, µs", lambda: repository.store(known))
        self.timed("tail of 1,000, µs", lambda: repository.tail(offset, limit=1_000))
        self.timed("tail of 10, µs", lambda: repository.tail(offset, limit=10))
        self.timed("query of a kind since a day, 100, µs", lambda: repository.query(EVENT, since=since, limit=100))
        self.timed("query of a schema, newest 100, µs", lambda: repository.query(EVENT, targets=schema, order="desc", limit=100))
        self.timed("latest_many of a schema, µs", lambda: repository.latest_many(schema, STATE))


def measure(stores: list[Store]) -> None:
    for month in range(MONTHS):
        for store in stores:
            store.fill(month)
    for store in stores:
        with store.repository.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        for month in range(MONTHS - 3, MONTHS):
            store.repeat(month)
    for rounds, read in ((READS, Store.read), (PAGES, Store.page)):
        chances = [random.Random(20260101) for _ in stores]
        for _ in range(rounds):
            for store, chance in zip(stores, chances, strict=True):
                read(store, chance)


def rows(months: Store, table: Store) -> list[list[Any]]:
    """Return the median of each and, where there are enough of them, the 99th percentile."""
    found = []
    for what, seconds in months.seconds.items():
        scale = 1e6 if what.endswith("µs") else 1e3
        pairs = [(f"{what}", statistics.median(seconds), statistics.median(table.seconds[what]))]
        if len(seconds) >= 300:
            pairs = [
                (f"{what}, p50", *pairs[0][1:]),
                (f"{what}, p99", *(statistics.quantiles(s, n=100)[98] for s in (seconds, table.seconds[what]))),
            ]
        found += [[name, round(scale * ours), round(scale * theirs), round(ours / theirs, 2)] for name, ours, theirs in pairs]
    return found


def main() -> None:
    # As the command line does (factbook/cli/main.py).
    gc.set_threshold(100_000, 20, 20)
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 15_000
    admission = Admission(kinds())
    with postgres() as early, postgres() as late:
        opened = [open_repository(ground.url, admission=admission) for ground in (early, late)]
        begin_early(early.url)
        stores = [Store(repository, tables) for repository in opened]
        measure(stores)
        for repository in opened:
            repository.close()
    report.write(
        "months",
        COLUMNS,
        rows(*stores),
        f"`python -m bench.months`, {report.machine()} {2 * MONTHS * tables:,} records about {tables:,} tables, in one store in {MONTHS} "
        f"monthly partitions, in the other all in the partition of the past; medians and 99th percentiles of the same calls in turn.",
    )


if __name__ == "__main__":
    main()
