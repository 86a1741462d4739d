"""The floor a store is measured against: the bare driver on a copy of the same database.

The copy has the same tables, indexes and rows. The floor inserts the very rows that the store has just made, ready as they are, by one
``executemany`` (SQLite) or one COPY (PostgreSQL) per 10,000 and a commit forced to disk after each, as the store does. It checks,
encodes, digests, numbers and compares nothing. It reads the newest record of a target by the same one statement, through its indexes,
knowing the target's key, and decodes nothing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

SERVER = os.environ.get("FACTBOOK_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
COLUMNS = '"offset", channel_no, stream_id, produced_at, id, state_digest, body'
BATCH = 10_000

_LATEST = """
    SELECT r."offset", r.id, r.body FROM streams AS s JOIN records AS r ON r."offset" = (
        SELECT h."offset" FROM records AS h WHERE h.stream_id = s.stream_id ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
    )
    WHERE s.channel_no = ? AND s.target_key = ? ORDER BY r.produced_at DESC, r."offset" DESC LIMIT 1
"""
# Records lie in months there: by the offset alone the row would be looked for in each of them once more.
_LATEST_IN_MONTHS = """
    SELECT r."offset", r.id, r.body FROM streams AS s CROSS JOIN LATERAL (
        SELECT h.produced_at, h."offset", h.id, h.body FROM records AS h
        WHERE h.stream_id = s.stream_id ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
    ) AS r
    WHERE s.channel_no = %s AND s.target_key = %s ORDER BY r.produced_at DESC, r."offset" DESC LIMIT 1
"""
_TAIL = 'SELECT "offset", id, body FROM records WHERE "offset" > {0} ORDER BY "offset" LIMIT {0}'


class Floor(ABC):
    """One connection to the copy of a store."""

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(rows), BATCH):
            self.insert_batch(rows[start : start + BATCH])

    @abstractmethod
    def insert_batch(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows and commit."""

    @abstractmethod
    def latest(self, channel: int, target_key: bytes) -> Any:
        """Return the newest row of a target."""

    @abstractmethod
    def tail(self, after_offset: int, limit: int) -> list[Any]:
        """Return the rows after an offset in the order of the log."""


class SqliteFloor(Floor):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-65536")

    def insert_batch(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(f"INSERT INTO records ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    def latest(self, channel: int, target_key: bytes) -> Any:
        return self._connection.execute(_LATEST, (channel, target_key)).fetchone()

    def tail(self, after_offset: int, limit: int) -> list[Any]:
        return self._connection.execute(_TAIL.format("?"), (after_offset, limit)).fetchall()


class PostgresFloor(Floor):
    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def insert_batch(self, rows: Sequence[tuple[Any, ...]]) -> None:
        # COPY is a transaction of its own on a connection that begins none.
        with self._connection.cursor() as cursor, cursor.copy(f"COPY records ({COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def latest(self, channel: int, target_key: bytes) -> Any:
        return self._connection.execute(_LATEST_IN_MONTHS, (channel, target_key), binary=True).fetchone()

    def tail(self, after_offset: int, limit: int) -> list[Any]:
        return self._connection.execute(_TAIL.format("%s"), (after_offset, limit), binary=True).fetchall()


class Ground(ABC):
    """A database to keep a store in, and to copy for a floor once the store is closed."""

    name: str
    url: str

    @abstractmethod
    def floor(self) -> Any:
        """Copy the database and give its floor; the copy goes at the end."""


class SqliteGround(Ground):
    name = "SQLite"

    def __init__(self, file: Path) -> None:
        self._file = file
        self.url = f"sqlite:///{file}"

    @contextmanager
    def floor(self) -> Iterator[Floor]:
        with tempfile.TemporaryDirectory(dir=self._file.parent) as folder:
            copy = shutil.copyfile(self._file, Path(folder, "floor.sqlite"))
            # What the copy left to be written would be written while others are measured.
            os.sync()
            with closing(sqlite3.connect(copy, isolation_level=None, check_same_thread=False)) as connection:
                yield SqliteFloor(connection)


class PostgresGround(Ground):
    name = "PostgreSQL"

    def __init__(self, database: str) -> None:
        self._database = database
        self.url = _of_server(database)

    @contextmanager
    def floor(self) -> Iterator[Floor]:
        # As files (PostgreSQL 15 or newer): the copy would fill the write-ahead log otherwise.
        with _database(f"TEMPLATE {self._database} STRATEGY FILE_COPY") as name:
            os.sync()
            with psycopg.connect(_of_server(name), autocommit=True) as connection:
                yield PostgresFloor(connection)


@contextmanager
def sqlite() -> Iterator[Ground]:
    """Give a place for an SQLite file, gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield SqliteGround(Path(folder, "store.sqlite"))


@contextmanager
def postgres() -> Iterator[Ground]:
    """Give an empty database on the server, dropped at the end."""
    with _database("TEMPLATE template0") as name:
        yield PostgresGround(name)


@contextmanager
def _database(options: str) -> Iterator[str]:
    name = f"factbook_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} {options}")
    try:
        yield name
    finally:
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _of_server(database: str) -> str:
    return urlsplit(SERVER)._replace(path=f"/{database}").geturl()
