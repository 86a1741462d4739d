"""What compaction costs and saves: records a second, the room before and after, its memory, and reading over the seam.

``python -m bench.compaction [RECORDS]`` fills an SQLite store (5,000,000 records unless given: hourly runs over 20,000 tables), archives
all but the last runs in a process of its own, and writes two tables to ``bench/results``.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench import report
from bench.generate_records import EVENT, START, kinds, moment, records, target
from factbook.repository.archive.place import Folder
from factbook.repository.compaction import Compactor, Rule
from factbook.repository.dropping import all_channels
from factbook.repository.rows import microseconds
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission
from factbook_sdk.repository.contract import Outcome

RECORDS = 5_000_000
TABLES = 20_000
RUNS = 200
"""At least: a page of a hundred records shall be archived whole."""
FIRST_LIVE_RUN = 31 * 24
LIVE_RUNS = 100
LIVE_TABLES = 200
PAGE = 100
PAGES = 100

SIZE_COLUMNS = ["store", "records", "records/s", "peak memory, MB", "store before, MB", "archive, MB", "store after, MB", "room / before"]
READ_COLUMNS = ["store", "a page of 100 of one stream", "p50, ms", "p99, ms"]


def opened(folder: Path) -> SqlRepository:
    return open_repository(f"sqlite:///{folder}/store.sqlite", admission=Admission(kinds()), archive=Folder(folder / "archive"))


def fill(folder: Path, count: int) -> None:
    """Store hourly runs of January over all tables, and a hundred of February over a few of them."""
    with closing(opened(folder)) as repository:
        tables = tables_of(count)
        for run in range(count // tables):
            outcome = repository.bulk_store(records(EVENT, run, tables))
            if outcome.count(Outcome.STORED) != tables:
                raise AssertionError(outcome.counts)
        for run in range(FIRST_LIVE_RUN, FIRST_LIVE_RUN + LIVE_RUNS):
            repository.bulk_store(records(EVENT, run, LIVE_TABLES))
        repository.database.maintain("PRAGMA wal_checkpoint(TRUNCATE)")


def tables_of(count: int) -> int:
    """Return over how many tables so many records are spread."""
    return min(TABLES, count // RUNS)


def compact(folder: Path) -> None:
    """Archive January; print how many records went, the seconds it took and this process's peak memory."""
    with closing(opened(folder)) as repository:
        with repository.reading() as connection:
            february = microseconds(START.replace(month=2))
            rules = [Rule(each.channel_no, each.tenant, each.kind, february, 0) for each in all_channels(connection)]
        begun = time.perf_counter()
        done = Compactor(repository).run(rules)
        seconds = time.perf_counter() - begun
    print(done.records, seconds, peak_memory())


def peak_memory() -> float:
    """Return the most megabytes this process has had. What ``getrusage`` says begins with the parent's, from before it was replaced."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def measure(folder: Path, count: int) -> list[Any]:
    """Return the row of sizes and rates."""
    before = size_of(folder / "store.sqlite")
    command = [sys.executable, "-m", "bench.compaction", "--compact", str(folder)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    archived, seconds, memory = map(float, printed.split())
    if archived != count:
        raise AssertionError(f"{count} records should have been archived, and {archived:.0f} were")
    with closing(opened(folder)) as repository:
        Compactor(repository).give_back()
    archive = sum(path.stat().st_size for path in (folder / "archive").rglob("*.parquet")) / 1e6
    after = size_of(folder / "store.sqlite")
    share = round((archive + after) / before, 2)
    return ["SQLite", count, round(archived / seconds), round(memory), round(before), round(archive), round(after), share]


def measure_reading(folder: Path, count: int) -> list[list[Any]]:
    """Time pages of one stream: live ones, archived ones, ones over the seam, and archived ones in a process just begun."""
    chance = random.Random(20260101)
    runs = count // tables_of(count)
    with closing(opened(folder)) as repository:
        first = page(repository, 7, 0)

        def pages(run: int) -> list[float]:
            return [page(repository, chance.randrange(LIVE_TABLES), run) for _ in range(PAGES)]

        found = [("live", pages(FIRST_LIVE_RUN)), ("archived", pages(0)), ("over the seam, half of it archived", pages(runs - PAGE // 2))]
    rows = [["SQLite", what, *(round(1e3 * value, 1) for value in (statistics.median(times), quantile(times)))] for what, times in found]
    return [*rows, ["SQLite", "archived, the first one of a process", round(1e3 * first, 1), ""]]


def page(repository: SqlRepository, table: int, run: int) -> float:
    begun = time.perf_counter()
    found = repository.history(target(table), EVENT, since=moment(run), limit=PAGE)
    seconds = time.perf_counter() - begun
    if len(found) != PAGE:
        raise AssertionError(f"a page of {PAGE} holds {len(found)}")
    return seconds


def quantile(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def size_of(store: Path) -> float:
    """Return megabytes of the store's file with its indexes."""
    return store.stat().st_size / 1e6


def bodies_of(folder: Path) -> float:
    with closing(opened(folder)) as repository, repository.reading() as connection:
        return float(connection.scalar(text("SELECT avg(length(body)) FROM records")) or 0)


def main() -> None:
    if sys.argv[1:2] == ["--compact"]:
        compact(Path(sys.argv[2]))
        return
    count = int(sys.argv[1]) if sys.argv[1:] else RECORDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"filling up to {count:,} records …", flush=True)
        fill(folder, count)
        body = bodies_of(folder)
        sizes = measure(folder, count)
        reads = measure_reading(folder, count)
    note = f"`python -m bench.compaction`, {report.machine()}"
    report.write(
        "compaction",
        SIZE_COLUMNS,
        [sizes],
        f"{note} Records of {body:.0f} bytes on average, {tables_of(count):,} a run and a run an hour; what they hold is random, the "
        "worst case for any compression. Every file is forced to disk and read back before a body is emptied. The store after is what "
        "VACUUM leaves: thin rows and their indexes. Memory is that of the whole compacting process.",
    )
    report.write(
        "compaction-reading",
        READ_COLUMNS,
        reads,
        f"{note} {count:,} archived records, of each stream one in {tables_of(count):,}: a page of {PAGE} touches {PAGE} row groups. "
        f"{PAGES} pages of streams at random each.",
    )


if __name__ == "__main__":
    main()
