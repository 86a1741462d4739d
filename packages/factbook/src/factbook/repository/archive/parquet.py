"""Write and read the archive's Parquet files, with DuckDB.

A file's rows lie in the order of the log, in small row groups: a page of one stream touches few of them, and each is cheap to unpack.
``body`` is the truth; the other columns repeat its parts for those who read the tree with DuckDB, Spark or Trino.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import ArchiveUnavailable, MissingExtra
from factbook.repository.archive.place import Place, sync_file

_MEMORY_BYTES = 128_000_000
"""What DuckDB may use, for reading and for writing each; a file of huge bodies may take more."""
_ROOM = 3
"""Memory that writing takes, for each byte of a draft's weight."""
ROW_GROUP = 2048
"""Rows: the smallest group that DuckDB writes."""

_FETCH = 2000
_NO_RAW = msgspec.Raw()

BodyRow = tuple[int, bytes, str]
"""Offset, id, body."""

_TABLE = """
    CREATE OR REPLACE TABLE draft (
        "offset" BIGINT, id VARCHAR, tenant VARCHAR, source_id VARCHAR, "schema" VARCHAR, "table" VARCHAR, target_extras VARCHAR,
        produced_at BIGINT, producer_id VARCHAR, version INTEGER, payload VARCHAR, context VARCHAR, quality VARCHAR, extras VARCHAR,
        body VARCHAR
    )
"""
_COPY = """
    COPY (SELECT * REPLACE (make_timestamptz(produced_at) AS produced_at) FROM draft)
    TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})
"""


class _Target(msgspec.Struct):
    source_id: str
    schema: str | None = None
    table: str | None = None
    extras: msgspec.Raw = _NO_RAW


class _Parts(msgspec.Struct):
    target: _Target
    payload: msgspec.Raw
    producer_id: str
    version: int = 1
    context: msgspec.Raw = _NO_RAW
    quality: msgspec.Raw = _NO_RAW
    extras: msgspec.Raw = _NO_RAW


_decode = msgspec.json.Decoder(_Parts).decode


@contextmanager
def workshop(folder: Path) -> Iterator[Any]:
    """Give a DuckDB to make and check files with, on one thread: several hold several row groups in memory to keep the order."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = connect(folder, threads=1)
    try:
        yield connection
    finally:
        connection.close()


class Draft:
    """One file in the making, on a connection that makes one at a time. ``digest`` is over what was added: offsets, ids, bodies."""

    def __init__(self, connection: Any, tenant: str) -> None:
        self._tenant = tenant
        self._connection = connection
        self._connection.execute(_TABLE)
        self._appender = self._connection.appender("draft")
        self._digest = Digest()
        self._room = _MEMORY_BYTES
        self.rows = 0
        self.body_bytes = 0
        self.first_offset = self.last_offset = 0

    def add(self, rows: Sequence[tuple[int, bytes, str, int]]) -> None:
        """Add records in the order of the log: offset, id, body, produced_at."""
        lines = []
        for offset, content_id, body, produced_at in rows:
            encoded = body.encode()
            self.body_bytes += len(encoded)
            self._digest.add(offset, content_id, encoded)
            lines.append((offset, content_id.hex(), self._tenant, *_columns(_decode(encoded), produced_at), body))
        self.rows += len(rows)
        self._make_room()
        self._appender.append_rows(lines)
        self._appender.flush()
        self.first_offset = self.first_offset or rows[0][0]
        self.last_offset = rows[-1][0]

    @property
    def weight(self) -> int:
        """Return the bytes that decide whether writing fits into memory: every body, and those of one row group several times more."""
        group = self.body_bytes * ROW_GROUP // self.rows if self.rows else 0
        return self.body_bytes + 3 * min(self.body_bytes, group)

    @property
    def digest(self) -> bytes:
        return self._digest.value()

    def write(self, path: Path) -> None:
        """Write the file and force it to disk."""
        self._connection.execute(_COPY.format(path=_quoted(path), rows=ROW_GROUP))
        self._connection.execute("DROP TABLE draft")
        sync_file(path)

    def _make_room(self) -> None:
        """Let DuckDB have more where even a small file needs it, because its bodies are huge."""
        needed = _ROOM * self.weight
        if needed > self._room:
            self._room = needed
            self._connection.execute(f"SET memory_limit = '{needed}B'")


class Digest:
    """A digest over records; the same of a draft and of what is read back proves every body equal."""

    def __init__(self) -> None:
        self._sum = hashlib.blake2b(digest_size=16)

    def add(self, offset: int, content_id: bytes, body: bytes) -> None:
        self._sum.update(b"".join((offset.to_bytes(8), content_id, len(body).to_bytes(8), body)))

    def value(self) -> bytes:
        return self._sum.digest()


def check(connection: Any, path: Path, *, rows: int, digest: bytes) -> None:
    """Read a file back; raises :class:`ArchiveUnavailable` unless it holds exactly the records that were added, every body equal."""
    found, counted = Digest(), 0
    read = connection.execute('SELECT "offset", id, body FROM read_parquet(?, hive_partitioning = false)', [str(path)])
    while batch := read.fetchmany(_FETCH):
        counted += len(batch)
        for offset, content_id, body in batch:
            found.add(offset, bytes.fromhex(content_id), body.encode())
    if (counted, found.value()) != (rows, digest):
        raise ArchiveUnavailable(
            f"{path.name} does not read back as it was written",
            why=f"it should hold {rows:,} records and holds {counted:,}, or a body differs",
            fix="Nothing was taken from the store. Check the disk, then run it again",
        )


class Reader:
    """Reads files of one archive. DuckDB is loaded at the first one; footers and blocks it has seen are kept as far as they fit."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._opening = threading.Lock()
        self._opened: Any = None

    def bodies(self, paths: Sequence[str], offsets: Sequence[int]) -> dict[int, str]:
        """Return the bodies at these offsets, as far as the files hold them."""
        first, last = min(offsets), max(offsets)
        urls = [self._place.url(path) for path in paths]
        read = 'SELECT "offset", body FROM read_parquet($urls, hive_partitioning = false) WHERE "offset" '
        if last - first < 4 * len(offsets):
            wanted = set(offsets)
            rows = self._fetch(read + "BETWEEN $first AND $last", {"urls": urls, "first": first, "last": last})
            return {offset: body for offset, body in rows if offset in wanted}
        # Written out, the numbers pick row groups; as a parameter they would not.
        return dict(self._fetch(f"{read} IN ({', '.join(map(str, offsets))})", {"urls": urls}))

    def offsets(self, path: str) -> Iterator[list[int]]:
        """Yield the offsets that a file holds, in order, some thousand at a time."""
        cursor = self._cursor()
        try:
            with _translated(self._place):
                read = cursor.execute('SELECT "offset" FROM read_parquet(?, hive_partitioning = false)', [self._place.url(path)])
                while batch := read.fetchmany(_FETCH):
                    yield [row[0] for row in batch]
        finally:
            cursor.close()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _fetch(self, statement: str, parameters: dict[str, Any]) -> Iterable[tuple[int, str]]:
        cursor = self._cursor()
        try:
            with _translated(self._place):
                rows: list[tuple[int, str]] = cursor.execute(statement, parameters).fetchall()
                return rows
        finally:
            cursor.close()

    def _cursor(self) -> Any:
        """Return a connection for this thread's question; DuckDB lets each be used by one thread only."""
        with self._opening:
            if self._opened is None:
                opened = connect()
                opened.execute("SET GLOBAL parquet_metadata_cache = true")
                self._place.prepare(opened)
                self._opened = opened
            return _silent(self._opened.cursor())


def connect(spill: Path | None = None, *, threads: int = 2) -> Any:
    """Open a DuckDB in memory that stays small; with a folder, what does not fit goes there where it can."""
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("The archive cannot be used", "duckdb") from error
    config: dict[str, Any] = {"memory_limit": f"{_MEMORY_BYTES}B", "threads": threads, "autoinstall_known_extensions": False}
    if spill is not None:
        config["temp_directory"] = str(spill / "spill")
    return _silent(duckdb.connect(config=config))


def _silent(connection: Any) -> Any:
    """Keep a long question from drawing a bar on standard output, in the middle of somebody's JSON."""
    connection.execute("SET enable_progress_bar = false")
    return connection


def _columns(parts: _Parts, produced_at: int) -> tuple[Any, ...]:
    target = parts.target
    return (
        target.source_id,
        target.schema,
        target.table,
        _text(target.extras),
        produced_at,
        parts.producer_id,
        parts.version,
        _text(parts.payload),
        _text(parts.context),
        _text(parts.quality),
        _text(parts.extras),
    )


def _text(raw: msgspec.Raw) -> str | None:
    """Return JSON as text; what is left out of the record, and the payload of a tombstone, as NULL."""
    text = bytes(raw)
    return None if text in (b"", b"null") else text.decode()


def _quoted(path: Path) -> str:
    return os.fspath(path).replace("'", "''")


@contextmanager
def _translated(place: Place) -> Iterator[None]:
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise ArchiveUnavailable(
            f"The archive {place} cannot be read",
            why=str(error).partition("\n")[0],
            fix="Check ARCHIVE_URL, and that the archive's files are where they were",
        ) from error
