"""Where rows wait to be merged and records to be stored: a private SQLite file without a name, gone with the process however that ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec

from factbook.backfill.paths import Row
from factbook.backfill.plan import BadRow, Plan, Taken
from factbook.errors import ConfigurationError

_BATCH = 1_000
_CACHE_KIB = 32 * 1024

_SCHEMA = """
    PRAGMA journal_mode=OFF;
    PRAGMA synchronous=OFF;
    PRAGMA locking_mode=EXCLUSIVE;
    CREATE TABLE rows (
        input INT, run BLOB, uniq BLOB, rank, file INT, line INT, last_line INT, spot TEXT, digest BLOB, body BLOB, bad TEXT
    );
    CREATE TABLE rejects (input INT, file INT, line INT, last_line INT, spot TEXT, rows INT, reason TEXT);
    CREATE TABLE records (produced_at INT, id BLOB, subject INT, run TEXT, rows INT, input INT, file INT, line INT, body BLOB, refused INT);
"""
_INSERT_ROW = "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_REJECT = "INSERT INTO rejects VALUES (?, ?, ?, ?, ?, ?, ?)"
_INSERT_RECORD = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"

# Rows of a run stand together, in its order; of rows with the same unique key one is left, the others say so by ``turn``.
_RUNS = """
    SELECT run, file, line, last_line, spot, digest, body, bad, {turn} AS turn FROM rows WHERE input = ?
    ORDER BY run, rank, file, line
"""
_TURN = "row_number() OVER (PARTITION BY run, coalesce(uniq, file || ':' || line) ORDER BY rank {way}, file {way}, line {way})"


class Held(msgspec.Struct, gc=False):
    """A row as it waits: its place, its digest, and its values, or why it is bad. ``is_repeat`` says that another of its kind counts."""

    file: int
    line: int
    last_line: int
    spot: str | None
    digest: bytes
    values: list[Any]
    bad: str | None
    is_repeat: bool


class Reject(msgspec.Struct, frozen=True):
    """``rows`` rows that gave no record, the first of them at this place."""

    input: int
    file: int
    line: int
    last_line: int
    spot: str | None
    rows: int
    reason: str


class Spill:
    """Rows, rejects and records of one backfill. Not for several threads."""

    def __init__(self) -> None:
        # SQLite removes the name of such a file at once: nothing is left behind even by a kill.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(_SCHEMA + f"PRAGMA cache_size=-{_CACHE_KIB}; BEGIN;")
        self._waiting: dict[str, list[tuple[Any, ...]]] = {_INSERT_ROW: [], _INSERT_REJECT: [], _INSERT_RECORD: []}

    def close(self) -> None:
        self._connection.close()

    def hold(self, plan: Plan, file: int, row: Row, taken: Taken | BadRow) -> None:
        """Keep what was taken from a row until its run is complete."""
        if isinstance(taken, BadRow):
            values: tuple[Any, ...] = (taken.key, None, None), b"[]", taken.reason
        else:
            values = (taken.key, taken.unique, taken.rank), msgspec.json.encode(taken.values), None
        of_run, body, bad = values
        self._insert(_INSERT_ROW, (plan.number, *of_run, file, row.line, row.last_line, row.spot, row.digest, body, bad))

    def reject(self, reject: Reject) -> None:
        self._insert(_INSERT_REJECT, msgspec.structs.astuple(reject))

    def keep_record(
        self, *, produced_at: int, id: bytes, subject: int, run: str | None, rows: int, input: int, file: int, line: int, body: bytes
    ) -> None:
        """Keep a record that may be stored; ``subject`` is the number of what it is about."""
        self._insert(_INSERT_RECORD, (produced_at, id, subject, run, rows, input, file, line, body))

    def runs(self, plan: Plan) -> Iterator[Iterator[Held]]:
        """Yield the rows of each run, in its order. Each run must be read to its end before the next."""
        turn = _TURN.format(way="DESC" if plan.keeps_last else "ASC") if plan.is_unique else "1"
        rows = iter(self._read(_RUNS.format(turn=turn), plan.number))
        first = next(rows, None)
        while first is not None:
            following: list[tuple[Any, ...]] = []
            yield _run(first, rows, following)
            first = following[0] if following else None

    def records(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield number, subject, rows and body of each record, the oldest first: states compare with the one in force before them."""
        return self._read("SELECT rowid, subject, rows, body FROM records ORDER BY produced_at, id")

    def refuse_record(self, number: int, reason: str) -> None:
        """Turn a record that the repository refused into rejected rows."""
        [(rows, input, file, line)] = self._read("SELECT rows, input, file, line FROM records WHERE rowid = ?", number)
        self._connection.execute("UPDATE records SET refused = 1 WHERE rowid = ?", (number,))
        self.reject(Reject(input, file, line, line, None, rows, reason))

    def moments(self) -> Iterator[tuple[int, int, str | None]]:
        """Yield subject, moment and run of each record that was not refused, by subject and moment."""
        return self._read("SELECT subject, produced_at, run FROM records WHERE refused = 0 ORDER BY subject, produced_at")

    def runs_of(self, subject: int) -> Iterator[tuple[str]]:
        """Yield the run of each record of a subject."""
        return self._read("SELECT run FROM records WHERE refused = 0 AND subject = ? AND run IS NOT NULL", subject)

    def rejects(self) -> Iterator[Reject]:
        """Yield every reject by its place."""
        return (Reject(*row) for row in self._read("SELECT * FROM rejects ORDER BY input, file, line"))

    def count_records(self) -> list[tuple[int, int, int]]:
        """Return input, records and rows in them, for every input that has some."""
        return list(self._read("SELECT input, count(*), sum(rows) FROM records WHERE refused = 0 GROUP BY input"))

    def count_rejects(self) -> list[tuple[int, int]]:
        """Return input and rejected rows, for every input that has some."""
        return list(self._read("SELECT input, sum(rows) FROM rejects GROUP BY input"))

    def drop_rows(self) -> None:
        """Forget the rows once all are merged."""
        self._flush()
        self._connection.execute("DELETE FROM rows")

    def _insert(self, statement: str, row: tuple[Any, ...]) -> None:
        waiting = self._waiting[statement]
        waiting.append(row)
        if len(waiting) >= _BATCH:
            self._connection.executemany(statement, waiting)
            waiting.clear()

    def _flush(self) -> None:
        for statement, waiting in self._waiting.items():
            self._connection.executemany(statement, waiting)
            waiting.clear()

    def _read(self, statement: str, *parameters: Any) -> Iterator[Any]:
        self._flush()
        return self._connection.execute(statement, parameters)


@contextmanager
def spilling() -> Iterator[Spill]:
    """Give a spill for as long as the block runs; a full disk is told of as what it is."""
    try:
        with closing(Spill()) as spill:
            yield spill
    except sqlite3.Error as error:
        raise ConfigurationError(
            "Rows cannot be kept until their run is complete",
            why=f"the temporary file for them cannot be written: {error}",
            fix="Make room where SQLITE_TMPDIR or TMPDIR leads to, or set it to a folder with more",
        ) from error


def _run(first: tuple[Any, ...], rows: Iterable[tuple[Any, ...]], following: list[tuple[Any, ...]]) -> Iterator[Held]:
    """Yield the rows of one run; the first row of the next goes to ``following``. A row without a run is one by itself."""
    yield _held(first)
    for row in rows:
        if row[0] != first[0] or row[0] is None:
            following.append(row)
            return
        yield _held(row)


def _held(row: tuple[Any, ...]) -> Held:
    _, file, line, last_line, spot, digest, body, bad, turn = row
    return Held(file, line, last_line, spot, digest, msgspec.json.decode(body), bad, turn > 1)
