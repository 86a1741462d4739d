"""What facts in files cost: in bulk and one by one, against appending the same bytes; opening, and the memory of the index.

``python -m bench.files [RECORDS]`` measures with so many records (100,000 unless given) in a folder on this machine's disk and writes two
tables to ``bench/results``.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from bench import report
from bench.generate_records import EVENT, STATE, kinds, records, target
from bench.timing import rate
from factbook.repository.files.folder import Folder
from factbook.repository.files.ledger import Ledger
from factbook.repository.files.log import Log
from factbook.repository.files.store import COMMIT_RECORDS, FilesRepository
from factbook_sdk.facts import Admission, MetadataRecord
from factbook_sdk.repository.contract import Outcome

RECORDS = 100_000
BULK = 20_000
FILING_SECONDS = 3.0
ROUNDS = 3
THREADS = (1, 8, 64)
STORE_SECONDS = 2.0
FEW_STREAMS = 100

RATE_COLUMNS = ["what", "records/s", "floor: records/s", "time / floor"]
OPEN_COLUMNS = ["records", "streams", "opening: s", "records/s", "index: bytes a record", "files written: records/s"]


def opened(folder: Path, *, close_seconds: float = 0.0) -> FilesRepository:
    """Open a folder; unless ``close_seconds`` says otherwise, closing leaves record files that are not written yet."""
    repository = FilesRepository(Folder(folder), Admission(kinds()), close_seconds=close_seconds)
    repository.open()
    return repository


class Floor:
    """A file to which finished bytes are appended and forced to disk."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def append(self, content: bytes) -> None:
        os.write(self._descriptor, content)
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def measure_bulk(folder: Path, number: int) -> list[list[Any]]:
    """Time new events, the same again, new states, and states that say nothing new; the median of the rounds."""
    floor = Floor(folder / "floor")
    seconds: dict[str, list[float]] = {}
    for run in range(1, ROUNDS + 1):
        repository = opened(folder / f"bulk-{run}")
        for what, facts, outcome in (
            ("new events", records(EVENT, run, number), Outcome.STORED),
            ("the same events again", records(EVENT, run, number), Outcome.DUPLICATE),
            ("new states", records(STATE, run, number), Outcome.STORED),
            ("unchanged states", records(STATE, run + 1, number, content=run), Outcome.UNCHANGED),
        ):
            seconds.setdefault(what, []).append(_store(repository, facts, outcome))
        lines = _lines(folder / f"bulk-{run}", number)
        begun = time.perf_counter()
        for start in range(0, number, COMMIT_RECORDS):
            floor.append(b"".join(lines[start : start + COMMIT_RECORDS]))
        seconds.setdefault("floor", []).append(time.perf_counter() - begun)
        repository.close()
    floor.close()
    bare = statistics.median(seconds.pop("floor"))
    medians = {what: statistics.median(each) for what, each in seconds.items()}
    return [[f"bulk: {what}", round(number / ours), round(number / bare), round(ours / bare, 1)] for what, ours in medians.items()]


def measure_single(folder: Path) -> list[list[Any]]:
    """Time ``store`` from more and more threads; the floor appends one line after another, each forced to disk."""
    repository = opened(folder / "single")
    template, moments = records(EVENT, 1, 1)[0], count(1)
    repository.store(template)
    (line,) = _lines(folder / "single", 1)
    floor = Floor(folder / "floor-single")
    bare = rate(lambda: floor.append(line), threads=1, seconds=STORE_SECONDS)
    floor.close()

    def store() -> None:
        repository.store(_later(template, next(moments)))

    rates = [(threads, rate(store, threads=threads, seconds=STORE_SECONDS)) for threads in THREADS]
    repository.close()
    return [[f"store from {threads} threads", round(rate), round(bare), round(bare / rate, 2)] for threads, rate in rates]


def measure_opening(folder: Path, number: int, streams: int) -> list[Any]:
    """Fill a folder and open it in processes of their own; then count how many record files are written in a while."""
    about = [target(place) for place in range(streams)]
    template = records(EVENT, 1, 1)[0]
    place = folder / f"open-{streams}"
    repository = opened(place)
    repository.bulk_store(msgspec.structs.replace(_later(template, item), target=about[item % streams]) for item in range(number))
    repository.close()
    child = [sys.executable, "-m", "bench.files", "--open", str(place)]
    told = [subprocess.run(child, check=True, capture_output=True, text=True).stdout.split() for _ in range(ROUNDS)]
    seconds = statistics.median(float(each[0]) for each in told)
    memory = statistics.median(int(each[1]) for each in told)
    return [number, streams, round(seconds, 2), round(number / seconds), round(memory / number), round(_filing_rate(place))]


def _filing_rate(folder: Path) -> float:
    before = _filed(folder)
    begun = time.perf_counter()
    opened(folder, close_seconds=FILING_SECONDS).close()
    return (_filed(folder) - before) / (time.perf_counter() - begun)


def _filed(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder / "records"))


def say_opening(folder: Path) -> None:
    """Open a folder; print the seconds that took, and then the bytes of the index."""
    begun = time.perf_counter()
    opened(folder).close()
    seconds = time.perf_counter() - begun
    storage = Folder(folder)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ledger = Ledger(storage, Log(storage))
    ledger.open(repair=False)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    print(seconds, after - before)
    storage.close()


def _later(template: MetadataRecord, microseconds: int) -> MetadataRecord:
    return msgspec.structs.replace(template, produced_at=template.produced_at + timedelta(microseconds=microseconds))


def _lines(folder: Path, number: int) -> list[bytes]:
    lines: list[bytes] = []
    for segment in sorted((folder / "log").iterdir()):
        lines += segment.read_bytes().splitlines(keepends=True)
        if len(lines) >= number:
            break
    return lines[:number]


def _store(repository: FilesRepository, facts: list[MetadataRecord], outcome: Outcome) -> float:
    begun = time.perf_counter()
    found = repository.bulk_store(facts)
    seconds = time.perf_counter() - begun
    if found.count(outcome) != len(facts):
        raise AssertionError(f"{len(facts)} records should all be {outcome}, but: {found.counts}")
    return seconds


def main(arguments: Sequence[str]) -> None:
    # As the command line does (factbook/cli/main.py).
    gc.set_threshold(100_000, 20, 20)
    if arguments[:1] == ["--open"]:
        say_opening(Path(arguments[1]))
        return
    number = int(arguments[0]) if arguments else RECORDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rates = [*measure_bulk(folder, min(BULK, number)), *measure_single(folder)]
        openings = [measure_opening(folder, number, streams) for streams in (FEW_STREAMS, number)]
        note = f"`python -m bench.files`, {report.machine()}"
        body = len(Admission(kinds()).admit(records(EVENT, 1, 1)[0]).body)
        report.write(
            "files",
            RATE_COLUMNS,
            rates,
            f"{note} {min(BULK, number):,} records of {body} bytes, each about another table; median of {ROUNDS} rounds. The floor "
            f"appends the finished lines of the log, {COMMIT_RECORDS:,} at once or one by one, each time forced to disk. The files "
            "of records are written in the background meanwhile.",
        )
        report.write(
            "files-opening",
            OPEN_COLUMNS,
            openings,
            f"{note} Opening reads and proves the whole log, in a process of its own; the memory is that of Python's objects. The files of "
            "records are one a record, in a folder a stream.",
        )


if __name__ == "__main__":
    main(sys.argv[1:])
